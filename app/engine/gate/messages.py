"""Whether somebody sends what is awaited, and somebody awaits what is sent (消息与信号).

Mostly warnings: a message may also come from, or go to, a process that is not looked at here.
"""

from collections.abc import Iterator
from typing import NamedTuple

from app.engine.gate.diagram import Diagram, Node, local
from app.engine.gate.elements import Rule
from app.engine.gate.findings import Finding
from app.engine.gate.graph import edges_of, on_a_cycle, waiting
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


ANY = ""
"""The code of a boundary event that names no code: the engine lets it catch each error."""


def errors_in(diagram: Diagram, known: Known, scope: str) -> frozenset[str]:
    """Return the errors that may come out of a process or subprocess: what it ends with."""
    found: set[str] = set()
    for node in diagram.inside(scope):
        if node.kind == "endEvent":
            found.update(_errors_of(diagram, node))
            continue
        at_border = diagram.attached.get(node.id, ())
        caught = {code for each in at_border for code in _errors_of(diagram, each)}
        found |= set() if ANY in caught else _errors_from(diagram, known, node) - caught
    return frozenset(found)


def _errors_of(diagram: Diagram, node: Node) -> Iterator[str]:
    """Yield the errors that an event names, by the code that the engine compares."""
    for event in node.events():
        if local(event) == "errorEventDefinition":
            yield diagram.error_codes.get(event.get("errorRef", ""), "")


def _errors_from(diagram: Diagram, known: Known, node: Node) -> frozenset[str]:
    if node.kind == "subProcess":
        return errors_in(diagram, known, node.id)
    called = known.processes.get(node.element.get("calledElement", ""))
    return called.errors if node.kind == "callActivity" and called else frozenset()


def somebody_fails(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Ask what ends with the error that a boundary event waits for: no task and no handler does.

    What fails in a handler is an incident, never a way of the process.
    """
    for node in diagram.of_kind("boundaryEvent"):
        host = diagram.nodes.get(node.element.get("attachedToRef", ""))
        awaited = set(_errors_of(diagram, node))
        if host is None or not awaited:
            continue
        ends_with = _errors_from(diagram, known, host)
        if not (ends_with if ANY in awaited else ends_with & awaited):
            message = "附着的环节不会以这个错误结束，这条路永远走不到"
            hint = "错误只来自子流程或被调用流程里的错误结束事件；否则请删除，或改用消息、定时事件"
            yield diagram.find("event.unthrown", node, message, hint, severity="warning")


def loops_that_feed_themselves(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard the queue: a loop that waits only for what it throws turns with each worker round.

    A caught event counts as fed while something throws it on a way round that passes nothing
    else that waits; what is not fed is a wait, so the rest is looked at again without it.
    """
    fed = {node.id: heard for node, heard in _used(diagram, _CATCHING)}
    automatic = {each.id for each in diagram.nodes.values() if not waiting(diagram, each, known)}
    while True:
        hosts = {diagram.nodes[ident].element.get("attachedToRef", "") for ident in fed}
        passed = automatic | fed.keys() | hosts & diagram.nodes.keys()
        turning = set(on_a_cycle(passed, edges_of(diagram)))
        sent = {heard for node, heard in _used(diagram, _THROWING) if node.id in turning}
        kept = {n: heard for n, heard in fed.items() if n in turning and heard in sent}
        if kept == fed:
            break
        fed = kept
    for ident, (kind, name) in fed.items():
        message = f"等待的{_WORDS[kind]}“{name}”是这个循环自己发出的，会无休止地转下去"
        hint = "请在循环里放一个用户任务或定时事件"
        yield diagram.find("event.self_fed", diagram.nodes[ident], message, hint)


RULES: tuple[Rule, ...] = (
    somebody_sends,
    somebody_listens,
    somebody_fails,
    loops_that_feed_themselves,
)
