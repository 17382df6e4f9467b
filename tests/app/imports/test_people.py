"""Importing people: accounts for thousands, by the laws by which one is opened."""

from datetime import date
from threading import Event
from time import sleep
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts.grants import lock_roles_of
from app.accounts.models import Credential, Person, RoleGrant
from app.accounts.operations import grant_role
from app.accounts.queries import live_grants, person_by_id_number
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.imports.kinds import Place, Row, judge, kind_called
from app.imports.models import ImportBatch, ImportRow
from app.units import closing, operations, people_import
from app.units.models import Employment, Unit
from app.units.people_import import COLUMNS, ELSEWHERE
from app.worker import take_in
from tests.builders.locks import locks_on
from tests.builders.people import a_person, a_unit, an_id_number, employ, staff
from tests.builders.sheets import a_book, checked, imported
from tests.builders.threads import WAIT, together

HEADS = [column.label for column in COLUMNS]
NAMES = [column.name for column in COLUMNS]


@pytest.fixture
def unit(app: Flask) -> Unit:
    with transaction():
        return a_unit("淮城医科大学", area="340600")


@pytest.fixture
def admin(unit: Unit) -> Person:
    with transaction():
        return a_person("敖正言", roles=[("unit_admin", "org", unit.id)])


def judged(unit: Unit, admin: Person, *rows: list[str]) -> list[Row]:
    kind = kind_called("people")
    assert kind
    found = [Row(no, dict(zip(NAMES, cells, strict=False))) for no, cells in enumerate(rows, 2)]
    with transaction(write=False):
        judge(kind, found, Place(unit.id, db.session.get_one(Person, admin.id), now()))
    return found


def faults(unit: Unit, admin: Person, *rows: list[str]) -> list[tuple[str, str]]:
    return [fault for row in judged(unit, admin, *rows) for fault in row.faults]


def someone(number: str) -> Person:
    found = person_by_id_number(number)
    assert found
    return found


def test_applicants_are_bound_and_staff_get_their_roles(
    client_for: Any, unit: Unit, admin: Person
) -> None:
    with transaction():
        branch = a_unit("第三医院", parent=unit, area="340600", clerk=False, leader=False)
    numbers = [an_id_number(date(1990, 3, n), woman=n % 2 == 0) for n in (1, 2, 3)]
    content = a_book(
        HEADS,
        ["林晓禾", numbers[0], "13800000000"],
        ["邱明", numbers[1], "", "第三医院", "否", "单位经办人", "2027-06-30"],
        ["苏禾", numbers[2].lower(), "", branch.name, "是", "单位领导、单位管理员"],
    )
    page = client_for(admin).get(imported(client_for(admin), "people", content)).text
    assert ("已导入" in page, "对账报告" in page) == (True, True)
    with transaction(write=False):
        people = [someone(number) for number in numbers]
        assert [(p.name, p.gender, p.birth_date.day) for p in people if p.birth_date] == [
            ("林晓禾", "男", 1), ("邱明", "女", 2), ("苏禾", "男", 3),
        ]  # fmt: skip
        bound = db.session.execute(select(Employment.person_id, Employment.unit_id)).all()
        assert sorted(map(tuple, bound)) == [(people[0].id, unit.id), (people[2].id, branch.id)]
        held = {(g.role, g.scope_id) for p in people for g in live_grants(p.id, now())}
        assert held == {
            ("applicant", None), ("unit_clerk", branch.id), ("unit_leader", branch.id),
            ("unit_admin", branch.id),
        }  # fmt: skip
        term = db.session.scalar(select(RoleGrant.valid_to).where(RoleGrant.role == "unit_clerk",
            RoleGrant.person_id == people[1].id))  # fmt: skip
        assert term is not None
        assert term.isoformat() == "2027-07-01T00:00:00+08:00"
        tags = db.session.scalars(select(AuditEvent.tag).where(AuditEvent.actor_id == admin.id))
        assert sorted(tags) == sorted(
            ["import:uploaded", "import:confirmed", "import:finished"]
            + ["account:created"] * 3 + ["role:granted"] * 5 + ["binding:entered"] * 2
        )  # fmt: skip


def test_numbers_are_sealed_and_accounts_are_never_open(
    client_for: Any, unit: Unit, admin: Person
) -> None:
    number = an_id_number()
    page = imported(client_for(admin), "people", a_book(HEADS, ["林晓禾", number]))
    shown = client_for(admin).get(page).text
    assert (number in shown, f"{number[:6]}********{number[-4:]}" in shown) == (False, True)
    with transaction(write=False):
        person = someone(number)
        assert person.id_number == number
        account = db.session.scalars(select(Credential).filter_by(person_id=person.id)).one()
        assert (account.password_hash, len(account.activation_hash or "")) == (None, 64)
        kept = db.session.scalars(select(ImportRow.cells_sealed)).one()
        assert number not in kept


def test_the_same_file_again_changes_nothing_and_says_so(
    client_for: Any, unit: Unit, admin: Person
) -> None:
    content = a_book(HEADS, ["林晓禾", an_id_number(), "13800000000", "", "", "单位经办人"])
    imported(client_for(admin), "people", content)
    with transaction(write=False):
        before = db.session.scalar(select(func.count(AuditEvent.id)))
        people = db.session.scalar(select(func.count(Person.id)))
    page = checked(client_for(admin), "people", content)
    assert "文件中的 1 行与平台一致，没有需要写入的内容" in client_for(admin).get(page).text
    imported(client_for(admin), "people", content)
    with transaction(write=False):
        # Two files that were handed in, one that was confirmed and finished.
        assert db.session.scalar(select(func.count(AuditEvent.id))) == (before or 0) + 4
        assert db.session.scalar(select(func.count(Person.id))) == people
        last = db.session.scalars(select(ImportBatch).order_by(ImportBatch.id.desc())).first()
        assert last is not None
        assert last.counts == {"new": 0, "changed": 0, "same": 1, "faulty": 0}


def test_what_is_wrong_is_told_at_its_cell(unit: Unit, admin: Person) -> None:
    good = an_id_number()
    wrong = good[:-1] + ("0" if good[-1] != "0" else "1")
    assert faults(unit, admin, ["", good]) == [("name", "请填写姓名")]
    assert faults(unit, admin, ["林", ""]) == [("id_number", "请填写居民身份证号码")]
    assert faults(unit, admin, ["林", wrong]) == [("id_number", "证件号码有误，请核对")]
    ((column, said),) = faults(unit, admin, ["林", "3.40602E+17"])
    assert (column, "科学计数法" in said) == ("id_number", True)
    assert faults(unit, admin, ["林" * 61, good])[0][1] == "姓名不超过 60 个字，现有 61 个字"
    assert [f[0] for f in faults(unit, admin, ["林", good, "123"])] == ["phone"]
    assert [f[0] for f in faults(unit, admin, ["林", good, "", "别的大学"])] == ["unit"]
    assert (
        "是数字，不是日期"
        in faults(unit, admin, ["林", good, "", "", "", "单位经办人", "46000"])[0][1]
    )
    assert faults(unit, admin, ["林", good, "", "", "", "单位经办人", "2026-11-23"]) == [
        ("until", "截止日期应晚于今天")
    ]
    assert [f[0] for f in faults(unit, admin, ["林", good, "", "", "否"])] == ["roles"]
    assert [f[0] for f in faults(unit, admin, ["林", good, "", "", "也许"])] == ["applies"]
    both = ["林", good, "", "", "", "单位经办人、单位领导"]
    assert faults(unit, admin, both) == [("roles", "经办人与领导不能是同一人")]
    assert "应为：" in faults(unit, admin, ["林", good, "", "", "", "系统管理员"])[0][1]
    twice = faults(unit, admin, ["林", good], ["李", f" {good} "])
    assert twice == [("id_number", "证件号码与第 2 行重复")]


def test_people_of_elsewhere_are_not_taken_over(unit: Unit, admin: Person) -> None:
    with transaction():
        other = a_unit("云桥区青禾小学", area="340602")
        own, foreign, known = (an_id_number(date(1980, 1, n)) for n in (1, 2, 3))
        a_person("林晓禾", id_number=own, unit=unit).phone = "13800000001"
        a_person("邱明", id_number=foreign, unit=other)
        a_person("苏禾", id_number=known, roles=[("unit_clerk", "org", unit.id)])
    assert faults(unit, admin, ["别名", own]) == [("name", "证件号码与姓名不符，请核对")]
    ((column, said),) = faults(unit, admin, ["邱明", foreign])
    assert (column, "申请绑定" in said) == ("id_number", True)
    assert [f[0] for f in faults(unit, admin, ["苏禾", known])] == ["applies"]
    assert [f[0] for f in faults(unit, admin, ["林晓禾", own, "13800000002"])] == ["phone"]
    assert [row.state for row in judged(unit, admin, ["林晓禾", own, "13800000001"])] == ["same"]
    (row,) = judged(unit, admin, ["苏禾", known, "13800000009", "", "否", "单位经办人"])
    assert (row.state, row.note) == ("changed", "登记手机号码 13800000009")


def test_of_strangers_nothing_is_told(unit: Unit, admin: Person) -> None:
    with transaction():
        other = a_unit("云桥区青禾小学", area="340602")
        silent, known, office = (an_id_number(date(1980, 1, n)) for n in (1, 2, 3))
        a_person("林晓禾", id_number=silent, unit=other)
        a_person("邱明", id_number=known, unit=other).phone = "13800000001"
        officer = a_person("庾一鸣", id_number=office)
        grant_role(
            officer, "audit_admin", scope_kind="all", scope_id=None, actor_id=None, now=now()
        )
    as_what = ["13800000002", "", "是", "单位经办人"]
    rows = judged(unit, admin, *(["别名", n, *as_what] for n in (silent, known, office)))
    assert [(row.faults, row.note, row.subject_id) for row in rows] == [
        ([("id_number", ELSEWHERE)], "", None)
    ] * 3
    assert faults(unit, admin, ["邱明", known]) == [("id_number", ELSEWHERE)]


def test_roles_obey_the_rules_of_who_may_hold_them(unit: Unit, admin: Person) -> None:
    with transaction():
        mine, office, clerk = (an_id_number(date(1981, 1, n)) for n in (1, 2, 3))
        db.session.get_one(Person, admin.id).set_id_number(mine)
        employ(admin, unit)
        officer = a_person("庾一鸣", id_number=office, unit=unit)
        grant_role(
            officer, "audit_admin", scope_kind="all", scope_id=None, actor_id=None, now=now()
        )
        staff(unit, "unit_clerk").set_id_number(clerk)
    assert ("roles", "不能给本人授权") in faults(
        unit, admin, ["敖正言", mine, "", "", "", "单位经办人"]
    )
    told = faults(unit, admin, ["庾一鸣", office, "", "", "", "单位经办人"])
    assert told == [("roles", "此人是系统、安全或审计管理员，不能由单位授予角色")]
    told = faults(unit, admin, ["淮城医科经办", clerk, "", "", "否", "单位领导"])
    assert told == [("roles", "经办人与领导不能是同一人")]
    told = faults(unit, admin, ["淮城医科经办", clerk, "", "", "否", "单位经办人", "2027-01-01"])
    assert [column for column, _ in told] == ["until"]


def test_the_people_of_a_lower_unit_are_its_administrators_business(
    client_for: Any, unit: Unit, admin: Person
) -> None:
    with transaction():
        a_unit("第三医院", parent=unit, area="340600", clerk=False, leader=False)
    first, second = an_id_number(), an_id_number()
    row = ["邱明", first, "", "第三医院", "是", "单位管理员"]
    assert faults(unit, admin, row) == []
    imported(client_for(admin), "people", a_book(HEADS, row))
    assert [each.state for each in judged(unit, admin, row)] == ["same"]
    theirs = [("unit", "第三医院有自己的管理员（邱明），人员由其导入或开通")]
    assert faults(unit, admin, ["苏禾", second, "", "第三医院", "是", "单位经办人"]) == theirs
    assert faults(unit, admin, ["苏禾", second, "", "第三医院"]) == theirs
    assert faults(unit, admin, [row[0], first, "13800000000", *row[3:]]) == theirs
    assert faults(unit, admin, ["苏禾", "1", "", "第三医院"])[1:] == theirs
    page = checked(client_for(admin), "people", a_book(HEADS, ["苏禾", second, "", "第三医院"]))
    assert theirs[0][1] in client_for(admin).get(page).text
    with transaction(write=False):
        assert person_by_id_number(second) is None


def test_the_template_lists_the_units_that_may_be_named(unit: Unit, admin: Person) -> None:
    with transaction():
        branch = a_unit("第三医院", parent=unit, area="340600", clerk=False, leader=False)
        a_unit("第四医院", parent=unit, area="340600", clerk=False, leader=False)
        a_person("邱明", roles=[("unit_admin", "org", branch.id)])
    with transaction(write=False):
        place = Place(unit.id, db.session.get_one(Person, admin.id), now())
        assert people_import.People().lists(place)["单位"] == ["淮城医科大学", "第四医院"]


def test_units_of_one_name_are_told_apart_by_their_paths(unit: Unit, admin: Person) -> None:
    with transaction():
        parts = [a_unit(name, parent=unit, area="340600") for name in ("东院", "西院")]
        rooms = [a_unit("内科", parent=part, area="340600") for part in parts]
        parts[0].credit_code = "91350100M000100Y43"
    number = an_id_number()
    assert "淮城医科大学/东院/内科" in faults(unit, admin, ["林", number, "", "内科"])[0][1]
    found = [
        judged(unit, admin, ["林", number, "", name])[0].found.entrant.unit_id
        for name in ("西院/内科", "淮城医科大学 / 东院 / 内科", "91350100m000100y43", "")
    ]
    assert found == [rooms[1].id, rooms[0].id, parts[0].id, unit.id]
    with transaction():
        db.session.get_one(Unit, rooms[0].id).closed_at = now()
    assert faults(unit, admin, ["林", number, "", "内科"]) == []


def to_become_clerk(browser: Any, unit: Unit) -> tuple[str, int]:
    """The page of an import that is checked, and whom it would make a clerk of the unit."""
    with transaction():
        number = an_id_number()
        known = a_person("苏禾", id_number=number, unit=unit).id
    return checked(
        browser, "people", a_book(HEADS, ["苏禾", number, "", "", "", "单位经办人"])
    ), known


def test_whom_rows_change_is_held_before_they_are_judged(
    client_for: Any, unit: Unit, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, known = to_become_clerk(client_for(admin), unit)
    seen: list[object] = []
    found, hold = people_import.standings, people_import.lock_roles_of
    monkeypatch.setattr(
        people_import, "standings", lambda *given: (seen.append("judged"), found(*given))[1]
    )
    monkeypatch.setattr(
        people_import, "lock_roles_of", lambda *ids: (seen.append(ids), hold(*ids))[1]
    )
    browser = client_for(admin)
    browser.post(f"{page}/confirm", {})
    browser.forget()
    take_in()
    assert seen == [(known,), "judged"]


def test_a_role_given_meanwhile_keeps_who_vets_and_who_agrees_apart(
    app: Flask, client_for: Any, unit: Unit, admin: Person
) -> None:
    browser = client_for(admin)
    page, known = to_become_clerk(browser, unit)
    browser.post(f"{page}/confirm", {})
    browser.forget()
    unit_id, given = unit.id, Event()

    def give() -> None:
        with transaction():
            lock_roles_of(known)
            scope = {"scope_kind": "org", "scope_id": unit_id}
            person = db.session.get_one(Person, known)
            grant_role(person, "unit_leader", **scope, actor_id=None, now=now())
            db.session.flush()
            given.set()
            sleep(0.5)

    assert together(app, give, lambda: (given.wait(WAIT), take_in())) == [None, None]
    with transaction(write=False):
        assert "unit_clerk" not in {grant.role for grant in live_grants(known, now())}
        assert "确认之后数据有变化" in db.session.scalars(select(ImportBatch.message)).one()


def asked_of_this_and_another(unit: Unit) -> list[int]:
    """Let somebody ask to be bound to the unit, somebody else to another; the two requests."""
    with transaction():
        other = a_unit("云桥区青禾小学", area="340602", clerk=False, leader=False)
        return [
            operations.request_binding(
                a_person(name, roles=[("applicant", "all", None)]), asked, "", now=now()
            ).id
            for name, asked in (("甲", db.session.get_one(Unit, unit.id)), ("乙", other))
        ]


def test_an_import_holds_its_own_units_and_nobody_elses(
    app: Flask, client_for: Any, unit: Unit, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it writes, people are bound elsewhere and here; its own units stay open."""
    bindings = asked_of_this_and_another(unit)
    browser, actor_id = client_for(admin), admin.id
    content = a_book(HEADS, ["林晓禾", an_id_number()])
    page = checked(browser, "people", content)
    browser.post(f"{page}/confirm", {})
    browser.forget()
    writing, approved, enrol = Event(), Event(), people_import.enrol
    is_postgres = db.engine.dialect.name == "postgresql"

    def slow(*given: Any, **said: Any) -> Any:
        writing.set()
        # Writers queue on SQLite: there nobody else acts before this is committed.
        assert approved.wait(10 if is_postgres else 0) == is_postgres
        return enrol(*given, **said)

    monkeypatch.setattr(people_import, "enrol", slow)

    def approve() -> None:
        writing.wait(WAIT)
        with transaction():
            for each in bindings:
                binding = db.session.get_one(Employment, each)
                operations.decide_binding(
                    binding, approve=True, opinion="", actor_id=actor_id, now=now()
                )
        approved.set()

    def bring_in() -> None:
        with locks_on("unit") as locks:
            take_in()
        assert "SHARE" in locks

    assert together(app, bring_in, approve) == [None, None]
    assert "已导入" in browser.get(page).text


def test_no_unit_of_an_import_closes_before_it_is_written(
    app: Flask, client_for: Any, unit: Unit, admin: Person
) -> None:
    with transaction():
        part = a_unit("第三医院", parent=unit, area="340600", clerk=False, leader=False).id
    browser, actor_id = client_for(admin), admin.id
    page = checked(browser, "people", a_book(HEADS, ["林晓禾", an_id_number(), "", "第三医院"]))
    browser.post(f"{page}/confirm", {})
    browser.forget()
    closed = Event()

    def close() -> None:
        with transaction():
            closing.close_unit(
                db.session.get_one(Unit, part), "撤销", actor_id=actor_id, now=now()
            )
            closed.set()
            sleep(0.5)

    def bring_in() -> None:
        closed.wait(WAIT)
        take_in()

    assert together(app, close, bring_in) == [None, None]
    with transaction(write=False):
        assert "确认之后数据有变化" in db.session.scalars(select(ImportBatch.message)).one()
        assert db.session.scalars(select(Employment)).all() == []
