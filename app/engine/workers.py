"""What moves instances without anybody acting: messages, signals, due timers.

Each function opens a transaction for every single thing it does, so that one failure undoes
nothing else; call them outside of one. A killed worker leaves no lock behind, and what it had not
committed is found again by its row.
"""

from datetime import datetime

from app.core.db import db, transaction
from app.core.errors import StaleTask
from app.engine import incidents, queue, runtime, timers
from app.engine.models import ProcessInstance, QueueKind, QueueRow, QueueStatus
from app.engine.walk import Walk


def deliver_messages(now: datetime, limit: int = 100) -> int:
    """Deliver queued starts and messages, each in its own transaction; return how many.

    A row that fails is tried again later and becomes an incident after some attempts. Call it
    outside any transaction.
    """
    delivered = 0
    failed: set[int] = set()
    for _ in range(limit):
        row_id = None
        try:
            with transaction():
                row = queue.claim(now, skip=failed)
                if row is None:
                    if queue.wake_overlooked(now):
                        continue
                    queue.park(now)
                    break
                row_id = row.id
                _deliver_row(row, now)
                queue.settle(row, now)
        except Exception as error:
            if row_id is None:
                raise
            failed.add(row_id)
            _note_failed_row(row_id, error, now)
        else:
            delivered += 1
    return delivered


def _deliver_row(row: QueueRow, now: datetime) -> None:
    business = (row.business_type, row.business_id)
    if row.kind == QueueKind.MESSAGE:
        runtime.deliver(business, row.name, now=now, data=row.payload)
    elif row.kind == QueueKind.BROADCAST:
        queue.spread(row, now)
    elif row.kind == QueueKind.SIGNAL:
        _deliver_signal(row, now)
    else:
        runtime.start(
            row.name,
            business=business,
            jurisdiction=row.jurisdiction,
            actor_id=row.actor_id,
            now=now,
            data=row.payload,
        )


def _deliver_signal(row: QueueRow, now: datetime) -> None:
    """Tell the instance of a row; one that has gone on in the meantime is left alone."""
    try:
        instance = runtime.locked(row.instance_id or 0)
    except StaleTask:
        return
    walk = Walk(instance, now)
    with walk.guarded():
        if walk.signal(row.name, row.payload):
            walk.finish()


def _note_failed_row(row_id: int, error: Exception, now: datetime) -> None:
    with transaction():
        row = db.session.get_one(QueueRow, row_id, with_for_update=True)
        # Another worker may have delivered it meanwhile.
        waits = row.status == QueueStatus.WAITING
        if waits and queue.postpone(row, incidents.describe(error), now):
            incidents.record(error, now, queue_row_id=row_id)


def fire_due_timers(now: datetime, limit: int = 100) -> int:
    """Fire the timers due at `now`, one instance a transaction; return how many instances moved.

    What was due first comes first, so that a downtime is caught up in order. A step that fails
    is tried again later and becomes an incident after some attempts. Call it outside any
    transaction.
    """
    fired = 0
    tried: set[int] = set()
    for _ in range(limit):
        instance_id = None
        try:
            with transaction():
                instance = timers.claim(now, skip=frozenset(tried))
                if instance is None:
                    break
                instance_id = instance.id
                tried.add(instance_id)
                moved = _fire(instance, now)
        except Exception as error:
            if instance_id is None:
                raise
            _note_failed_timer(instance_id, error, now)
        else:
            fired += moved
    return fired


def _fire(instance: ProcessInstance, now: datetime) -> bool:
    """Fire what is due; nothing is when somebody's step came first."""
    walk = Walk(instance, now)
    timers.forget(instance.id, now, walk.waiting_timers())
    with walk.guarded():
        fired = walk.fire()
        if fired:
            walk.finish()
    return fired


def _note_failed_timer(instance_id: int, error: Exception, now: datetime) -> None:
    with transaction():
        if timers.postpone(instance_id, now):
            incidents.record(error, now)
