"""Where a word of people leads (去向): what it passes until the next one writes over it."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from app.engine.gate.course import Courses, Told, World
from app.engine.gate.decisions import asked_by
from app.engine.gate.diagram import DECISIONS, GATEWAYS, Diagram, Flow, Node
from app.engine.gate.graph import JOINS, edges_of, reach, starts_of
from app.engine.gate.places import one_of
from app.engine.gate.tasks import PEOPLES
from app.engine.gate.variables import Variables, words_at
from app.engine.gate.verdicts import called_by

ANYTHING = object()
"""Stands for a word that nobody knows beforehand."""
_PARTINGS = JOINS | {"eventBasedGateway"}


_A_VISIT = 8
"""So many nodes are passed in the time in which a word is carried to one."""


class Spot(NamedTuple):
    """A place that a word is carried to.

    `known` is the word, and what tables made of it. `is_unasked` says that on this way nothing
    has asked for it, and that no other branch or event could.
    """

    node: str
    known: World
    is_unasked: bool


class Trails:
    """What the trails of one diagram have in common."""

    def __init__(self, variables: Variables, courses: Courses) -> None:
        self.variables, self.courses = variables, courses
        self.diagram = variables.diagram
        self.is_whole = self.diagram.id in variables.known.matters
        self._asked: dict[str, frozenset[str]] = {}
        self._ways: dict[str, list[list[set[str]]]] = {}

    def asked_at(self, node: Node) -> frozenset[str]:
        """Return the words of all that is asked at a node, and in what it calls."""
        if node.id not in self._asked:
            self._asked[node.id] = _asked_at(self.diagram, node, self.courses)
        return self._asked[node.id]

    def is_dark(self, node: Node, names: frozenset[str]) -> bool:
        """Whether nobody can tell from here what becomes of these names behind a node.

        Whoever calls a part may ask for what it leaves; what is faulty was meant otherwise.
        """
        if node.kind == "endEvent":
            return node.scope == self.diagram.id and not self.is_whole
        if node.kind == "callActivity":
            called = node.element.get("calledElement", "")
            return called not in self.courses.scopes or bool(names & self.asked_at(node))
        if node.kind == "businessRuleTask":
            table = self.courses.tables.get(asked_by(node))
            return table is None or any(file == table.file for file, _ in self.courses.faulty)
        drawn = [node.id, *(flow.id for flow in self.diagram.outgoing[node.id])]
        is_faulty = any((self.diagram.file, each) in self.courses.faulty for each in drawn)
        is_timed = node.kind not in GATEWAYS and bool(names & self.asked_at(node))
        return is_timed or (node.kind in DECISIONS and is_faulty)

    def beside(self, node: Node, join: str, name: str) -> list[Node]:
        """Return who writes a name on another branch that waits for this one at a join."""
        others = set[str]()
        for ways in self._ways_to(join):
            self.courses.effort.visit(len(ways))
            if any(node.id in way for way in ways):
                others = others.union(*(way for way in ways if node.id not in way))
        nodes = (self.diagram.nodes[each] for each in sorted(others & self.diagram.nodes.keys()))
        return [each for each in nodes if name in self.variables.set_by(each)]

    def _ways_to(self, join: str) -> list[list[set[str]]]:
        """Return by fork what each of its branches passes that leads to a join."""
        if join not in self._ways:
            edges = {**self._edges, join: []}
            found = []
            for fork in self.diagram.of_kind(*JOINS):
                starts = [flow.target for flow in self.diagram.outgoing[fork.id]]
                if len(starts) > 1:
                    self.courses.effort.visit(len(starts) * len(edges) // _A_VISIT)
                    ways = (reach([each], edges) for each in starts)
                    found.append([way for way in ways if join in way])
            self._ways[join] = found
        return self._ways[join]

    @cached_property
    def _edges(self) -> dict[str, list[str]]:
        return edges_of(self.diagram)


class Trail:
    """Where one word leads, until it is written over. Raises TooCostly."""

    def __init__(self, trails: Trails, node: Node, name: str, value: object) -> None:
        self.trails, self.diagram = trails, trails.diagram
        # What is passed but for gateways and tables: where the trails of two words differ.
        self.met: set[object] = set()
        # The tasks of people that write over it, and those that do though nothing has asked.
        self.over: set[str] = set()
        self.lost: set[str] = set()
        # The joins that it comes to before anything has asked for it.
        self.joins: set[str] = set()
        self.is_asked = False
        here = Spot(node.id, frozenset({(name, value)}), is_unasked=True)
        self._follow([here._replace(node=flow.target) for flow in self.diagram.outgoing[node.id]])

    def _follow(self, waiting: list[Spot]) -> None:
        seen: set[Spot] = set()
        while waiting:
            spot = waiting.pop()
            if spot not in seen and spot.node in self.diagram.nodes:
                seen.add(spot)
                self.trails.courses.effort.visit(len(self.diagram.outgoing[spot.node]))
                waiting.extend(self._behind(spot))

    def _behind(self, spot: Spot) -> Iterator[Spot]:
        node = self.diagram.nodes[spot.node]
        names = frozenset(name for name, _ in spot.known)
        if self.trails.is_dark(node, names):
            self.is_asked = True
            self.met.add((node.id, spot.known))
            return
        if names & self.trails.asked_at(node):
            self.is_asked = True
            spot = spot._replace(is_unasked=False)
        if node.kind not in GATEWAYS and node.kind != "businessRuleTask":
            self.met.add(node.id)
        for event in self.diagram.attached.get(node.id, ()):
            yield spot._replace(node=event.id, is_unasked=False)
        yield from (spot._replace(node=each) for each in starts_of(self.diagram, node.id))
        yield from self._onward(node, spot)

    def _onward(self, node: Node, spot: Spot) -> Iterator[Spot]:
        """Yield what follows with what is left of the word behind a node."""
        written = self.trails.variables.set_by(node)
        left = frozenset(pair for pair in spot.known if pair[0] not in written)
        is_unasked = spot.is_unasked
        if node.kind in PEOPLES and left != spot.known:
            self.over.add(node.id)
            # Where they let their time pass something else may ask.
            if is_unasked and node.id not in self.diagram.attached:
                self.lost.add(node.id)
        if node.kind in JOINS and is_unasked and len(self.diagram.incoming[node.id]) > 1:
            self.joins.add(node.id)
        if node.kind in _PARTINGS and len(self.diagram.outgoing[node.id]) > 1:
            is_unasked = False
        for known in filter(None, self._worlds(node, spot.known, left)):
            for flow in self._flows(node, known):
                yield Spot(flow.target, known, is_unasked)

    def _worlds(self, node: Node, known: World, left: World) -> Iterable[World]:
        """Return what may be known behind a node: a table that is asked makes more of it."""
        names = {name for name, _ in known}
        if node.kind != "businessRuleTask" or not names & self.trails.asked_at(node):
            return [left]
        told = frozenset(pair for pair in known if pair[1] is not ANYTHING)
        courses = self.trails.courses
        more = courses.behind(self.trails.variables, node, told, courses.effort)
        return {left | world for world in more}

    def _flows(self, node: Node, known: World) -> Iterable[Flow]:
        """Return the flows by which the word may be carried on."""
        flows = self.diagram.outgoing[node.id]
        if node.kind == "endEvent":
            return self.diagram.outgoing.get(node.scope, ())
        if node.kind == "subProcess" and node.loop is None:
            return ()  # By its ends.
        if node.kind not in DECISIONS or len(flows) < 2:
            return flows
        default, courses = node.element.get("default", ""), self.trails.courses
        data = {name: value for name, value in known if value is not ANYTHING}
        asked = [flow for flow in flows if flow.id != default]
        told = [
            Told(each, courses.holds(each.condition or "", data, courses.effort), is_sure=True)
            for each in asked
        ]
        last = [flow for flow in flows if flow.id == default]
        if node.kind == "exclusiveGateway":
            return [flow for taken, _ in one_of(told, last) for flow in taken]
        some = [each.flow for each in told if each.holds is not False]
        return some if any(each.holds for each in told) else [*some, *last]


def _asked_at(diagram: Diagram, node: Node, courses: Courses) -> frozenset[str]:
    """Return the words of all that is asked at a node: conditions, times, lists, tables, calls."""
    if node.kind == "callActivity":
        called = called_by(courses.scopes, node.element.get("calledElement", ""))
        inner = [
            _asked_at(each.diagram, one, courses)
            for each in called
            for one in each.diagram.nodes.values()
            if one.kind != "callActivity"
        ]
        return frozenset[str]().union(*inner)
    if node.kind == "businessRuleTask":
        table = courses.tables.get(asked_by(node))
        return table.mentioned if table else frozenset()
    return words_at(diagram, node)
