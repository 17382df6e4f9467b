"""What a gateway can meet is what was written last on each way to it, no word of a task before."""

from itertools import pairwise

import pytest

from app.engine.gate.inspection import inspect
from tests.engine.gate_builder import (
    KNOWN,
    LANES,
    LOOP_OVER_VOTERS,
    Drawing,
    boundary,
    element,
    event,
    flow,
    gateway,
    timer,
    user,
)
from tests.engine.gate_business_faults import DECIDE, KEPT_ONLY
from tests.engine.gate_faults import SOUND

CHOOSE = {**KEPT_ONLY, "form": "choose"}
LATE = boundary("late", "vet", timer("timeDuration", '"P5D"'))


def within(kind: str = "subProcess", marker: str = "") -> dict[str, str]:
    """The second task inside something that is passed in its place."""
    names = ["in_start", "vet", "in_end"]
    parts = [event("startEvent", names[0]), user("vet", DECIDE, name="审核")]
    parts += [event("endEvent", names[-1]), *(flow(*pair) for pair in pairwise(names))]
    body = marker + "".join(parts)
    part = element(kind, "part", body, name="审核")
    # What is many stands behind a gateway.
    before = {"is_fit_to_vet": flow("is_fit", "part", ident="is_fit_to_vet")}
    return {"vet": part, **before, "vet_to_is_good": flow("part", "is_good")}


def twice(**parts: str) -> Drawing:
    """One chooses among three words, the next among two, and a gateway asks for the third."""
    drawing = SOUND.with_(
        fill_to_vet=flow("fill", "first"),
        first=user("first", CHOOSE, name="初核"),
        first_to_is_fit=flow("first", "is_fit"),
        is_fit=gateway("is_fit", "is_fit_to_vet"),
        is_fit_to_vet=flow("is_fit", "vet"),
        is_fit_to_fill=flow("is_fit", "fill", 'decision == "return"'),
        vet=user("vet", DECIDE, name="单位审核"),
        is_good_to_fill=flow("is_good", "fill", 'decision in ["refuse", "return"]'),
    ).with_(**parts)
    others = {"again"} & drawing.parts.keys()
    inner = "part" if "<bpmn:subProcess" in drawing.parts["vet"] else "vet"
    vetting = inner if drawing.parts["vet"] else "call"
    clerks = ["first", *others, *([vetting] if vetting != "call" else [])]
    return drawing.but(lanes={**LANES, "单位经办人": clerks})


def called() -> Drawing:
    """A process whose last task decides, whatever its first one did."""
    names = ["start", "again", "vet", "end"]
    again, vet = user("again", CHOOSE, name="初核"), user("vet", DECIDE, name="审核")
    parts = {
        "start": event("startEvent", "start"),
        "again": again,
        "is_fit": gateway("is_fit", "is_fit_to_vet"),
        "vet": vet,
        "end": event("endEvent", "end"),
        "ways": flow("start", "again") + flow("again", "is_fit") + flow("is_fit", "vet"),
        "asked": flow("is_fit", "again", 'decision == "return"') + flow("vet", "end"),
    }
    return Drawing("called", parts, lanes={"单位经办人": names[1:3]})


CALL = {
    "vet": "",
    "call": element("callActivity", "call", calledElement="called", name="审核"),
    "is_fit_to_vet": flow("is_fit", "call", ident="is_fit_to_vet"),
    "vet_to_is_good": flow("call", "is_good"),
}
BESIDE = {
    "is_fit_to_vet": flow("is_fit", "both", ident="is_fit_to_vet"),
    "both": element("parallelGateway", "both", name="同时"),
    "both_to_vet": flow("both", "vet"),
    "both_to_all": flow("both", "all"),
    "all": element("parallelGateway", "all", name="汇合"),
    "vet_to_is_good": flow("vet", "all"),
    "all_to_is_good": flow("all", "is_good"),
}
FAULTY = {
    "a task of its own words": {},
    "a part of the process": within(),
    "a process that is called": CALL,
}
SOUND_WAYS = {
    "a way around it": {"around": flow("is_fit", "is_good", 'decision == "refuse"', "around")},
    "a time that interrupts it": {"late": LATE, "late_to_is_good": flow("late", "is_good")},
    "a list that may be empty": within(marker=LOOP_OVER_VOTERS),
    "a branch beside it, whose word may be the last": BESIDE,
}


@pytest.mark.parametrize("parts", FAULTY.values(), ids=FAULTY)
def test_a_word_that_is_always_written_over_never_comes(parts: dict[str, str]) -> None:
    files = {"sample.bpmn": twice(**parts).bytes(), "called.bpmn": called().bytes()}
    if "call" not in parts:
        del files["called.bpmn"]
    found = [each for each in inspect(files, known=KNOWN).findings if each.severity == "error"]
    assert [(each.rule, each.element) for each in found] == [
        ("condition.value", "is_good_to_fill")
    ], found
    assert found[0].message.endswith('decision 只会是"pass"、"return"')
    assert "refuse" not in found[0].hint


@pytest.mark.parametrize("parts", SOUND_WAYS.values(), ids=SOUND_WAYS)
def test_a_word_that_some_way_leaves_as_it_was_may_come(parts: dict[str, str]) -> None:
    found = inspect({"sample.bpmn": twice(**parts).bytes()}, known=KNOWN).findings
    assert "condition.value" not in {each.rule for each in found}, found
