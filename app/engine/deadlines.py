"""Moving deadlines that instances wait for (改期), and with them the dates of their records."""

from datetime import datetime

from sqlalchemy import select

from app.core.db import db
from app.core.errors import Conflict, Invalid
from app.engine import care, handlers, moments
from app.engine.definitions import Node, bundle_of
from app.engine.models import ItemStatus, ProcessInstance, Timer, WorkItem
from app.engine.walk import Walk


def move_timer(
    timer_id: int, due: datetime, *, reason: str, actor_id: int | None, now: datetime
) -> None:
    """Move the deadline that an instance waits for (改期), be it sooner or later.

    Where it is a date of the record, that is moved with it. Raises Conflict when it has fired
    meanwhile or the record's date is fixed; Invalid for a moment that is past or beyond all
    reckoning, or that the record does not allow; StepFailed.
    """
    seen = db.session.get(Timer, timer_id)
    instance = care.lock(seen.instance_id) if seen else None
    row = db.session.get(Timer, timer_id, populate_existing=True)
    if instance is None or row is None:
        raise Conflict("该时限已经到期或取消，不能改期")
    if due <= now:
        raise Invalid("新的时限必须晚于当前时间", field="due")
    if due.year > moments.LAST_YEAR:
        raise Invalid(f"新的时限最晚到 {moments.LAST_YEAR} 年", field="due")
    former, walk = row.due_at, Walk(instance, now)
    due = _date_of_record(row, instance, due, actor_id=actor_id, now=now)
    walk.move_timer(row.task_uuid, due)
    row.due_at = row.try_at = due
    row.attempts = 0
    care.note(
        instance,
        "timer_moved",
        "改期",
        reason=care.required(reason),
        actor_id=actor_id,
        now=now,
        node=_called(instance, row.node),
        due_before=former.isoformat(),
        due=due.isoformat(),
    )


def next_due(business_type: str, business_id: int) -> datetime | None:
    """Return the first moment that takes an open task of a record away; reminders take none."""
    waiting = (
        select(WorkItem, Timer)
        .join(Timer, Timer.instance_id == WorkItem.instance_id)
        .where(
            WorkItem.business_type == business_type,
            WorkItem.business_id == business_id,
            WorkItem.status == ItemStatus.OPEN,
        )
        .order_by(Timer.due_at)
    )
    for item, timer in db.session.execute(waiting).tuples():
        drawn = _drawn(item.instance, timer.node)
        if drawn is not None and drawn.ends == item.node:
            return timer.due_at
    return None


def _date_of_record(
    timer: Timer, instance: ProcessInstance, due: datetime, *, actor_id: int | None, now: datetime
) -> datetime:
    """Move the date of the record that a timer waits for; return when the timer is due then."""
    drawn = _drawn(instance, timer.node)
    kept = handlers.kept_time(instance.business_type, drawn.awaits) if drawn else None
    if kept is None:
        return due
    if said := kept.fixed(instance.business_id):
        raise Conflict(said)
    step = handlers.Step(instance, timer.node, {}, now, actor_id)
    return kept.move(step, due) if kept.move else due


def _called(instance: ProcessInstance, node_id: str) -> str:
    """Return what people call a node; its id where the drawing gives it no name."""
    drawn = _drawn(instance, node_id)
    return drawn.name if drawn else node_id


def _drawn(instance: ProcessInstance, node_id: str) -> Node | None:
    return next((node for node in bundle_of(instance).nodes if node.id == node_id), None)
