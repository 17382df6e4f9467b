"""Articles of the public site (通知公告、政策文件), the versions of their text, their files."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    and_,
)
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship

from app.accounts.models import Person
from app.core.db import Id, Instant, Model, one_of, pk
from app.core.storage import StoredFile

EVERYWHERE = ""
"""The jurisdiction of what concerns the whole platform."""


class Kind(StrEnum):
    """What an article is."""

    NOTICE = "notice"
    POLICY = "policy"


class Status(StrEnum):
    """Where an article stands; whether a published one is out yet is judged by the time."""

    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


WORDS = {Kind.NOTICE: "通知公告", Kind.POLICY: "政策文件"}


class Validity(StrEnum):
    """Whether a policy holds."""

    COMING = "coming"
    VALID = "valid"
    ENDED = "ended"


VALIDITIES = {
    Validity.VALID: ("现行有效", "success"),
    Validity.COMING: ("尚未施行", "info"),
    Validity.ENDED: ("已失效", "secondary"),
}


class ArticleVersion(Model):
    """A wording of an article; once it was shown to the public it never changes."""

    __tablename__ = "article_version"
    __table_args__ = (
        UniqueConstraint("article_id", "no"),
        CheckConstraint("no > 0", name="versions_count_from_one"),
        CheckConstraint(
            "effective_until IS NULL OR effective_from IS NULL"
            " OR effective_until >= effective_from",
            name="it_ends_after_it_begins",
        ),
    )

    id: Mapped[int] = pk()
    article_id: Mapped[int] = mapped_column(Id, ForeignKey("article.id"))
    no: Mapped[int]
    title: Mapped[str] = mapped_column(String(120))
    category: Mapped[str] = mapped_column(String(30))
    body: Mapped[str] = mapped_column(Text)
    # Of policies alone: 文号, 发文机关, and from when to when the document holds.
    document_no: Mapped[str] = mapped_column(String(60), default="")
    issuer: Mapped[str] = mapped_column(String(100), default="")
    effective_from: Mapped[date | None] = mapped_column(Date)
    effective_until: Mapped[date | None] = mapped_column(Date)
    saved_by: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    saved_at: Mapped[datetime] = mapped_column(Instant)

    saver: Mapped[Person] = relationship()
    files: Mapped[list["ArticleFile"]] = relationship(
        order_by="ArticleFile.position", cascade="all, delete-orphan"
    )

    def validity(self, on: date) -> Validity:
        """Return whether a policy holds on a day; one without an end holds on."""
        if self.effective_from is not None and on < self.effective_from:
            return Validity.COMING
        has_ended = self.effective_until is not None and on > self.effective_until
        return Validity.ENDED if has_ended else Validity.VALID

    def validity_badge(self, on: date) -> tuple[str, str]:
        """Return the word and tone of a policy's validity on a day."""
        return VALIDITIES[self.validity(on)]


class Article(Model):
    """A notice or a policy: its place, its state, and which version the public reads."""

    __tablename__ = "article"
    __table_args__ = (
        CheckConstraint(one_of("kind", Kind), name="kind_is_known"),
        CheckConstraint(one_of("status", Status), name="status_is_known"),
        CheckConstraint(
            "(status = 'draft') = (shown_no IS NULL)", name="what_was_published_shows_a_version"
        ),
        CheckConstraint(
            "(shown_no IS NULL) = (publish_at IS NULL)", name="what_is_shown_has_a_time"
        ),
        CheckConstraint(
            "(status = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="a_withdrawal_has_a_time"
        ),
        CheckConstraint(
            "status <> 'withdrawn' OR NOT is_pinned", name="no_withdrawn_one_is_pinned"
        ),
        CheckConstraint("shown_no IS NULL OR shown_no <= latest_no", name="the_shown_one_exists"),
        Index("ix_article_shelf", "kind", "status", "publish_at"),
    )

    id: Mapped[int] = pk()
    jurisdiction: Mapped[str] = mapped_column(String(30), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    status: Mapped[str] = mapped_column(String(10), default=Status.DRAFT)
    latest_no: Mapped[int] = mapped_column(default=1)
    shown_no: Mapped[int | None]
    publish_at: Mapped[datetime | None] = mapped_column(Instant)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)
    is_pinned: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(Instant)

    versions: Mapped[list[ArticleVersion]] = relationship(
        order_by=ArticleVersion.no.desc(), cascade="all, delete-orphan"
    )
    latest: Mapped[ArticleVersion] = relationship(
        primaryjoin=lambda: and_(
            Article.id == foreign(ArticleVersion.article_id),
            Article.latest_no == ArticleVersion.no,
        ),
        viewonly=True,
        uselist=False,
    )
    shown: Mapped[ArticleVersion | None] = relationship(
        primaryjoin=lambda: and_(
            Article.id == foreign(ArticleVersion.article_id),
            Article.shown_no == ArticleVersion.no,
        ),
        viewonly=True,
        uselist=False,
    )

    def is_public(self, now: datetime) -> bool:
        """Tell whether everybody may read it at this moment: nothing need run for it."""
        is_due = self.publish_at is not None and self.publish_at <= now
        return self.status == Status.PUBLISHED and is_due

    @property
    def has_unpublished_changes(self) -> bool:
        """Tell whether somebody changed it after the version that the public reads."""
        return self.shown_no is not None and self.latest_no > self.shown_no

    @property
    def can_be_deleted(self) -> bool:
        """Only what nobody could ever read is deleted; the rest is withdrawn."""
        return self.status == Status.DRAFT


class ArticleFile(Model):
    """A file of a version (附件)."""

    __tablename__ = "article_file"
    __table_args__ = (
        UniqueConstraint("version_id", "file_id"),
        CheckConstraint("position > 0", name="places_count_from_one"),
    )

    id: Mapped[int] = pk()
    version_id: Mapped[int] = mapped_column(Id, ForeignKey("article_version.id"))
    position: Mapped[int]
    file_id: Mapped[int] = mapped_column(Id, ForeignKey("stored_file.id"), index=True)

    file: Mapped[StoredFile] = relationship(lazy="joined")
