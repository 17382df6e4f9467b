"""The law of the ballot, in integers."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.voting import (
    TallyError,
    check_tally,
    committee_size_is_legal,
    quorum,
    threshold,
    verdict,
)

PEOPLE = st.integers(0, 500)


@given(PEOPLE)
def test_quorum_and_threshold_are_the_least_number_of_at_least_two_thirds(n: int):
    for least in (quorum(n), threshold(n)):
        assert Fraction(least) >= Fraction(2 * n, 3)
        assert Fraction(least - 1) < Fraction(2 * n, 3)


@given(st.integers(1, 500), st.data())
def test_a_case_passes_exactly_from_the_threshold_on(present: int, data: st.DataObject):
    yes = data.draw(st.integers(0, present))
    assert verdict(yes, present) == (yes >= threshold(present))


@given(st.integers(1, 100), st.data())
def test_the_recused_in_the_denominator_never_help(present: int, data: st.DataObject):
    recused = data.draw(st.integers(0, present))
    yes = data.draw(st.integers(0, present - recused))
    strict = verdict(yes, present, recused)
    lenient = verdict(yes, present, recused, recused_in_denominator=False)
    assert lenient or not strict


@pytest.mark.parametrize(("members", "needed"), [(11, 8), (25, 17), (27, 18), (0, 0)])
def test_quorum_of_real_committees(members: int, needed: int):
    assert quorum(members) == needed


@pytest.mark.parametrize(
    ("yes", "present", "passed"),
    [(6, 9, True), (5, 9, False), (16, 23, True), (15, 23, False), (15, 22, True), (14, 21, True)],
)
def test_exactly_two_thirds_pass(yes: int, present: int, passed: bool):
    assert verdict(yes, present) is passed


def test_a_recused_expert_leaves_the_denominator_where_the_setting_says_so():
    assert not verdict(6, 10, 1)
    assert verdict(6, 10, 1, recused_in_denominator=False)


def test_nobody_passes_where_nobody_may_vote():
    assert not verdict(0, 0)
    assert not verdict(0, 3, 3, recused_in_denominator=False)


@pytest.mark.parametrize(
    ("yes", "present", "recused"), [(10, 9, 0), (9, 9, 1), (-1, 9, 0), (1, 9, -1)]
)
def test_impossible_counts_are_refused(yes: int, present: int, recused: int):
    with pytest.raises(TallyError):
        verdict(yes, present, recused)


def test_a_negative_number_of_people_is_refused():
    with pytest.raises(TallyError):
        quorum(-1)


@given(*[st.integers(0, 30)] * 4)
def test_a_tally_counts_every_expert_once(yes: int, no: int, abstain: int, recused: int):
    present = yes + no + abstain + recused
    check_tally(yes, no, abstain, recused, present)
    with pytest.raises(TallyError):
        check_tally(yes, no, abstain, recused, present + 1)
    with pytest.raises(TallyError):
        check_tally(yes + 1, -1, abstain, recused, yes + abstain + recused)


@pytest.mark.parametrize(
    ("size", "by", "consent", "legal"),
    [
        (25, "series", None, True),
        (26, "series", None, False),
        (23, "series", None, False),
        (11, "series", None, False),
        (11, "series", "演示函〔2025〕12号", True),
        (11, "specialty", None, True),
        (9, "specialty", None, False),
        (9, "series", "演示函〔2025〕12号", False),
    ],
)
def test_a_committee_is_odd_and_large_enough(size: int, by: str, consent: str | None, legal: bool):
    assert committee_size_is_legal(size, by, consent) is legal
