"""Time: one `now` per transaction, database time plus the instance's offset."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import func, select

from app.core.db import current_transaction, db
from app.core.instants import ZONE
from app.core.settings import ClockOffset

__all__ = ["ZONE", "device_time", "now", "reset_clock", "set_clock", "today"]

# Built once: every unit of work reads the clock.
OFFSET = select(func.coalesce(func.max(ClockOffset.milliseconds), 0))
OFFSET_AND_TIME = select(OFFSET.scalar_subquery(), func.now())


def now() -> datetime:
    """Return the moment of the open transaction in +08:00; LookupError outside one."""
    unit = current_transaction()
    if unit.now is None:
        unit.now = _read_database_time()
    return unit.now


def today() -> date:
    """Return the day of the open transaction in +08:00."""
    return now().date()


def device_time() -> datetime:
    """Return the moment as people's own devices tell it: no demonstration moves their clocks."""
    return now() - timedelta(milliseconds=db.session.execute(OFFSET).scalar_one())


def _read_database_time() -> datetime:
    if db.engine.dialect.name == "sqlite":
        milliseconds, moment = db.session.execute(OFFSET).scalar_one(), datetime.now(UTC)
    else:
        milliseconds, moment = db.session.execute(OFFSET_AND_TIME).one()
    return (moment + timedelta(milliseconds=int(milliseconds))).astimezone(ZONE)


def set_clock(moment: datetime) -> None:
    """Set the instance's offset so that it is `moment` now (only demo, play and tests)."""
    row = db.session.get(ClockOffset, 1) or ClockOffset(id=1, milliseconds=0)
    # Never a part of a millisecond early: what falls due at the moment is due from here on.
    row.milliseconds += -((now() - moment) // timedelta(milliseconds=1))
    db.session.add(row)
    db.session.flush()
    current_transaction().now = moment


def reset_clock() -> None:
    """Return the instance to the present."""
    row = db.session.get(ClockOffset, 1)
    if row is not None:
        row.milliseconds = 0
        db.session.flush()
    current_transaction().now = None
