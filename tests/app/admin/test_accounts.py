"""The system administrator's accounts: found, opened, reset, locked; each act in the log."""

import re
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Credential, Person
from app.accounts.queries import live_grants
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from tests.builders.people import a_person
from tests.builders.secrets import activated, secret_after
from tests.conftest import Browser

NUMBER = "340000198503129020"
NEW = {"name": "苏晓禾", "id_number": NUMBER, "phone": "13800000000", "is_applicant": "y"}
PASSWORD = {"password": "Qinghe-2026", "again": "Qinghe-2026"}


def person_called(name: str) -> Person:
    with transaction(write=False):
        return db.session.query(Person).filter_by(name=name).one()


def tags_of(person: Person) -> list[str]:
    with transaction(write=False):
        about = db.session.query(AuditEvent).filter_by(subject_type="person", subject_id=person.id)
        return [event.tag for event in about]


def test_an_applicant_is_opened_activated_and_signs_in_with_the_number(
    system: Browser, client_for: Any
) -> None:
    opened = system.post("/admin/accounts/new", NEW)
    page = system.get(opened.location).text
    found = re.search(r"/activate\?secret=([\w-]+)", page)
    assert found, page
    secret = found[1]
    assert f"<code>{secret}</code>" in page
    assert secret not in system.get(opened.location).text
    visitor = client_for(None)
    assert activated(visitor, secret).location == "/home"
    again = client_for(None)
    signed_in = again.post("/login", {"login": NUMBER, "password": "Qinghe-2026"})
    assert signed_in.status_code == 303
    assert again.get("/binding").status_code == 200
    person = person_called("苏晓禾")
    assert (person.gender, str(person.birth_date)) == ("女", "1985-03-12")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "请填写姓名"),
        ({"id_number": "340000198503129021"}, "证件号码有误"),
        ({"id_number": "340000198502309021"}, "证件号码有误"),
        ({"id_number": ""}, "申报人须填写证件号码"),
        ({"login": NUMBER}, "不能使用证件号码"),
        ({"login": "张三"}, "2-40 位"),
        ({"phone": "12"}, "请填写 11 位手机号码"),
    ],
)
def test_what_does_not_hold_is_said_at_its_field(
    system: Browser, change: dict[str, str], words: str
) -> None:
    answer = system.post("/admin/accounts/new", {**NEW, **change})
    assert (answer.status_code, words in answer.text) == (422, True)
    with transaction(write=False):
        assert db.session.query(Person).count() == 1


def test_a_number_and_a_login_are_given_once(system: Browser) -> None:
    system.post("/admin/accounts/new", {**NEW, "login": "suxh"})
    assert "该证件号码已存在" in system.post("/admin/accounts/new", NEW).text
    other = {"name": "卜文", "login": "SuXH"}
    assert "该登录名已被使用" in system.post("/admin/accounts/new", other).text


@pytest.mark.parametrize("typed", ["苏晓", "suxh"])
def test_people_are_found_and_their_number_stays_masked(system: Browser, typed: str) -> None:
    system.post("/admin/accounts/new", {**NEW, "login": "suxh"})
    page = system.get(f"/admin/accounts?q={typed}").text
    assert "340000********9020" in page
    assert NUMBER not in page
    assert "待激活" in page


def test_an_expired_code_is_marked_and_a_new_one_is_at_hand(system: Browser) -> None:
    """Beside the account: nobody looks for what an account waits for that can wait no longer."""
    system.post("/admin/accounts/new", NEW)
    person, new_code = person_called("苏晓禾"), "重新生成激活码"
    assert "激活码已过期的账号" in system.get("/home").text
    assert "苏晓禾" not in system.get("/admin/accounts?state=lapsed").text
    with transaction():
        account = db.session.query(Credential).filter_by(person_id=person.id).one()
        account.activation_expires_at = now()
    listed = system.get("/admin/accounts?state=lapsed").text
    assert [word for word in ("苏晓禾", "激活码已过期</", new_code) if word not in listed] == []
    assert "苏晓禾" not in system.get("/admin/accounts?state=waiting").text
    assert new_code in system.get(f"/admin/accounts/{person.id}").text
    assert secret_after(system, system.post(f"/admin/accounts/{person.id}/reset"))
    assert "苏晓禾" in system.get("/admin/accounts?state=waiting").text


@pytest.mark.parametrize("part", ["340000", "9020", NUMBER])
def test_a_number_in_an_address_finds_nobody(system: Browser, part: str) -> None:
    system.post("/admin/accounts/new", NEW)
    assert "没有符合条件的人员" in system.get(f"/admin/accounts?q={part}").text


@pytest.mark.parametrize(
    ("browser", "pages"),
    [("system", "/admin/accounts"), ("security", "/admin/grants/people")],
)
def test_a_number_is_searched_for_without_an_address_that_holds_it(
    system: Browser, request: pytest.FixtureRequest, browser: str, pages: str
) -> None:
    system.post("/admin/accounts/new", NEW)
    finder: Browser = request.getfixturevalue(browser)
    assert f'action="{pages}/find"' in finder.get(pages).text
    found = finder.post(f"{pages}/find", {"number": NUMBER})
    assert (found.status_code, found.location) == (303, f"{pages}/{person_called('苏晓禾').id}")
    assert finder.post(f"{pages}/find", {"number": "340000"}).location == pages


def test_a_reset_ends_sessions_and_tells_the_person(
    app: Flask, system: Browser, client_for: Any
) -> None:
    with transaction():
        person = a_person("卜文", roles=[("expert", "all", None)])
    browser = client_for(person)
    secret = secret_after(system, system.post(f"/admin/accounts/{person.id}/reset"))
    assert browser.get("/home").location.startswith("/login")
    visitor = client_for(None)
    activated(visitor, secret)
    assert "已由系统管理员重置" in visitor.get("/notifications").text
    assert "account:reset" in tags_of(person)


@pytest.mark.parametrize("role", ["security_admin", "audit_admin", "system_admin"])
def test_an_administrator_is_not_taken_over_by_a_reset(
    app: Flask, system: Browser, role: str
) -> None:
    with transaction():
        person = a_person("阚双全", roles=[(role, "all", None)])
    assert system.post(f"/admin/accounts/{person.id}/reset").status_code == 403
    assert "account:reset" not in tags_of(person)


def test_a_locked_account_is_out_until_it_is_unlocked(
    app: Flask, system: Browser, client_for: Any
) -> None:
    with transaction():
        person = a_person("卜文", roles=[("expert", "all", None)])
    browser = client_for(person)
    assert system.post(f"/admin/accounts/{person.id}/lock").status_code == 303
    assert browser.get("/home").location.startswith("/login")
    assert "已停用" in system.get(f"/admin/accounts/{person.id}").text
    assert "卜文" in system.get("/admin/accounts?state=disabled").text
    system.post(f"/admin/accounts/{person.id}/unlock")
    assert client_for(person).get("/home").status_code == 200
    assert [t for t in tags_of(person) if "lock" in t] == ["account:locked", "account:unlocked"]


def test_nobody_locks_themself(app: Flask, system: Browser) -> None:
    me = person_called("庾一鸣")
    assert system.post(f"/admin/accounts/{me.id}/lock").status_code == 403
    assert "停用账号" not in system.get(f"/admin/accounts/{me.id}").text


def test_sessions_are_ended_from_outside(app: Flask, system: Browser, client_for: Any) -> None:
    with transaction():
        person = a_person("卜文", roles=[("expert", "all", None)])
    browser = client_for(person)
    assert "127.0.0.1" in system.get(f"/admin/accounts/{person.id}").text
    system.post(f"/admin/accounts/{person.id}/sessions/end")
    assert browser.get("/home").location.startswith("/login")
    assert "account:sessions_ended" in tags_of(person)


def test_an_account_opened_without_a_role_has_none(system: Browser) -> None:
    system.post("/admin/accounts/new", {"name": "卜文", "login": "bowen"})
    with transaction(write=False):
        account = db.session.query(Credential).filter_by(login="bowen").one()
        assert live_grants(account.person_id, now()) == []


def test_the_servers_operator_gets_an_administrator_back_in(
    app: Flask, security: Browser, client_for: Any
) -> None:
    with transaction(write=False):
        login = db.session.query(Credential.login).scalar()
    told = app.test_cli_runner().invoke(args=["reset-account", login]).output
    assert security.get("/home").location.startswith("/login")
    secret = told.rsplit("secret=", 1)[-1].strip()
    visitor = client_for(None)
    assert activated(visitor, secret).location == "/home"
    assert app.test_cli_runner().invoke(args=["reset-account", "nobody"]).exit_code == 1


def test_the_same_form_posted_twice_opens_one_account(system: Browser) -> None:
    form = {"name": "卜文", "request_key": "opened-once"}
    first = system.post("/admin/accounts/new", form)
    again = system.post("/admin/accounts/new", form)
    assert (first.status_code, again.status_code) == (303, 303)
    assert again.location == first.location
    person_called("卜文")
    assert "<code>" in system.get(again.location).text


def test_the_page_of_a_secret_stands_under_no_line_of_the_menu(system: Browser) -> None:
    page = system.get(system.post("/admin/accounts/new", NEW).location).text
    assert "激活" in page
    assert "aria-current=page" not in page.split("<main")[0]


def test_everything_that_is_wrong_is_told_in_one_round(system: Browser) -> None:
    wrong = {"name": "", "id_number": NUMBER[:-1] + "1", "phone": "12", "login": "张三"}
    answer = system.post("/admin/accounts/new", wrong)
    told = ["请填写姓名", "证件号码有误", "请填写 11 位手机号码", "2-40 位"]
    assert [words for words in told if words in answer.text] == told
