"""Whether what people and handlers decide is heeded (决定的去处): read, and never written over."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from app.engine.contracts import Answered
from app.engine.gate.course import Courses
from app.engine.gate.decisions import asked_by
from app.engine.gate.diagram import DECISIONS, Diagram, Flow, Node
from app.engine.gate.findings import Finding, quoted
from app.engine.gate.graph import reach, starts_of
from app.engine.gate.tasks import PEOPLES
from app.engine.gate.values import deal_of
from app.engine.gate.variables import Variables, words_of
from rules.conditions import Values


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
    called = reach([process], {name: each.diagram.calls for name, each in scopes.items()})
    return [scopes[name] for name in sorted(called) if name in scopes]


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


def verdicts_are_read(variables: Variables, courses: Courses) -> Iterator[Finding]:
    """Guard who decides: a word that the next one writes over before anything asks is no word.

    Whose handler moves a record has been heeded by that; what others have said is kept on paper.
    """
    diagram, told = variables.diagram, set[str]()
    for node in diagram.of_kind(*PEOPLES):
        for name in sorted(_said_at(variables, node)):
            behind = _Behind(variables, courses, node, name)
            for ident in sorted(behind.writers - told) if not behind.is_read else ():
                told.add(ident)
                said = quoted(node.name or node.id)
                message = f"“{said}”作出的决定（{name}）还没有条件用到，就被这里改写，等于没有作出"
                hint = "请先用排他网关按前面的决定分开走；只是填写意见的，请换成没有决定选项的表单"
                yield diagram.find("task.unread", diagram.nodes[ident], message, hint)


def _said_at(variables: Variables, node: Node) -> set[str]:
    """Return what people choose at a task and nothing but conditions could heed."""
    deal = deal_of(node, variables.known)
    if deal is None or deal.contract.moves or node.loop is not None:
        return set()
    given, gives = deal.contract.gives or {}, deal.gives or {}
    asked = {name for name, each in given.items() if each is Answered and name in gives}
    return {name for name in asked if not _is_one(gives[name])}


def _is_one(values: Values) -> bool:
    """Whether there is nothing to choose, as with a button that says that something was seen."""
    return isinstance(values, tuple) and len(values) == 1


class _Behind:
    """What comes behind a task until a name is written anew: who writes it, whether it is read."""

    def __init__(self, variables: Variables, courses: Courses, node: Node, name: str) -> None:
        self.variables, self.courses, self.name = variables, courses, name
        self.diagram = variables.diagram
        edges = {each.id: self._next(each) for each in self.diagram.nodes.values()}
        flows = self.diagram.outgoing[node.id]
        self.met = reach((flow.target for flow in flows), edges) & self.diagram.nodes.keys()

    def _writes(self, node: Node) -> bool:
        return self.name in self.variables.set_by(node)

    def _next(self, node: Node) -> list[str]:
        """Return what follows a node; of one that writes the name, what may come instead of it."""
        here = [each.id for each in self.diagram.attached.get(node.id, ())]
        here += starts_of(self.diagram, node.id)
        if node.kind == "endEvent" and node.scope in self.diagram.nodes:
            here += [flow.target for flow in self.diagram.outgoing[node.scope]]
        if not self._writes(node):
            here += [flow.target for flow in self.diagram.outgoing[node.id]]
        return here

    @property
    def writers(self) -> set[str]:
        """The ids of the tasks of people that write the name anew."""
        met = (self.diagram.nodes[ident] for ident in self.met)
        return {node.id for node in met if node.kind in PEOPLES and self._writes(node)}

    @property
    def is_read(self) -> bool:
        """Whether anything asks for the name before it is written anew."""
        return any(self._reads(self.diagram.nodes[ident]) for ident in self.met)

    def _reads(self, node: Node) -> bool:
        if node.kind == "endEvent":
            # Whoever calls a part may read what it leaves behind.
            return self.diagram.id not in self.variables.known.matters
        if node.kind == "callActivity":
            return self._is_read_in(node.element.get("calledElement", ""))
        return self.name in _read_at(self.diagram, node, self.courses)

    def _is_read_in(self, process: str) -> bool:
        scopes = self.courses.scopes
        read = (
            _read_at(each.diagram, node, self.courses)
            for each in _called_by(scopes, process)
            for node in each.diagram.nodes.values()
        )
        return process not in scopes or self.name in chain.from_iterable(read)


def _read_at(diagram: Diagram, node: Node, courses: Courses) -> frozenset[str]:
    """Return the words of all that is asked at a node: conditions, times, lists, tables."""
    if node.kind == "businessRuleTask":
        table = courses.tables.get(asked_by(node))
        return table.mentioned if table else frozenset()
    flows: Iterable[Flow] = diagram.outgoing[node.id] if node.kind in DECISIONS else ()
    parts = [*node.events(), *([] if node.loop is None else [node.loop])]
    texts = [text for part in parts for text in part.itertext()]
    asked = [flow.condition or "" for flow in flows]
    return frozenset[str]().union(*(words_of(text) for text in [*texts, *asked]))
