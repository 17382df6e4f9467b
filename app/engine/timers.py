"""The rows of timers (定时): which are due, and whose turn it is.

Due timers are found by their rows, so the cost follows what is due, never what is open. The lock
of the instance is the claim: every step takes that lock first, so no two wait for each other.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.core.db import db
from app.engine.models import InstanceStatus, ProcessInstance, Timer

MAX_ATTEMPTS = 5
LONGEST_PAUSE = timedelta(hours=1)
"""The longest rest between two attempts."""


def due(now: datetime, *, skip: frozenset[int] = frozenset()) -> sa.Select[tuple[ProcessInstance]]:
    """Select the running instance whose timer is to be fired first; it reads due rows alone."""
    return (
        sa.select(ProcessInstance)
        .join(Timer, Timer.instance_id == ProcessInstance.id)
        .where(
            Timer.try_at <= now,
            ProcessInstance.status == InstanceStatus.RUNNING,
            ProcessInstance.id.not_in(skip),
        )
        .order_by(Timer.try_at)
        .limit(1)
    )


def overdue(now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that a timer should have fired, though it may rest before a new try.

    What rests is tried again before long, so the index of the tries finds it.
    """
    return sa.and_(Timer.try_at <= now + LONGEST_PAUSE, Timer.due_at <= now)


def claim(now: datetime, *, skip: frozenset[int] = frozenset()) -> ProcessInstance | None:
    """Lock and return a running instance with a due timer, or None.

    The earliest comes first, so that work missed while no worker ran is caught up in its order.
    PostgreSQL skips instances whose lock is held; SQLite writers run one after another.
    """
    statement = (
        due(now, skip=skip)
        .with_for_update(skip_locked=True, of=ProcessInstance)
        .execution_options(populate_existing=True)
    )
    return db.session.scalars(statement).first()


def postpone(instance_id: int, now: datetime) -> bool:
    """Back off after a failed attempt; return whether people should be told now."""
    rows = db.session.scalars(
        sa.select(Timer).where(Timer.instance_id == instance_id, Timer.try_at <= now)
    ).all()
    for row in rows:
        row.attempts += 1
        row.try_at = now + min(timedelta(seconds=2**row.attempts), LONGEST_PAUSE)
    return any(row.attempts == MAX_ATTEMPTS for row in rows)


def forget(instance_id: int, now: datetime, waiting: Collection[str]) -> None:
    """Drop the due rows of an instance behind which no task waits, so that they hold up no other.

    Earlier versions left a row behind for a cycle that had run out; it would be due for ever.
    """
    db.session.execute(
        sa.delete(Timer).where(
            Timer.instance_id == instance_id,
            Timer.due_at <= now,
            Timer.task_uuid.not_in(waiting),
        )
    )


def release(instance_id: int, now: datetime) -> None:
    """Let timers whose attempts failed be tried at once."""
    db.session.execute(
        sa.update(Timer)
        .where(Timer.instance_id == instance_id, Timer.attempts > 0)
        .values(attempts=0, try_at=now)
    )
