"""次级机构: a unit's administrator creates the units below, each with its first administrator."""

import re
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Credential, Person
from app.accounts.operations import reset_credential
from app.core.clock import now
from app.core.db import db, transaction
from app.units import closing
from app.units.models import Unit
from tests.builders.people import a_person, a_unit
from tests.builders.refusals import is_told_in_place
from tests.builders.secrets import activated, secret_after

NEW = {
    "name": "第三医院",
    "type": "二级单位",
    "kind": "事业单位",
    "area_code": "340602",
    "credit_code": "",
    "admin_name": "荀知远",
    "login": "xunzhiyuan",
}
URL = "/unit/branches/new"


@pytest.fixture
def unit(app: Flask) -> Unit:
    with transaction():
        return a_unit("淮城医科大学", area="340600")


def units_called(name: str) -> list[Unit]:
    with transaction(write=False):
        return db.session.query(Unit).filter_by(name=name).all()


def test_a_branch_stands_below_and_its_administrator_begins_work(
    client_for: Any, admin: Person, unit: Unit
) -> None:
    browser = client_for(admin)
    assert "还没有次级机构" in browser.get("/unit/branches").text
    assert 'value="人社部门"' not in browser.get(URL).text
    secret = secret_after(browser, browser.post(URL, NEW))
    (branch,) = units_called("第三医院")
    assert (branch.parent_id, branch.reports_to_id) == (unit.id, unit.id)
    assert (branch.jurisdiction, branch.has_leader) == (unit.jurisdiction, False)
    listed = browser.get("/unit/branches").text
    assert ("荀知远" in listed, "待激活" in listed, secret in listed) == (True, True, False)
    visitor = client_for(None)
    assert activated(visitor, secret).location == "/home"
    assert "第三医院" in visitor.get("/staff").text
    assert "待激活" not in browser.get("/unit/branches").text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "请填写单位名称"),
        ({"type": ""}, "请选择单位类型"),
        ({"type": "人社部门"}, "人社部门只能由上级人社部门建立"),
        ({"kind": "公司"}, "单位性质"),
        ({"area_code": "350102"}, "属地须在安徽省淮北市范围内"),
        ({"area_code": "340000"}, "属地须在安徽省淮北市范围内"),
        ({"credit_code": "12340000DEM00006X1"}, "统一社会信用代码有误"),
        ({"admin_name": " "}, "请填写管理员姓名"),
        ({"login": "a"}, "登录名为 2-40 位"),
    ],
)
def test_what_does_not_hold_is_said_and_nothing_is_made(
    client_for: Any, admin: Person, change: dict[str, str], words: str
) -> None:
    typed = {**NEW, **change}
    answer = client_for(admin).post(URL, typed)
    assert is_told_in_place(answer, words, typed["admin_name"].strip() or typed["login"])
    assert units_called("第三医院") == []


def test_a_code_and_a_login_that_are_taken_are_told_at_once(
    client_for: Any, admin: Person, unit: Unit
) -> None:
    with transaction():
        db.session.get_one(Unit, unit.id).credit_code = "12340000DEM00006X0"
        taken = db.session.query(Credential).filter_by(person_id=admin.id).one().login
    form = {**NEW, "credit_code": "12340000dem00006x0", "login": taken}
    answer = client_for(admin).post(URL, form)
    assert is_told_in_place(answer, "该统一社会信用代码已登记", "该登录名已被使用")


def test_the_code_of_a_closed_unit_may_be_given_again(
    client_for: Any, admin: Person, unit: Unit
) -> None:
    with transaction():
        old = a_unit("旧医院", clerk=False, leader=False)
        old.credit_code = "12340000DEM00006X0"
        closing.close_unit(old, "撤销", actor_id=admin.id, now=now())
    form = {**NEW, "credit_code": "12340000DEM00006X0"}
    assert client_for(admin).post(URL, form).status_code == 303


def test_a_lost_secret_is_made_anew_until_it_was_used(
    client_for: Any, admin: Person, unit: Unit
) -> None:
    browser = client_for(admin)
    first = secret_after(browser, browser.post(URL, NEW))
    (branch,) = units_called("第三医院")
    again = f"/unit/branches/{branch.id}/activation"
    second = secret_after(browser, browser.post(again))
    visitor = client_for(None)
    password = {"password": "Qinghe-2026", "again": "Qinghe-2026"}
    assert visitor.post("/activate", {"secret": first, **password}).status_code == 422
    assert visitor.post("/activate", {"secret": second, **password}).status_code == 303
    assert browser.post(again).status_code == 409
    with transaction():
        account = db.session.query(Credential).filter_by(login=NEW["login"]).one()
        reset_credential(account, actor=None, now=now())
    assert again not in browser.get("/unit/branches").text
    assert browser.post(again).status_code == 409


def test_nobody_creates_below_another_unit(client_for: Any, admin: Person, unit: Unit) -> None:
    with transaction():
        other = a_unit("云桥区第二小学")
        other_id = other.id
        below = a_unit("教务处", parent=other).id
    browser = client_for(admin)
    assert browser.get(f"/unit/branches?unit={other_id}").status_code == 403
    assert browser.post(f"{URL}?unit={other_id}", NEW).status_code == 403
    assert browser.post(f"/unit/branches/{below}/activation").status_code == 404
    assert client_for(None).get(URL).location.startswith("/login")


def test_branches_are_found_by_name_and_type(client_for: Any, admin: Person, unit: Unit) -> None:
    with transaction():
        here = db.session.get_one(Unit, unit.id)
        a_unit("第一医院", parent=here)
        a_unit("教务处", parent=here, type_="职能部门")
    browser = client_for(admin)
    for query, seen in (("q=医院", "第一医院"), ("type=职能部门", "教务处")):
        page = browser.get(f"/unit/branches?{query}").text
        assert seen in page
        assert ("第一医院" in page) != ("教务处" in page)
        (way,) = re.findall(r'<a href="([^"]+)">设置管理员', page)
        assert "导入人员" in browser.get(way.replace("&amp;", "&")).text
    assert "没有符合条件的次级机构" in browser.get("/unit/branches?q=无").text


def test_the_account_of_who_also_applies_is_not_given_to_the_superior(
    client_for: Any, admin: Person, unit: Unit
) -> None:
    with transaction():
        below = a_unit("教务处", parent=db.session.get_one(Unit, unit.id))
        roles = [("unit_admin", "org", below.id), ("applicant", "all", None)]
        a_person("娄山远", roles=roles)
    browser = client_for(admin)
    page = browser.get("/unit/branches").text
    assert ("待激活" in page, "重新生成激活码" in page) == (True, False)
    answer = browser.post(f"/unit/branches/{below.id}/activation")
    assert (answer.status_code, "系统管理员重置" in answer.text) == (409, True)
