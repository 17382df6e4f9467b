"""A school with its clerk and one of its teachers: who the tests of the portfolio are about."""

import pytest
from flask import Flask

from app.accounts.models import Person
from app.core.db import transaction
from app.units.models import Unit
from tests.builders.people import a_person, a_unit, staff


@pytest.fixture
def school(app: Flask) -> Unit:
    del app
    with transaction():
        return a_unit()


@pytest.fixture
def clerk(school: Unit) -> Person:
    with transaction():
        return staff(school, "unit_clerk")


@pytest.fixture
def teacher(school: Unit) -> Person:
    with transaction():
        return a_person("柏小满", unit=school)
