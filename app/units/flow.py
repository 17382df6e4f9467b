"""The flow log (流转日志) of a record, with the names and offices that people read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest

from sqlalchemy import or_, select

from app.accounts.queries import names_of
from app.core.db import db
from app.core.permissions import ROLES
from app.engine.models import ProcessInstance, StepLog, WorkItem
from app.units.history import names_then
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

    What is done names its office as it was called then (单位沿革). Of the steps that nobody took,
    those are told that have a word to say, and an event is not told where what it set off is. With
    `instance_id`, of this one process alone.
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
    then = names_then((s.scope_id, s.at) for s in steps if s.scope_kind == "org" and s.scope_id)
    today = unit_names(i.scope_id for i in waiting if i.scope_kind == "org" and i.scope_id)
    done = [
        _line(s, names, then.get((s.scope_id or 0, s.at), "")) for s in _without_triggers(steps)
    ]
    return [*done, *(_line(i, names, today.get(i.scope_id or 0, "")) for i in waiting)]


def _without_triggers(steps: Sequence[StepLog]) -> list[StepLog]:
    """Leave out the events, such as a day that came, whose effect is told at the same moment."""
    followed = zip_longest(steps, steps[1:])
    return [step for step, after in followed if not (after and _only_triggers(step, after))]


def _only_triggers(step: StepLog, after: StepLog) -> bool:
    says = step.actor_id or step.outcome or step.note
    return (
        step.kind == "event"
        and not says
        and (after.instance_id, after.at, after.actor_id) == (step.instance_id, step.at, None)
    )


def _line(of: StepLog | WorkItem, names: dict[int, str], office: str) -> LogEntry:
    step = of if isinstance(of, StepLog) else None
    return LogEntry(
        at=of.at if isinstance(of, StepLog) else of.opened_at,
        name=of.name,
        role_name=ROLES.get(of.role or "", ""),
        office=office if of.scope_kind == "org" else "",
        actor_name=_actor(step, names) if step else "",
        outcome=step.outcome or "" if step else "",
        note=step.note or "" if step else "",
        open=step is None,
    )


def _actor(step: StepLog, names: dict[int, str]) -> str:
    return names.get(step.actor_id, "") if step.actor_id else "系统自动"


def open_items(business: tuple[str, int]) -> list[WorkItem]:
    """Return the tasks of a record that wait for somebody."""
    waiting = select(WorkItem).where(
        WorkItem.status == "open",
        WorkItem.business_type == business[0],
        WorkItem.business_id == business[1],
    )
    return list(db.session.scalars(waiting.order_by(WorkItem.id)))


def last_vetting(business: tuple[str, int]) -> WorkItem | None:
    """Return the latest task in which an office judges a record, open or done.

    A record that was mended may have gone on to another office: the former one lets go of it.
    """
    judged = select(WorkItem).where(
        WorkItem.business_type == business[0],
        WorkItem.business_id == business[1],
        WorkItem.page.is_(None),
    )
    return db.session.scalars(judged.order_by(WorkItem.id.desc()).limit(1)).first()
