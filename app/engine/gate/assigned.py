"""Which names every way to a node has set (必有的变量), beside those that some way has."""

from collections.abc import Iterable, Mapping
from functools import cached_property, reduce
from operator import and_, or_

from app.engine.gate.diagram import ACTIVITIES, Diagram, Node, ends_well
from app.engine.gate.graph import CHOICES, JOINS, edges_of, starts_of
from app.engine.gate.joins import Walks, anywhere, come_to, over
from app.engine.gate.variables import Variables, items_of, words_of

Bits = int
"""A set of names, each a bit: thousands of names in a file cost no more than a few."""

_WORK_PER_NODE = 500
"""So much is looked at to tell who always comes, with each node that a diagram has.

A bundle has 1,500 nodes at most, so that this is about a second of work, counted. What is
left is asked no more: then a name counts as set where all branches have set it.
"""


class Assigned:
    """Answers which names are sure to be set before a node, by walking the diagram forwards.

    With `names` these are answered for, else what the diagram asks for.
    """

    def __init__(self, scope: Variables, names: Iterable[str] | None = None) -> None:
        self.scope, self.diagram = scope, scope.diagram
        asked = sorted({*(_words_in(scope) if names is None else names)})
        self._bit = {name: 1 << place for place, name in enumerate(asked)}
        self._set: dict[str, Bits] = {}
        self.walks = Walks(self.diagram, anywhere(self.diagram))
        # By join or end, the branches without which it is never come past.
        self._needed: dict[str, list[str]] = {}

    def missing(self, node: Node, names: Iterable[str]) -> list[str]:
        """Return those of the names that some way to this node has not set."""
        there = self._before(node, self._behind)
        return sorted(name for name in names if not self._bit.get(name, 0) & there)

    def at_the_end(self) -> frozenset[str]:
        """Return the names that the process has set wherever it ends, beside those given to it."""
        there = self._ended(self.diagram.id, self._behind) & ~self._given
        return frozenset(name for name, bit in self._bit.items() if bit & there)

    def is_never_set_first(self, node: Node, names: Iterable[str]) -> bool:
        """Whether a process comes here before any decision, while nothing has set these names.

        Nobody knows what the caller of a part has set.
        """
        nodes = self.diagram.nodes
        added = [self._bits(self.scope.set_by(nodes[ident])) for ident in self._first]
        there = reduce(or_, added, self._given)
        is_whole = self.diagram.id in self.scope.known.matters
        return is_whole and node.id in self._first and not self._bits(names) & there

    @cached_property
    def _first(self) -> set[str]:
        """The nodes of the process that come before any decision, those of its parts too."""
        return _before_decisions(self.diagram)

    def _bits(self, names: Iterable[str]) -> Bits:
        return reduce(or_, (self._bit.get(name, 0) for name in names), 0)

    @cached_property
    def _given(self) -> Bits:
        return self._bits([*self.diagram.inputs, *self.scope.known.variables])

    @cached_property
    def _behind(self) -> dict[str, Bits]:
        """The names that are set behind each node: first all of them, then ever fewer."""
        nodes = [self.diagram.nodes[ident] for ident in _in_order(self.diagram)]
        behind = dict.fromkeys(self.diagram.nodes, (1 << len(self._bit)) - 1)
        changed = True
        while changed:
            changed = False
            for node in nodes:
                names = self._before(node, behind) | self._added(node, behind)
                changed = changed or names != behind[node.id]
                behind[node.id] = names
        return behind

    def _before(self, node: Node, behind: Mapping[str, Bits]) -> Bits:
        diagram = self.diagram
        if node.kind == "boundaryEvent":
            host = diagram.nodes.get(node.element.get("attachedToRef", ""))
            # What is interrupted has set nothing yet.
            is_host = host is not None and host.kind in ACTIVITIES
            return self._before(host, behind) if host is not None and is_host else 0
        if node.kind == "startEvent":
            holder = diagram.nodes.get(node.scope)
            if holder is None:
                return self._given
            return self._before(holder, behind) | self._bits(items_of(holder))
        led: dict[str, list[str]] = {}
        for flow in diagram.incoming[node.id]:
            if flow.source in behind:
                led.setdefault(flow.source, []).append(flow.id)
        come = {each: behind[each] for each in led}
        if node.kind == "parallelGateway":  # It has waited for all of its branches.
            return reduce(or_, come.values(), 0)
        return self._together(node.id, node.scope, led if node.kind in JOINS else {}, come)

    def _added(self, node: Node, behind: Mapping[str, Bits]) -> Bits:
        """Return what a node is sure to set."""
        if node.id not in self._set:
            called = self.scope.known.processes.get(node.element.get("calledElement", ""))
            is_one = called is not None and node.loop is None
            names = called.sets if called is not None and is_one else self.scope.set_by(node)
            self._set[node.id] = self._bits(names)
        if node.kind == "subProcess" and node.loop is None:
            return self._set[node.id] | self._ended(node.id, behind)
        return self._set[node.id]

    def _ended(self, inside: str, behind: Mapping[str, Bits]) -> Bits:
        """Return what is set wherever a process or subprocess ends."""
        ends = [each.id for each in self.diagram.inside(inside) if ends_well(each)]
        led = {each: [flow.id for flow in self.diagram.incoming[each]] for each in ends}
        return self._together(over(inside), inside, led, {each: behind[each] for each in ends})

    def _together(
        self, join: str, scope: str, led: Mapping[str, list[str]], come: Mapping[str, Bits]
    ) -> Bits:
        """Return what is set where these meet: all of them, or one that always comes."""
        forks = (n.id for n in self.diagram.inside(scope) if n.kind == "parallelGateway")
        is_parted = len(led) > 1 and any(len(self.diagram.outgoing[each]) > 1 for each in forks)
        if is_parted and join not in self._needed:
            self._needed[join] = [each for each in led if self._is_needed(join, led[each])]
        always = [come[each] for each in self._needed.get(join, ())]
        return reduce(or_, always, reduce(and_, come.values()) if come else 0)

    def _is_needed(self, join: str, flows: list[str]) -> bool:
        """Whether a join is surely never passed without one of these, as far as is asked."""
        is_asked = self.walks.work < _WORK_PER_NODE * len(self.diagram.nodes)
        return is_asked and not self.walks.does_without(join, flows)


def _words_in(scope: Variables) -> Iterable[str]:
    for element in scope.diagram.process.iter("*"):
        if element.text and element.text.strip():
            yield from words_of(element.text)


def _in_order(diagram: Diagram) -> list[str]:
    """Return the nodes about as a process comes to them, so that few rounds tell everything."""
    edges = edges_of(diagram)
    order = dict.fromkeys(starts_of(diagram, diagram.id))
    waiting = list(order)
    for here in waiting:
        for ident in (*edges.get(here, ()), *starts_of(diagram, here)):
            if ident in diagram.nodes and ident not in order:
                order[ident] = None
                waiting.append(ident)
    return list(order)


def _before_decisions(diagram: Diagram) -> set[str]:
    def onward(node: Node) -> Iterable[str]:
        flows = [flow.id for flow in diagram.outgoing[node.id]]
        # One that only merges decides nothing; what comes at a border may not come at all.
        is_open = (node.kind in CHOICES and len(flows) > 1) or node.kind == "boundaryEvent"
        yield from (event.id for event in diagram.attached.get(node.id, ()))
        yield from () if is_open or node.kind == "subProcess" else flows

    starts = starts_of(diagram, diagram.id)
    return come_to(diagram, starts, onward) & diagram.nodes.keys()
