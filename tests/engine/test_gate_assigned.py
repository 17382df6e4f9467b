"""What is read is set on every way that leads there, else people are warned."""

import pytest

from app.engine.gate.assigned import Assigned
from app.engine.gate.bundle import read_bundle
from app.engine.gate.inspection import inspect
from app.engine.gate.variables import Variables
from tests.engine.gate_builder import (
    FILL,
    KNOWN,
    LANES,
    Drawing,
    boundary,
    element,
    flow,
    gateway,
    timer,
    user,
)
from tests.engine.gate_faults import SOUND


def warned(drawing: Drawing, **more: Drawing) -> list[tuple[str, str]]:
    files = {f"{name}.bpmn": each.bytes() for name, each in {"sample": drawing, **more}.items()}
    found = inspect(files, known=KNOWN).findings
    assert all(each.severity == "warning" for each in found)
    return [(each.rule, each.element) for each in found]


def branching(stages: int, width: int) -> Drawing:
    """One inclusive join behind the other, each with so many people at once before it."""
    parts, last = [element("startEvent", "start"), element("endEvent", "end")], "start"
    for stage in range(stages):
        fork, join = f"fork{stage}", f"join{stage}"
        parts += [element("parallelGateway", fork), element("inclusiveGateway", join)]
        parts.append(flow(last, fork))
        for each in (f"fill{stage}_{n}" for n in range(width)):
            parts += [filling(each, each), flow(fork, each), flow(each, join)]
        last = join
    return Drawing(parts={"x": "".join([*parts, flow(last, "end")])})


@pytest.mark.parametrize(("stages", "width", "told"), [(1, 3, 3), (12, 13, 0)])
def test_it_is_asked_who_always_comes_as_far_as_the_work_allows(
    stages: int, width: int, told: int
) -> None:
    drawing = branching(stages, width)
    [diagram] = read_bundle({"sample.bpmn": drawing.bytes()}).diagrams
    names = [node.id for node in diagram.of_kind("userTask")]
    assigned = Assigned(Variables(diagram, KNOWN, {}), names)
    assert len(assigned.at_the_end()) >= told
    # The last question may take some more.
    assert assigned.walks.work < 600 * len(diagram.nodes)


def asking(*names: str, lane: tuple[str, ...] = ()) -> Drawing:
    """The sample that asks behind its end whether these are so."""
    text = " and ".join(f"{name} != None" for name in names)
    return SOUND.with_(
        publish_to_end=flow("publish", "asked"),
        asked=gateway("asked", "asked_to_end"),
        asked_to_end=flow("asked", "end"),
        asked_to_fill=flow("asked", "fill", text),
    ).but(lanes={**LANES, "申报人": ["fill", *lane]})


def filling(ident: str, name: str) -> str:
    return user(ident, {**FILL, "outcomes": name}, name="填写")


def test_what_every_way_sets_is_read_without_a_word() -> None:
    assert warned(asking("amount", "decision")) == []


def test_what_only_one_branch_sets_is_warned_of() -> None:
    drawing = asking("reason", lane=("explain",)).with_(
        explain=filling("explain", "reason"),
        is_good_to_fill=flow("is_good", "explain", 'decision == "return"'),
        explain_to_publish=flow("explain", "publish"),
    )
    assert warned(drawing) == [("variable.unset", "asked_to_fill")]


ODD = 'reason == "odd"'
LATE = {
    "late": boundary("late", "fill", timer("timeDuration", '"P5D"')),
    "late_to_asked": flow("late", "asked"),
    "fill_to_vet": flow("fill", "vet"),
    **dict.fromkeys(("is_much", "is_much_to_asked"), ""),
}


@pytest.mark.parametrize(
    ("text", "parts", "process", "severity"),
    [
        (ODD, {}, "sample", "error"),
        (ODD, {"asked_to_vet": flow("asked", "vet")}, "sample", "error"),
        (f"amount > 3 or {ODD}", {}, "sample", "warning"),
        (ODD, {"is_much_to_vet": flow("is_much", "vet", "amount > 5")}, "sample", "warning"),
        (ODD, {"first": flow("asked", "vet", "amount > 5", "first")}, "sample", "warning"),
        (ODD, LATE, "sample", "warning"),
        (ODD, {}, "part", "warning"),
    ],
    ids=[
        "at once",
        "behind the default, which is not read",
        "behind an or",
        "behind a decision",
        "behind another branch",
        "behind a time that may not come",
        "in a part, whose caller may have set it",
    ],
)
def test_what_is_asked_before_anybody_can_have_answered_is_refused(
    text: str, parts: dict[str, str], process: str, severity: str
) -> None:
    """A task further on sets the reason, for the next round alone."""
    drawn = {
        "fill_to_vet": flow("fill", "is_much"),
        "is_much": gateway("is_much", "is_much_to_asked"),
        "is_much_to_asked": flow("is_much", "asked"),
        "asked": gateway("asked", "asked_to_vet"),
        "asked_to_publish": flow("asked", "publish", text),
        "asked_to_vet": flow("asked", "vet"),
        "explain": filling("explain", "reason"),
        "is_good_to_fill": flow("is_good", "explain", 'decision == "return"'),
        "explain_to_fill": flow("explain", "fill"),
    }
    lanes = {**LANES, "申报人": ["fill", "explain"]}
    # What is given is drawn first, in the place of what is drawn otherwise.
    drawing = SOUND.with_(**parts | drawn | parts).but(lanes=lanes, process_id=process)
    found = inspect({f"{process}.bpmn": drawing.bytes()}, known=KNOWN).findings
    told = [(each.severity, each.rule, each.element) for each in found]
    assert told == [(severity, "variable.unset", "asked_to_publish")]


def test_branches_that_a_join_has_waited_for_have_all_set_theirs() -> None:
    drawing = asking("one", "two", lane=("first", "second")).with_(
        is_good_to_publish=flow("is_good", "fork", ident="is_good_to_publish"),
        fork=element("parallelGateway", "fork", name="分开"),
        first=filling("first", "one"),
        second=filling("second", "two"),
        fork_to_first=flow("fork", "first"),
        fork_to_second=flow("fork", "second"),
        first_to_join=flow("first", "join"),
        second_to_join=flow("second", "join"),
        join=element("parallelGateway", "join", name="汇合"),
        join_to_publish=flow("join", "publish"),
    )
    assert warned(drawing) == []


def test_what_is_interrupted_has_set_nothing() -> None:
    late = {
        "late": boundary("late", "vet", timer("timeDuration", '"P5D"')),
        "late_to_publish": flow("late", "publish"),
    }
    assert warned(asking("decision").with_(**late)) == [("variable.unset", "asked_to_fill")]
    assert warned(asking("amount").with_(**late)) == []


def part(*ends: str) -> Drawing:
    """A called process that sets a reason, or on a way to a second end does not."""
    parts = {
        "start": element("startEvent", "start", name="开始"),
        "look": filling("look", "amount"),
        "is_odd": gateway("is_odd", "is_odd_to_explain"),
        "explain": filling("explain", "reason"),
        "end": element("endEvent", "end", name="结束"),
        "start_to_look": flow("start", "look"),
        "look_to_is_odd": flow("look", "is_odd"),
        "is_odd_to_explain": flow("is_odd", "explain"),
        "explain_to_end": flow("explain", "end"),
    }
    for end in ends:
        parts[end] = element("endEvent", end, name="结束")
        parts[f"is_odd_to_{end}"] = flow("is_odd", end, "amount > 3")
    return Drawing(process_id="part", parts=parts, lanes={"申报人": ["look", "explain"]})


def test_a_called_process_has_set_what_all_its_ends_have() -> None:
    calling = asking("reason").with_(
        call=element("callActivity", "call", calledElement="part", name="说明"),
        publish_to_end=flow("publish", "call"),
        call_to_asked=flow("call", "asked"),
    )
    assert warned(calling, part=part()) == []
    assert warned(calling, part=part("quick")) == [("variable.unset", "asked_to_fill")]


def test_a_part_of_a_process_has_set_what_all_its_ends_have() -> None:
    inner = (
        element("startEvent", "in_start")
        + filling("explain", "reason")
        + element("endEvent", "in_end")
        + flow("in_start", "explain")
        + flow("explain", "in_end")
    )
    drawing = asking("reason", lane=("inside",)).with_(
        is_good_to_publish=flow("is_good", "inside", ident="is_good_to_publish"),
        inside=element("subProcess", "inside", inner, name="说明"),
        inside_to_publish=flow("inside", "publish"),
    )
    assert warned(drawing) == []


def test_branches_that_an_inclusive_join_or_an_end_has_waited_for_have_all_set_theirs() -> None:
    inner = (
        element("startEvent", "in_start")
        + element("parallelGateway", "fork", name="分开")
        + element("inclusiveGateway", "join", name="汇合")
        + element("endEvent", "in_end")
        + flow("in_start", "fork")
        + "".join(
            filling(each, name) + flow("fork", each) for each, name in (("a", "one"), ("b", "two"))
        )
    )
    joined, final = flow("join", "in_end"), "<bpmn:terminateEventDefinition/>"
    met = flow("a", "join") + flow("b", "join") + joined
    for end, found in (("", []), (final, [("variable.unset", "asked_to_fill")])):
        apart = element("endEvent", "a_end", end) + flow("a", "a_end") + flow("b", "join") + joined
        for ways in (apart, *([] if end else [met])):
            drawing = asking("one", "two", lane=("inside",)).with_(
                is_good_to_publish=flow("is_good", "inside", ident="is_good_to_publish"),
                inside=element("subProcess", "inside", inner + ways, name="说明"),
                inside_to_publish=flow("inside", "publish"),
            )
            assert warned(drawing) == found
