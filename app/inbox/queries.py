"""Reads of the task centre: only work_item is read, never the engine's trees."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import joinedload

from app.accounts.queries import names_of
from app.core.db import db
from app.core.instants import day_in, end_of, start_of
from app.core.permissions import Grant
from app.core.search import holds
from app.engine.models import ItemStatus, ProcessInstance, StepLog, WorkItem
from app.engine.taking import HALTED, taken_by
from app.inbox.models import Draft
from app.review.models import Meeting
from app.units.models import Unit

Scope = tuple[str, int | None]


@dataclass(frozen=True)
class Filters:
    """What a person asks of a list of tasks."""

    text: str = ""
    step: str = ""
    due_before: datetime | None = None
    # From when and until when they were done.
    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def asked(cls, args: Mapping[str, str]) -> "Filters":
        """Read the filters from an address; what is no day narrows nothing."""
        due, since, until = (day_in(args.get(name, "")) for name in ("due", "since", "until"))
        return cls(
            args.get("q", ""),
            args.get("step", ""),
            due_before=end_of(due) if due else None,
            since=start_of(since) if since else None,
            until=end_of(until) if until else None,
        )


def open_tasks(
    person_id: int, grants: Sequence[Grant], filters: Filters
) -> Select[tuple[WorkItem]]:
    """Select the tasks that wait for a person, the most urgent first and the halted last."""
    found = select(WorkItem).where(
        WorkItem.status == ItemStatus.OPEN, taken_by(person_id, grants), *_conditions(filters)
    )
    # The version tells which form a task has; the state of the instance is not read.
    version = joinedload(WorkItem.instance).load_only(
        ProcessInstance.bundle_hash, ProcessInstance.status
    )
    urgent = (WorkItem.due_at.is_(None), WorkItem.due_at, WorkItem.id)
    return found.options(version).order_by(HALTED, *urgent)


def done_tasks(person_id: int, filters: Filters) -> Select[tuple[WorkItem]]:
    """Select the tasks that a person has done, the latest first."""
    found = select(WorkItem).where(
        WorkItem.status == ItemStatus.DONE,
        WorkItem.done_by == person_id,
        *_conditions(filters),
    )
    return found.order_by(WorkItem.done_at.desc(), WorkItem.id.desc())


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    conditions = holds(WorkItem.words, filters.text)
    if filters.step:
        conditions.append(WorkItem.name == filters.step)
    if filters.due_before:
        conditions.append(WorkItem.due_at < filters.due_before)
    if filters.since:
        conditions.append(WorkItem.done_at >= filters.since)
    if filters.until:
        conditions.append(WorkItem.done_at < filters.until)
    return conditions


def step_names(person_id: int, grants: Sequence[Grant]) -> list[str]:
    """Return the names of the steps that wait for a person, for the filter."""
    names = select(WorkItem.name).where(
        WorkItem.status == ItemStatus.OPEN, taken_by(person_id, grants)
    )
    return sorted(set(db.session.scalars(names.distinct())))


def done_step_names(person_id: int) -> list[str]:
    """Return the names of the steps that a person has done, for the filter."""
    names = select(WorkItem.name).where(
        WorkItem.status == ItemStatus.DONE, WorkItem.done_by == person_id
    )
    return sorted(set(db.session.scalars(names.distinct())))


def results_of(items: Iterable[WorkItem]) -> dict[int, str]:
    """Return the words in which tasks were done (通过, 退回…), of those that have one."""
    listed = list(items)
    said = select(StepLog.instance_id, StepLog.node, StepLog.at, StepLog.outcome).where(
        StepLog.instance_id.in_({item.instance_id for item in listed}),
        StepLog.at.in_({item.done_at for item in listed}),
        StepLog.outcome.is_not(None),
    )
    words: dict[tuple[int, str, datetime | None], str] = {
        (instance_id, node, at): word or ""
        for instance_id, node, at, word in db.session.execute(said).tuples()
    }
    found = {item.id: words.get((item.instance_id, item.node, item.done_at)) for item in listed}
    return {item_id: word for item_id, word in found.items() if word}


def open_counts(person_id: int, grants: Sequence[Grant]) -> tuple[int, int]:
    """Count the tasks that a person is to do now, and those that are halted."""
    count = func.count(WorkItem.id)
    found = select(count.filter(~HALTED), count.filter(HALTED)).where(
        WorkItem.status == ItemStatus.OPEN, taken_by(person_id, grants)
    )
    to_do, halted = db.session.execute(found).one()
    return to_do, halted


def draft_of(item_id: int, person_id: int) -> Draft | None:
    """Return what a person has typed into a task so far."""
    return db.session.scalars(
        select(Draft).where(Draft.work_item_id == item_id, Draft.person_id == person_id)
    ).first()


def kept_draft(item_id: int, person_id: int) -> Draft:
    """Return a draft that exists, locked until the transaction ends."""
    of_person = select(Draft).where(Draft.work_item_id == item_id, Draft.person_id == person_id)
    locked = of_person.with_for_update().execution_options(populate_existing=True)
    return db.session.scalars(locked).one()


def scope_names(grants: Sequence[Grant]) -> dict[Scope, str]:
    """Return the names of the units and meetings in which roles are held."""
    names: dict[Scope, str] = {}
    for kind, table in (("org", Unit), ("meeting", Meeting)):
        ids = {grant.scope_id for grant in grants if grant.scope_kind == kind}
        if ids:
            rows = db.session.execute(select(table.id, table.name).where(table.id.in_(ids)))
            names |= {(kind, row.id): row.name for row in rows}
    return names


WIDE = {"all": "全平台", "jurisdiction": "本地区"}


def places_of(items: Iterable[WorkItem]) -> dict[int, str]:
    """Return who has each task: a unit, a meeting or a person by name, or a whole area."""
    listed = list(items)
    names = place_names((item.scope_kind, item.scope_id) for item in listed)
    return {item.id: names[item.scope_kind, item.scope_id] for item in listed}


def place_names(scopes: Iterable[Scope]) -> dict[Scope, str]:
    """Return what people call these units, meetings, people and areas."""
    wanted = set(scopes)
    rooms = scope_names([Grant("", kind, number) for kind, number in wanted])
    people = names_of(number for kind, number in wanted if kind == "person")
    return {
        (kind, number): WIDE.get(kind)
        or (people.get(number or 0) if kind == "person" else rooms.get((kind, number)))
        or "（已不存在）"
        for kind, number in wanted
    }
