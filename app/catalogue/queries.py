"""Reads of reference data."""

from collections.abc import Callable
from datetime import date, timedelta

from sqlalchemy import extract, select

from app.catalogue.models import CalendarDay, Series, Title
from app.core.db import current_transaction, db

SATURDAY = 5


def calendar_covers(year: int) -> bool:
    """Tell whether the official calendar of a year has been entered.

    Without it Monday to Friday count, and pages say so.
    """
    one = select(CalendarDay.on).where(extract("year", CalendarDay.on) == year).limit(1)
    return db.session.scalar(one) is not None


def _is_workday(first: date, last: date) -> Callable[[date], bool]:
    """Return the judge of the days between two, their exceptions read once."""
    exceptions = _exceptions(first, last)
    return lambda day: exceptions.get(day, day.weekday() < SATURDAY)


def _exceptions(first: date, last: date) -> dict[date, bool]:
    """Return the days that break the rule of the week, read once a transaction."""
    read: dict[int, dict[date, bool]] = current_transaction().notes.setdefault("calendar", {})
    missing = [year for year in range(first.year, last.year + 1) if year not in read]
    if missing:
        begin, end = date(missing[0], 1, 1), date(missing[-1], 12, 31)
        known = select(CalendarDay.on, CalendarDay.is_workday)
        rows = db.session.execute(known.where(CalendarDay.on >= begin, CalendarDay.on <= end))
        read.update({year: {} for year in range(begin.year, end.year + 1)})
        for on, is_workday in rows.tuples():
            read[on.year][on] = is_workday
    years = range(first.year, last.year + 1)
    return {on: worked for year in years for on, worked in read[year].items()}


def workdays_after(on: date, count: int) -> date:
    """Return the `count`-th working day after a day; 0 gives the day itself."""
    is_workday = _is_workday(on, on + timedelta(days=count * 2 + 21))
    step = on
    while count > 0:
        step += timedelta(days=1)
        if is_workday(step):
            count -= 1
    return step


def workdays_between(first: date, last: date) -> int:
    """Count the working days from `first` to `last`, both included."""
    is_workday = _is_workday(first, last)
    days = ((last - first).days + 1) if last >= first else 0
    return sum(is_workday(first + timedelta(days=number)) for number in range(days))


def series_by_name(name: str) -> Series | None:
    """Find a series by its name."""
    return db.session.scalars(select(Series).where(Series.name == name)).first()


def series_names() -> list[str]:
    """Return what every series is called, in the order of their codes."""
    return list(db.session.scalars(select(Series.name).order_by(Series.code)))


def titles_of(series_id: int) -> list[Title]:
    """Return the titles of a series, highest level first."""
    found = select(Title).where(Title.series_id == series_id).order_by(Title.id)
    return list(db.session.scalars(found))
