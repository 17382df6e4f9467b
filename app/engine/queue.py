"""Requests from one instance to another: append, claim, settle.

Handlers only append. A worker claims one row at a time and delivers it in the same transaction
(workers.deliver_messages), so that no step ever holds the locks of two instances.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.core.db import Instant, db, insert_into
from app.engine.models import (
    EventKind,
    InstanceStatus,
    ProcessInstance,
    QueueKind,
    QueueRow,
    QueueStatus,
    Subscription,
)

MAX_ATTEMPTS = 5
SOONEST, LATEST = timedelta(minutes=1), timedelta(hours=1)
"""When a row that nobody awaits is looked at again, though nothing has told of a change."""
PARKED_AT_ONCE = 500
OVERLOOKED = timedelta(minutes=5)
"""How long a step may take that began to wait while a row was put aside."""


def append(
    kind: QueueKind,
    name: str,
    *,
    business: tuple[str, int],
    unique: str,
    now: datetime,
    **values: object,
) -> None:
    """Ask for a start, a message or a signal; a repeated `unique` key changes nothing."""
    row = {"kind": kind, "name": name, "unique_key": unique, "try_at": now, "created_at": now}
    row |= {"business_type": business[0], "business_id": business[1]}
    _insert([{**row, **values}])


def _insert(rows: Sequence[Mapping[str, object]]) -> None:
    new = insert_into(QueueRow).on_conflict_do_nothing(index_elements=["unique_key"])
    db.session.execute(new, rows)


def _in_line(now: datetime | sa.BindParameter[datetime]) -> tuple[sa.ColumnElement[bool], ...]:
    return (QueueRow.status == QueueStatus.WAITING, QueueRow.try_at <= now)


def _can_arrive() -> sa.ColumnElement[bool]:
    """A message needs an instance that waits for it, a signal one that is not suspended."""
    awaited = (
        sa.select(Subscription.id)
        .join(ProcessInstance, ProcessInstance.id == Subscription.instance_id)
        .where(
            Subscription.message == QueueRow.name,
            Subscription.kind == EventKind.MESSAGE,
            ProcessInstance.business_type == QueueRow.business_type,
            ProcessInstance.business_id == QueueRow.business_id,
            ProcessInstance.status == InstanceStatus.RUNNING,
        )
        .exists()
    )
    suspended = (
        sa.select(ProcessInstance.id)
        .where(
            ProcessInstance.id == QueueRow.instance_id,
            ProcessInstance.status == InstanceStatus.SUSPENDED,
        )
        .exists()
    )
    return sa.case(
        (QueueRow.kind == QueueKind.MESSAGE, awaited),
        (QueueRow.kind == QueueKind.SIGNAL, ~suspended),
        else_=sa.true(),
    )


# Built once: a worker claims thousands of rows, one a transaction.
DELIVERABLE = (
    sa.select(QueueRow)
    .where(
        *_in_line(sa.bindparam("now", type_=Instant)),
        QueueRow.id.not_in(sa.bindparam("skip", expanding=True)),
        _can_arrive(),
    )
    .order_by(QueueRow.try_at, QueueRow.id)
    .limit(1)
)
"""The oldest row that can be delivered `now`; it reads no delivered and no parked one."""
CLAIMED = DELIVERABLE.with_for_update(skip_locked=True, of=QueueRow).execution_options(
    populate_existing=True
)


def park(now: datetime) -> int:
    """Put aside the rows that cannot arrive now; return how many.

    They come back when somebody begins to wait (`wake`), and otherwise ever more rarely: after as
    long again as they have waited already.
    """
    stuck = (
        sa.select(QueueRow)
        .where(*_in_line(now), ~_can_arrive())
        .order_by(QueueRow.id)
        .limit(PARKED_AT_ONCE)
        .with_for_update(skip_locked=True, of=QueueRow)
    )
    rows = db.session.scalars(stuck).all()
    for row in rows:
        row.try_at = now + min(max(now - row.created_at, SOONEST), LATEST)
        row.parked_at = now
    return len(rows)


def _waking(*which: sa.ColumnElement[bool]) -> sa.sql.dml.ReturningUpdate[tuple[int]]:
    """A row that a worker holds is passed over, for that worker may wait for the caller's lock."""
    parked = (
        sa.select(QueueRow.id)
        .where(QueueRow.parked_at.is_not(None), *which)
        .with_for_update(skip_locked=True, of=QueueRow)
    )
    return (
        sa.update(QueueRow)
        .where(QueueRow.id.in_(parked))
        .values(try_at=sa.bindparam("now"), parked_at=None)
        .returning(QueueRow.id)
        .execution_options(synchronize_session=False)
    )


# Built once: every step that begins to wait for a message wakes what was put aside.
_WAKE_RECORD = _waking(
    QueueRow.business_type == sa.bindparam("of_type"),
    QueueRow.business_id == sa.bindparam("of_id"),
)
_WAKE_OVERLOOKED = _waking(QueueRow.parked_at > sa.bindparam("since"), _can_arrive())


def wake(business: tuple[str, int], now: datetime) -> None:
    """Let what was put aside for a record be tried at once: somebody waits for something new.

    What pauses after a failure goes on pausing.
    """
    db.session.execute(_WAKE_RECORD, {"of_type": business[0], "of_id": business[1], "now": now})


def wake_overlooked(now: datetime) -> int:
    """Wake what was put aside a moment ago and can arrive now; return how many.

    Who began to wait in a step that was not committed then saw nothing put aside, and was not
    seen by who put it aside. After `OVERLOOKED` no such step is under way any more.
    """
    woken = db.session.execute(_WAKE_OVERLOOKED, {"since": now - OVERLOOKED, "now": now})
    return len(woken.all())


def claim(now: datetime, *, skip: Collection[int] = ()) -> QueueRow | None:
    """Lock the oldest row that can be delivered now, or return None.

    PostgreSQL skips rows that another worker holds; SQLite writers run one after another.
    """
    return db.session.scalars(CLAIMED, {"now": now, "skip": [*skip]}).first()


def spread(row: QueueRow, now: datetime) -> int:
    """Ask for a signal to each instance that waits for a broadcast now; return how many.

    A signal is for those who wait when it is sent: nobody gets it later.
    """
    waiting = (
        sa.select(ProcessInstance.id, ProcessInstance.business_type, ProcessInstance.business_id)
        .where(
            ProcessInstance.status.in_({InstanceStatus.RUNNING, InstanceStatus.SUSPENDED}),
            ProcessInstance.id.in_(
                sa.select(Subscription.instance_id).where(
                    Subscription.kind == EventKind.SIGNAL, Subscription.message == row.name
                )
            ),
        )
        .order_by(ProcessInstance.id)
    )
    found = [each for each in db.session.execute(waiting).all() if each.id != row.instance_id]
    same = {
        "kind": QueueKind.SIGNAL,
        "name": row.name,
        "actor_id": row.actor_id,
        "payload": row.payload,
        "created_at": now,
        "try_at": now,
    }
    if found:
        _insert(
            [
                {
                    **same,
                    "business_type": each.business_type,
                    "business_id": each.business_id,
                    "instance_id": each.id,
                    "unique_key": f"signal:{row.id}:{each.id}",
                }
                for each in found
            ]
        )
    return len(found)


def settle(row: QueueRow, now: datetime) -> None:
    """Mark a delivered row as done."""
    row.status = QueueStatus.DONE
    row.parked_at, row.done_at = None, now


def postpone(row: QueueRow, error: str, now: datetime) -> bool:
    """Note a failed attempt and back off; return whether it was the last one."""
    row.attempts += 1
    row.last_error = error
    row.try_at, row.parked_at = now + timedelta(seconds=2**row.attempts), None
    if row.attempts >= MAX_ATTEMPTS:
        row.status = QueueStatus.FAILED
    return row.status == QueueStatus.FAILED


def release(row_id: int, now: datetime) -> None:
    """Let a row that was given up be tried afresh."""
    row = db.session.get_one(QueueRow, row_id, with_for_update=True)
    if row.status == QueueStatus.FAILED:
        row.status, row.attempts, row.try_at = QueueStatus.WAITING, 0, now
