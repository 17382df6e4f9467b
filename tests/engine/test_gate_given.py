"""What the platform gives a process, and what is its own to say: data, messages, records."""

from dataclasses import replace

import pytest

from app.engine.gate.inspection import inspect
from tests.engine.gate_builder import (
    GLOBALS,
    KNOWN,
    Drawing,
    element,
    event,
    flow,
    message,
    properties,
    service,
)
from tests.engine.gate_faults import SPOILED
from tests.engine.gate_state_faults import FIVE_DAYS, kept


def rules_of(drawing: Drawing, **more: Drawing) -> set[str]:
    drawn = {"kept": drawing, **more}
    files = {f"{name}.bpmn": each.bytes() for name, each in drawn.items()}
    return {found.rule for found in inspect(files, known=KNOWN).findings}


def called(name: str, handler: str) -> Drawing:
    return Drawing(
        process_id=name,
        parts={
            "start": element("startEvent", "start", name="开始"),
            "act": service("act", handler),
            "end": element("endEvent", "end", name="结束"),
            "start_to_act": flow("start", "act"),
            "act_to_end": flow("act", "end"),
        },
        lanes={},
    )


@pytest.mark.parametrize(("handler", "rules"), [("file", {"call.business"}), ("publish", set())])
def test_a_process_of_another_business_is_not_called(handler: str, rules: set[str]) -> None:
    """It would take the number of an item for that of its own record."""
    calling = kept(
        store_to_end=flow("store", "call"),
        call=element("callActivity", "call", calledElement="filed", name="归档"),
        call_to_end=flow("call", "end"),
    )
    callee = called("filed" if rules else "other_part", handler)
    if not rules:
        calling = calling.replacing('calledElement="filed"', 'calledElement="other_part"')
    assert rules_of(calling, **{callee.process_id: callee}) == rules


@pytest.mark.parametrize(("name", "rules"), [("amount", {"process.inputs"}), ("year", set())])
def test_a_process_is_started_with_what_the_platform_gives_and_nothing_else(
    name: str, rules: set[str]
) -> None:
    drawing = Drawing().but(process_properties=properties(inputs=name))
    files = {"sample.bpmn": drawing.bytes()}
    assert {found.rule for found in inspect(files, known=KNOWN).findings} == rules


@pytest.mark.parametrize(
    ("outcomes", "rules"),
    [("amount", {"event.outcomes"}), ("sum,amount", {"event.outcomes"}), ("sum", set())],
)
def test_a_message_brings_what_its_event_declares(outcomes: str, rules: set[str]) -> None:
    """The runtime refuses what is not declared; what is declared and not brought is missing."""
    drawing = kept(
        start_to_judge=flow("start", "which"),
        which=element("eventBasedGateway", "which", name="等待"),
        which_to_wait=flow("which", "wait"),
        wait=event("intermediateCatchEvent", "wait", FIVE_DAYS),
        wait_to_judge=flow("wait", "judge"),
        which_to_paid=flow("which", "paid"),
        paid=event(
            "intermediateCatchEvent", "paid", properties(outcomes=outcomes) + message("m_paid")
        ),
        paid_to_judge=flow("paid", "judge"),
    ).but(outside=GLOBALS + '<bpmn:message id="m_paid" name="paid"/>')
    assert rules_of(drawing) == rules


@pytest.mark.parametrize(("name", "rules"), [("withdrawn", {"event.reserved"}), ("told", set())])
def test_a_diagram_does_not_say_what_the_platform_says_of_a_record(
    name: str, rules: set[str]
) -> None:
    """Caught by the process itself it would end what nobody has withdrawn."""
    drawing = kept(
        store_to_end=flow("store", "say"),
        say=event("intermediateThrowEvent", "say", message("said")),
        say_to_end=flow("say", "end"),
    ).but(outside=f'<bpmn:message id="said" name="{name}"/>')
    assert rules_of(drawing) - {"event.unheard"} == rules


def test_a_join_that_waits_for_ever_is_met_where_no_states_are_told() -> None:
    """Then nobody follows the record, but the engine itself walks and stops."""
    drawing = SPOILED["a join that waits for ever"].drawing
    known = replace(KNOWN, matters={})
    found = inspect({"sample.bpmn": drawing.bytes()}, known=known).findings
    assert [each.rule for each in found if each.severity == "error"] == ["engine.stuck"]
