"""What the gate reckons a process does at once is what the runtime counts."""

import pytest

from app.engine import handlers, walk
from app.engine.gate.bundle import read_bundle
from app.engine.gate.known import Published
from app.engine.gate.publishing import with_bundle
from app.engine.walk import StepBudgetExceeded
from tests.engine.gate_builder import KNOWN, element, gateway, service
from tests.engine.gate_load_faults import (
    Files,
    calls_upon_calls,
    group,
    straight,
    times,
)
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
