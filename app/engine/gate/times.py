"""Whether what waits for its moment is drawn behind it (到期)."""

from collections.abc import Iterator

from app.engine.gate.diagram import Diagram, Node, local
from app.engine.gate.elements import Rule
from app.engine.gate.findings import Finding
from app.engine.gate.graph import edges_of, reach
from app.engine.gate.known import Known
from app.engine.gate.variables import words_of

_TIMED = frozenset({"intermediateCatchEvent", "boundaryEvent"})


def moments_are_waited_for(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard the records: a handler ends a period whenever it is called, also on its first day."""
    starts = [node.id for node in diagram.inside(diagram.id) if node.kind == "startEvent"]
    for node in diagram.nodes.values() if diagram.id in known.matters else ():
        for handler, moment in _waiting(node, known):
            awaited = {each.id for each in diagram.of_kind(*_TIMED) if _reads(each, moment)}
            edges = {ident: to for ident, to in edges_of(diagram).items() if ident not in awaited}
            if node.id in reach(starts, edges):
                message = f"“{handler}”要等到 {moment} 才办理，这里没有等待，会提前办理"
                hint = f"请在它前面的每条来路上画定时事件，日期（timeDate）填 {moment}"
                yield diagram.find("task.early", node, message, hint)


def _waiting(node: Node, known: Known) -> Iterator[tuple[str, str]]:
    """Yield the handlers of a node, or of what it calls, that wait for a moment, with that."""
    called = known.processes.get(node.element.get("calledElement", ""))
    named = {node.properties.get("handler", "")} if node.kind == "serviceTask" else set()
    for name in sorted(named | (called.services if called else frozenset())):
        contract = known.services.get(name)
        if contract is not None and contract.waits_for:
            yield name, contract.waits_for


def _reads(node: Node, moment: str) -> bool:
    parts = (part for event in node.events() for part in event if local(part).startswith("time"))
    return any(moment in words_of(part.text or "") for part in parts)


RULES: tuple[Rule, ...] = (moments_are_waited_for,)
