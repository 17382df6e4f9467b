"""What people decide is asked for before others write over it."""

from collections.abc import Mapping
from types import MappingProxyType

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
from tests.engine.gate_business_faults import (
    ALIKE,
    ASKED_BETWEEN,
    KEPT_ONLY,
    UNASKED,
    asked_twice,
    at_once,
)
from tests.engine.gate_faults import SOUND
from tests.engine.gate_state_faults import JUDGE, kept
from tests.engine.kit import decides, table

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


def told(
    drawing: Drawing, tables: Mapping[str, bytes] = MappingProxyType({})
) -> list[tuple[str, str, str]]:
    files = {f"{drawing.process_id}.bpmn": drawing.bytes(), **tables}
    found = inspect(files, known=KNOWN).findings
    return [(each.severity, each.rule, each.element) for each in found]


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


def agreeing(target: str, **parts: str) -> Drawing:
    """Before the one who judges somebody agrees, whose handler leaves the record as it was."""
    drawing = kept(
        start_to_judge=flow("start", "agree"),
        judge=user("judge", {**JUDGE, "apart": "agree"}, name="审核"),
        agree=user("agree", {**JUDGE, "form": "agree", "save": "agree"}, name="副审确认"),
        agree_to=flow("agree", target),
        **parts,
    )
    return drawing.but(lanes={**drawing.lanes, "单位经办人": ["judge", "agree"]})


def choosing(returned: str) -> Drawing:
    """Three verdicts, of which some condition tells one apart."""
    return ASKED_BETWEEN.with_(
        first=user("first", {**KEPT_ONLY, "form": "choose"}, name="初核"),
        is_fit_to_fill=flow("is_fit", "fill", returned),
    )


LARGE = asked_twice(
    between="is_large",
    is_large=gateway("is_large", "is_large_to_is_fit"),
    is_large_to_vet=flow("is_large", "vet", "amount > 5"),
    is_large_to_is_fit=flow("is_large", "is_fit"),
    is_fit=gateway("is_fit", "is_fit_to_vet"),
    is_fit_to_vet=flow("is_fit", "vet"),
    is_fit_to_fill=flow("is_fit", "fill", 'decision == "return"'),
)
ASKED_AT_ONCE = agreeing(
    "is_agreed",
    is_agreed=gateway("is_agreed", "is_agreed_to_agree"),
    is_agreed_to_judge=flow("is_agreed", "judge", 'decision == "pass"'),
    is_agreed_to_agree=flow("is_agreed", "agree"),
)
HEEDED: dict[str, tuple[Drawing, list[tuple[str, str, str]]]] = {
    "nothing asks to the end": (UNASKED, [("error", "task.unread", "vet")]),
    "both verdicts lead to one task": (ALIKE, [("warning", "task.unheeded", "first")]),
    "two at once": (
        at_once(user("first", KEPT_ONLY, name="初核")),
        [("error", "task.unread", "all")],
    ),
    "one at once who only reads": (at_once(SEEN), []),
    "asked on some ways alone": (LARGE, [("warning", "task.unread", "vet")]),
    "a handler that leaves the record alike": (
        agreeing("judge"),
        [("error", "task.unread", "judge")],
    ),
    "such a handler before a gateway": (ASKED_AT_ONCE, []),
    "two ways of not consenting": (choosing('decision != "pass"'), []),
    "a consent beside a refusal": (
        choosing('decision == "return"'),
        [("warning", "task.unheeded", "first")],
    ),
}


@pytest.mark.parametrize("name", HEEDED)
def test_a_verdict_makes_a_difference(name: str) -> None:
    drawing, found = HEEDED[name]
    assert told(drawing) == found


def test_what_a_table_makes_of_a_verdict_makes_a_difference() -> None:
    routed = asked_twice(
        between="route",
        route=decides("route", "find_route"),
        route_to_is_fit=flow("route", "is_fit"),
        is_fit=gateway("is_fit", "is_fit_to_vet"),
        is_fit_to_vet=flow("is_fit", "vet"),
        is_fit_to_fill=flow("is_fit", "fill", 'route == "back"'),
    )
    rest = ('"pass"', '"back"')
    columns = "find_route", "FIRST", ("decision",), ("route",)
    apart = table(*columns, ('"return"', '"on"'), rest)
    alike = table(*columns, ('"return"', '"back"'), rest)
    assert told(routed, apart) == []
    assert ("warning", "task.unheeded", "first") in told(routed, alike)
