"""A unit, its administrator, and who wants to belong to it: what they and its clerk do."""

from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Person
from app.core.db import db, transaction
from app.units.models import Employment, Unit
from app.units.process import BINDING
from tests.builders.flow import open_items
from tests.builders.people import a_person, a_unit, staff

APPLICANT = [("applicant", "all", None)]


@dataclass
class Case:
    """A person, the unit they want, its clerk, and another unit's clerk."""

    person: Person
    unit: Unit
    clerk: Person
    stranger: Person


@pytest.fixture
def case(app: Flask) -> Case:
    with transaction():
        unit, other = a_unit("云桥区青禾小学"), a_unit("云桥区第二小学")
        person = a_person("苏晓禾", roles=APPLICANT)
        return Case(person, unit, staff(unit, "unit_clerk"), staff(other, "unit_clerk"))


@pytest.fixture
def unit(app: Flask) -> Unit:
    with transaction():
        return a_unit()


@pytest.fixture
def admin(unit: Unit) -> Person:
    with transaction():
        return a_person("敖正言", roles=[("unit_admin", "org", unit.id)])


def ask(client_for: Any, case: Case, **form: Any) -> Any:
    return client_for(case.person).post("/binding", {"unit_id": case.unit.id, **form})


def ask_by_two(client_for: Any, case: Case) -> None:
    """Let the person ask, and 柏小满 too."""
    with transaction():
        second = a_person("柏小满", roles=APPLICANT)
    ask(client_for, case)
    client_for(second).post("/binding", {"unit_id": case.unit.id})


def task_of(case: Case) -> int:
    with transaction(write=False):
        binding = db.session.query(Employment).filter_by(person_id=case.person.id).one()
        return open_items((BINDING, binding.id))[0].id


def vet(client_for: Any, case: Case, decision: str, opinion: str = "") -> Any:
    form = {"decision": decision, "opinion": opinion}
    return client_for(case.clerk).post(f"/tasks/{task_of(case)}", form)


def status(case: Case) -> str:
    with transaction(write=False):
        return db.session.query(Employment).filter_by(person_id=case.person.id).one().status
