"""Reference data: title series, titles and the working-day calendar."""

from datetime import date

from sqlalchemy import CheckConstraint, Date, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db import Id, Model, pk

LEVELS = ("员级", "助理级", "中级", "副高级", "正高级")


class Series(Model):
    """A series of professional titles (职称系列)."""

    __tablename__ = "series"

    id: Mapped[int] = pk()
    code: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str] = mapped_column(String(60), unique=True)


class Title(Model):
    """A professional title of a series at a level (职称)."""

    __tablename__ = "title"
    __table_args__ = (
        UniqueConstraint("series_id", "category", "name"),
        CheckConstraint(f"level IN {LEVELS!r}", name="level_is_known"),
    )

    id: Mapped[int] = pk()
    series_id: Mapped[int] = mapped_column(Id, ForeignKey("series.id"))
    category: Mapped[str] = mapped_column(String(60), default="")
    name: Mapped[str] = mapped_column(String(60))
    level: Mapped[str] = mapped_column(String(10))
    # A-D as in the reference table: below B the admin page says "to be confirmed".
    certainty: Mapped[str] = mapped_column(String(2), default="A")

    series: Mapped[Series] = relationship()


class CalendarDay(Model):
    """A day that differs from Monday to Friday working (法定节假日 and 调休)."""

    __tablename__ = "calendar_day"

    on: Mapped[date] = mapped_column(Date, primary_key=True)
    is_workday: Mapped[bool]
    name: Mapped[str] = mapped_column(String(40), default="")
