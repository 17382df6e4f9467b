"""Which names every way to a node has set (必有的变量), beside those that some way has."""

from collections.abc import Iterable, Mapping
from functools import reduce
from operator import and_, or_

from app.engine.gate.diagram import ACTIVITIES, Diagram, Node, ends_well
from app.engine.gate.graph import CHOICES, edges_of, joins_of, reach, starts_of
from app.engine.gate.variables import Variables, items_of, words_of

Bits = int
"""A set of names, each a bit: thousands of names in a file cost no more than a few."""


class Assigned:
    """Answers which names are sure to be set before a node, by walking each diagram forwards."""

    def __init__(self, scopes: Mapping[str, Variables]) -> None:
        self.scopes = scopes
        written = {name for scope in scopes.values() for name in _words_in(scope)}
        self._bit = {name: 1 << place for place, name in enumerate(sorted(written))}
        self._set: dict[tuple[str, str], Bits] = {}
        self._behind: dict[str, dict[str, Bits]] = {}
        self._first: dict[str, set[str]] = {}

    def missing(self, process: str, node: Node, names: Iterable[str]) -> list[str]:
        """Return those of the names that some way to this node has not set."""
        behind = self._walked(process)
        there = self._before(self.scopes[process], node, behind)
        return sorted(name for name in names if not self._bit.get(name, 0) & there)

    def is_never_set_first(self, process: str, node: Node, names: Iterable[str]) -> bool:
        """Whether a process comes here before any decision, while nothing has set these names.

        Nobody knows what the caller of a part has set.
        """
        scope = self.scopes[process]
        first = self._first_met(scope)
        added = [self._bits(scope.set_by(scope.diagram.nodes[ident])) for ident in first]
        there = reduce(or_, added, self._given(scope))
        is_whole = process in scope.known.matters
        return is_whole and node.id in first and not self._bits(names) & there

    def _first_met(self, scope: Variables) -> set[str]:
        """Return the nodes of a process that come before any decision, those of its parts too."""
        if scope.diagram.id not in self._first:
            self._first[scope.diagram.id] = _before_decisions(scope.diagram)
        return self._first[scope.diagram.id]

    def _bits(self, names: Iterable[str]) -> Bits:
        return reduce(or_, (self._bit.get(name, 0) for name in names), 0)

    def _given(self, scope: Variables) -> Bits:
        return self._bits([*scope.diagram.inputs, *scope.known.variables])

    def _walked(self, process: str) -> dict[str, Bits]:
        """Return the names that are set behind each node: first all of them, then ever fewer."""
        if process in self._behind:
            return self._behind[process]
        scope = self.scopes[process]
        nodes = [scope.diagram.nodes[ident] for ident in _in_order(scope)]
        everything = (1 << len(self._bit)) - 1
        behind = self._behind[process] = dict.fromkeys(scope.diagram.nodes, everything)
        changed = True
        while changed:
            changed = False
            for node in nodes:
                names = self._before(scope, node, behind) | self._added(scope, node, behind)
                changed = changed or names != behind[node.id]
                behind[node.id] = names
        return behind

    def _before(self, scope: Variables, node: Node, behind: Mapping[str, Bits]) -> Bits:
        diagram = scope.diagram
        if node.kind == "boundaryEvent":
            host = diagram.nodes.get(node.element.get("attachedToRef", ""))
            # What is interrupted has set nothing yet.
            is_host = host is not None and host.kind in ACTIVITIES
            return self._before(scope, host, behind) if host is not None and is_host else 0
        if node.kind == "startEvent":
            holder = diagram.nodes.get(node.scope)
            if holder is None:
                return self._given(scope)
            return self._before(scope, holder, behind) | self._bits(items_of(holder))
        come = [behind[f.source] for f in diagram.incoming[node.id] if f.source in behind]
        # A join has waited for all of its branches.
        return reduce(or_ if node.kind == "parallelGateway" else and_, come) if come else 0

    def _added(self, scope: Variables, node: Node, behind: Mapping[str, Bits]) -> Bits:
        """Return what a node is sure to set."""
        key = (scope.diagram.id, node.id)
        if key not in self._set:
            self._set[key] = self._bits(scope.set_by(node))
        called = node.element.get("calledElement", "")
        if node.kind == "subProcess" and node.loop is None:
            return self._set[key] | self._ended(scope, node.id, behind)
        if node.kind == "callActivity" and node.loop is None and called in self.scopes:
            inner = self._ended(self.scopes[called], called, self._walked(called))
            return self._bits(node.outcomes) | self._set[key] & inner
        return self._set[key]

    def _ended(self, scope: Variables, inside: str, behind: Mapping[str, Bits]) -> Bits:
        """Return what is set wherever a process or subprocess ends."""
        ends = [behind[each.id] for each in scope.diagram.inside(inside) if ends_well(each)]
        return reduce(and_, ends) if ends else 0


def _words_in(scope: Variables) -> Iterable[str]:
    for element in scope.diagram.process.iter("*"):
        if element.text and element.text.strip():
            yield from words_of(element.text)


def _in_order(scope: Variables) -> list[str]:
    """Return the nodes about as a process comes to them, so that few rounds tell everything."""
    diagram, edges = scope.diagram, edges_of(scope.diagram)
    order = dict.fromkeys(starts_of(diagram, diagram.id))
    waiting = list(order)
    for here in waiting:
        for ident in (*edges.get(here, ()), *starts_of(diagram, here)):
            if ident in diagram.nodes and ident not in order:
                order[ident] = None
                waiting.append(ident)
    return list(order)


def _before_decisions(diagram: Diagram) -> set[str]:
    edges: dict[str, list[str]] = {flow.id: [flow.target] for flow in diagram.flows}
    for node in diagram.nodes.values():
        flows = [flow.id for flow in diagram.outgoing[node.id]]
        # One that only merges decides nothing; what comes at a border may not come at all.
        is_open = (node.kind in CHOICES and len(flows) > 1) or node.kind == "boundaryEvent"
        borders = [each.id for each in diagram.attached.get(node.id, ())]
        edges[node.id] = [*starts_of(diagram, node.id), *borders, *([] if is_open else flows)]
    return reach(starts_of(diagram, diagram.id), edges, joins_of(diagram)) & diagram.nodes.keys()
