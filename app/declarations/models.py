"""Declarations (申报): what a person sends up, and what the offices say about it."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import Person
from app.catalogue.models import Title
from app.core.db import Id, Instant, Model, one_of, pk
from app.core.storage import StoredFile
from app.plans.models import Plan, PlanSlot, PlanSpecialty, StandardItem
from app.portfolio.models import ItemVersion
from app.units.history import as_of
from app.units.models import Unit, UnitPeriod


class Status(StrEnum):
    """State of a declaration (申报状态)."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    RETURNED = "returned"
    ACCEPTED = "accepted"
    TERMINATED = "terminated"
    IN_MEETING = "in_meeting"
    PASSED = "passed"
    FAILED = "failed"
    GIVEN_UP = "given_up"
    REVOKED = "revoked"
    CANCELLED = "cancelled"


STATUS_WORDS: dict[str, tuple[str, str]] = {
    Status.DRAFT: ("填报中", "secondary"),
    Status.IN_REVIEW: ("审核中", "info"),
    Status.RETURNED: ("已退回", "warning"),
    Status.ACCEPTED: ("已受理", "success"),
    Status.TERMINATED: ("已终止", "danger"),
    Status.IN_MEETING: ("评审中", "info"),
    Status.PASSED: ("评审通过", "success"),
    Status.FAILED: ("评审未通过", "danger"),
    Status.GIVEN_UP: ("已放弃", "secondary"),
    Status.REVOKED: ("已撤销", "danger"),
    Status.CANCELLED: ("已作废", "secondary"),
}
"""The word and tone that people see for a state."""
NEVER_SENT = "未提交（已截止）"
"""The word for a draft that was never sent up before the deadline."""

EDITABLE = frozenset({Status.DRAFT, Status.RETURNED})
TURN_FREE = frozenset({Status.GIVEN_UP, Status.CANCELLED})
"""Ended without taking the person's turn of the year: they may declare again."""
ENDED = TURN_FREE | {Status.TERMINATED, Status.PASSED, Status.FAILED, Status.REVOKED}


class EntrySection(StrEnum):
    """Part of a declaration that takes approved portfolio items."""

    WORK = "work"
    EDUCATION = "education"
    TRAINING = "training"
    ASSESSMENT = "assessment"
    ITEM = "item"


SECTION_NAMES: dict[str, str] = {
    EntrySection.WORK: "工作经历",
    EntrySection.EDUCATION: "学历教育",
    EntrySection.TRAINING: "继续教育",
    EntrySection.ASSESSMENT: "年度考核",
    EntrySection.ITEM: "申报业绩",
}


_YEAR_TAKEN = text("status NOT IN ('given_up', 'cancelled')")


class Declaration(Model):
    """A person's application for a title under a plan (职称申报)."""

    __tablename__ = "declaration"
    __table_args__ = (
        CheckConstraint(one_of("status", Status), name="status_is_known"),
        CheckConstraint(
            "status IN ('draft', 'given_up')"
            " OR (pledged_at IS NOT NULL AND submitted_at IS NOT NULL)",
            name="what_is_sent_up_was_pledged_and_has_a_date",
        ),
        CheckConstraint(
            "status <> 'in_review' OR current_unit_id IS NOT NULL",
            name="what_is_in_review_lies_with_a_unit",
        ),
        CheckConstraint("current_level >= 0", name="levels_count_up"),
        CheckConstraint("round >= 0", name="submissions_count_up"),
        Index(
            "uq_declaration_one_a_year",
            "person_id",
            "plan_year",
            unique=True,
            sqlite_where=_YEAR_TAKEN,
            postgresql_where=_YEAR_TAKEN,
        ),
        Index("ix_declaration_plan", "plan_id", "status"),
    )

    id: Mapped[int] = pk()
    number: Mapped[str | None] = mapped_column(String(20), unique=True)
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    plan_id: Mapped[int] = mapped_column(Id, ForeignKey("plan.id"))
    # The plan's year, kept here so that the database itself allows one declaration a year.
    plan_year: Mapped[int]
    # The unit as it was when the declaration began; a later change of unit leaves it alone.
    unit_id: Mapped[int] = mapped_column(Id, ForeignKey("unit.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    specialty_id: Mapped[int] = mapped_column(Id, ForeignKey("plan_specialty.id"))
    title_id: Mapped[int] = mapped_column(Id, ForeignKey("title.id"))
    # Which of the plan's standards (评审标准) the person chose, where it offers several.
    standard: Mapped[str] = mapped_column(String(60), default="")
    status: Mapped[str] = mapped_column(String(20), default=Status.DRAFT)
    personal: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    teaching: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    pledged_at: Mapped[datetime | None] = mapped_column(Instant)
    submitted_at: Mapped[datetime | None] = mapped_column(Instant)
    # Until when it may be mended, where its office gave more days than the rules do.
    mended_until: Mapped[datetime | None] = mapped_column(Instant)
    current_unit_id: Mapped[int | None] = mapped_column(Id, ForeignKey("unit.id"))
    current_level: Mapped[int] = mapped_column(default=0)
    # The number of the last submission, 0 before the first.
    round: Mapped[int] = mapped_column(default=0)
    ended_reason: Mapped[str] = mapped_column(Text, default="")
    row_version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    plan: Mapped[Plan] = relationship()
    unit: Mapped[Unit] = relationship(foreign_keys=[unit_id])
    current_unit: Mapped[Unit | None] = relationship(foreign_keys=[current_unit_id])
    specialty: Mapped[PlanSpecialty] = relationship()
    title: Mapped[Title] = relationship()

    __mapper_args__ = {"version_id_col": row_version}  # noqa: RUF012 - SQLAlchemy's form

    @property
    def unit_as_sent(self) -> Unit | UnitPeriod:
        """The unit as it was called and stood when it was sent up; as it is before that."""
        return as_of(self.unit, self.submitted_at)

    @property
    def is_editable(self) -> bool:
        """Tell whether the applicant may change it: a draft or a returned one (HB-P-23)."""
        return self.status in EDITABLE

    @property
    def is_ended(self) -> bool:
        """Tell whether nothing more will happen to it."""
        return self.status in ENDED

    @property
    def was_never_sent(self) -> bool:
        """Tell whether the deadline passed over it while it was a first draft."""
        return self.status == Status.GIVEN_UP and self.submitted_at is None

    @property
    def can_be_deleted(self) -> bool:
        """Tell whether it is a draft that was never sent up (FJ-P-17)."""
        return self.status == Status.DRAFT and self.submitted_at is None

    @property
    def status_word(self) -> str:
        """Return the state as people read it."""
        return NEVER_SENT if self.was_never_sent else STATUS_WORDS[self.status][0]

    @property
    def status_tone(self) -> str:
        """Return the tone of the state's badge."""
        return STATUS_WORDS[self.status][1]


class PriorTitle(Model):
    """A title the person holds already, with its appointments (现有职称情况).

    It was typed, or taken over from an approved item of the portfolio, whose version is fixed.
    """

    __tablename__ = "prior_title"
    __table_args__ = (
        UniqueConstraint("declaration_id", "item_id", name="a_held_title_is_imported_once"),
        CheckConstraint("position >= 0", name="position_counts_up"),
        CheckConstraint(
            "(item_id IS NULL) = (item_version_id IS NULL)", name="an_import_has_its_version"
        ),
    )

    id: Mapped[int] = pk()
    declaration_id: Mapped[int] = mapped_column(Id, ForeignKey("declaration.id"), index=True)
    position: Mapped[int]
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    item_id: Mapped[int | None] = mapped_column(Id, ForeignKey("portfolio_item.id"), index=True)
    item_version_id: Mapped[int | None] = mapped_column(Id, ForeignKey("item_version.id"))

    version: Mapped[ItemVersion | None] = relationship()
    files: Mapped[list["PriorTitleFile"]] = relationship(
        order_by="PriorTitleFile.position", cascade="all, delete-orphan", lazy="selectin"
    )


class PriorTitleFile(Model):
    """The certificate or appointment paper of a title held already (资格证书及评聘情况)."""

    __tablename__ = "prior_title_file"

    id: Mapped[int] = pk()
    prior_title_id: Mapped[int] = mapped_column(Id, ForeignKey("prior_title.id"), index=True)
    file_id: Mapped[int] = mapped_column(Id, ForeignKey("stored_file.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    position: Mapped[int]

    file: Mapped[StoredFile] = relationship()


class DeclarationEntry(Model):
    """An approved portfolio item that the declaration uses (导入的业绩): its version is fixed."""

    __tablename__ = "declaration_entry"
    __table_args__ = (
        UniqueConstraint("declaration_id", "item_id", name="an_item_is_imported_once"),
        CheckConstraint(one_of("section", EntrySection), name="section_is_known"),
        CheckConstraint(
            "(section = 'item') = (standard_item_id IS NOT NULL)",
            name="a_merit_belongs_to_a_standard_item",
        ),
    )

    id: Mapped[int] = pk()
    declaration_id: Mapped[int] = mapped_column(Id, ForeignKey("declaration.id"), index=True)
    section: Mapped[str] = mapped_column(String(20))
    standard_item_id: Mapped[int | None] = mapped_column(Id, ForeignKey("standard_item.id"))
    item_id: Mapped[int] = mapped_column(Id, ForeignKey("portfolio_item.id"), index=True)
    item_version_id: Mapped[int] = mapped_column(Id, ForeignKey("item_version.id"))
    position: Mapped[int]
    # What is said about the item here only: result, is_highest, is_qualifying.
    extra: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    version: Mapped[ItemVersion] = relationship()
    standard_item: Mapped[StandardItem | None] = relationship()


class DeclarationFile(Model):
    """An attachment in a slot of the plan (附件), named by its content."""

    __tablename__ = "declaration_file"
    __table_args__ = (
        UniqueConstraint("declaration_id", "slot_id", "file_id", name="a_file_is_attached_once"),
    )

    id: Mapped[int] = pk()
    declaration_id: Mapped[int] = mapped_column(Id, ForeignKey("declaration.id"), index=True)
    slot_id: Mapped[int] = mapped_column(Id, ForeignKey("plan_slot.id"))
    file_id: Mapped[int] = mapped_column(Id, ForeignKey("stored_file.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    position: Mapped[int]

    slot: Mapped[PlanSlot] = relationship()
    file: Mapped[StoredFile] = relationship()


class Recommendation(Model):
    """What the unit vouches for after its internal publicity (单位推荐意见)."""

    __tablename__ = "recommendation"
    __table_args__ = (
        UniqueConstraint(
            "declaration_id",
            "round",
            name="one_recommendation_a_submission",
            info={"law": "一次提交只能有一份单位推荐意见，这次提交已经推荐过"},
        ),
        CheckConstraint("publicity_to >= publicity_from", name="publicity_runs_forward"),
    )

    id: Mapped[int] = pk()
    declaration_id: Mapped[int] = mapped_column(Id, ForeignKey("declaration.id"), index=True)
    round: Mapped[int]
    unit_id: Mapped[int] = mapped_column(Id, ForeignKey("unit.id"))
    publicity_from: Mapped[date] = mapped_column(Date)
    publicity_to: Mapped[date] = mapped_column(Date)
    opinion: Mapped[str] = mapped_column(Text)
    # None: the unit has no counted posts.
    uses_post: Mapped[bool | None]
    quota_note: Mapped[str] = mapped_column(Text, default="")
    file_id: Mapped[int | None] = mapped_column(Id, ForeignKey("stored_file.id"), index=True)
    given_by: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    given_at: Mapped[datetime] = mapped_column(Instant)

    unit: Mapped[Unit] = relationship()
    file: Mapped[StoredFile | None] = relationship()

    @property
    def office(self) -> Unit | UnitPeriod:
        """The unit as it was called when it said this."""
        return as_of(self.unit, self.given_at)


class ReviewOpinion(Model):
    """What one office decided at one step (审核意见); only ever added to."""

    __tablename__ = "review_opinion"
    __table_args__ = (
        CheckConstraint(
            "decision IN ('pass', 'return', 'terminate', 'confirm', 'reject')",
            name="decision_is_known",
        ),
    )

    id: Mapped[int] = pk()
    declaration_id: Mapped[int] = mapped_column(Id, ForeignKey("declaration.id"), index=True)
    round: Mapped[int]
    level: Mapped[int]
    unit_id: Mapped[int] = mapped_column(Id, ForeignKey("unit.id"), index=True)
    stage: Mapped[str] = mapped_column(String(60))
    decision: Mapped[str] = mapped_column(String(20))
    opinion: Mapped[str] = mapped_column(Text, default="")
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(Instant)

    unit: Mapped[Unit] = relationship()
    person: Mapped[Person] = relationship()

    @property
    def office(self) -> Unit | UnitPeriod:
        """The unit as it was called when it said this."""
        return as_of(self.unit, self.at)


class Defect(Model):
    """One thing that is wrong, where, and how to mend it (退回问题, 一次性告知)."""

    __tablename__ = "defect"
    __table_args__ = (CheckConstraint("text <> ''", name="a_defect_says_what_is_wrong"),)

    id: Mapped[int] = pk()
    declaration_id: Mapped[int] = mapped_column(Id, ForeignKey("declaration.id"), index=True)
    round: Mapped[int]
    raised_at: Mapped[datetime] = mapped_column(Instant)
    raised_by: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    unit_id: Mapped[int] = mapped_column(Id, ForeignKey("unit.id"))
    section: Mapped[str] = mapped_column(String(60))
    field: Mapped[str] = mapped_column(String(60), default="")
    item_id: Mapped[int | None] = mapped_column(Id, ForeignKey("portfolio_item.id"))
    text: Mapped[str] = mapped_column(Text)
    remedy: Mapped[str] = mapped_column(Text, default="")
    resolved_at: Mapped[datetime | None] = mapped_column(Instant)

    unit: Mapped[Unit] = relationship()


class DeclarationSnapshot(Model):
    """The declaration as it was sent up, so that a reviewer sees what changed since."""

    __tablename__ = "declaration_snapshot"
    __table_args__ = (
        UniqueConstraint(
            "declaration_id",
            "no",
            name="submissions_are_numbered",
            info={"law": "每次提交只存一份材料，这一次的已经存下"},
        ),
        CheckConstraint("no >= 1", name="submissions_count_from_one"),
    )

    id: Mapped[int] = pk()
    declaration_id: Mapped[int] = mapped_column(Id, ForeignKey("declaration.id"), index=True)
    no: Mapped[int]
    at: Mapped[datetime] = mapped_column(Instant)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)


class SentFile(Model):
    """A file of what was sent up last: offices open it, whatever the applicant has since."""

    __tablename__ = "declaration_sent_file"

    file_id: Mapped[int] = mapped_column(Id, ForeignKey("stored_file.id"), primary_key=True)
    declaration_id: Mapped[int] = mapped_column(
        Id, ForeignKey("declaration.id"), primary_key=True, index=True
    )
