"""Publicity (公示), objections (异议), and the results that stand after them."""

from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db import Id, Instant, Model, one_of, pk
from app.declarations.models import Declaration
from app.plans.models import Plan
from app.review.models import Meeting, MeetingCase


class PublicityStatus(StrEnum):
    """Where a publicity stands: open, its days over, or confirmed."""

    OPEN = "open"
    ENDED = "ended"
    CONFIRMED = "confirmed"


class ResultStatus(StrEnum):
    """Where a passed result stands: shown to the public, confirmed, or revoked."""

    PUBLICISED = "publicised"
    CONFIRMED = "confirmed"
    REVOKED = "revoked"


class ObjectionStatus(StrEnum):
    """Where an objection stands: open, upheld (成立) or dismissed (不成立)."""

    OPEN = "open"
    UPHELD = "upheld"
    DISMISSED = "dismissed"


class Publicity(Model):
    """The results of a meeting, open to objections for some working days (公示)."""

    __tablename__ = "publicity"
    __table_args__ = (
        sa.CheckConstraint(one_of("status", PublicityStatus), name="status_is_known"),
        sa.CheckConstraint("ends_at > starts_at", name="a_publicity_has_length"),
        sa.CheckConstraint(
            "(status = 'confirmed') = (confirmed_at IS NOT NULL)",
            name="a_confirmation_has_a_moment",
        ),
        sa.CheckConstraint(
            "(approved_at IS NULL) = (approval_no = '')"
            " AND (approved_at IS NULL OR confirmed_at IS NOT NULL)",
            name="what_is_approved_was_confirmed_and_has_a_number",
        ),
    )

    id: Mapped[int] = pk()
    meeting_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("meeting.id"), unique=True)
    plan_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("plan.id"), index=True)
    starts_at: Mapped[datetime] = mapped_column(Instant)
    # The last moment of the last working day of the period.
    ends_at: Mapped[datetime] = mapped_column(Instant)
    status: Mapped[str] = mapped_column(sa.String(10), default=PublicityStatus.OPEN)
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant)
    confirmed_by: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    # Of the paper by which the issuing office approved what was sent up (批准文号).
    approval_no: Mapped[str] = mapped_column(sa.String(60), default="")
    approved_at: Mapped[datetime | None] = mapped_column(Instant)
    approved_by: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))

    meeting: Mapped[Meeting] = relationship()
    plan: Mapped[Plan] = relationship()
    results: Mapped[list["Result"]] = relationship(
        back_populates="publicity", order_by="Result.id"
    )

    @property
    def title(self) -> str:
        """The heading under which it is published."""
        return f"{self.plan.name.removesuffix('评审')}评审结果公示"

    @property
    def is_approved(self) -> bool:
        """Tell whether certificates may come of it: sent up and approved (审核通过)."""
        return self.approved_at is not None

    def accepts_objections(self, now: datetime) -> bool:
        """Tell whether an objection arrives in time; time judges, not the scheduler."""
        return self.starts_at <= now <= self.ends_at


class Result(Model):
    """A case that the committee passed, on its way to a certificate."""

    __tablename__ = "result"
    __table_args__ = (
        sa.CheckConstraint(one_of("status", ResultStatus), name="status_is_known"),
        sa.CheckConstraint(
            "(status = 'publicised') = (decided_at IS NULL)", name="a_decision_has_a_moment"
        ),
    )

    id: Mapped[int] = pk()
    publicity_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("publicity.id"), index=True)
    case_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("meeting_case.id"), unique=True)
    declaration_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("declaration.id"), unique=True)
    # The day of the ballot: from then on the title is held, whenever its paper is printed.
    obtained_on: Mapped[date] = mapped_column(sa.Date)
    status: Mapped[str] = mapped_column(sa.String(10), default=ResultStatus.PUBLICISED)
    decided_at: Mapped[datetime | None] = mapped_column(Instant)

    publicity: Mapped[Publicity] = relationship(back_populates="results")
    case: Mapped[MeetingCase] = relationship()
    declaration: Mapped[Declaration] = relationship()
    objections: Mapped[list["Objection"]] = relationship(
        back_populates="result", order_by="Objection.id"
    )

    @property
    def has_open_objection(self) -> bool:
        """Tell whether an objection to it is still being looked into."""
        return any(o.status == ObjectionStatus.OPEN for o in self.objections)

    @property
    def was_approved(self) -> bool:
        """Tell whether it was approved, even if it was revoked since; an objection came before."""
        is_upheld = any(o.status == ObjectionStatus.UPHELD for o in self.objections)
        is_settled = self.status != ResultStatus.PUBLICISED
        return is_settled and self.publicity.is_approved and not is_upheld


class Objection(Model):
    """What somebody holds against a published result (异议), under their real name."""

    __tablename__ = "objection"
    __table_args__ = (
        sa.CheckConstraint(one_of("status", ObjectionStatus), name="status_is_known"),
        sa.CheckConstraint(
            "(status = 'open') = (decided_at IS NULL)", name="a_decision_has_a_moment"
        ),
        sa.UniqueConstraint("receipt"),
        sa.Index("ix_objection_by_address", "address_hash", "received_at"),
    )

    id: Mapped[int] = pk()
    result_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("result.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(60))
    contact: Mapped[str] = mapped_column(sa.String(60))
    text: Mapped[str] = mapped_column(sa.Text)
    # What the sender asks for its state with (受理号); nobody guesses it.
    receipt: Mapped[str] = mapped_column(sa.String(20))
    # Of the form that was sent: who sends it twice is answered as the first time.
    request_key: Mapped[str | None] = mapped_column(sa.String(40), unique=True)
    # A keyed hash: enough to count what one address sends, and not the address itself.
    address_hash: Mapped[str | None] = mapped_column(sa.String(64))
    received_at: Mapped[datetime] = mapped_column(Instant)
    status: Mapped[str] = mapped_column(sa.String(10), default=ObjectionStatus.OPEN)
    finding: Mapped[str] = mapped_column(sa.Text, default="")
    conclusion: Mapped[str] = mapped_column(sa.Text, default="")
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    decided_by: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))

    result: Mapped[Result] = relationship(back_populates="objections")

    def is_against(self, person_id: int) -> bool:
        """Tell whether this person's result is objected to: they keep out of it (回避)."""
        return self.result.declaration.person_id == person_id
