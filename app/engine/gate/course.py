"""Whether a decision leads where it must (去向): what is returned is never entered as passed.

A handler may ask for a decision before it (`Contract.after`). Each other decision is followed
from where it is made, branch by branch, as far as its conditions can be told.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from app.engine.contracts import Scalar
from app.engine.gate.diagram import DECISIONS, Flow, Node
from app.engine.gate.findings import Finding
from app.engine.gate.known import Known
from app.engine.gate.values import deal_of, literal
from app.engine.gate.variables import Variables
from rules.conditions import Effort, outcome_of

Right = tuple[Scalar, ...]


def decisions_lead_where_they_must(variables: Variables, effort: Effort) -> Iterator[Finding]:
    """Guard the records: a return that goes on as a consent fails, or leads where nobody acts.

    Raises TooCostly.
    """
    diagram, known = variables.diagram, variables.known
    courses = _Courses(variables, effort)
    for node in diagram.nodes.values():
        deal = deal_of(node, known)
        for save, needed in deal.contract.after.items() if deal else ():
            for giver in diagram.nodes.values():
                if giver.properties.get("save") == save and giver.scope == node.scope:
                    yield from _astray(courses, known, giver, node, needed)


def _astray(
    courses: "_Courses", known: Known, giver: Node, node: Node, needed: Mapping[str, Right]
) -> Iterator[Finding]:
    deal = deal_of(giver, known)
    for name, right in needed.items():
        given = (deal.gives or {}).get(name) if deal else None
        for value in given if isinstance(given, tuple) else ():
            if value not in right and node.id in courses.reached(giver.id, name, value):
                said = f"“{giver.name or giver.id}”的 {name} 是 {literal(value)} 时也会走到这里"
                message = f"{said}，这里只办理 {'、'.join(map(literal, right))} 的"
                hint = "请检查前面网关的条件和默认分支是否接反"
                yield courses.variables.diagram.find("task.after", node, message, hint)


@dataclass
class _Courses:
    """Where the values of decisions lead in a diagram; each is followed once."""

    variables: Variables
    effort: Effort
    _reached: dict[tuple[str, str, object], set[str]] = field(default_factory=dict)
    _told: dict[tuple[str, str, object], bool | None] = field(default_factory=dict)

    def reached(self, giver: str, name: str, value: object) -> set[str]:
        """Return the nodes that are reached while a name still has the value that was given."""
        key = (giver, name, value)
        if key not in self._reached:
            self._reached[key] = self._followed(*key)
        return self._reached[key]

    def _followed(self, giver: str, name: str, value: object) -> set[str]:
        diagram, reached = self.variables.diagram, set[str]()
        waiting = [flow.target for flow in diagram.outgoing.get(giver, ())]
        while waiting:
            here = waiting.pop()
            node = diagram.nodes.get(here)
            if node is None or here in reached:
                continue
            reached.add(here)
            # What leaves a node at its border leaves it before it has given anything.
            waiting += [each.id for each in diagram.attached.get(here, ())]
            # Whoever gives the name anew decides anew, somebody inside a subprocess too.
            if node.kind != "subProcess" and name not in self.variables.set_by(node):
                waiting += [flow.target for flow in self._taken(node, name, value)]
        return reached

    def _taken(self, node: Node, name: str, value: object) -> list[Flow]:
        """Return the flows that may be taken when a name has this value."""
        flows = self.variables.diagram.outgoing.get(node.id, [])
        if node.kind not in DECISIONS:
            return flows
        default = node.element.get("default", "")
        taken, is_sure = [], False
        for flow in (each for each in flows if each.id != default):
            holds = self._holds(flow.condition or "", name, value)
            if holds is not False and not (is_sure and node.kind == "exclusiveGateway"):
                taken.append(flow)
            is_sure = is_sure or holds is True
        return taken if is_sure else [*taken, *(each for each in flows if each.id == default)]

    def _holds(self, text: str, name: str, value: object) -> bool | None:
        key = (text, name, value)
        if key not in self._told:
            self._told[key] = outcome_of(text, {name: value}, self.effort)
        return self._told[key]
