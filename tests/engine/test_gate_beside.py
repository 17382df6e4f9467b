"""What comes beside a task (非中断): once each time it is entered, a round again; and how much."""

from dataclasses import replace

import pytest

from app.engine.contracts import Contract, moves
from tests.engine.gate_builder import (
    KEPT,
    KNOWN,
    Drawing,
    boundary,
    element,
    flow,
    gateway,
    service,
    timer,
    user,
)
from tests.engine.gate_state_faults import BESIDE, FIVE_DAYS, SEEN, each_seen, kept
from tests.engine.test_gate_states import judged, said

NOTE_LATE = Contract(KEPT, moves=moves(("sent",), "passed"))
ENTER = Contract(KEPT, moves=moves(("sent", "passed"), "stored"))
STAY = Contract(KEPT, moves=moves(("sent",), "sent"))
MOVING = replace(
    KNOWN,
    services={**KNOWN.services, "note": NOTE_LATE, "enter": ENTER},
    saves={**KNOWN.saves, "stay": STAY},
)


def noting(drawn: str = FIVE_DAYS, **parts: str) -> Drawing:
    """The record is shown to somebody, noted as late once beside that, and entered behind it."""
    drawing = dict.fromkeys(kept().parts.keys() - {"start", "end"}, "") | {
        "start_to_seen": flow("start", "seen"),
        "seen": user("seen", SEEN, name="阅知"),
        "late": boundary("late", "seen", drawn, **BESIDE),
        "late_to_note": flow("late", "note"),
        "note": service("note", "note"),
        "note_to_over": flow("note", "over"),
        "over": element("endEvent", "over", name="已记录"),
        "seen_to_enter": flow("seen", "enter"),
        "enter": service("enter", "enter"),
        "enter_to_end": flow("enter", "end"),
    }
    return kept(**drawing | parts)


AGAIN = [("error", "task.state", "note")]
ONCE_OR_MORE = {
    "a time": (FIVE_DAYS, []),
    "a round of one": (timer("timeCycle", '"R1/P5D"'), []),
    "a round of one in three figures": (timer("timeCycle", '"R001/P5D"'), []),
    "a round of two": (timer("timeCycle", '"R2/P5D"'), AGAIN),
}


@pytest.mark.parametrize(("drawn", "found"), ONCE_OR_MORE.values(), ids=ONCE_OR_MORE)
def test_what_comes_beside_a_task_comes_once_and_a_round_again(
    drawn: str, found: list[tuple[str, str, str]]
) -> None:
    """As the engine does: tests/bpmn/test_events.py."""
    assert said(judged(noting(drawn), known=MOVING)) == found


def test_what_comes_beside_a_task_comes_again_in_its_next_round() -> None:
    back = {"back": boundary("back", "seen", FIVE_DAYS), "back_to_seen": flow("back", "seen")}
    assert said(judged(noting(**back), known=MOVING)) == AGAIN


def test_of_two_that_stand_at_one_task_each_has_what_comes_beside_it() -> None:
    twice = noting(
        start_to_seen=flow("start", "fork"),
        fork=element("parallelGateway", "fork", name="分发"),
        fork_to_both=flow("fork", "both"),
        fork_to_seen=flow("fork", "both", ident="again"),
        both=gateway("both"),
        both_to_seen=flow("both", "seen"),
        **dict.fromkeys(("seen_to_enter", "enter", "enter_to_end"), ""),
        seen_to_end=flow("seen", "end"),
    )
    assert AGAIN[0] in said(judged(twice, known=MOVING))


@pytest.mark.parametrize(("count", "rules"), [(9, set()), (10, {"state.unfollowed"})])
def test_so_many_who_move_the_record_at_once_are_followed(count: int, rules: set[str]) -> None:
    """Who is only reminded counts for nothing: tests/engine/gate_state_faults.py."""
    stay = {**SEEN, "form": "vet", "save": "stay"}
    moving = {f"seen_{no}": user(f"seen_{no}", stay, name="核对") for no in range(count)}
    verdict = judged(each_seen(count).with_(**moving), known=MOVING)
    assert {each.rule for each in verdict.findings if each.severity == "error"} == rules
