"""Reads about units."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import contains_eager, joinedload

from app.accounts.hands import first_able
from app.accounts.models import Person, RoleGrant
from app.accounts.queries import is_live
from app.core import crypto
from app.core.db import db
from app.core.errors import Invalid
from app.engine.models import ItemStatus, WorkItem
from app.units import areas
from app.units.code_lists import AREA_OFFICES
from app.units.models import ACTIVE, PENDING, RETURNED, Employment, Unit

CHAIN_LIMIT = 12
# So many units are named to somebody whose words fit several.
NAMED = 5
_SLASH = re.compile(r"\s*[/／]\s*")


def unit_of(person_id: int) -> Unit | None:
    """Return the unit that has approved the person, or None."""
    return db.session.scalars(
        select(Unit)
        .join(Employment, Employment.unit_id == Unit.id)
        .where(Employment.person_id == person_id, Employment.status == ACTIVE)
    ).first()


def employment_of(person_id: int) -> Employment | None:
    """Return the binding by which a unit has taken the person in, or None."""
    return db.session.scalars(
        select(Employment).where(Employment.person_id == person_id, Employment.status == ACTIVE)
    ).first()


def own_unit_id(person_id: int, *, freelancer: bool) -> int:
    """Return the unit that a person belongs to in this very way already; 0 for none."""
    current = employment_of(person_id)
    return current.unit_id if current and current.is_freelancer == freelancer else 0


def employments(ids: Iterable[int]) -> Sequence[Employment]:
    """Return bindings with their units, whatever became of them."""
    found = select(Employment).where(Employment.id.in_(list(ids)))
    return db.session.scalars(found.options(joinedload(Employment.unit))).all()


def open_binding(person_id: int) -> Employment | None:
    """Return the binding that waits for the unit or for mending."""
    return db.session.scalars(
        select(Employment).where(
            Employment.person_id == person_id, Employment.status.in_((PENDING, RETURNED))
        )
    ).first()


def reporting_chain(unit: Unit) -> list[Unit]:
    """Return the offices above a unit that review after it, nearest first."""
    chain: list[Unit] = []
    step = unit.reports_to
    while step is not None and step not in chain and len(chain) < CHAIN_LIMIT:
        chain.append(step)
        step = step.reports_to
    return chain


def reviewing_unit(unit: Unit, person_id: int, now: datetime) -> Unit:
    """Return who reviews this person: the unit, or the one above where nobody else could there.

    Nobody acts on their own case: where a unit's only reviewer applies, its superior reviews, as
    it does while the accounts of all its reviewers are disabled.
    """
    upwards = [unit, *reporting_chain(unit)]
    return first_able("unit_clerk", upwards, now, but={person_id}) or upwards[-1]


def search_units(jurisdiction: str | None, text: str) -> Select[tuple[Unit]]:
    """Select open units whose name holds the text, by name."""
    found = select(Unit).where(
        Unit.name.contains(text.strip(), autoescape=True), Unit.closed_at.is_(None)
    )
    if jurisdiction:
        found = found.where(Unit.jurisdiction == jurisdiction)
    return found.order_by(Unit.name, Unit.id)


def search_offices(text: str) -> Select[tuple[Unit]]:
    """Select the personnel departments for freelancers, by their names or their areas'."""
    wanted = text.strip()
    codes = [code for code in areas_in_use() if wanted in areas.path_of(code)]
    named = Unit.name.contains(wanted, autoescape=True)
    return (
        select(Unit)
        .where(Unit.type.in_(AREA_OFFICES), Unit.closed_at.is_(None))
        .where(or_(named, Unit.area_code.in_(codes)))
        .order_by(Unit.area_code.desc(), Unit.id)
    )


@dataclass(frozen=True)
class BindingFilters:
    """What the unit's list of people is narrowed by; empty narrows nothing."""

    name: str = ""
    id_number: str = ""
    phone: str = ""
    status: str = ""
    since: datetime | None = None
    until: datetime | None = None


def bindings_at(unit_ids: list[int], filters: BindingFilters) -> Select[tuple[Employment]]:
    """Select who belongs to units or wants to, the latest first (FJ-U-18)."""
    name, number, phone = filters.name.strip(), filters.id_number.strip(), filters.phone.strip()
    conditions: list[ColumnElement[bool]] = [Employment.unit_id.in_(unit_ids)]
    if filters.status:
        conditions.append(Employment.status == filters.status)
    if name:
        conditions.append(Person.name.contains(name, autoescape=True))
    if number:
        conditions.append(crypto.is_hash_of(Person.id_number_hash, crypto.fold_id(number)))
    if phone:
        conditions.append(Person.phone.contains(phone, autoescape=True))
    if filters.since:
        conditions.append(Employment.requested_at >= filters.since)
    if filters.until:
        conditions.append(Employment.requested_at < filters.until)
    found = select(Employment).join(Employment.person).where(*conditions)
    loaded = found.options(contains_eager(Employment.person), joinedload(Employment.unit))
    return loaded.order_by(Employment.requested_at.desc(), Employment.id.desc())


def open_tasks_of(business_type: str, ids: list[int]) -> dict[int, WorkItem]:
    """Return a task that waits for each of several records, by the record."""
    waiting = select(WorkItem).where(
        WorkItem.status == ItemStatus.OPEN,
        WorkItem.business_type == business_type,
        WorkItem.business_id.in_(ids),
    )
    return {item.business_id: item for item in db.session.scalars(waiting)}


def open_tasks_at(unit: Unit) -> Select[tuple[WorkItem]]:
    """Select the tasks that wait for somebody of a unit, the longest waiting first."""
    return (
        select(WorkItem)
        .where(
            WorkItem.status == ItemStatus.OPEN,
            WorkItem.scope_kind == "org",
            WorkItem.scope_id == unit.id,
        )
        .order_by(WorkItem.opened_at, WorkItem.id)
    )


def areas_in_use() -> list[str]:
    """Return the codes of the areas where units are, in order."""
    return list(db.session.scalars(select(Unit.area_code).distinct().order_by(Unit.area_code)))


def jurisdictions_in_use() -> list[str]:
    """Return the jurisdictions to which open units belong."""
    used = select(Unit.jurisdiction).where(Unit.closed_at.is_(None)).distinct()
    return list(db.session.scalars(used.order_by(Unit.jurisdiction)))


def provinces() -> set[str]:
    """Return the first two digits of the areas where there is a personnel department."""
    offices = select(Unit.area_code).where(Unit.type.in_(AREA_OFFICES), Unit.closed_at.is_(None))
    return {code[:2] for code in db.session.scalars(offices)}


def unit_names(unit_ids: Iterable[int]) -> dict[int, str]:
    """Return the names of several units at once."""
    wanted = set(unit_ids)
    if not wanted:
        return {}
    rows = db.session.execute(select(Unit.id, Unit.name).where(Unit.id.in_(wanted)))
    return {row.id: row.name for row in rows}


def staff_of(unit_id: int, now: datetime) -> list[tuple[Person, str]]:
    """Return the staff of a unit with the roles they hold now, in order of names."""
    return [(person, grant.role) for person, grant in staff_grants(unit_id, now)]


def staff_grants(unit_id: int, now: datetime) -> list[tuple[Person, RoleGrant]]:
    """Return the staff of a unit with what they hold now, in order of names."""
    rows = db.session.execute(
        select(Person, RoleGrant)
        .join(RoleGrant, RoleGrant.person_id == Person.id)
        .where(
            RoleGrant.scope_kind == "org",
            RoleGrant.scope_id == unit_id,
            is_live(now),
        )
        .order_by(Person.name, RoleGrant.role)
    )
    return [(row[0], row[1]) for row in rows]


def ended_roles_of(person_id: int, now: datetime) -> list[tuple[RoleGrant, Unit]]:
    """Return the roles that somebody held at units, the one that ended last first."""
    rows = db.session.execute(
        select(RoleGrant, Unit)
        .join(Unit, Unit.id == RoleGrant.scope_id)
        .where(
            RoleGrant.person_id == person_id,
            RoleGrant.scope_kind == "org",
            RoleGrant.valid_to <= now,
        )
        .order_by(RoleGrant.valid_to.desc(), RoleGrant.id.desc())
        .limit(NAMED)
    )
    return [(row[0], row[1]) for row in rows]


def members_of(unit_id: int, text: str = "") -> Select[tuple[Person]]:
    """Select the people whom a unit has taken as its own, by name."""
    bound = (
        select(Person)
        .join(Employment, Employment.person_id == Person.id)
        .where(Employment.unit_id == unit_id, Employment.status == ACTIVE)
    )
    if text.strip():
        bound = bound.where(Person.name.contains(text.strip(), autoescape=True))
    return bound.order_by(Person.name, Person.id)


def unit_called(text: str) -> Unit | None:
    """Return the open unit that somebody typed: its whole name, or the only one it is part of.

    Units of one name are told apart by their superiors: 上级 / 名称. Invalid when there is none,
    or several to choose from; empty text is no unit.
    """
    wanted = text.strip()
    if not wanted:
        return None
    exact = search_units(None, wanted).where(Unit.name == wanted).limit(NAMED + 1)
    found: Sequence[Unit] = db.session.scalars(exact).all()
    found = found or _below(wanted)
    found = found or db.session.scalars(search_units(None, wanted).limit(NAMED + 1)).all()
    if len(found) == 1:
        return found[0]
    if not found:
        raise Invalid(f"没有名称含“{wanted}”的单位")
    names = "、".join(label_of(unit) for unit in found[:NAMED])
    raise Invalid(
        f"有多个单位符合，请照此填写其中一个：{names}{' 等' if len(found) > NAMED else ''}"
    )


def _below(wanted: str) -> list[Unit]:
    """Return the open units of this path: the whole one, or else those that it ends."""
    names = [wanted[cut.end() :] for cut in _SLASH.finditer(wanted)]
    alike = select(Unit).where(Unit.name.in_(names), Unit.closed_at.is_(None)).order_by(Unit.id)
    path = _SLASH.sub("/", wanted)
    paths = {unit: _SLASH.sub("/", _whole_path(unit)) for unit in db.session.scalars(alike)}
    whole = [unit for unit, its_path in paths.items() if its_path == path]
    return whole or [unit for unit, its_path in paths.items() if its_path.endswith(f"/{path}")]


def label_of(unit: Unit) -> str:
    """Return what `unit_called` knows the unit by: its name, its path where others share it."""
    alike = select(func.count(Unit.id)).where(Unit.name == unit.name, Unit.closed_at.is_(None))
    is_only = (db.session.scalar(alike) or 0) <= 1
    return unit.name if is_only else _whole_path(unit)


def _whole_path(unit: Unit) -> str:
    return " / ".join(each.name for each in path_of(unit))


def path_of(unit: Unit) -> list[Unit]:
    """Return the units a unit belongs to, the root first, the unit itself last."""
    path = [unit]
    while path[0].parent is not None and path[0].parent not in path:
        path.insert(0, path[0].parent)
    return path
