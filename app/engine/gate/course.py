"""Whether a decision leads where it must (去向): what is returned is never entered as passed.

A handler may ask for a decision before it (`Contract.after`). Each other decision is followed
from where it is made, branch by branch, through tables, subprocesses and out of called processes,
as far as its conditions can be told.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from app.engine.contracts import Scalar
from app.engine.gate.assigned import Assigned
from app.engine.gate.decisions import Decision, asked_by
from app.engine.gate.diagram import DECISIONS, Diagram, Flow, Node, ends_well
from app.engine.gate.findings import Finding
from app.engine.gate.graph import reach
from app.engine.gate.known import Known, Said
from app.engine.gate.matters import matters_of
from app.engine.gate.values import called, deal_of, worded, words_for
from app.engine.gate.variables import Variables, gathers, words_of
from rules.conditions import Effort, outcome_of

World = frozenset[tuple[str, object]]
"""What is known of the data at a place: names with their values."""


MAX_STEPS = 40_000
"""About a second; all processes that ship take a tenth of it together."""


@dataclass
class Courses:
    """Where decisions lead in the diagrams of a bundle; each is followed once."""

    scopes: Mapping[str, Variables]
    tables: Mapping[str, Decision]
    effort: Effort
    # How much may still go into following the states of records, for the whole bundle: what is
    # too much there is only not looked at.
    steps: int = MAX_STEPS
    followed: Effort = field(default_factory=Effort)
    _reached: dict[tuple[str, str, str, object], set[str]] = field(default_factory=dict)
    _told: dict[tuple[str, World], bool | None] = field(default_factory=dict)
    _words: dict[str, frozenset[str]] = field(default_factory=dict)
    _given: dict[str, frozenset[Said]] = field(default_factory=dict)

    @cached_property
    def assigned(self) -> Assigned:
        """Which names are sure to be set, in each of the diagrams."""
        return Assigned(self.scopes)

    def said_at(self, variables: Variables, node: Node) -> frozenset[Said]:
        """Return the decisions that stand in the data behind a node, as its people took them."""
        if gathers(node):
            return frozenset()
        if node.kind == "callActivity":
            return self.said_in(node.element.get("calledElement", ""), variables.known)
        deal = deal_of(node, variables.known)
        given = (deal.gives or {}).items() if deal else ()
        save, by = node.properties.get("save", ""), node.name or node.id
        return frozenset(
            Said(save, by, name, value)
            for name, values in given
            for value in (values if isinstance(values, tuple) else ())
        )

    def said_in(self, process: str, known: Known) -> frozenset[Said]:
        """Return the decisions that a process ends with, for who calls it. Raises TooCostly."""
        if process not in self.scopes:
            return known.processes[process].said if process in known.processes else frozenset()
        if process not in self._given:
            self._given[process] = frozenset()  # What calls itself is refused elsewhere.
            self._given[process] = self._said_at_end(self.scopes[process])
        return self._given[process]

    def _said_at_end(self, variables: Variables) -> frozenset[Said]:
        diagram = variables.diagram
        ends = {each.id for each in diagram.inside(diagram.id) if ends_well(each)}
        return frozenset(
            said
            for node in diagram.nodes.values()
            for said in self.said_at(variables, node)
            if ends & self.reached(variables, node, said)
        )

    def reached(self, variables: Variables, giver: Node, said: Said) -> set[str]:
        """Return the nodes that are reached while a name still has the value that was given."""
        key = (variables.diagram.id, giver.id, said.name, said.value)
        if key not in self._reached:
            self._reached[key] = self._followed(variables, giver, said)
        return self._reached[key]

    def _followed(self, variables: Variables, giver: Node, said: Said) -> set[str]:
        diagram, seen = variables.diagram, set[tuple[str, World]]()
        start: World = frozenset({(said.name, said.value)})
        waiting = [(flow.target, start) for flow in diagram.outgoing.get(giver.id, ())]
        while waiting:
            here = waiting.pop()
            node = diagram.nodes.get(here[0])
            if node is None or here in seen:
                continue
            seen.add(here)
            self.effort.evaluate("")
            # What leaves a node at its border leaves it before it has given anything.
            waiting += [(each.id, here[1]) for each in diagram.attached.get(node.id, ())]
            # Whoever gives the name anew decides anew.
            if said.name not in variables.set_by(node):
                for world in self.behind(variables, node, here[1]):
                    waiting += [(target, world) for target in self._next(diagram, node, world)]
        return {ident for ident, _world in seen}

    def behind(
        self, variables: Variables, node: Node, world: World, effort: Effort | None = None
    ) -> set[World]:
        """Return what may be known behind a node that is reached with this knowledge.

        Raises TooCostly.
        """
        given = variables.set_by(node)
        kept = frozenset(each for each in world if each[0] not in given)
        table = self.tables.get(asked_by(node)) if node.kind == "businessRuleTask" else None
        if table is None or node.loop is not None:
            return {kept}
        asked = dict(world)
        answers = table.answers(lambda test: self.holds(test, asked, effort), variables.known)
        return {kept | answer for answer in answers}

    def _next(self, diagram: Diagram, node: Node, world: World) -> list[str]:
        if node.kind == "subProcess":
            inner = [] if node.loop is not None else diagram.inside(node.id)
            return [each.id for each in inner if each.kind == "startEvent"]
        holder = diagram.nodes.get(node.scope)
        if ends_well(node) and holder is not None and holder.loop is None:
            return [flow.target for flow in diagram.outgoing.get(holder.id, ())]
        return [flow.target for flow in self._taken(diagram, node, world)]

    def _taken(self, diagram: Diagram, node: Node, world: World) -> list[Flow]:
        """Return the flows that may be taken when this is known."""
        flows = diagram.outgoing.get(node.id, [])
        if node.kind not in DECISIONS:
            return flows
        default = node.element.get("default", "")
        taken, is_sure = [], False
        for flow in (each for each in flows if each.id != default):
            holds = self.holds(flow.condition or "", dict(world))
            if holds is not False and not (is_sure and node.kind == "exclusiveGateway"):
                taken.append(flow)
            is_sure = is_sure or holds is True
        return taken if is_sure else [*taken, *(each for each in flows if each.id == default)]

    @cached_property
    def asked_for(self) -> frozenset[str]:
        """The names that the conditions of flows and tables ask for."""
        flows = (flow for each in self.scopes.values() for flow in each.diagram.flows)
        names = [self.names_in(flow.condition or "") for flow in flows]
        tables = (table.mentioned for table in self.tables.values())
        return frozenset[str]().union(*names, *tables)

    def names_in(self, text: str) -> frozenset[str]:
        """Return the words of a condition, which is read once."""
        if text not in self._words:
            self._words[text] = words_of(text)
        return self._words[text]

    def holds(
        self, text: str, known: Mapping[str, object], effort: Effort | None = None
    ) -> bool | None:
        """Return how a condition turns out as far as is known; it costs that of the bundle.

        Raises TooCostly.
        """
        asked = {name: known[name] for name in self.names_in(text) & known.keys()}
        key = (text, frozenset(asked.items()))
        if key not in self._told:
            self._told[key] = outcome_of(text, asked, effort or self.effort)
        return self._told[key]


def decisions_lead_where_they_must(variables: Variables, courses: Courses) -> Iterator[Finding]:
    """Guard the records: a return that goes on as a consent fails, or leads where nobody acts.

    Raises TooCostly.
    """
    nodes = variables.diagram.nodes.values()
    for node in nodes:
        deal = deal_of(node, variables.known)
        after = deal.contract.after if deal else {}
        for giver in nodes if after else ():
            said_there = courses.said_at(variables, giver)
            for said in sorted(said_there, key=lambda each: (each.by, each.name, str(each.value))):
                right = after.get(said.save, {}).get(said.name)
                is_right = right is None or said.value in right
                if not is_right and node.id in courses.reached(variables, giver, said):
                    yield _astray(variables, node, said, right or ())


def _astray(variables: Variables, node: Node, said: Said, right: tuple[Scalar, ...]) -> Finding:
    diagram, known = variables.diagram, variables.known
    words = words_for(said.name, matters_of(diagram, known), known)
    astray = f"“{said.by}”的 {said.name} 是{called(said.value, words)}时也会走到这里"
    taken = f"这里只办理{worded(right, words)}的" if right else "这里不办理它的决定"
    hint = "请检查前面网关的条件和默认分支是否接反"
    return diagram.find("task.after", node, f"{astray}，{taken}", hint)


def decisions_stay_as_taken(variables: Variables, courses: Courses) -> Iterator[Finding]:
    """Guard the records: a table that writes over a decision sends a return on as a consent."""
    diagram = variables.diagram
    taken = _taken_by_handlers(variables, courses.scopes)
    own = {name for node in diagram.nodes.values() for name in _given_by(variables, node)}
    for node in diagram.of_kind("businessRuleTask", "callActivity"):
        if node.kind == "callActivity":
            called = node.element.get("calledElement", "")
            written = _written_by_tables(courses, called) & own
        else:
            written = variables.set_by(node) & taken
        for name in sorted(written):
            message = f"决策表会改写“{name}”，它是办理人或处理程序作出的决定"
            hint = "请给决策表的输出换一个名称，后面的条件按新名称判断"
            yield diagram.find("rule.overwrites", node, message, hint)


def _given_by(variables: Variables, node: Node) -> set[str]:
    deal = deal_of(node, variables.known)
    return set() if deal is None else {*(deal.gives or {})}


def _called_by(scopes: Mapping[str, Variables], process: str) -> list[Variables]:
    calls = {
        name: [n.element.get("calledElement", "") for n in each.diagram.of_kind("callActivity")]
        for name, each in scopes.items()
    }
    return [scopes[name] for name in sorted(reach([process], calls)) if name in scopes]


def _taken_by_handlers(variables: Variables, scopes: Mapping[str, Variables]) -> set[str]:
    """Return what handlers decide in a process and in all that it calls."""
    return {
        name
        for each in [variables, *_called_by(scopes, variables.diagram.id)]
        for node in each.diagram.nodes.values()
        for name in _given_by(each, node)
    }


def _written_by_tables(courses: Courses, process: str) -> set[str]:
    return {
        name
        for each in _called_by(courses.scopes, process)
        for node in each.diagram.of_kind("businessRuleTask")
        for name in each.set_by(node)
    }
