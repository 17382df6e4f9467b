"""Roles that several administrators decide in the same moment."""

from collections.abc import Callable

import pytest
from flask import Flask

from app.accounts.grants import Proposal, decide_grant, propose_grant, take_role
from app.accounts.models import GrantRequest, Person, RoleGrant
from app.accounts.queries import live_grants, people_with_role
from app.accounts.terms import usual_day, usual_end
from app.core.clock import now
from app.core.db import db, transaction
from tests.builders.people import a_person
from tests.builders.threads import together_inside


def decided(app: Flask, acts: list[Callable[[], None]]) -> list[str]:
    """Let administrators act together; what went wrong."""
    return [repr(failure) for failure in together_inside(app, *acts) if failure]


def an_office(role: str, name: str) -> int:
    with transaction():
        return a_person(name, roles=[(role, "all", None)]).id


def someone(person_id: int) -> Person:
    return db.session.get_one(Person, person_id)


def propose(role: str, person_id: int, actor_id: int) -> None:
    wanted = Proposal(role=role, unit_id=None, until=usual_day(now()), reason="学校来函")
    propose_grant(someone(person_id), wanted, actor=someone(actor_id), now=now())


def confirm(request_id: int, actor_id: int) -> None:
    asked = db.session.get_one(GrantRequest, request_id)
    decide_grant(asked, confirm=True, opinion="", actor=someone(actor_id), now=now())


@pytest.fixture
def person_id(app: Flask) -> int:
    with transaction():
        return a_person("卜文").id


def waiting(person_id: int) -> list[str]:
    with transaction(write=False):
        return [r.role for r in db.session.query(GrantRequest).filter_by(person_id=person_id)]


def test_a_role_proposed_twice_at_once_waits_once(app: Flask, person_id: int) -> None:
    actors = [an_office("security_admin", name) for name in ("阚双全", "阚三全", "阚四全")]
    failures = decided(app, [lambda a=a: propose("expert", person_id, a) for a in actors])
    assert waiting(person_id) == ["expert"]
    assert len(failures) == 2
    assert all("等待复核" in failure for failure in failures)


def test_two_offices_proposed_at_once_are_one(app: Flask, person_id: int) -> None:
    actors = [an_office("security_admin", name) for name in ("阚双全", "阚三全")]
    roles = ("audit_admin", "system_admin")
    pairs = list(zip(roles, actors, strict=True))
    failures = decided(app, [lambda r=r, a=a: propose(r, person_id, a) for r, a in pairs])
    assert len(waiting(person_id)) == 1
    assert len(failures) == 1


def test_what_waits_twice_is_given_once(app: Flask, person_id: int) -> None:
    """Two offices wait as if they had slipped past each other; both are confirmed at once."""
    security = an_office("security_admin", "阚双全")
    actors = [an_office("system_admin", name) for name in ("庾一鸣", "庾二鸣")]
    with transaction():
        asked = [
            _slipped_in(role, person_id, security) for role in ("audit_admin", "system_admin")
        ]
    pairs = list(zip(asked, actors, strict=True))
    failures = decided(app, [lambda r=r, a=a: confirm(r, a) for r, a in pairs])
    assert len(failures) == 1
    with transaction(write=False):
        assert len(live_grants(person_id, now())) == 1


def _slipped_in(role: str, person_id: int, actor_id: int) -> int:
    asked = GrantRequest(
        person_id=person_id,
        role=role,
        scope_kind="all",
        scope_id=None,
        valid_to=usual_end(role, now()),
        reason="学校来函",
        proposed_by=actor_id,
        proposed_at=now(),
    )
    db.session.add(asked)
    db.session.flush()
    return asked.id


def test_a_role_that_was_given_meanwhile_is_not_confirmed(app: Flask, person_id: int) -> None:
    security = an_office("security_admin", "阚双全")
    system = an_office("system_admin", "庾一鸣")
    with transaction():
        asked = _slipped_in("expert", person_id, security)
        db.session.add(
            RoleGrant(
                person_id=person_id,
                role="expert",
                scope_kind="all",
                valid_from=now(),
                valid_to=usual_end("expert", now()),
            )
        )
    assert "已有该角色" in decided(app, [lambda: confirm(asked, system)])[0]


def test_two_last_administrators_are_not_taken_at_once(app: Flask) -> None:
    security = an_office("security_admin", "阚双全")
    for name in ("庾一鸣", "庾二鸣"):
        an_office("system_admin", name)
    with transaction(write=False):
        held = [g.id for g in db.session.query(RoleGrant).filter_by(role="system_admin")]

    def take(grant_id: int) -> None:
        grant = db.session.get_one(RoleGrant, grant_id)
        take_role(grant, "试试", actor=someone(security), now=now())

    failures = decided(app, [lambda g=g: take(g) for g in held])
    with transaction(write=False):
        assert len(people_with_role("system_admin", "all", None, now())) == 1
    assert len(failures) == 1
    assert "至少保留一名" in failures[0]
