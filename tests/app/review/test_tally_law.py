"""The count by the law: the votes of the demo meetings, row by row."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.review.operations.tallying import root_hash, shuffled_slips, tally_of

# A.10: 9 present, 6 needed.
PRIMARY = [
    ("Z01", 9, 0, 0, True),
    ("Z02", 9, 0, 0, True),
    ("Z03", 8, 1, 0, True),
    ("Z04", 8, 0, 1, True),
    ("Z05", 7, 1, 1, True),
    ("Z06", 7, 2, 0, True),
    ("Z07", 6, 2, 1, True),
    ("Z08", 6, 3, 0, True),
    ("Z09", 6, 1, 2, True),
    ("Z10", 5, 4, 0, False),
    ("Z11", 3, 5, 1, False),
    ("Z12", 1, 8, 0, False),
]
# C.7: 22 present; result with the recused in the denominator (15 needed), and without.
HEALTH = [
    ("C01", 20, 1, 0, 1, True, True),
    ("C02", 18, 2, 1, 1, True, True),
    ("C03", 16, 4, 1, 1, True, True),
    ("C04", 15, 5, 1, 1, True, True),
    ("C05", 14, 6, 1, 1, False, True),
    ("C06", 19, 2, 0, 1, True, True),
    ("C07", 17, 3, 1, 1, True, True),
    ("C08", 15, 7, 0, 0, True, True),
    ("C09", 21, 1, 0, 0, True, True),
    ("C10", 16, 5, 1, 0, True, True),
    ("C11", 15, 6, 1, 0, True, True),
    ("C12", 18, 4, 0, 0, True, True),
    ("C13", 22, 0, 0, 0, True, True),
    ("C14", 13, 8, 1, 0, False, False),
    ("C15", 9, 11, 1, 1, False, False),
    ("C16", 17, 4, 1, 0, True, True),
]


def count(
    yes: int, no: int, abstain: int, recused: int, present: int, *, stays: bool = True
) -> tuple[bool, int, int]:
    tally = tally_of(
        1,
        {"y": yes, "n": no, "a": abstain, "r": recused},
        present=present,
        round_no=1,
        recused_in_denominator=stays,
    )
    return tally.passed, tally.needed, tally.blank


@pytest.mark.parametrize(("case", "yes", "no", "abstain", "passes"), PRIMARY)
def test_the_primary_school_meeting_is_counted_as_it_was(
    case: str, yes: int, no: int, abstain: int, passes: bool
) -> None:
    assert count(yes, no, abstain, 0, 9) == (passes, 6, 0)


@pytest.mark.parametrize(("case", "yes", "no", "abstain", "recused", "strict", "without"), HEALTH)
def test_the_health_meeting_is_counted_in_both_readings(
    case: str, yes: int, no: int, abstain: int, recused: int, strict: bool, without: bool
) -> None:
    assert count(yes, no, abstain, recused, 22) == (strict, 15, 0)
    needed = 14 if recused else 15
    assert count(yes, no, abstain, recused, 22, stays=False) == (without, needed, 0)


def test_whoever_is_present_and_casts_nothing_counts_against() -> None:
    assert count(6, 0, 0, 0, 9) == (True, 6, 3)
    assert count(5, 0, 0, 0, 9) == (False, 6, 4)


@given(st.lists(st.sampled_from("ynar"), min_size=1, max_size=40), st.integers())
def test_cutting_and_shuffling_changes_no_count_and_no_proof(votes: list[str], seed: int) -> None:
    texts = [vote + other for vote, other in zip(votes, reversed(votes), strict=True)]
    slips = shuffled_slips([7, 8], texts, Random(seed))
    assert sorted(choice for _, case, choice in slips if case == 7) == sorted(votes)
    assert sorted(choice for _, case, choice in slips if case == 8) == sorted(votes)
    assert root_hash(slips) == root_hash(sorted(slips))
    changed = [(slips[0][0], slips[0][1], "n" if slips[0][2] == "y" else "y"), *slips[1:]]
    assert root_hash(changed) != root_hash(slips)
