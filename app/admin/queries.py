"""Reads for the administrators: accounts, roles, the audit log, figures of the platform."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, and_, exists, false, func, or_, select
from sqlalchemy.orm import joinedload

from app.accounts.factor_models import SecondFactor
from app.accounts.models import Credential, GrantRequest, Person, RoleGrant
from app.accounts.queries import is_live, lasts
from app.accounts.states import STATES
from app.accounts.terms import ENDS_SOON
from app.admin.words import EVENTS
from app.core.audit import AuditEvent
from app.core.db import db
from app.core.instants import end_of, start_of
from app.core.permissions import ROLES
from app.openid.models import LinkedIdentity
from app.units.models import Unit


def in_state(state: str, now: datetime) -> ColumnElement[bool]:
    """Return the condition that an account is in a state of STATES."""
    is_locked = and_(Credential.locked_until.is_not(None), Credential.locked_until > now)
    is_entered = or_(
        Credential.password_hash.is_not(None),
        exists().where(LinkedIdentity.person_id == Credential.person_id),
    )
    is_live_code = func.coalesce(Credential.activation_expires_at > now, false())
    conditions = {
        "disabled": Credential.is_enabled.is_(False),
        "locked": and_(Credential.is_enabled, is_locked),
        "waiting": and_(Credential.is_enabled, ~is_entered, is_live_code),
        "lapsed": and_(Credential.is_enabled, ~is_entered, ~is_live_code),
        "ready": and_(Credential.is_enabled, is_entered),
    }
    return conditions.get(state, Credential.id.is_(None))


def search_people(text: str, state: str, role: str, now: datetime) -> Select[tuple[Person]]:
    """Select people by a part of the name, or by login.

    Not by identity number: what is searched for stands in the address, and so in histories and
    logs. `person_by_id_number` finds those that were posted.
    """
    found = select(Person).outerjoin(Credential, Credential.person_id == Person.id)
    wanted = text.strip()
    if wanted:
        found = found.where(
            or_(
                Person.name.contains(wanted, autoescape=True),
                Credential.login.startswith(wanted.lower(), autoescape=True),
            )
        )
    if state in STATES:
        found = found.where(in_state(state, now))
    if role:
        held = select(RoleGrant.person_id).where(RoleGrant.role == role, is_live(now))
        found = found.where(Person.id.in_(held))
    return found.order_by(Person.name, Person.id)


def roles_of(people: Iterable[Person], now: datetime) -> dict[int, list[str]]:
    """Return the names of the roles that several people hold, by person."""
    ids = [person.id for person in people]
    held = select(RoleGrant).where(RoleGrant.person_id.in_(ids), is_live(now))
    found: dict[int, list[str]] = {}
    for grant in db.session.scalars(held.order_by(RoleGrant.id)):
        names = found.setdefault(grant.person_id, [])
        name = ROLES.get(grant.role, grant.role)
        if name not in names:
            names.append(name)
    return found


def search_grants(
    text: str, role: str, *, expiring: bool, ended: bool, now: datetime
) -> Select[tuple[RoleGrant]]:
    """Select roles by a part of the holder's or the unit's name."""
    found = select(RoleGrant).join(Person, Person.id == RoleGrant.person_id)
    found = found.where(RoleGrant.valid_to <= now) if ended else found.where(is_live(now))
    if expiring:
        # A seat in a meeting ends with it: nobody renews it.
        ends_soon = (RoleGrant.valid_to <= now + ENDS_SOON, RoleGrant.scope_kind != "meeting")
        found = found.where(*ends_soon)
    if role:
        found = found.where(RoleGrant.role == role)
    wanted = text.strip()
    if wanted:
        units = select(Unit.id).where(Unit.name.contains(wanted, autoescape=True))
        at_unit = and_(RoleGrant.scope_kind == "org", RoleGrant.scope_id.in_(units))
        found = found.where(or_(Person.name.contains(wanted, autoescape=True), at_unit))
    return found.order_by(RoleGrant.valid_from.desc(), RoleGrant.id.desc())


def grants_of(person_id: int, now: datetime) -> list[RoleGrant]:
    """Return the roles that a person holds, the oldest first."""
    held = select(RoleGrant).where(RoleGrant.person_id == person_id, is_live(now))
    return list(db.session.scalars(held.order_by(RoleGrant.id)))


def requests(status: str) -> Select[tuple[GrantRequest]]:
    """Select proposed roles in a state, the newest first."""
    asked = select(GrantRequest).where(GrantRequest.status == status)
    asked = asked.options(joinedload(GrantRequest.person), joinedload(GrantRequest.proposer))
    return asked.order_by(GrantRequest.proposed_at.desc(), GrantRequest.id.desc())


def renewals_of(requests: Sequence[GrantRequest], now: datetime) -> dict[int, RoleGrant]:
    """Return the roles held already that proposals would prolong, by one question for them all."""
    people = {request.person_id for request in requests}
    asked = select(RoleGrant).where(
        RoleGrant.person_id.in_(people), lasts(now), RoleGrant.ended_at.is_(None)
    )
    held = {
        (grant.person_id, grant.role, grant.scope_kind, grant.scope_id): grant
        for grant in (db.session.scalars(asked) if people else ())
    }
    keys = {r.id: (r.person_id, r.role, r.scope_kind, r.scope_id) for r in requests}
    return {number: held[key] for number, key in keys.items() if key in held}


@dataclass(frozen=True)
class EventFilter:
    """Which audit events are looked for."""

    area: str = ""
    actor: str = ""
    text: str = ""
    since: date | None = None
    until: date | None = None


def search_events(wanted: EventFilter) -> Select[tuple[AuditEvent]]:
    """Select audit events, the newest first."""
    found = select(AuditEvent)
    if wanted.area:
        found = found.where(AuditEvent.tag.startswith(f"{wanted.area}:", autoescape=True))
    if wanted.actor:
        people = select(Person.id).where(Person.name.contains(wanted.actor, autoescape=True))
        found = found.where(AuditEvent.actor_id.in_(people))
    if wanted.text:
        found = found.where(_holds(wanted.text))
    if wanted.since:
        found = found.where(AuditEvent.at >= start_of(wanted.since))
    if wanted.until:
        found = found.where(AuditEvent.at < end_of(wanted.until))
    return found.order_by(AuditEvent.id.desc())


def _holds(text: str) -> ColumnElement[bool]:
    """A word of the event, whom it is about, from where: the data itself may be any of these."""
    people = select(Person.id).where(Person.name.contains(text, autoescape=True))
    about = and_(AuditEvent.subject_type == "person", AuditEvent.subject_id.in_(people))
    kind, _, number = text.partition(":")
    of_record = and_(
        AuditEvent.subject_type == kind,
        AuditEvent.subject_id == (int(number) if number.isdecimal() else 0),
    )
    named = AuditEvent.tag.in_([tag for tag, name in EVENTS.items() if text in name])
    tagged, came_from = AuditEvent.tag.contains(text, autoescape=True), AuditEvent.address == text
    return or_(tagged, named, about, of_record, came_from)


def count_events(tag: str, since: datetime) -> int:
    """Count events since a moment, of one tag unless it is empty."""
    found = select(func.count(AuditEvent.id)).where(AuditEvent.at >= since)
    return db.session.scalar(found.where(AuditEvent.tag == tag) if tag else found) or 0


def unsealed() -> int:
    """Count events that wait for their seal."""
    return (
        db.session.scalar(select(func.count(AuditEvent.id)).where(AuditEvent.seq.is_(None))) or 0
    )


def latest(tag: str) -> AuditEvent | None:
    """Return the newest event of a tag."""
    found = select(AuditEvent).where(AuditEvent.tag == tag).order_by(AuditEvent.id.desc())
    return db.session.scalars(found.limit(1)).first()


def enrolled_by_role(now: datetime) -> dict[str, tuple[int, int]]:
    """Count by role who holds it, and who of them has a second factor."""
    held = (
        select(
            RoleGrant.role,
            func.count(RoleGrant.person_id.distinct()),
            func.count(SecondFactor.person_id.distinct()),
        )
        .outerjoin(SecondFactor, SecondFactor.person_id == RoleGrant.person_id)
        .where(is_live(now))
        .group_by(RoleGrant.role)
    )
    return {role: (people, ready) for role, people, ready in db.session.execute(held)}
