"""What a process comes to at once (即到): joins and ends of parts wait for every branch."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property

from app.engine.gate.diagram import Diagram, Node, ends_well, local
from app.engine.gate.graph import JOINS, inverse, starts_of
from app.engine.joins import holds

Onward = Callable[[Node], Iterable[str]]
"""Tells where one goes on from a node: its flows, and events at its border; none at a pause."""
_Edges = Mapping[str, Collection[str]]


def over(scope: str) -> str:
    """Return what stands for a process or subprocess being over; no id looks like it."""
    return f"{scope} is over"


def _ended(scope: str) -> str:
    """Return what stands for a branch of a process or subprocess having ended."""
    return f"{scope} ended"


def come_to(diagram: Diagram, starts: list[str], onward: Onward, scope: str = "") -> set[str]:
    """Return the nodes and flows, and what is over, that one comes to at once from some nodes.

    With a `scope` nothing is looked at but what is in that.
    """
    return Walks(diagram, onward, scope).come_to(starts)


def anywhere(diagram: Diagram) -> Onward:
    """Return where one goes on as if nothing paused."""

    def onward(node: Node) -> Iterator[str]:
        yield from (event.id for event in diagram.attached.get(node.id, ()))
        if node.kind != "subProcess":
            yield from (flow.id for flow in diagram.outgoing[node.id])

    return onward


def _links(diagram: Diagram, onward: Onward, within: str) -> dict[str, list[str]]:
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


class Walks:
    """Walks through a diagram: where one comes to at once from some nodes.

    A subprocess goes on once it is over, whatever else leads on from it. A parallel join waits for
    all that come in; an inclusive one for each branch that holds it (`app.engine.joins.holds`);
    the end of a part for each branch until it has ended. `fed` are nodes that branches may come
    through from elsewhere. `work` counts what was looked at.
    """

    def __init__(
        self, diagram: Diagram, onward: Onward, scope: str = "", fed: Collection[str] = ()
    ) -> None:
        self.diagram, self.fed, self.work = diagram, fed, 0
        self.edges = _links(diagram, onward, scope or diagram.id)
        scopes = [diagram.id, *(each.id for each in diagram.of_kind("subProcess"))]
        joins = (each for each in diagram.of_kind(*JOINS) if len(diagram.incoming[each.id]) > 1)
        waiting = {each.id: each.scope for each in joins}
        waiting |= {_ended(scope): scope for scope in scopes}
        # What waits for several branches, with the scope that it is in.
        self._waiting = {each: of for each, of in waiting.items() if each in self.edges}
        forks = (each for each in diagram.of_kind("parallelGateway"))
        self._forks = {each.id for each in forks if len(diagram.outgoing[each.id]) > 1}
        self._ahead: dict[str, dict[str, set[str]]] = {}

    def come_to(self, starts: Collection[str], without: Collection[str] = ()) -> set[str]:
        """Return the nodes and flows, and what is over, that one comes to without some flows.

        Each join is closed at first, and opened once it is seen to pass.
        """
        edges: dict[str, Collection[str]] = {**self.edges}
        for flow in self.diagram.flows if without else ():
            if flow.id in without:
                edges[flow.source] = [each for each in edges[flow.source] if each not in without]
        open_: dict[str, Collection[str]] = {**edges, **dict.fromkeys(self._waiting, ())}
        found, new, closed = set[str](), [*starts], set(self._waiting)
        while new:
            found |= self._reach(new, open_, found)
            passed = [each for each in closed & found if self._passes(each, starts, open_, found)]
            new = [to for each in passed for to in edges[each]]
            open_ |= {each: edges[each] for each in passed}
            closed.difference_update(passed)
        return found - closed

    def does_without(self, join: str, flows: Collection[str]) -> bool:
        """Whether a join passes, or a process or part is over, though none of these is taken."""
        return join in self.come_to(starts_of(self.diagram, self.diagram.id), flows)

    def _reach(
        self, starts: Iterable[str], edges: _Edges, known: Collection[str] = ()
    ) -> set[str]:
        found: set[str] = set()
        waiting = list(starts)
        while waiting:
            node = waiting.pop()
            if node not in found and node not in known:
                found.add(node)
                waiting.extend(edges.get(node, ()))
        self.work += len(found)
        return found

    def _passes(self, join: str, starts: Iterable[str], edges: _Edges, found: set[str]) -> bool:
        """Whether a join that is come to is so with nothing left that it would wait for."""
        node = self.diagram.nodes.get(join)
        if node is not None and node.kind == "parallelGateway":
            return found.issuperset(flow.id for flow in self.diagram.incoming[join])
        held = self._held(join, edges, found)
        return not held or join in self._reach(starts, {**edges, **dict.fromkeys(held, ())})

    def _held(self, join: str, edges: _Edges, found: set[str]) -> set[str]:
        """Return the forks that have a branch for which a join waits, whatever way that goes.

        Of the end of a part it is one that does not end at once.
        """
        nodes, scope = self.diagram.nodes, self._waiting[join]
        forks = {each for each in self._forks & found if nodes[each].scope == scope}
        if not forks:
            return forks
        self.work += len(found)
        back = inverse({each: edges.get(each, ()) for each in found})
        gone = found - self._holding(join, found) if join in nodes else set[str]()
        good, waiting = set[str](), [join, *gone]
        while waiting:
            here = waiting.pop()
            to = edges.get(here, ())
            is_all = bool(to) and good.issuperset(to)
            if here not in good and (here not in forks or here == join or here in gone or is_all):
                good.add(here)
                waiting.extend(back.get(here, ()))
        # A fork itself is behind when its branches are looked at.
        return {each for each in forks if not good.issuperset(edges[each])}

    def _holding(self, join: str, found: set[str]) -> set[str]:
        """Return the nodes at which a branch surely holds an inclusive join."""
        incoming = self.diagram.incoming[join]
        inlets = {flow.source for flow in incoming}
        filled = {f.source for f in incoming if f.id in found or f.source in self.fed}
        ahead = self._inlets_ahead(join, inlets)
        return {each for each, reached in ahead.items() if holds(reached, inlets - filled, filled)}

    def _inlets_ahead(self, join: str, inlets: Collection[str]) -> dict[str, set[str]]:
        """Return by node the inlets of a join that it leads to, not through the join."""
        if join not in self._ahead:
            ahead: dict[str, set[str]] = {}
            for inlet in inlets:
                for each in self._reach([inlet], {**self._back, join: ()}):
                    ahead.setdefault(each, set()).add(inlet)
            ahead.pop(join, None)
            self._ahead[join] = ahead
        return self._ahead[join]

    @cached_property
    def _back(self) -> dict[str, list[str]]:
        """All ways of the diagram, backwards."""
        return inverse(_links(self.diagram, anywhere(self.diagram), self.diagram.id))
