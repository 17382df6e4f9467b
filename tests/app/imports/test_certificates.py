"""Importing certificates from before the platform: shown to their holders, never our numbers."""

from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.accounts import opening
from app.accounts.models import Notification, Person
from app.catalogue.models import Series
from app.certificates import earlier
from app.certificates.earlier_import import COLUMNS
from app.certificates.models import EarlierCertificate
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.imports.kinds import Place, Row, judge, kind_called
from app.people.known import everything_of
from app.units.models import Unit
from tests.builders.people import a_person, a_unit, an_id_number
from tests.builders.refusals import is_told_in_place
from tests.builders.sheets import a_book, checked, imported
from tests.builders.threads import together_inside

HEADS = [column.label for column in COLUMNS]
NAMES = [column.name for column in COLUMNS]


def cells(number: str, id_number: str, **said: str) -> list[str]:
    usual = {
        "name": "林晓禾", "series": "中小学教师", "title": "一级教师", "level": "中级",
        "obtained_on": "2015-12-31", "issuer": "淮城市人社局",
    }  # fmt: skip
    row = {**usual, "number": number, "id_number": id_number, **said}
    return [row.get(column, "") for column in NAMES]


@pytest.fixture
def office(app: Flask) -> Unit:
    with transaction():
        db.session.add(Series(code="02", name="中小学教师"))
        return a_unit("省人力资源和社会保障厅", kind="机关")


@pytest.fixture
def issuer(office: Unit) -> Person:
    with transaction():
        return a_person("任海沧", roles=[("issuer", "org", office.id)])


@pytest.fixture
def desk(client_for: Any, issuer: Person) -> Any:
    return client_for(issuer)


def faults(office: Unit, issuer: Person, *rows: list[str]) -> list[tuple[str, str]]:
    kind = kind_called("certificates")
    assert kind
    found = [Row(no, dict(zip(NAMES, row, strict=True))) for no, row in enumerate(rows, 2)]
    with transaction(write=False):
        judge(kind, found, Place(office.id, db.session.get_one(Person, issuer.id), now()))
    return [fault for row in found for fault in row.faults]


def test_a_holder_sees_them_and_the_public_those_that_are_public(
    desk: Any, client_for: Any, office: Unit
) -> None:
    number = an_id_number()
    with transaction():
        holder = a_person("林晓禾", id_number=number, roles=[("applicant", "all", None)])
    rows = [cells("A0001", number), cells("A0002", number, is_public="否", title="高级教师")]
    page = imported(desk, "certificates", a_book(HEADS, *rows))
    assert number not in desk.get(page).text
    mine = client_for(holder).get("/certificates").text
    assert ("A0001" in mine, "A0002" in mine, "往年证书" in mine) == (True, True, True)
    visitor = client_for(None)
    shown = visitor.post("/verify", {"name": "林晓禾", "number": "A0001"})
    assert (shown.status_code, "没有电子签名" in shown.text) == (200, True)
    assert number not in shown.text
    assert visitor.post("/verify", {"name": "林晓禾", "number": "A0002"}).status_code == 404
    assert visitor.post("/verify", {"name": "别人", "number": "A0001"}).status_code == 404
    with transaction(write=False):
        assert len(everything_of(db.session.get_one(Person, holder.id))["往年证书"]) == 2
        texts = db.session.scalars(select(Notification.text).filter_by(person_id=holder.id)).all()
        assert sum("已登记，请核对" in text for text in texts) == 2
        kept = db.session.scalars(select(EarlierCertificate)).all()
        assert number not in kept[0].id_number_sealed
        assert {each.keeper_unit_id for each in kept} == {office.id}
    assert (
        "一致，没有需要写入的内容"
        in desk.get(checked(desk, "certificates", a_book(HEADS, *rows))).text
    )


def test_who_comes_later_finds_them(desk: Any, client_for: Any) -> None:
    number = an_id_number()
    imported(desk, "certificates", a_book(HEADS, cells("A0001", number)))
    with transaction():
        holder = a_person("林晓禾", id_number=number, roles=[("applicant", "all", None)])
    assert "A0001" in client_for(holder).get("/certificates").text


def test_what_is_wrong_is_told_at_its_cell(office: Unit, issuer: Person) -> None:
    number, known = an_id_number(), an_id_number()
    with transaction():
        a_person("苏禾", id_number=known)
        db.session.get_one(Person, issuer.id).set_id_number(own := an_id_number())

    def columns(*rows: list[str]) -> list[str]:
        return [column for column, _ in faults(office, issuer, *rows)]

    assert columns(cells("A1", number)) == []
    assert columns(cells("9342026990001000001", number)) == ["number"]
    assert columns(cells("9342010123456000001", number)) == []
    assert columns(cells("A1", "123")) == ["id_number"]
    assert columns(cells("A1", known)) == ["name"]
    assert columns(cells("A1", own, name="任海沧")) == ["id_number"]
    assert columns(cells("A1", number, level="特级")) == ["level"]
    assert columns(cells("A1", number, series="占卜")) == ["series"]
    assert columns(cells("A1", number, obtained_on="42369")) == ["obtained_on"]
    assert columns(cells("A1", number, obtained_on="2030-01-01")) == ["obtained_on"]
    assert columns(cells("A1", number, obtained_on="2015年2月30日")) == ["obtained_on"]
    assert columns(cells("A1", number), cells("A 1", number)) == ["number"]


def test_which_columns_are_wrong_is_told_beside_the_number_of_the_row(desk: Any) -> None:
    row = cells("A1", an_id_number(), series="占卜", issuer="")
    page = desk.get(checked(desk, "certificates", a_book(HEADS, row))).text
    assert "有误的列：系列、发证单位" in page
    assert "没有这个职称系列" in page


def test_what_was_entered_is_never_overwritten_but_taken_back(
    desk: Any, client_for: Any, office: Unit, issuer: Person
) -> None:
    number = an_id_number()
    imported(desk, "certificates", a_book(HEADS, cells("A0001", number, title="写错")))
    told = faults(office, issuer, cells("A0001", number))
    assert [column for column, _ in told] == ["number"]
    assert "A0001" in desk.get("/certificates/earlier?q=林晓禾").text
    assert "A0001" not in desk.get("/certificates/earlier?q=别人").text
    with transaction(write=False):
        url = f"/certificates/earlier/{db.session.scalar(select(EarlierCertificate.id))}"
    assert is_told_in_place(desk.post(url, {"reason": " "}), "请填写撤下理由", "A0001")
    with transaction():
        other = a_unit("别省人社厅", kind="机关")
        foreign = a_person("外人", roles=[("issuer", "org", other.id)])
    assert client_for(foreign).post(url, {"reason": "登记有误"}).status_code == 403
    assert "A0001" not in client_for(foreign).get("/certificates/earlier").text
    assert desk.post(url, {"reason": "职称名称有误"}).status_code == 303
    assert desk.post(url, {"reason": "再来一次"}).status_code == 409
    assert (
        client_for(None).post("/verify", {"name": "林晓禾", "number": "A0001"}).status_code == 404
    )
    imported(desk, "certificates", a_book(HEADS, cells("A0001", number)))
    with transaction(write=False):
        found = earlier.public_by_number("林晓禾", "A0001")
        assert found is not None
        assert found.title == "一级教师"
        tags = db.session.scalars(
            select(AuditEvent.tag).where(AuditEvent.tag.startswith("certificate:earlier"))
        )
        assert sorted(tags) == [
            "certificate:earlier_entered", "certificate:earlier_entered",
            "certificate:earlier_withdrawn",
        ]  # fmt: skip


def test_only_issuers_enter_them_for_their_own_office(
    desk: Any, client_for: Any, office: Unit
) -> None:
    page = checked(desk, "certificates", a_book(HEADS, cells("A0001", an_id_number())))
    with transaction():
        other = a_unit("别省人社厅", kind="机关")
        people = [
            a_person("外人", roles=[("issuer", "org", other.id)]),
            a_person("敖正言", roles=[("unit_admin", "org", office.id)]),
        ]
    for person in people:
        browser = client_for(person)
        assert browser.get(page).status_code == 403
        assert browser.get(f"/imports/new/certificates?unit={office.id}").status_code == 403
    assert client_for(people[1]).get("/certificates/earlier").status_code == 403
    assert desk.get("/imports/template/certificates").status_code == 200


def test_their_import_opens_nobodys_account(desk: Any, office: Unit) -> None:
    """The rows of certificates bear numbers of their own, which accounts of others have too."""
    with transaction():
        people = [a_person(name).id for name in ("待任职", "另一位")]
    rows = [cells(f"A{no:04d}", an_id_number()) for no in range(max(people) + 1)]
    page = imported(desk, "certificates", a_book(HEADS, *rows))
    with transaction(write=False):
        entered = set(db.session.scalars(select(EarlierCertificate.id)))
        assert entered >= set(people)
    assert desk.post(f"{page}/codes").status_code == 409


def test_imports_of_the_same_numbers_do_not_wait_for_each_other(
    app: Flask, office: Unit, issuer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "AT_ONCE", 1)
    kind, barrier = kind_called("certificates"), Barrier(2)
    assert kind
    sheet = [cells(number, an_id_number()) for number in ("A001", "A002")]
    office_id, issuer_id = office.id, issuer.id

    def wait_for_the_other(_done: int) -> None:
        with suppress(BrokenBarrierError):
            barrier.wait(2)

    def write(rows: list[list[str]]) -> None:
        found = [Row(no, dict(zip(NAMES, row, strict=True))) for no, row in enumerate(rows, 2)]
        place = Place(office_id, db.session.get_one(Person, issuer_id), now())
        judge(kind, found, place)
        kind.write(found, place, wait_for_the_other)

    failed = together_inside(app, lambda: write(sheet), lambda: write(sheet[::-1]))
    assert [type(each) for each in failed if each] in ([], [IntegrityError])
    with transaction(write=False):
        assert db.session.scalar(select(func.count(EarlierCertificate.id))) == 2
