"""Where a process pauses (停顿), and loops in which it never does."""

from collections.abc import Iterator
from typing import NamedTuple

from app.engine.gate.diagram import BPMN, Diagram, Node, local
from app.engine.gate.elements import Rule
from app.engine.gate.failures import catching, errors_of
from app.engine.gate.findings import Finding
from app.engine.gate.graph import on_a_cycle, starts_of
from app.engine.gate.joins import Onward, Walks, over
from app.engine.gate.known import Known, Published

_WAITING = frozenset({"userTask", "manualTask", "receiveTask", "intermediateCatchEvent"})


class AtOnce(NamedTuple):
    """What a process or a part of one comes to without a pause.

    `out` is what catches the errors with which it may end so, or stands for their not being
    caught (`failing`).
    """

    is_over: bool
    out: frozenset[str] = frozenset()


def waiting(diagram: Diagram, node: Node, known: Known) -> bool:
    """Whether the engine pauses at this node until a person, a message or a time."""
    return not any(_behind(diagram, node, known))


def at_once(diagram: Diagram, scope: str, known: Known) -> AtOnce:
    """Return how a process or subprocess may end without passing a node that waits."""
    nodes = diagram.nodes.values()
    # A part in it is gone through.
    passed = {n.id for n in nodes if n.kind == "subProcess" or _behind(diagram, n, known).is_over}
    walks = Walks(diagram, _passing(diagram, passed, known), scope)
    found = walks.come_to(starts_of(diagram, scope))
    behind = {flow.id for flow in diagram.outgoing.get(scope, ())}
    return AtOnce(over(scope) in found, frozenset(found - walks.edges.keys() - behind))


def _behind(diagram: Diagram, node: Node, known: Known) -> AtOnce:
    """Return how one comes past a node without a pause."""
    if node.kind == "subProcess":
        return at_once(diagram, node.id, known)
    if node.kind == "boundaryEvent":
        return AtOnce(any(local(event) == "errorEventDefinition" for event in node.events()))
    called = known.processes.get(node.element.get("calledElement", ""), Published())
    is_call = node.kind == "callActivity"
    is_paused = called.waits if is_call else node.kind in _WAITING
    return AtOnce(not is_paused, frozenset(_failures(diagram, node, known)))


def _failures(diagram: Diagram, node: Node, known: Known) -> Iterator[str]:
    """Yield where the errors lead with which a node ends, or what it calls, without a pause."""
    called = known.processes.get(node.element.get("calledElement", ""), Published())
    codes = errors_of(diagram, node) if node.kind == "endEvent" else sorted(called.hasty)
    for code in codes:
        yield from catching(diagram, node, code)


def _passing(diagram: Diagram, automatic: set[str], known: Known) -> Onward:
    """Return where one goes on at once from each of these nodes, and whence errors lead on.

    Errors come of error ends alone: what fails in a handler is an incident.
    """

    def onward(node: Node) -> Iterator[str]:
        yield from _failures(diagram, node, known)
        if node.id in automatic and node.kind != "subProcess":
            yield from (flow.id for flow in diagram.outgoing[node.id])

    return onward


def automatic_loops(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard defect 14: a loop in which nothing waits spins for ever; the engine has no limit."""
    for ident in _turning(diagram, known):
        message = "处在没有人工任务也不等待的循环里，会无休止地转下去"
        hint = "请在循环里放一个用户任务、消息或定时事件"
        yield diagram.find("graph.automatic_loop", diagram.nodes[ident], message, hint)


def _turning(diagram: Diagram, known: Known) -> list[str]:
    """Return the nodes on loops in which nothing waits, nor a join for a branch that waits."""
    nodes = diagram.nodes.values()
    behind = {node.id: _behind(diagram, node, known) for node in nodes}
    automatic = {n.id for n in nodes if _waits_once(n) or behind[n.id].is_over}
    edges = {ident: [*each.out] for ident, each in behind.items()}
    for ident in automatic:
        edges[ident] += [flow.target for flow in diagram.outgoing[ident]]
    passed = {ident for ident, to in edges.items() if to}
    onward = _passing(diagram, automatic, known)
    turning, kept = list[str](), on_a_cycle(passed, edges)
    while kept != turning:
        turning = kept
        walks = Walks(diagram, onward, fed=turning)
        held = {each for each in turning if _is_held(diagram, each, onward, walks)}
        kept = on_a_cycle({*turning} - held, edges)
    return turning


def _is_held(diagram: Diagram, ident: str, onward: Onward, walks: Walks) -> bool:
    """Whether what parts at a node never comes back to it: one branch waits for another."""
    node, incoming = diagram.nodes[ident], diagram.incoming[ident]
    is_parted = node.kind == "parallelGateway" and len(diagram.outgoing[ident]) > 1
    if not is_parted and node.kind != "subProcess":
        return False
    # What meets and parts there again has met.
    starts = list(onward(node)) if is_parted and len(incoming) > 1 else [ident]
    found = walks.come_to(starts)
    return not any(flow.id in found for flow in incoming)


def _waits_once(node: Node) -> bool:
    """Whether a node waits for a written date, which has passed when the loop comes round."""
    dates = node.element.findall(f"{BPMN}timerEventDefinition/{BPMN}timeDate")
    is_awaited = node.kind == "intermediateCatchEvent"
    return is_awaited and any((date.text or "").strip()[:1] in {"'", '"'} for date in dates)


RULES: tuple[Rule, ...] = (automatic_loops,)
