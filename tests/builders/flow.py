"""Playing processes in tests: find the open task, do it, let the machinery settle."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from app import worker
from app.accounts.models import Person
from app.accounts.queries import people_with_role
from app.core.clock import now
from app.core.db import db, transaction
from app.engine import runtime
from app.engine.models import WorkItem


def open_items(business: tuple[str, int], node: str | None = None) -> list[WorkItem]:
    """The open tasks of a record, oldest first."""
    query = select(WorkItem).where(
        WorkItem.status == "open",
        WorkItem.business_type == business[0],
        WorkItem.business_id == business[1],
    )
    if node:
        query = query.where(WorkItem.node == node)
    return list(db.session.scalars(query.order_by(WorkItem.id)))


def person_for(item: WorkItem) -> Person:
    """Somebody who may do a task."""
    if item.assignee_id is not None:
        return db.session.get_one(Person, item.assignee_id)
    people = people_with_role(item.role, item.scope_kind, item.scope_id, now())
    return next(each for each in people if each.id not in {item.excluded_id, item.about_id})


def do(
    business: tuple[str, int],
    node: str,
    answers: Mapping[str, Any] | None = None,
    *,
    person: Person | None = None,
) -> Person:
    """Complete the open task of a node, in a transaction of its own, and drain the queues."""
    with transaction():
        found = open_items(business, node)
        assert found, f"no open task {node}; open: {[i.node for i in open_items(business)]}"
        actor = person or person_for(found[0])
        runtime.complete(found[0], dict(answers or {}), actor_id=actor.id, now=now())
    drain()
    return actor


def drain(rounds: int = 50) -> None:
    """Deliver messages, fire timers that are due and run jobs until nothing moves."""
    worker.drain(rounds)
