"""One `now` a transaction, in +08:00, moved only by the instance's offset."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy.dialects import sqlite

from app.core.clock import ZONE, now, reset_clock, set_clock, today
from app.core.db import Instant, db, transaction
from app.core.settings import ClockOffset


def test_a_transaction_has_one_moment(app: Flask) -> None:
    with transaction(write=False):
        assert now() is now()
        assert now().utcoffset() == timedelta(hours=8)


def test_the_next_transaction_stands_at_the_clock_that_was_set(
    app: Flask, at: Callable[[datetime], None]
) -> None:
    moment = datetime(2026, 12, 31, 23, 59, tzinfo=ZONE)
    at(moment)
    with transaction(write=False):
        assert timedelta() <= now() - moment < timedelta(seconds=20)


def test_the_clock_is_never_set_to_a_part_of_a_millisecond_before_the_moment(app: Flask) -> None:
    with transaction():
        set_clock(datetime(2026, 12, 31, tzinfo=ZONE))
        before = db.session.get_one(ClockOffset, 1).milliseconds
        set_clock(now() + timedelta(microseconds=400))
        assert db.session.get_one(ClockOffset, 1).milliseconds == before + 1
        set_clock(now() - timedelta(microseconds=400))
        assert db.session.get_one(ClockOffset, 1).milliseconds == before + 1


def test_the_day_is_the_day_of_the_zone(app: Flask, at: Callable[[datetime], None]) -> None:
    at(datetime(2026, 12, 31, 16, 30, tzinfo=UTC))
    with transaction(write=False):
        assert today().isoformat() == "2027-01-01"


def test_the_clock_returns_to_the_present(app: Flask) -> None:
    with transaction():
        set_clock(datetime(2030, 1, 1, tzinfo=ZONE))
        reset_clock()
        assert db.session.get_one(ClockOffset, 1).milliseconds == 0
        assert now() < datetime(2030, 1, 1, tzinfo=ZONE)


def test_a_moment_without_a_zone_is_refused() -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - the point
    with pytest.raises(ValueError, match="time zone"):
        Instant().process_bind_param(naive, sqlite.dialect())
