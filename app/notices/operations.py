"""Writes about articles: drafting, publishing, withdrawing, pinning, deleting."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from app.accounts.models import Person
from app.core import audit
from app.core.db import db
from app.core.errors import Conflict, Invalid
from app.core.storage import StoredFile, link
from app.notices.models import Article, ArticleFile, ArticleVersion, Kind, Status

TEXTS = ("title", "category", "body", "document_no", "issuer")
DAYS = ("effective_from", "effective_until")


def write_article(
    kind: Kind,
    jurisdiction: str,
    answers: Mapping[str, Any],
    files: Sequence[StoredFile],
    *,
    actor: Person,
    now: datetime,
) -> Article:
    """Begin an article as a draft; Invalid where its days do not fit (CZ-03)."""
    content = _content(answers)
    article = Article(
        jurisdiction=jurisdiction,
        kind=kind,
        status=Status.DRAFT,
        latest_no=1,
        is_pinned=False,
        created_at=now,
    )
    db.session.add(article)
    db.session.flush()
    _add_version(article, content, files, actor, now)
    _record("article:created", article, actor, now)
    return article


def save_article(
    article: Article,
    answers: Mapping[str, Any],
    files: Sequence[StoredFile],
    *,
    actor: Person,
    now: datetime,
) -> bool:
    """Keep what was typed; tells whether anything changed.

    What the public reads stays as it is until the new version is published; a version that
    nobody has read yet is written over.
    """
    content = _content(answers)
    latest = article.latest
    before = {name: getattr(latest, name) for name in (*TEXTS, *DAYS)}
    if before == content and [f.file_id for f in latest.files] == [f.id for f in files]:
        return False
    if article.latest_no == article.shown_no:
        article.latest_no += 1
        _add_version(article, content, files, actor, now)
    else:
        for name, value in {**content, "saved_by": actor.id, "saved_at": now}.items():
            setattr(latest, name, value)
        _attach(latest, files)
    _record("article:saved", article, actor, now)
    return True


def _content(answers: Mapping[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {name: str(answers.get(name) or "").strip() for name in TEXTS}
    for name in DAYS:
        value = answers.get(name)
        content[name] = date.fromisoformat(str(value)) if value else None
    begins, ends = content["effective_from"], content["effective_until"]
    if begins and ends and ends < begins:
        raise Invalid("失效日期不能早于施行日期", field="effective_until")
    return content


def _add_version(
    article: Article,
    content: Mapping[str, Any],
    files: Sequence[StoredFile],
    actor: Person,
    now: datetime,
) -> None:
    version = ArticleVersion(
        article_id=article.id, no=article.latest_no, saved_by=actor.id, saved_at=now, **content
    )
    db.session.add(version)
    db.session.flush()
    _attach(version, files)
    db.session.expire(article)


def _attach(version: ArticleVersion, files: Sequence[StoredFile]) -> None:
    version.files.clear()
    db.session.flush()
    for position, file in enumerate(files, start=1):
        version.files.append(ArticleFile(position=position, file_id=link(file).id))
    db.session.flush()


def publish_article(
    article: Article, *, at: datetime | None, actor: Person, now: datetime
) -> None:
    """Show the latest version to everybody, now or from a moment on (发布、定时发布).

    An article that is out already keeps its day; only its text changes. Conflict where there is
    nothing new to show, Invalid for a moment that is over.
    """
    if at is not None and at <= now:
        raise Invalid("发布时间应晚于现在；现在就要发布请选“立即发布”", field="publish_at")
    is_out = article.is_public(now)
    if is_out and not article.has_unpublished_changes:
        raise Conflict("该文章已发布，没有未发布的修改")
    if is_out and at is not None:
        raise Invalid("该文章已发布，修改后的内容只能立即发布", field="publish_at")
    article.publish_at = article.publish_at if is_out else at or now
    article.shown_no, article.status = article.latest_no, Status.PUBLISHED
    article.withdrawn_at = None
    db.session.flush()
    db.session.expire(article)
    _record(
        "article:published", article, actor, now, publish_at=f"{article.publish_at:%Y-%m-%d %H:%M}"
    )


def withdraw_article(article: Article, reason: str, *, actor: Person, now: datetime) -> None:
    """Take an article off the site (撤下); the versions stay, and it can be published anew."""
    if article.status != Status.PUBLISHED:
        raise Conflict("该文章没有发布，无需撤下")
    if not reason.strip():
        raise Invalid("请填写撤下的理由", field="reason")
    article.status, article.withdrawn_at, article.is_pinned = Status.WITHDRAWN, now, False
    db.session.flush()
    _record("article:withdrawn", article, actor, now, reason=reason.strip()[:300])


def pin_article(article: Article, *, pinned: bool, actor: Person, now: datetime) -> None:
    """Keep an article at the top of its list, or no longer (置顶)."""
    if article.status == Status.WITHDRAWN:
        raise Conflict("已撤下的文章不能置顶")
    if article.is_pinned == pinned:
        raise Conflict("该文章已置顶" if pinned else "该文章没有置顶")
    article.is_pinned = pinned
    db.session.flush()
    _record("article:pinned" if pinned else "article:unpinned", article, actor, now)


def delete_draft(article: Article, *, actor: Person, now: datetime) -> None:
    """Throw a draft away; Conflict for what was ever published: it is withdrawn instead."""
    if not article.can_be_deleted:
        raise Conflict("发布过的文章不能删除，请撤下")
    _record("article:deleted", article, actor, now, name=article.latest.title)
    db.session.delete(article)
    db.session.flush()


def _record(tag: str, article: Article, actor: Person, now: datetime, **data: Any) -> None:
    told = {"kind": article.kind, "version": article.latest_no, **data}
    audit.record(tag, subject=("article", article.id), actor_id=actor.id, now=now, **told)
