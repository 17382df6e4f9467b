"""Files that were handed in to be imported, and their rows."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import Person
from app.core import crypto
from app.core.db import Id, Instant, Model, one_of, pk
from app.core.storage import NAME_LENGTH


class BatchStatus(StrEnum):
    """Where an import stands."""

    CHECKING = "checking"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    DROPPED = "dropped"


BATCH_WORDS = {
    "checking": ("核对中", "info"),
    "ready": ("待确认", "warning"),
    "running": ("正在导入", "info"),
    "done": ("已导入", "success"),
    "dropped": ("已放弃", "secondary"),
}
"""The word and tone that people see for where an import stands."""


class RowState(StrEnum):
    """What a row would do to what is there, or did."""

    WAITING = "waiting"
    NEW = "new"
    SAME = "same"
    CHANGED = "changed"
    FAULTY = "faulty"


ROW_WORDS = {
    "new": ("新增", "success"),
    "changed": ("有变更", "info"),
    "same": ("已有且一致", "secondary"),
    "faulty": ("有误", "danger"),
}
"""The word and tone of a row's state; one that waits is shown to nobody."""


class ImportBatch(Model):
    """A file to be imported: who handed it in, for which unit, and what became of it."""

    __tablename__ = "import_batch"
    __table_args__ = (
        CheckConstraint(one_of("status", BatchStatus), name="status_is_known"),
        CheckConstraint(
            "(status = 'done') = (finished_at IS NOT NULL)", name="what_is_done_has_a_moment"
        ),
        CheckConstraint(
            "status IN ('checking', 'dropped') OR total = fresh + same + changed + faulty",
            name="every_row_is_counted_once",
        ),
        CheckConstraint("total > 0", name="it_has_rows"),
        Index("ix_import_batch_place", "kind", "unit_id"),
        Index("ix_import_batch_sweep", "uploaded_at"),
    )

    id: Mapped[int] = pk()
    kind: Mapped[str] = mapped_column(String(60))
    # The unit for which it is; none where the kind belongs to no unit.
    unit_id: Mapped[int | None] = mapped_column(Id, ForeignKey("unit.id"))
    status: Mapped[str] = mapped_column(String(10), default=BatchStatus.CHECKING)
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"), index=True)
    # The file and the content of its rows are forgotten after a while, the report stays.
    file_id: Mapped[int | None] = mapped_column(Id, ForeignKey("stored_file.id"), index=True)
    file_name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    sha256: Mapped[str] = mapped_column(String(64))
    total: Mapped[int]
    fresh: Mapped[int] = mapped_column(default=0)
    same: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    faulty: Mapped[int] = mapped_column(default=0)
    # Why what was confirmed has not been written.
    message: Mapped[str] = mapped_column(String(500), default="")
    # Which cells stand under no heading, in words: nothing of them is imported.
    unread: Mapped[str] = mapped_column(String(500), default="")
    # How often it was checked or confirmed: each has a job of its own.
    round: Mapped[int] = mapped_column(default=0)
    # What became of the rows of each unit: its name, and how many of each state.
    report: Mapped[list[Any]] = mapped_column(JSON, default=list)
    uploaded_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)

    person: Mapped[Person] = relationship()

    @property
    def counts(self) -> dict[str, int]:
        """How many rows there are of each state."""
        kept = (self.fresh, self.changed, self.same, self.faulty)
        return dict(zip(ROW_WORDS, kept, strict=True))

    @property
    def is_under_way(self) -> bool:
        """Tell whether the worker has it."""
        return self.status in {BatchStatus.CHECKING, BatchStatus.RUNNING}


class ImportRow(Model):
    """A row of the sheet: what stands in it, and what it would do."""

    __tablename__ = "import_row"
    __table_args__ = (
        CheckConstraint(one_of("state", RowState), name="state_is_known"),
        UniqueConstraint("batch_id", "no"),
        Index("ix_import_row_state", "batch_id", "state", "no"),
    )

    id: Mapped[int] = pk()
    batch_id: Mapped[int] = mapped_column(Id, ForeignKey("import_batch.id"))
    no: Mapped[int]
    state: Mapped[str] = mapped_column(String(10), default=RowState.WAITING)
    # Identity numbers stand among the cells.
    cells_sealed: Mapped[str] = mapped_column(Text, info=crypto.SEALED)
    # What is wrong: pairs of a column's name, or nothing, and the words.
    faults: Mapped[list[Any]] = mapped_column(JSON, default=list)
    # What would be changed, in words.
    note: Mapped[str] = mapped_column(String(300), default="")
    # The unit under which it is counted.
    place: Mapped[str] = mapped_column(String(300), default="")
    # The record that it made or met.
    subject_id: Mapped[int | None] = mapped_column(Id)
