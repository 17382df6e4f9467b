"""A loop pauses where somebody acts on every way round, whatever fails and whatever meets."""

import pytest

from app.engine.gate.inspection import inspect
from tests.engine.gate_builder import (
    GLOBALS,
    KNOWN,
    Drawing,
    boundary,
    element,
    event,
    flow,
    gateway,
    properties,
    service,
    user,
)
from tests.engine.gate_state_faults import SEEN

BAD = '<bpmn:errorEventDefinition errorRef="bad"/>'
OUTSIDE = GLOBALS + '<bpmn:error id="bad" name="bad" errorCode="bad"/>'
VET = user("vet", SEEN, name="阅知")
SPINS = {"graph.automatic_loop"}


def drawn(*parts: str, process: str = "sample") -> Drawing:
    """A process with somebody to act in one of its parts at most."""
    lanes = {"单位经办人": ["vet"]} if VET in "".join(parts) else {}
    year = properties(inputs="year")
    return Drawing(process, {"x": "".join(parts)}, lanes, outside=OUTSIDE, process_properties=year)


def errors(drawing: Drawing, **more: Drawing) -> set[str]:
    files = {f"{name}.bpmn": each.bytes() for name, each in {"sample": drawing, **more}.items()}
    found = inspect(files, known=KNOWN).findings
    return {each.rule for each in found if each.severity == "error"}


def looping(*body: str, first: str, last: str) -> Drawing:
    """A loop from what comes first to what comes last, which may also end."""
    return drawn(
        event("startEvent", "start"),
        gateway("anew"),
        *body,
        gateway("is_over", "is_over_to_end"),
        event("endEvent", "end"),
        flow("start", "anew") + flow("anew", first) + flow(last, "is_over"),
        flow("is_over", "end") + flow("is_over", "anew", "year > 3"),
    )


def failing(way: str) -> str:
    """What ends with an error, on its only way, on one of two, or beside somebody who acts."""
    begun, bad = event("startEvent", "in_start"), event("endEvent", "in_bad", BAD)
    if way == "always":
        return begun + bad + service("work") + flow("in_start", "work") + flow("work", "in_bad")
    fork = gateway("parted", "parted_to_vet")
    if way == "beside":
        fork = element("parallelGateway", "parted", name="分开")
    condition = "year > 3" if way == "on one way" else None
    return (
        begun
        + bad
        + fork
        + VET
        + event("endEvent", "in_end")
        + flow("in_start", "parted")
        + flow("parted", "vet")
        + flow("parted", "in_bad", condition)
        + flow("vet", "in_end")
    )


@pytest.mark.parametrize("is_called", [False, True])
@pytest.mark.parametrize("way", ["always", "on one way", "beside"])
def test_a_loop_spins_where_it_leads_on_from_a_part_that_fails_without_a_pause(
    way: str, is_called: bool
) -> None:
    part = element("subProcess", "part", failing(way), name="办理")
    called = {"called": drawn(failing(way), process="called")} if is_called else {}
    if is_called:
        part = element("callActivity", "part", calledElement="called", name="办理")
    caught, ended = boundary("failed", "part", BAD), flow("part", "end")
    again = looping(part, caught, ended, first="part", last="failed")
    assert errors(again, **called) == SPINS
    if way != "always":
        # Who goes round by the way on which somebody acts does not spin.
        ended = flow("failed", "end")
        again = looping(part, caught, ended, first="part", last="part")
        assert errors(again, **called) == set()


def test_an_inclusive_join_does_not_wait_for_who_may_come_where_another_has_come() -> None:
    def body(*vetted: str) -> tuple[str, ...]:
        join = element("inclusiveGateway", "join", name="汇合")
        begun = [flow("fork", each) for each in ("work", "told", "vet")]
        come = [flow("work", "met"), flow("told", "join"), flow("met", "join"), *vetted]
        fork = element("parallelGateway", "fork", name="分开")
        return (fork, service("work"), service("told"), VET, gateway("met"), join, *begun, *come)

    merged, apart = body(flow("vet", "met")), body(flow("vet", "join"))
    assert errors(looping(*merged, first="fork", last="join")) == SPINS
    assert errors(looping(*apart, first="fork", last="join")) == set()
