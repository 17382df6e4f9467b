"""From the engine's tree to tables: what waits for people, for a moment, for a message.

The tree is compared with itself before the step, so that a step writes only what it changed and
reads nothing back.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from SpiffWorkflow.bpmn.specs.event_definitions import (
    MessageEventDefinition,
    SignalEventDefinition,
)
from SpiffWorkflow.bpmn.specs.event_definitions.multiple import MultipleEventDefinition
from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent
from SpiffWorkflow.util.task import TaskState

from app.core.clock import ZONE
from app.core.db import db
from app.core.search import folded
from app.engine import environment, handlers, queue, state
from app.engine.answers import RECORD_ANSWERS
from app.engine.diagrams import Node
from app.engine.handlers import Card, Scope, Step
from app.engine.models import (
    EventKind,
    ItemStatus,
    ProcessInstance,
    Subscription,
    Timer,
    WorkItem,
)
from app.engine.moments import due_at


@dataclass(frozen=True)
class Waiting:
    """What an instance waits for: human tasks, timers, and events (task, node, kind, name)."""

    tasks: Mapping[str, Any]
    timers: Mapping[str, tuple[str, datetime]]
    events: frozenset[tuple[str, str, str, str]]


NOTHING = Waiting({}, {}, frozenset())


def waiting_of(workflow: Any) -> Waiting:
    """Return what a workflow waits for."""
    tasks: dict[str, Any] = {}
    moments: dict[str, tuple[str, datetime]] = {}
    events: set[tuple[str, str, str, str]] = set()
    for task in state.live_tasks(workflow):
        key = str(task.id)
        if task.state == TaskState.READY:
            if task.task_spec.manual:
                tasks[key] = task
        elif isinstance(task.task_spec, CatchingEvent):
            due = due_at(task.internal_data.get("event_value"))
            if due is not None:
                moments[key] = (task.task_spec.bpmn_id, due)
            events |= {(key, task.task_spec.bpmn_id, *awaited) for awaited in _awaited(task)}
    return Waiting(tasks, moments, frozenset(events))


def _awaited(task: Any) -> Iterator[tuple[str, str]]:
    definition = task.task_spec.event_definition
    several = isinstance(definition, MultipleEventDefinition)
    for each in definition.event_definitions if several else [definition]:
        if isinstance(each, MessageEventDefinition):
            yield (EventKind.MESSAGE, each.name)
        elif isinstance(each, SignalEventDefinition):
            yield (EventKind.SIGNAL, each.name)


def close_items(before: Waiting, after: Waiting, done: str | None) -> None:
    """Cancel the open items whose tasks are gone; `done` is the one completed just now."""
    gone = before.tasks.keys() - after.tasks.keys() - {done}
    if gone:
        db.session.execute(
            sa.update(WorkItem)
            .where(WorkItem.task_uuid.in_(gone), WorkItem.status == ItemStatus.OPEN)
            .values(status=ItemStatus.CANCELLED)
        )


def item_of(task: Any, node: Node, step: Step, card: Card) -> dict[str, object]:
    """Return the work item of a task that has become ready, as a row."""
    named = node.properties
    scope = _scope_of(named.get("scope"), step)
    return {
        "instance_id": step.instance.id,
        "task_uuid": str(task.id),
        "process": node.process,
        "node": node.id,
        "name": node.name,
        "form": named.get("form"),
        "page": named.get("page"),
        "save": named.get("save") or RECORD_ANSWERS,
        "role": named.get("role", ""),
        "scope_kind": scope.kind,
        "scope_id": scope.id,
        "excluded_id": scope.excluded_id,
        "apart_id": _apart(named.get("apart"), node, step),
        "about_id": scope.about_id,
        "assignee_id": scope.id if scope.kind == "person" else None,
        "is_personal": scope.kind == "person",
        "title": card.title[:300],
        "words": folded(card.words),
        "jurisdiction": step.instance.jurisdiction,
        "business_type": step.instance.business_type,
        "business_id": step.instance.business_id,
        "opened_at": step.now,
        "due_at": _due(named.get("due"), step.now),
    }


def redraw(item: WorkItem, node: Node, former: Node | None, step: Step) -> None:
    """Show an open work item as another version draws its node.

    Whose it is and until when stays, unless that is what the other version draws differently.
    """
    named = node.properties
    was = former.properties if former else {}
    item.process, item.name = node.process, node.name
    item.form, item.page = named.get("form"), named.get("page")
    item.save = named.get("save") or RECORD_ANSWERS
    item.role = named.get("role", "")
    if named.get("scope") != was.get("scope"):
        scope = _scope_of(named.get("scope"), step)
        item.scope_kind, item.scope_id = scope.kind, scope.id
        item.excluded_id, item.about_id = scope.excluded_id, scope.about_id
        item.assignee_id = scope.id if scope.kind == "person" else None
        item.is_personal = scope.kind == "person"
    if named.get("apart") != was.get("apart"):
        item.apart_id = _apart(named.get("apart"), node, step)
    if named.get("due") != was.get("due"):
        item.due_at = _due(named.get("due"), item.opened_at)


def _scope_of(name: str | None, step: Step) -> Scope:
    return handlers.scope.get(name)(step) if name else Scope("all")


def _apart(other: str | None, node: Node, step: Step) -> int | None:
    """Return who last did the other task of the instance that a node names (apart)."""
    if not other:
        return None
    done = sa.select(WorkItem.done_by).where(
        WorkItem.instance_id == step.instance.id,
        WorkItem.process == node.process,
        WorkItem.node == other,
        WorkItem.status == ItemStatus.DONE,
    )
    return db.session.scalar(done.order_by(WorkItem.id.desc()).limit(1))


def _due(days: str | None, now: datetime) -> datetime | None:
    """Return the end of the last day of a limit in working days."""
    if not days:
        return None
    last = environment.workdays_after(now.astimezone(ZONE).date(), int(days))
    return datetime.combine(last + timedelta(days=1), time(), ZONE) - timedelta(seconds=1)


def write_timers(before: Waiting, after: Waiting, instance_id: int) -> None:
    """Replace the rows of timers that are new, moved or gone."""
    gone = [key for key, moment in before.timers.items() if after.timers.get(key) != moment]
    if gone:
        db.session.execute(sa.delete(Timer).where(Timer.task_uuid.in_(gone)))
    for key, (node, due) in after.timers.items():
        if before.timers.get(key) != (node, due):
            db.session.add(
                Timer(instance_id=instance_id, task_uuid=key, node=node, due_at=due, try_at=due)
            )


def write_subscriptions(
    before: Waiting, after: Waiting, instance: ProcessInstance, now: datetime
) -> None:
    """Add and drop the rows of messages and signals that are newly or no longer awaited.

    A message that came before is delivered next.
    """
    gone = {key for key, _, _, _ in before.events - after.events}
    if gone:
        db.session.execute(sa.delete(Subscription).where(Subscription.task_uuid.in_(gone)))
    new = after.events - before.events
    for key, node, kind, name in new:
        db.session.add(
            Subscription(
                instance_id=instance.id, task_uuid=key, node=node, kind=kind, message=name
            )
        )
    if any(kind == EventKind.MESSAGE for _, _, kind, _ in new):
        queue.wake((instance.business_type, instance.business_id), now)
