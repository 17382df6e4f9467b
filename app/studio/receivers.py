"""Whom a task can be given to (转办): people, and units where somebody holds its role."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Credential, Person, RoleGrant
from app.accounts.queries import is_live, names_of
from app.core.db import db
from app.core.errors import Invalid
from app.core.permissions import ROLES, Grant
from app.engine.handlers import Scope
from app.engine.models import WorkItem
from app.inbox.queries import scope_names
from app.studio.running import number_in
from app.units.models import Unit
from app.units.queries import unit_names

WIDE = {"all": "全平台", "jurisdiction": "本地区"}


def people(item: WorkItem, text: str, now: datetime) -> sa.Select[tuple[Person]]:
    """Select who can sign in, by name or login; without words, who holds the role of the task.

    Who may not do it is left out: who proposed does not confirm, nobody decides on themselves.
    """
    account = sa.and_(Credential.person_id == Person.id, Credential.is_enabled)
    found = sa.select(Person).join(Credential, account)
    shut = {item.excluded_id, item.about_id, item.assignee_id} - {None}
    found = found.where(Person.id.not_in(shut))
    wanted = text.strip()
    if wanted:
        named = Person.name.contains(wanted, autoescape=True)
        login = Credential.login.startswith(wanted.lower(), autoescape=True)
        found = found.where(sa.or_(named, login))
    else:
        held = sa.select(RoleGrant.person_id).where(RoleGrant.role == item.role, is_live(now))
        found = found.where(Person.id.in_(held))
    return found.order_by(Person.name, Person.id)


def units(item: WorkItem, text: str, now: datetime) -> sa.Select[tuple[Unit]]:
    """Select the open units where somebody holds the role of the task, but not its own."""
    held = sa.select(RoleGrant.scope_id).where(
        RoleGrant.role == item.role, RoleGrant.scope_kind == "org", is_live(now)
    )
    found = sa.select(Unit).where(Unit.id.in_(held), Unit.closed_at.is_(None))
    if item.scope_kind == "org":
        found = found.where(Unit.id != item.scope_id)
    if text.strip():
        found = found.where(Unit.name.contains(text.strip(), autoescape=True))
    return found.order_by(Unit.name, Unit.id)


def details_of(kind: str, found: Sequence[Any], now: datetime) -> dict[int, str]:
    """Return what tells the people of a list apart: their roles and where they hold them."""
    if kind == "org":
        return {}
    ids = [each.id for each in found]
    held = sa.select(RoleGrant).where(RoleGrant.person_id.in_(ids), is_live(now))
    grants = db.session.scalars(held.order_by(RoleGrant.id)).all()
    names = unit_names(g.scope_id for g in grants if g.scope_kind == "org" and g.scope_id)
    told: dict[int, list[str]] = {}
    for grant in grants:
        place = names.get(grant.scope_id or 0, "") if grant.scope_kind == "org" else ""
        word = f"{place}{ROLES.get(grant.role, grant.role)}"
        if word not in told.setdefault(grant.person_id, []):
            told[grant.person_id].append(word)
    return {person_id: "、".join(words) for person_id, words in told.items()}


def places_of(items: Iterable[WorkItem]) -> dict[int, str]:
    """Return who has each task: a unit, a meeting or a person by name, or a whole area."""
    listed = list(items)
    rooms = scope_names([Grant(item.role, item.scope_kind, item.scope_id) for item in listed])
    persons = names_of(item.assignee_id for item in listed)
    return {
        item.id: WIDE.get(item.scope_kind)
        or persons.get(item.assignee_id or 0)
        or rooms.get((item.scope_kind, item.scope_id), "（已不存在）")
        for item in listed
    }


def chosen(value: str) -> Scope:
    """Return the scope that a list offers as `person:12` or `org:3`. Raises Invalid."""
    kind, _, number = value.partition(":")
    found = number_in(number)
    table: Any = {"person": Person, "org": Unit}.get(kind)
    if table is None or found is None or db.session.get(table, found) is None:
        raise Invalid("请选择转给谁", field="to")
    return Scope("person" if kind == "person" else "org", found)
