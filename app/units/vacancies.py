"""Posts that nobody fills (空缺): which roles a unit lacks, what waits there, who is told."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.accounts.hands import able_holders, has_able_holder, idle_at
from app.accounts.operations import notify_each
from app.accounts.queries import holders
from app.core.db import db
from app.core.permissions import ROLES
from app.units.models import Unit
from app.units.queries import path_of

KEEPER = "unit_admin"
"""Who gives a unit's other roles, and is told of what it lacks."""


@dataclass(frozen=True)
class Vacancy:
    """A role that nobody of a unit can act in, and how many tasks wait for it in vain."""

    unit: Unit
    role: str
    tasks: int
    # Whether somebody holds it, who is a party to what waits (回避).
    is_held: bool

    def told(self, place: str = "") -> str:
        """Say it in a sentence about `place`, what the unit is called to who reads it."""
        place, role = place or self.unit.name, ROLES[self.role]
        if self.is_held:
            return f"{place}的{role}须回避，{self.tasks} 项待办无人办理"
        tasks = f"，{self.tasks} 项待办无人办理" if self.tasks else ""
        return f"{place}没有{role}{tasks}"


def needed_by(unit: Unit) -> list[str]:
    """Return the roles without which a unit cannot do its own work."""
    return [KEEPER, "unit_clerk", *(["unit_leader"] * unit.has_leader)]


def vacancies_of(units: Collection[Unit], now: datetime) -> list[Vacancy]:
    """Return what open units lack: the roles that each needs, and those that tasks wait for."""
    lasting = [unit for unit in units if unit.closed_at is None]
    ids = [unit.id for unit in lasting]
    waiting = idle_at(ids, now)
    wanted = {unit.id: needed_by(unit) for unit in lasting}
    for unit_id, role in waiting:
        wanted[unit_id] += [] if role in wanted[unit_id] else [role]
    roles = {role for each in wanted.values() for role in each}
    held = {role: able_holders(role, ids, now) for role in sorted(roles)}
    return [
        Vacancy(unit, role, waiting.get((unit.id, role), 0), is_held=unit.id in held[role])
        for unit in lasting
        for role in wanted[unit.id]
        if unit.id not in held[role] or (unit.id, role) in waiting
    ]


def left_alone_below(unit_ids: Collection[int], now: datetime) -> list[Vacancy]:
    """Return what units lack that no administrator of their own can mend, where tasks wait.

    Those right below these units, and below such units in turn.
    """
    alone = (Unit.closed_at.is_(None), ~has_able_holder(KEEPER, Unit.id, now))
    below = select(Unit.id).where(Unit.parent_id.in_(unit_ids), *alone).cte(recursive=True)
    further = select(Unit.id).join(below, Unit.parent_id == below.c.id).where(*alone)
    waiting = idle_at(select(below.union(further).c.id), now)
    idle = {unit_id for unit_id, _ in waiting}
    if not idle:
        return []
    units = select(Unit).where(Unit.id.in_(idle)).order_by(Unit.name, Unit.id)
    return [each for each in vacancies_of(db.session.scalars(units).all(), now) if each.tasks]


def tell_of_vacancy(unit: Unit, role: str, *, now: datetime, actor_id: int = 0) -> None:
    """Tell who can fill a role of a unit that nobody can act in any more, and what waits for it.

    The unit's administrators; where there are none, those of the nearest superior that has some,
    else those who grant roles. Nothing is told while somebody holds it.
    """
    found = [each for each in vacancies_of([unit], now) if each.role == role and not each.is_held]
    if not found:
        return
    place, whom = _keepers(unit, now)
    url = f"/staff?unit={unit.id}" if place is unit else "/unit/branches"
    what = "请尽快设置" if place is unit else "请尽快安排人员，由安全管理员授予角色"
    if place is None:
        url, whom = "/admin/grants", holders("security_admin", "all", None, now) - {actor_id}
    told = "；".join(vacancy.told() for vacancy in found)
    notify_each(((each, f"{told}，{what}") for each in sorted(whom)), url=url, now=now)


def _keepers(unit: Unit, now: datetime) -> tuple[Unit | None, set[int]]:
    """Return the unit whose administrators look after one, itself first, and who they are."""
    above = [*reversed(path_of(unit))]
    kept = able_holders(KEEPER, [each.id for each in above], now)
    office = next((each for each in above if each.id in kept), None)
    return office, kept[office.id] if office else set()
