"""A unit's staff accounts: opened, reset, and only by who administers the unit."""

import re
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Credential, Person, RoleGrant
from app.accounts.queries import lasts
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid
from app.core.invariants import check_all
from app.units import closing, operations
from app.units.models import ACTIVE, Employment, Unit
from tests.builders.people import a_person, a_unit, staff
from tests.builders.secrets import activated, secret_after
from tests.builders.threads import together_inside

NEW: dict[str, Any] = {
    "name": "卜文",
    "login": "bowen",
    "role": "unit_clerk",
    "until": date(2027, 11, 30),
}


def test_the_staff_are_listed_with_their_roles(client_for: Any, admin: Person) -> None:
    page = client_for(admin).get("/staff").text
    assert "云桥区青经办" in page
    assert "单位领导" in page


def test_whose_roles_others_gave_is_told_and_not_ended_here(
    client_for: Any, admin: Person, unit: Unit
) -> None:
    with transaction():
        outsider = a_person("闵景行", roles=[("superior_leader", "org", unit.id)])
    page = client_for(admin).get("/staff").text
    assert "上级领导" in page
    assert "由安全管理员授权" in page
    assert f"/staff/{outsider.id}/" not in page


def test_a_new_account_shows_its_secret_once_and_can_be_activated(
    client_for: Any, admin: Person
) -> None:
    browser = client_for(admin)
    secret = secret_after(browser, browser.post("/staff/new", NEW))
    assert secret not in client_for(admin).get("/staff").text
    visitor = client_for(None)
    assert activated(visitor, secret).location == "/home"
    assert visitor.get("/binding/requests").status_code == 200


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": " "}, "请填写姓名"),
        ({"login": ""}, "请填写登录名"),
        ({"name": "长" * 61}, "60"),
        ({"role": "system_admin"}, "请选择角色"),
        ({"until": ""}, "请填写截止日期"),
        ({"until": "2026-11-23"}, "截止日期应晚于今天"),
        ({"until": "2031-11-24"}, "最迟为 2031-11-23"),
    ],
)
def test_what_does_not_hold_is_said_at_its_field(
    client_for: Any, admin: Person, change: dict[str, str], words: str
) -> None:
    answer = client_for(admin).post("/staff/new", {**NEW, **change})
    assert answer.status_code == 422
    assert words in answer.text
    with transaction(write=False):
        assert db.session.query(Credential).filter_by(login="bowen").count() == 0


def test_a_login_is_given_once(client_for: Any, admin: Person) -> None:
    client_for(admin).post("/staff/new", NEW)
    answer = client_for(admin).post("/staff/new", {**NEW, "login": "BoWen"})
    assert answer.status_code == 422
    assert "已被使用" in answer.text


def test_an_administrator_acts_for_the_own_unit_only(client_for: Any, admin: Person) -> None:
    with transaction():
        other = a_unit("云桥区第二小学")
        other_id, clerk_id = other.id, staff(other, "unit_clerk").id
    browser = client_for(admin)
    assert browser.get(f"/staff?unit={other_id}").status_code == 403
    assert browser.post(f"/staff/new?unit={other_id}", NEW).status_code == 403
    assert browser.post(f"/staff/{clerk_id}/reset").status_code == 404
    assert browser.get("/staff?unit=999999").status_code == 404


def test_a_system_administrator_opens_accounts_but_gives_no_roles_in_units(
    client_for: Any, unit: Unit
) -> None:
    with transaction():
        helper = a_person("系统", roles=[("system_admin", "all", None)])
    browser = client_for(helper)
    assert browser.get(f"/staff?unit={unit.id}").status_code == 403
    assert browser.post(f"/staff/new?unit={unit.id}", NEW).status_code == 403
    opened = browser.post("/admin/accounts/new", {"name": "卜文", "login": "bowen"})
    assert secret_after(browser, opened)


def test_a_reset_gives_a_new_secret_and_ends_the_old_session(
    client_for: Any, admin: Person, unit: Unit
) -> None:
    with transaction(write=False):
        clerk = db.session.get_one(Person, staff(unit, "unit_clerk").id)
    browser = client_for(clerk)
    assert browser.get("/home").status_code == 200
    chief = client_for(admin)
    answer = chief.post(f"/staff/{clerk.id}/reset")
    assert len(secret_after(chief, answer)) >= 16
    assert browser.get("/home").location.startswith("/login")


def test_an_applicant_bound_to_the_unit_may_be_reset_too(
    client_for: Any, admin: Person, unit: Unit
) -> None:
    with transaction():
        bound = a_person("苏晓禾", unit=db.session.get_one(Unit, unit.id))
    assert client_for(admin).post(f"/staff/{bound.id}/reset").status_code == 303


@pytest.mark.parametrize("more", [("expert", "all", None), ("process_admin", "all", None)])
def test_who_also_acts_elsewhere_is_not_handed_to_a_units_administrator(
    client_for: Any, admin: Person, unit: Unit, more: tuple[str, str, None]
) -> None:
    with transaction():
        here = db.session.get_one(Unit, unit.id)
        bound = a_person("苏晓禾", unit=here, roles=[("applicant", "all", None), more])
        helper = a_person("系统", roles=[("system_admin", "all", None)])
    answer = client_for(admin).post(f"/staff/{bound.id}/reset")
    assert (answer.status_code, "系统管理员" in answer.text) == (403, True)
    assert client_for(helper).post(f"/admin/accounts/{bound.id}/reset").status_code == 303


def test_a_clerk_does_not_manage_accounts(client_for: Any, unit: Unit) -> None:
    with transaction(write=False):
        clerk = staff(unit, "unit_clerk")
    assert client_for(clerk).get("/staff").status_code == 403


def test_who_leaves_is_stopped_and_the_account_stays(
    client_for: Any, admin: Person, unit: Unit
) -> None:
    with transaction(write=False):
        clerk = staff(unit, "unit_clerk")
    assert client_for(clerk).get("/binding/requests").status_code == 200
    browser = client_for(admin)
    left = browser.post(f"/staff/{clerk.id}/end", {"successor": admin.id})
    assert left.status_code == 303
    assert client_for(clerk).get("/binding/requests").status_code == 403
    assert client_for(clerk).get("/home").status_code == 200
    assert "角色已停用" in browser.get("/staff").text
    assert "云桥区青经办" not in browser.get("/staff").text
    assert browser.post(f"/staff/{clerk.id}/end").status_code == 404
    assert browser.post(f"/staff/{admin.id}/end").status_code == 409


NUMBER = "340000198503129020"
TEACHER = {"name": "苏晓禾", "id_number": NUMBER, "phone": "13800000000"}


def test_a_unit_opens_the_account_of_its_own_person_who_is_bound_at_once(
    client_for: Any, unit: Unit
) -> None:
    with transaction(write=False):
        clerk = staff(unit, "unit_clerk")
    browser = client_for(clerk)
    secret = secret_after(browser, browser.post("/staff/applicants/new", TEACHER))
    visitor = client_for(None)
    visitor.post(
        "/activate", {"secret": secret, "password": "Qinghe-2026", "again": "Qinghe-2026"}
    )
    again = client_for(None)
    assert again.post("/login", {"login": NUMBER, "password": "Qinghe-2026"}).location == "/home"
    assert "已绑定" in again.get("/binding").text
    # What a new applicant does first is done already.
    for page in ("/home", "/portfolio", "/declarations"):
        told = again.get(page).text
        assert ("第一步" in told, "去绑定单位" in told) == (False, False)
    listed = browser.get("/staff/applicants").text
    assert ("340000********9020" in listed, NUMBER in listed) == (True, False)
    assert "重置密码" not in listed


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": " "}, "请填写姓名"),
        ({"id_number": ""}, "请填写证件号码"),
        ({"id_number": "340000198503129021"}, "证件号码有误"),
    ],
)
def test_an_applicant_that_cannot_be_is_said_at_its_field(
    client_for: Any, admin: Person, change: dict[str, str], words: str
) -> None:
    answer = client_for(admin).post("/staff/applicants/new", {**TEACHER, **change})
    assert (answer.status_code, words in answer.text) == (422, True)


def test_a_person_who_has_an_account_must_ask_the_unit(client_for: Any, admin: Person) -> None:
    with transaction():
        a_person("苏晓禾", id_number=NUMBER)
    answer = client_for(admin).post("/staff/applicants/new", TEACHER)
    assert (answer.status_code, "申请绑定本单位" in answer.text) == (422, True)


def test_applicants_of_another_unit_are_not_opened(client_for: Any, admin: Person) -> None:
    with transaction():
        other = a_unit("云桥区第二小学").id
    assert (
        client_for(admin).post(f"/staff/applicants/new?unit={other}", TEACHER).status_code == 403
    )


@pytest.mark.parametrize("open_one", [operations.create_staff, operations.open_applicant])
def test_a_unit_that_closes_in_the_same_moment_gets_nobody(
    app: Flask, unit: Unit, admin: Person, open_one: Callable[..., Any]
) -> None:
    entry = NEW if open_one is operations.create_staff else TEACHER

    def enter() -> None:
        actor = db.session.get_one(Person, admin.id)
        open_one(db.session.get_one(Unit, unit.id), **entry, actor=actor, now=now())

    def close() -> None:
        closing.close_unit(db.session.get_one(Unit, unit.id), "撤销", actor_id=admin.id, now=now())

    failures = together_inside(app, close, enter, look=partial(db.session.get, Unit, unit.id))
    assert all(isinstance(failure, Invalid) for failure in failures if failure)
    with transaction():
        with pytest.raises(Invalid, match="该单位已关闭"):
            enter()
        assert check_all() == []
        bound = db.session.query(Employment).filter_by(unit_id=unit.id, status=ACTIVE)
        held = db.session.query(RoleGrant).filter_by(scope_kind="org", scope_id=unit.id)
        assert (bound.count(), held.filter(lasts(now())).count()) == (0, 0)


@pytest.mark.parametrize(
    ("url", "faults"),
    [
        ("/staff/new", ("请填写姓名", "请填写登录名", "请选择角色")),
        ("/staff/applicants/new", ("请填写姓名", "请填写证件号码")),
    ],
)
def test_an_empty_form_says_everything_it_lacks_at_once(
    client_for: Any, admin: Person, url: str, faults: tuple[str, ...]
) -> None:
    browser = client_for(admin)
    assert "data-error-summary" not in browser.get(url).text
    answer = browser.post(url, {})
    assert (answer.status_code, "data-error-summary" in answer.text) == (422, True)
    assert [fault for fault in faults if fault not in answer.text] == []
    assert f'href="{url}?unit=' in browser.get(url.removesuffix("/new")).text


def test_the_home_page_of_an_administrator_tells_what_waits(app: Flask, client_for: Any) -> None:
    with transaction():
        unit = a_unit("云桥区青禾小学")
        admin = a_person("敖正言", roles=[("unit_admin", "org", unit.id)])
        staff(unit, "unit_clerk")
        a_person("在编人员", unit=unit)
        asker = a_person("卜文", roles=[("applicant", "all", None)])
    client_for(asker).post("/binding", {"unit_id": unit.id})
    page = (
        client_for(admin).get("/home").text.split('aria-label="本单位"')[1].split("</section>")[0]
    )
    lines = re.findall(r">([^<>]+)</a>\s*</span>\s*<span[^>]*>(\d+)</span>", page)
    assert dict(lines) == {
        "待审核的人员": "1",
        "待审核的单位注册": "0",
        "待审核的单位变更": "0",
        "本单位人员": "1",
        "工作人员": "3",
    }
    assert "/binding/requests?status=pending" in page
    assert "待审核的人员" not in client_for(asker).get("/home").text
