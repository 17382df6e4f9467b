"""Where a process pauses (停顿), and loops in which it never does."""

from collections.abc import Iterator

from app.engine.gate.diagram import BPMN, Diagram, Node, local
from app.engine.gate.elements import Rule
from app.engine.gate.findings import Finding
from app.engine.gate.graph import edges_of, on_a_cycle, starts_of
from app.engine.gate.joins import Onward, come_to, over
from app.engine.gate.known import Known

_WAITING = frozenset({"userTask", "manualTask", "receiveTask", "intermediateCatchEvent"})


def waiting(diagram: Diagram, node: Node, known: Known) -> bool:
    """Whether the engine pauses at this node until a person, a message or a time."""
    if node.kind in _WAITING:
        return True
    if node.kind == "boundaryEvent":
        return all(local(event) != "errorEventDefinition" for event in node.events())
    if node.kind == "subProcess":
        return scope_waits(diagram, node.id, known)
    if node.kind == "callActivity":
        called = known.processes.get(node.element.get("calledElement", ""))
        return called is None or called.waits
    return False


def scope_waits(diagram: Diagram, scope: str, known: Known) -> bool:
    """Whether every way through a process or subprocess passes a node that waits."""
    nodes = diagram.nodes.values()
    # A part in it is gone through.
    passed = {n.id for n in nodes if n.kind == "subProcess" or not waiting(diagram, n, known)}
    onward = _passing(diagram, passed)
    return over(scope) not in come_to(diagram, starts_of(diagram, scope), onward, scope)


def _passing(diagram: Diagram, automatic: set[str]) -> Onward:
    """Return where one goes on at once from each of these nodes."""

    def onward(node: Node) -> Iterator[str]:
        if node.id in automatic:
            events = (event.id for event in diagram.attached.get(node.id, ()))
            yield from (ident for ident in events if ident in automatic)
            if node.kind != "subProcess":
                yield from (flow.id for flow in diagram.outgoing[node.id])

    return onward


def automatic_loops(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard defect 14: a loop in which nothing waits spins for ever; the engine has no limit."""
    nodes = diagram.nodes.values()
    automatic = {n.id for n in nodes if _waits_once(n) or not waiting(diagram, n, known)}
    for ident in _turning(diagram, automatic):
        message = "处在没有人工任务也不等待的循环里，会无休止地转下去"
        hint = "请在循环里放一个用户任务、消息或定时事件"
        yield diagram.find("graph.automatic_loop", diagram.nodes[ident], message, hint)


def _turning(diagram: Diagram, automatic: set[str]) -> list[str]:
    """Return the nodes on loops in which nothing waits, nor a join for a branch that waits."""
    edges, onward = edges_of(diagram), _passing(diagram, automatic)
    turning, kept = list[str](), on_a_cycle(automatic, edges)
    while kept != turning:
        turning = kept
        held = {each for each in turning if _is_held(diagram, each, onward)}
        kept = on_a_cycle({*turning} - held, edges)
    return turning


def _is_held(diagram: Diagram, ident: str, onward: Onward) -> bool:
    """Whether what parts at a node never comes back to it: one branch waits for another."""
    node, incoming = diagram.nodes[ident], diagram.incoming[ident]
    is_parted = node.kind == "parallelGateway" and len(diagram.outgoing[ident]) > 1
    if not is_parted and node.kind != "subProcess":
        return False
    # What meets and parts there again has met.
    starts = list(onward(node)) if is_parted and len(incoming) > 1 else [ident]
    found = come_to(diagram, starts, onward)
    return not any(flow.id in found for flow in incoming)


def _waits_once(node: Node) -> bool:
    """Whether a node waits for a written date, which has passed when the loop comes round."""
    dates = node.element.findall(f"{BPMN}timerEventDefinition/{BPMN}timeDate")
    is_awaited = node.kind == "intermediateCatchEvent"
    return is_awaited and any((date.text or "").strip()[:1] in {"'", '"'} for date in dates)


RULES: tuple[Rule, ...] = (automatic_loops,)
