"""Reads of reference data."""

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


def workdays_after(on: date, count: int) -> date:
    """Return the `count`-th working day after a day; 0 gives the day itself."""
    horizon = on + timedelta(days=count * 2 + 21)
    known = select(CalendarDay).where(CalendarDay.on > on, CalendarDay.on <= horizon)
    days = {day.on: day.is_workday for day in db.session.scalars(known)}
    step = on
    while count > 0:
        step += timedelta(days=1)
        if days.get(step, step.weekday() < SATURDAY):
            count -= 1
    return step


def workdays_between(first: date, last: date) -> int:
    """Count the working days from `first` to `last`, both included."""
    count, step = 0, workdays_after(first - timedelta(days=1), 1)
    while step <= last:
        count += 1
        step = workdays_after(step, 1)
    return count


def series_by_name(name: str) -> Series | None:
    """Find a series by its name."""
    return db.session.scalars(select(Series).where(Series.name == name)).first()


def titles_of(series_id: int) -> list[Title]:
    """Return the titles of a series, highest level first."""
    found = select(Title).where(Title.series_id == series_id).order_by(Title.id)
    return list(db.session.scalars(found))
