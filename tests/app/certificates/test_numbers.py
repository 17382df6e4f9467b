"""证书编号: distinct and without gaps, whoever issues at the same time and whatever fails."""

import pytest
from flask import Flask
from sqlalchemy import select

from app.certificates import operations
from app.certificates.models import Certificate, NumberSeries
from app.core.clock import now
from app.core.db import db, transaction
from app.core.invariants import check_all
from app.engine import runtime
from app.results.process import RESULT
from rules.numbering import NumberingError
from tests.builders import results as build
from tests.builders.flow import drain, open_items
from tests.builders.threads import together


def numbers() -> list[str]:
    with transaction(write=False):
        found = select(Certificate.number).where(Certificate.number.is_not(None))
        return sorted(str(number) for number in db.session.scalars(found))


def issue_in_a_thread(result_id: int, issuer_id: int) -> None:
    with transaction():
        (item,) = open_items((RESULT, result_id))
        runtime.complete(item, {"decision": "issue"}, actor_id=issuer_id, now=now())


def test_competing_issues_get_distinct_numbers_without_gaps(app: Flask) -> None:
    """Nothing was issued in the series before: its very first row is made under competition."""
    published = build.a_publicity(cases=6)
    build.approve(published)
    failures = together(
        app,
        *(
            lambda result=result: issue_in_a_thread(result, published.issuer_id)
            for result in published.result_ids
        ),
    )
    assert not any(failures)
    assert [int(number[-6:]) for number in numbers()] == [1, 2, 3, 4, 5, 6]
    with transaction(write=False):
        assert db.session.scalars(select(NumberSeries.last)).one() == 6
    drain()
    with transaction(write=False):
        assert check_all() == []


def test_two_issuers_of_the_same_certificate_use_one_number(app: Flask) -> None:
    published = build.a_publicity(cases=2)
    build.approve(published)
    result = published.result_ids[0]
    failures = together(app, *[lambda: issue_in_a_thread(result, published.issuer_id)] * 2)
    assert failures.count(None) == 1
    build.issue(published, 1)
    assert [int(number[-6:]) for number in numbers()] == [1, 2]


def test_a_rolled_back_issue_leaves_no_gap(app: Flask) -> None:
    published = build.a_publicity(cases=2)
    build.approve(published)

    def issue_and_fail() -> None:
        with transaction():
            first = build.certificate_of_result(published.result_ids[0])
            assert first is not None
            operations.issue_certificate(first, actor_id=published.issuer_id, now=now())
            msg = "the power went out"
            raise RuntimeError(msg)

    with pytest.raises(RuntimeError, match="power"):
        issue_and_fail()
    assert numbers() == []
    build.issue(published, 1)
    build.issue(published, 0)
    assert [int(number[-6:]) for number in numbers()] == [1, 2]


def test_serials_are_counted_by_place_year_and_code(app: Flask) -> None:
    with transaction():
        series = [
            ("anhui", 2026, "990001"),
            ("anhui", 2026, "990001"),
            ("anhui", 2027, "990001"),
            ("fujian", 2026, "990001"),
            ("anhui", 2026, "990002"),
            ("anhui", 2026, "990001"),
        ]
        assert [operations.next_serial(*each) for each in series] == [1, 2, 1, 1, 1, 3]


def test_a_full_series_refuses_rather_than_spills(app: Flask) -> None:
    published = build.a_publicity()
    build.approve(published)
    with transaction():
        code = f"{990000 + published.publicity.plan.committee_id:06d}"
        db.session.add(NumberSeries(jurisdiction="anhui", year=2026, code=code, last=999_999))
    with transaction():
        found = build.certificate_of_result(published.result_ids[0])
        assert found is not None
        with pytest.raises(NumberingError):
            operations.issue_certificate(found, actor_id=published.issuer_id, now=now())


def test_a_replacement_takes_the_next_number(app: Flask) -> None:
    published, certificate_id = build.an_issued_certificate(cases=2)
    request_id = build.a_request(certificate_id)
    with transaction():
        operations.replace_certificate(
            build.request(request_id), actor_id=published.issuer_id, now=now()
        )
    build.issue(published, 1)
    assert [int(number[-6:]) for number in numbers()] == [1, 2, 3]
