"""Whether what people and handlers decide stays as it was taken: no table writes over it."""

from collections.abc import Iterator, Mapping

from app.engine.gate.course import Courses
from app.engine.gate.diagram import Node
from app.engine.gate.findings import Finding
from app.engine.gate.graph import reach
from app.engine.gate.values import deal_of
from app.engine.gate.variables import Variables


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


def called_by(scopes: Mapping[str, Variables], process: str) -> list[Variables]:
    """Return the variables of a process and of all that it calls, as far as they are drawn."""
    called = reach([process], {name: each.diagram.calls for name, each in scopes.items()})
    return [scopes[name] for name in sorted(called) if name in scopes]


def _taken_by_handlers(variables: Variables, scopes: Mapping[str, Variables]) -> set[str]:
    """Return what handlers decide in a process and in all that it calls."""
    return {
        name
        for each in [variables, *called_by(scopes, variables.diagram.id)]
        for node in each.diagram.nodes.values()
        for name in _given_by(each, node)
    }


def _written_by_tables(courses: Courses, process: str) -> set[str]:
    return {
        name
        for each in called_by(courses.scopes, process)
        for node in each.diagram.of_kind("businessRuleTask")
        for name in each.set_by(node)
    }
