"""Importing experts: new accounts, known people, and those of other offices."""

from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.models import Credential, Person
from app.accounts.queries import live_grants, person_by_id_number
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.experts import importing, operations
from app.experts.importing import COLUMNS
from app.experts.models import ExpertProfile
from app.experts.queries import in_pool, profile_of
from app.imports.kinds import Place, Row, judge, kind_called
from app.units.models import Unit
from tests.builders.people import a_person, a_unit, an_id_number
from tests.builders.plans import a_committee
from tests.builders.sheets import a_book, checked, imported

HEADS = [column.label for column in COLUMNS]
NAMES = [column.name for column in COLUMNS]


@pytest.fixture
def office(app: Flask) -> Unit:
    with transaction():
        return a_unit("淮城市教育局", kind="机关")


@pytest.fixture
def organiser(office: Unit) -> Person:
    with transaction():
        return a_person("葛蔓青", roles=[("organiser", "org", office.id)])


@pytest.fixture
def desk(client_for: Any, organiser: Person) -> Any:
    return client_for(organiser)


def judged(office: Unit, organiser: Person, *rows: list[str]) -> list[Row]:
    kind = kind_called("experts")
    assert kind
    found = [Row(no, dict(zip(NAMES, cells, strict=False))) for no, cells in enumerate(rows, 2)]
    with transaction(write=False):
        judge(kind, found, Place(office.id, db.session.get_one(Person, organiser.id), now()))
    return found


def an_expert(name: str, number: str, office: Unit) -> None:
    actor = a_person("组建", roles=[("organiser", "org", office.id)])
    expertise = operations.Expertise("云桥区第二中学", "高中数学", None)
    operations.enter_expert(
        name=name, id_number=number, phone="", expertise=expertise, actor=actor, now=now()
    )


def test_experts_are_entered_with_accounts_of_their_own(desk: Any, office: Unit) -> None:
    with transaction():
        committee = a_committee(office)
        name = committee.name
    new, known = an_id_number(date(1970, 1, 1)), an_id_number(date(1970, 1, 2))
    with transaction():
        a_person("苏晓禾", id_number=known, roles=[("applicant", "all", None)])
    content = a_book(
        HEADS,
        ["路遥岑", new, "13800000000", "第二中学", "高中数学", name],
        ["苏晓禾", known, "", "第三中学", "高中物理"],
    )
    page = imported(desk, "experts", content)
    shown = desk.get(page).text
    assert ("有 1 个新开通的账号尚未激活" in shown, "为原有账号增加专家身份" in shown) == (
        True,
        True,
    )
    with transaction(write=False):
        people = [person_by_id_number(number) for number in (new, known)]
        assert [p.name for p in people if p] == ["路遥岑", "苏晓禾"]
        profiles = [profile_of(p.id) for p in people if p]
        told = [(p.unit_name, p.specialty, p.committee_id) for p in profiles if p]
        assert told == [("第二中学", "高中数学", committee.id), ("第三中学", "高中物理", None)]
        assert {p.keeper_unit_id for p in profiles if p} == {office.id}
        assert {p.id for p in people if p} <= in_pool(now())
        roles = {g.role for g in live_grants(people[1].id, now())} if people[1] else set()
        assert roles == {"applicant", "expert"}
        entered = db.session.scalars(select(AuditEvent).filter_by(tag="expert:entered")).all()
        assert len(entered) == 2
        account = db.session.scalars(
            select(Credential).filter_by(person_id=people[0].id if people[0] else 0)
        ).one()
        assert account.password_hash is None
    again = checked(desk, "experts", content)
    assert "文件中的 2 行与平台一致" in desk.get(again).text


def test_what_is_wrong_is_told_at_its_cell(office: Unit, organiser: Person) -> None:
    number, taken = an_id_number(), an_id_number()
    with transaction():
        a_committee(a_unit("榕海市建设局", kind="机关"), name="别家的评委会")
        a_person("苏晓禾", id_number=taken)

    def columns(*cells: str) -> list[str]:
        (row,) = judged(office, organiser, list(cells))
        return [column for column, _ in row.faults]

    assert columns("林", number, "", "一中", "数学") == []
    assert columns("", "1", "x", "", "") == [
        "name",
        "unit_name",
        "specialty",
        "id_number",
        "phone",
    ]
    assert columns("林", number, "", "一中", "数学", "别家的评委会") == ["committee"]
    assert columns("别名", taken, "", "一中", "数学") == ["name"]
    twice = judged(
        office, organiser, ["林", number, "", "甲", "乙"], ["林", number, "", "甲", "乙"]
    )
    assert [row.state for row in twice] == ["new", "faulty"]


def test_experts_of_another_office_stay_theirs(desk: Any, office: Unit, organiser: Person) -> None:
    theirs, own, left = (an_id_number(date(1971, 1, n)) for n in (1, 2, 3))
    with transaction():
        other = a_unit("榕海市建设局", kind="机关")
        an_expert("涂知白", theirs, other)
        an_expert("路遥岑", own, office)
        an_expert("凤启元", left, other)
        gone = db.session.scalars(select(ExpertProfile).order_by(ExpertProfile.id.desc())).first()
        assert gone
        operations.remove_expert(gone, "退休", actor=organiser, now=now())
    rows = judged(
        office,
        organiser,
        ["涂知白", theirs, "", "一中", "数学"],
        ["路遥岑", own, "", "第三中学", "高中数学"],
        ["凤启元", left, "", "一中", "数学"],
    )
    assert [(row.state, row.note) for row in rows] == [
        ("faulty", ""), ("changed", "修改工作单位"), ("changed", "重新入库"),
    ]  # fmt: skip
    content = a_book(HEADS, *(list(row.cells.values()) for row in rows))
    imported(desk, "experts", content, leave_out=True)
    with transaction(write=False):
        found = {p.person.name: p for p in db.session.scalars(select(ExpertProfile))}
        assert found["路遥岑"].unit_name == "第三中学"
        assert found["凤启元"].keeper_unit_id == office.id
        assert found["凤启元"].person_id in in_pool(now())
        assert found["涂知白"].unit_name == "云桥区第二中学"


@pytest.mark.parametrize("way", ["imported", "entered"])
def test_two_who_enter_a_former_expert_follow_each_other(
    desk: Any, office: Unit, organiser: Person, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    number = an_id_number()
    with transaction():
        an_expert("凤启元", number, office)
        left = db.session.scalars(select(ExpertProfile)).one()
        operations.remove_expert(left, "退休", actor=organiser, now=now())
        known = left.person_id
    room = importing if way == "imported" else operations
    seen: list[object] = []
    for name in ("lock_roles_of", "in_pool"):
        real = getattr(room, name)
        monkeypatch.setattr(
            room, name, lambda *given, real=real: (seen.append(given), real(*given))[1]
        )
    if way == "imported":
        imported(desk, "experts", a_book(HEADS, ["凤启元", number, "", "一中", "数学"]))
        seen.pop(0)  # the preview holds nobody
    else:
        with transaction():
            an_expert("凤启元", number, office)
    assert seen[0] == (known,)


def test_only_organisers_import_experts_for_their_own_office(
    client_for: Any, desk: Any, office: Unit
) -> None:
    with transaction():
        other = a_unit("榕海市建设局", kind="机关")
        foreign = a_person("蔚然", roles=[("organiser", "org", other.id)])
        admin = a_person("敖正言", roles=[("unit_admin", "org", office.id)])
    row = ["林", an_id_number(), "", "一中", "数学"]
    page = checked(desk, "experts", a_book(HEADS, row))
    for person in (foreign, admin):
        assert client_for(person).get(page).status_code == 403
        assert client_for(person).get(f"/imports/new/experts?unit={office.id}").status_code == 403
    assert desk.get(f"/imports/new/experts?unit={other.id}").status_code == 403
    assert desk.get("/imports/template/experts").status_code == 200
    assert "淮城市教育局" in desk.get("/imports").text
