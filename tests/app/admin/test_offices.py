"""Administrators' offices: whoever gave an account out does not come into its office."""

from typing import Any

import pytest
from flask import Flask

from app.accounts.models import GrantRequest, Person, RoleGrant
from app.accounts.queries import has_factor, live_grants
from app.accounts.renewing import end_grant
from app.core.clock import now
from app.core.db import db, transaction
from tests.app.admin.test_accounts import PASSWORD, person_called, tags_of
from tests.builders.devices import a_device
from tests.builders.people import a_person, a_unit, disable
from tests.builders.secrets import activated
from tests.conftest import Browser

OFFICE = {"role": "audit_admin", "until": "2027-11-30", "reason": "任命文件"}


@pytest.fixture
def person(app: Flask) -> Person:
    with transaction():
        return a_person("卜文")


def propose(security: Browser, person: Person, **change: str) -> None:
    answer = security.post(f"/admin/grants/people/{person.id}", {**OFFICE, **change})
    assert answer.status_code == 303, answer.text


def confirm(system: Browser) -> Any:
    with transaction(write=False):
        asked = db.session.query(GrantRequest.id).order_by(GrantRequest.id.desc()).first()
    return system.post(f"/admin/grants/requests/{asked[0]}", {"decision": "confirm"})


def roles_of(person: Person) -> set[str]:
    with transaction(write=False):
        return {grant.role for grant in live_grants(person.id, now())}


def reset_by_the_operator(app: Flask, person: Person) -> str:
    told = app.test_cli_runner().invoke(args=["reset-account", f"person{person.id}"]).output
    return told.rsplit("secret=", 1)[-1].strip()


def test_an_account_is_not_reset_while_an_office_waits(
    security: Browser, system: Browser, person: Person
) -> None:
    propose(security, person)
    assert system.post(f"/admin/accounts/{person.id}/reset").status_code == 403
    assert "account:reset" not in tags_of(person)
    assert "重置密码" not in system.get(f"/admin/accounts/{person.id}").text


def test_a_unit_resets_nobody_for_whom_an_office_waits(
    app: Flask, security: Browser, client_for: Any
) -> None:
    with transaction():
        school = a_unit("青禾小学")
        chief = a_person("舒乐平", roles=[("unit_admin", "org", school.id)])
        clerk = a_person("邬小棠", roles=[("unit_clerk", "org", school.id)])
    propose(security, clerk)
    answer = client_for(chief).post(f"/staff/{clerk.id}/reset")
    assert answer.status_code == 403
    assert "account:reset" not in tags_of(clerk)


def test_who_last_reset_an_account_does_not_confirm_its_office(
    app: Flask, security: Browser, system: Browser, person: Person
) -> None:
    system.post(f"/admin/accounts/{person.id}/reset")
    propose(security, person)
    answer = confirm(system)
    assert (answer.status_code, "由您开通或重置" in answer.text) == (403, True)
    assert roles_of(person) == set()
    reset_by_the_operator(app, person)
    assert confirm(system).status_code == 303


def test_who_opened_an_account_does_not_confirm_its_office(
    security: Browser, system: Browser
) -> None:
    system.post("/admin/accounts/new", {"name": "卜文", "login": "bowen"})
    opened = person_called("卜文")
    propose(security, opened)
    assert confirm(system).status_code == 403
    propose(security, opened, role="expert")
    assert confirm(system).status_code == 303


def test_an_office_begins_with_a_secret_from_the_operator(
    app: Flask, security: Browser, system: Browser, person: Person, client_for: Any
) -> None:
    early = reset_by_the_operator(app, person)
    browser = client_for(person)
    propose(security, person)
    assert "flask reset-account" in system.get("/admin/grants/requests").text
    confirm(system)
    assert "flask reset-account" in system.get("/admin/grants/requests").text
    assert browser.get("/home").location.startswith("/login")
    visitor = client_for(None)
    assert visitor.post("/activate", {"secret": early, **PASSWORD}).status_code == 422
    fresh = reset_by_the_operator(app, person)
    assert activated(visitor, fresh).location == "/home"
    assert visitor.get("/admin/audit").status_code == 200


def test_neither_device_nor_mailbox_of_before_is_good_for_an_office(
    security: Browser, system: Browser, person: Person
) -> None:
    with transaction():
        a_device(person)
        kept = db.session.get_one(Person, person.id)
        kept.email, kept.email_verified_at = "wen@example.cn", now()
    propose(security, person)
    assert confirm(system).status_code == 303
    with transaction(write=False):
        assert not has_factor(person.id)
        assert db.session.get_one(Person, person.id).email_verified_at is None


@pytest.mark.parametrize("role", ["security_admin", "audit_admin", "system_admin"])
def test_an_administrator_is_not_locked_in_the_browser(
    app: Flask, system: Browser, role: str
) -> None:
    with transaction():
        other = a_person("阚双全", roles=[(role, "all", None)])
    assert system.post(f"/admin/accounts/{other.id}/lock").status_code == 403
    assert "account:locked" not in tags_of(other)
    assert "停用账号" not in system.get(f"/admin/accounts/{other.id}").text


def test_a_disabled_administrator_does_not_keep_the_office_filled(
    app: Flask, security: Browser, system: Browser
) -> None:
    with transaction():
        other = a_person("庾二鸣", roles=[("system_admin", "all", None)])
        disable(other)
    me = person_called("庾一鸣")
    with transaction(write=False):
        mine = db.session.query(RoleGrant.id).filter_by(person_id=me.id).scalar()
    answer = security.post(f"/admin/grants/{mine}/end", {"reason": "试试"})
    assert (answer.status_code, "至少保留一名" in answer.text) == (409, True)


def test_a_role_proposed_by_a_former_administrator_is_not_confirmed(
    security: Browser, system: Browser, person: Person
) -> None:
    propose(security, person, role="expert")
    former = person_called("阚双全")
    with transaction():
        held = db.session.query(RoleGrant).filter_by(person_id=former.id).one()
        end_grant(held, actor_id=former.id, now=now())
    answer = confirm(system)
    assert (answer.status_code, "提出人已不能授权" in answer.text) == (409, True)
    assert roles_of(person) == set()


def test_a_role_at_a_unit_that_closed_meanwhile_is_not_confirmed(
    security: Browser, system: Browser, person: Person
) -> None:
    with transaction():
        school = a_unit("青禾小学")
    propose(security, person, role="unit_admin", unit="青禾小学")
    with transaction():
        db.session.get_one(type(school), school.id).closed_at = now()
    answer = confirm(system)
    assert (answer.status_code, "单位已关闭" in answer.text) == (409, True)
    assert roles_of(person) == set()
