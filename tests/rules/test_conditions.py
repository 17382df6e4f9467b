"""What can be told of a condition before it runs, from the values that its variables can have."""

import sys

import pytest

from rules.conditions import (
    MAX_CASES,
    Effort,
    Fault,
    TooCostly,
    Values,
    condition_faults,
    impossible_values,
    is_covered,
    outcome_of,
)

DECIDED: dict[str, Values] = {"decision": ("pass", "return"), "found": (True, False)}
SOUND = [
    'decision == "pass"',
    'decision != "pass" and found',
    'not found or decision in ["return"]',
    'decision == "pass" if found else amount > 3',
    "amount",
    "amount > 3 and found",
    "min(found, amount)",
    "rows[0]",
    "grade == None or found",
    'decision\n== "pass"',
    "len(decision) > 4",
    "today > decided_on",
    'workdays_after("2026-10-01", 3) > "2026-10-09"',
    'decision == "pass" or "2026-10-09" < workdays_after("2026-10-01", 3)',
]


@pytest.mark.parametrize("text", SOUND)
def test_a_condition_that_can_turn_out_both_ways_passes(text: str) -> None:
    assert condition_faults(text, DECIDED, Effort()) == []


FAULTY = {
    'decision == "passed"': Fault("value", 'decision == "passed"', "decision", "passed"),
    '"x" != decision': Fault("value", '"x" != decision', "decision", "x"),
    'decision in ("pass", "x")': Fault("value", 'decision in ("pass", "x")', "decision", "x"),
    "found == 1": Fault("value", "found == 1", "found", 1),
    'found or "x"': Fault("truth", '"x"'),
    "not decision": Fault("truth", "decision"),
    "found and amount + 1": Fault("truth", "amount + 1"),
    "[found]": Fault("truth", "[found]"),
    "len(rows)": Fault("truth", "len(rows)"),
    "None": Fault("truth", "None"),
    "found or True": Fault("constant", "True", value=True),
    "found and 1 > 2": Fault("constant", "1 > 2", value=False),
    "found or not found": Fault("constant", "found or not found", value=True),
    "decision > 3": Fault("constant", "decision > 3", value=None),
}


@pytest.mark.parametrize(("text", "fault"), FAULTY.items(), ids=FAULTY.keys())
def test_a_condition_that_cannot_be_meant_is_told_with_its_piece(text: str, fault: Fault) -> None:
    assert condition_faults(text, DECIDED, Effort()) == [fault]


def test_a_type_is_held_against_what_is_written() -> None:
    typed: dict[str, Values] = {"until": str, "by": int, "rows": list}
    assert condition_faults('until == "x" and by == 3 and "x" in rows', typed, Effort()) == []
    assert [each.name for each in condition_faults("until == 3", typed, Effort())] == ["until"]
    assert [each.name for each in condition_faults('by == "3"', typed, Effort())] == ["by"]
    assert [each.kind for each in condition_faults("until", typed, Effort())] == ["truth"]


def test_no_more_cases_are_tried_than_may_be() -> None:
    many: dict[str, Values] = {f"v{n}": tuple(range(10)) for n in range(4)}
    assert MAX_CASES < 10**4
    assert condition_faults("v0 + v1 + v2 + v3 >= 0", many, Effort()) == []
    assert [each.kind for each in condition_faults("v0 + v1 >= 0", many, Effort())] == ["constant"]


TOLD = {
    'decision == "pass"': True,
    'decision != "pass"': False,
    'decision == "pass" and amount > 3': None,
    'decision != "pass" and amount > 3': False,
    'decision == "pass" or amount > 3': True,
    'not (decision == "pass")': False,
    "not found": None,
    'True if decision == "pass" else found': True,
    'decision == "pass" if found else True': True,
    'decision == "pass" if found else False': None,
    "amount > 3": None,
    "decision >": None,
}


@pytest.mark.parametrize(("text", "outcome"), TOLD.items(), ids=TOLD.keys())
def test_a_condition_turns_out_as_far_as_values_tell(text: str, outcome: bool | None) -> None:
    assert outcome_of(text, {"decision": "pass"}, Effort()) is outcome


COSTLY: dict[str, Values] = {"grade": tuple(f"g{n}" for n in range(1000))}


@pytest.mark.parametrize("left", [0, 500, 1_500, 5_000, 100_000])
def test_no_more_work_goes_into_conditions_than_may(left: int) -> None:
    text = " or ".join(['grade == "g999"'] * 100)
    with pytest.raises(TooCostly):
        condition_faults(text, COSTLY, Effort(left))
    with pytest.raises(TooCostly):
        outcome_of(text, {"grade": "g1"}, Effort(min(left, 1_500)))


def test_a_value_is_found_among_a_thousand_without_asking_each() -> None:
    """What is counted as one step must not be a thousand: a machine that is busy has no time."""
    calls: list[str] = []
    sys.setprofile(lambda _frame, event, _given: calls.append(event))
    try:
        found = list(impossible_values(" or ".join(['grade == "g999"'] * 20), COSTLY, Effort()))
    finally:
        sys.setprofile(None)
    assert found == []
    assert len(calls) < 5_000


def test_what_offices_write_costs_next_to_nothing() -> None:
    effort = Effort()
    for text in SOUND * 50:
        condition_faults(text, DECIDED, effort)
    assert Effort().left - effort.left < 100_000


COVERED = {
    ('decision == "return"', 'decision == "return"'): True,
    (' decision=="return"\n', 'decision == "return"'): True,
    ('decision == "return"', 'decision != "pass"'): True,
    ('decision == "return" and amount > 3', 'decision == "return"'): False,
    ("amount > 3", "amount > 3"): True,
    ("amount > 4", "amount > 3"): False,
    ('decision == "pass"', 'decision == "return"'): False,
    ("decision > 3", 'decision == "return"'): False,
    ('decision == "none"', 'decision == "pass"'): False,
    ("decision >", "decision >"): False,
}


@pytest.mark.parametrize(("both", "outcome"), COVERED.items(), ids=lambda each: str(each)[:60])
def test_a_condition_is_covered_by_an_earlier_one(both: tuple[str, str], outcome: bool) -> None:
    text, earlier = both
    assert is_covered(text, [earlier], DECIDED, Effort()) is outcome
    assert not is_covered(text, [], DECIDED, Effort())


def test_several_earlier_conditions_cover_a_later_one_together() -> None:
    earlier = ['decision == "pass"', 'decision == "return"']
    assert is_covered('decision in ("pass", "return")', earlier, DECIDED, Effort())
