"""Settings that live in the database because every process must agree on them."""

from sqlalchemy import BigInteger, CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Model, pk


class ClockOffset(Model):
    """How far the instance's time is from the database's; only demo, play and tests set it."""

    __tablename__ = "clock_offset"
    __table_args__ = (CheckConstraint("id = 1", name="there_is_one_clock"),)

    id: Mapped[int] = pk()
    milliseconds: Mapped[int] = mapped_column(BigInteger)
