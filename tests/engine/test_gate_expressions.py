"""Escapes: what breaks out of the engine's own sandbox is refused wherever it can be written."""

from collections.abc import Callable
from xml.sax.saxutils import escape

import pytest

from app.engine.gate.inspection import inspect
from tests.engine.gate_builder import (
    FILL,
    KNOWN,
    Drawing,
    element,
    event,
    flow,
    gateway,
    loop,
    timer,
    user,
)
from tests.engine.test_gate_decisions import table, with_table

ESCAPES = {
    "import": "import os\nos.system('touch x')",
    "__import__": "__import__('os').system('touch x')",
    "open": "open('x','w').write('x')",
    "subclasses": "().__class__.__base__.__subclasses__()",
    "a generator's frame": "[x for x in g.gi_frame.f_back]",
    "a traceback's frame": "try:\n  1/0\nexcept Exception as e:\n  e.__traceback__.tb_frame",
    "a traceback by getattr": "getattr(e,'__trace'+'back__').tb_frame",
    "json's modules": "json.codecs.sys.modules['os'].system('touch x')",
    "json's open": "json.codecs.open('x','w')",
    "datetime's modules": "datetime.sys.modules['os'].system('touch x')",
    "re's modules": "re.enum.sys.modules['os'].system('touch x')",
    "str.format": "'{0.__class__.__base__}'.format(())",
    "a lambda's globals": "(lambda: 0).__globals__['__builtins__']",
    "a builtin's self": "len.__self__.__import__('os').system('touch x')",
    "a helper's globals": "helper.__globals__['os'].system('touch x')",
    "a chain of objects": "decl.repo.session.execute('x')",
    "a power": "9**9**9",
    "an endless loop": "while True: pass",
    "much text": "'a'*(10**10)",
}


def in_condition(text: str) -> Drawing:
    return Drawing().with_(is_good_to_fill=flow("is_good", "fill", text))


def in_timer(kind: str) -> Callable[[str], Drawing]:
    def draw(text: str) -> Drawing:
        return Drawing().with_(
            wait=event("intermediateCatchEvent", "wait", timer(kind, text)),
            publish_to_end=flow("publish", "wait"),
            wait_to_end=flow("wait", "end"),
        )

    return draw


def in_loop(tag: str, before: str = "") -> Callable[[str], Drawing]:
    def draw(text: str) -> Drawing:
        return Drawing().with_(
            start_to_fill=flow("start", "each"),
            each=gateway("each"),
            each_to_fill=flow("each", "fill"),
            fill=user("fill", FILL, loop(f"{before}<bpmn:{tag}>{text}</bpmn:{tag}>")),
        )

    return draw


def in_payload(text: str) -> Drawing:
    payload = f"<spiffworkflow:messagePayload>{text}</spiffworkflow:messagePayload>"
    inner = (
        '<bpmn:messageEventDefinition messageRef="withdrawn"><bpmn:extensionElements>'
        f"{payload}</bpmn:extensionElements></bpmn:messageEventDefinition>"
    )
    return Drawing().with_(
        throw=event("intermediateThrowEvent", "throw", inner),
        publish_to_end=flow("publish", "throw"),
        throw_to_end=flow("throw", "end"),
    )


def in_correlation(text: str) -> Drawing:
    inner = (
        '<bpmn:correlationPropertyRetrievalExpression messageRef="withdrawn">'
        f"<bpmn:formalExpression>{text}</bpmn:formalExpression>"
        "</bpmn:correlationPropertyRetrievalExpression>"
    )
    drawing = Drawing()
    return drawing.but(outside=drawing.outside + element("correlationProperty", "who", inner))


PLACES: dict[str, Callable[[str], Drawing]] = {
    "a condition": in_condition,
    "a date": in_timer("timeDate"),
    "a duration": in_timer("timeDuration"),
    "a count": in_loop("loopCardinality"),
    "a completion condition": in_loop(
        "completionCondition", "<bpmn:loopCardinality>3</bpmn:loopCardinality>"
    ),
    "a message": in_payload,
    "a correlation": in_correlation,
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
@pytest.mark.parametrize("payload", ESCAPES.values(), ids=ESCAPES.keys())
def test_escapes_are_refused_in_a_diagram(place: Callable[[str], Drawing], payload: str) -> None:
    drawing = place(escape(payload))
    verdict = inspect({"sample.bpmn": drawing.bytes()}, known=KNOWN)
    assert not verdict.ok
    assert {f.rule for f in verdict.findings} <= {"expression.invalid", "expression.value"}


@pytest.mark.parametrize("part", ["header", "test", "output"])
@pytest.mark.parametrize("payload", ESCAPES.values(), ids=ESCAPES.keys())
def test_escapes_are_refused_in_a_decision_table(part: str, payload: str) -> None:
    verdict = with_table(table(**{part: escape(payload)}))
    assert not verdict.ok
    assert {f.rule for f in verdict.findings} == {"expression.invalid"}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_the_places_themselves_are_sound(place: Callable[[str], Drawing]) -> None:
    sound = {
        "a date": '"2026-11-20T09:00:00+08:00"',
        "a duration": '"P1D"',
        "a count": "2",
    }
    name = next(key for key, value in PLACES.items() if value is place)
    drawing = place(escape(sound.get(name, "1 == 1")))
    verdict = inspect({"sample.bpmn": drawing.bytes()}, known=KNOWN)
    assert [(f.rule, f.message) for f in verdict.findings] == []
