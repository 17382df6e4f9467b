"""The people of 淮城 who play the golden case."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Person
from app.core.clock import now
from app.core.db import transaction
from app.units.models import Unit
from tests.builders.declarations import a_chain, golden_applicant, golden_plan
from tests.builders.people import a_person, staff
from tests.builders.review import an_expert
from tests.journeys.kit import Company

EXPERTS = 5


def _posts(unit: Unit, *roles: str) -> list[tuple[str, str, int | None]]:
    return [(role, "org", unit.id) for role in roles]


@pytest.fixture
def company(app: Flask, client_for: Callable[..., Any]) -> Company:
    """Units, staff, an open plan, a teacher with nothing entered, and the pool of experts."""
    with transaction():
        city, district, school = a_chain()
        plan = golden_plan(city)
        people: dict[str, Person] = {
            "teacher": golden_applicant(school),
            "unit_clerk": staff(school, "unit_clerk"),
            "unit_leader": staff(school, "unit_leader"),
            "district_clerk": staff(district, "superior_clerk"),
            "district_leader": staff(district, "superior_leader"),
            "city_clerk": staff(city, "superior_clerk"),
            "city_leader": staff(city, "superior_leader"),
            "organiser": staff(city, "organiser"),
            "organiser_leader": staff(city, "organiser_leader"),
            "meeting_clerk": a_person("贾会办", roles=_posts(city, "meeting_clerk")),
            "supervisor": a_person("敖正言", roles=_posts(city, "supervisor")),
            "issuer": a_person("颁证员", roles=_posts(city, "issuer")),
        }
        for number in range(1, EXPERTS + 1):
            people[f"expert{number}"] = an_expert(f"专家{number:02d}", specialty="小学数学")
        assert plan.accepts_submissions(now())
        ids = {part: person.id for part, person in people.items()}
    return Company(client_for, ids)
