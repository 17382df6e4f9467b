"""Tables that promise one answer: rows that fit the same values are refused."""

import pytest

from app.engine.gate import Verdict
from tests.engine.test_gate_decisions import table, with_table

DECISION, AMOUNT = "decision", "amount"


def rows(*tests: str, header: str = AMOUNT, policy: str = "UNIQUE") -> Verdict:
    """The verdict on a table with a row for each of these tests."""
    more = "".join(
        f"<rule id='m{at}'><inputEntry id='mi{at}'><text>{test}</text></inputEntry>"
        f"<outputEntry id='mo{at}'><text>\"junior\"</text></outputEntry></rule>"
        for at, test in enumerate(tests[1:])
    )
    whole = table(header=header, test=tests[0], policy=policy)
    return with_table(whole.replace("</decisionTable>", f"{more}</decisionTable>"))


def said(verdict: Verdict) -> set[tuple[str, str]]:
    return {(found.severity, found.rule) for found in verdict.findings}


OVERLAPPING = [
    ('"pass"', "-"),
    ('"pass", "return"', '"return"'),
    ("", "&gt; 3"),
    ("&gt; 3", "&lt; 5"),
    ("&gt;= 60", "60"),
    ("1.5 &lt; ? &lt; 2", "&lt; 1.8"),
    ('!= "a"', '!= "b"'),
    ('&lt; "2026-03-01"', '&gt; "2026-01-01"'),
]
APART = [
    ('"pass"', '"return"'),
    ("&lt; 3", "3 &lt;= ? &lt; 6", "&gt;= 6"),
    ("&gt; 3", "&lt;= 3"),
    ('"a"', '!= "a"'),
    ("True", "False"),
    ("-5", "&gt;= 0"),
]
UNTOLD = [("&gt; 3", "&gt;= 3 and decision == 2"), ("len([?]) + amount == 2", "-")]


@pytest.mark.parametrize("tests", OVERLAPPING)
def test_two_rows_that_fit_are_refused_where_one_is_promised(tests: tuple[str, ...]) -> None:
    assert said(rows(*tests)) == {("error", "dmn.overlap")}
    assert said(rows(*tests, policy="FIRST")) == set()


@pytest.mark.parametrize("tests", APART)
def test_rows_that_leave_each_other_alone_pass(tests: tuple[str, ...]) -> None:
    assert said(rows(*tests)) == set()


@pytest.mark.parametrize("tests", UNTOLD)
def test_rows_of_which_nobody_can_tell_are_asked_about(tests: tuple[str, ...]) -> None:
    assert said(rows(*tests)) == {("warning", "dmn.overlap")}


def test_the_rows_are_named() -> None:
    (found,) = rows('"a"', '"b"', "-").findings
    assert "第 1 行和第 3 行" in found.message
    assert found.name == "第 3 行"


@pytest.mark.parametrize(("count", "found"), [(115, set()), (300, {("warning", "dmn.overlap")})])
def test_a_long_table_of_ranges_is_not_refused_for_its_length(
    count: int, found: set[tuple[str, str]]
) -> None:
    ranges = [f"{at * 10} &lt;= ? &lt; {at * 10 + 10}" for at in range(count)]
    assert said(rows(*ranges)) == found
