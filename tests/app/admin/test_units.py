"""Units in the browser: entered, found, changed, closed; no circle can be closed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Person
from app.accounts.queries import people_with_role
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.units.models import Unit
from app.units.queries import unit_of
from tests.builders.people import a_person, a_unit, staff
from tests.conftest import START, Browser

PLACE = {"type": "用人单位", "area_code": "340602", "jurisdiction": "anhui"}
BASIS = {"basis": "云编〔2026〕8 号"}
WHY = {"reason": "云编〔2026〕9 号批准更名"}
NEW = {
    "name": "云桥区人社局",
    "type": "人社部门",
    "kind": "机关",
    "area_code": "340602",
    "jurisdiction": "anhui",
    "credit_code": "12340000DEM00006X0",
}


def unit_called(name: str) -> Unit:
    with transaction(write=False):
        return db.session.query(Unit).filter_by(name=name).one()


def a_family(app: Flask) -> tuple[Unit, Unit, Unit]:
    with transaction():
        city = a_unit("淮城市教育局", kind="机关")
        district = a_unit("云桥区教体局", kind="机关", parent=city)
        return city, district, a_unit("青禾小学", parent=district)


def test_an_empty_instance_says_where_to_begin(system: Browser) -> None:
    assert "先登记最上级的主管部门" in system.get("/admin/units").text


def test_a_unit_is_entered_and_stands_below_its_superior(system: Browser) -> None:
    assert system.post("/admin/units/new", NEW).status_code == 303
    top = unit_called("云桥区人社局")
    form = system.get(f"/admin/units/new?parent={top.id}").text
    assert form.count('value="云桥区人社局"') == 2
    below = {
        "name": "青禾小学",
        **PLACE,
        "kind": "事业单位",
        "parent": "人社局",
        "reports_to": "云桥区人社局",
        "has_leader": "y",
    }
    assert system.post("/admin/units/new", below).status_code == 303
    school = unit_called("青禾小学")
    assert (school.parent_id, school.reports_to_id, school.has_leader) == (top.id, top.id, True)
    assert "1 个" in system.get("/admin/units").text
    assert "青禾小学" in system.get(f"/admin/units?parent={top.id}").text
    assert "青禾小学" in system.get("/admin/units?q=青禾").text
    assert "本单位没有单位管理员" in system.get(f"/admin/units/{school.id}").text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": " "}, "请填写单位名称"),
        ({"kind": "公司"}, "单位性质"),
        ({"type": "职能部门"}, "职能部门须填写所属的上级单位"),
        ({"area_code": ""}, "请选择属地"),
        ({"area_code": "340699"}, "请选择属地"),
        ({"area_code": "350102"}, "属地不在所属地区内"),
        ({"jurisdiction": "nowhere"}, "请选择所属地区"),
        ({"credit_code": "12340000DEM00006X1"}, "统一社会信用代码有误"),
        ({"parent": "不存在的局"}, "没有名称含"),
        ({"parent": "局"}, "有多个单位符合"),
    ],
)
def test_what_does_not_hold_is_said_at_its_field(
    app: Flask, system: Browser, change: dict[str, str], words: str
) -> None:
    a_family(app)
    answer = system.post("/admin/units/new", {**NEW, **change})
    assert answer.status_code == 422
    assert words in answer.text
    with transaction(write=False):
        assert db.session.query(Unit).count() == 3


def test_a_name_and_a_credit_code_are_entered_once(system: Browser) -> None:
    system.post("/admin/units/new", NEW)
    assert "已有同名单位" in system.post("/admin/units/new", NEW).text
    again = {**NEW, "name": "另一单位"}
    assert "该属地已有人社部门" in system.post("/admin/units/new", again).text
    assert "代码已登记" in system.post("/admin/units/new", again).text


@pytest.mark.parametrize("field", ["parent", "reports_to"])
def test_a_circle_is_refused(app: Flask, system: Browser, field: str) -> None:
    city, _, _ = a_family(app)
    form = {"name": "淮城市教育局", "kind": "机关", **PLACE, field: "青禾小学"}
    answer = system.post(f"/admin/units/{city.id}/edit", form)
    assert answer.status_code == 422
    assert "本单位" in answer.text
    itself = {**form, field: "淮城市教育局"}
    assert system.post(f"/admin/units/{city.id}/edit", itself).status_code == 422


def test_units_of_one_name_are_told_apart_by_their_superiors(app: Flask, system: Browser) -> None:
    with transaction():
        schools = [
            a_unit("实验小学", parent=a_unit(name, kind="机关")) for name in ("甲区局", "乙区局")
        ]
        class_unit = a_unit("教务处", type_="职能部门", parent=schools[1])
    page = system.get(f"/admin/units/{class_unit.id}/edit").text
    assert page.count('value="乙区局 / 实验小学"') == 2
    form = {"name": "教务处", **PLACE, **WHY, "kind": "事业单位", "parent": "实验小学"}
    refused = system.post(f"/admin/units/{class_unit.id}/edit", form)
    assert refused.status_code == 422
    assert "甲区局 / 实验小学、乙区局 / 实验小学" in refused.text
    for typed, above in (("乙区局 / 实验小学", 1), ("甲区局／实验小学", 0)):
        saved = system.post(f"/admin/units/{class_unit.id}/edit", {**form, "parent": typed})
        assert saved.status_code == 303
        assert unit_called("教务处").parent_id == schools[above].id


def test_a_unit_is_changed_for_a_reason_and_its_past_says_what(
    app: Flask, system: Browser, at: Callable[[datetime], None]
) -> None:
    city, _, school = a_family(app)
    at(START + timedelta(hours=1))
    page = system.get(f"/admin/units/{school.id}/edit").text
    assert 'value="云桥区教体局"' in page
    form = {
        **PLACE,
        "name": "青禾实验小学",
        "kind": "民办",
        "parent": "淮城市教育局",
        "reports_to": "淮城市教育局",
    }
    refused = system.post(f"/admin/units/{school.id}/edit", form)
    assert (refused.status_code, "请填写修改原因" in refused.text) == (422, True)
    assert system.post(f"/admin/units/{school.id}/edit", {**form, **WHY}).status_code == 303
    changed = unit_called("青禾实验小学")
    assert (changed.parent_id, changed.kind, changed.has_leader) == (city.id, "民办", False)
    with transaction(write=False):
        event = db.session.query(AuditEvent).filter_by(tag="unit:changed").one()
        assert event.data["reason"] == WHY["reason"]
    past = system.get(f"/admin/units/{school.id}").text.split("单位沿革")[-1]
    assert f"修改：{WHY['reason']}" in past
    assert "单位名称：青禾小学 → 青禾实验小学" in past
    assert "上级单位：云桥区教体局 → 淮城市教育局" in past


def test_a_unit_with_units_below_it_is_not_closed(app: Flask, system: Browser) -> None:
    _, district, _ = a_family(app)
    page = system.get(f"/admin/units/{district.id}/close").text
    assert "1 个下级单位尚未关闭" in page
    assert "1 个单位仍向本单位上报" in page
    assert system.post(f"/admin/units/{district.id}/close", BASIS).status_code == 409


def test_closing_ends_roles_and_bindings_and_hides_the_unit(
    app: Flask, system: Browser, client_for: Any
) -> None:
    _, _, school = a_family(app)
    with transaction():
        school = db.session.get_one(Unit, school.id)
        teacher = a_person("苏晓禾", unit=school, roles=[])
        clerk = staff(school, "unit_clerk")
    assert "1 名本单位人员" in system.get(f"/admin/units/{school.id}/close").text
    assert system.post(f"/admin/units/{school.id}/close", BASIS).status_code == 303
    with transaction(write=False):
        assert people_with_role("unit_clerk", "org", school.id, now()) == []
        assert unit_of(teacher.id) is None
    assert client_for(clerk).get("/binding/requests").status_code == 403
    browser = client_for(teacher)
    assert "已关闭，请重新绑定" in browser.get("/notifications").text
    assert "没有找到该单位" in browser.get("/binding?q=青禾").text
    refused = browser.post("/binding", {"unit_id": school.id})
    assert refused.status_code == 422
    assert system.post(f"/admin/units/{school.id}/close", BASIS).status_code == 409
    assert "关闭，历史记录保留" in system.get(f"/admin/units/{school.id}").text


def test_a_unit_is_closed_on_a_basis_that_the_log_keeps(app: Flask, system: Browser) -> None:
    _, _, school = a_family(app)
    url = f"/admin/units/{school.id}/close"
    refused = system.post(url, {"basis": " "})
    assert (refused.status_code, "请填写批准文件" in refused.text) == (422, True)
    assert unit_called("青禾小学").closed_at is None
    assert system.post(url, BASIS).status_code == 303
    with transaction(write=False):
        event = db.session.query(AuditEvent).filter_by(tag="unit:closed").one()
        assert event.data == {"basis": "云编〔2026〕8 号"}


def test_a_person_who_manages_no_units_sees_none(app: Flask, client_for: Any) -> None:
    with transaction():
        person: Person = a_person("苏晓禾", roles=[("applicant", "all", None)])
    browser = client_for(person)
    for path in ("/admin/units", "/admin/accounts", "/admin/grants", "/admin/audit"):
        assert browser.get(path).status_code == 403


def test_everything_wrong_with_a_unit_is_named_at_once(app: Flask, system: Browser) -> None:
    a_family(app)
    wrong = {"name": "", "kind": "事业单位", "jurisdiction": "hebei", "credit_code": "1234"}
    answer = system.post("/admin/units/new", {**wrong, "parent": "云桥区", "reports_to": "没有"})
    assert answer.status_code == 422
    for said in (
        "请填写单位名称",
        "与上级单位的所属地区不一致",
        "统一社会信用代码有误",
        "没有名称含“没有”的单位",
    ):
        assert said in answer.text, said
