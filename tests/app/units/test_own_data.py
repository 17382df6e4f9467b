"""管理设置: a unit keeps its own data up to date; what identifies it is locked."""

from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Person
from app.core.audit import AuditEvent
from app.core.db import db, transaction
from app.units import areas
from app.units.models import Unit
from app.units.placing import faults_of_place
from app.units.tree import UnitFacts, faults_of
from tests.builders.declarations import a_declaration
from tests.builders.people import a_person, a_unit, an_id_number, staff
from tests.builders.refusals import is_told_in_place

SAID = {
    "legal_person": "钟守正",
    "legal_id": "",
    "contact_name": "卜文",
    "contact_phone": "138 0000 0000",
    "address": "云桥区演示路 1 号",
    "has_leader": "y",
}


def kept(unit: Unit) -> Unit:
    with transaction(write=False):
        return db.session.get_one(Unit, unit.id)


def test_the_page_shows_what_is_locked_and_what_can_be_completed(
    client_for: Any, admin: Person
) -> None:
    page = client_for(admin).get("/unit").text
    for said in ("用人单位", "事业单位", "安徽省淮北市杜集区", "完善单位信息", "单位沿革"):
        assert said in page
    assert 'name="name"' not in page


def test_what_the_unit_says_is_kept_and_the_number_is_masked(
    client_for: Any, admin: Person, unit: Unit
) -> None:
    number, browser = an_id_number(), client_for(admin)
    assert browser.post("/unit", {**SAID, "legal_id": number}).status_code == 303
    found = kept(unit)
    assert (found.legal_person, found.contact_phone) == ("钟守正", "13800000000")
    assert number not in str(found.legal_id_sealed)
    page = browser.get("/unit").text
    assert (found.legal_id_tail in page, number in page) == (True, False)
    # Nothing typed leaves the number; another person takes it away.
    browser.post("/unit", SAID)
    assert kept(unit).legal_id_tail == found.legal_id_tail
    browser.post("/unit", {**SAID, "legal_person": "另一人"})
    assert kept(unit).legal_id_sealed is None
    with transaction(write=False):
        events = db.session.query(AuditEvent).filter_by(tag="unit:completed").all()
        assert number not in "".join(str(event.data) for event in events)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"legal_id": "340000198503129021"}, "证件号码有误"),
        ({"contact_phone": "12345"}, "请填写 11 位手机号码"),
        ({"legal_person": "", "legal_id": an_id_number()}, "请填写法定代表人姓名"),
        ({"contact_name": "长" * 61}, "不能超过 60 个字"),
    ],
)
def test_what_does_not_hold_is_said_and_nothing_typed_is_lost(
    client_for: Any, admin: Person, unit: Unit, change: dict[str, str], words: str
) -> None:
    answer = client_for(admin).post("/unit", {**SAID, **change})
    assert is_told_in_place(answer, words, "云桥区演示路 1 号")
    assert kept(unit).address == ""


def test_only_the_units_own_administrator_sees_it(
    client_for: Any, admin: Person, unit: Unit
) -> None:
    with transaction():
        other = a_unit("云桥区第二小学").id
        clerk = staff(db.session.get_one(Unit, unit.id), "unit_clerk")
    assert client_for(admin).get(f"/unit?unit={other}").status_code == 403
    assert client_for(admin).post(f"/unit?unit={other}", SAID).status_code == 403
    assert client_for(admin).get("/unit?unit=999999").status_code == 404
    assert client_for(clerk).get("/unit").status_code == 403
    assert client_for(None).get("/unit").location.startswith("/login")


def test_areas_have_whole_names_and_lie_in_one_another() -> None:
    assert areas.path_of("350102") == "福建省福州市鼓楼区"
    assert areas.upwards("340602") == ["340602", "340600", "340000"]
    assert areas.upwards("110101") == ["110101", "110000"]
    assert areas.path_of("999999") == "999999"
    offered = dict(areas.choices({"34"}))
    assert offered["340600"] == "安徽省淮北市"
    assert {code[:2] for code in offered} == {"34"}
    assert areas.choices(()) == []


def test_an_abolished_area_is_offered_to_nobody_and_told_where_it_is_held(
    app: Flask, client_for: Any
) -> None:
    assert areas.abolished().keys() <= areas.names().keys()
    offered = dict(areas.choices({"35"}))
    assert [code in offered for code in ("350427", "350405", "350403", "350404")] == [0, 1, 0, 1]
    with transaction():
        held = a_unit("沙县小学", jurisdiction="fujian", area="350427")
        system = a_person("庾一鸣", roles=[("system_admin", "all", None)])
    browser = client_for(system)
    edit, told = f"/admin/units/{held.id}/edit", "福建省三明市沙县（已撤销）"
    assert f'value="350427">{told}' in browser.get(edit).text.replace(" selected", "")
    assert told in browser.get(f"/admin/units/{held.id}").text
    form = {
        "name": "沙县小学",
        "type": "用人单位",
        "kind": "事业单位",
        "jurisdiction": "fujian",
        "area_code": "350427",
        "reason": "核对登记",
    }
    assert browser.post(edit, form).status_code == 303, "what stands may stay"
    assert "350427" not in browser.get("/admin/units/new").text
    refused = browser.post("/admin/units/new", {**form, "name": "沙县中学"})
    assert refused.status_code == 422
    gone = "福建省三明市沙县已于 2021 年撤销，请选择现在的属地"
    assert gone in refused.text
    with transaction():
        named = ("沙县教研室", "用人单位", "事业单位")
        below = [UnitFacts(*named, code, "fujian", held) for code in ("350427", "350405")]
        faults = [{**faults_of(None, each), **faults_of_place(each)} for each in below]
    first = f"上级单位的属地{told}，请先变更其属地"
    assert [each["area_code"] for each in faults] == [[gone], [first]]


def test_a_unit_says_whether_its_leader_agrees(client_for: Any, admin: Person, unit: Unit) -> None:
    browser = client_for(admin)
    assert browser.post("/unit", {**SAID, "has_leader": ""}).status_code == 303
    assert not kept(unit).has_leader
    assert browser.post("/unit", SAID).status_code == 303
    assert kept(unit).has_leader


def test_a_leader_with_work_to_do_is_not_left_out(app: Flask, client_for: Any) -> None:
    declaration = a_declaration(at="endorse_declaration")
    with transaction():
        admin = a_person("敖正言", roles=[("unit_admin", "org", declaration.unit_id)])
    answer = client_for(admin).post("/unit", {**SAID, "has_leader": ""})
    assert is_told_in_place(answer, "单位领导还有待办任务", "卜文")
