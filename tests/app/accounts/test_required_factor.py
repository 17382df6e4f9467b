"""Roles that need a second factor: nothing is open before it is set up; who lost it is helped."""

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import (
    factor_views,
    grants,
    mail_links,
    operations,
    renewing,
    second_factor,
    signing_in,
)
from app.accounts.models import Credential, MailLink, Person
from app.accounts.queries import factor_roles, has_factor
from app.cli import open_first_accounts
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from tests.builders.devices import a_device, enrol
from tests.builders.people import a_person
from tests.builders.secrets import activated
from tests.conftest import START

PASSWORD = "Qinghe-2026"


@pytest.fixture(autouse=True)
def telephones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factor_views, "device_time", now)


@pytest.fixture
def guard(app: Flask) -> Person:
    """A security administrator."""
    with transaction():
        return a_person("安全员", roles=[("security_admin", "all", None)])


@pytest.fixture
def issuer(app: Flask) -> Person:
    """Somebody whose role is asked for a second factor."""
    with transaction():
        person = a_person("发证员", roles=[("issuer", "jurisdiction", 1)])
        account = db.session.query(Credential).filter_by(person_id=person.id).one()
        operations.set_password(account, signing_in.hash_password(PASSWORD), now=now())
        second_factor.ask_factor_of({"issuer"}, actor_id=None, now=now())
        return person


def last_event() -> AuditEvent:
    return db.session.scalars(sa.select(AuditEvent).order_by(AuditEvent.id.desc())).first()


def test_nothing_is_open_before_the_second_factor_is_set_up(
    client_for: Any, issuer: Person
) -> None:
    browser = client_for(issuer)
    for page in ("/home", "/account", "/account/password", "/certificates/issued"):
        answer = browser.get(page)
        assert (answer.status_code, answer.location) == (303, "/account/factor"), page
    part = browser.get("/home", headers={"HX-Request": "true"})
    assert part.headers["HX-Redirect"] == "/account/factor"
    assert browser.post("/notifications/read").status_code == 403
    told = browser.get("/home", headers={"Accept": "application/json"})
    assert (told.status_code, "动态验证码" in told.json["error"]) == (403, True)
    assert "完成设置后才能办理" in browser.get("/account/factor").text


def test_who_works_already_is_led_there_as_soon_as_the_role_is_chosen(
    client_for: Any, issuer: Person, guard: Person
) -> None:
    with transaction():
        second_factor.ask_factor_of(set(), actor_id=None, now=now())
    working = client_for(issuer)
    assert working.get("/home").status_code == 200
    client_for(guard).post("/admin/factors", {"roles": ["issuer"]})
    assert working.get("/home").location == "/account/factor"


def test_after_it_is_set_up_everything_opens(client_for: Any, issuer: Person) -> None:
    browser = client_for(issuer)
    assert enrol(browser, PASSWORD).location == "/account/factor/codes"
    assert browser.get("/account/factor/codes").status_code == 200
    assert browser.get("/home").status_code == 200


def test_turning_it_off_says_what_comes_of_it(
    client_for: Any, issuer: Person, guard: Person
) -> None:
    with transaction():
        a_device(issuer)
        a_device(guard)
    required, free = (client_for(p).get("/account/factor").text for p in (issuer, guard))
    assert ("您的角色必须使用" in required, "登录只凭密码" in required) == (True, False)
    assert ("您的角色必须使用" in free, "登录只凭密码" in free) == (False, True)


def test_the_device_names_the_platform_as_the_instance_does(app: Flask) -> None:
    app.config["SITE_NAME"] = "A Platform"
    assert "issuer=A%20Platform" in second_factor.enrolment_address("A" * 32, "qinghe")


def test_signing_out_and_public_pages_stay_open(client_for: Any, issuer: Person) -> None:
    browser = client_for(issuer)
    assert browser.get("/verify").status_code == 200
    assert browser.post("/logout").location == "/"


def test_who_has_none_of_the_roles_is_asked_nothing(client_for: Any, guard: Person) -> None:
    with transaction():
        second_factor.ask_factor_of({"issuer"}, actor_id=None, now=now())
    assert client_for(guard).get("/home").status_code == 200


def test_a_role_that_ended_asks_nothing(client_for: Any, issuer: Person, at: Any) -> None:
    from datetime import timedelta

    from app.accounts.models import RoleGrant

    with transaction():
        grant = db.session.query(RoleGrant).filter_by(person_id=issuer.id).one()
        renewing.end_grant(grant, actor_id=issuer.id, now=now())
    at(START + timedelta(minutes=1))
    assert client_for(issuer).get("/home").status_code == 200


def test_a_fresh_instance_asks_its_administrators_and_issuers(app: Flask) -> None:
    open_first_accounts()
    with transaction(write=False):
        assert factor_roles() == set(second_factor.FIRST_FACTOR_ROLES)
    assert open_first_accounts() == []


def test_the_first_sign_in_of_a_fresh_instance_leads_to_the_set_up(
    app: Flask, client_for: Any
) -> None:
    secret = open_first_accounts()[1][2]
    browser = client_for(None)
    assert activated(browser, secret, PASSWORD).location == "/home"
    assert browser.get("/home").location == "/account/factor"
    assert enrol(browser, PASSWORD).status_code == 303
    assert browser.get("/admin/factors").status_code == 200


def test_the_security_administrator_says_which_roles_need_it(
    client_for: Any, guard: Person
) -> None:
    browser = client_for(guard)
    assert "目前没有角色" in browser.get("/admin/factors").text
    answer = browser.post("/admin/factors", {"roles": ["issuer", "audit_admin"]})
    assert answer.status_code == 303
    with transaction(write=False):
        assert factor_roles() == {"issuer", "audit_admin"}
        event = last_event()
        assert (event.tag, event.actor_id) == ("permission:factor_roles_changed", guard.id)
        assert event.data["roles"] == ["issuer", "audit_admin"]
    with transaction():
        auditor = a_person("荀知远", roles=[("audit_admin", "all", None)])
        a_device(auditor)
    log = client_for(auditor).get("/admin/audit?area=permission").text
    assert '<td class="wrap">权限</td>' in log
    assert browser.post("/admin/factors", {"roles": []}).status_code == 303
    with transaction(write=False):
        assert factor_roles() == set()


def test_what_is_no_role_is_refused(client_for: Any, guard: Person) -> None:
    answer = client_for(guard).post("/admin/factors", {"roles": ["emperor"]})
    assert (answer.status_code, "请选择列出的角色" in answer.text) == (422, True)


@pytest.mark.parametrize("role", ["system_admin", "audit_admin", "process_admin", "applicant"])
def test_only_the_security_administrator_sets_and_resets(
    app: Flask, client_for: Any, guard: Person, role: str
) -> None:
    with transaction():
        other = a_person("别人", roles=[(role, "all", None)])
        a_device(guard)
    browser = client_for(other)
    assert browser.get("/admin/factors").status_code == 403
    assert browser.post("/admin/factors", {"roles": []}).status_code == 403
    url = f"/admin/grants/people/{guard.id}/factor"
    assert browser.post(url, {"reason": "x"}).status_code == 403


def test_a_lost_device_is_reset_with_a_reason_and_its_person_is_told(
    client_for: Any, guard: Person, issuer: Person
) -> None:
    with transaction():
        a_device(issuer)
    theirs, mine = client_for(issuer), client_for(guard)
    page = f"/admin/grants/people/{issuer.id}"
    assert "重置动态验证码" in mine.get(page).text
    nothing = mine.post(f"{page}/factor", {"reason": " "})
    assert (nothing.status_code, "请填写重置理由" in nothing.text) == (422, True)
    assert mine.post(f"{page}/factor", {"reason": "手机遗失，已当面核实"}).location == page
    with transaction(write=False):
        assert not has_factor(issuer.id)
        event = last_event()
        assert (event.tag, event.actor_id) == ("account:factor_reset", guard.id)
        assert event.data["reason"] == "手机遗失，已当面核实"
        texts = [n.text for n in db.session.query(operations.Notification).all()]
        assert any("已由安全管理员重置" in text for text in texts)
    assert theirs.get("/home").location.startswith("/login")
    assert mine.post(f"{page}/factor", {"reason": "再来"}).status_code == 409


def test_whoever_is_given_an_office_or_loses_a_device_has_no_links_left(
    issuer: Person, guard: Person
) -> None:
    def letters() -> None:
        with transaction():
            for purpose in ("verify", "reset"):
                mail_links._open_link(issuer.id, purpose, "su@example.cn", now())

    def open_links() -> int:
        with transaction(write=False):
            return db.session.query(MailLink).filter_by(used_at=None).count()

    letters()
    with transaction():
        a_device(issuer)
        second_factor.reset_factor(issuer, "手机丢失", actor=guard, now=now())
    assert open_links() == 0
    letters()
    assert open_links() == 2
    with transaction():
        grants._hand_over(issuer.id, guard, now())
    assert open_links() == 0


def test_nobody_resets_their_own(client_for: Any, guard: Person) -> None:
    with transaction():
        a_device(guard)
    browser = client_for(guard)
    url = f"/admin/grants/people/{guard.id}/factor"
    assert browser.post(url, {"reason": "丢了"}).status_code == 403
    assert client_for(guard).post("/admin/grants/people/999/factor", {}).status_code == 404


def test_the_operator_forgets_a_device_with_the_account(app: Flask, guard: Person) -> None:
    with transaction():
        a_device(guard)
        login = db.session.query(Credential).filter_by(person_id=guard.id).one().login
        guard_id = guard.id
    runner = app.test_cli_runner()
    runner.invoke(args=["reset-account", login])
    with transaction(write=False):
        assert has_factor(guard_id)
    told = runner.invoke(args=["reset-account", login, "--second-factor"])
    assert "/activate?secret=" in told.output
    with transaction(write=False):
        assert not has_factor(guard_id)
        tags = db.session.scalars(sa.select(AuditEvent.tag)).all()
        assert "account:factor_reset" in tags
