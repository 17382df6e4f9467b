"""Whose task it is: never the applicant's own, and two people for a termination."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Person
from app.accounts.operations import grant_role
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid
from app.declarations.models import Declaration
from app.engine import care
from app.engine.handlers import Scope
from tests.builders.declarations import a_declaration
from tests.builders.flow import do, open_items
from tests.builders.golden_case import TERMINATE
from tests.builders.people import slip_in_role, staff

Clients = Callable[..., Any]


def give_role(person_id: int, role: str, unit_id: int) -> Person:
    with transaction():
        person = db.session.get_one(Person, person_id)
        grant_role(person, role, scope_kind="org", scope_id=unit_id, actor_id=None, now=now())
        return person


def the_task(declaration: Declaration) -> int:
    with transaction(write=False):
        (item,) = open_items(("declaration", declaration.id))
        return item.id


def sees(browser: Any, declaration: Declaration) -> tuple[bool, bool, int]:
    """Whether the task centre and the list of reviews show it, and what its page answers."""
    task = the_task(declaration)
    listed = f"/tasks/{task}" in browser.get("/tasks").text
    reviewed = f"/declarations/{declaration.id}" in browser.get("/declarations/review").text
    return listed, reviewed, browser.get(f"/tasks/{task}").status_code


@pytest.mark.parametrize("at", ["vet_declaration", "accept_declaration"])
def test_who_proposes_an_end_is_not_asked_to_confirm_it(
    app: Flask, client_for: Clients, at: str
) -> None:
    declaration = a_declaration(at=at)
    clerk = do(("declaration", declaration.id), at, TERMINATE)
    leads = "unit_leader" if at == "vet_declaration" else "organiser_leader"
    unit = declaration.unit if at == "vet_declaration" else declaration.plan.organiser_unit
    with transaction(write=False):
        other = staff(db.session.merge(unit, load=False), leads)
    with transaction():
        slip_in_role(clerk, leads, unit.id)
    assert sees(client_for(clerk), declaration) == (False, False, 403)
    assert sees(client_for(other), declaration) == (True, True, 200)


def test_an_applicant_with_a_post_is_not_offered_their_own_declaration(
    app: Flask, client_for: Clients
) -> None:
    declaration = a_declaration()
    applicant = give_role(declaration.person_id, "unit_clerk", declaration.unit_id)
    assert sees(client_for(applicant), declaration) == (False, False, 403)
    with transaction():
        (item,) = open_items(("declaration", declaration.id))
        to = Scope("person", declaration.person_id)
        with pytest.raises(Invalid, match="事项本人"):
            care.reassign(item, to, reason="转办", actor_id=None, now=now())
