"""Which items wait for a reviewer, in the order in which they came (待审核)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload, selectinload

from app.accounts.queries import live_grants
from app.core.db import db
from app.engine.models import ItemStatus, WorkItem
from app.engine.taking import HALTED, taken_by
from app.portfolio import queries
from app.portfolio.models import PortfolioItem
from app.portfolio.operations import BUSINESS
from app.portfolio.queries import Filters
from app.portfolio.sight import as_sent
from app.units.models import Unit
from app.units.queries import unit_of

Tasks = Select[tuple[WorkItem]]
OF_VETTING = (WorkItem.business_type == BUSINESS, WorkItem.node == "vet_item")
# What a task asks is read from the version of the process that it belongs to.
WITH_VERSION = joinedload(WorkItem.instance)


def waiting_for(
    person_id: int, now: datetime, node: str = "vet_item", *, halted: bool = True
) -> Tasks:
    """Select the open tasks of this person, which are never about their own items.

    Without `halted` those are left out that nobody can do anything about now.
    """
    tasks = (
        select(WorkItem)
        .join(PortfolioItem, PortfolioItem.id == WorkItem.business_id)
        .where(
            WorkItem.business_type == BUSINESS,
            WorkItem.node == node,
            WorkItem.status == ItemStatus.OPEN,
            taken_by(person_id, live_grants(person_id, now)),
        )
    )
    return tasks if halted else tasks.where(~HALTED)


def tasks_of(tasks: Tasks, item_ids: Collection[int]) -> dict[int, WorkItem]:
    """Return those of the tasks that are about these items, by item."""
    found = tasks.where(WorkItem.business_id.in_(item_ids)).options(WITH_VERSION)
    return {task.business_id: task for task in db.session.scalars(found)}


def narrowed(
    tasks: Tasks, filters: Filters, unit_ids: Collection[int], owner_id: int | None = None
) -> Tasks:
    """Keep the tasks whose items a list of units shows, the oldest first.

    The units are named so that the database reads their items, not everybody's of a type.
    """
    kept = tasks.where(
        PortfolioItem.reviewing_unit_id.in_(unit_ids),
        *filters.conditions(PortfolioItem, as_sent(PortfolioItem)),
    )
    if owner_id:
        kept = kept.where(PortfolioItem.person_id == owner_id)
    return kept.order_by(WorkItem.id)


def among(tasks: Tasks, task_ids: Collection[int]) -> dict[int, WorkItem]:
    """Return those of the tasks that are of these ids, by id."""
    found = tasks.where(WorkItem.id.in_(task_ids)).order_by(WorkItem.id)
    return {task.id: task for task in db.session.scalars(found.options(WITH_VERSION))}


def ids(tasks: Tasks, most: int) -> Sequence[int]:
    """Return the ids of the first tasks."""
    return db.session.scalars(tasks.with_only_columns(WorkItem.id).limit(most)).all()


@dataclass(frozen=True)
class Waiting:
    """How many tasks a list has, and the latest of them: by both it is known again."""

    count: int
    latest: int

    @property
    def mark(self) -> str:
        """Tells whether a list is still the one that was ticked as a whole."""
        return f"{self.count}-{self.latest}"


def waiting_in(tasks: Tasks) -> Waiting:
    """Count the tasks of a list, in one reading."""
    count, latest = func.count(WorkItem.id), func.max(WorkItem.id)
    row = db.session.execute(tasks.with_only_columns(count, latest).order_by(None)).one()
    return Waiting(row[0], row[1] or 0)


def loaded(item_ids: Collection[int]) -> Sequence[PortfolioItem]:
    """Return items with all that a decision on them reads, in a fixed number of reads."""
    found = select(PortfolioItem).where(PortfolioItem.id.in_(item_ids))
    found = found.options(
        joinedload(PortfolioItem.person),
        selectinload(PortfolioItem.files),
        selectinload(PortfolioItem.submissions),
    )
    return db.session.scalars(found).all()


@dataclass(frozen=True)
class Reviewer:
    """Who vets an item, as its owner is told."""

    unit: str
    is_above: bool
    is_colleague: bool


def reviewer_of(item: PortfolioItem, now: datetime) -> Reviewer | None:
    """Return who vets what was sent: of who reviews others, a colleague or the unit above."""
    if item.reviewing_unit_id is None:
        return None
    reviewing = db.session.get_one(Unit, item.reviewing_unit_id)
    held = set(queries.units_where(live_grants(item.person_id, now), ("unit_clerk",)))
    own = unit_of(item.person_id)
    is_above = own is not None and own.id in held and own.id != reviewing.id
    return Reviewer(reviewing.name, is_above, reviewing.id in held)
