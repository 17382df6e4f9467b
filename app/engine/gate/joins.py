"""What a process comes to at once (即到): joins and ends of parts wait for every branch."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property

from app.engine.gate.diagram import Diagram, Node, ends_well, local
from app.engine.gate.graph import inverse, reach, starts_of

Onward = Callable[[Node], Iterable[str]]
"""Tells where one goes on from a node: its flows, and events at its border; none at a pause."""
JOINS = frozenset({"parallelGateway", "inclusiveGateway"})
_Edges = Mapping[str, list[str]]


def over(scope: str) -> str:
    """Return what stands for a process or subprocess being over; no id looks like it."""
    return f"{scope} is over"


def _ended(scope: str) -> str:
    """Return what stands for a branch of a process or subprocess having ended."""
    return f"{scope} ended"


def come_to(diagram: Diagram, starts: list[str], onward: Onward, scope: str = "") -> set[str]:
    """Return the nodes and flows, and what is over, that one comes to at once from some nodes.

    A subprocess goes on once it is over, whatever else leads on from it. A parallel join waits for
    all that come in; an inclusive one, and the end of a part, for each branch until it has come,
    or gone where it comes no more. With a `scope` nothing is looked at but what is in that.
    """
    return _Walk(diagram, _links(diagram, onward, scope or diagram.id)).come_to(starts)


def does_without(diagram: Diagram, join: str, flows: Collection[str]) -> bool:
    """Whether a join passes, or a process or part is over, though none of these is taken."""

    def onward(node: Node) -> Iterable[str]:
        yield from (each for each in _anywhere(diagram, node) if each not in flows)

    return join in come_to(diagram, starts_of(diagram, diagram.id), onward)


def _anywhere(diagram: Diagram, node: Node) -> Iterator[str]:
    yield from (event.id for event in diagram.attached.get(node.id, ()))
    if node.kind != "subProcess":
        yield from (flow.id for flow in diagram.outgoing[node.id])


def _links(diagram: Diagram, onward: Onward, within: str) -> _Edges:
    """Return the graph of nodes and flows, through the parts of a process."""
    edges: dict[str, list[str]] = {}
    scopes = [within]
    for scope in scopes:
        edges[_ended(scope)] = [over(scope)]
        edges[over(scope)] = [flow.id for flow in diagram.outgoing.get(scope, ())]
        for node in diagram.inside(scope):
            edges |= {flow.id: [flow.target] for flow in diagram.outgoing[node.id]}
            edges[node.id] = [*starts_of(diagram, node.id), *onward(node)]
            if node.kind == "subProcess":
                scopes.append(node.id)
            elif ends_well(node):
                kinds = {local(event) for event in node.events()}
                is_final = "terminateEventDefinition" in kinds
                edges[node.id].append((over if is_final else _ended)(scope))
    return edges


class _Walk:
    """Goes by these edges; each join is closed at first, and opened once it is seen to pass."""

    def __init__(self, diagram: Diagram, edges: _Edges) -> None:
        self.diagram, self.edges = diagram, edges
        scopes = [diagram.id, *(each.id for each in diagram.of_kind("subProcess"))]
        joins = (each for each in diagram.of_kind(*JOINS) if len(diagram.incoming[each.id]) > 1)
        waiting = {each.id: each.scope for each in joins}
        waiting |= {_ended(scope): scope for scope in scopes}
        # What waits for several branches, with the scope that it is in.
        self.closed = {each: scope for each, scope in waiting.items() if each in edges}

    def come_to(self, starts: list[str]) -> set[str]:
        """Return what is come to from these nodes."""
        while True:
            edges = {each: [] if each in self.closed else to for each, to in self.edges.items()}
            found, back = reach(starts, edges), inverse(edges)
            met = self.closed.keys() & found
            passed = {each for each in met if self._passes(each, starts, edges, back, found)}
            if not passed:
                return found - self.closed.keys()
            self.closed = {each: of for each, of in self.closed.items() if each not in passed}

    def _passes(
        self, join: str, starts: list[str], edges: _Edges, back: _Edges, found: set[str]
    ) -> bool:
        """Whether a join that is come to is so with nothing left that it would wait for."""
        node = self.diagram.nodes.get(join)
        if node is not None and node.kind == "parallelGateway":
            return found.issuperset(flow.id for flow in self.diagram.incoming[join])
        held = self._held(join, edges, back)
        open_ = {each: [] if each in held else to for each, to in edges.items()}
        return not held or join in reach(starts, open_)

    def _held(self, join: str, edges: _Edges, back: _Edges) -> set[str]:
        """Return the forks not all of whose branches come to a join at once, or never come to it.

        To the end of a part nothing may be left of it.
        """
        scope = self.closed[join]
        inside = (each for each in self.diagram.inside(scope) if each.kind == "parallelGateway")
        forks = {each.id for each in inside if len(self.diagram.outgoing[each.id]) > 1}
        if not forks:
            return forks
        gone = edges.keys() - reach([join], self._back) if join != _ended(scope) else set[str]()
        good, waiting = set[str](), [join, *gone]
        while waiting:
            here = waiting.pop()
            is_all = bool(edges[here]) and good.issuperset(edges[here])
            if here not in good and (here not in forks or here == join or here in gone or is_all):
                good.add(here)
                waiting.extend(back.get(here, ()))
        return forks - good

    @cached_property
    def _back(self) -> _Edges:
        """All ways of the diagram, backwards."""
        diagram = self.diagram
        return inverse(_links(diagram, lambda node: _anywhere(diagram, node), diagram.id))
