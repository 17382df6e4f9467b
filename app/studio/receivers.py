"""Whom a task can be given to (转办): people, and units where somebody holds its role.

A task stays in its jurisdiction: who works at none of its units is neither offered it nor given
it. Within, its own unit comes first; what leaves that unit is confirmed as such.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Credential, Person, RoleGrant
from app.accounts.queries import is_live
from app.core.db import db
from app.core.permissions import ROLES
from app.engine.handlers import Scope
from app.engine.models import WorkItem
from app.inbox.queries import WIDE
from app.review.models import Meeting
from app.studio.running import number_in
from app.units.models import Unit
from app.units.queries import unit_names

PEOPLE_LEFT_OUT = "该人员不在此任务所在地区的单位任职，不能转办"
UNITS_LEFT_OUT = "该单位不属于此任务所在的地区，不能转办"
NOBODY_THERE = "该单位已关闭，或没有人担任此任务的角色，不能转办"
WITHOUT_THE_ROLE = "该人员没有办理此任务的角色，请先授权，或转给有此角色的人员"
LEAVES_ITS_UNIT = "接收人不在任务现在所在的单位，请核对后确认转给其他单位"


@dataclass(frozen=True)
class Offer:
    """One line of a list of receivers."""

    value: str
    name: str
    details: str
    is_own: bool


def people(item: WorkItem, text: str, now: datetime) -> sa.Select[tuple[Person]]:
    """Select who can sign in and holds the role of the task, by name or login.

    Only people of the task's jurisdiction, those of its own unit first. Who may not do it is left
    out: who proposed does not confirm, nobody decides on themselves.
    """
    account = sa.and_(Credential.person_id == Person.id, Credential.is_enabled)
    found = sa.select(Person).join(Credential, account)
    shut = {item.excluded_id, item.apart_id, item.about_id, item.assignee_id} - {None}
    found = found.where(Person.id.not_in(shut), Person.id.in_(_holders(item, now)))
    if _stays_in_its_area(item):
        found = found.where(Person.id.in_(_working_at(_units_of_area(item), now)))
    wanted = text.strip()
    if wanted:
        named = Person.name.contains(wanted, autoescape=True)
        login = Credential.login.startswith(wanted.lower(), autoescape=True)
        found = found.where(sa.or_(named, login))
    is_own = Person.id.in_(_working_at(_own_units(item, now), now))
    return found.order_by(is_own.desc(), Person.name, Person.id)


def units(item: WorkItem, text: str, now: datetime) -> sa.Select[tuple[Unit]]:
    """Select the open units of its jurisdiction where somebody holds the role of the task.

    Where it lies already is left out.
    """
    held = sa.select(RoleGrant.scope_id).where(
        RoleGrant.role == item.role, RoleGrant.scope_kind == "org", is_live(now)
    )
    found = sa.select(Unit).where(Unit.id.in_(held), Unit.closed_at.is_(None))
    if item.jurisdiction:
        found = found.where(Unit.jurisdiction == item.jurisdiction)
    if item.scope_kind == "org":
        found = found.where(Unit.id != item.scope_id)
    if text.strip():
        found = found.where(Unit.name.contains(text.strip(), autoescape=True))
    return found.order_by(Unit.id.in_(_own_units(item, now)).desc(), Unit.name, Unit.id)


def _holders(item: WorkItem, now: datetime) -> sa.Select[tuple[int]]:
    return sa.select(RoleGrant.person_id).where(RoleGrant.role == item.role, is_live(now))


def _stays_in_its_area(item: WorkItem) -> bool:
    """Tell whether a task is of one jurisdiction; whose role counts everywhere is of all."""
    return bool(item.jurisdiction) and item.scope_kind != "all"


def _units_of_area(item: WorkItem) -> sa.Select[tuple[int]]:
    return sa.select(Unit.id).where(Unit.jurisdiction == item.jurisdiction)


def _working_at(
    units: Collection[int] | sa.Select[tuple[int]], now: datetime
) -> sa.Select[tuple[int]]:
    return sa.select(RoleGrant.person_id).where(
        RoleGrant.scope_kind == "org", RoleGrant.scope_id.in_(units), is_live(now)
    )


def _units_at(kind: str, number: int | None, now: datetime) -> set[int]:
    """Return the units of a scope: itself, those where a person works, a meeting's organiser."""
    if kind == "org" and number is not None:
        return {number}
    if kind == "person":
        held = sa.select(RoleGrant.scope_id).where(
            RoleGrant.person_id == number, RoleGrant.scope_kind == "org", is_live(now)
        )
        return {unit_id for unit_id in db.session.scalars(held) if unit_id is not None}
    meeting = db.session.get(Meeting, number) if kind == "meeting" else None
    return {meeting.organiser_unit_id} if meeting else set()


def _own_units(item: WorkItem, now: datetime) -> set[int]:
    return _units_at(item.scope_kind, item.scope_id, now)


def offers(
    kind: str, item: WorkItem, found: Sequence[Person | Unit], now: datetime
) -> list[Offer]:
    """Return the lines of a list: what tells them apart, whether the task stays in its unit."""
    details = details_of(kind, found, now)
    table, own = "person", _own_units(item, now)
    if kind == "org":
        table = "org"
    else:
        own = set(db.session.scalars(_working_at(own, now)))
    stays = item.scope_kind in WIDE
    return [
        Offer(f"{table}:{each.id}", each.name, details.get(each.id, ""), stays or each.id in own)
        for each in found
    ]


def _leaves_its_unit(item: WorkItem, to: Scope, now: datetime) -> bool:
    """Tell whether a task that one unit has would go to another; whose is a whole area's stays."""
    if item.scope_kind in WIDE:
        return False
    return _own_units(item, now).isdisjoint(_units_at(to.kind, to.id, now))


def faults(
    item: WorkItem, to: Scope | None, now: datetime, *, elsewhere: bool
) -> Mapping[str, list[str]]:
    """Return what is wrong with a receiver, by field.

    It is nobody, of another area, without the role of the task, or of another unit.
    `elsewhere`: that the task leaves its unit was seen and confirmed.
    """
    if to is None:
        return {"to": ["请选择转给谁"]}
    # What only one person can do is given to nobody; care says so.
    refused = "" if item.is_personal else _refusal(item, to, now)
    if refused:
        return {"to": [refused]}
    if not elsewhere and _leaves_its_unit(item, to, now):
        return {"elsewhere": [LEAVES_ITS_UNIT]}
    return {}


def _refusal(item: WorkItem, to: Scope, now: datetime) -> str:
    """Return why these may not have the task, empty when they may."""
    places = _units_at(to.kind, to.id, now)
    within = sa.select(Unit.id).where(Unit.id.in_(places), Unit.jurisdiction == item.jurisdiction)
    if _stays_in_its_area(item) and db.session.scalar(within.limit(1)) is None:
        return PEOPLE_LEFT_OUT if to.kind == "person" else UNITS_LEFT_OUT
    able: sa.Select[tuple[Any]]
    if to.kind == "person":
        able, words = _holders(item, now).where(RoleGrant.person_id == to.id), WITHOUT_THE_ROLE
    elif (item.scope_kind, item.scope_id) == ("org", to.id):
        return ""
    else:
        able, words = units(item, "", now).where(Unit.id == to.id), NOBODY_THERE
    return "" if db.session.scalar(able.limit(1)) is not None else words


def details_of(kind: str, found: Sequence[Any], now: datetime) -> dict[int, str]:
    """Return what tells the people of a list apart: their roles and where they hold them."""
    if kind == "org":
        return {}
    ids = [each.id for each in found]
    held = sa.select(RoleGrant).where(RoleGrant.person_id.in_(ids), is_live(now))
    grants = db.session.scalars(held.order_by(RoleGrant.id)).all()
    names = unit_names(g.scope_id for g in grants if g.scope_kind == "org" and g.scope_id)
    told: dict[int, dict[str, list[str]]] = {}
    for grant in grants:
        place = names.get(grant.scope_id or 0, "") if grant.scope_kind == "org" else ""
        words = told.setdefault(grant.person_id, {}).setdefault(place, [])
        word = ROLES.get(grant.role, grant.role)
        words += [] if word in words else [word]
    return {person_id: _listed(places) for person_id, places in told.items()}


def _listed(places: Mapping[str, list[str]]) -> str:
    """Say what somebody is where; a unit is named once."""
    roles = {place: "、".join(words) for place, words in places.items()}
    return "；".join(f"{place}：{words}" if place else words for place, words in roles.items())


def chosen(value: str) -> Scope | None:
    """Return the scope that a list offers as `person:12` or `org:3`; None when there is none."""
    kind, _, number = value.partition(":")
    found = number_in(number)
    table: Any = {"person": Person, "org": Unit}.get(kind)
    if table is None or found is None or db.session.get(table, found) is None:
        return None
    return Scope("person" if kind == "person" else "org", found)
