"""Reads of running processes: instances, the records they are about, and where each stands."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import defer, joinedload

from app.core.db import db
from app.core.errors import DomainError, NotFound
from app.core.search import holds
from app.declarations.models import Declaration
from app.declarations.queries import BUSINESS as DECLARATION
from app.engine import care, handlers, timers
from app.engine.definitions import Bundle, Node, bundle_of
from app.engine.handlers import Business, Card
from app.engine.models import (
    Incident,
    IncidentStatus,
    InstanceStatus,
    ItemStatus,
    ProcessInstance,
    ProcessVersion,
    StepLog,
    Subscription,
    Timer,
    WorkItem,
)

LARGEST_ID = 2**63 - 1
MOST_SHOWN = 20
LOOKED_THROUGH = 50_000
"""In how many of the latest tasks words are looked for."""
MOST_FOUND = 500
"""How many records words may find."""
GONE = "（找不到业务记录）"
STATES = {
    InstanceStatus.RUNNING: ("办理中", "info"),
    InstanceStatus.SUSPENDED: ("已暂停", "warning"),
    InstanceStatus.COMPLETED: ("已办结", "success"),
    InstanceStatus.CANCELLED: ("已作废", "secondary"),
    InstanceStatus.FAILED: ("出错结束", "danger"),
}


LIVING = "living"
"""What is asked for where everything under way is wanted, halted or not (在办)."""


@dataclass(frozen=True)
class Filters:
    """What a person asks of the list of instances."""

    text: str = ""
    process: str = ""
    version: int | None = None
    state: str = ""


@dataclass(frozen=True)
class Named:
    """The records that were found by words, and what was left out, as people read it."""

    records: tuple[Business, ...] = ()
    note: str = ""


def number_in(text: str) -> int | None:
    """Return the number that somebody typed instead of words."""
    digits = text.strip()
    is_number = digits.isascii() and digits.isdecimal()
    return int(digits) if is_number and int(digits) <= LARGEST_ID else None


def _first_looked_at() -> sa.ScalarSelect[int]:
    return sa.select(sa.func.max(WorkItem.id) - LOOKED_THROUGH).scalar_subquery()


def named(text: str) -> Named:
    """Look in the latest tasks for records whose titles hold these words, the newest first.

    Other words that a task is found by are not in the list, where people would look for them. No
    index knows parts of words: what is read, and what is returned, is bounded.
    """
    held = holds(WorkItem.words, text)
    titled = [WorkItem.title.icontains(word, autoescape=True) for word in text.split()]
    if not held:
        return Named()
    place = (WorkItem.business_type, WorkItem.business_id)
    found = sa.select(*place).where(WorkItem.id > _first_looked_at(), *held, *titled)
    newest = found.group_by(*place).order_by(sa.func.max(WorkItem.id).desc()).limit(MOST_FOUND + 1)
    records = [(row.business_type, row.business_id) for row in db.session.execute(newest)]
    return Named(tuple(records[:MOST_FOUND]), _left_out(is_full=len(records) > MOST_FOUND))


def _left_out(*, is_full: bool) -> str:
    if is_full:
        return f"符合的事项很多，只列出最近的 {MOST_FOUND} 个；请输入更多的字，或完整的申报编号。"
    older = sa.select(WorkItem.id).where(WorkItem.id <= _first_looked_at()).limit(1)
    if db.session.scalar(older) is None:
        return ""
    return (
        f"按事项只在最近的 {LOOKED_THROUGH} 个任务中查找；更早的，请填写完整的实例号或申报编号。"
    )


def is_about(text: str, found: Named) -> sa.ColumnElement[bool]:
    """Return the condition that an instance is of a record found by its words, or by a number.

    A number, of an instance or of a declaration, is found however old it is.
    """
    filed = sa.select(Declaration.id).where(Declaration.number == text.strip())
    records = [*found.records, *((DECLARATION, number) for number in db.session.scalars(filed))]
    # By their ids, which every database finds without reading the others.
    ids = {number_in(text), *_instances_of(records)} - {None}
    return ProcessInstance.id.in_(ids)


def _instances_of(records: Iterable[Business]) -> Iterable[int]:
    numbers: dict[str, list[int]] = {}
    for kind, number in records:
        numbers.setdefault(kind, []).append(number)
    of_kind = (
        sa.and_(ProcessInstance.business_type == kind, ProcessInstance.business_id.in_(found))
        for kind, found in numbers.items()
    )
    return db.session.scalars(sa.select(ProcessInstance.id).where(sa.or_(sa.false(), *of_kind)))


def search(filters: Filters, found_by_words: Named) -> sa.Select[tuple[ProcessInstance]]:
    """Select instances, the newest first; without a state, every one."""
    found = sa.select(ProcessInstance)
    if filters.process:
        found = found.where(ProcessInstance.process_key == filters.process)
    if filters.version is not None:
        found = found.where(ProcessInstance.version_id == filters.version)
    if filters.state == LIVING:
        found = found.where(ProcessInstance.status.in_(care.LIVING))
    elif filters.state in STATES:
        found = found.where(ProcessInstance.status == filters.state)
    if filters.text.strip():
        found = found.where(is_about(filters.text, found_by_words))
    # The tree is large, and no list shows it.
    slim = (joinedload(ProcessInstance.version), defer(ProcessInstance.state))
    return found.options(*slim).order_by(ProcessInstance.id.desc())


def instance(instance_id: int) -> ProcessInstance:
    """Return an instance. Raises NotFound."""
    found = db.session.get(ProcessInstance, instance_id)
    if found is None:
        raise NotFound("没有这个流程实例")
    return found


def titles_of(businesses: Collection[Business]) -> dict[Business, str]:
    """Return what records are called, as their last task or else their room says it."""
    if not businesses:
        return {}
    record = sa.tuple_(WorkItem.business_type, WorkItem.business_id)
    last = (
        sa.select(sa.func.max(WorkItem.id))
        .where(record.in_(list(businesses)))
        .group_by(WorkItem.business_type, WorkItem.business_id)
    )
    named = sa.select(WorkItem.business_type, WorkItem.business_id, WorkItem.title)
    rows = db.session.execute(named.where(WorkItem.id.in_(last)))
    found = {(row.business_type, row.business_id): row.title for row in rows}
    return found | {each: title_of(each) for each in businesses if each not in found}


def numbers_of(businesses: Collection[Business]) -> dict[Business, str]:
    """Return the numbers of the declarations among these records (申报编号)."""
    ids = [number for kind, number in businesses if kind == DECLARATION]
    named = sa.select(Declaration.id, Declaration.number).where(Declaration.id.in_(ids))
    return {(DECLARATION, row.id): row.number for row in db.session.execute(named) if row.number}


def title_of(business: Business) -> str:
    """Return what a room calls a record; a word that says so when the room cannot tell."""
    card = card_of(business)
    return card.title if card else GONE


def card_of(business: Business) -> Card | None:
    """Return how a room shows a record, None when it cannot tell."""
    try:
        return handlers.presenter.get(business[0])(business[1])
    except (handlers.UnknownHandler, DomainError, NoResultFound):
        return None


def business_of(found: ProcessInstance) -> Business:
    """Return type and id of the record that an instance is about."""
    return (found.business_type, found.business_id)


def waiting_at(instance_ids: Iterable[int]) -> dict[int, list[str]]:
    """Return the names of the open tasks of several instances."""
    waiting = sa.select(WorkItem.instance_id, WorkItem.name).where(
        WorkItem.instance_id.in_(list(instance_ids)), WorkItem.status == ItemStatus.OPEN
    )
    names: dict[int, list[str]] = {}
    for row in db.session.execute(waiting.order_by(WorkItem.id)):
        if row.name not in names.setdefault(row.instance_id, []):
            names[row.instance_id].append(row.name)
    return names


def overdue_timers(now: datetime) -> Sequence[sa.Row[tuple[Timer, ProcessInstance]]]:
    """Return the first timers that should have fired, each with its instance."""
    due = (
        sa.select(Timer, ProcessInstance)
        .join(ProcessInstance, ProcessInstance.id == Timer.instance_id)
        .where(timers.overdue(now), ProcessInstance.status == InstanceStatus.RUNNING)
        .options(defer(ProcessInstance.state), joinedload(ProcessInstance.version))
    )
    return db.session.execute(due.order_by(Timer.due_at).limit(MOST_SHOWN)).all()


@dataclass(frozen=True)
class Standing:
    """Where an instance stands: what it waits for, and its diagrams with their marks."""

    items: Sequence[WorkItem]
    timers: Sequence[Timer]
    waits: Sequence[Subscription]
    incidents: Sequence[Incident]
    nodes: dict[str, Node]
    # Why the diagram cannot be shown, in words.
    fault: str
    marks: dict[str, list[str]]

    def drawn(self, node: str | None) -> str:
        """Return what people call a node."""
        drawn = self.nodes.get(node or "")
        return (drawn.name if drawn else "") or node or "—"

    @property
    def process(self) -> str:
        """The process whose diagram shows where it stands; empty: its own."""
        places = [*self.marks["failed"], *self.marks["now"]]
        drawn = [self.nodes[place] for place in places if place in self.nodes]
        return drawn[0].process if drawn else ""


def bundle_or_fault(found: ProcessInstance | ProcessVersion) -> tuple[Bundle | None, str]:
    """Return the bundle of an instance or version, or why it cannot be read."""
    try:
        return bundle_of(found), ""
    except NotFound as error:
        return None, error.message


def node_name(found: ProcessInstance | ProcessVersion | None, node: str | None) -> str:
    """Return what people call a node; nothing when nobody can tell."""
    bundle = bundle_or_fault(found)[0] if found is not None else None
    drawn = [each.name for each in bundle.nodes if each.id == node] if bundle else []
    return drawn[0] if drawn else ""


def place_name(incident: Incident) -> str:
    """Return what people called the place of an incident in the version that it happened in."""
    version = db.session.get(ProcessVersion, incident.version_id) if incident.version_id else None
    instance = db.session.get(ProcessInstance, incident.instance_id or 0)
    return node_name(version or instance, incident.node) or incident.node or "—"


def ending_of(found: ProcessInstance) -> Incident | None:
    """Return what an instance ended of that ended as failed (出错结束): its last incident."""
    if found.status != InstanceStatus.FAILED:
        return None
    told = sa.select(Incident).where(Incident.instance_id == found.id)
    return db.session.scalars(told.order_by(Incident.id.desc()).limit(1)).first()


def standing(found: ProcessInstance) -> Standing:
    """Return where an instance stands, from its rows alone: the tree may be unreadable."""
    items = _rows(WorkItem, found, WorkItem.status == ItemStatus.OPEN)
    timers, waits = _rows(Timer, found), _rows(Subscription, found)
    incidents = _rows(Incident, found, Incident.status == IncidentStatus.OPEN)
    bundle, fault = bundle_or_fault(found)
    done = sa.select(StepLog.node).where(
        StepLog.instance_id == found.id, StepLog.kind != care.CARE
    )
    marks = {
        "done": list(db.session.scalars(done.order_by(StepLog.id))),
        "now": [each.node for each in (*items, *timers, *waits)],
        "failed": [each.node for each in incidents if each.node],
    }
    nodes = {node.id: node for node in bundle.nodes} if bundle else {}
    return Standing(items, timers, waits, incidents, nodes, fault, marks)


def dates_of_record(found: ProcessInstance, standing: Standing) -> dict[int, str]:
    """Return which timers wait for a date of the record: why it is fixed, nothing if it moves."""
    dates = {}
    for timer in standing.timers:
        drawn = standing.nodes.get(timer.node)
        kept = handlers.kept_time(found.business_type, drawn.awaits) if drawn else None
        if kept is not None:
            dates[timer.id] = kept.fixed(found.business_id)
    return dates


def stopped_in(version: ProcessVersion, node: str | None) -> Standing:
    """Return where a process stopped that never came to be: its failed start in the diagram."""
    bundle, fault = bundle_or_fault(version)
    nodes = {each.id: each for each in bundle.nodes} if bundle else {}
    marks: dict[str, list[str]] = {"done": [], "now": [], "failed": [node] if node else []}
    return Standing([], [], [], [], nodes, fault, marks)


def _rows(table: Any, found: ProcessInstance, *where: sa.ColumnElement[bool]) -> Sequence[Any]:
    of_instance = sa.select(table).where(table.instance_id == found.id, *where)
    return db.session.scalars(of_instance.order_by(table.id)).all()
