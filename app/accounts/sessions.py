"""The signed-in session: bound to the account's epoch, so that a reset ends it everywhere."""

from datetime import datetime, timedelta

from flask import session
from flask_login import login_user, logout_user
from sqlalchemy import select

from app.accounts.models import Credential, Person
from app.core.clock import now
from app.core.db import db

IDLE_LIMIT = timedelta(minutes=60)


def begin_session(credential: Credential, now: datetime) -> None:
    """Sign in with a fresh session; what the old one held is forgotten."""
    session.clear()
    session.permanent = True
    login_user(credential.person)
    session["epoch"] = credential.session_epoch
    session["seen"] = int(now.timestamp())


def end_session() -> None:
    """Sign out and forget everything."""
    logout_user()
    session.clear()


def load_person(person_id: str) -> Person | None:
    """Return the person of a session that is neither idle for too long nor ended elsewhere."""
    found = db.session.execute(
        select(Person, Credential)
        .join(Credential, Credential.person_id == Person.id)
        .where(Person.id == int(person_id))
    ).first()
    if found is None or found.Credential.session_epoch != session.get("epoch"):
        return None
    if not found.Credential.is_enabled:
        return None
    moment = now()
    seen = session.get("seen", 0)
    # Demo and play move the instance's clock; only time that passes forward counts as idle.
    if moment.timestamp() - seen > IDLE_LIMIT.total_seconds():
        return None
    if moment.timestamp() - seen > 60:
        session["seen"] = int(moment.timestamp())
    person: Person = found.Person
    return person
