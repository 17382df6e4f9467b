"""Roles that end soon: who holds them, and who can renew them, are told once (续期提醒)."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, select

from app.accounts.grants import lock_roles_of
from app.accounts.models import Person, RoleGrant
from app.accounts.operations import notify
from app.accounts.queries import holders, is_live, was_notified
from app.accounts.renewing import lapse_over
from app.accounts.terms import ENDS_SOON, last_day
from app.admin.operations import tell_of_vacancies
from app.core import clock, jobs
from app.core.db import db, transaction
from app.core.instants import end_of
from app.core.permissions import ROLES
from app.inbox.queries import Scope, place_names
from app.units.operations import STAFF_ROLES

JOB, LETTER = "warn_of_ends", "tell_of_ends"
NAMED = 3
BY_SECURITY, BY_UNIT = "安全管理员", "单位管理员"
Renewer = tuple[int, int | None]
"""Who can renew, and at which unit; security's administrators everywhere else (None)."""
Holders = dict[tuple[str, int | None], set[int]]
"""Who holds a role at a unit, or everywhere, so that each is asked for once."""


def ask_for_warnings(now: datetime) -> None:
    """Ask for the warnings of a day; asked again on the same day it asks nothing."""
    day = f"{now:%Y-%m-%d}"
    jobs.enqueue(JOB, {"day": day}, key=f"{JOB}:{day}", now=now)


@jobs.register_job(JOB)
def _warn(payload: Mapping[str, Any]) -> None:
    warn_of_ends(date.fromisoformat(payload["day"]))


def warn_of_ends(day: date) -> int:
    """Tell of the roles that end within thirty days, each once a term; returns how many.

    Each person in a transaction of their own; then each who can renew gets one letter of the day
    for a unit, by a job of its own: what fails, or is tried again, leaves nobody untold and tells
    nobody twice.
    """
    with transaction(write=False):
        holders_of = select(RoleGrant.person_id).where(*_ending(clock.now())).distinct()
        people = list(db.session.scalars(holders_of.order_by(RoleGrant.person_id)))
    count = 0
    for person_id in people:
        with transaction():
            count += _warn_holder(person_id, clock.now())
    _tell_of_ends(clock.now)
    with transaction():
        for (person_id, unit_id), text, url in _letters(day, clock.now()):
            letter = {"day": f"{day}", "person": person_id, "text": text, "url": url}
            key = f"{LETTER}:{day}:{person_id}:{unit_id or ''}"
            jobs.enqueue(LETTER, letter, key=key, now=clock.now())
    return count


@jobs.register_job(LETTER)
def _tell(letter: Mapping[str, Any]) -> None:
    """Give a letter to who can renew; one that was given already is not given again."""
    since = _begin_of(date.fromisoformat(letter["day"]))
    with transaction():
        if not was_notified(letter["person"], letter["text"], since=since):
            notify(letter["person"], letter["text"], url=letter["url"], now=clock.now())


def _begin_of(day: date) -> datetime:
    return end_of(day - timedelta(days=1))


def _tell_of_ends(read: Callable[[], datetime]) -> None:
    """Tell whose terms ran out by themselves of late, and who can fill what they leave, once."""
    with transaction(write=False):
        now = read()
        over = select(RoleGrant).where(
            RoleGrant.valid_to > now - ENDS_SOON,
            RoleGrant.valid_to <= now,
            RoleGrant.ended_at.is_(None),
            RoleGrant.scope_kind != "meeting",
        )
        found = db.session.scalars(over.order_by(RoleGrant.id)).all()
        places = place_names((grant.scope_kind, grant.scope_id) for grant in found)
        told = [(g, f"您的角色{_named(g, places)}已到期终止") for g in found]
    for grant, text in told:
        person_id, end = grant.person_id, grant.valid_to
        with transaction():
            lock_roles_of(person_id)
            lapse_over(person_id, read())
            if end and not was_notified(person_id, text, since=end):
                notify(person_id, text, url="/home", now=read())
                tell_of_vacancies([grant], now=read())


def _ending(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return what is to be told of; a seat in a meeting ends with it and nobody renews it."""
    return (*_ends_soon(now), RoleGrant.warned_at.is_(None))


def _ends_soon(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        RoleGrant.valid_to <= now + ENDS_SOON,
        is_live(now),
        RoleGrant.scope_kind != "meeting",
    )


def _warn_holder(person_id: int, now: datetime) -> int:
    """Tell somebody of their roles that end, and keep that they were told; returns how many."""
    # Whoever renews or takes a role holds the same lock: what they did is read here.
    lock_roles_of(person_id)
    mine = select(RoleGrant).where(RoleGrant.person_id == person_id, *_ending(now))
    found = db.session.scalars(mine.order_by(RoleGrant.valid_to, RoleGrant.id)).all()
    places = place_names((grant.scope_kind, grant.scope_id) for grant in found)
    known: Holders = {}
    for grant in found:
        grant.warned_at = now
        whom = BY_UNIT if _renewers(grant, known, now)[0] else BY_SECURITY
        text = f"您的角色{_named(grant, places)}到期，需继续任职的请在此之前联系{whom}续期"
        notify(person_id, text, url="/home", now=now)
    return len(found)


def _letters(day: date, now: datetime) -> Iterator[tuple[Renewer, str, str]]:
    """Yield to whom, in what words and with what address is told what they can renew."""
    for (person_id, unit_id), ending in _to_renew(day, now).items():
        places = place_names((grant.scope_kind, grant.scope_id) for grant, _ in ending[:NAMED])
        lines = "；".join(f"{name}：{_named(grant, places)}" for grant, name in ending[:NAMED])
        more = f"等 {len(ending)} 项" if len(ending) > NAMED else ""
        url = f"/staff?unit={unit_id}" if unit_id else "/admin/grants?state=expiring"
        yield (person_id, unit_id), f"以下授权即将到期，请续期或安排接任：{lines}{more}", url


def _to_renew(day: date, now: datetime) -> dict[Renewer, list[tuple[RoleGrant, str]]]:
    """Return who can renew, with what was told of on that day and still ends."""
    told = (
        select(RoleGrant, Person.name)
        .join(Person, Person.id == RoleGrant.person_id)
        .where(
            RoleGrant.warned_at >= _begin_of(day),
            RoleGrant.warned_at < end_of(day),
            *_ends_soon(now),
        )
        .order_by(RoleGrant.valid_to, RoleGrant.id)
    )
    found: dict[Renewer, list[tuple[RoleGrant, str]]] = {}
    known: Holders = {}
    for grant, name in db.session.execute(told).tuples():
        unit_id, renewers = _renewers(grant, known, now)
        for person_id in renewers:
            found.setdefault((person_id, unit_id), []).append((grant, name))
    return found


def _named(grant: RoleGrant, places: Mapping[Scope, str]) -> str:
    place = places[grant.scope_kind, grant.scope_id]
    return f"{ROLES.get(grant.role, grant.role)}（{place}）{last_day(grant.valid_to)}"


def _renewers(grant: RoleGrant, known: Holders, now: datetime) -> tuple[int | None, set[int]]:
    """Return who can renew a role: at which unit its administrators, else security's (None)."""
    if grant.scope_kind == "org" and grant.scope_id and grant.role in STAFF_ROLES:
        keepers = _holders("unit_admin", grant.scope_id, known, now) - {grant.person_id}
        if keepers:
            return grant.scope_id, keepers
    return None, _holders("security_admin", None, known, now) - {grant.person_id}


def _holders(role: str, unit_id: int | None, known: Holders, now: datetime) -> set[int]:
    if (role, unit_id) not in known:
        kind = "org" if unit_id else "all"
        known[role, unit_id] = holders(role, kind, unit_id, now)
    return known[role, unit_id]
