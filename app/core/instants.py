"""Moments: one zone for people."""

from datetime import MAXYEAR, MINYEAR, date, datetime, time, timedelta, timezone

ZONE = timezone(timedelta(hours=8), "Asia/Shanghai")


def day_in(text: str) -> date | None:
    """Return the day that a list is narrowed by; None for what is none that can be reckoned with.

    In the first year and in the last there is no such moment in every zone.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if MINYEAR < day.year < MAXYEAR else None


def start_of(day: date) -> datetime:
    """Return the moment at which a day begins."""
    return datetime.combine(day, time(), ZONE)


def end_of(day: date) -> datetime:
    """Return the moment at which a day is over."""
    return start_of(day + timedelta(days=1))


def years_after(day: date, years: int) -> date:
    """Return the same day some years on; 29 February falls back to the 28th."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)
