"""The signed-in session: its cookie names a row, and ends with it wherever it was copied to."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlencode

from flask import current_app, g, request, session
from flask_login import login_user, logout_user
from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import OperationalError

from app.accounts.models import Credential, LoginSession, Person
from app.accounts.operations import end_sessions, open_session
from app.accounts.queries import MOMENT, hash_of, is_outrun, must_enrol, open_sessions
from app.accounts.second_factor import HalfSignedIn
from app.core.clock import now
from app.core.db import db, transaction

log = logging.getLogger(__name__)
IDLE_LIMIT = timedelta(minutes=60)
# How often a session in use is written: reading pages should stay reading.
SEEN_EVERY = timedelta(minutes=5)
TOKEN = "token"  # noqa: S105 - the name of a value in the cookie
VIA = "via"
HALF = "half"
HALF_LASTS = timedelta(minutes=5)


def _idle_limit() -> timedelta:
    limit: timedelta = current_app.config.get("SESSION_IDLE_LIMIT", IDLE_LIMIT)
    return limit


def _lifetime() -> timedelta:
    return current_app.permanent_session_lifetime


def activation_link(secret: str) -> str:
    """Return the address where a person uses a one-time secret."""
    return f"{current_app.config['PUBLIC_URL']}/activate?{urlencode({'secret': secret})}"


def begin_session(credential: Credential, now: datetime, via: str = "") -> None:
    """Sign in with a fresh session, `via` a provider; what the old one held is forgotten."""
    _end_row(now)
    session.clear()
    session.permanent = True
    login_user(credential.person)
    session[TOKEN] = open_session(
        credential.person_id,
        address=request.remote_addr or "",
        agent=request.user_agent.string,
        now=now,
    )
    if via:
        session[VIA] = via


def begin_half(credential: Credential, now: datetime, via: str = "") -> None:
    """Remember that the password was right, or `via` which provider; the code comes next."""
    _end_row(now)
    session.clear()
    print_of = HalfSignedIn.of(credential)
    session[HALF] = [print_of.credential_id, print_of.password_print, now.isoformat(), via]


def half_signed_in(now: datetime) -> HalfSignedIn | None:
    """Return who gave the right password in this browser a moment ago."""
    credential_id, password_print, since, _ = session.get(HALF) or (0, "", "", "")
    if not since or not timedelta() <= now - datetime.fromisoformat(since) <= HALF_LASTS:
        return None
    return HalfSignedIn(credential_id, password_print)


def half_via() -> str:
    """Return by which provider the half that is done was, an empty text for a password."""
    return str(session.get(HALF, [""])[-1])


def signed_in_values(person_id: int, now: datetime) -> Mapping[str, str | bool]:
    """Begin a session outside a request; returns what its cookie holds."""
    token = open_session(person_id, address="127.0.0.1", agent="", now=now)
    return {"_user_id": str(person_id), "_fresh": True, TOKEN: token}


def end_session(now: datetime) -> None:
    """Sign out and forget everything."""
    _end_row(now)
    logout_user()
    session.clear()


def _end_row(now: datetime) -> None:
    ending = update(LoginSession).where(
        LoginSession.token_hash == hash_of(session.get(TOKEN, "")), LoginSession.ended_at.is_(None)
    )
    db.session.execute(ending.values(ended_at=now))


def end_others(person_id: int, now: datetime) -> int:
    """End every session of a person but this one; returns how many."""
    return end_sessions(person_id, now=now, but=session.get(TOKEN, ""))


def live_sessions(person_id: int, now: datetime) -> list[LoginSession]:
    """Return the sessions that a person has open."""
    return open_sessions(person_id, seen_since=now - _idle_limit(), since=now - _lifetime())


def is_this(row: LoginSession) -> bool:
    """Tell whether a row is the session of this request."""
    return row.token_hash == hash_of(session.get(TOKEN, ""))


LIVE_SESSION = (
    select(
        Person,
        LoginSession.id,
        LoginSession.created_at,
        LoginSession.seen_at,
        must_enrol(MOMENT).label("must_enrol"),
    )
    .join(Credential, Credential.person_id == Person.id)
    .join(LoginSession, LoginSession.person_id == Person.id)
    .where(
        Person.id == bindparam("person_id"),
        Credential.is_enabled,
        LoginSession.token_hash == bindparam("token_hash"),
        LoginSession.ended_at.is_(None),
        ~is_outrun(MOMENT),
    )
)


def load_person(person_id: str) -> Person | None:
    """Return the person of a session that goes on: not ended, not idle, not too old.

    Nor does one go on that began before a card of the person opened, which asks for a code.

    One statement loads all of it. PERMANENT_SESSION_LIFETIME is how long a session may last at
    most, SESSION_IDLE_LIMIT how long it may rest.
    """
    moment = now()
    token_hash = hash_of(session.get(TOKEN, ""))
    asked = {"person_id": int(person_id), "token_hash": token_hash, "now": moment}
    found = db.session.execute(LIVE_SESSION, asked).first()
    if found is None:
        return None
    # Demo and play move the instance's clock; only time that passes forward counts.
    rested = moment - found.seen_at
    if rested >= _idle_limit() or moment - found.created_at >= _lifetime():
        return None
    if rested >= min(SEEN_EVERY, _idle_limit() / 2):
        g.session_in_use = (found.id, moment)
    g.must_enrol = found.must_enrol
    person: Person = found.Person
    return person


def note_use(_error: BaseException | None = None) -> None:
    """Write that the session of this request is in use, after it, in a transaction of its own.

    A page that was answered stays answered: what cannot be noted now is noted by the next one.
    """
    used = g.pop("session_in_use", None)
    if used is None:
        return
    try:
        with transaction():
            row = update(LoginSession).where(LoginSession.id == used[0])
            db.session.execute(row.values(seen_at=used[1]))
    except OperationalError:
        log.warning("the use of session %s was not noted", used[0], exc_info=True)
