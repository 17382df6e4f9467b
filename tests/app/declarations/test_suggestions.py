"""What the portfolio says of an item need not be said again in the declaration (CZ-22, CZ-29)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete

from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db, transaction
from app.declarations import operations, queries
from app.declarations.facts import check
from app.declarations.models import Declaration, DeclarationEntry
from app.portfolio.models import ItemFlag
from app.units.models import ENDED, Employment
from app.units.queries import employment_of
from tests.builders.declarations import a_draft, approved_item
from tests.builders.people import a_unit


@pytest.fixture
def case(app: Flask) -> Declaration:
    """A draft without any career, education or assessment."""
    del app
    draft = a_draft()
    with transaction():
        found = queries.get_declaration(draft.id)
        for section in ("work", "education", "assessment"):
            for entry in queries.entries_of(found.id, section):
                operations.remove_entry(found, entry.id, now=now())
    return draft


def taken(case: Declaration, section: str, *records: dict[str, Any]) -> list[DeclarationEntry]:
    found = queries.get_declaration(case.id)
    person: Person = found.person
    # Each assessment is tried as if it were the only one of its year.
    db.session.execute(delete(ItemFlag).where(ItemFlag.type_key == "assessment"))
    ids = [approved_item(person, section, data) for data in records]
    operations.import_items(found, section, ids, now=now())
    return queries.entries_of(case.id, section)


def studied(school: str, end: int, *marks: str) -> dict[str, Any]:
    years = {"start": f"{end - 4}-09", "end": f"{end}-06"}
    return {"school": school, **years, "marks": list(marks)}


def test_educations_come_in_their_order_with_their_marks(case: Declaration) -> None:
    with transaction():
        entries = taken(
            case,
            "education",
            studied("丁", 2010),
            studied("乙", 2012, "最高学历"),
            studied("丙", 2014, "参评学历"),
            studied("甲", 2007, "第一学历"),
        )
        assert [entry.version.data["school"] for entry in entries] == ["甲", "乙", "丙", "丁"]
        assert [entry.extra for entry in entries] == [
            {},
            {"is_highest": True},
            {"is_qualifying": True},
            {},
        ]


def test_a_mark_that_was_set_in_the_declaration_is_left_alone(case: Declaration) -> None:
    with transaction():
        [first] = taken(case, "education", studied("甲", 2007))
        found = queries.get_declaration(case.id)
        operations.set_education_flag(found, first.id, "highest")
        entries = taken(case, "education", studied("乙", 2012, "最高学历", "合格学历"))
        assert {entry.version.data["school"]: entry.extra for entry in entries} == {
            "甲": {"is_highest": True},
            "乙": {"is_qualifying": True},
        }


def test_the_result_of_a_year_is_taken_over_where_it_was_told(case: Declaration) -> None:
    with transaction():
        entries = taken(case, "assessment", {"year": 2025, "result": "优秀"}, {"year": 2024})
        assert [entry.extra for entry in entries] == [{"result": "优秀"}, {}]


def payer_row(case: Declaration, payer: str, year: int = 2025) -> bool | None:
    """Whether who paid that year passes the check; None where nothing is said."""
    told = {"year": year, "result": "合格", "basis": "社保缴费记录", "paying_unit": payer}
    taken(case, "assessment", told)
    rows = check(queries.get_declaration(case.id), now=now()).rows
    return next((row.passed for row in rows if row.subject == "社保缴费单位"), None)


def bound_in(case: Declaration, year: int) -> Employment:
    bound = employment_of(queries.get_declaration(case.id).person_id)
    assert bound is not None
    bound.requested_at = bound.decided_at = datetime(year, 1, 1, 12, tzinfo=UTC)
    db.session.flush()
    return bound


@pytest.mark.parametrize(("own", "since"), [(True, 2024), (False, 2024), (False, 2026)])
def test_the_unit_that_paid_the_insurance_is_held_against_the_declaring_one(
    case: Declaration, own: bool, since: int
) -> None:
    with transaction():
        bound_in(case, since)
        payer = queries.get_declaration(case.id).unit.name if own else "淮城人力资源公司"
        assert payer_row(case, payer) is (own if since == 2024 else None)


def test_nothing_is_asked_of_who_paid_for_a_freelancer(case: Declaration) -> None:
    with transaction():
        bound_in(case, 2024).is_freelancer = True
        assert payer_row(case, "淮城人力资源公司") is None


@pytest.mark.parametrize("depth", [1, 2])
def test_a_unit_that_was_taken_over_may_have_paid(case: Declaration, depth: int) -> None:
    with transaction():
        into = bound_in(case, 2024).unit
        for number in range(depth):
            gone = a_unit(f"云桥区第{number}小学", clerk=False, leader=False)
            gone.closed_at, gone.merged_into_id = now(), into.id
            into = gone
        db.session.flush()
        assert payer_row(case, into.name) is True


@pytest.mark.parametrize(("left", "passes"), [(2025, True), (2024, False)])
def test_the_employer_of_that_year_may_have_paid(
    case: Declaration, left: int, passes: bool
) -> None:
    with transaction():
        bound = bound_in(case, 2025)
        former = a_unit("淮城中学", clerk=False, leader=False)
        began, ended = (datetime(year, 3, 1, tzinfo=UTC) for year in (2020, left))
        db.session.add(
            Employment(
                person_id=bound.person_id, unit_id=former.id, status=ENDED,
                requested_at=began, decided_at=ended,
            )
        )  # fmt: skip
        db.session.flush()
        assert payer_row(case, "淮城中学") is passes


def test_a_career_comes_in_order_of_time(case: Declaration) -> None:
    with transaction():
        jobs = [
            {"unit": name, "start": f"{year}-08"} for name, year in (("乙", 2012), ("甲", 2007))
        ]
        entries = taken(case, "work", *jobs)
        assert [entry.version.data["unit"] for entry in entries] == ["甲", "乙"]
        entries = taken(case, "work", {"unit": "丙", "start": "2010-08"})
        assert [entry.version.data["unit"] for entry in entries] == ["甲", "丙", "乙"]


def test_what_was_ordered_by_hand_stays_so(case: Declaration) -> None:
    with transaction():
        first, _second = taken(
            case, "education", studied("甲", 2007, "第一学历"), studied("乙", 2012)
        )
        operations.move_entry(queries.get_declaration(case.id), first.id, 1)
        entries = taken(case, "education", studied("丙", 2014, "最高学历"))
        names = [entry.version.data["school"] for entry in entries]
        assert names == ["丙", "乙", "甲"]
