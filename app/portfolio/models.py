"""The portfolio (业绩库): items a person keeps, what they submitted, what was approved."""

from datetime import date, datetime
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
    event,
    inspect,
    text,
)
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship

from app.accounts.models import Person
from app.core.db import VACUUMED_OFTEN, Id, Instant, Model, pk

DRAFT, SUBMITTED, APPROVED, RETURNED = "draft", "submitted", "approved", "returned"
STATES = {DRAFT: "草稿", SUBMITTED: "待审核", APPROVED: "已通过", RETURNED: "已退回"}
TONES = {DRAFT: "secondary", SUBMITTED: "info", APPROVED: "success", RETURNED: "warning"}
PASS, RETURN = "pass", "return"
SUMMARY_LENGTH = 200


class ItemTypeText(Model):
    """What described a type when something was written under it (业绩类型版本): never changed."""

    __tablename__ = "item_type_text"

    version: Mapped[str] = mapped_column(String(64), primary_key=True)
    type_key: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(Text)


class PortfolioItem(Model):
    """One achievement of a person (业绩), as it is being typed.

    `data` may be incomplete until it is submitted; what was approved lives in versions.
    """

    __tablename__ = "portfolio_item"
    __table_args__ = (
        UniqueConstraint("person_id", "origin", name="a_source_is_taken_once"),
        CheckConstraint(
            "status IN ('draft', 'submitted', 'approved', 'returned')", name="status_is_known"
        ),
        CheckConstraint(
            "status <> 'approved' OR current_version_id IS NOT NULL",
            name="an_approved_item_has_a_version",
        ),
        CheckConstraint(
            "status = 'draft' OR reviewing_unit_id IS NOT NULL",
            name="a_submitted_item_has_a_reviewer",
        ),
        CheckConstraint(
            "status = 'draft' OR seen_updated_at IS NOT NULL", name="what_others_see_has_a_moment"
        ),
        CheckConstraint("row_version >= 1", name="row_version_counts_from_one"),
        # Counts, searches and the order of lists are read from these alone, however many items
        # there are: the items themselves lie far from one another.
        Index(
            "ix_portfolio_item_owner",
            *("person_id", "type_key", "status", "reviewing_unit_id", "occurred_on"),
            postgresql_include=[
                *("updated_at", "seen_occurred_on", "seen_updated_at", "id", "seen_words"),
            ],
        ),
        Index(
            "ix_portfolio_item_reviewer",
            *("reviewing_unit_id", "type_key", "status", "person_id", "seen_occurred_on"),
            postgresql_include=["seen_updated_at", "id", "seen_words"],
        ),
        {"info": VACUUMED_OFTEN},
    )

    id: Mapped[int] = pk()
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    type_key: Mapped[str] = mapped_column(String(40))
    # The version of the type it was written under; none: of the type as it is described now.
    type_version: Mapped[str | None] = mapped_column(ForeignKey("item_type_text.version"))
    status: Mapped[str] = mapped_column(String(10), default=DRAFT)
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    occurred_on: Mapped[date | None] = mapped_column(Date)
    summary: Mapped[str] = mapped_column(String(SUMMARY_LENGTH), default="")
    # What it is found by, folded.
    words: Mapped[str] = mapped_column(Text, default="")
    # The hash of what it was made of where it was not typed: a row, an entry, last year's item.
    origin: Mapped[str | None] = mapped_column(String(64))
    current_version_id: Mapped[int | None] = mapped_column(
        Id, ForeignKey("item_version.id", use_alter=True)
    )
    # Who vets it: the unit, or the one above where the person is its only clerk.
    reviewing_unit_id: Mapped[int | None] = mapped_column(Id, ForeignKey("unit.id"))
    row_version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)
    # Others than its owner date, search and order it by these: as it was sent, whatever is typed.
    seen_occurred_on: Mapped[date | None] = mapped_column(Date)
    seen_words: Mapped[str] = mapped_column(Text, default="")
    seen_updated_at: Mapped[datetime | None] = mapped_column(Instant)

    person: Mapped[Person] = relationship()
    current_version: Mapped["ItemVersion | None"] = relationship(foreign_keys=[current_version_id])
    files: Mapped[list["ItemFile"]] = relationship(
        order_by="ItemFile.slot, ItemFile.position", cascade="all, delete-orphan"
    )
    flags: Mapped[list["ItemFlag"]] = relationship(cascade="all, delete-orphan")
    submissions: Mapped[list["ItemSubmission"]] = relationship(
        order_by="ItemSubmission.no", cascade="all, delete-orphan"
    )
    marks: Mapped[list["ItemMark"]] = relationship(cascade="all, delete-orphan")
    sent_files: Mapped[list["ItemSentFile"]] = relationship(cascade="all, delete-orphan")

    @property
    def can_edit(self) -> bool:
        """Whether the owner may type: not while the unit reads, nor once it has approved."""
        return self.status in {DRAFT, RETURNED}

    @property
    def can_delete(self) -> bool:
        """Whether it may go: a draft of which the unit has said nothing yet."""
        return self.status == DRAFT and not self.submissions

    @property
    def last_submission(self) -> "ItemSubmission | None":
        """What the unit saw last."""
        return self.submissions[-1] if self.submissions else None


class ItemMark(Model):
    """The hash of what tells an achievement apart, so that a second claim of it is found.

    It is of what was sent: what is only being typed claims nothing yet.
    """

    __tablename__ = "item_mark"

    mark: Mapped[str] = mapped_column(String(64), primary_key=True)
    item_id: Mapped[int] = mapped_column(
        Id, ForeignKey("portfolio_item.id"), primary_key=True, index=True
    )


class ItemSentFile(Model):
    """An attachment of what was sent last: others open it, whatever its owner takes out since."""

    __tablename__ = "item_sent_file"

    file_id: Mapped[int] = mapped_column(Id, ForeignKey("stored_file.id"), primary_key=True)
    item_id: Mapped[int] = mapped_column(
        Id, ForeignKey("portfolio_item.id"), primary_key=True, index=True
    )
    slot: Mapped[str] = mapped_column(String(40), primary_key=True)


class ItemFlag(Model):
    """A value that one item of a person alone may have: 第一学历, 最高学历 (CZ-22)."""

    __tablename__ = "item_flag"
    __table_args__ = (
        UniqueConstraint(
            "person_id", "type_key", "field", "value", name="a_flag_stands_in_one_item"
        ),
    )

    id: Mapped[int] = pk()
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    item_id: Mapped[int] = mapped_column(Id, ForeignKey("portfolio_item.id"), index=True)
    type_key: Mapped[str] = mapped_column(String(40))
    field: Mapped[str] = mapped_column(String(40))
    value: Mapped[str] = mapped_column(String(40))


class ItemFile(Model):
    """An attachment of an item in a slot (附件), as it is being filled.

    Its name may differ from the upload's.
    """

    __tablename__ = "item_file"
    __table_args__ = (
        UniqueConstraint("item_id", "slot", "file_id", name="a_file_stands_once_in_a_slot"),
    )

    id: Mapped[int] = pk()
    item_id: Mapped[int] = mapped_column(Id, ForeignKey("portfolio_item.id"), index=True)
    slot: Mapped[str] = mapped_column(String(40))
    file_id: Mapped[int] = mapped_column(Id, ForeignKey("stored_file.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    position: Mapped[int] = mapped_column(default=1)


class ItemSubmission(Model):
    """What the owner sent to the unit, and what the unit said (送审记录)."""

    __tablename__ = "item_submission"
    __table_args__ = (
        UniqueConstraint("item_id", "no", name="a_submission_has_its_number"),
        CheckConstraint(
            "decision IS NULL OR decision IN ('pass', 'return')", name="decision_known"
        ),
        CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name="a_decision_has_a_date"),
        CheckConstraint(
            "decision IS NULL OR decision <> 'return' OR opinion <> ''",
            name="a_return_says_why",
        ),
        CheckConstraint(
            "decided_by IS NULL OR decided_by <> submitted_by", name="nobody_vets_their_own"
        ),
    )

    id: Mapped[int] = pk()
    item_id: Mapped[int] = mapped_column(Id, ForeignKey("portfolio_item.id"))
    no: Mapped[int]
    # The version of the type it was held against: the owner may write under another one since.
    type_version: Mapped[str | None] = mapped_column(ForeignKey("item_type_text.version"))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    # [{slot, file_id, name}]: the names say what changed; what is opened is item_sent_file.
    files: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    submitted_by: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    submitted_at: Mapped[datetime] = mapped_column(Instant)
    decision: Mapped[str | None] = mapped_column(String(10))
    opinion: Mapped[str] = mapped_column(String(500), default="")
    decided_by: Mapped[int | None] = mapped_column(Id, ForeignKey("person.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)


class ItemVersion(Model):
    """An item as the unit approved it: immutable, what declarations refer to (业绩版本)."""

    __tablename__ = "item_version"
    __table_args__ = (
        UniqueConstraint(
            "item_id",
            "no",
            name="a_version_has_its_number",
            info={"law": "审核通过的每一版只存一次，这一版已经存下"},
        ),
        CheckConstraint("no >= 1", name="versions_count_from_one"),
    )

    id: Mapped[int] = pk()
    item_id: Mapped[int] = mapped_column(Id, ForeignKey("portfolio_item.id"))
    no: Mapped[int]
    type_key: Mapped[str] = mapped_column(String(40))
    type_version: Mapped[str | None] = mapped_column(ForeignKey("item_type_text.version"))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    summary: Mapped[str] = mapped_column(String(SUMMARY_LENGTH))
    occurred_on: Mapped[date | None] = mapped_column(Date)
    rank: Mapped[str] = mapped_column(String(20), default="")
    approved_by: Mapped[int | None] = mapped_column(Id, ForeignKey("person.id"))
    approved_at: Mapped[datetime] = mapped_column(Instant)
    opinion: Mapped[str] = mapped_column(String(500), default="")

    files: Mapped[list["ItemVersionFile"]] = relationship(
        order_by="ItemVersionFile.slot, ItemVersionFile.position"
    )
    marks: Mapped[list["ItemVersionMark"]] = relationship()


class ItemVersionMark(Model):
    """As of the item: it stays claimed by what was approved, whatever is typed afterwards."""

    __tablename__ = "item_version_mark"

    mark: Mapped[str] = mapped_column(String(64), primary_key=True)
    version_id: Mapped[int] = mapped_column(
        Id, ForeignKey("item_version.id"), primary_key=True, index=True
    )


class ItemVersionFile(Model):
    """An attachment of an approved version; immutable as well."""

    __tablename__ = "item_version_file"

    id: Mapped[int] = pk()
    version_id: Mapped[int] = mapped_column(Id, ForeignKey("item_version.id"), index=True)
    slot: Mapped[str] = mapped_column(String(40))
    file_id: Mapped[int] = mapped_column(Id, ForeignKey("stored_file.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    position: Mapped[int] = mapped_column(default=1)


_UNDECIDED = text("decision IS NULL")


class ItemWithdrawal(Model):
    """A request to open an approved item for change, and the unit's word (撤回申请)."""

    __tablename__ = "item_withdrawal"
    __table_args__ = (
        CheckConstraint("reason <> ''", name="a_withdrawal_has_a_reason"),
        CheckConstraint(
            "decision IS NULL OR decision IN ('pass', 'return')", name="decision_known"
        ),
        CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name="a_decision_has_a_date"),
        CheckConstraint(
            "decision IS NULL OR decision <> 'return' OR opinion <> ''",
            name="a_refusal_says_why",
        ),
        CheckConstraint(
            "decided_by IS NULL OR decided_by <> requested_by", name="nobody_grants_their_own"
        ),
        Index(
            "uq_item_withdrawal_one_open",
            "item_id",
            unique=True,
            sqlite_where=_UNDECIDED,
            postgresql_where=_UNDECIDED,
        ),
    )

    id: Mapped[int] = pk()
    item_id: Mapped[int] = mapped_column(Id, ForeignKey("portfolio_item.id"), index=True)
    reason: Mapped[str] = mapped_column(String(500))
    requested_by: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    requested_at: Mapped[datetime] = mapped_column(Instant)
    decision: Mapped[str | None] = mapped_column(String(10))
    opinion: Mapped[str] = mapped_column(String(500), default="")
    decided_by: Mapped[int | None] = mapped_column(Id, ForeignKey("person.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)


class ImmutableVersion(RuntimeError):
    """An approved version was about to be changed: a mistake of the program."""


@event.listens_for(ItemVersion, "before_update")
@event.listens_for(ItemVersionFile, "before_update")
@event.listens_for(ItemVersion, "before_delete")
@event.listens_for(ItemVersionFile, "before_delete")
def _refuse_change(_mapper: Mapper[Any], _connection: Connection, target: Model) -> None:
    state = inspect(target)
    if state.deleted or state.session is None or state.session.is_modified(target):
        raise ImmutableVersion(f"{type(target).__name__} {state.identity} is approved")
