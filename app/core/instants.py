"""Moments: one zone for people, UTC in the database."""

from datetime import UTC, date, datetime, time, timedelta, timezone

from sqlalchemy import DateTime
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

ZONE = timezone(timedelta(hours=8), "Asia/Shanghai")


def end_of(day: date) -> datetime:
    """Return the moment at which a day is over."""
    return datetime.combine(day + timedelta(days=1), time(), ZONE)


def years_after(day: date, years: int) -> date:
    """Return the same day some years on; 29 February falls back to the 28th."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


class Instant(TypeDecorator[datetime]):
    """An aware moment, stored in UTC on both databases and read back in +08:00."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive moments: they would mean another hour on another server."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "a moment needs a time zone"
            raise ValueError(msg)
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the moment back in the zone that people read."""
        if value is None:
            return None
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(ZONE)
