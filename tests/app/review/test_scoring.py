"""Scores: whole numbers within limits, vetoes with reasons, and the chain that confirms them."""

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from app.core.clock import now
from app.core.db import transaction
from app.core.errors import Conflict, Forbidden, Invalid
from app.review import operations, queries
from app.review.models import Indicator
from app.review.operations.scoring import Mark, mark_faults, weighted_total
from tests.builders.flow import do, open_items
from tests.builders.review import Held, a_meeting, case_ids, marks, play


def line(ident: int, weight: int, top: int) -> Indicator:
    return Indicator(
        id=ident,
        name=f"指标{ident}",
        weight=weight,
        min_score=0,
        max_score=top,
        is_veto=weight == 0,
    )


SHEET = [line(1, 0, 1), line(2, 60, 60), line(3, 40, 100)]


def test_the_total_is_weighted_and_rounded_half_up() -> None:
    assert weighted_total(zip(SHEET, (0, 48, 90), strict=True)) == 84
    assert weighted_total([(line(1, 10, 20), 1)]) == 1
    assert weighted_total([(line(1, 10, 40), 1)]) == 0


@given(st.integers(0, 60), st.integers(0, 100))
def test_the_total_stays_within_a_hundred(teaching: int, research: int) -> None:
    assert 0 <= weighted_total(zip(SHEET, (0, teaching, research), strict=True)) <= 100


def test_every_fault_of_a_sheet_is_told_at_once() -> None:
    given_marks = [Mark(1, 1, " "), Mark(2, 61), Mark(3, -1)]
    assert mark_faults(SHEET, given_marks) == {
        "scores-0-comment": ["指标1：一票否决须说明理由"],
        "scores-1-value": ["指标2：分值应为 0–60 的整数"],
        "scores-2-value": ["指标3：分值应为 0–100 的整数"],
    }
    assert mark_faults(SHEET, given_marks[:2]) == {"scores": ["请为每一项指标打分"]}
    assert mark_faults(SHEET, [Mark(1, 0), Mark(2, 60), Mark(3, 0)]) == {}


def first_case(held: Held) -> int:
    with transaction(write=False):
        return held.meeting.cases[0].id


def node_of(case_id: int) -> list[str]:
    with transaction(write=False):
        return [item.node for item in open_items(("case", case_id))]


def test_only_the_main_reviewer_scores(app: Flask) -> None:
    held = a_meeting(at="score_case")
    with transaction():
        case = held.meeting.cases[0]
        sheet = [Mark(m["indicator"], m["value"]) for m in marks(held.meeting)]
        with pytest.raises(Forbidden):
            operations.score_case(
                case, sheet, "好", actor_id=case.deputy_reviewer_id or 0, now=now()
            )
        with pytest.raises(Invalid, match="评议意见"):
            operations.score_case(case, sheet, " ", actor_id=case.main_reviewer_id or 0, now=now())


@pytest.mark.parametrize(
    "stages",
    [
        ["confirm_by_deputy"],
        ["confirm_by_deputy", "confirm_by_leader"],
        ["confirm_by_deputy", "confirm_by_leader", "confirm_by_director"],
    ],
    ids=lambda stages: stages[-1],
)
def test_each_stage_may_return_the_case_to_its_main_reviewer(
    app: Flask, stages: list[str]
) -> None:
    held = a_meeting(at="score_case", cases=1)
    case_id = first_case(held)
    play(held, "score_case")
    for stage in stages[:-1]:
        play(held, stage)
    play(held, stages[-1], decision="return", opinion="教研科研分值偏高")
    assert node_of(case_id) == ["score_case"]
    with transaction(write=False):
        lower = marks(held.meeting, 50)
    play(held, "score_case", scores=lower)
    for stage in ("confirm_by_deputy", "confirm_by_leader", "confirm_by_director"):
        play(held, stage)
    with transaction(write=False):
        case = queries.case(case_id)
        assert (case.status, case.total_score) == ("scored", 50)
        texts = [opinion.decision for opinion in queries.opinions_of(case_id)]
        assert texts.count("return") == 1


def test_three_people_write_an_opinion_on_every_case(app: Flask) -> None:
    held = a_meeting(at="prepare_roll")
    for case_id in case_ids(held):
        with transaction(write=False):
            opinions = queries.opinions_of(case_id)
        assert [opinion.stage for opinion in opinions] == ["main", "deputy", "leader", "director"]
        assert len({opinion.person_id for opinion in opinions[:3]}) == 3


def test_confirmed_scores_cannot_be_changed(app: Flask) -> None:
    held = a_meeting(at="prepare_roll")
    with transaction():
        case = held.meeting.cases[0]
        sheet = [Mark(m["indicator"], m["value"]) for m in marks(held.meeting)]
        with pytest.raises(Conflict, match="评分已确认"):
            operations.score_case(
                case, sheet, "改", actor_id=case.main_reviewer_id or 0, now=now()
            )


def test_the_meeting_goes_on_when_the_last_case_is_confirmed(app: Flask) -> None:
    held = a_meeting(at="confirm_by_director", cases=2)
    with transaction(write=False):
        first, second = (case.id for case in held.meeting.cases)
    yes = {"decision": "pass", "opinion": "同意"}
    do(("case", first), "confirm_by_director", yes)
    with transaction(write=False):
        assert open_items(held.business) == []
    do(("case", second), "confirm_by_director", yes)
    with transaction(write=False):
        assert [item.node for item in open_items(held.business)] == ["prepare_roll"]


def test_a_vetoed_case_fails_without_a_vote(app: Flask) -> None:
    held = a_meeting(at="score_case", cases=2)
    vetoed = first_case(held)
    with transaction(write=False):
        sheet = marks(held.meeting, veto=True)
    do(("case", vetoed), "score_case", {"scores": sheet, "opinion": "师德失范"})
    for node in ("score_case", "confirm_by_deputy", "confirm_by_leader", "confirm_by_director"):
        play(held, node)
    assert vetoed not in case_ids(held)
    from tests.builders.review import check_in

    check_in(held)
    for node in ("prepare_roll", "open_ballot", "close_ballot", "confirm_result"):
        play(held, node)
    with transaction(write=False):
        assert queries.case(vetoed).status == "failed"
        assert vetoed not in queries.tallies(held.meeting)
