"""Roles that end soon: who holds them, and who can renew them, are told once (续期提醒)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.accounts.models import Person, RoleGrant
from app.accounts.operations import notify
from app.accounts.queries import holders, is_live
from app.accounts.terms import ENDS_SOON, last_day
from app.core import clock, jobs
from app.core.db import db, transaction
from app.core.permissions import ROLES
from app.inbox.queries import Scope, place_names
from app.units.operations import STAFF_ROLES

JOB = "warn_of_ends"
NAMED = 3
BY_SECURITY, BY_UNIT = "安全管理员", "单位管理员"


def ask_for_warnings(now: datetime) -> None:
    """Ask for the warnings of a day; asked again on the same day it asks nothing."""
    jobs.enqueue(JOB, {}, key=f"{JOB}:{now:%Y-%m-%d}", now=now)


@jobs.register_job(JOB)
def _warn(_payload: Mapping[str, Any]) -> None:
    with transaction():
        warn_of_ends(clock.now())


def warn_of_ends(now: datetime) -> int:
    """Tell of the roles that end within thirty days, each once a term; returns how many.

    A seat in a meeting ends with it and is renewed by nobody.
    """
    ending = (
        select(RoleGrant, Person.name)
        .join(Person, Person.id == RoleGrant.person_id)
        .where(
            RoleGrant.valid_to <= now + ENDS_SOON,
            is_live(now),
            RoleGrant.warned_at.is_(None),
            RoleGrant.scope_kind != "meeting",
        )
        .order_by(RoleGrant.valid_to, RoleGrant.id)
    )
    found = [(row[0], row[1]) for row in db.session.execute(ending)]
    places = place_names((grant.scope_kind, grant.scope_id) for grant, _ in found)
    told: dict[tuple[int, int | None], list[str]] = {}
    for grant, name in found:
        grant.warned_at = now
        line = _named(grant, places)
        unit_id, renewers = _renewers(grant, now)
        whom = BY_UNIT if unit_id else BY_SECURITY
        text = f"您的角色{line}到期，需继续任职的请在此之前联系{whom}续期"
        notify(grant.person_id, text, url="/home", now=now)
        for person_id in renewers:
            told.setdefault((person_id, unit_id), []).append(f"{name}：{line}")
    for (person_id, unit_id), lines in told.items():
        _tell_renewer(person_id, unit_id, lines, now)
    return len(found)


def _named(grant: RoleGrant, places: Mapping[Scope, str]) -> str:
    place = places[grant.scope_kind, grant.scope_id]
    return f"{ROLES.get(grant.role, grant.role)}（{place}）{last_day(grant.valid_to)}"


def _renewers(grant: RoleGrant, now: datetime) -> tuple[int | None, set[int]]:
    """Return who can renew a role: at which unit its administrators, else security's (None)."""
    if grant.scope_kind == "org" and grant.scope_id and grant.role in STAFF_ROLES:
        keepers = holders("unit_admin", "org", grant.scope_id, now) - {grant.person_id}
        if keepers:
            return grant.scope_id, keepers
    return None, holders("security_admin", "all", None, now) - {grant.person_id}


def _tell_renewer(
    person_id: int, unit_id: int | None, lines: Sequence[str], now: datetime
) -> None:
    more = f"等 {len(lines)} 项" if len(lines) > NAMED else ""
    text = f"以下授权即将到期，请续期或安排接任：{'；'.join(lines[:NAMED])}{more}"
    url = f"/staff?unit={unit_id}" if unit_id else "/admin/grants?state=expiring"
    notify(person_id, text, url=url, now=now)
