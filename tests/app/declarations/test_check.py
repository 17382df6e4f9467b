"""开始检测: the golden case gives exactly the tables of the manual."""

import pytest
from flask import Flask

from app.core.clock import now
from app.core.db import transaction
from app.core.errors import Invalid
from app.declarations import facts, operations
from tests.builders.declarations import golden_declaration, mend
from tests.builders.plans import a_title
from tests.builders.portfolio import an_approved_item
from tests.rules.golden import FIRST_ROWS, SECOND_ROWS


def test_the_golden_case_fails_in_rows_five_and_nine_and_passes_when_mended(app: Flask) -> None:
    with transaction():
        declaration = golden_declaration()
        first = facts.check(declaration, now=now())
        assert [(row.subject, row.text, row.passed) for row in first.rows] == FIRST_ROWS
        assert not first.passed
        mend(declaration)
        second = facts.check(declaration, now=now())
        assert [(row.subject, row.text, row.passed) for row in second.rows] == SECOND_ROWS
        assert second.passed
        assert [row.no for row in second.rows] == list(range(1, 12))


def test_too_few_hours_and_years_are_reminders_that_block_nothing(app: Flask) -> None:
    with transaction():
        report = facts.check(golden_declaration(complete=True), now=now())
        assert report.passed
        assert [hint.subject for hint in report.hints] == ["继续教育", "年度考核"]


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("work_started_on", "2099-01-01"),
        ("work_started_on", "2001-03-11"),  # the day before she was sixteen
        ("teaching_since", "1970-09-01"),
    ],
)
def test_no_day_is_kept_that_is_to_come_or_before_somebody_could_work(
    app: Flask, name: str, day: str
) -> None:
    with transaction():
        declaration = golden_declaration()
        with pytest.raises(Invalid) as refused:
            operations.save_field(declaration, name, [day], now=now())
        assert refused.value.errors == {name: ["须在年满 16 周岁之后，且不晚于今天"]}
        operations.save_field(declaration, "work_started_on", ["2001-03-12"], now=now())


def test_the_check_names_what_was_kept_before_the_rules_and_cannot_be(app: Flask) -> None:
    with transaction():
        declaration = golden_declaration(complete=True)
        declaration.personal = {**declaration.personal, "work_started_on": "2099-01-01"}
        declaration.teaching = {**declaration.teaching, "rural_years": 30}
        row = facts.check(declaration, now=now()).rows[0]
    assert not row.passed
    assert "工作时间须在年满 16 周岁之后，且不晚于今天" in row.text
    assert "农村教龄不能大于教龄（19）" in row.text


def test_the_health_series_must_have_its_own_part_in_the_portfolio_where_it_is_asked(
    app: Flask,
) -> None:
    with transaction():
        declaration = golden_declaration()
        declaration.title = a_title("主任医师", "卫生技术人员")
        declaration.plan.jurisdiction = "fujian"
        rows = {row.subject: row for row in facts.check(declaration, now=now()).rows}
        lacks = rows["卫生技术人员专用业绩"]
        assert (lacks.passed, "至少 1 项" in lacks.text) == (False, True)
        an_approved_item(declaration.person, "health_case")
        rows = {row.subject: row for row in facts.check(declaration, now=now()).rows}
        assert rows["卫生技术人员专用业绩"].passed
        declaration.plan.jurisdiction = "anhui"
        assert "专用业绩" not in str(facts.check(declaration, now=now()).rows)
