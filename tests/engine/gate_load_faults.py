"""Diagrams that would do too much at once: instances within instances, steps without a pause."""

import itertools

from tests.engine.gate_builder import (
    LANES,
    LOOP_OVER_VOTERS,
    PARTS,
    VET,
    Drawing,
    element,
    event,
    flow,
    gateway,
    loop,
    properties,
    service,
    user,
)
from tests.engine.gate_faults import SOUND, Spoiled, calling

Files = dict[str, bytes]


def times(count: int) -> str:
    return loop(f"<bpmn:loopCardinality>{count}</bpmn:loopCardinality>")


def several(drawn: str, ident: str, process: str = "sample") -> Drawing:
    """A multi-instance activity behind a gateway, at the end of the sample."""
    find = service("publish", "find_voters", outcomes="voters")
    return Drawing(process_id=process, parts=dict(PARTS)).with_(
        publish=find,
        publish_to_end=flow("publish", "ready"),
        ready=gateway("ready"),
        ready_to_it=flow("ready", ident),
        it=drawn,
        it_to_end=flow(ident, "end"),
    )


def group(marker: str, inside: str, ident: str) -> str:
    """A subprocess for several around one multi-instance activity."""
    inner = (
        event("startEvent", "group_start")
        + gateway("each")
        + inside
        + event("endEvent", "group_end")
        + flow("group_start", "each")
        + flow("each", ident)
        + flow(ident, "group_end")
    )
    return element("subProcess", "group", marker + inner, name="分组")


def voting_in_groups(groups: str, voters: str) -> Drawing:
    vote = user("vote", {**VET, "outcomes": "choice"}, voters, name="投票")
    lanes = {**LANES, "单位经办人": ["vet", "group"]}
    return several(group(groups, vote, "vote"), "group").but(lanes=lanes)


def counting_in_groups(groups: str) -> Drawing:
    return several(group(groups, service("count"), "count"), "group")


def calling_several(marker: str, target: str, process: str = "sample") -> Drawing:
    call = element("callActivity", "call", marker, name="调用", calledElement=target)
    return several(call, "call", process)


def straight(process: str, *steps: str) -> bytes:
    """A process of automatic steps alone."""
    drawing = Drawing(process_id=process, parts={}, lanes={}, outside="")
    nodes = [event("startEvent", "s"), *steps, event("endEvent", "e")]
    idents = ["s", *(step.split('"')[1] for step in steps), "e"]
    flows = [flow(here, there) for here, there in itertools.pairwise(idents)]
    return drawing.with_(body="".join([*nodes, *flows])).bytes()


def calls_upon_calls(depth: int, width: int = 10) -> Files:
    """Processes each of which calls the next a number of times: the calls multiply."""
    files = {"last.bpmn": straight("last", service("work"))}
    for level in range(depth):
        target = f"p{level + 1}" if level < depth - 1 else "last"
        calls = [
            element("callActivity", f"c{n}", name="调用", calledElement=target)
            for n in range(width)
        ]
        files[f"p{level}.bpmn"] = straight(f"p{level}", *calls)
    return files


def with_subprocess(process: str, ident: str, target: str = "") -> bytes:
    """A process with a subprocess, which may call another."""
    inner = (
        event("startEvent", "in") + service("work") + event("endEvent", "out")
        + flow("in", "work") + flow("work", "out")
    )  # fmt: skip
    steps = [element("subProcess", ident, inner, name="子流程")]
    if target:
        steps.append(element("callActivity", "call", name="调用", calledElement=target))
    return straight(process, *steps)


ASKING_FOR_THE_YEAR = SOUND.with_(is_good_to_fill=flow("is_good", "fill", "year > 2020")).but(
    process_id="other", process_properties=properties(inputs="year")
)
CALLING = {"sample.bpmn": calling("other"), "other.bpmn": ASKING_FOR_THE_YEAR}
CALLED_WITH_YEAR = {
    **CALLING,
    "sample.bpmn": calling("other").but(process_properties=properties(inputs="year")),
}


def written(drawings: dict[str, Drawing]) -> Files:
    return {name: drawing.bytes() for name, drawing in drawings.items()}


LOAD_FAULTS: dict[str, Spoiled] = {
    "voters within groups": Spoiled(
        "loop.nested", "group", voting_in_groups(times(20), times(20))
    ),
    "a list within a list": Spoiled(
        "loop.nested", "group", voting_in_groups(LOOP_OVER_VOTERS, LOOP_OVER_VOTERS)
    ),
    "more steps than one step may take": Spoiled(
        "step.budget", "sample", counting_in_groups(times(200))
    ),
    "more steps than a long list allows": Spoiled(
        "step.list", "sample", counting_in_groups(LOOP_OVER_VOTERS), "warning"
    ),
}
LOAD_SOUND: dict[str, Drawing] = {
    "voters within groups": voting_in_groups(times(10), times(20)),
    "a list within a list": voting_in_groups(times(1), LOOP_OVER_VOTERS),
    "more steps than one step may take": counting_in_groups(times(50)),
    "more steps than a long list allows": counting_in_groups(times(50)),
}
"""The same drawings within the bounds."""
LOAD_BUNDLES: dict[str, tuple[str, Files, Files]] = {
    "several calls of what has several": (
        "loop.nested",
        {
            "sample.bpmn": calling_several(times(20), "inner").bytes(),
            "inner.bpmn": several(
                user("vote", VET, times(20), name="投票"), "vote", "inner"
            ).but(lanes={**LANES, "单位经办人": ["vet", "vote"]}).bytes(),
        },
        {"sample.bpmn": SOUND.bytes()},
    ),
    "a call without what it needs": ("call.inputs", written(CALLING), written(CALLED_WITH_YEAR)),
    "two subprocesses of one id": (
        "id.duplicate",
        {"p.bpmn": with_subprocess("p", "part", "q"), "q.bpmn": with_subprocess("q", "part")},
        {"p.bpmn": with_subprocess("p", "part"), "q.bpmn": with_subprocess("q", "part")},
    ),
    "a subprocess named like what it calls": (
        "id.duplicate",
        {"p.bpmn": with_subprocess("p", "q", "q"), "q.bpmn": with_subprocess("q", "part")},
        {"p.bpmn": with_subprocess("p", "one", "q"), "q.bpmn": with_subprocess("q", "part")},
    ),
    "calls upon calls": ("step.budget", calls_upon_calls(4), calls_upon_calls(1)),
}  # fmt: skip
"""Rule, bundle with the fault, bundle without it."""
