"""Nobody gets in with a birth that cannot be, by whichever way; what is kept stays as it is."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Person
from app.core import crypto
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid
from app.core.numbers import check_age, checked_id_number
from app.imports.kinds import Place, Row, judge, kind_called
from app.people import corrections
from app.people.models import IdentityCorrection
from app.units.models import Unit
from tests.builders.people import a_person, a_unit, an_id_number, staff
from tests.builders.portfolio import an_upload

CHILD, UNBORN = an_id_number(date(2020, 1, 1)), an_id_number(date(2030, 1, 1))
LONG_DEAD = an_id_number(date(1800, 1, 1))
WORDS = {CHILD: "未满 16 周岁", UNBORN: "未满 16 周岁", LONG_DEAD: "已超过 120 周岁"}


@pytest.mark.parametrize(
    ("born", "word"),
    [
        ((2010, 11, 23), ""),
        ((2010, 11, 24), "未满 16 周岁"),
        ((1905, 11, 24), ""),
        ((1905, 11, 23), "已超过 120 周岁"),
    ],
)
def test_ages_are_counted_to_the_day(app: Flask, born: tuple[int, int, int], word: str) -> None:
    """It is 23 November 2026: who is sixteen that day may be employed (劳动法 15)."""
    with transaction(write=False):
        try:
            checked_id_number(an_id_number(date(*born)), now())
            said = ""
        except Invalid as refusal:
            said = refusal.errors["id_number"][0]
        assert (word in said, bool(said)) == (True, bool(word))
        with pytest.raises(Invalid, match="出生日期"):
            check_age(date(2020, 1, 1), now(), field="birth_date")


@pytest.fixture
def unit(app: Flask) -> Unit:
    with transaction():
        return a_unit("云桥区青禾小学")


@pytest.fixture
def clerk(unit: Unit) -> Person:
    with transaction(write=False):
        return staff(unit, "unit_clerk")


def faults(kind: str, unit: Unit, actor: Person, **cells: str) -> Sequence[tuple[str, str]]:
    found = kind_called(kind)
    assert found
    row = Row(2, {**{column.name: column.example for column in found.columns}, **cells})
    with transaction(write=False):
        judge(found, [row], Place(unit.id, db.session.get_one(Person, actor.id), now()))
    return row.faults


def test_no_way_in_takes_an_impossible_birth(unit: Unit, clerk: Person, client_for: Any) -> None:
    with transaction():
        system = a_person("庾一鸣", roles=[("system_admin", "all", None)])
    pages = {"/staff/applicants/new": client_for(clerk), "/admin/accounts/new": client_for(system)}
    for number, word in WORDS.items():
        typed = {"name": "苏晓禾", "id_number": number, "phone": "12", "is_applicant": "y"}
        for url, browser in pages.items():
            answer = browser.post(url, typed)
            assert (answer.status_code, word in answer.text) == (422, True), url
            assert "请填写 11 位手机号码" in answer.text
        for kind in ("people", "experts", "certificates"):
            told = dict(faults(kind, unit, clerk, id_number=number))
            assert word in told["id_number"], kind
    with transaction(write=False):
        assert db.session.query(Person).filter_by(name="苏晓禾").count() == 0


def test_a_title_from_childhood_is_refused_at_its_day(unit: Unit, clerk: Person) -> None:
    number = an_id_number(date(2000, 1, 1))
    for day, is_refused in (("2015-12-31", True), ("2016-01-01", False)):
        told = dict(faults("certificates", unit, clerk, id_number=number, obtained_on=day))
        assert ("未满 16 周岁" in told.get("obtained_on", "")) == is_refused
        assert "id_number" not in told


def test_no_correction_leads_to_an_impossible_birth(
    unit: Unit, clerk: Person, client_for: Any
) -> None:
    """Nor one that was asked for with such a number before; what is kept stays as it is."""
    with transaction():
        person = a_person("苏晓禾", id_number=LONG_DEAD, unit=unit)
        proof = an_upload(person, "户口簿.png").id
    form = {"name": "苏小禾", "reason": "录入时写错", "is_true": "yes", "evidence": [proof]}
    browser = client_for(person)
    for number, word in WORDS.items():
        if number != LONG_DEAD:
            answer = browser.post("/account/correction", {**form, "id_number": number})
            assert (answer.status_code, word in answer.text) == (422, True)
    assert browser.post("/account/correction", {**form, "id_number": ""}).status_code == 303
    with transaction(write=False):
        assert db.session.query(IdentityCorrection).one().name == "苏小禾"
    with transaction():
        asked = db.session.query(IdentityCorrection).one()
        # Asked for before such numbers were refused, and waiting since.
        asked.id_number_sealed, asked.id_number_hash = crypto.seal(CHILD), crypto.keyed_hash(CHILD)
    with pytest.raises(Invalid, match=r"未满 16 周岁.*请退回或不予更正"), transaction():
        corrections.grant_correction(asked, "", actor_id=clerk.id, now=now())
