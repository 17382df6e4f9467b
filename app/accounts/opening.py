"""Opening accounts for thousands of people at once, by the laws by which one is opened.

Rows are inserted many at a time and no record is held in memory.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import insert, select, update

from app.accounts.logins import neutral_login
from app.accounts.models import Credential, Person, RoleGrant, identity_columns
from app.accounts.operations import new_activation
from app.accounts.queries import forget_grants
from app.accounts.terms import usual_end
from app.core import audit
from app.core.crypto import fold_id, texts_by_hash
from app.core.db import Model, db

AT_ONCE = 500


@dataclass(frozen=True)
class Newcomer:
    """Somebody whom the platform does not know yet."""

    name: str
    id_number: str
    gender: str
    birth_date: date
    phone: str = ""


@dataclass(frozen=True)
class Known:
    """Somebody whom the platform knows already."""

    id: int
    name: str
    phone: str


@dataclass(frozen=True)
class Given:
    """A role that a person is given in a scope, for a term: the usual one unless it is named."""

    person_id: int
    role: str
    scope_kind: str
    scope_id: int | None
    until: datetime | None = None


def chunks(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Return what fits into one statement, one after another."""
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))


def insert_many(table: type[Model], rows: Sequence[dict[str, Any]]) -> list[int]:
    """Insert rows and return their ids in the same order."""
    if not rows:
        return []
    key = table.__table__.c.id
    asked = insert(table).returning(key, sort_by_parameter_order=True)
    return [int(found) for found in db.session.scalars(asked, list(rows))]


def people_by_number(numbers: Iterable[str]) -> dict[str, Known]:
    """Return whom the platform knows of these identity numbers, by the number as it is kept."""
    hashes = texts_by_hash(map(fold_id, numbers))
    columns = Person.id_number_hash, Person.id, Person.name, Person.phone
    found: dict[str, Known] = {}
    for some in chunks(list(hashes)):
        rows = db.session.execute(select(*columns).where(Person.id_number_hash.in_(some)))
        found |= {hashes[row[0] or ""]: Known(*row[1:]) for row in rows.tuples()}
    return found


def open_accounts(
    newcomers: Sequence[Newcomer], *, actor_id: int | None, now: datetime
) -> list[tuple[int, str]]:
    """Create people with their accounts; returns of each the id and the one-time secret.

    They sign in with the identity number or a neutral name. The numbers were checked, and that
    nobody has them: a constraint refuses who came between.
    """
    ids = insert_many(Person, [_person(each, now) for each in newcomers])
    activations = [new_activation(now) for _ in ids]
    logins = _free_logins(len(ids))
    accounts = [
        {"person_id": person_id, "login": login, **kept}
        for person_id, login, (_, kept) in zip(ids, logins, activations, strict=True)
    ]
    insert_many(Credential, accounts)
    about = [(person_id, {"login": login}) for person_id, login in zip(ids, logins, strict=True)]
    audit.record_many("account:created", kind="person", about=about, actor_id=actor_id, now=now)
    return [(person_id, secret) for person_id, (secret, _) in zip(ids, activations, strict=True)]


def _person(newcomer: Newcomer, now: datetime) -> dict[str, Any]:
    told = {name: value for name, value in vars(newcomer).items() if name != "id_number"}
    return {**told, **identity_columns(newcomer.id_number), "profile": {}, "created_at": now}


def _free_logins(count: int) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        drawn = {neutral_login() for _ in range(min(AT_ONCE, count - len(found)))}
        taken = db.session.scalars(select(Credential.login).where(Credential.login.in_(drawn)))
        found |= dict.fromkeys(drawn - set(taken))
    return list(found)


def give_roles(given: Sequence[Given], *, actor_id: int | None, now: datetime) -> None:
    """Give people roles from now on, each with its event."""
    rows = [
        {
            "person_id": each.person_id,
            "role": each.role,
            "scope_kind": each.scope_kind,
            "scope_id": each.scope_id,
            "valid_from": now,
            "valid_to": each.until or usual_end(each.role, now),
            "granted_by": actor_id,
        }
        for each in given
    ]
    insert_many(RoleGrant, rows)
    forget_grants()
    about = [
        (each.person_id, {"role": each.role, "scope": f"{each.scope_kind}:{each.scope_id}"})
        for each in given
    ]
    audit.record_many("role:granted", kind="person", about=about, actor_id=actor_id, now=now)


def renew_activations(
    accounts: Sequence[tuple[int, int]], *, actor_id: int, now: datetime
) -> list[str]:
    """Give accounts that were never used new one-time secrets: ids of account and person."""
    activations = [new_activation(now) for _ in accounts]
    rows = [{"id": each[0], **kept} for each, (_, kept) in zip(accounts, activations, strict=True)]
    if rows:
        db.session.execute(update(Credential), rows)
    about: list[tuple[int, dict[str, Any]]] = [(person_id, {}) for _, person_id in accounts]
    audit.record_many("account:reset", kind="person", about=about, actor_id=actor_id, now=now)
    return [secret for secret, _ in activations]
