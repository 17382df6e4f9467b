"""Reads of reference data."""

from collections.abc import Callable
from datetime import date, timedelta

from sqlalchemy import extract, select

from app.catalogue.models import CalendarDay, Series, Title
from app.core.db import db

SATURDAY = 5


def calendar_covers(year: int) -> bool:
    """Tell whether the official calendar of a year has been entered.

    Without it Monday to Friday count, and pages say so.
    """
    one = select(CalendarDay.on).where(extract("year", CalendarDay.on) == year).limit(1)
    return db.session.scalar(one) is not None


def _is_workday(first: date, last: date) -> Callable[[date], bool]:
    """Return the judge of the days between two, their exceptions read once."""
    known = select(CalendarDay.on, CalendarDay.is_workday)
    rows = db.session.execute(known.where(CalendarDay.on >= first, CalendarDay.on <= last))
    exceptions = dict(rows.tuples().all())
    return lambda day: exceptions.get(day, day.weekday() < SATURDAY)


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


def titles_of(series_id: int) -> list[Title]:
    """Return the titles of a series, highest level first."""
    found = select(Title).where(Title.series_id == series_id).order_by(Title.id)
    return list(db.session.scalars(found))
