"""Where tokens multiply or spin (令牌): what may be meant and mostly is not, so only warnings."""

from collections.abc import Iterator
from typing import NamedTuple

from app.engine.gate.diagram import BPMN, Diagram, Flow, Node
from app.engine.gate.elements import Rule
from app.engine.gate.findings import Finding
from app.engine.gate.graph import JOINS, edges_of, on_a_cycle, reach
from app.engine.gate.known import Known
from app.engine.gate.pauses import waiting


def branches_meet_at_joins(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Ask for a join: branches that meet anywhere else run what follows once for each of them."""
    joins = {node.id for node in diagram.of_kind(*JOINS) if len(diagram.incoming[node.id]) > 1}
    open_ways = {
        node: [flow.target for flow in diagram.outgoing[node] if flow.target not in joins]
        for node in diagram.nodes
    }
    places = [n for n in diagram.nodes.values() if n.id not in joins and n.kind != "endEvent"]
    met: dict[str, Node] = {}
    for fork in diagram.of_kind("parallelGateway"):
        branches = [_Branch(flow, reach([flow.target], open_ways) - joins)
                    for flow in diagram.outgoing[fork.id]]  # fmt: skip
        met.update({node.id: node for node in places if _meet(diagram, node, branches)})
    for node in met.values():
        message = "并行的分支在这里相遇却没有汇合，后面的环节会各走一遍"
        hint = "请在相遇处之前用并行网关汇合；本来就要各走一遍的不必改"
        yield diagram.find("gateway.unmerged", node, message, hint, severity="warning")


class _Branch(NamedTuple):
    """A flow out of a fork, and the nodes that it leads to without passing a join."""

    flow: Flow
    nodes: set[str]

    def takes(self, flow: Flow) -> bool:
        return flow is self.flow or flow.source in self.nodes


def _meet(diagram: Diagram, node: Node, branches: list[_Branch]) -> bool:
    """Whether two branches come in by two flows, each by one that no other takes."""
    ways = [[n for n, branch in enumerate(branches) if branch.takes(flow)]
            for flow in diagram.incoming[node.id]]  # fmt: skip
    return len({way[0] for way in ways if len(way) == 1}) > 1


def loops_over_nothing(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Ask for a pause: a loop in which only multi-instance tasks wait spins over an empty list."""
    nodes = list(diagram.nodes.values())
    listed = {
        node.id
        for node in nodes
        if node.loop is not None and node.loop.find(f"{BPMN}loopDataInputRef") is not None
    }
    edges = edges_of(diagram)
    automatic = {node.id for node in nodes if not waiting(diagram, node, known)}
    spinning = set(on_a_cycle(automatic, edges))
    for ident in on_a_cycle(automatic | listed, edges):
        if ident in listed - spinning:
            message = "集合为空时，这个循环里没有人工任务也不等待，会一直转下去"
            hint = "请在循环里另放一个用户任务、消息或定时事件，或确认集合不会为空"
            node = diagram.nodes[ident]
            yield diagram.find("graph.list_loop", node, message, hint, severity="warning")


RULES: tuple[Rule, ...] = (branches_meet_at_joins, loops_over_nothing)
