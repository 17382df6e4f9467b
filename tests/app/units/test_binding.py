"""Binding oneself to a unit: asked for, vetted by the unit, returned, mended, approved."""

import re
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Person
from app.accounts.queries import unread_count
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.invariants import check_all
from app.engine.models import WorkItem
from app.units import closing, operations, queries, tree
from app.units.models import Employment, Unit
from app.units.offices import vetting_office
from app.units.process import BINDING
from tests.app.units.conftest import APPLICANT, Case, ask, ask_by_two, status, task_of, vet
from tests.builders.flow import open_items
from tests.builders.people import a_person, a_unit, disable, employ, staff
from tests.builders.refusals import is_told_in_place
from tests.builders.threads import together_inside


def test_a_unit_is_found_by_a_part_of_its_name(client_for: Any, case: Case) -> None:
    page = client_for(case.person).get("/binding?q=青禾").text
    assert "云桥区青禾小学" in page
    assert "云桥区第二小学" not in page


def test_an_approved_request_makes_the_unit_ones_own(client_for: Any, case: Case) -> None:
    assert ask(client_for, case, note="2026年调入").status_code == 303
    assert "云桥区青禾小学" in client_for(case.person).get("/binding").text
    assert vet(client_for, case, "pass").status_code == 303
    with transaction(write=False):
        unit = queries.unit_of(case.person.id)
        assert unit is not None
        assert unit.id == case.unit.id
        assert unread_count(case.person.id) == 1
        assert check_all() == []


def test_a_returned_request_is_mended_and_sent_again(client_for: Any, case: Case) -> None:
    ask(client_for, case)
    assert vet(client_for, case, "return", "请补充调动说明").status_code == 303
    assert "请补充调动说明" in client_for(case.person).get("/binding").text
    assert ask(client_for, case, note="附调动说明").status_code == 303
    assert status(case) == "pending"
    vet(client_for, case, "pass")
    assert status(case) == "active"


def test_a_returned_request_may_go_to_another_unit_whose_clerk_then_vets_it(
    client_for: Any, case: Case
) -> None:
    ask(client_for, case)
    vet(client_for, case, "return", "不是本单位人员")
    with transaction(write=False):
        other = db.session.query(Unit).filter_by(name="云桥区第二小学").one().id
    ask(client_for, case, unit_id=other)
    url = f"/tasks/{task_of(case)}"
    assert client_for(case.clerk).get(url).status_code == 403
    assert client_for(case.stranger).get(url).status_code == 200


def test_a_returned_request_begins_with_its_unit(client_for: Any, case: Case) -> None:
    ask(client_for, case)
    vet(client_for, case, "return", "请补充调动说明")
    page = client_for(case.person).get("/binding").text
    assert f'value="{case.unit.id}" checked' in page
    assert 'value="云桥区青禾小学"' in page


def test_a_return_needs_an_opinion(client_for: Any, case: Case) -> None:
    ask(client_for, case)
    answer = vet(client_for, case, "return")
    assert answer.status_code == 422
    assert status(case) == "pending"


def an_office(name: str = "云桥区人社局", area: str = "340602") -> Unit:
    with transaction():
        return a_unit(name, kind="机关", type_="人社部门", area=area)


def test_a_freelancer_belongs_to_the_personnel_department_of_the_area(
    client_for: Any, case: Case
) -> None:
    office, browser = an_office(), client_for(case.person)
    an_office("柳溪区人社局", "340603")
    # Found by the area as well; other units are not offered to freelancers.
    page = browser.get("/binding?freelancer=yes&q=杜集").text
    assert 'for="q">所在县（市、区）</label>' in page
    assert ("云桥区人社局" in page, "柳溪区人社局" in page) == (True, False)
    assert "云桥区青禾小学" not in browser.get("/binding?freelancer=yes&q=云桥").text
    assert "没有找到该地区的人社部门" in browser.get("/binding?freelancer=yes&q=海南").text
    wrong = ask(client_for, case, freelancer="yes", note="自由撰稿")
    assert is_told_in_place(wrong, "自由职业者请选择所在县（市、区）的人社部门")
    sent = browser.post("/binding", {"unit_id": office.id, "freelancer": "yes"})
    assert sent.status_code == 303
    with transaction(write=False):
        clerk = staff(office, "unit_clerk")
    task = f"/tasks/{task_of(case)}"
    assert "自由职业者" in client_for(clerk).get(task).text
    assert client_for(clerk).post(task, {"decision": "pass"}).status_code == 303
    assert "自由职业者" in browser.get("/binding").text
    with transaction(write=False):
        assert check_all() == []
        unit = queries.unit_of(case.person.id)
        assert unit is not None
        assert (unit.id, unit.is_public_institution) == (office.id, False)


def test_what_a_person_says_of_themselves_goes_to_the_reviewer(
    client_for: Any, case: Case
) -> None:
    said = {"phone": "139 0000 0000", "email": "su@example.cn", "politics": "群众"}
    browser = client_for(case.person)
    assert browser.post("/binding/keeper", {"keeper": "第二小学"}).status_code == 303
    assert ask(client_for, case, **said).status_code == 303
    listed = client_for(case.clerk).get("/binding/requests").text
    task = client_for(case.clerk).get(f"/tasks/{task_of(case)}").text
    for text in ("13900000000", "su@example.cn", "群众"):
        assert text in listed
        assert text in task
    assert "云桥区第二小学" in task


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"email": "没有邮箱"}, "邮箱格式有误"),
        ({"phone": "123"}, "请填写 11 位手机号码"),
        ({"phone": "0561-3000000"}, "请填写 11 位手机号码"),
        ({"note": "长" * 501}, "不能超过 500 个字"),
    ],
)
def test_what_does_not_hold_is_said_at_its_field(
    client_for: Any, case: Case, said: dict[str, str], words: str
) -> None:
    url = "/binding?q=青禾"
    typed = {"unit_id": case.unit.id, "email": "su@example.cn", **said}
    answer = client_for(case.person).post(url, typed)
    assert is_told_in_place(answer, words, typed["email"], "云桥区青禾小学")
    with transaction(write=False):
        assert db.session.query(Employment).count() == 0
        assert db.session.get_one(Person, case.person.id).email == ""


def test_the_keeper_of_the_file_is_chosen_and_changed(client_for: Any, case: Case) -> None:
    browser = client_for(case.person)
    refusals = {
        "": "请填写人事档案主管",
        "没有的中心": "没有名称含",
        "云桥区": "有多个单位",
    }
    for typed, words in refusals.items():
        answer = browser.post("/binding/keeper", {"keeper": typed})
        assert is_told_in_place(answer, words, typed)
    assert browser.get("/binding/keeper").location == "/binding"
    for name in ("云桥区青禾小学", "云桥区第二小学"):
        assert browser.post("/binding/keeper", {"keeper": name}).status_code == 303
        assert f'value="{name}"' in browser.get("/binding").text
    assert client_for(case.clerk).post("/binding/keeper", {"keeper": "x"}).status_code == 403


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("id_number=340000198503129020", True),
        ("id_number=340000198503129", False),
        ("phone=1390000", True),
        ("phone=1380000", False),
        ("since=2026-11-23&until=2026-11-23", True),
        ("since=2026-11-24", False),
        ("until=2026-11-22", False),
        ("since=gestern&until=9999-12-31", True),
        ("status=pending&q=晓禾", True),
    ],
)
def test_the_list_is_narrowed_by_number_telephone_state_and_day(
    client_for: Any, case: Case, query: str, seen: bool
) -> None:
    with transaction():
        db.session.get_one(Person, case.person.id).set_id_number("340000198503129020")
    ask(client_for, case, phone="13900000000")
    page = client_for(case.clerk).get(f"/binding/requests?{query}").text
    assert ("苏晓禾" in page, "没有符合条件的人员" in page) == (seen, not seen)


def test_several_requests_are_decided_at_once(client_for: Any, case: Case) -> None:
    ask_by_two(client_for, case)
    clerk = client_for(case.clerk)
    page = clerk.get("/binding/requests").text
    assert "批量审核" in page
    numbers = re.findall(r'name="id" value="(\d+)"', page)
    assert len(numbers) == 2
    asked = clerk.get("/tasks/batch?" + "&".join(f"id={n}" for n in numbers)).text
    assert ("苏晓禾" in asked, "柏小满" in asked) == (True, True)
    assert clerk.post("/tasks/batch", {"id": numbers, "decision": "pass"}).status_code == 303
    with transaction(write=False):
        assert {e.status for e in db.session.query(Employment)} == {"active"}
    nothing_to_vet = clerk.get("/binding/requests").text
    assert ("批量审核" in nothing_to_vet, "data-all" in nothing_to_vet) == (False, False)


def test_an_administrator_sees_the_list_and_is_offered_no_task_of_the_clerks(
    client_for: Any, case: Case
) -> None:
    with transaction():
        admin = a_person("敖正言", roles=[("unit_admin", "org", case.unit.id)])
    ask(client_for, case)
    page = client_for(admin).get("/binding/requests").text
    assert ("苏晓禾" in page, "批量审核" in page) == (True, False)


def test_a_second_request_waits_for_the_first(client_for: Any, case: Case) -> None:
    ask(client_for, case)
    answer = ask(client_for, case)
    assert answer.status_code == 409
    assert "等待单位审核" in answer.text


def test_ones_own_unit_is_not_offered_and_refused_at_its_field(
    client_for: Any, case: Case
) -> None:
    url, browser = "/binding?q=青禾", client_for(case.person)
    assert f'value="{case.unit.id}" checked' in browser.get(url).text
    with transaction():
        employ(db.session.get_one(Person, case.person.id), db.session.get_one(Unit, case.unit.id))
    offered = rf'value="{case.unit.id}" disabled>.*当前单位'
    assert re.search(offered, browser.get(url).text)
    answer = browser.post(url, {"unit_id": case.unit.id, "note": "再次申请"})
    said = 'id="unit_id-error" data-error>您已绑定该单位，无需重复申请'
    assert is_told_in_place(answer, said, "再次申请", 'href="#unit_id"', 'id="unit_id"')


def test_without_a_unit_there_is_nothing_to_ask(client_for: Any, case: Case) -> None:
    url = "/binding?q=青禾"
    answer = client_for(case.person).post(url, {"note": "2026年调入"})
    assert is_told_in_place(answer, "请先选择单位", "2026年调入", "云桥区青禾小学")


def test_the_earlier_unit_ends_with_the_approval_of_the_new_one(
    client_for: Any, case: Case
) -> None:
    with transaction():
        old = a_unit("云桥区旧校")
        employ(db.session.get_one(Person, case.person.id), old)
    ask(client_for, case)
    with transaction(write=False):
        waiting = db.session.query(Employment).filter_by(status="pending").one()
        item = open_items((BINDING, waiting.id))[0].id
    client_for(case.clerk).post(f"/tasks/{item}", {"decision": "pass"})
    with transaction(write=False):
        found = db.session.execute(
            sa.select(Unit.name, Employment.status).join(Unit, Unit.id == Employment.unit_id)
        ).all()
        assert sorted(map(tuple, found)) == [("云桥区旧校", "ended"), ("云桥区青禾小学", "active")]


def test_nobody_else_may_open_or_do_the_task(client_for: Any, case: Case) -> None:
    ask(client_for, case)
    url = f"/tasks/{task_of(case)}"
    for person in (case.stranger, case.person):
        assert client_for(person).get(url).status_code == 403
        assert client_for(person).post(url, {"decision": "pass"}).status_code == 403
    assert status(case) == "pending"


def test_the_clerk_sees_the_requests_of_the_own_unit_only(client_for: Any, case: Case) -> None:
    ask(client_for, case)
    assert "苏晓禾" in client_for(case.clerk).get("/binding/requests").text
    assert "苏晓禾" not in client_for(case.stranger).get("/binding/requests").text
    assert "苏晓禾" not in client_for(case.clerk).get("/binding/requests?status=active").text
    assert "苏晓禾" in client_for(case.clerk).get("/binding/requests?q=晓禾").text


def test_where_the_only_reviewer_asks_the_superior_reviews(client_for: Any, app: Flask) -> None:
    with transaction():
        bureau = a_unit("云桥区教育局", kind="机关")
        school = a_unit("云桥区青禾小学", reports_to=bureau, clerk=False)
        clerk = a_person(
            "卜文", roles=[("unit_clerk", "org", school.id), ("applicant", "all", None)]
        )
        superior = staff(bureau, "unit_clerk")
        unit_id = school.id
    client_for(clerk).post("/binding", {"unit_id": unit_id})
    with transaction(write=False):
        item = db.session.scalars(sa.select(WorkItem)).one()
        assert item.scope_id == bureau.id
        item_id = item.id
    assert client_for(clerk).get(f"/tasks/{item_id}").status_code == 403
    answer = client_for(superior).post(f"/tasks/{item_id}", {"decision": "pass"})
    assert answer.status_code == 303


def test_a_unit_with_another_reviewer_reviews_itself(app: Flask) -> None:
    with transaction():
        bureau = a_unit("云桥区教育局", kind="机关")
        school = a_unit("云桥区青禾小学", reports_to=bureau)
        clerk = staff(school, "unit_clerk")
        a_person("敖正言", roles=[("unit_admin", "org", school.id)])
        assert queries.reviewing_unit(school, clerk.id, now()) is bureau
        a_person("卜文", roles=[("unit_clerk", "org", school.id)])
        assert queries.reviewing_unit(school, clerk.id, now()) is school


def test_nothing_is_sent_where_every_account_is_disabled(app: Flask) -> None:
    with transaction():
        bureau = a_unit("云桥区教育局", kind="机关", type_="主管部门")
        school = a_unit("云桥区青禾小学", reports_to=bureau, parent=bureau)
        keepers = [a_person(roles=[("unit_admin", "org", each.id)]) for each in (bureau, school)]
        asker, moment = a_person(), now()
        assert queries.reviewing_unit(school, asker.id, moment) is school
        assert vetting_office(school, "340602", moment) is school
        for person in (staff(school, "unit_clerk"), keepers[1]):
            disable(person)
        assert queries.reviewing_unit(school, asker.id, moment) is bureau
        assert vetting_office(school, "340602", moment) is bureau
        disable(keepers[0])
        assert vetting_office(school, "340602", moment) is None


def test_nobody_decides_on_their_own_request(app: Flask) -> None:
    with transaction():
        unit, person = a_unit(), a_person()
        binding = operations.request_binding(person, unit, "", now=now())
        with pytest.raises(Forbidden, match="本人"):
            operations.decide_binding(
                binding, approve=True, opinion="", actor_id=person.id, now=now()
            )


def test_a_decided_request_is_not_decided_again(app: Flask) -> None:
    with transaction():
        unit = a_unit()
        clerk = staff(unit, "unit_clerk")
        binding = operations.request_binding(a_person(), unit, "", now=now())
        operations.decide_binding(binding, approve=True, opinion="", actor_id=clerk.id, now=now())
        with pytest.raises(Conflict, match="已处理"):
            operations.decide_binding(
                binding, approve=False, opinion="x", actor_id=clerk.id, now=now()
            )


def test_a_reporting_chain_ends_although_two_offices_name_each_other(app: Flask) -> None:
    with transaction():
        first, second = a_unit("甲局"), a_unit("乙局")
        first.reports_to_id, second.reports_to_id = second.id, first.id
        db.session.flush()
        assert [u.name for u in queries.reporting_chain(first)] == ["乙局", "甲局"]
        clerk = staff(first, "unit_clerk")
        assert queries.reviewing_unit(first, clerk.id, now()) is second


def test_the_home_page_says_to_bind_a_unit_until_one_has_agreed(
    case: Case, client_for: Any
) -> None:
    first = "第一步：绑定单位"
    home = client_for(case.person).get("/home").text
    assert first in home
    assert "去绑定单位" in home
    ask(client_for, case)
    assert "正等待单位审核" in client_for(case.person).get("/home").text
    vet(client_for, case, "pass")
    assert first not in client_for(case.person).get("/home").text
    assert first not in client_for(case.clerk).get("/home").text


def test_a_request_does_not_change_a_verified_address(client_for: Any, case: Case) -> None:
    with transaction():
        person = db.session.get_one(Person, case.person.id)
        person.email, person.email_verified_at = "su@example.com", now()
    wrong = {"unit_id": case.unit.id, "email": "other@example.com"}
    answer = client_for(case.person).post("/binding?q=青禾", wrong)
    assert is_told_in_place(answer, "邮箱已验证", "other@example.com")
    assert ask(client_for, case, email="su@example.com").status_code == 303
    with transaction(write=False):
        assert db.session.get_one(Person, case.person.id).email == "su@example.com"


def test_a_request_that_lies_at_the_superior_keeps_its_unit_open(
    client_for: Any, app: Flask
) -> None:
    with transaction():
        bureau = a_unit("云桥区教体局", kind="机关", type_="主管部门")
        unit = a_unit("云桥区新校", parent=bureau, clerk=False, leader=False)
        clerk = staff(bureau, "unit_clerk")
        case = Case(a_person("苏晓禾", roles=APPLICANT), unit, clerk, clerk)
    ask(client_for, case)
    with transaction(write=False):
        found = db.session.get_one(Unit, unit.id)
        assert closing.obstacles(found, now()) == ["1 份人员绑定申请尚未审核"]
    with transaction():
        closing.shut(db.session.get_one(Unit, unit.id), reason="", actor_id=1, now=now())
    answer = vet(client_for, case, "pass")
    assert (answer.status_code, "该单位已关闭" in answer.text) == (409, True)
    assert vet(client_for, case, "return", "单位已关闭").status_code == 303
    with transaction():
        employ(db.session.get_one(Person, case.person.id), db.session.get_one(Unit, unit.id))
        assert [each for each in check_all() if "的单位已关闭" in str(each)]


@pytest.mark.parametrize("freelancer", [False, True])
def test_a_unit_that_changes_in_the_same_moment_keeps_nobody_who_may_not_be_there(
    app: Flask, freelancer: bool
) -> None:
    """It closes, or is no personnel department any more, while somebody asks to belong to it."""
    office = an_office()
    with transaction():
        person_id = a_person("苏晓禾", roles=APPLICANT).id
        boss_id = a_person("庾一鸣").id

    def ask_for_it() -> None:
        person, unit = db.session.get_one(Person, person_id), db.session.get_one(Unit, office.id)
        operations.request_binding(person, unit, "", freelancer=freelancer, now=now())

    def take_away() -> None:
        unit = db.session.get_one(Unit, office.id)
        if freelancer:
            plain = tree.UnitFacts(unit.name, "用人单位", unit.kind, unit.area_code, "anhui")
            tree.change_unit(unit, plain, actor_id=boss_id, now=now())
        else:
            closing.close_unit(unit, "撤销", actor_id=boss_id, now=now())

    look = partial(db.session.get, Unit, office.id)
    failures = together_inside(app, ask_for_it, take_away, look=look)
    with transaction(write=False):
        asked = db.session.query(Employment).filter_by(status="pending").count()
        unit = db.session.get_one(Unit, office.id)
        is_there = unit.closed_at is None and unit.type == "人社部门"
    assert [failure is None for failure in failures].count(True) == 1, failures
    assert all(isinstance(failure, Conflict | Invalid) for failure in failures if failure)
    assert (asked == 1) == is_there
