"""Roles that several administrators decide in the same moment."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.accounts import grants, renewing
from app.accounts.grants import Proposal, decide_grant, propose_grant, take_role
from app.accounts.models import LAPSED, GrantRequest, Person, RoleGrant
from app.accounts.queries import live_grants, people_with_role
from app.accounts.terms import usual_day, usual_end
from app.admin.operations import confirm_renewals
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict
from app.units import closing, operations, tree
from app.units.models import Unit
from tests.builders.locks import locks_on
from tests.builders.people import a_person, a_unit
from tests.builders.statements import statements_sent
from tests.builders.threads import WAIT, together_inside


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


LATER = timedelta(seconds=1)


@pytest.fixture
def clerk(app: Flask, person_id: int) -> tuple[int, int]:
    """A clerk whose term ends soon; the grant and its unit."""
    with transaction():
        unit = a_unit("云桥区青禾小学")
        grant = RoleGrant(
            person_id=person_id,
            role="unit_clerk",
            scope_kind="org",
            scope_id=unit.id,
            valid_from=now(),
            valid_to=now() + timedelta(days=9),
        )
        db.session.add(grant)
        db.session.flush()
        return grant.id, unit.id


def renew(unit_id: int, person_id: int, actor_id: int) -> None:
    unit = db.session.get_one(Unit, unit_id)
    operations.renew_staff(unit, someone(person_id), actor=someone(actor_id), now=now())


def is_held(grant_id: int) -> bool:
    with transaction(write=False):
        until = db.session.get_one(RoleGrant, grant_id).valid_to
        return until is not None and until > now() + LATER


@pytest.mark.parametrize("first", ["taken", "renewed"])
def test_a_renewal_that_waits_does_not_bring_back_what_was_taken(
    app: Flask, person_id: int, clerk: tuple[int, int], first: str
) -> None:
    """Both have read the clock; whoever comes second waits, and its moment may be the earlier."""
    grant_id, unit_id = clerk
    actor_id = an_office("security_admin", "阚双全")
    begun = threading.Event()

    def take() -> None:
        waits_for("renewed")
        grant = db.session.get_one(RoleGrant, grant_id)
        take_role(grant, "调离", actor=someone(actor_id), now=now() + LATER / 2)
        begun.set()

    def lengthen() -> None:
        waits_for("taken")
        renew(unit_id, person_id, actor_id)
        begun.set()

    def waits_for(other: str) -> None:
        if first == other and db.engine.dialect.name != "sqlite":
            begun.wait(WAIT)

    acts = (take, lengthen) if first == "taken" else (lengthen, take)
    failed = [each for each in together_inside(app, *acts) if each]
    assert not is_held(grant_id)
    assert all(isinstance(each, Conflict) for each in failed), failed


def test_what_was_taken_a_moment_later_is_neither_renewed_nor_taken_again(
    app: Flask, person_id: int, clerk: tuple[int, int]
) -> None:
    actor_id = an_office("security_admin", "阚双全")
    with transaction():
        grant = db.session.get_one(RoleGrant, clerk[0])
        take_role(grant, "调离", actor=someone(actor_id), now=now() + LATER)
        with pytest.raises(Conflict, match="该授权已终止"):
            renew(clerk[1], person_id, actor_id)
        with pytest.raises(Conflict, match="该授权已终止"):
            take_role(grant, "调离", actor=someone(actor_id), now=now())


def test_roles_are_locked_in_one_order(app: Flask, person_id: int, clerk: tuple[int, int]) -> None:
    """Who renews and who takes lock the person before what they hold."""
    actor_id = an_office("security_admin", "阚双全")
    with transaction(), locks_on("person") as people:
        renew(clerk[1], person_id, actor_id)
    with transaction(), locks_on("person") as others:
        take_role(
            db.session.get_one(RoleGrant, clerk[0]), "调离", actor=someone(actor_id), now=now()
        )
    assert (people, others) == (["NO KEY UPDATE"], ["NO KEY UPDATE"])


def test_several_renewals_lock_all_roles_before_any_is_decided(
    app: Flask, clerk: tuple[int, int]
) -> None:
    """By their numbers, as the end of a unit does: neither waits for the other."""
    security = an_office("security_admin", "阚双全")
    system = an_office("system_admin", "庾一鸣")
    with transaction():
        held = [_held_at(clerk[1], role) for role in ("unit_admin", "issuer", "supervisor")]
        asked = [_renewal_of(grant, security) for grant in reversed(held)]
    with transaction(), locks_on("role_grant") as locks:
        found = [db.session.get_one(GrantRequest, each) for each in asked]
        assert confirm_renewals(found, actor=someone(system), now=now()) == (3, {})
    assert locks == ["UPDATE"] * 4, "all at once, then each that is decided"


def _held_at(unit_id: int, role: str) -> RoleGrant:
    person = a_person(f"在任{role}", roles=[(role, "org", unit_id)])
    return db.session.query(RoleGrant).filter_by(person_id=person.id).one()


def _renewal_of(grant: RoleGrant, actor_id: int) -> int:
    asked = GrantRequest(
        renews_id=grant.id,
        person_id=grant.person_id,
        role=grant.role,
        scope_kind="org",
        scope_id=grant.scope_id,
        valid_to=usual_end(grant.role, now()) + timedelta(days=300),  # type: ignore[operator]
        reason="续聘",
        proposed_by=actor_id,
        proposed_at=now(),
    )
    db.session.add(asked)
    db.session.flush()
    return asked.id


def shut(unit_id: int, actor_id: int) -> None:
    unit = db.session.get_one(Unit, unit_id)
    tree.hold_tree(unit)
    closing.shut(unit, reason="单位关闭", actor_id=actor_id, now=now())


def test_a_unit_is_shut_while_what_renews_a_role_there_is_confirmed(
    app: Flask, clerk: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who confirms has the proposal and wants the role; who shuts must not have them crosswise."""
    grant_id, unit_id = clerk
    security = an_office("security_admin", "阚双全")
    system = an_office("system_admin", "庾一鸣")
    with transaction():
        asked = _renewal_of(db.session.get_one(RoleGrant, grant_id), security)
    has_proposal, has_roles = threading.Event(), threading.Event()
    hold, lapse = grants.renew_grant, renewing.lapse_renewals
    queues = db.engine.dialect.name == "sqlite"

    def renew_late(*given: Any, **more: Any) -> None:
        has_proposal.set()
        has_roles.wait(0 if queues else 1)
        hold(*given, **more)

    def lapse_then(grant_ids: list[int], *given: Any, **more: Any) -> None:
        if grant_id in grant_ids:
            has_roles.set()
        lapse(grant_ids, *given, **more)

    def shut_then() -> None:
        has_proposal.wait(0 if queues else WAIT)
        shut(unit_id, system)

    monkeypatch.setattr(grants, "renew_grant", renew_late)
    monkeypatch.setattr(renewing, "lapse_renewals", lapse_then)
    failed = together_inside(app, lambda: confirm(asked, system), shut_then)
    assert not is_held(grant_id)
    assert [each for each in failed if each and not isinstance(each, Conflict)] == []
    assert failed[1] is None


def test_the_end_of_a_unit_asks_as_much_of_few_roles_as_of_many(
    app: Flask, clerk: tuple[int, int]
) -> None:
    """Those who hold them are locked first, then the roles, then what waits to renew them."""
    security = an_office("security_admin", "阚双全")
    sent = []
    for count in (1, 5):
        with transaction():
            unit_id = a_unit(f"第{count}小学", clerk=False, leader=False).id
            held = [_held_at(unit_id, "supervisor").id for _ in range(count)]
            asked = [_renewal_of(db.session.get_one(RoleGrant, each), security) for each in held]
        with statements_sent() as statements, transaction(), locks_on("role_grant") as roles:
            with locks_on("person") as people:
                shut(unit_id, security)
            assert (people, roles) == (["NO KEY UPDATE"], ["UPDATE"])
        sent.append(len(statements))
        assert not any(is_held(each) for each in held)
        with transaction(write=False):
            states = {db.session.get_one(GrantRequest, each).status for each in asked}
            assert states == {LAPSED}
    assert sent[0] == sent[1]
