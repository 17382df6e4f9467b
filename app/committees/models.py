"""Review committees (评审委员会) and their filing (备案)."""

from datetime import date

from sqlalchemy import CheckConstraint, Date, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.catalogue.models import Series
from app.core.db import Id, Model, pk
from app.units.models import Unit

LEVELS = ("高级", "中级", "初级")
FILING_YEARS = 3


def _day_number(column: str) -> str:
    """Return SQL for a day as the number 20251231, on both databases."""
    return f"CAST(REPLACE(CAST({column} AS VARCHAR), '-', '') AS INTEGER)"


_FILED_FOR = f"{_day_number('filed_until')} - {_day_number('filed_from')}"


class Committee(Model):
    """A committee that may review one series, or one specialty of it, while its filing holds."""

    __tablename__ = "committee"
    __table_args__ = (
        CheckConstraint("filed_until > filed_from", name="a_filing_has_length"),
        CheckConstraint(
            f"{_FILED_FOR} <= {FILING_YEARS}0000", name="a_filing_lasts_three_years_at_most"
        ),
        CheckConstraint(f"level IN {LEVELS!r}", name="level_is_known"),
        CheckConstraint("size > 0 AND size - (size / 2) * 2 = 1", name="its_size_is_odd"),
        CheckConstraint("entered_by <> confirmed_by", name="two_people_file_a_committee"),
    )

    id: Mapped[int] = pk()
    jurisdiction: Mapped[str] = mapped_column(String(30), index=True)
    name: Mapped[str] = mapped_column(String(120), index=True)
    filing_no: Mapped[str] = mapped_column(String(60), unique=True)
    filed_from: Mapped[date] = mapped_column(Date)
    # The last day on which the filing holds.
    filed_until: Mapped[date] = mapped_column(Date)
    series_id: Mapped[int] = mapped_column(Id, ForeignKey("series.id"))
    # Empty: the committee reviews the whole series (按系列), otherwise this specialty (按专业).
    specialty: Mapped[str] = mapped_column(String(60), default="")
    level: Mapped[str] = mapped_column(String(10))
    organiser_unit_id: Mapped[int] = mapped_column(Id, ForeignKey("unit.id"), index=True)
    size: Mapped[int]
    # The superior office's consent (批准文号) to fewer members than the rule asks for.
    consent_no: Mapped[str] = mapped_column(String(60), default="")

    entered_by: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    # Whoever held it against the filing document; until then no plan or meeting is made of it.
    confirmed_by: Mapped[int | None] = mapped_column(Id, ForeignKey("person.id"))

    series: Mapped[Series] = relationship()
    organiser_unit: Mapped[Unit] = relationship()

    @property
    def is_confirmed(self) -> bool:
        """Tell whether a second person has held the entry against the filing (已核对)."""
        return self.confirmed_by is not None

    def is_valid_on(self, day: date) -> bool:
        """Tell whether the filing holds on a day (有效期内)."""
        return self.filed_from <= day <= self.filed_until
