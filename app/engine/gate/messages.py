"""Whether somebody sends what is awaited, and somebody awaits what is sent (消息与信号).

Only warnings: a message may also come from, or go to, a process that is not looked at here.
"""

from collections.abc import Iterator
from typing import NamedTuple

from app.engine.gate.diagram import Diagram, Node, local
from app.engine.gate.elements import Rule
from app.engine.gate.findings import Finding
from app.engine.gate.known import Heard, Known

_WORDS = {"message": "消息", "signal": "信号"}
_THROWING = frozenset({"intermediateThrowEvent", "endEvent", "sendTask"})
_CATCHING = frozenset({"intermediateCatchEvent", "boundaryEvent", "receiveTask"})


class _Used(NamedTuple):
    """A message or signal where it is thrown or caught."""

    node: Node
    heard: Heard


def _used(diagram: Diagram, kinds: frozenset[str]) -> Iterator[_Used]:
    for node in diagram.of_kind(*kinds):
        # Send and receive tasks name their message themselves.
        for holder in [node.element, *node.events()]:
            for kind in _WORDS:
                name = diagram.event_names.get((kind, holder.get(f"{kind}Ref", "")))
                if name and (holder is node.element or local(holder).startswith(kind)):
                    yield _Used(node, (kind, name))


def thrown(diagram: Diagram) -> frozenset[Heard]:
    """Return the messages and signals that a process throws."""
    return frozenset(each.heard for each in _used(diagram, _THROWING))


def caught(diagram: Diagram) -> frozenset[Heard]:
    """Return the messages and signals that a process catches."""
    return frozenset(each.heard for each in _used(diagram, _CATCHING))


def somebody_sends(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Ask who sends what an event waits for: mostly a name that is written in two ways."""
    sent = known.sent.union(*(each.throws for each in known.processes.values()))
    for node, (kind, name) in _used(diagram, _CATCHING):
        if (kind, name) not in sent:
            message = f"平台和这些流程都不发送{_WORDS[kind]}“{name}”，会一直等下去"
            hint = f"请检查{_WORDS[kind]}的名称；由别的流程发送的不必改"
            yield diagram.find("event.unsent", node, message, hint, severity="warning")


def somebody_listens(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Ask who hears what an event throws: a message that nobody awaits stays in the queue."""
    heard = frozenset[Heard]().union(*(each.catches for each in known.processes.values()))
    for node, (kind, name) in _used(diagram, _THROWING):
        if (kind, name) not in heard:
            message = f"这些流程里没有谁接收{_WORDS[kind]}“{name}”"
            hint = f"请检查{_WORDS[kind]}的名称；由别的流程接收的不必改"
            yield diagram.find("event.unheard", node, message, hint, severity="warning")


RULES: tuple[Rule, ...] = (somebody_sends, somebody_listens)
