"""Review plans (评审计划): a time axis, specialties, attachment slots and a standard."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import Person
from app.catalogue.models import LEVELS as TITLE_LEVELS
from app.catalogue.models import Series, Title
from app.committees.models import LEVELS, Committee
from app.core.db import Id, Instant, Model, one_of, pk
from app.core.storage import StoredFile
from app.units.models import Unit

KINDS = ("评审", "认定", "确认", "委托评审")
MAX_SLOT_BYTES = 50 * 2**20


class PlanStatus(StrEnum):
    """State of a plan: being configured, being checked, then moved on by the scheduler."""

    DRAFT = "draft"
    CHECKING = "checking"
    CHECKED = "checked"
    PUBLISHED = "published"
    OPEN = "open"
    CLOSED = "closed"
    ARCHIVED = "archived"


class QuotaMode(StrEnum):
    """What a full post quota does (评聘结合): warn, block, or nothing (评聘分开)."""

    WARN = "warn"
    BLOCK = "block"
    OFF = "off"


class CountBy(StrEnum):
    """Whether a category's minimum counts records or items with a record (八项中至少2项)."""

    RECORDS = "records"
    ITEMS = "items"


ADVERTISED = (PlanStatus.PUBLISHED, PlanStatus.OPEN, PlanStatus.CLOSED, PlanStatus.ARCHIVED)
UNPUBLISHED = (PlanStatus.DRAFT, PlanStatus.CHECKING, PlanStatus.CHECKED)


def _past_draft(law: str, name: str) -> CheckConstraint:
    """State a law that a plan must keep once it has left the organiser's desk."""
    return CheckConstraint(f"status = 'draft' OR {law}", name=name)


class Plan(Model):
    """A year's call for declarations to one committee (评审计划)."""

    __tablename__ = "plan"
    __table_args__ = (
        CheckConstraint(one_of("status", PlanStatus), name="status_is_known"),
        CheckConstraint(one_of("quota_mode", QuotaMode), name="quota_mode_is_known"),
        CheckConstraint(f"kind IN {KINDS!r}", name="kind_is_known"),
        CheckConstraint(f"level IN {LEVELS!r}", name="level_is_known"),
        _past_draft("opens_at < closes_at", "a_window_opens_before_it_closes"),
        _past_draft("publish_at <= opens_at", "a_plan_is_published_before_it_opens"),
        _past_draft(
            "(publish_at IS NOT NULL AND opens_at IS NOT NULL AND closes_at IS NOT NULL)",
            "a_plan_past_its_draft_has_a_window",
        ),
        _past_draft("district_due_on >= unit_due_on", "districts_follow_units"),
        _past_draft("city_due_on >= district_due_on", "cities_follow_districts"),
        _past_draft("accept_due_on >= city_due_on", "acceptance_follows_cities"),
        _past_draft("meeting_on >= accept_due_on", "the_meeting_follows_acceptance"),
        CheckConstraint(
            "status IN ('draft', 'checking')"
            " OR (checked_by IS NOT NULL AND checked_at IS NOT NULL)",
            name="a_plan_goes_on_only_when_checked",
        ),
        CheckConstraint("checked_by <> configured_by", name="nobody_checks_their_own_plan"),
        UniqueConstraint("jurisdiction", "year", "name", name="uq_plan_name_in_its_year"),
        Index("ix_plan_window", "status", "publish_at", "closes_at"),
    )

    id: Mapped[int] = pk()
    jurisdiction: Mapped[str] = mapped_column(String(30), index=True)
    name: Mapped[str] = mapped_column(String(120), index=True)
    year: Mapped[int] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(String(10), default="评审")
    level: Mapped[str] = mapped_column(String(10))
    committee_id: Mapped[int] = mapped_column(Id, ForeignKey("committee.id"), index=True)
    organiser_unit_id: Mapped[int] = mapped_column(Id, ForeignKey("unit.id"), index=True)
    status: Mapped[str] = mapped_column(String(10), default=PlanStatus.DRAFT)

    publish_at: Mapped[datetime | None] = mapped_column(Instant)
    opens_at: Mapped[datetime | None] = mapped_column(Instant)
    # The last moment at which a declaration is accepted; nothing is earlier or later than it.
    closes_at: Mapped[datetime | None] = mapped_column(Instant)
    unit_due_on: Mapped[date | None] = mapped_column(Date)
    district_due_on: Mapped[date | None] = mapped_column(Date)
    city_due_on: Mapped[date | None] = mapped_column(Date)
    accept_due_on: Mapped[date | None] = mapped_column(Date)
    meeting_on: Mapped[date | None] = mapped_column(Date)
    seniority_cutoff: Mapped[date | None] = mapped_column(Date)
    merits_cutoff: Mapped[date | None] = mapped_column(Date)

    scope_text: Mapped[str] = mapped_column(Text, default="")
    content: Mapped[str] = mapped_column(Text, default="")
    # Whom the public asks: telephone, address, office hours (咨询方式).
    contact: Mapped[str] = mapped_column(String(200), default="")
    has_interview: Mapped[bool] = mapped_column(default=False)
    has_written_exam: Mapped[bool] = mapped_column(default=False)
    quota_mode: Mapped[str] = mapped_column(String(5), default=QuotaMode.WARN)
    declaration_kinds: Mapped[list[str]] = mapped_column(JSON, default=list)

    configured_by: Mapped[int | None] = mapped_column(Id, ForeignKey("person.id"))
    checked_by: Mapped[int | None] = mapped_column(Id, ForeignKey("person.id"))
    checked_at: Mapped[datetime | None] = mapped_column(Instant)
    check_opinion: Mapped[str] = mapped_column(String(500), default="")
    created_at: Mapped[datetime] = mapped_column(Instant)
    row_version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": row_version}  # noqa: RUF012 - SQLAlchemy's form

    committee: Mapped[Committee] = relationship()
    organiser_unit: Mapped[Unit] = relationship()
    configurer: Mapped[Person | None] = relationship(foreign_keys=[configured_by])
    checker: Mapped[Person | None] = relationship(foreign_keys=[checked_by])
    specialties: Mapped[list["PlanSpecialty"]] = relationship(
        back_populates="plan", order_by="PlanSpecialty.position", cascade="all, delete-orphan"
    )
    slots: Mapped[list["PlanSlot"]] = relationship(
        back_populates="plan", order_by="PlanSlot.position", cascade="all, delete-orphan"
    )
    categories: Mapped[list["StandardCategory"]] = relationship(
        back_populates="plan", order_by="StandardCategory.position", cascade="all, delete-orphan"
    )
    attachments: Mapped[list["PlanAttachment"]] = relationship(
        back_populates="plan", order_by="PlanAttachment.position", cascade="all, delete-orphan"
    )

    def accepts_submissions(self, now: datetime) -> bool:
        """Tell whether a declaration may be submitted at this moment.

        Time judges, not the scheduler: a published plan whose opening is past is open, and one
        whose deadline is past is closed, however late their timers fire.
        """
        if self.opens_at is None or self.closes_at is None or not self.is_visible(now):
            return False
        finished = self.status in {PlanStatus.CLOSED, PlanStatus.ARCHIVED}
        return not finished and self.opens_at <= now <= self.closes_at

    def is_visible(self, now: datetime) -> bool:
        """Tell whether everybody may read the plan: published, or due to be."""
        if self.status in ADVERTISED:
            return True
        is_due = self.publish_at is not None and self.publish_at <= now
        return self.status == PlanStatus.CHECKED and is_due

    def can_be_extended(self, now: datetime) -> bool:
        """Tell whether the deadline may move: published, and not reached yet."""
        is_running = self.status in {PlanStatus.PUBLISHED, PlanStatus.OPEN}
        return is_running and self.closes_at is not None and now <= self.closes_at

    @property
    def is_frozen(self) -> bool:
        """Tell whether slots and standard are fixed by publication."""
        return self.status not in UNPUBLISHED

    @property
    def can_be_configured(self) -> bool:
        """Tell whether the organiser may change it: only before it goes to its check."""
        return self.status == PlanStatus.DRAFT


class PlanSpecialty(Model):
    """A specialty that may be declared, and the title it leads to (可评审专业)."""

    __tablename__ = "plan_specialty"
    __table_args__ = (
        UniqueConstraint("plan_id", "position"),
        UniqueConstraint("plan_id", "name", "title_id", name="uq_plan_specialty_once_for_a_title"),
    )

    id: Mapped[int] = pk()
    plan_id: Mapped[int] = mapped_column(Id, ForeignKey("plan.id"))
    position: Mapped[int]
    series_id: Mapped[int] = mapped_column(Id, ForeignKey("series.id"))
    name: Mapped[str] = mapped_column(String(60))
    title_id: Mapped[int] = mapped_column(Id, ForeignKey("title.id"))

    plan: Mapped[Plan] = relationship(back_populates="specialties")
    series: Mapped[Series] = relationship(lazy="joined", innerjoin=True)
    title: Mapped[Title] = relationship(lazy="joined", innerjoin=True)


class PlanSlot(Model):
    """An attachment that a declaration has to bring, with its upload policy (附件要求)."""

    __tablename__ = "plan_slot"
    __table_args__ = (
        UniqueConstraint("plan_id", "position"),
        UniqueConstraint("plan_id", "key"),
        CheckConstraint("min_count >= 0", name="a_minimum_is_not_negative"),
        CheckConstraint("max_count >= min_count AND max_count >= 1", name="a_range_has_order"),
        CheckConstraint("NOT required OR min_count >= 1", name="what_is_required_has_a_minimum"),
        CheckConstraint(f"max_bytes BETWEEN 1 AND {MAX_SLOT_BYTES}", name="size_has_a_limit"),
    )

    id: Mapped[int] = pk()
    plan_id: Mapped[int] = mapped_column(Id, ForeignKey("plan.id"))
    position: Mapped[int]
    key: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(60))
    help: Mapped[str] = mapped_column(String(200), default="")
    required: Mapped[bool] = mapped_column(default=True)
    types: Mapped[list[str]] = mapped_column(JSON)
    max_bytes: Mapped[int] = mapped_column(default=10 * 2**20)
    min_count: Mapped[int] = mapped_column(default=1)
    max_count: Mapped[int] = mapped_column(default=1)
    # Whether the check (开始检测) prints this slot in its row 附件上传.
    printed_in_check: Mapped[bool] = mapped_column(default=True)
    template_file_id: Mapped[int | None] = mapped_column(
        Id, ForeignKey("stored_file.id"), index=True
    )

    plan: Mapped[Plan] = relationship(back_populates="slots")
    template_file: Mapped[StoredFile | None] = relationship()


class StandardCategory(Model):
    """A group of the review standard with a minimum of its own (申报业绩类别)."""

    __tablename__ = "standard_category"
    __table_args__ = (
        UniqueConstraint("plan_id", "position"),
        CheckConstraint(one_of("count_by", CountBy), name="count_by_is_known"),
        CheckConstraint("min_count >= 0", name="a_minimum_is_not_negative"),
        CheckConstraint(f"level IN {('', *TITLE_LEVELS)!r}", name="level_is_known"),
    )

    id: Mapped[int] = pk()
    plan_id: Mapped[int] = mapped_column(Id, ForeignKey("plan.id"))
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(60))
    # A plan may hold several levels and several standards (评审标准); empty holds for all.
    level: Mapped[str] = mapped_column(String(10), default="")
    standard: Mapped[str] = mapped_column(String(60), default="")
    count_by: Mapped[str] = mapped_column(String(10), default=CountBy.RECORDS)
    min_count: Mapped[int] = mapped_column(default=0)

    plan: Mapped[Plan] = relationship(back_populates="categories")
    items: Mapped[list["StandardItem"]] = relationship(
        back_populates="category",
        order_by="StandardItem.position",
        cascade="all, delete-orphan",
        lazy="selectin",
    )


class StandardItem(Model):
    """An item of the standard: which achievements prove it, how many, by which clause (条款)."""

    __tablename__ = "standard_item"
    __table_args__ = (
        UniqueConstraint("category_id", "position"),
        CheckConstraint("min_count >= 0", name="a_minimum_is_not_negative"),
        CheckConstraint("max_count >= 1 AND max_count >= min_count", name="a_range_has_order"),
        CheckConstraint("NOT required OR min_count >= 1", name="what_is_required_has_a_minimum"),
    )

    id: Mapped[int] = pk()
    category_id: Mapped[int] = mapped_column(Id, ForeignKey("standard_category.id"))
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(100))
    required: Mapped[bool] = mapped_column(default=False)
    min_count: Mapped[int] = mapped_column(default=0)
    # None: as many as the person has (不限).
    max_count: Mapped[int | None]
    # Keys of the portfolio types that prove the item.
    accepts: Mapped[list[str]] = mapped_column(JSON)
    clause: Mapped[str] = mapped_column(String(500), default="")

    category: Mapped[StandardCategory] = relationship(back_populates="items")

    @property
    def range_text(self) -> str:
        """Return how many records are asked for, in words (数量要求)."""
        if self.max_count is None:
            return f"至少 {self.min_count} 条" if self.min_count else "不限"
        upper = f"至多 {self.max_count} 条"
        return f"至少 {self.min_count} 条，{upper}" if self.min_count else upper


class PlanAttachment(Model):
    """A notice or annex that everybody may download with the plan (相关附件)."""

    __tablename__ = "plan_attachment"
    __table_args__ = (UniqueConstraint("plan_id", "position"),)

    id: Mapped[int] = pk()
    plan_id: Mapped[int] = mapped_column(Id, ForeignKey("plan.id"))
    position: Mapped[int]
    file_id: Mapped[int] = mapped_column(Id, ForeignKey("stored_file.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))

    plan: Mapped[Plan] = relationship(back_populates="attachments")
    file: Mapped[StoredFile] = relationship()
