"""Importing units: superiors in the same sheet or on the platform, never a circle."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts.models import Person
from app.admin.unit_import import COLUMNS
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.imports.kinds import Place, Row, judge, kind_called
from app.units.history import periods_of
from app.units.models import Unit
from tests.builders.people import a_person, a_unit
from tests.builders.sheets import a_book, checked, imported

HEADS = [column.label for column in COLUMNS]
NAMES = [column.name for column in COLUMNS]
CODES = ("91350100M000100Y43", "91350100M000101Y4Q")
REGION = "安徽省"


def cells(name: str, **said: str) -> list[str]:
    usual = {"type": "用人单位", "kind": "事业单位", "area_code": "340602"}
    return [{**usual, **said, "name": name}.get(column, "") for column in NAMES]


@pytest.fixture
def admin(app: Flask) -> Person:
    with transaction():
        return a_person("庾一鸣", roles=[("system_admin", "all", None)])


@pytest.fixture
def desk(client_for: Any, admin: Person) -> Any:
    return client_for(admin)


def judged(admin: Person, *rows: list[str]) -> list[Row]:
    kind = kind_called("units")
    assert kind
    found = [Row(no, dict(zip(NAMES, row, strict=True))) for no, row in enumerate(rows, 2)]
    with transaction(write=False):
        judge(kind, found, Place(None, db.session.get_one(Person, admin.id), now()))
        for row in found:
            row.found = None
    return found


def faults(admin: Person, *rows: list[str]) -> list[tuple[str, str]]:
    return [fault for row in judged(admin, *rows) for fault in row.faults]


def paths() -> dict[str, str]:
    with transaction(write=False):
        units = db.session.scalars(select(Unit).order_by(Unit.id)).all()
        return {unit.name: unit.parent.name if unit.parent else "" for unit in units}


def test_superiors_may_stand_anywhere_in_the_sheet(desk: Any, admin: Person) -> None:
    with transaction():
        a_unit("淮城医科大学", area="340600", clerk=False, leader=False)
    content = a_book(
        HEADS,
        cells("内科", type="职能部门", parent="东院", has_leader="否"),
        cells("东院", type="二级单位", parent="淮城医科大学"),
        cells("人事处", type="职能部门", parent=CODES[0], reports_to="东院"),
        cells("市立医院", credit_code=CODES[0].lower(), jurisdiction=REGION),
    )
    page = desk.get(imported(desk, "units", content)).text
    assert "对账报告" in page
    assert paths() == {
        "淮城医科大学": "", "东院": "淮城医科大学", "市立医院": "", "内科": "东院",
        "人事处": "市立医院",
    }  # fmt: skip
    with transaction(write=False):
        units = {unit.name: unit for unit in db.session.scalars(select(Unit))}
        assert units["内科"].has_leader is False
        assert units["东院"].has_leader is True
        assert units["市立医院"].credit_code == CODES[0]
        assert units["内科"].jurisdiction == units["淮城医科大学"].jurisdiction
        assert units["人事处"].reports_to_id == units["东院"].id
        assert units["内科"].reports_to_id == units["东院"].id
        (period,) = periods_of(units["内科"].id)
        assert (period.cause, period.parent_id) == ("批量导入", units["东院"].id)
        made = select(func.count(AuditEvent.id)).where(AuditEvent.tag == "unit:created")
        assert db.session.scalar(made) == 4


def test_the_same_units_again_change_nothing(desk: Any, admin: Person) -> None:
    rows = [
        cells("市立医院", credit_code=CODES[0], jurisdiction=REGION),
        cells("内科", type="职能部门", parent="市立医院"),
    ]
    imported(desk, "units", a_book(HEADS, *rows))
    page = checked(desk, "units", a_book(HEADS, *reversed(rows)))
    assert "文件中的 2 行与平台一致，没有需要写入的内容" in desk.get(page).text


def test_a_known_unit_is_changed_with_its_past_kept(desk: Any, admin: Person) -> None:
    with transaction():
        known = a_unit("市立医院", area="340602", clerk=False, leader=False)
        known.credit_code = CODES[0]
    content = a_book(HEADS, cells("市立第一医院", credit_code=CODES[0], kind="企业"))
    page = checked(desk, "units", content)
    assert "修改名称、性质" in desk.get(page).text
    imported(desk, "units", content)
    with transaction(write=False):
        unit = db.session.scalars(select(Unit)).one()
        assert (unit.name, unit.kind) == ("市立第一医院", "企业")
        assert unit.id == known.id
        assert (
            db.session.scalars(select(AuditEvent.tag).order_by(AuditEvent.id.desc()))
            .all()[0:2]
            .count("unit:changed")
        )


def test_what_is_wrong_is_told_at_its_cell(admin: Person) -> None:
    with transaction():
        a_unit("淮城医科大学", area="340600", clerk=False, leader=False)
    top = {"jurisdiction": REGION}
    assert faults(admin, cells("甲", **top)) == []
    assert [f[0] for f in faults(admin, cells("甲"))] == ["jurisdiction"]
    assert [f[0] for f in faults(admin, cells("甲", jurisdiction="某地"))] == ["jurisdiction"]
    assert faults(admin, cells("甲", area_code="350000", **top)) == [
        ("area_code", "属地不在所属地区内")
    ]
    assert [f[0] for f in faults(admin, cells("甲", area_code="某区", **top))] == ["area_code"]
    assert [f[0] for f in faults(admin, cells("甲", type="学校", **top))] == ["type"]
    assert [f[0] for f in faults(admin, cells("甲", credit_code="123", **top))] == ["credit_code"]
    part = cells("乙", type="二级单位", **top)
    assert faults(admin, part) == [("parent", "二级单位须填写所属的上级单位")]
    assert [f[0] for f in faults(admin, cells("甲", parent="没有的", **top))] == ["parent"]
    twice = faults(admin, cells("甲", **top), cells("甲", **top))
    assert twice == [("name", "同一上级下已有同名单位")]
    same = {"credit_code": CODES[0], **top}
    told = faults(admin, cells("甲", **same), cells("乙", **same))
    assert "与第 2 行重复" in told[0][1]
    top["type"] = "人社部门"
    offices = faults(admin, cells("甲", **top), cells("乙", **top))
    assert offices == [("area_code", "该属地已有人社部门")]


def test_rows_and_known_units_do_not_stand_in_each_others_way_unseen(admin: Person) -> None:
    with transaction():
        known = a_unit("市人社局", type_="人社部门", area="340600", clerk=False, leader=False)
        known.credit_code = CODES[0]
    said = {"type": "人社部门", "area_code": "340600", "jurisdiction": REGION}
    same, other = cells("市人社局", **said), cells("第二人社局", **said)
    # A new row is judged against what stays as it is, wherever that stands in the sheet.
    assert faults(admin, other, same) == [("area_code", "该属地已有人社部门")]
    renamed = cells("市人力资源社会保障局", **said, credit_code=CODES[0])
    assert faults(admin, same, renamed) == [("name", "与第 2 行是同一个单位")]
    namesake = cells("市人力资源社会保障局", jurisdiction=REGION)
    assert faults(admin, renamed, namesake) == [("name", "同一上级下已有同名单位")]


def test_circles_are_refused_whichever_way_they_close(admin: Person) -> None:
    top = {"jurisdiction": REGION}
    told = faults(admin, cells("甲", parent="乙", **top), cells("乙", parent="甲", **top))
    assert told == [
        ("parent", "上级单位绕回了本单位"),
        ("parent", "该单位（第 2 行）有误，改正后才能导入"),
    ]
    assert faults(admin, cells("甲", parent="乙"), cells("乙", parent="甲")) == told
    assert faults(admin, cells("丙", parent="丙", **top))[0][0] == "parent"
    with transaction():
        above = a_unit("总院", area="340602", clerk=False, leader=False)
        above.credit_code = CODES[0]
        a_unit("分院", area="340602", parent=above, clerk=False, leader=False)
    known = cells("总院", credit_code=CODES[0], parent="新院")
    # Between two rows stands a unit of the platform.
    told = faults(admin, known, cells("新院", parent="分院"))
    assert ("parent", "上级单位绕回了本单位") in told
    told = faults(admin, cells("甲", reports_to="乙", **top), cells("乙", reports_to="甲", **top))
    assert told[0] == ("reports_to", "上报不能绕回本单位")
    chain = [cells(f"第{n}级", parent=f"第{n + 1}级", **top) for n in range(40)]
    assert "超过 30 级" in str(faults(admin, *chain, cells("第40级", **top)))


def test_nothing_is_entered_below_a_faulty_unit(desk: Any, admin: Person) -> None:
    top = {"jurisdiction": REGION}
    rows = [cells("丙", parent="乙"), cells("乙", parent="甲"), cells("甲", area_code="", **top)]
    assert "第 4 行" in str(faults(admin, *rows))
    content = a_book(HEADS, *rows, cells("丁", **top))
    imported(desk, "units", content, leave_out=True)
    assert paths() == {"丁": ""}


def test_units_of_one_name_are_told_apart_by_path(admin: Person) -> None:
    with transaction():
        for name in ("东院", "西院"):
            part = a_unit(name, area="340602", clerk=False, leader=False)
            a_unit("内科", parent=part, area="340602", clerk=False, leader=False)
    told = faults(admin, cells("病房", parent="内科"))
    assert ("东院/内科" in told[0][1], told[0][0]) == (True, "parent")
    assert faults(admin, cells("病房", parent="西院 / 内科")) == []
    rows = [cells("南院", jurisdiction=REGION), cells("内科", parent="南院")]
    assert faults(admin, *rows, cells("病房", parent="南院/内科")) == []


def test_only_the_system_administrator_imports_units(client_for: Any, desk: Any) -> None:
    with transaction():
        unit = a_unit()
        others = [
            a_person("敖正言", roles=[("unit_admin", "org", unit.id)]),
            a_person("阚双全", roles=[("security_admin", "all", None)]),
        ]
    page = checked(desk, "units", a_book(HEADS, cells("甲", jurisdiction=REGION)))
    for person in others:
        browser = client_for(person)
        assert browser.get("/imports/new/units").status_code == 403
        assert browser.get(page).status_code == 403
        assert browser.post(f"{page}/confirm").status_code == 403
    assert desk.get("/imports/new/people").status_code == 403
    assert "导入单位" in desk.get("/imports").text
    assert desk.get("/imports/template/units").status_code == 200


def test_a_place_that_a_row_would_leave_is_not_free_for_another(admin: Person) -> None:
    office = {"type": "人社部门", "jurisdiction": REGION}
    with transaction():
        for name, area, code in zip("甲乙", ("340600", "340603"), CODES, strict=True):
            unit = a_unit(name, type_="人社部门", area=area, clerk=False, leader=False)
            unit.credit_code = code
    swapped = [
        cells("乙", area_code="340600", credit_code=CODES[0], **office),
        cells("甲", area_code="340603", credit_code=CODES[1], **office),
    ]
    assert faults(admin, *swapped) == [("name", "同一上级下已有同名单位")] * 2
    moved = cells("甲", area_code="340602", credit_code=CODES[0], **office)
    fresh = cells("丙", area_code="340600", **office)
    for rows in ([moved, fresh], [fresh, moved]):
        assert faults(admin, *rows) == [("area_code", "该属地已有人社部门")]


def test_a_renamed_unit_is_called_by_its_new_name_or_its_old_one(admin: Person) -> None:
    with transaction():
        known = a_unit("市立医院", area="340602", clerk=False, leader=False)
        known.credit_code = CODES[0]
        a_unit("内科", area="340602", parent=known, clerk=False, leader=False)
    renamed = cells("第一医院", credit_code=CODES[0])
    for parent in ("第一医院", "市立医院", "第一医院/内科", "市立医院/内科"):
        below = cells("病房", type="职能部门", parent=parent)
        for rows in ([renamed, below], [below, renamed]):
            assert faults(admin, *rows) == []


def test_what_leans_on_a_faulty_row_is_not_offered_to_be_written(desk: Any, admin: Person) -> None:
    """The rows in order are written alone: as the page shows them, so they are judged then."""
    with transaction():
        known = a_unit("市立医院", area="340602", clerk=False, leader=False)
        known.credit_code = CODES[0]
    rows = [
        cells("第一医院", credit_code=CODES[0], kind="别的"),
        cells("内科", type="职能部门", parent="第一医院"),
        cells("病房", type="职能部门", parent="内科"),
        cells("丁", jurisdiction=REGION),
    ]
    page = imported(desk, "units", a_book(HEADS, *rows), leave_out=True)
    assert "数据有变化" not in desk.get(page).text
    assert paths() == {"市立医院": "", "丁": ""}


def test_a_unit_of_the_top_goes_below_one_that_is_new(desk: Any, admin: Person) -> None:
    with transaction():
        known = a_unit("市立医院", area="340602", clerk=False, leader=False)
        known.credit_code = CODES[0]
    rows = [
        cells("市立医院", credit_code=CODES[0], parent="医疗集团"),
        cells("医疗集团", jurisdiction=REGION),
    ]
    page = checked(desk, "units", a_book(HEADS, *rows))
    assert "修改上级单位、上报单位" in desk.get(page).text
    imported(desk, "units", a_book(HEADS, *rows))
    assert paths() == {"市立医院": "医疗集团", "医疗集团": ""}
