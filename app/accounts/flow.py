"""The flow log (流转日志) of a record, with the names that people read."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.accounts.queries import names_of
from app.core.db import db
from app.core.permissions import ROLES
from app.engine.models import ProcessInstance, StepLog, WorkItem


@dataclass(frozen=True)
class LogEntry:
    """A line of the flow log; `open` marks the step that waits for somebody now."""

    at: datetime | None
    name: str
    role_name: str
    actor_name: str
    outcome: str
    note: str
    open: bool = False


def flow_log(business: tuple[str, int], *, kinds: tuple[str, ...] = ()) -> list[LogEntry]:
    """Return what happened to a record in order, then the steps that are open now."""
    of_record = (
        ProcessInstance.business_type == business[0],
        ProcessInstance.business_id == business[1],
    )
    query = select(StepLog).join(ProcessInstance, ProcessInstance.id == StepLog.instance_id)
    steps = db.session.scalars(query.where(*of_record).order_by(StepLog.id)).all()
    if kinds:
        steps = [step for step in steps if step.kind in kinds]
    names = names_of(step.actor_id for step in steps)
    done = [
        LogEntry(
            step.at,
            step.name,
            ROLES.get(step.role or "", ""),
            names.get(step.actor_id or 0, ""),
            step.outcome or "",
            step.note or "",
        )
        for step in steps
    ]
    return done + [
        LogEntry(item.opened_at, item.name, ROLES.get(item.role, ""), "", "", "", open=True)
        for item in open_items(business)
    ]


def open_items(business: tuple[str, int]) -> list[WorkItem]:
    """Return the tasks of a record that wait for somebody."""
    waiting = select(WorkItem).where(
        WorkItem.status == "open",
        WorkItem.business_type == business[0],
        WorkItem.business_id == business[1],
    )
    return list(db.session.scalars(waiting.order_by(WorkItem.id)))
