"""The flow log (流转日志) of a record, with the names and offices that people read."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select

from app.accounts.queries import names_of
from app.core.db import db
from app.core.permissions import ROLES
from app.engine.models import ProcessInstance, StepLog, WorkItem
from app.units.queries import unit_names


@dataclass(frozen=True)
class LogEntry:
    """A line of the flow log; `open` marks the step that waits for somebody now."""

    at: datetime | None
    name: str
    role_name: str
    office: str
    actor_name: str
    outcome: str
    note: str
    open: bool = False


def flow_log(business: tuple[str, int], *, instance_id: int | None = None) -> list[LogEntry]:
    """Return what happened to a record in order, then the steps that are open now.

    Of the steps that nobody took, those are told that have a word to say. With `instance_id`,
    of this one process alone.
    """
    of_record = (
        ProcessInstance.business_type == business[0],
        ProcessInstance.business_id == business[1],
    )
    this = () if instance_id is None else (ProcessInstance.id == instance_id,)
    query = select(StepLog).join(ProcessInstance, ProcessInstance.id == StepLog.instance_id)
    told = or_(StepLog.kind.in_(("task", "event")), StepLog.outcome.is_not(None))
    steps = db.session.scalars(query.where(*of_record, *this, told).order_by(StepLog.id)).all()
    waiting = [i for i in open_items(business) if instance_id in (None, i.instance_id)]
    names = names_of(step.actor_id for step in steps)
    told_of: list[StepLog | WorkItem] = [*steps, *waiting]
    offices = unit_names(
        of.scope_id for of in told_of if of.scope_kind == "org" and of.scope_id is not None
    )
    done = [
        LogEntry(
            step.at,
            step.name,
            ROLES.get(step.role or "", ""),
            _office(step, offices),
            names.get(step.actor_id or 0, ""),
            step.outcome or "",
            step.note or "",
        )
        for step in steps
    ]
    return done + [
        LogEntry(
            item.opened_at,
            item.name,
            ROLES.get(item.role, ""),
            _office(item, offices),
            "",
            "",
            "",
            open=True,
        )
        for item in waiting
    ]


def _office(of: StepLog | WorkItem, offices: dict[int, str]) -> str:
    return offices.get(of.scope_id or 0, "") if of.scope_kind == "org" else ""


def open_items(business: tuple[str, int]) -> list[WorkItem]:
    """Return the tasks of a record that wait for somebody."""
    waiting = select(WorkItem).where(
        WorkItem.status == "open",
        WorkItem.business_type == business[0],
        WorkItem.business_id == business[1],
    )
    return list(db.session.scalars(waiting.order_by(WorkItem.id)))
