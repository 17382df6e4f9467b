"""Who is left to do what waits: tasks that nobody can do (无人可办理), roles with one holder."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, aliased, joinedload

from app.accounts.models import Credential, RoleGrant
from app.accounts.queries import is_live
from app.core.db import db
from app.engine.models import ItemStatus, ProcessInstance, WorkItem

Condition = sa.ColumnElement[bool]


class _Unit(Protocol):
    """A unit, of whose room this one knows no more."""

    id: Any


Place = TypeVar("Place", bound=_Unit)


def without_hands(items: Collection[WorkItem], now: datetime) -> set[int]:
    """Return the ids of the tasks that nobody can do (无人可办理) unless they are given away.

    Whoever held the role there has left, or is the one whom the task leaves out. All are asked
    about at once, however many there are.
    """
    asked = {each.id for each in items if not each.is_personal}
    if not asked:
        return set()
    return set(
        db.session.scalars(sa.select(WorkItem.id).where(WorkItem.id.in_(asked), ~_hands(now)))
    )


def idle_tasks(now: datetime) -> sa.Select[tuple[WorkItem]]:
    """Select every open task that nobody can do, the longest waiting first."""
    idle = sa.select(WorkItem).where(
        WorkItem.status == ItemStatus.OPEN, WorkItem.is_personal.is_(False), ~_hands(now)
    )
    return idle.order_by(WorkItem.opened_at, WorkItem.id)


def count_idle(now: datetime) -> int:
    """Count the open tasks that nobody can do."""
    idle = idle_tasks(now).with_only_columns(sa.func.count(WorkItem.id)).order_by(None)
    return db.session.scalar(idle) or 0


def idle_at(
    unit_ids: Collection[int] | sa.Select[tuple[int]], now: datetime
) -> dict[tuple[int, str], int]:
    """Count the open tasks that nobody can do of units, by unit and role."""
    place = (WorkItem.scope_id, WorkItem.role)
    found = idle_tasks(now).where(WorkItem.scope_kind == "org", WorkItem.scope_id.in_(unit_ids))
    counted = found.with_only_columns(*place, sa.func.count()).order_by(None).group_by(*place)
    return {(row[0] or 0, row[1]): row[2] for row in db.session.execute(counted)}


def _hands(now: datetime) -> Condition:
    """Tell of a task that somebody who can sign in may take it, as `taking.may_take` judges."""
    given = sa.exists().where(Credential.person_id == WorkItem.assignee_id, Credential.is_enabled)
    is_kind = RoleGrant.scope_kind == WorkItem.scope_kind
    there = sa.or_(
        sa.and_(is_kind, RoleGrant.scope_id == WorkItem.scope_id),
        sa.and_(is_kind, RoleGrant.scope_id.is_(None), WorkItem.scope_id.is_(None)),
        RoleGrant.scope_kind == "all",
    )
    held = sa.exists().where(
        RoleGrant.role == WorkItem.role,
        there,
        _can_act(now),
        RoleGrant.person_id.is_distinct_from(WorkItem.excluded_id),
        RoleGrant.person_id.is_distinct_from(WorkItem.apart_id),
        RoleGrant.person_id.is_distinct_from(WorkItem.about_id),
    )
    return sa.or_(given, sa.and_(WorkItem.assignee_id.is_(None), held))


def _can_act(now: datetime) -> Condition:
    """Tell of a role that it is held now, by somebody whose account is not disabled (停用)."""
    able = sa.exists().where(Credential.person_id == RoleGrant.person_id, Credential.is_enabled)
    return sa.and_(is_live(now), able)


def has_able_holder(
    role: str | InstrumentedAttribute[str],
    unit_id: InstrumentedAttribute[int] | InstrumentedAttribute[int | None],
    now: datetime,
    *more: Condition,
) -> Condition:
    """Tell of a unit that somebody who can sign in, and of whom `more` holds, has a role there."""
    return sa.exists().where(
        RoleGrant.role == role,
        RoleGrant.scope_kind == "org",
        RoleGrant.scope_id == unit_id,
        _can_act(now),
        *more,
    )


def able_holders(role: str, unit_ids: Collection[int], now: datetime) -> dict[int, set[int]]:
    """Return who holds a role at each of some units and can sign in; units without one are out."""
    held = sa.select(RoleGrant.scope_id, RoleGrant.person_id).where(
        RoleGrant.role == role,
        RoleGrant.scope_kind == "org",
        RoleGrant.scope_id.in_(unit_ids),
        _can_act(now),
    )
    found: dict[int, set[int]] = {}
    for unit_id, person_id in db.session.execute(held):
        found.setdefault(unit_id, set()).add(person_id)
    return found


def able_at(role: str, unit_id: int, now: datetime) -> set[int]:
    """Return who holds a role at a unit and can sign in: what is sent there reaches them."""
    return able_holders(role, [unit_id], now).get(unit_id, set())


def first_able(
    role: str, units: Collection[Place], now: datetime, *, but: Collection[int | None]
) -> Place | None:
    """Return the first of some units where somebody other than these people can act in a role."""
    able = able_holders(role, [unit.id for unit in units], now)
    return next((unit for unit in units if able.get(unit.id, set()) - {*but}), None)


@dataclass(frozen=True)
class LeftBehind:
    """What a role at a unit leaves behind when its holder goes."""

    # The open tasks of the role there that lie with its holder, alone or with others.
    tasks: int
    # Whether nobody else who holds it there can sign in.
    is_last: bool

    def told(self, role: str, place: str) -> str:
        """Say what comes of it where the role, by its name, ends at a place."""
        if self.is_last:
            waiting = f"，{self.tasks} 项待办任务将无人办理" if self.tasks else ""
            return f"{place}没有其他{role}{waiting}"
        return f"{self.tasks} 项待办任务仍由{place}的其他{role}办理" if self.tasks else ""


def left_behind(grants: Sequence[RoleGrant], now: datetime) -> dict[int, LeftBehind]:
    """Return of the roles of units what each would leave behind if it ended now, by grant."""
    ends = aliased(RoleGrant)
    is_other = RoleGrant.person_id != ends.person_id
    others = has_able_holder(ends.role, ends.scope_id, now, is_other)
    tasks = sa.select(sa.func.count(WorkItem.id)).where(_hangs_on(ends)).scalar_subquery()
    asked = sa.select(ends.id, tasks, ~others).where(
        ends.id.in_([grant.id for grant in grants]), ends.scope_kind == "org"
    )
    return {row[0]: LeftBehind(row[1], is_last=row[2]) for row in db.session.execute(asked)}


def tasks_of(grant: RoleGrant) -> sa.Select[tuple[WorkItem]]:
    """Select the open tasks that hang on a role of a unit, the longest waiting first.

    Each comes with the version of its process, which tells what it is a part of.
    """
    version = joinedload(WorkItem.instance).load_only(ProcessInstance.status)
    found = sa.select(WorkItem).where(_hangs_on(grant))
    loaded = found.options(version.joinedload(ProcessInstance.version))
    return loaded.order_by(WorkItem.opened_at, WorkItem.id)


def _hangs_on(grant: RoleGrant | type[RoleGrant]) -> Condition:
    """Tell of a task that it waits for a role of a unit, or was given to its holder in that."""
    there = sa.and_(WorkItem.scope_kind == "org", WorkItem.scope_id == grant.scope_id)
    given = sa.and_(WorkItem.assignee_id == grant.person_id, WorkItem.is_personal.is_(False))
    is_open = WorkItem.status == ItemStatus.OPEN
    return sa.and_(is_open, WorkItem.role == grant.role, sa.or_(there, given))
