"""批量审核: what a reviewer decided of many items at once, and how far it is carried out."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Id, Instant, Model, one_of, pk
from app.portfolio.models import PASS, RETURN


class RowState(StrEnum):
    """Where one item of a batch stands."""

    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"


class VetBatch(Model):
    """One decision for many items, carried out a few at a time."""

    __tablename__ = "vet_batch"
    __table_args__ = (
        CheckConstraint(f"decision IN ('{PASS}', '{RETURN}')", name="decision_known"),
        CheckConstraint("decision <> 'return' OR opinion <> ''", name="a_return_says_why"),
        CheckConstraint("total > 0", name="it_is_of_something"),
        Index("ix_vet_batch_of_person", "person_id", "finished_at"),
    )

    id: Mapped[int] = pk()
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    decision: Mapped[str] = mapped_column(String(10))
    opinion: Mapped[str] = mapped_column(String(500), default="")
    total: Mapped[int]
    asked_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)


class VetRow(Model):
    """An item of a batch: its task is completed once, or the reason says why it was not.

    It is of the task that was asked about: what its owner has sent since is another one.
    """

    __tablename__ = "vet_batch_row"
    __table_args__ = (
        CheckConstraint(one_of("state", RowState), name="state_is_known"),
        CheckConstraint("state <> 'refused' OR reason <> ''", name="a_refusal_says_why"),
        Index("ix_vet_batch_row_state", "batch_id", "state"),
    )

    batch_id: Mapped[int] = mapped_column(Id, ForeignKey("vet_batch.id"), primary_key=True)
    work_item_id: Mapped[int] = mapped_column(
        Id, ForeignKey("work_item.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    item_id: Mapped[int] = mapped_column(
        Id, ForeignKey("portfolio_item.id", ondelete="CASCADE"), index=True
    )
    # Empty where it was no task of this person any more.
    title: Mapped[str] = mapped_column(String(300), default="")
    # Whether the reviewer was told of a double claim: as it stood when they decided.
    is_hinted: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(String(10), default=RowState.WAITING)
    reason: Mapped[str] = mapped_column(Text, default="")
