"""Identity numbers in full: for a reason, once, and their person can see who looked and why."""

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Person
from app.core.audit import AuditEvent
from app.core.db import db, transaction
from app.units.models import Unit
from tests.builders.people import a_person, a_unit, an_id_number, staff

NUMBER = an_id_number()
REASON = "与身份证原件核对姓名"


@pytest.fixture
def person(unit: Unit) -> Person:
    with transaction():
        return a_person("苏晓禾", id_number=NUMBER, unit=unit)


def events() -> list[AuditEvent]:
    found = sa.select(AuditEvent).where(AuditEvent.tag == "person:unmasked")
    return list(db.session.scalars(found))


def test_a_number_is_shown_once_for_a_reason(
    client_for: Any, admin: Person, person: Person
) -> None:
    browser = client_for(admin)
    url = f"/staff/applicants/{person.id}/number"
    listed = browser.get("/staff/applicants").text
    assert url in listed
    assert NUMBER not in listed
    page = browser.get(url).text
    assert person.masked_id_number in page
    assert NUMBER not in page
    answer = browser.post(url, {"reason": REASON})
    assert answer.status_code == 303
    shown = browser.get(answer.location).text
    assert NUMBER in shown
    assert 'href="/staff/applicants?unit=' in shown
    assert NUMBER not in browser.get(answer.location).text
    with transaction(write=False):
        (event,) = events()
        assert (event.actor_id, event.subject_id) == (admin.id, person.id)
        assert event.data == {"reason": REASON}


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("", "请填写查看理由"),
        ("   ", "请填写查看理由"),
        ("x", "请写明为何查看"),
        ("1234567", "请写明为何查看"),
        ("核核核核核 。", "请写明为何查看"),
    ],
)
def test_without_a_reason_nothing_is_shown(
    client_for: Any, admin: Person, person: Person, reason: str, words: str
) -> None:
    answer = client_for(admin).post(f"/staff/applicants/{person.id}/number", {"reason": reason})
    assert (answer.status_code, words in answer.text) == (422, True)
    assert NUMBER not in answer.text
    with transaction(write=False):
        assert events() == []


def test_the_person_sees_who_looked_and_why(
    client_for: Any, admin: Person, person: Person
) -> None:
    client_for(admin).post(f"/staff/applicants/{person.id}/number", {"reason": REASON})
    log = client_for(person).get("/account/log").text
    assert "查看完整证件号码" in log
    assert "敖正言" in log
    assert REASON in log
    assert REASON not in client_for(admin).get("/account/log").text


def test_the_system_administrator_may_look_from_the_account(
    app: Flask, client_for: Any, person: Person
) -> None:
    with transaction():
        system = a_person("庾一鸣", roles=[("system_admin", "all", None)])
    browser = client_for(system)
    assert (
        f"/admin/accounts/{person.id}/number" in browser.get(f"/admin/accounts/{person.id}").text
    )
    empty = browser.post(f"/admin/accounts/{person.id}/number", {"reason": ""})
    assert (empty.status_code, NUMBER in empty.text) == (422, False)
    answer = browser.post(f"/admin/accounts/{person.id}/number", {"reason": REASON})
    assert NUMBER in browser.get(answer.location).text


def test_nobody_else_may_look(app: Flask, client_for: Any, unit: Unit, person: Person) -> None:
    with transaction():
        other = a_unit("第二中学")
        strangers = [
            a_person("别的管理员", roles=[("unit_admin", "org", other.id)]),
            a_person("安全员", roles=[("security_admin", "all", None)]),
            a_person("审计员", roles=[("audit_admin", "all", None)]),
            staff(unit, "unit_clerk"),
            person,
        ]
    for stranger in strangers:
        browser = client_for(stranger)
        for place in ("staff/applicants", "admin/accounts"):
            url = f"/{place}/{person.id}/number"
            assert browser.get(url).status_code == 403, stranger.name
            assert browser.post(url, {"reason": REASON}).status_code == 403, stranger.name
    assert (
        client_for(None).get(f"/staff/applicants/{person.id}/number").location.startswith("/login")
    )


def test_an_unknown_person_and_one_without_a_number_are_told_apart(
    app: Flask, client_for: Any, admin: Person, unit: Unit
) -> None:
    with transaction():
        blank = a_person("无号", unit=unit)
    browser = client_for(admin)
    assert browser.get("/staff/applicants/999/number").status_code == 404
    assert (
        browser.post(f"/staff/applicants/{blank.id}/number", {"reason": REASON}).status_code == 409
    )


def test_a_number_that_waits_is_shown_on_its_own_page_only(
    app: Flask, client_for: Any, admin: Person, person: Person, unit: Unit
) -> None:
    with transaction():
        other = a_person("卜文", id_number=an_id_number(), unit=unit)
    browser = client_for(admin)
    browser.post(f"/staff/applicants/{person.id}/number", {"reason": REASON})
    assert NUMBER not in browser.get(f"/staff/applicants/{other.id}/number").text


def test_the_own_log_tells_sign_ins_and_grants(
    app: Flask, client_for: Any, person: Person
) -> None:
    page = client_for(person).get("/account/log").text
    assert "授予角色" in page
    assert "申报人" in page
    assert "开通账号" in page
