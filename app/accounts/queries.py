"""Reads about people."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
)

from app.accounts.factor_models import CodeCard, FactorRole, OneTimeCode, SecondFactor
from app.accounts.messages import Bundle
from app.accounts.models import (
    Credential,
    IntegrityRecord,
    LoginSession,
    Notification,
    Person,
    RoleGrant,
)
from app.core import crypto
from app.core.audit import AuditEvent
from app.core.db import Instant, current_transaction, db
from app.core.errors import NotFound
from app.core.permissions import Grant

GRANTS = "grants"
MOMENT: BindParameter[datetime] = bindparam("now", type_=Instant)
"""The moment of a statement that is built once, because every request runs it."""
CARD_ROLE = "expert"
"""Of the roles that ask for a second factor the one for which a card of a meeting is enough."""
OPENED = (
    "account:password_set",
    "account:voided",
    "account:opened_by_provider",
    "account:identity_linked",
)


def person_by_id_number(number: str) -> Person | None:
    """Find a person by the whole identity number."""
    wanted = crypto.is_hash_of(Person.id_number_hash, crypto.fold_id(number))
    return db.session.scalars(select(Person).where(wanted)).first()


def fold_login(typed: str) -> str:
    """Fold what was typed as names that nobody has are folded, so that neither stands out."""
    return crypto.fold_id(typed).lower()


def credential_by_login(login: str) -> Credential | None:
    """Find an account by its login name, whatever the case or width."""
    wanted = Credential.login == fold_login(login)
    return db.session.scalars(select(Credential).where(wanted)).first()


def credential_by_name(name: str) -> Credential | None:
    """Find an account by what people type to sign in: login name or identity number.

    One statement looks for both, so that its time tells nothing of which it is. No login is an
    identity number (logins.checked_login).
    """
    has_number = crypto.is_hash_of(Person.id_number_hash, crypto.fold_id(name))
    wanted = or_(Credential.login == fold_login(name), has_number)
    found = select(Credential).join(Person, Person.id == Credential.person_id).where(wanted)
    return db.session.scalars(found).first()


def hash_of(token: str) -> str:
    """Return what is kept of a long random secret."""
    return hashlib.sha256(token.encode()).hexdigest()


def open_sessions(person_id: int, *, seen_since: datetime, since: datetime) -> list[LoginSession]:
    """Return the sessions in which a person is signed in, the newest first."""
    mine = select(LoginSession).where(
        LoginSession.person_id == person_id,
        LoginSession.ended_at.is_(None),
        LoginSession.seen_at > seen_since,
        LoginSession.created_at > since,
    )
    return list(db.session.scalars(mine.order_by(LoginSession.seen_at.desc())))


def lasts(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Return the condition that a role has not ended, whether it began or not."""
    return or_(RoleGrant.valid_to.is_(None), RoleGrant.valid_to > now)


def is_live(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Return the condition that a role is held at a moment."""
    return and_(RoleGrant.valid_from <= now, lasts(now))


def has_factor(person_id: int) -> bool:
    """Tell whether a person has a device of their own that shows codes."""
    mine = select(SecondFactor.id).where(SecondFactor.person_id == person_id)
    return db.session.scalar(mine) is not None


def asks_code(person_id: int, now: datetime) -> bool:
    """Tell whether a person is asked for a code after the password: of a device, or of a card."""
    card = select(CodeCard.id).where(CodeCard.person_id == person_id, CodeCard.is_good(now))
    return has_factor(person_id) or db.session.scalar(card.limit(1)) is not None


def factor_of(person_id: int) -> SecondFactor | None:
    """Return a person's second factor, if there is one."""
    mine = select(SecondFactor).where(SecondFactor.person_id == person_id)
    return db.session.scalars(mine).first()


def recovery_codes_left(person_id: int) -> int:
    """Count the recovery codes that a person has not used."""
    unused = select(func.count(OneTimeCode.id)).where(
        OneTimeCode.factor_of == person_id, OneTimeCode.used_at.is_(None)
    )
    return db.session.scalar(unused) or 0


def factor_roles() -> set[str]:
    """Return the roles whose holders must have a second factor."""
    return set(db.session.scalars(select(FactorRole.role)))


def must_enrol(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Return the condition that a Person holds a role that asks for a second factor they lack.

    A card for a meeting is one for experts, whatever office they hold beside, in the sessions
    (LoginSession) that began while it was good: they were opened with a code of it.
    """
    asked = exists().where(
        RoleGrant.person_id == Person.id,
        RoleGrant.role.in_(select(FactorRole.role)),
        is_live(now),
    )
    office = asked.where(RoleGrant.role != CARD_ROLE)
    device = exists().where(SecondFactor.person_id == Person.id)
    card = exists().where(
        CodeCard.person_id == Person.id,
        CodeCard.is_good(now),
        CodeCard.valid_from <= LoginSession.created_at,
        CodeCard.issued_at <= LoginSession.created_at,
    )
    return and_(~device, or_(office, and_(asked, ~card)))


def is_outrun(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Return the condition that a session (LoginSession) began before a card of its Person opened.

    Nobody was asked for a code then, who has no device; from the card's first day everybody is.
    """
    device = exists().where(SecondFactor.person_id == Person.id)
    card = exists().where(
        CodeCard.person_id == Person.id,
        CodeCard.is_good(now),
        CodeCard.valid_from > LoginSession.created_at,
    )
    return and_(card, ~device)


GRANTS_OF = select(RoleGrant.role, RoleGrant.scope_kind, RoleGrant.scope_id).where(
    RoleGrant.person_id == bindparam("person_id"), is_live(MOMENT)
)


def live_grants(person_id: int, now: datetime) -> list[Grant]:
    """Return the roles that a person holds now; read once a unit of work."""
    known: dict[Any, list[Grant]] = current_transaction().notes.setdefault(GRANTS, {})
    if (person_id, now) not in known:
        held = db.session.execute(GRANTS_OF, {"person_id": person_id, "now": now})
        known[person_id, now] = [Grant(*row) for row in held]
    return known[person_id, now]


def roles_in(person_id: int, kind: str, scope_id: int | None, now: datetime) -> set[str]:
    """Return the roles of one scope that a person holds, read anew: one may just have come."""
    held = select(RoleGrant.role).where(
        RoleGrant.person_id == person_id,
        RoleGrant.scope_kind == kind,
        RoleGrant.scope_id.is_(None) if scope_id is None else RoleGrant.scope_id == scope_id,
        lasts(now),
        RoleGrant.ended_at.is_(None),
    )
    return set(db.session.scalars(held))


def works_at(person_id: int, unit_id: int, roles: Collection[str], now: datetime) -> bool:
    """Tell whether a person holds one of these roles at this very unit.

    Ids of units, meetings and people overlap: a grant counts only with the kind of its scope.
    """
    return any(
        grant.role in roles and (grant.scope_kind, grant.scope_id) == ("org", unit_id)
        for grant in live_grants(person_id, now)
    )


def forget_grants() -> None:
    """Read roles anew from here on: one was given or taken."""
    current_transaction().notes.pop(GRANTS, None)


def _held(scope: ColumnElement[bool]) -> Select[tuple[int]]:
    return select(RoleGrant.person_id).where(
        RoleGrant.role == bindparam("role"),
        RoleGrant.scope_kind == bindparam("scope_kind"),
        scope,
        is_live(MOMENT),
    )


HELD_SOMEWHERE = _held(RoleGrant.scope_id == bindparam("scope_id"))
HELD_EVERYWHERE = _held(RoleGrant.scope_id.is_(None))


def _asked(
    role: str, scope_kind: str, scope_id: int | None, now: datetime
) -> tuple[Select[tuple[int]], dict[str, Any]]:
    """Return the statement of who holds a role in exactly this scope, and its values."""
    values = {"role": role, "scope_kind": scope_kind, "scope_id": scope_id, "now": now}
    if scope_id is not None:
        return HELD_SOMEWHERE, values
    del values["scope_id"]
    return HELD_EVERYWHERE, values


def holders(role: str, scope_kind: str, scope_id: int | None, now: datetime) -> set[int]:
    """Return the ids of the people who hold a role in exactly this scope."""
    held, values = _asked(role, scope_kind, scope_id, now)
    return set(db.session.scalars(held, values))


def people_with_role(
    role: str, scope_kind: str, scope_id: int | None, now: datetime
) -> list[Person]:
    """Return who holds a role in exactly this scope, in order of their ids."""
    held, values = _asked(role, scope_kind, scope_id, now)
    people = select(Person).where(Person.id.in_(held)).order_by(Person.id)
    return list(db.session.scalars(people, values))


def is_barred(person_id: int, on: date) -> date | None:
    """Return until when an integrity record bars the person, or None (FJ-P-43)."""
    return db.session.scalar(
        select(func.max(IntegrityRecord.barred_until)).where(
            IntegrityRecord.person_id == person_id,
            IntegrityRecord.barred_from <= on,
            IntegrityRecord.barred_until > on,
        )
    )


def unread_count(person_id: int) -> int:
    """Count notifications that the person has not opened."""
    unread = select(func.count(Notification.id)).where(
        Notification.person_id == person_id, Notification.read_at.is_(None)
    )
    return db.session.scalar(unread) or 0


def notifications_of(person_id: int, *, only_unread: bool = False) -> Select[tuple[Notification]]:
    """Select the notifications of a person, newest first."""
    mine = select(Notification).where(Notification.person_id == person_id)
    if only_unread:
        mine = mine.where(Notification.read_at.is_(None))
    return mine.order_by(Notification.id.desc())


def places_of(told: Select[tuple[Notification]]) -> Select[tuple[int, datetime, str]]:
    """Select of notifications no more than what tells where each belongs."""
    return told.with_only_columns(Notification.id, Notification.created_at, Notification.url)


def shown_among(
    told: Select[tuple[Notification]], bundles: Sequence[Bundle]
) -> Sequence[Notification]:
    """Return those of the notifications that stand in these bundles, in their order."""
    ids = [place.id for bundle in bundles for place in bundle.items]
    return db.session.scalars(told.where(Notification.id.in_(ids))).all()


def was_notified(person_id: int, text: str, *, since: datetime) -> bool:
    """Tell whether somebody was told the same since a moment."""
    same = select(Notification.id).where(
        Notification.person_id == person_id,
        Notification.created_at >= since,
        Notification.text == text[:300],
    )
    return db.session.scalars(same.limit(1)).first() is not None


def notification(message_id: int, person_id: int) -> Notification:
    """Return a message of this person. Raises NotFound for others' and missing ones."""
    found = db.session.get(Notification, message_id)
    if found is None or found.person_id != person_id:
        raise NotFound
    return found


def own_log(person_id: int) -> Select[tuple[AuditEvent]]:
    """Select what was done with a person's account, identity and roles, the newest first."""
    areas = ("account:", "person:", "role:")
    mine = select(AuditEvent).where(
        AuditEvent.subject_type == "person",
        AuditEvent.subject_id == person_id,
        or_(*(AuditEvent.tag.startswith(area, autoescape=True) for area in areas)),
    )
    return mine.order_by(AuditEvent.id.desc())


def names_of(person_ids: Iterable[int | None]) -> dict[int, str]:
    """Return the names of several people at once."""
    wanted = {i for i in person_ids if i is not None}
    if not wanted:
        return {}
    rows = db.session.execute(select(Person.id, Person.name).where(Person.id.in_(wanted)))
    return {row.id: row.name for row in rows}


def was_opened(person_id: int) -> bool:
    """Tell whether an account was ever given a password, or another way in: the log keeps both.

    A reset takes the password away, and gives nobody else the right to a new secret.
    """
    told = select(AuditEvent.id).where(
        AuditEvent.subject_type == "person",
        AuditEvent.subject_id == person_id,
        AuditEvent.tag.in_(OPENED),
    )
    return db.session.scalar(told.limit(1)) is not None
