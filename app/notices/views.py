"""通知公告 and 政策文件 as everybody reads them."""

from datetime import datetime
from typing import Any

from flask import Response, abort, render_template, url_for

from app.core.clock import now
from app.core.db import db
from app.core.errors import NotFound
from app.core.http import page_of
from app.core.menu import add_entry
from app.core.panels import Line, Panel, register_panel
from app.core.permissions import ORGANISERS, VETTERS, requires
from app.core.storage import StoredFile
from app.notices import manage, queries
from app.notices.access import name_of, place_of
from app.notices.markdown import rendered
from app.notices.models import VALIDITIES, WORDS, Article, Kind, Validity
from app.notices.web import KIND_OF, SHELVES, bp, categories_of, filters
from app.site.blocks import register_block
from app.site.views import file_answer

__all__ = ["bp", "manage"]

PAGE_SIZE = 10
ON_THE_HOME_PAGE = 6
SHELF = "<any(notices, policies):shelf>"


@bp.get(f"/{SHELF}")
@requires("article.read")
def index(shelf: str) -> str:
    """The notices or the policies that are out: search, category, year, validity (CZ-03)."""
    kind = KIND_OF[shelf]
    return render_template(
        "notices/index.html",
        kind=kind,
        shelf=shelf,
        word=WORDS[kind],
        page=page_of(queries.public_articles(kind, filters(), now()), size=PAGE_SIZE),
        years=queries.years_of(kind, now()),
        categories=categories_of(kind),
        validities=[(each, word) for each, (word, _) in VALIDITIES.items()],
        places=[(j, name_of(j)) for j in queries.jurisdictions_of(kind, now())],
    )


@bp.get(f"/{SHELF}/<int:article_id>")
@requires("article.read")
def show(shelf: str, article_id: int) -> str:
    """An article with its files, and the ones beside it."""
    article = queries.public_article(KIND_OF[shelf], article_id, now())
    before, after = queries.neighbours(article, now())
    return render_template(
        "notices/show.html",
        article=article,
        version=article.shown,
        body=rendered(article.shown.body if article.shown else ""),
        word=WORDS[Kind(article.kind)],
        shelf=shelf,
        before=before,
        after=after,
    )


@bp.get(f"/{SHELF}/<int:article_id>/files/<int:file_id>")
@requires("article.read")
def file(shelf: str, article_id: int, file_id: int) -> Response:
    """A file of an article that is out; whoever reads the article reads it."""
    article = queries.public_article(KIND_OF[shelf], article_id, now())
    stored = db.session.get(StoredFile, file_id)
    if stored is None or not queries.is_file_of_shown(article, file_id):
        raise NotFound("附件不存在，或已更换，请返回文章查看")
    return file_answer(stored)


def _lines(kind: Kind, moment: datetime) -> list[Line]:
    found = queries.public_articles(kind, queries.Filters(), moment).limit(ON_THE_HOME_PAGE)
    return [_line(article, moment) for article in db.session.scalars(found)]


def _line(article: Article, moment: datetime) -> Line:
    shown = article.shown
    if shown is None or article.publish_at is None:
        abort(500)
    note = " · ".join(filter(None, (f"{article.publish_at:%Y-%m-%d}", shown.document_no)))
    url = url_for("notices.show", shelf=SHELVES[Kind(article.kind)], article_id=article.id)
    status = ("置顶", "info") if article.is_pinned else ("", "")
    if article.kind == Kind.POLICY and shown.validity(moment.date()) != Validity.VALID:
        status = shown.validity_badge(moment.date())
    return Line(shown.title, url, note, *status)


def _panel(kind: Kind, moment: datetime) -> Panel:
    more = url_for("notices.index", shelf=SHELVES[kind])
    return Panel(WORDS[kind], _lines(kind, moment), f"暂无{WORDS[kind]}", more)


@register_panel(50)
def news(person: Any, roles: set[str], moment: datetime) -> Panel | None:
    """最新职称信息 on home pages: what the person's jurisdiction published last (FJ-U-05)."""
    if not roles & {"applicant", "expert", *VETTERS, *ORGANISERS}:
        return None
    here = queries.Filters(jurisdiction=place_of(person.id, moment))
    found = [
        article
        for kind in Kind
        for article in db.session.scalars(
            queries.public_articles(kind, here, moment).limit(ON_THE_HOME_PAGE)
        )
    ]
    found.sort(key=lambda a: (a.is_pinned, a.publish_at or moment), reverse=True)
    lines = [_line(article, moment) for article in found[:ON_THE_HOME_PAGE]]
    more = url_for("notices.index", shelf=SHELVES[Kind.NOTICE])
    return Panel("最新职称信息", lines, "暂无通知公告和政策文件", more)


@register_block(5)
def notices_block(moment: datetime) -> Panel:
    """通知公告 on the public home page."""
    return _panel(Kind.NOTICE, moment)


@register_block(6)
def policies_block(moment: datetime) -> Panel:
    """政策文件 on the public home page."""
    return _panel(Kind.POLICY, moment)


_KEPT = ("公告和政策", "newspaper", "notices.managed", "article.manage")
add_entry("评审组织", *_KEPT, roles=("organiser",), order=60)
add_entry("系统管理", *_KEPT, roles=("system_admin",), order=60)
