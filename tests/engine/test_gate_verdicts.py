"""What people decide is asked for before others write over it."""

import pytest

from app.engine.gate.inspection import inspect
from tests.engine.gate_builder import (
    FILL,
    KNOWN,
    LANES,
    Drawing,
    boundary,
    element,
    event,
    flow,
    gateway,
    timer,
    user,
)
from tests.engine.gate_business_faults import ASKED_BETWEEN, KEPT_ONLY, asked_twice
from tests.engine.gate_faults import SOUND

ONCE = asked_twice(between="vet")
SEEN = user("first", {**KEPT_ONLY, "form": "look_only", "outcomes": ""}, name="阅知")
FREE = user("first", {**KEPT_ONLY, "form": "note_freely"}, name="初核")
PART = Drawing(
    process_id="part",
    parts={
        "start": event("startEvent", "start"),
        "tell": user("tell", {**FILL, "outcomes": "reason"}, name="说明"),
        "end": event("endEvent", "end"),
        "is_fit": gateway("is_fit", "is_fit_to_end"),
        "start_to_is_fit": flow("start", "is_fit"),
        "is_fit_to_tell": flow("is_fit", "tell", 'decision == "return"'),
        "is_fit_to_end": flow("is_fit", "end"),
        "tell_to_end": flow("tell", "end"),
    },
    lanes={"申报人": ["tell"]},
)


def unread(drawing: Drawing, **more: Drawing) -> list[str]:
    files = {f"{name}.bpmn": each.bytes() for name, each in {"sample": drawing, **more}.items()}
    found = inspect(files, known=KNOWN).findings
    return [each.element for each in found if each.rule == "task.unread"]


def passing(middle: str, kind: str, **attributes: str) -> Drawing:
    """Something stands between the two who decide."""
    return asked_twice(
        between="middle",
        middle=element(kind, "middle", middle, name="中间", **attributes),
        middle_to_vet=flow("middle", "vet"),
    )


def in_time(target: str) -> Drawing:
    """The second one's task may end by time, and lead to what asks, or to what does not."""
    late = boundary("late", "vet", timer("timeDuration", '"P5D"'))
    return ONCE.with_(late=late, late_to=flow("late", target))


INNER = (
    element("startEvent", "in_start")
    + user("again", KEPT_ONLY, name="复核")
    + element("endEvent", "in_end")
    + flow("in_start", "again")
    + flow("again", "in_end")
)
INSIDE = passing(INNER, "subProcess").but(
    lanes={**LANES, "单位经办人": ["first", "vet", "middle"]}
)
CASES: dict[str, tuple[Drawing, list[str]]] = {
    "one after the other": (ONCE, ["vet"]),
    "asked between": (ASKED_BETWEEN, []),
    "any words at all": (ONCE.with_(first=FREE), ["vet"]),
    "who only reads": (ONCE.with_(first=SEEN), []),
    "a service between": (
        ONCE.with_(first_to=flow("first", "publish"), publish_to_end=flow("publish", "vet")),
        ["vet"],
    ),
    "a time that waits for an answer": (
        passing(timer("timeDuration", "decision"), "intermediateCatchEvent"),
        [],
    ),
    "what asks when the time is up": (in_time("is_good"), []),
    "what does not ask when the time is up": (in_time("end"), ["vet"]),
    "in a part, and behind it": (INSIDE, ["again", "vet"]),
    "a decision once": (SOUND.with_(vet=user("vet", KEPT_ONLY, name="审核")), []),
}


@pytest.mark.parametrize("name", CASES)
def test_a_word_that_nothing_asks_for_is_not_written_over(name: str) -> None:
    drawing, found = CASES[name]
    assert unread(drawing) == found


def test_what_is_called_may_ask() -> None:
    calling = passing("", "callActivity", calledElement="part")
    assert unread(calling, part=PART) == []
    deaf = PART.with_(is_fit_to_tell=flow("is_fit", "tell", "today &gt; '2026-01-02'"))
    assert unread(calling, part=deaf) == ["vet"]


def test_the_finding_names_who_was_not_heard() -> None:
    found = inspect({"sample.bpmn": ONCE.bytes()}, known=KNOWN).findings
    assert [each.severity for each in found] == ["error"]
    assert "“初核”" in found[0].message
