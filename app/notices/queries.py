"""Reads of articles: what everybody may read now, and what staff keep."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, and_, distinct, or_, select
from sqlalchemy.orm import selectinload

from app.core.db import db
from app.core.errors import NotFound
from app.core.instants import ZONE
from app.notices.models import (
    EVERYWHERE,
    Article,
    ArticleFile,
    ArticleVersion,
    Status,
    Validity,
)


@dataclass(frozen=True)
class Filters:
    """What a list of articles is narrowed to."""

    text: str = ""
    category: str = ""
    year: int | None = None
    jurisdiction: str = ""
    # A `Validity`, of policies.
    validity: str = ""


def _is_out(now: datetime) -> ColumnElement[bool]:
    return and_(Article.status == Status.PUBLISHED, Article.publish_at <= now)


def _shown() -> ColumnElement[bool]:
    return and_(ArticleVersion.article_id == Article.id, ArticleVersion.no == Article.shown_no)


def public_articles(kind: str, filters: Filters, now: datetime) -> Select[tuple[Article]]:
    """Select what everybody may read of a kind: pinned first, then the newest."""
    found = (
        select(Article)
        .join(ArticleVersion, _shown())
        .where(Article.kind == kind, _is_out(now), *_conditions(filters, now.date()))
    )
    return found.options(selectinload(Article.shown)).order_by(
        Article.is_pinned.desc(), Article.publish_at.desc(), Article.id.desc()
    )


def _conditions(filters: Filters, on: date) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    text = filters.text.strip()
    if text:
        columns = (ArticleVersion.title, ArticleVersion.body, ArticleVersion.document_no)
        found.append(or_(*(column.contains(text, autoescape=True) for column in columns)))
    if filters.category:
        found.append(ArticleVersion.category == filters.category)
    if filters.jurisdiction:
        found.append(Article.jurisdiction.in_((EVERYWHERE, filters.jurisdiction)))
    if filters.year and 1900 < filters.year < 2200:
        begins, ends = (datetime(year, 1, 1, tzinfo=ZONE) for year in _span(filters.year))
        found.append(and_(Article.publish_at >= begins, Article.publish_at < ends))
    held = _validity(on)
    return [*found, held[filters.validity]] if filters.validity in held else found


def _validity(on: date) -> dict[str, ColumnElement[bool]]:
    """Return `ArticleVersion.validity` as conditions."""
    begins, ends = ArticleVersion.effective_from, ArticleVersion.effective_until
    coming = and_(begins.is_not(None), begins > on)
    ended = and_(~coming, ends.is_not(None), ends < on)
    return {
        Validity.COMING: coming,
        Validity.VALID: and_(~coming, ~ended),
        Validity.ENDED: ended,
    }


def _span(year: int) -> tuple[int, int]:
    return year, year + 1


def years_of(kind: str, now: datetime) -> list[int]:
    """Return the years in which something of a kind was published, the latest first."""
    moments = db.session.scalars(
        select(Article.publish_at).where(Article.kind == kind, _is_out(now))
    )
    return sorted({moment.year for moment in moments if moment}, reverse=True)


def jurisdictions_of(kind: str, now: datetime) -> list[str]:
    """Return the jurisdictions that have published something of a kind."""
    places = select(distinct(Article.jurisdiction)).where(
        Article.kind == kind, Article.jurisdiction != EVERYWHERE, _is_out(now)
    )
    return sorted(db.session.scalars(places))


def public_article(kind: str, article_id: int, now: datetime) -> Article:
    """Return an article that everybody may read. Raises NotFound."""
    article = db.session.get(Article, article_id)
    if article is None or article.kind != kind or not article.is_public(now):
        raise NotFound("该文章不存在，或已撤下")
    return article


def neighbours(article: Article, now: datetime) -> tuple[Article | None, Article | None]:
    """Return what was published just before and just after an article (上一篇、下一篇)."""
    found = select(Article).where(Article.kind == article.kind, _is_out(now))
    place = (Article.publish_at, Article.id)
    earlier = or_(
        Article.publish_at < article.publish_at,
        and_(Article.publish_at == article.publish_at, Article.id < article.id),
    )
    before = found.where(earlier).order_by(*(column.desc() for column in place)).limit(1)
    after = found.where(~earlier, Article.id != article.id).order_by(*place).limit(1)
    return db.session.scalars(before).first(), db.session.scalars(after).first()


def get_article(article_id: int, *, for_update: bool = False) -> Article:
    """Return an article as its keepers see it. Raises NotFound."""
    wanted = select(Article).where(Article.id == article_id)
    if for_update:
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    article = db.session.scalars(wanted).first()
    if article is None:
        raise NotFound
    return article


def kept_articles(
    jurisdictions: Collection[str] | None,
    filters: Filters,
    *,
    kind: str,
    state: str,
    now: datetime,
) -> Select[tuple[Article]]:
    """Select what staff keep, the newest first; None stands for every jurisdiction."""
    latest = and_(ArticleVersion.article_id == Article.id, ArticleVersion.no == Article.latest_no)
    found = select(Article).join(ArticleVersion, latest)
    found = found.where(*_conditions(filters, now.date()))
    if jurisdictions is not None:
        found = found.where(Article.jurisdiction.in_(jurisdictions))
    if kind:
        found = found.where(Article.kind == kind)
    found = found.where(*_in_state(state, now))
    return found.options(selectinload(Article.latest)).order_by(
        Article.is_pinned.desc(), Article.created_at.desc(), Article.id.desc()
    )


def _in_state(state: str, now: datetime) -> list[ColumnElement[bool]]:
    states: dict[str, ColumnElement[bool]] = {
        "draft": Article.status == Status.DRAFT,
        "waiting": and_(Article.status == Status.PUBLISHED, Article.publish_at > now),
        "out": _is_out(now),
        "withdrawn": Article.status == Status.WITHDRAWN,
    }
    return [states[state]] if state in states else []


def state_of(article: Article, now: datetime) -> tuple[str, str]:
    """Return the word and tone of an article's state."""
    if article.status == Status.PUBLISHED:
        return ("已发布", "success") if article.is_public(now) else ("定时发布", "info")
    return {Status.DRAFT: ("草稿", "secondary"), Status.WITHDRAWN: ("已撤下", "warning")}[
        Status(article.status)
    ]


def is_file_of_shown(article: Article, file_id: int) -> bool:
    """Tell whether a file belongs to the version that the public reads."""
    return article.shown is not None and any(f.file_id == file_id for f in article.shown.files)


def articles_of_file(file_id: int) -> list[Article]:
    """Return the articles that have ever had a file."""
    found = (
        select(Article)
        .join(ArticleVersion, ArticleVersion.article_id == Article.id)
        .join(ArticleFile, ArticleFile.version_id == ArticleVersion.id)
        .where(ArticleFile.file_id == file_id)
    )
    return list(db.session.scalars(found.distinct()))
