"""次级机构: the units that a unit creates below itself, each with its first administrator."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Select, select

from app.accounts.grants import lock_roles_of
from app.accounts.logins import free_login
from app.accounts.models import Credential, Person, RoleGrant
from app.accounts.operations import (
    create_credential,
    create_person,
    grant_role,
    reset_credential,
)
from app.accounts.queries import is_live, live_grants, was_opened
from app.core.db import db
from app.core.errors import Conflict, Invalid, NotFound
from app.units import tree
from app.units.models import Unit
from app.units.placing import faults_of_place


@dataclass(frozen=True)
class FirstAdministrator:
    """Who is to administer a new unit, and the name to sign in with."""

    name: str
    login: str


def branches_of(unit_id: int, *, text: str = "", type_: str = "") -> Select[tuple[Unit]]:
    """Select the units right below a unit, the open ones first, by name."""
    below = select(Unit).where(Unit.parent_id == unit_id)
    if text.strip():
        below = below.where(Unit.name.contains(text.strip(), autoescape=True))
    if type_:
        below = below.where(Unit.type == type_)
    return below.order_by(Unit.closed_at.is_not(None), Unit.name, Unit.id)


def open_branch(
    parent: Unit,
    facts: tree.UnitFacts,
    first: FirstAdministrator,
    *,
    actor: Person,
    now: datetime,
) -> tuple[Unit, Person, str]:
    """Create a unit below one's own with its first administrator (建立次级单位, HB-U-04).

    Returns both and the administrator's one-time secret. Invalid names every fault at its field:
    a personnel department is created by one, and a branch lies in the area of its superior.
    """
    below = replace(facts, jurisdiction=parent.jurisdiction, parent=parent, reports_to=parent)
    faults = {**tree.faults_of(None, below), **faults_of_place(below)}
    faults |= _faults_of_login(first.login)
    if faults:
        raise Invalid(errors=faults)
    unit = tree.create_unit(below, actor_id=actor.id, now=now, cause=f"{parent.name}建立")
    person, secret = appoint_first(unit, first, actor_id=actor.id, now=now)
    return unit, person, secret


def _faults_of_login(login: str) -> tree.Faults:
    try:
        free_login(login)
    except Invalid as fault:
        return {"login": [fault.message]}
    return {}


def appoint_first(
    unit: Unit, first: FirstAdministrator, *, actor_id: int | None, now: datetime
) -> tuple[Person, str]:
    """Open the account of a unit's first administrator; returns it with its one-time secret."""
    person = create_person(name=first.name, now=now)
    _, secret = create_credential(person, first.login, now=now, actor_id=actor_id)
    grant_role(
        person, "unit_admin", scope_kind="org", scope_id=unit.id, actor_id=actor_id, now=now
    )
    return person, secret


def administrators_of(unit_ids: list[int], now: datetime) -> dict[int, list[Credential]]:
    """Return the accounts of several units' administrators, by unit."""
    rows = db.session.execute(
        select(RoleGrant.scope_id, Credential)
        .join(Credential, Credential.person_id == RoleGrant.person_id)
        .where(
            RoleGrant.role == "unit_admin",
            RoleGrant.scope_kind == "org",
            RoleGrant.scope_id.in_(unit_ids),
            is_live(now),
        )
        .order_by(Credential.id)
    )
    found: dict[int, list[Credential]] = {}
    for unit_id, account in rows.tuples():
        found.setdefault(unit_id or 0, []).append(account)
    return found


def renewable(unit_id: int, accounts: list[Credential], now: datetime) -> Credential | None:
    """Return the account whose activation a superior may make anew, or None.

    Whoever has the secret can act as the person: none is given out for somebody who does more
    than administer the unit, such as apply for a title, nor once an account was in use, even when
    it was reset since.
    """
    waiting = [account for account in accounts if account.is_enabled]
    if not waiting or any(was_opened(account.person_id) for account in waiting):
        return None
    held = live_grants(waiting[0].person_id, now)
    only_here = all((g.scope_kind, g.scope_id) == ("org", unit_id) for g in held)
    return waiting[0] if only_here else None


def renew_activation(parent: Unit, unit: Unit, *, actor: Person, now: datetime) -> tuple[int, str]:
    """Give a branch's administrator who has not activated yet a new secret; returns whose it is.

    NotFound for a unit elsewhere, Conflict where a system administrator has to do it.
    """
    if unit.parent_id != parent.id:
        raise NotFound
    accounts = administrators_of([unit.id], now).get(unit.id, [])
    for account in accounts:
        lock_roles_of(account.person_id)
        db.session.refresh(account, with_for_update={"of": Credential})
    waiting = renewable(unit.id, accounts, now)
    if waiting is None:
        raise Conflict("该单位的管理员已激活或另有身份，请由本人修改密码或由系统管理员重置")
    return waiting.person_id, reset_credential(waiting, actor=actor, now=now)
