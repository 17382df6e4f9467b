"""What the tests of signing in by a provider ask and say."""

from typing import Any

import sqlalchemy as sa

from app.accounts.models import Person
from app.core.audit import AuditEvent
from app.core.db import db, transaction
from app.openid.models import Provider
from tests.conftest import Browser

ACCOUNT = "/login/openid/account"


def button(provider: Provider, *, more: str = "") -> str:
    return f"/login/openid/{provider.id}?as=person{more}"


def number_of(person: Person) -> str:
    with transaction(write=False):
        return db.session.get_one(Person, person.id).id_number


def is_in(browser: Browser) -> bool:
    return bool(browser.get("/account/sessions").status_code == 200)


def count(model: Any) -> int:
    with transaction(write=False):
        return db.session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


def events(person: Person) -> list[tuple[str, dict[str, Any]]]:
    with transaction(write=False):
        wanted = sa.select(AuditEvent).where(AuditEvent.subject_id == person.id)
        found = db.session.scalars(wanted.order_by(AuditEvent.id))
        return [(e.tag, e.data) for e in found if e.subject_type == "person"]
