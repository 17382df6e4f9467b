"""Loading reference data."""

import csv
import logging
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import select

from app.catalogue.models import CalendarDay, Series, Title
from app.core.db import db
from app.core.errors import Invalid

log = logging.getLogger(__name__)
TITLES = Path(__file__).parent / "data" / "title_series.csv"
FIRST_YEAR = 2020


def load_titles() -> int:
    """Load the national title series unless they are there; returns how many titles."""
    if db.session.scalar(select(Series.id).limit(1)) is not None:
        return 0
    with TITLES.open(encoding="utf-8-sig", newline="") as source:
        rows = list(csv.DictReader(source))
    series: dict[str, Series] = {}
    for row in rows:
        known = series.get(row["series"])
        if known is None:
            known = series[row["series"]] = Series(code=row["series_no"], name=row["series"])
            db.session.add(known)
            db.session.flush()
        db.session.add(
            Title(
                series_id=known.id,
                category=row["category"],
                name=row["title"],
                level=row["level"],
                certainty=row["grade"],
            )
        )
    db.session.flush()
    return len(rows)


def load_calendar(year: int) -> int:
    """Load the special days of a year from the official holidays; returns how many.

    Raises Invalid for a year that the calendar package does not know yet.
    """
    import chinese_calendar  # noqa: PLC0415 - only this import needs it

    if db.session.scalar(select(CalendarDay.on).where(CalendarDay.on == date(year, 1, 1))):
        return 0
    day, added = date(year, 1, 1), 0
    while day.year == year:
        try:
            is_workday = chinese_calendar.is_workday(day)
            holiday = chinese_calendar.get_holiday_detail(day)[1]
        except NotImplementedError as error:
            raise Invalid(f"尚无 {year} 年的官方放假安排") from error
        if is_workday != (day.weekday() < 5) or day == date(year, 1, 1):
            db.session.add(CalendarDay(on=day, is_workday=is_workday, name=holiday or ""))
            added += 1
        day += timedelta(days=1)
    db.session.flush()
    return added


def load_reference_data(last_year: int) -> None:
    """Load what every instance needs: titles and the calendar as far as it is known."""
    load_titles()
    for year in range(FIRST_YEAR, last_year + 1):
        try:
            load_calendar(year)
        except Invalid as error:
            log.info("calendar: %s", error.message)
            return
