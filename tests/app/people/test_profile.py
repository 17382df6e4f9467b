"""完善信息: told by a person, confirmed at the first sign-in, met again in a declaration."""

import re
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Person
from app.catalogue.models import Series
from app.catalogue.operations import load_titles
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.declarations import operations as declaring
from app.people.models import PersonSeries
from app.people.queries import series_of
from app.units import keepers
from app.units.models import Employment, Unit
from app.units.process import BINDING
from tests.builders.flow import open_items
from tests.builders.locks import locks_on
from tests.builders.people import a_person, a_unit, an_id_number
from tests.builders.plans import a_plan
from tests.builders.portfolio import an_upload
from tests.builders.refusals import is_told_in_place

DETAILS = {
    "ethnicity": "汉族",
    "politics": "群众",
    "identity_kind": "事业单位人员",
    "work_started_on": "2008-08-01",
    "education": "大学本科",
    "phone": "13900000101",
    "email": "su@example.com",
    "address": "淮城市演示路 1 号",
}


@pytest.fixture
def person(app: Flask) -> Person:
    """An applicant whose account was just opened."""
    with transaction():
        load_titles()
        made = a_person("苏晓禾", id_number="340000198503129020", unit=a_unit())
        made.profile_confirmed_at = None
        return made


def series_ids(count: int) -> list[int]:
    with transaction(write=False):
        return list(db.session.scalars(sa.select(Series.id).order_by(Series.id).limit(count)))


def kept(person: Person) -> Person:
    return db.session.get_one(Person, person.id)


def test_the_first_home_page_leads_to_the_details_and_then_lets_one_read(
    client_for: Any, person: Person
) -> None:
    browser = client_for(person)
    assert browser.get("/home").location == "/account/details"
    assert "首次登录" in browser.get("/account/details").text
    page = browser.get("/home")
    assert page.status_code == 200
    assert "请先完善个人信息" in page.text
    assert browser.get("/portfolio").status_code == 200


def test_details_once_confirmed_are_never_asked_for_again(client_for: Any, person: Person) -> None:
    browser = client_for(person)
    first, second = series_ids(2)
    answer = browser.post("/account/details", {**DETAILS, "series": [second, first]})
    assert answer.status_code == 303
    assert answer.location == "/account"
    page = browser.get("/home")
    assert page.status_code == 200
    assert "请先完善个人信息" not in page.text
    assert "个人基本信息" in page.text
    assert "13900000101" in page.text
    with transaction(write=False):
        assert [each.id for each in series_of(person.id)] == [second, first]
        assert kept(person).email == "su@example.com"
        event = db.session.scalars(sa.select(AuditEvent).order_by(AuditEvent.id.desc())).first()
        assert event is not None
        assert event.tag == "person:profile_confirmed"
        assert "phone" in event.data["fields"]
        assert "13900000101" not in str(event.data)


@pytest.fixture
def newcomer(app: Flask) -> Person:
    """An applicant of no unit; there are two schools and a personnel department."""
    with transaction():
        load_titles()
        a_unit("云桥区青禾小学")
        a_unit("云桥区第二小学")
        a_unit("云桥区人社局", kind="机关", type_="人社部门")
        made = a_person("卜文", id_number=an_id_number(), roles=[("applicant", "all", None)])
        made.profile_confirmed_at = None
        return made


def unit_id(name: str) -> int:
    with transaction(write=False):
        return db.session.query(Unit).filter_by(name=name).one().id


def binding_of(person: Person) -> Employment | None:
    with transaction(write=False):
        return db.session.query(Employment).filter_by(person_id=person.id).first()


def test_a_newcomer_chooses_the_unit_in_the_same_go(client_for: Any, newcomer: Person) -> None:
    browser = client_for(newcomer)
    assert "是否同步选择单位" in browser.get("/account/details").text
    typed = {**DETAILS, "bind_now": "yes", "wanted": "云桥区", "note": "2026 年入职"}
    looked = browser.post("/account/details", {**typed, "look": "1"})
    assert looked.status_code == 200
    for text in ("云桥区青禾小学（事业单位", "云桥区第二小学", DETAILS["address"], "2026 年入职"):
        assert text in looked.text
    with transaction(write=False):
        assert kept(newcomer).profile_confirmed_at is None
    chosen = {**typed, "unit_id": unit_id("云桥区青禾小学"), "keeper": "云桥区人社局"}
    answer = browser.post("/account/details", chosen)
    assert (answer.status_code, answer.location) == (303, "/binding")
    page = browser.get("/binding").text
    told = ("等待云桥区青禾小学审核", "录入业绩", "不能提交业绩审核，也不能申报", "2026-11-30 前")
    for text in told:
        assert text in page
    assert 'value="云桥区人社局"' in page
    bound = binding_of(newcomer)
    assert bound is not None
    assert (bound.status, bound.note, bound.is_freelancer) == ("pending", "2026 年入职", False)
    with transaction(write=False):
        (task,) = open_items((BINDING, bound.id))
        assert (task.node, task.scope_id) == ("vet_binding", bound.unit_id)
        assert kept(newcomer).phone == DETAILS["phone"]
    assert "是否同步选择单位" not in browser.get("/account/details").text


def test_the_only_unit_that_fits_needs_no_choice(client_for: Any, newcomer: Person) -> None:
    form = {**DETAILS, "bind_now": "yes", "wanted": "第二小学"}
    assert client_for(newcomer).post("/account/details", form).location == "/binding"
    bound = binding_of(newcomer)
    assert bound is not None
    assert bound.unit_id == unit_id("云桥区第二小学")


def test_a_freelancer_chooses_the_personnel_department_of_the_area(
    client_for: Any, newcomer: Person
) -> None:
    form = {**DETAILS, "bind_now": "yes", "wanted": "云桥", "freelancer": "yes"}
    browser = client_for(newcomer)
    assert browser.post("/account/details", form).location == "/binding"
    assert "人社部门经办人审核" in browser.get("/binding").text
    bound = binding_of(newcomer)
    assert bound is not None
    assert (bound.is_freelancer, bound.unit_id) == (True, unit_id("云桥区人社局"))


def test_who_binds_later_goes_on_without_a_unit(client_for: Any, newcomer: Person) -> None:
    form = {**DETAILS, "bind_now": "no", "wanted": "没有的单位"}
    assert client_for(newcomer).post("/account/details", form).location == "/home"
    assert binding_of(newcomer) is None


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"wanted": ""}, "请填写单位名称并选择单位"),
        ({"wanted": "云桥区"}, "有多个单位符合，请在查询结果中选择"),
        ({"wanted": "云桥区", "unit_id": "99999"}, "有多个单位符合，请在查询结果中选择"),
        ({"wanted": "云桥区", "unit_id": "甲"}, "有多个单位符合，请在查询结果中选择"),
        ({"wanted": "没有的单位"}, "没有找到该单位"),
        ({"wanted": "火星", "freelancer": "yes"}, "没有找到该地区的人社部门"),
        ({"wanted": "青禾", "keeper": "没有的中心"}, "没有名称含“没有的中心”的单位"),
        ({"wanted": "青禾", "bind_now": "perhaps"}, "请选择是或否"),
        ({"wanted": "青禾", "note": "长" * 501}, "不能超过 500 个字"),
    ],
)
def test_what_does_not_hold_of_the_unit_keeps_everything_typed(
    client_for: Any, newcomer: Person, change: dict[str, str], fault: str
) -> None:
    answer = client_for(newcomer).post(
        "/account/details", {**DETAILS, "bind_now": "yes", **change}
    )
    assert is_told_in_place(answer, fault, DETAILS["address"])
    with transaction(write=False):
        assert kept(newcomer).profile_confirmed_at is None
    assert binding_of(newcomer) is None


def test_faults_of_details_and_of_the_unit_are_told_together(
    client_for: Any, newcomer: Person
) -> None:
    form = {**DETAILS, "bind_now": "yes", "wanted": "青禾", "note": "长" * 501, "phone": "139"}
    page = client_for(newcomer).post("/account/details", form).text
    assert ("不能超过 500 个字" in page, "请填写 11 位手机号码" in page) == (True, True)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"phone": "1390000"}, "请填写 11 位手机号码"),
        ({"phone": "１３９００００１０１"}, "请填写 11 位手机号码"),
        ({"email": "su.example.com"}, "请填写正确的电子邮箱"),
        ({"ethnicity": "火星族"}, "请选择列表中的选项"),
        ({"work_started_on": "1999-08-01"}, "须在年满 16 周岁之后"),
        ({"work_started_on": "2030-01-01"}, "须在年满 16 周岁之后"),
        ({"work_started_on": "去年"}, "不是有效的日期"),
        ({"address": " "}, "请填写通讯地址"),
        ({"landline": "abc"}, "应如 0550-1234567"),
        ({"postcode": "23"}, "邮政编码为 6 位数字"),
        ({"series": ["99999"]}, "请选择列表中的选项"),
    ],
)
def test_a_faulty_detail_is_told_at_its_field(
    client_for: Any, person: Person, change: dict[str, Any], fault: str
) -> None:
    answer = client_for(person).post("/account/details", {**DETAILS, **change})
    typed = DETAILS["email"] if "email" not in change else DETAILS["address"]
    assert is_told_in_place(answer, fault, typed)
    with transaction(write=False):
        assert kept(person).profile_confirmed_at is None


def test_a_person_has_up_to_three_series(client_for: Any, person: Person) -> None:
    ids = series_ids(4)
    browser = client_for(person)
    refused = browser.post("/account/details", {**DETAILS, "series": ids})
    assert is_told_in_place(refused, "最多选择 3 个系列，现有 4 个", DETAILS["address"])
    assert browser.post("/account/details", {**DETAILS, "series": ids[:3]}).status_code == 303
    with transaction():
        db.session.add(PersonSeries(person_id=person.id, place=4, series_id=ids[3]))
        with pytest.raises(sa.exc.IntegrityError, match="a_person_has_up_to_three_series"):
            db.session.flush()
        db.session.rollback()


def test_a_declaration_begins_with_what_the_person_has_told(
    client_for: Any, person: Person
) -> None:
    with transaction():
        plan = a_plan()
        reasons = declaring.reasons_not_to_start(kept(person), plan, now=now())
        assert reasons == ["请先完善并确认个人信息"]
        choice = declaring.Choice("常规申报", plan.specialties[0].id)
        plan_id = plan.id
    client_for(person).post("/account/details", DETAILS)
    with transaction():
        from app.plans.queries import get_plan

        made = declaring.start_declaration(
            kept(person), get_plan(plan_id), choice, pledged=True, now=now()
        )
        assert made.personal == {
            "ethnicity": "汉族",
            "politics": "群众",
            "work_started_on": "2008-08-01",
        }


def test_a_profile_shows_what_was_told_with_a_masked_number(
    client_for: Any, person: Person
) -> None:
    browser = client_for(person)
    browser.post("/account/details", DETAILS)
    page = browser.get("/account").text
    assert "340000********9020" in page
    assert "340000198503129020" not in page
    for text in ("汉族", "su@example.com", "淮城市演示路 1 号", "云桥区青禾小学"):
        assert text in page


def test_a_profile_says_who_is_a_freelancer_and_who_keeps_the_file(
    client_for: Any, person: Person
) -> None:
    def told() -> list[str]:
        page = client_for(person).get("/account").text
        return re.findall(r"<dt>(是否自由职业者|人事档案主管)</dt><dd[^>]*>([^<]*)", page)

    assert told() == [("是否自由职业者", "否"), ("人事档案主管", "—")]
    with transaction():
        unit = a_unit("淮城市人才中心")
        db.session.query(Employment).one().is_freelancer = True
        keepers.choose_keeper(kept(person), unit, now=now())
    assert told() == [("是否自由职业者", "是"), ("人事档案主管", "淮城市人才中心")]


def test_saving_the_same_again_changes_nothing(client_for: Any, person: Person) -> None:
    browser = client_for(person)
    for _ in range(2):
        assert browser.post("/account/details", DETAILS).status_code == 303
    with transaction(write=False):
        tags = list(db.session.scalars(sa.select(AuditEvent.tag)))
        assert tags.count("person:profile_confirmed") == 1
        assert "person:profile_saved" not in tags


def test_a_photo_is_deleted_by_its_owner(client_for: Any, person: Person) -> None:
    browser = client_for(person)
    assert browser.post("/account/photo/remove").status_code == 409
    with transaction():
        owner = kept(person)
        owner.photo_file_id = an_upload(owner, "photo.jpg").id
    assert "删除照片" in browser.get("/account").text
    with locks_on("person") as locks:
        assert browser.post("/account/photo/remove").status_code == 303
    assert locks == ["UPDATE"]
    with transaction(write=False):
        assert kept(person).photo_file_id is None
    assert "删除照片" not in browser.get("/account").text


def test_staff_are_not_led_to_details(client_for: Any, app: Flask) -> None:
    with transaction():
        clerk = a_person("葛蔓青", roles=[("organiser", "org", a_unit().id)])
        clerk.profile_confirmed_at = None
    browser = client_for(clerk)
    assert browser.get("/home").status_code == 200
    assert browser.get("/account").status_code == 200


def test_a_verified_address_is_not_changed_among_the_details(
    client_for: Any, person: Person
) -> None:
    browser = client_for(person)
    browser.post("/account/details", DETAILS)
    with transaction():
        kept(person).email_verified_at = now()
    answer = browser.post("/account/details", {**DETAILS, "email": "other@example.com"})
    assert answer.status_code == 422
    assert is_told_in_place(answer, "邮箱已验证")
    with transaction(write=False):
        assert kept(person).email == "su@example.com"


def a_foreigner(place: str) -> Person:
    """An applicant with a passport, in a unit of a jurisdiction."""
    with transaction():
        load_titles()
        unit = a_unit(jurisdiction=place)
        made = a_person("安德烈", gender="", unit=unit)
        made.id_type, made.birth_date = "护照", None
        made.set_id_number("E12345678")
        return made


@pytest.mark.parametrize(("place", "may_change"), [("anhui", True), ("fujian", False)])
def test_what_no_number_says_is_told_once_and_then_locked_where_the_place_locks_it(
    client_for: Any, app: Flask, place: str, may_change: bool
) -> None:
    foreigner = a_foreigner(place)
    browser = client_for(foreigner)
    told = {**DETAILS, "gender": "男", "birth_date": "1980-05-06"}
    missing = browser.post("/account/details", DETAILS)
    assert is_told_in_place(missing, "请选择性别", "请选择出生日期")
    assert browser.post("/account/details", told).status_code == 303
    assert ('name="birth_date"' in browser.get("/account/details").text) is may_change
    browser.post("/account/details", {**told, "birth_date": "1981-05-06"})
    with transaction(write=False):
        year = 1981 if may_change else 1980
        assert kept(foreigner).birth_date == date(year, 5, 6)


def test_what_a_residents_number_says_is_never_typed(client_for: Any, person: Person) -> None:
    browser = client_for(person)
    assert 'name="gender"' not in browser.get("/account/details").text
    forged = {**DETAILS, "gender": "男", "birth_date": "1999-01-01"}
    assert browser.post("/account/details", forged).status_code == 303
    with transaction(write=False):
        assert (kept(person).gender, kept(person).birth_date) == ("女", date(1985, 3, 12))


def test_all_that_is_wrong_is_told_in_one_round(client_for: Any, newcomer: Person) -> None:
    ids = [str(each) for each in series_ids(4)]
    form = {**DETAILS, "phone": "139", "series": ids, "bind_now": "yes", "wanted": "没有的单位"}
    page = client_for(newcomer).post("/account/details", {**form, "keeper": "没有的"}).text
    for words in ("11 位手机号码", "最多选择 3 个", "没有找到该单位", "没有名称含“没有的”"):
        assert words in page


def test_a_page_that_was_overtaken_says_so_before_it_overwrites(
    client_for: Any, person: Person
) -> None:
    browser = client_for(person)

    def seen(page: str) -> str:
        return re.search(r'name="seen" value="(\w+)"', page)[1]

    first = seen(browser.get("/account/details").text)
    changed = {**DETAILS, "phone": "13900000102", "seen": first}
    with locks_on("person") as locks:
        assert browser.post("/account/details", changed).status_code == 303
    assert locks[:1] == ["UPDATE"], "two pages posted at once come one after the other"
    faulty = browser.post("/account/details", {**DETAILS, "phone": "139", "seen": first})
    assert seen(faulty.text) == first
    late = browser.post("/account/details", {**DETAILS, "address": "新址", "seen": first})
    assert (late.status_code, "在另一个页面修改过个人信息" in late.text) == (422, True)
    assert ("已保存为“13900000102”" in late.text, "新址" in late.text) == (True, True)
    with transaction(write=False):
        assert kept(person).phone == "13900000102"
    again = {**DETAILS, "address": "新址", "seen": seen(late.text)}
    again |= {"disputed": ["address", "phone"], "chosen-address": "ours"}
    undecided = browser.post("/account/details", again)
    assert (undecided.status_code, "请选择采用哪一个" in undecided.text) == (422, True)
    done = browser.post("/account/details", {**again, "chosen-phone": "kept"})
    assert done.status_code == 303, done.text
    with transaction(write=False):
        assert kept(person).phone == "13900000102"
        assert kept(person).profile["address"] == "新址"
