"""单位合并: people and lower units go to the unit that takes over; nothing is lost."""

from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Person
from app.accounts.queries import people_with_role
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.invariants import check_all
from app.units import history
from app.units.models import RETURNED, Unit
from app.units.queries import employment_of, unit_of
from tests.builders.declarations import a_declaration
from tests.builders.people import a_person, a_unit, employ, staff
from tests.conftest import Browser


def told(into: Unit, **more: str) -> dict[str, Any]:
    """What the second page of a merger sends."""
    return {"into": into.name, "into_id": into.id, "basis": "云编〔2026〕8 号", **more}


@pytest.fixture
def system(app: Flask, client_for: Any) -> Browser:
    with transaction():
        person = a_person("庾一鸣", roles=[("system_admin", "all", None)])
    browser: Browser = client_for(person)
    return browser


def test_people_and_lower_units_go_over_and_the_past_names_both(
    app: Flask, system: Browser, client_for: Any
) -> None:
    with transaction():
        bureau = a_unit("教体局", kind="机关")
        old, new = a_unit("青禾小学", parent=bureau), a_unit("柳溪小学", parent=bureau)
        below, teacher = a_unit("教务处", parent=old), a_person("苏晓禾", unit=old)
        clerk = staff(old, "unit_clerk")
        keeper = a_person("敖正言", roles=[("unit_admin", "org", new.id)])
        returned = employ(a_person("卜文"), old)
        # Who asked and was sent back is nobody of the unit.
        returned.status = RETURNED
    page = system.get(f"/admin/units/{old.id}/merge").text
    assert ("1 名本单位人员" in page, "1 个下级单位" in page) == (True, True)
    answer = system.post(f"/admin/units/{old.id}/merge", told(new))
    assert answer.status_code == 303
    with transaction(write=False):
        assert unit_of(teacher.id).id == new.id
        lower = db.session.get_one(Unit, below.id)
        assert (lower.parent_id, lower.reports_to_id) == (new.id, new.id)
        assert history.periods_of(below.id)[0].cause == "上级单位并入柳溪小学"
        assert people_with_role("unit_clerk", "org", old.id, now()) == []
        assert check_all() == []
    assert "已并入柳溪小学" in client_for(teacher).get("/notifications").text
    assert client_for(clerk).get("/binding/requests").status_code == 403
    both_sides_are_told(client_for, clerk, keeper)
    for unit in (old, new):
        past = system.get(f"/admin/units/{unit.id}").text
        assert "青禾小学并入柳溪小学，依据：云编〔2026〕8 号" in past
    assert system.post(f"/admin/units/{old.id}/merge", told(new)).status_code == 409


def both_sides_are_told(client_for: Any, clerk: Person, keeper: Person) -> None:
    gone = "该单位已并入柳溪小学，以后的事项由柳溪小学办理；需在柳溪小学任职的，请联系其单位管理员"
    assert gone in client_for(clerk).get("/home").text
    message = client_for(clerk).get("/notifications").text
    assert f"您在青禾小学的角色已终止：单位经办人。{gone}" in message
    message = client_for(keeper).get("/notifications").text
    assert "青禾小学已并入柳溪小学，1 名人员转入" in message
    assert "其工作人员的角色已终止，需继续任职的请新增：" in message
    assert f"{clerk.name}（单位经办人）" in message


def test_a_unit_is_merged_only_after_its_target_was_shown(app: Flask, system: Browser) -> None:
    with transaction():
        bureau = a_unit("教体局", kind="机关")
        old, new = a_unit("青禾小学", parent=bureau), a_unit("云桥区柳溪小学", parent=bureau)
        a_person("苏晓禾", unit=new)
    url = f"/admin/units/{old.id}/merge"
    first = system.get(url).text
    assert ("data-confirm" in first, "下一步" in first) == (False, True)
    page = system.get(f"{url}?into=柳溪").text
    assert "确定把 青禾小学 并入 教体局 / 云桥区柳溪小学 吗" in page
    assert (f'name="into_id" value="{new.id}"' in page, "1 人" in page) == (True, True)
    assert system.post(url, {"into": "柳溪"}).status_code == 422
    answer = system.post(url, told(new, basis=""))
    assert (answer.status_code, "请填写批准文件" in answer.text) == (422, True)
    assert "请核对并入的单位" in answer.text
    assert system.post(url, told(new)).status_code == 303
    with transaction(write=False):
        event = db.session.query(AuditEvent).filter_by(tag="unit:merged").one()
        assert event.data == {"unit": new.id, "basis": "云编〔2026〕8 号"}


@pytest.mark.parametrize(
    ("into", "words"),
    [
        ("", "请填写并入的单位"),
        ("没有的学校", "没有名称含"),
        ("青禾小学", "不能并入本单位或其下级单位"),
        ("教务处", "不能并入本单位或其下级单位"),
        ("外省小学", "只能并入同一地区的单位"),
    ],
)
def test_what_cannot_take_over_is_said(app: Flask, system: Browser, into: str, words: str) -> None:
    with transaction():
        old = a_unit("青禾小学")
        a_unit("教务处", parent=old)
        a_unit("外省小学", jurisdiction="fujian", area="350102")
    answer = system.get(f"/admin/units/{old.id}/merge?into={into}")
    assert (answer.status_code, words in answer.text) == (200, True)
    assert "data-confirm" not in answer.text
    with transaction(write=False):
        known = db.session.query(Unit).filter_by(name=into).first() if into else None
    if known is not None:
        answer = system.post(f"/admin/units/{old.id}/merge", told(known))
        assert (answer.status_code, words in answer.text) == (422, True)
    with transaction(write=False):
        assert db.session.get_one(Unit, old.id).closed_at is None


def test_what_is_under_way_is_settled_first(app: Flask, system: Browser) -> None:
    declaration = a_declaration(at="vet_declaration")
    with transaction():
        new = a_unit("柳溪小学")
    url = f"/admin/units/{declaration.unit_id}/merge"
    page = system.get(url).text
    for words in ("现在还不能合并", "待办任务", "单位经办人", "到达时间"):
        assert words in page
    assert "单位经办人" in system.get(f"/admin/units/{declaration.unit_id}/close").text
    answer = system.post(url, told(new))
    assert (answer.status_code, "尚未办结" in answer.text) == (409, True)


def test_nobody_else_merges(app: Flask, client_for: Any) -> None:
    with transaction():
        unit = a_unit("青禾小学")
        admin = a_person("敖正言", roles=[("unit_admin", "org", unit.id)])
    assert client_for(admin).get(f"/admin/units/{unit.id}/merge").status_code == 403
    assert client_for(admin).post(f"/admin/units/{unit.id}/merge").status_code == 403


def test_freelancers_stay_freelancers_of_a_personnel_department(
    app: Flask, system: Browser
) -> None:
    with transaction():
        old = a_unit("云桥区人社局", kind="机关", type_="人社部门")
        office = a_unit("柳溪区人社局", kind="机关", type_="人社部门", area="340603")
        school = a_unit("柳溪小学")
        person = a_person("自由人")
        employ(person, old).is_freelancer = True
    url = f"/admin/units/{old.id}/merge"
    answer = system.post(url, told(school))
    assert (answer.status_code, "只能并入人社部门" in answer.text) == (422, True)
    assert system.post(url, told(office)).status_code == 303
    with transaction(write=False):
        bound = employment_of(person.id)
        assert (bound.unit.name, bound.is_freelancer) == ("柳溪区人社局", True)
        assert check_all() == []


def test_lower_units_of_one_name_are_named_first(app: Flask, system: Browser) -> None:
    with transaction():
        old, new = a_unit("青禾小学"), a_unit("柳溪小学")
        for unit in (old, new):
            a_unit("教务处", parent=unit)
    answer = system.post(f"/admin/units/{old.id}/merge", told(new))
    assert (answer.status_code, "都有下级单位教务处" in answer.text) == (409, True)
    with transaction(write=False):
        assert db.session.get_one(Unit, old.id).closed_at is None
