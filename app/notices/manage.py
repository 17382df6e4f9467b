"""Staff pages of articles: the list, writing, preview, publishing (公告和政策管理)."""

from datetime import datetime
from typing import Any

from flask import flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.core.brought import brings_files
from app.core.clock import now
from app.core.db import db
from app.core.errors import Forbidden, Invalid, NotFound
from app.core.faults import show_faults, shown_on
from app.core.http import page_of, see_other
from app.core.instants import ZONE
from app.core.permissions import authorize, requires
from app.core.storage import StoredFile, owned_file
from app.notices import operations, queries
from app.notices.access import choices_for, kept_jurisdictions, name_of
from app.notices.markdown import rendered
from app.notices.models import EVERYWHERE, WORDS, Article, Kind
from app.notices.web import FORMS, SHELVES, bp, filters
from forms import build, load

PAGE_SIZE = 15


@bp.app_template_global()
def article_state(article: Article) -> tuple[str, str]:
    """Return the word and tone of an article's state."""
    return queries.state_of(article, now())


@bp.app_template_global()
def place_name(jurisdiction: str) -> str:
    """Return what the jurisdiction of an article is called."""
    return name_of(jurisdiction)


@bp.get("/articles")
@requires("article.manage")
def managed() -> str:
    """The articles that the person keeps, in every state."""
    kept = kept_jurisdictions(current_user.id, now())
    kind, state = request.args.get("kind", ""), request.args.get("state", "")
    found = queries.kept_articles(kept, filters(), kind=kind, state=state, now=now())
    return render_template(
        "notices/managed.html",
        page=page_of(found, size=PAGE_SIZE),
        words=WORDS,
        places=choices_for(current_user.id, now()),
    )


def _kept(article_id: int, *, for_update: bool = False) -> Article:
    article = queries.get_article(article_id, for_update=for_update)
    authorize("article.edit", current_user, article, now())
    return article


@bp.get("/articles/<int:article_id>")
@requires("article.edit")
def manage_article(article_id: int) -> str:
    """An article as it would be read (预览), its versions, and what can be done with it."""
    article = _kept(article_id)
    wanted = request.args.get("version", type=int) or article.latest_no
    version = next((each for each in article.versions if each.no == wanted), None)
    if version is None:
        raise NotFound("没有这个版本")
    return render_template(
        "notices/manage.html",
        article=article,
        version=version,
        body=rendered(version.body),
        word=WORDS[Kind(article.kind)],
        shelf=SHELVES[Kind(article.kind)],
        is_public=article.is_public(now()),
    )


def _form(kind: Kind, data: dict[str, Any] | None = None) -> Any:
    choices = {"jurisdictions": choices_for(current_user.id, now())}
    made = build(load(FORMS[kind]), choices=choices)
    return made(request.form) if request.method == "POST" else made(data=data or {})


def _form_page(kind: Kind, form: Any, article: Article | None = None) -> str:
    return render_template(
        "notices/form.html",
        form=form,
        word=WORDS[kind],
        article=article,
        preview=rendered(form.body.data or "") if "preview" in request.form else None,
    )


def _typed_article(kind: str = "", article_id: int | None = None) -> str:
    """An article that is being written, with what was typed."""
    article = _kept(article_id) if article_id is not None else None
    of = Kind(article.kind if article else kind)
    return _form_page(of, _form(of), article)


@bp.route("/articles/new/<any(notice, policy):kind>", methods=["GET", "POST"])
@requires("article.manage")
@brings_files(_typed_article)
def new_article(kind: str) -> str | Response | tuple[str, int]:
    """Write an article; it is a draft until it is published."""
    of = Kind(kind)
    places = choices_for(current_user.id, now())
    form = _form(of, {"jurisdiction": places[0][0] if len(places) == 1 else ""})
    if request.method == "GET" or "preview" in request.form:
        return _form_page(of, form)
    if form.validate():
        values = form.answers()
        try:
            article = operations.write_article(
                of,
                _place(values),
                values,
                _files(values["files"]),
                actor=current_user,
                now=now(),
            )
        except Invalid as error:
            show_faults(form, error)
        else:
            flash("草稿已保存，预览无误后发布", "success")
            return see_other(url_for("notices.manage_article", article_id=article.id))
    return _form_page(of, form), 422


def _place(values: dict[str, Any]) -> str:
    chosen = str(values["jurisdiction"])
    return EVERYWHERE if chosen == "all" else chosen


def _files(ids: list[int], article: Article | None = None) -> list[StoredFile]:
    """Return the files of an article: those it has, and what the person uploaded."""
    has = {
        f.file_id: f.file
        for version in (article.versions if article else ())
        for f in version.files
    }
    return [has.get(file_id) or owned_file(file_id, current_user.id) for file_id in ids]


def _typed(article: Article) -> dict[str, Any]:
    latest = article.latest
    texts = {name: getattr(latest, name) for name in (*operations.TEXTS, *operations.DAYS)}
    files = [file.file_id for file in latest.files]
    return {**texts, "jurisdiction": article.jurisdiction or "all", "files": files}


@bp.route("/articles/<int:article_id>/edit", methods=["GET", "POST"])
@requires("article.edit")
@brings_files(_typed_article, of=_kept)
def edit_article(article_id: int) -> str | Response | tuple[str, int]:
    """Change an article; what the public reads changes with the next publication."""
    article = _kept(article_id, for_update=request.method == "POST")
    kind = Kind(article.kind)
    form = _form(kind, _typed(article))
    if request.method == "GET" or "preview" in request.form:
        return _form_page(kind, form, article)
    if form.validate():
        try:
            return _save(article, form.answers())
        except Invalid as error:
            show_faults(form, error)
    return _form_page(kind, form, article), 422


def _save(article: Article, values: dict[str, Any]) -> Response:
    place = _place(values)
    if place != article.jurisdiction and article.shown_no is not None:
        raise Invalid("发布过的文章不能更换适用地区", field="jurisdiction")
    article.jurisdiction = place
    if not keeps(article):
        raise Forbidden
    files = _files(values["files"], article)
    changed = operations.save_article(article, values, files, actor=current_user, now=now())
    told = "已保存，发布后对外显示" if changed else "内容没有变化"
    flash(told, "success" if changed else "info")
    return see_other(url_for("notices.manage_article", article_id=article.id))


def keeps(article: Article) -> bool:
    """Tell whether the person of this request keeps an article where it is now."""
    kept = kept_jurisdictions(current_user.id, now())
    return kept is None or article.jurisdiction in kept


@bp.post("/articles/<int:article_id>/publish")
@requires("article.edit")
@shown_on(manage_article)
def publish_article(article_id: int) -> Response:
    """Publish now, or at a time (立即发布、定时发布)."""
    article = _kept(article_id, for_update=True)
    at = _moment(request.form.get("publish_at", "")) if "later" in request.form else None
    operations.publish_article(article, at=at, actor=current_user, now=now())
    flash(f"将于 {at:%Y-%m-%d %H:%M} 发布" if at else "已发布", "success")
    return see_other(url_for("notices.manage_article", article_id=article.id))


def _moment(text: str) -> datetime:
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%dT%H:%M").replace(tzinfo=ZONE)
    except ValueError:
        raise Invalid("请选择发布的日期和时间", field="publish_at") from None


@bp.post("/articles/<int:article_id>/withdraw")
@requires("article.edit")
@shown_on(manage_article)
def withdraw_article(article_id: int) -> Response:
    """Take an article off the site (撤下)."""
    article = _kept(article_id, for_update=True)
    reason = request.form.get("reason", "")
    operations.withdraw_article(article, reason, actor=current_user, now=now())
    flash("已撤下，公众不再看到这篇文章", "success")
    return see_other(url_for("notices.manage_article", article_id=article.id))


@bp.post("/articles/<int:article_id>/pin")
@requires("article.edit")
def pin_article(article_id: int) -> Response:
    """Pin an article, or take the pin away (置顶)."""
    article, pinned = _kept(article_id, for_update=True), request.form.get("pinned") == "1"
    operations.pin_article(article, pinned=pinned, actor=current_user, now=now())
    flash("已置顶" if pinned else "已取消置顶", "success")
    return see_other(url_for("notices.manage_article", article_id=article.id))


@bp.post("/articles/<int:article_id>/delete")
@requires("article.edit")
def delete_article(article_id: int) -> Response:
    """Delete a draft that was never published."""
    operations.delete_draft(_kept(article_id, for_update=True), actor=current_user, now=now())
    db.session.flush()
    flash("草稿已删除", "success")
    return see_other(url_for("notices.managed"))
