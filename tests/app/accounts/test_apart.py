"""Who vets does not agree to the same, who watches over meetings runs none of them."""

from datetime import date
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import GrantRequest, Person, RoleGrant
from app.accounts.operations import grant_role
from app.accounts.renewing import end_grant, renew_grant
from app.accounts.terms import end_of_term
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict, Invalid
from app.core.invariants import check_all
from app.core.permissions import ROLES
from tests.builders.people import a_person, a_unit, slip_in_role
from tests.conftest import Browser

FORM = {"unit": "青禾小学", "until": "2027-11-30", "reason": "学校来函"}
PAIRS = [
    ("unit_clerk", "unit_leader"),
    ("unit_leader", "unit_clerk"),
    ("superior_clerk", "superior_leader"),
    ("organiser", "organiser_leader"),
    ("organiser_leader", "organiser"),
    ("meeting_clerk", "organiser_leader"),
    ("meeting_clerk", "supervisor"),
]


@pytest.fixture
def person(app: Flask) -> Person:
    with transaction():
        a_unit("青禾小学", clerk=False, leader=False)
        a_unit("松涛中学", clerk=False, leader=False)
        return a_person("卜文")


@pytest.fixture
def offices(app: Flask, client_for: Any) -> tuple[Browser, Browser]:
    with transaction():
        roles = ("security_admin", "system_admin")
        people = [a_person(role, roles=[(role, "all", None)]) for role in roles]
    return client_for(people[0]), client_for(people[1])


def propose(security: Browser, person: Person, role: str, **more: str) -> Any:
    return security.post(f"/admin/grants/people/{person.id}", {**FORM, "role": role, **more})


def confirm(system: Browser) -> Any:
    with transaction(write=False):
        last = db.session.query(GrantRequest).order_by(GrantRequest.id.desc()).first()
    return system.post(f"/admin/grants/requests/{last.id}", {"decision": "confirm"})


def roles_of(person: Person) -> list[str]:
    with transaction(write=False):
        held = db.session.query(RoleGrant.role).filter_by(person_id=person.id)
        return [role for (role,) in held.order_by(RoleGrant.id)]


@pytest.mark.parametrize(("one", "other"), PAIRS)
@pytest.mark.parametrize("held", [True, False])
def test_the_other_of_a_pair_is_not_proposed(
    offices: tuple[Browser, Browser], person: Person, one: str, other: str, held: bool
) -> None:
    """Neither beside what is held, nor beside what waits; at another unit it may be."""
    security, system = offices
    propose(security, person, one)
    if held:
        confirm(system)
    answer = propose(security, person, other)
    told = f"“{ROLES[one]}”角色（或待复核），与“{ROLES[other]}”不能是同一人"
    assert (answer.status_code, told in answer.text) == (422, True)
    assert 'value="青禾小学"' in answer.text
    assert propose(security, person, other, unit="松涛中学").status_code == 303


def test_the_other_of_a_pair_is_not_confirmed(
    offices: tuple[Browser, Browser], person: Person
) -> None:
    """It was given meanwhile, as by the unit itself."""
    security, system = offices
    propose(security, person, "unit_leader")
    with transaction():
        asked = db.session.query(GrantRequest).one()
        scope = {"scope_kind": "org", "scope_id": asked.scope_id}
        here = db.session.get_one(Person, person.id)
        grant_role(here, "unit_clerk", **scope, actor_id=None, now=now())
    answer = confirm(system)
    told = "“单位经办人”角色（或待复核），与“单位领导”不能是同一人，请退回该授权"
    assert (answer.status_code, told in answer.text) == (409, True)
    assert roles_of(person) == ["unit_clerk"]


def test_no_other_way_gives_or_renews_the_other_of_a_pair(person: Person) -> None:
    """Whoever gives a role; and who came to hold both is not renewed in either."""
    with transaction():
        here, moment = db.session.get_one(Person, person.id), now()
        scope: dict[str, Any] = {"scope_kind": "org", "scope_id": 1}
        clerk = grant_role(here, "meeting_clerk", **scope, actor_id=None, now=moment)
        with pytest.raises(Invalid, match=r"“会议经办人”角色.*与“组建单位领导”不能是同一人"):
            grant_role(here, "organiser_leader", **scope, actor_id=None, now=moment)
        for number, role in enumerate(("organiser", "organiser_leader", "meeting_clerk"), 2):
            there: dict[str, Any] = {"scope_kind": "org", "scope_id": number}
            grant_role(here, "supervisor", **there, actor_id=None, now=moment)
            with pytest.raises(Invalid, match=r"“监督员”角色.*不能是同一人"):
                grant_role(here, role, **there, actor_id=None, now=moment)
        both = slip_in_role(here, "organiser_leader", 1)
        law = f"不相容的角色不是同一人：人员 {here.id} 在单位 1 同时是会议经办人和组建单位领导"
        assert check_all() == [law]
        later = end_of_term("meeting_clerk", date(2031, 1, 1), moment)
        with pytest.raises(Conflict, match="先终止其中一个"):
            renew_grant(clerk, later, actor_id=here.id, now=moment)
        end_grant(both, actor_id=here.id, now=moment)
        renew_grant(clerk, later, actor_id=here.id, now=moment)
        assert clerk.valid_to == later
    with transaction(write=False):
        assert check_all() == []


def test_an_administrator_of_the_unit_may_be_either(
    offices: tuple[Browser, Browser], person: Person
) -> None:
    security, system = offices
    for role in ("unit_admin", "unit_clerk"):
        assert propose(security, person, role).status_code == 303
        assert confirm(system).status_code == 303
    assert roles_of(person) == ["unit_admin", "unit_clerk"]
