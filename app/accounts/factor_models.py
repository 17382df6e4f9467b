"""Tables of the second factor: a person's device, the codes on paper, who must have one."""

from datetime import datetime

from sqlalchemy import (
    BindParameter,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    and_,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import Person
from app.core import crypto
from app.core.db import Id, Instant, Model, pk

_LIVES = text("voided_at IS NULL")


class SecondFactor(Model):
    """The time-based codes of a person's own device (动态验证码), asked after the password."""

    __tablename__ = "second_factor"

    id: Mapped[int] = pk()
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"), unique=True)
    secret_sealed: Mapped[str] = mapped_column(String(200), info=crypto.SEALED)
    # A code counts once: only a step after this one is taken.
    last_step: Mapped[int] = mapped_column(Id)
    enrolled_at: Mapped[datetime] = mapped_column(Instant)


class CodeCard(Model):
    """A card of one-time codes for a closed meeting (评审验证卡), where no telephone is at hand.

    Rooms above say for which meeting, and how long it is good.
    """

    __tablename__ = "code_card"
    __table_args__ = (
        CheckConstraint("valid_until > valid_from", name="a_card_has_a_term"),
        CheckConstraint("issued_by <> person_id", name="nobody_prints_their_own"),
        Index(
            "uq_code_card_one_lives",
            "person_id",
            "meeting_id",
            unique=True,
            sqlite_where=_LIVES,
            postgresql_where=_LIVES,
        ),
        Index("ix_code_card_meeting", "meeting_id"),
    )

    id: Mapped[int] = pk()
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    meeting_id: Mapped[int] = mapped_column(Id)
    valid_from: Mapped[datetime] = mapped_column(Instant)
    valid_until: Mapped[datetime] = mapped_column(Instant)
    issued_by: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    issued_at: Mapped[datetime] = mapped_column(Instant)
    voided_at: Mapped[datetime | None] = mapped_column(Instant)

    person: Mapped[Person] = relationship(foreign_keys=[person_id])

    @classmethod
    def is_good(cls, now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
        """Return the condition that a card opens at a moment: in its term, and not voided."""
        return and_(cls.valid_from <= now, cls.valid_until > now, cls.voided_at.is_(None))


class OneTimeCode(Model):
    """A code on paper that opens once: for the day without the device (恢复码), or of a card."""

    __tablename__ = "one_time_code"
    __table_args__ = (
        CheckConstraint(
            "(factor_of IS NULL) <> (card_id IS NULL)", name="a_code_is_of_a_device_or_a_card"
        ),
    )

    id: Mapped[int] = pk()
    factor_of: Mapped[int | None] = mapped_column(
        Id, ForeignKey("second_factor.person_id"), index=True
    )
    card_id: Mapped[int | None] = mapped_column(Id, ForeignKey("code_card.id"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class FactorRole(Model):
    """A role whose holders must have a second factor; without a row no role asks for one."""

    __tablename__ = "factor_role"

    role: Mapped[str] = mapped_column(String(30), primary_key=True)
