"""What ends a period comes behind its moment, on whatever way a process may take."""

from dataclasses import replace
from itertools import pairwise

import pytest

from app.engine.contracts import Contract
from app.engine.gate.inspection import inspect
from tests.engine.gate_builder import (
    KNOWN,
    LOOP_OVER_VOTERS,
    SAMPLE,
    Drawing,
    boundary,
    element,
    event,
    flow,
    service,
    timer,
)

KNOWN_ENDS = replace(
    KNOWN,
    services={
        **KNOWN.services,
        "over": Contract(SAMPLE, waits_for="ends", repeats=True),
    },
)
ENDS = timer("timeDate", "ends")
FAILED = '<bpmn:errorEventDefinition errorRef="bad"/>'
OUTSIDE = '<bpmn:error id="bad" name="bad" errorCode="bad"/>'


def drawn(*flows: tuple[str, str], process: str = "sample", **parts: str) -> Drawing:
    """A process of automatic nodes; what is not drawn otherwise is a service."""
    flowing = {f"{source}_to_{target}": flow(source, target) for source, target in flows}
    names = dict.fromkeys(name for pair in flows for name in pair)
    nodes = {
        "start": event("startEvent", "start"),
        "end": event("endEvent", "end"),
        "wait": event("intermediateCatchEvent", "wait", ENDS),
        "over": service("over", "over"),
        "fork": element("parallelGateway", "fork"),
        "join": element("parallelGateway", "join"),
    }
    drawn = {name: nodes.get(name, service(name)) for name in names} | parts
    return Drawing(process, {**drawn, **flowing}, lanes={}, outside=OUTSIDE)


def early(drawing: Drawing, **more: Drawing) -> list[str]:
    """The elements that come before their moment, as the gate finds them."""
    files = {"sample.bpmn": drawing.bytes()}
    files |= {f"{name}.bpmn": each.bytes() for name, each in more.items()}
    verdict = inspect(files, known=KNOWN_ENDS)
    return [found.element for found in verdict.findings if found.rule == "task.early"]


FORKED = (("start", "fork"), ("fork", "wait"), ("fork", "tell"))


@pytest.mark.parametrize(
    ("flows", "kind", "found"),
    [
        ((("wait", "join"), ("tell", "join"), ("join", "over")), "parallelGateway", []),
        ((("wait", "join"), ("tell", "join"), ("join", "over")), "exclusiveGateway", ["over"]),
        ((("wait", "join"), ("tell", "over"), ("over", "join")), "parallelGateway", ["over"]),
    ],
    ids=["behind both", "behind either", "beside the wait"],
)
def test_a_join_has_waited_for_all_its_branches(
    flows: tuple[tuple[str, str], ...], kind: str, found: list[str]
) -> None:
    last = ("over", "end") if flows[-1][1] == "over" else ("join", "end")
    drawing = drawn(*FORKED, *flows, last, join=element(kind, "join"))
    assert early(drawing) == found


def failing(*before: str) -> dict[str, str]:
    """A part of a process that fails behind these nodes, in parts."""
    names = ["inner_start", *before, "failed"]
    parts = {
        "inner_start": event("startEvent", "inner_start"),
        "wait": event("intermediateCatchEvent", "wait", ENDS),
        "failed": event("endEvent", "failed", FAILED),
    }
    ways = [flow(source, target) for source, target in pairwise(names)]
    return {name: parts.get(name, service(name)) for name in names} | {"ways": "".join(ways)}


@pytest.mark.parametrize("is_called", [True, False])
def test_an_error_counts_what_was_waited_for_before_it(is_called: bool) -> None:
    def found(*before: str, **caught: str) -> list[str]:
        parts = failing(*before)
        inner = element("callActivity", "part", calledElement="part", name="审核")
        if not is_called:
            inner = element("subProcess", "part", "".join(parts.values()), name="审核")
        late = boundary("late", "part", caught.get("caught", FAILED))
        flows = (("start", "part"), ("part", "end"), ("late", "over"), ("over", "end"))
        drawing = drawn(*flows, part=inner, late=late)
        called = Drawing("part", parts, lanes={}, outside=OUTSIDE)
        return early(drawing, **({"part": called} if is_called else {}))

    assert found("wait") == []
    assert found("tell") == ["over"]
    # A time at the border may come before anything within.
    assert found("wait", caught=timer("timeDuration", '"P1D"')) == ["over"]
    assert found("wait", caught=ENDS) == []


def test_an_error_that_no_task_ends_with_leads_nowhere() -> None:
    late = boundary("late", "tell", FAILED)
    flows = (("start", "tell"), ("tell", "wait"), ("wait", "over"), ("late", "over"))
    assert early(drawn(*flows, ("over", "end"), late=late)) == []


@pytest.mark.parametrize(("marker", "found"), [(LOOP_OVER_VOTERS, ["over"]), ("", [])])
def test_a_part_for_each_of_a_list_waits_for_nothing_where_there_are_none(
    marker: str, found: list[str]
) -> None:
    names = ["inner_start", "wait", "inner_end"]
    inner = event("startEvent", "inner_start") + event("endEvent", "inner_end")
    inner += event("intermediateCatchEvent", "wait", ENDS)
    inner += "".join(flow(source, target) for source, target in pairwise(names))
    part = element("subProcess", "part", marker + inner, name="逐人公示")
    flows = (("start", "part"), ("part", "over"), ("over", "end"))
    assert early(drawn(*flows, part=part)) == found


SOME = {"fork": element("inclusiveGateway", "fork", default="fork_to_tell", name="分头办理")}
ANY = {"join": element("inclusiveGateway", "join", name="汇合")}
NESTED = {
    "either": element("exclusiveGateway", "either", default="either_to_tell", name="如何通知"),
    "met": element("exclusiveGateway", "met", name="相遇"),
    "late": element("exclusiveGateway", "late", default="late_to_join", name="是否公示"),
}
MERGED = (("fork", "met"), ("fork", "join"), ("met", "join"))
PARTED = (("start", "fork"), ("fork", "late"), ("fork", "tell"))
TO_END = (("join", "over"), ("over", "end"))
BOTH = (("wait", "join"), ("tell", "join"), *TO_END)


@pytest.mark.parametrize(
    ("flows", "parts", "found"),
    [
        ((*FORKED, *BOTH), ANY, []),
        ((*FORKED, *BOTH), {**ANY, **SOME}, ["over"]),
        (
            (*FORKED[:2], ("fork", "either"), ("either", "tell"), ("either", "join"), *BOTH),
            {**ANY, **NESTED},
            [],
        ),
        (
            (*PARTED, ("late", "wait"), ("late", "join"), *BOTH),
            {**ANY, **NESTED},
            ["over"],
        ),
        # The engine does not wait for who may come where another has come already.
        ((*FORKED[:2], *MERGED, ("wait", "met"), *TO_END), {**ANY, **NESTED}, ["over"]),
        ((*FORKED[:2], *MERGED, ("wait", "join"), *TO_END), {**ANY, **NESTED}, []),
    ],
    ids=[
        "all are taken",
        "some are",
        "one of them is chosen further",
        "one may go round",
        "one comes where another has come",
        "one comes where no other does",
    ],
)
def test_an_inclusive_join_has_waited_for_all_that_were_taken(
    flows: tuple[tuple[str, str], ...], parts: dict[str, str], found: list[str]
) -> None:
    assert early(drawn(*flows, **{k: v for k, v in parts.items() if k in str(flows)})) == found


def parted(kind: str, told: str = "") -> dict[str, str]:
    """What parts into two branches, each of which has an end of its own."""
    default = {"default": "to_tell"} if kind == "exclusiveGateway" else {}
    return {
        "inner_start": event("startEvent", "inner_start"),
        "fork": element(kind, "fork", name="分开", **default),
        "wait": event("intermediateCatchEvent", "wait", ENDS),
        "tell": service("tell"),
        "waited": event("endEvent", "waited"),
        "told": event("endEvent", "told", told),
        "to_fork": flow("inner_start", "fork"),
        "to_wait": flow("fork", "wait", ident="to_wait"),
        "to_tell": flow("fork", "tell", ident="to_tell"),
        "wait_to": flow("wait", "waited"),
        "tell_to": flow("tell", "told"),
    }


@pytest.mark.parametrize("is_called", [True, False])
def test_a_part_is_over_when_all_its_branches_have_ended(is_called: bool) -> None:
    def found(kind: str, told: str = "") -> list[str]:
        parts = parted(kind, told)
        part = element("subProcess", "part", "".join(parts.values()), name="公示")
        if is_called:
            part = element("callActivity", "part", calledElement="part", name="公示")
        drawing = drawn(("start", "part"), ("part", "over"), ("over", "end"), part=part)
        called = {"part": Drawing("part", parts, lanes={}, outside=OUTSIDE)} if is_called else {}
        return early(drawing, **called)

    assert found("parallelGateway") == []
    assert found("exclusiveGateway") == ["over"]
    # One of them ends it all.
    assert found("parallelGateway", "<bpmn:terminateEventDefinition/>") == ["over"]
