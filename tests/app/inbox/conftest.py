"""Requests to bind that wait for one clerk: the simplest tasks there are."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from flask import Flask

from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db, transaction
from app.engine import runtime
from app.engine.models import WorkItem
from app.units.models import Unit
from app.units.operations import request_binding
from app.units.process import BINDING
from tests.builders.flow import open_items
from tests.builders.people import a_person, a_unit, staff


@dataclass
class Desk:
    """A clerk with tasks, and a clerk of another unit."""

    clerk: Person
    stranger: Person
    items: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"/tasks/{self.items[0]}"


@pytest.fixture
def desk_of(app: Flask) -> Callable[..., Desk]:
    """Return a maker of desks with a task for each name."""

    def make(*names: str) -> Desk:
        with transaction():
            unit, other = a_unit("云桥区青禾小学"), a_unit("云桥区第二小学")
            desk = Desk(staff(unit, "unit_clerk"), staff(other, "unit_clerk"))
            desk.items = [asked(unit, name) for name in names or ("苏晓禾",)]
            return desk

    return make


def asked(unit: Unit, name: str) -> int:
    person = a_person(name, roles=[("applicant", "all", None)])
    binding = request_binding(person, unit, "", now=now())
    runtime.start(
        "unit_binding",
        business=(BINDING, binding.id),
        jurisdiction=unit.jurisdiction,
        actor_id=person.id,
        now=now(),
    )
    return open_items((BINDING, binding.id))[0].id


@pytest.fixture
def item() -> Callable[[int], WorkItem]:
    """Return a reader of a task as it now stands."""

    def read(item_id: int) -> WorkItem:
        with transaction(write=False):
            found = db.session.get_one(WorkItem, item_id)
            db.session.refresh(found)
            return found

    return read
