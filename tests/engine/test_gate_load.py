"""What the gate reckons a process does at once is what the runtime counts."""

import pytest

from app.engine import handlers, walk
from app.engine.gate.bundle import read_bundle
from app.engine.gate.inspection import inspect
from app.engine.gate.known import Published
from app.engine.gate.publishing import with_bundle
from app.engine.walk import StepBudgetExceeded
from tests.engine.gate_builder import (
    KNOWN,
    Drawing,
    element,
    event,
    flow,
    gateway,
    properties,
    service,
    user,
)
from tests.engine.gate_load_faults import (
    Files,
    calls_upon_calls,
    group,
    straight,
    times,
)
from tests.engine.gate_state_faults import SEEN
from tests.engine.kit import Office

SEVEN = service("a").replace("</bpmn:s", times(7) + "</bpmn:s")
GROUPS = group(times(6), service("count"), "count")
BUNDLES: dict[str, tuple[str, Files]] = {
    "steps in a row": ("p", {"p.bpmn": straight("p", service("a"), service("b"))}),
    "several of a task": (
        "p",
        {"p.bpmn": straight("p", gateway("g"), SEVEN)},
    ),
    "several of a subprocess": ("p", {"p.bpmn": straight("p", gateway("g"), GROUPS)}),
    "calls of calls": ("p0", calls_upon_calls(2, width=3)),
    "several calls": (
        "p",
        {
            "p.bpmn": straight(
                "p",
                gateway("g"),
                element("callActivity", "c", times(5), name="调用", calledElement="last"),
            ),
            "last.bpmn": straight("last", service("work")),
        },
    ),
}  # fmt: skip


def reckoned(key: str, files: Files) -> Published:
    return with_bundle(KNOWN, read_bundle(files).diagrams).processes[key]


@pytest.mark.parametrize(("key", "files"), BUNDLES.values(), ids=BUNDLES.keys())
def test_the_runtime_takes_as_many_steps_as_the_gate_reckons(
    key: str, files: Files, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers.service("publish")(lambda _step: {})
    # The runtime counts the root of the tree as well.
    needed = reckoned(key, files).least.entry + 1
    office.publish(files, key=key)
    monkeypatch.setattr(walk, "STEP_BUDGET", needed - 1)
    with pytest.raises(walk.StepFailed) as failed:
        office.begin(key)
    assert isinstance(failed.value.__cause__, StepBudgetExceeded)
    monkeypatch.setattr(walk, "STEP_BUDGET", needed)
    assert office.status(office.begin(key)) == "completed"


def turning(kind: str, beside: str) -> Drawing:
    """A loop with two branches, which meet at a join or end each by itself in a part."""
    both, is_part = ("work", "vet"), kind == "endEvent"
    branches = [element("parallelGateway", "fork", name="分开"), service("work"), beside]
    branches += [flow("fork", each) for each in both]
    if is_part:
        branches += [event("startEvent", "in_start"), flow("in_start", "fork")]
        branches += [event(kind, f"{each}_end") + flow(each, f"{each}_end") for each in both]
        branches = [element("subProcess", "part", "".join(branches), name="办理")]
    else:
        branches += [element(kind, "join", name="汇合"), *(flow(each, "join") for each in both)]
    parts = {
        "start": event("startEvent", "start"),
        "anew": gateway("anew"),
        "branches": "".join(branches),
        "is_over": gateway("is_over", "is_over_to_end"),
        "end": event("endEvent", "end"),
        "begin": flow("start", "anew") + flow("anew", "part" if is_part else "fork"),
        "close": flow("part" if is_part else "join", "is_over") + flow("is_over", "end"),
        "again": flow("is_over", "anew", "year > 3"),
    }
    lanes = {"单位经办人": ["part" if is_part else "vet"]} if "userTask" in beside else {}
    return Drawing(parts=parts, lanes=lanes, process_properties=properties(inputs="year"))


@pytest.mark.parametrize("kind", ["parallelGateway", "inclusiveGateway", "endEvent"])
def test_a_loop_does_not_spin_where_a_branch_of_it_waits_for_somebody(kind: str) -> None:
    def found(beside: str) -> set[str]:
        files = {"sample.bpmn": turning(kind, beside).bytes()}
        return {each.rule for each in inspect(files, known=KNOWN).findings}

    assert found(user("vet", SEEN, name="阅知")) == set()
    assert found(service("vet")) == {"graph.automatic_loop"}
