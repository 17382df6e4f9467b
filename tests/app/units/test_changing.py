"""单位变更: locked data change by a process; what a unit was stays with what was sent."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db, transaction
from app.core.invariants import check_all
from app.declarations.holdings import held_now
from app.declarations.models import Declaration
from app.declarations.overview import declared_of
from app.declarations.process import card
from app.declarations.queries import BUSINESS as DECLARATION
from app.declarations.queries import opinions_of
from app.engine import care
from app.engine.handlers import Scope
from app.papers.evaluation_form import form_of
from app.units import history, tree
from app.units.models import Unit, UnitChange
from app.units.request_process import CHANGE
from tests.app.units.test_tree import facts
from tests.builders.declarations import a_declaration
from tests.builders.flow import open_items
from tests.builders.people import a_person, a_unit, employ, staff
from tests.builders.portfolio import an_upload
from tests.builders.refusals import is_told_in_place
from tests.builders.review import a_meeting_called

URL = "/unit/change"


@dataclass
class Case:
    """A school below a bureau, both with an administrator, and another bureau."""

    school: Unit
    admin: Person
    bureau: Person
    other: Person


@pytest.fixture
def case(app: Flask) -> Case:
    with transaction():
        here = a_unit("云桥区教体局", kind="机关", type_="主管部门")
        there = a_unit("柳溪区教体局", kind="机关", type_="主管部门")
        school = a_unit("青禾小学", parent=here)
        return Case(
            school,
            a_person("敖正言", roles=[("unit_admin", "org", school.id)]),
            a_person("本局管理员", roles=[("unit_admin", "org", here.id)]),
            a_person("他局管理员", roles=[("unit_admin", "org", there.id)]),
        )


def form(case: Case, **changed: str) -> dict[str, str]:
    with transaction(write=False):
        unit = db.session.get_one(Unit, case.school.id)
        said = {
            "name": unit.name,
            "type": unit.type,
            "kind": unit.kind,
            "area_code": unit.area_code,
            "credit_code": unit.credit_code or "",
            "parent": unit.parent.name if unit.parent else "",
            "reason": "淮编〔2026〕8 号批准更名",
        }
    return {**said, **changed}


def vet(client_for: Any, who: Person, decision: str, opinion: str = "") -> Any:
    with transaction(write=False):
        asked = db.session.query(UnitChange).filter(UnitChange.decided_at.is_(None)).first()
        asked = asked or db.session.query(UnitChange).order_by(UnitChange.id.desc()).first()
        task = open_items((CHANGE, asked.id))[0].id
    return client_for(who).post(f"/tasks/{task}", {"decision": decision, "opinion": opinion})


def school(case: Case) -> Unit:
    with transaction(write=False):
        return db.session.get_one(Unit, case.school.id)


def test_an_approved_change_is_made_and_what_was_is_kept(
    case: Case, client_for: Any, at: Callable[[datetime], None]
) -> None:
    with transaction(write=False):
        before = now()
    at(before + timedelta(days=3))
    browser = client_for(case.admin)
    assert 'value="青禾小学"' in browser.get(URL).text
    assert browser.post(URL, form(case, name="青禾实验小学")).location.startswith(URL)
    assert "等待云桥区教体局审核" in browser.get(URL).text
    assert browser.post(URL, form(case, name="再改")).status_code == 409
    assert school(case).name == "青禾小学"
    assert vet(client_for, case.bureau, "pass").status_code == 303
    assert school(case).name == "青禾实验小学"
    page = browser.get("/unit").text
    assert ("青禾小学" in page, "变更" in page) == (True, True)
    assert "变更申请已通过" in browser.get("/notifications").text
    # The request goes on saying what it changed, whatever the unit becomes.
    with transaction():
        renamed(db.session.get_one(Unit, case.school.id), "第三个名称")
    assert "单位名称：青禾小学 → 青禾实验小学" in browser.get(URL).text
    with transaction(write=False):
        unit = db.session.get_one(Unit, case.school.id)
        assert history.as_of(unit, before).name == "青禾小学"
        assert check_all() == []


def test_a_change_that_waits_is_held_against_the_unit_as_it_is(
    case: Case, client_for: Any
) -> None:
    browser = client_for(case.admin)
    browser.post(URL, form(case, name="青禾实验小学", kind="民办"))
    with transaction():
        unit = db.session.get_one(Unit, case.school.id)
        tree.change_unit(unit, facts(unit, name="青禾学校"), actor_id=case.other.id, now=now())
    with transaction(write=False):
        task = open_items((CHANGE, db.session.query(UnitChange).one().id))[0].id
    page = client_for(case.bureau).get(f"/tasks/{task}").text
    assert ("青禾学校" in page, "青禾实验小学" in page, "民办" in page) == (True, True, True)
    vet(client_for, case.bureau, "pass")
    with transaction(write=False):
        asked = db.session.query(UnitChange).one()
        assert asked.lines == [
            ["单位名称", "青禾学校", "青禾实验小学"],
            ["单位性质", "事业单位", "民办"],
        ]
    record = browser.get(URL).text
    assert "单位性质：事业单位 → 民办" in record


def test_who_takes_a_unit_in_decides_and_its_chain_follows(case: Case, client_for: Any) -> None:
    client_for(case.admin).post(URL, form(case, parent="柳溪区教体局"))
    assert vet(client_for, case.bureau, "pass").status_code == 403
    assert vet(client_for, case.other, "pass").status_code == 303
    moved = school(case)
    assert moved.parent_id == moved.reports_to_id
    with transaction(write=False):
        assert db.session.get_one(Unit, moved.parent_id).name == "柳溪区教体局"


def test_a_returned_change_is_mended_or_given_up(case: Case, client_for: Any) -> None:
    browser = client_for(case.admin)
    assert browser.post(f"{URL}/drop").status_code == 409
    browser.post(URL, form(case, name="青禾学校"))
    assert vet(client_for, case.bureau, "return").status_code == 422
    vet(client_for, case.bureau, "return", "请附批文")
    page = browser.get(URL).text
    assert ("请附批文" in page, 'value="青禾学校"' in page) == (True, True)
    assert browser.post(URL, form(case, name="青禾中心小学")).status_code == 303
    vet(client_for, case.bureau, "return", "仍不合规")
    assert browser.post(f"{URL}/drop").status_code == 303
    assert school(case).name == "青禾小学"
    with transaction(write=False):
        assert db.session.query(UnitChange).one().status == "dropped"
    assert browser.post(URL, form(case, name="青禾小学校")).status_code == 303


def test_who_was_given_a_returned_change_mends_it_on_the_units_page(
    case: Case, client_for: Any
) -> None:
    client_for(case.admin).post(URL, form(case, name="青禾学校"))
    vet(client_for, case.bureau, "return", "请附批文")
    with transaction():
        second = a_person("校管理员二", roles=[("unit_admin", "org", case.school.id)])
        asked = db.session.query(UnitChange).one()
        item = open_items((CHANGE, asked.id))[0]
        to = Scope("person", second.id)
        care.reassign(item, to, reason="专人办理", actor_id=None, now=now())
    browser = client_for(second)
    address = browser.get(f"/tasks/{item.id}").location
    assert address == f"{URL}?unit={case.school.id}"
    assert browser.get(address).status_code == 200


def test_who_asks_is_not_the_one_who_could_decide(app: Flask, client_for: Any) -> None:
    with transaction():
        above = a_unit("上级公司", kind="企业")
        unit = a_unit("新公司", kind="企业", parent=above)
        both = [("unit_admin", "org", each.id) for each in (above, unit)]
        person = a_person("兼任", roles=both)
        case = Case(unit, person, person, person)
    asked = {**form(case, name="新公司二"), "parent": "上级公司"}
    url = f"{URL}?unit={unit.id}"
    assert is_told_in_place(client_for(person).post(url, asked), "尚未设置管理员")
    with transaction():
        office = a_unit("云桥区人社局", kind="机关", type_="人社部门")
        a_person("宓清川", roles=[("unit_admin", "org", office.id)])
    assert client_for(person).post(url, asked).status_code == 303
    with transaction(write=False):
        assert db.session.query(UnitChange).one().office_id == office.id


def test_a_code_is_kept_as_it_is_compared(case: Case, client_for: Any) -> None:
    browser = client_for(case.admin)
    browser.post(URL, form(case, credit_code="１２３４００００dem00006x0"))
    with transaction(write=False):
        assert db.session.query(UnitChange).one().credit_code == "12340000DEM00006X0"
    vet(client_for, case.bureau, "pass")
    answer = browser.post(URL, form(case, credit_code="１２３４００００DEM00006X0"))
    assert is_told_in_place(answer, "没有需要变更的内容")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "请填写单位名称"),
        ({"reason": " "}, "请填写变更理由"),
        ({}, "没有需要变更的内容"),
        ({"parent": "教务处"}, "上级单位不能是本单位或其下级"),
        ({"parent": "没有的局"}, "没有名称含"),
        ({"type": "职能部门", "parent": ""}, "职能部门须填写所属的上级单位"),
        ({"parent": ""}, "尚未设置管理员"),
        ({"credit_code": "1234"}, "统一社会信用代码有误"),
        ({"type": "人社部门", "area_code": "340603"}, "人社部门只能由上级人社部门建立"),
        ({"area_code": "340603"}, "属地须在"),
    ],
)
def test_what_does_not_hold_is_said_at_its_field(
    case: Case, client_for: Any, change: dict[str, str], words: str
) -> None:
    with transaction():
        a_unit("教务处", parent=db.session.get_one(Unit, case.school.id), type_="职能部门")
    answer = client_for(case.admin).post(URL, form(case, **change))
    assert is_told_in_place(answer, words)
    with transaction(write=False):
        assert db.session.query(UnitChange).count() == 0


def test_only_the_units_administrator_asks_and_never_decides(case: Case, client_for: Any) -> None:
    with transaction(write=False):
        bureau = db.session.query(Unit).filter_by(name="云桥区教体局").one().id
    assert client_for(case.other).get(f"{URL}?unit={case.school.id}").status_code == 403
    assert client_for(case.other).post(f"{URL}?unit={bureau}", form(case)).status_code == 403
    client_for(case.admin).post(URL, form(case, name="青禾学校"))
    assert vet(client_for, case.admin, "pass").status_code == 403


def test_a_declaration_keeps_the_name_under_which_it_was_sent(
    app: Flask, at: Callable[[datetime], None]
) -> None:
    number = a_declaration(at="vet_declaration").id
    with transaction(write=False):
        former, later = unit_of_declaration(number).name, now() + timedelta(days=2)
    at(later)
    with transaction():
        unit = unit_of_declaration(number)
        change = facts(unit, name="更名后的学校", kind="企业")
        tree.change_unit(unit, change, actor_id=a_person().id, now=now())
    with transaction(write=False):
        found = db.session.get_one(Declaration, number)
        assert found.unit.name == "更名后的学校"
        declared = dict(declared_of(held_now(found)))
        assert (declared["申报单位"], declared["单位性质"]) == (former, "事业单位")
        printed = dict(pair for line in form_of(found).basics for pair in line)
        assert printed["工作单位"] == former


def renamed(unit: Unit, name: str) -> None:
    tree.change_unit(unit, facts(unit, name=name), actor_id=a_person().id, now=now())


def test_pages_and_tasks_of_a_declaration_name_the_unit_as_it_was_sent(
    client_for: Any, at: Callable[[datetime], None]
) -> None:
    number = a_declaration(at="vet_declaration").id
    with transaction(write=False):
        unit = unit_of_declaration(number)
        former, later = unit.name, now() + timedelta(days=2)
        clerk = staff(unit, "unit_clerk")
    at(later)
    with transaction():
        renamed(unit_of_declaration(number), "更名后的学校")
    browser = client_for(clerk)
    # The offices of the course are called as they are now: there one asks today.
    assert f"· {former}</span>" in browser.get(f"/declarations/{number}").text
    assert f"<td>{former}</td>" in browser.get("/declarations/review").text
    exported = browser.get("/declarations/review.csv").text
    assert (former in exported, "更名后的学校" in exported) == (True, False)
    with transaction(write=False):
        assert former in card(number).title


def test_a_meeting_names_the_units_of_its_cases_as_they_were(
    app: Flask, client_for: Any, at: Callable[[datetime], None]
) -> None:
    with transaction():
        held = a_meeting_called()
        declaration = held.meeting.cases[0].declaration
        former, later = declaration.unit.name, now() + timedelta(hours=1)
        declaration.submitted_at = declaration.submitted_at or now()
        begun, unit_id = declaration.submitted_at, declaration.unit_id
    at(max(later, begun + timedelta(hours=1)))
    with transaction():
        renamed(db.session.get_one(Unit, unit_id), "更名后的学校")
    browser = client_for(held.person(held.clerk_id))
    for url in (f"/meetings/{held.id}", f"/meetings/{held.id}/set-up?part=cases"):
        page = browser.get(url)
        told = (page.status_code, former in page.text, "更名后的学校" in page.text)
        assert told == (200, True, False), url


def test_who_goes_on_reads_opinions_under_the_names_of_their_day(
    app: Flask, client_for: Any, at: Callable[[datetime], None]
) -> None:
    number = a_declaration("vet_forwarded").id
    with transaction(write=False):
        former, later = unit_of_declaration(number).name, now() + timedelta(days=2)
        (task,) = open_items((DECLARATION, number))
        superior = db.session.get_one(Unit, task.scope_id)
        clerk = staff(superior, "superior_clerk")
    at(later)
    with transaction():
        renamed(unit_of_declaration(number), "更名后的学校")
    page = client_for(clerk).get(f"/tasks/{task.id}").text
    assert f"<strong>{former}</strong>" in page
    assert "<strong>更名后的学校</strong>" not in page


def test_the_evaluation_form_names_the_offices_as_they_were_called(
    app: Flask, at: Callable[[datetime], None]
) -> None:
    number = a_declaration("accepted").id
    with transaction(write=False):
        before = printed_offices(number)
        later = now() + timedelta(days=2)
    at(later)
    with transaction():
        found = db.session.get_one(Declaration, number)
        actor = a_person().id
        for unit in {opinion.unit for opinion in opinions_of(found.id)}:
            change = facts(unit, name=f"更名后的机构{unit.id}")
            tree.change_unit(unit, change, actor_id=actor, now=now())
    with transaction(write=False):
        assert printed_offices(number) == before


def printed_offices(number: int) -> list[str]:
    form = form_of(db.session.get_one(Declaration, number))
    return [opinion.unit for opinion in (*form.unit, *form.superiors)]


def unit_of_declaration(number: int) -> Unit:
    return db.session.get_one(Declaration, number).unit


def test_what_may_not_stand_there_any_more_is_not_approved(case: Case, client_for: Any) -> None:
    above = school(case).parent_id
    with transaction():
        bureau = db.session.get_one(Unit, above)
        bureau.type, bureau.area_code = "人社部门", "340600"
        history.begin_period(bureau, "修改", now=now())
    client_for(case.admin).post(URL, form(case, type="人社部门"))
    with transaction():
        db.session.get_one(Unit, above).type = "主管部门"
    answer = vet(client_for, case.bureau, "pass")
    assert (answer.status_code, "人社部门只能由上级人社部门建立" in answer.text) == (422, True)
    assert school(case).type == "用人单位"


def test_an_office_of_freelancers_stays_a_personnel_department(
    case: Case, client_for: Any
) -> None:
    with transaction():
        unit = db.session.get_one(Unit, case.school.id)
        unit.type = "人社部门"
        history.begin_period(unit, "修改", now=now())
        employ(a_person("自由人"), unit).is_freelancer = True
    answer = client_for(case.admin).post(URL, form(case, type="用人单位"))
    assert is_told_in_place(answer, "1 名自由职业者绑定在本单位")
    assert client_for(case.admin).post(URL, form(case, name="云桥区人社局")).status_code == 303


def test_a_change_carries_its_document_which_the_office_reads(case: Case, client_for: Any) -> None:
    with transaction():
        admin = db.session.get_one(Person, case.admin.id)
        paper, foreign = an_upload(admin).id, an_upload(case.bureau)
    browser = client_for(case.admin)
    answer = browser.post(URL, form(case, name="青禾实验小学", evidence=str(foreign.id)))
    assert is_told_in_place(answer, "附件不存在")
    answer = browser.post(URL, form(case, name="青禾实验小学", evidence=str(paper)))
    assert answer.status_code == 303
    assert f"/files/{paper}" in browser.get(URL).text
    office = client_for(case.bureau)
    with transaction(write=False):
        asked = db.session.query(UnitChange).one().id
        task = open_items((CHANGE, asked))[0].id
    assert f"/files/{paper}" in office.get(f"/tasks/{task}").text
    assert office.get(f"/files/{paper}").status_code == 200
    with transaction():
        stranger = a_person("旁人", roles=[("unit_admin", "org", a_unit("别的小学").id)])
    assert client_for(stranger).get(f"/files/{paper}").status_code == 404
