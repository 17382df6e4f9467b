"""What the tests of a declaration's pages ask and read."""

from typing import Any

from app.accounts.models import Person
from app.core.db import db, transaction
from app.units.models import Unit
from tests.builders.people import staff


def text(response: Any) -> str:
    """What a page says that is there."""
    assert response.status_code == 200, response.text[:2000]
    return str(response.text)


def staff_of(unit: Unit, role: str = "unit_clerk") -> Person:
    """Who holds a role in a unit that another transaction read."""
    with transaction(write=False):
        return staff(db.session.merge(unit, load=False), role)
