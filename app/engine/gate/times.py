"""Whether what waits for its moment is drawn behind it (到期)."""

from collections.abc import Iterator

from app.engine.gate.diagram import Diagram, Node, local
from app.engine.gate.elements import Rule
from app.engine.gate.failures import catching, errors_of, failing
from app.engine.gate.findings import Finding
from app.engine.gate.graph import starts_of
from app.engine.gate.joins import come_to, over
from app.engine.gate.known import Known, Published
from app.engine.gate.load import written_count
from app.engine.gate.variables import words_of

_TIMED = frozenset({"intermediateCatchEvent", "boundaryEvent"})


def moments_are_waited_for(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard the records: a handler ends a period whenever it is called, also on its first day."""
    for node, handler, moment in _early(diagram, known) if diagram.id in known.matters else ():
        message = f"“{handler}”要等到 {moment} 才办理，这里没有等待，会提前办理"
        hint = f"请在它前面的每条来路上画定时事件，日期（timeDate）填 {moment}"
        yield diagram.find("task.early", node, message, hint)


def early_in(diagram: Diagram, known: Known) -> frozenset[str]:
    """Return the handlers in a process and its calls that some way comes to before their time."""
    return frozenset(handler for _node, handler, _moment in _early(diagram, known))


def awaited_in(diagram: Diagram, known: Known) -> frozenset[str]:
    """Return the moments that every way through a process waits for."""
    timed = [node for node in diagram.nodes.values() if node.kind in _TIMED]
    called = [known.processes.get(name, Published()).awaited for name in diagram.calls]
    told = {m for m in _moments(known) if any(_reads(node, m) for node in timed)}
    awaited = _moments(known) & told.union(*called)
    return frozenset(m for m in awaited if over(diagram.id) not in _before(m, diagram, known))


def failed_after(diagram: Diagram, known: Known) -> dict[str, frozenset[str]]:
    """Return by the code of each error of a process the moments that every way to it waits for."""
    codes = {code for node in diagram.nodes.values() for code in _thrown_at(diagram, node, known)}
    found: dict[str, set[str]] = {code: set() for code in codes}
    for moment in _moments(known) if codes else ():
        reached = _before(moment, diagram, known)
        for code in codes:
            if failing(diagram.id, code) not in reached:
                found[code].add(moment)
    return {code: frozenset(moments) for code, moments in found.items()}


def _moments(known: Known) -> set[str]:
    return {contract.waits_for for contract in known.services.values()} - {""}


def _early(diagram: Diagram, known: Known) -> Iterator[tuple[Node, str, str]]:
    """Yield each node that comes before its moment, with the handler and the moment."""
    waiting = [(node, *each) for node in diagram.nodes.values() for each in _waiting(node, known)]
    come_to = {moment: _before(moment, diagram, known) for _node, _handler, moment in waiting}
    yield from (each for each in waiting if each[0].id in come_to[each[2]])


def _waiting(node: Node, known: Known) -> Iterator[tuple[str, str]]:
    """Yield the handlers of a node, or of what it calls, that wait for a moment, with that."""
    called = known.processes.get(node.element.get("calledElement", ""), Published())
    named = {node.properties.get("handler", "")} if node.kind == "serviceTask" else set()
    for name in sorted(named | called.early):
        contract = known.services.get(name)
        if contract is not None and contract.waits_for:
            yield name, contract.waits_for


def _before(moment: str, diagram: Diagram, known: Known) -> set[str]:
    """Return the nodes and flows that some way comes to without having waited for a moment.

    What a process fails with is among them as well (`failing`).
    """

    def onward(node: Node) -> Iterator[str]:
        yield from _borders(diagram, node)
        yield from _failures(diagram, node, moment, known)
        is_passed = node.kind != "subProcess" or _may_be_skipped(node)
        if is_passed and not _awaits(node, moment, known):
            yield from (flow.id for flow in diagram.outgoing[node.id])

    return come_to(diagram, starts_of(diagram, diagram.id), onward)


def _borders(diagram: Diagram, node: Node) -> list[str]:
    """Return the events at the border of a node that may come as soon as it is entered."""
    events = diagram.attached.get(node.id, ())
    return [event.id for event in events if not list(errors_of(diagram, event))]


def _failures(diagram: Diagram, node: Node, moment: str, known: Known) -> list[str]:
    """Return where a node's errors lead, those that may come without having waited."""
    called = known.processes.get(node.element.get("calledElement", ""), Published())
    codes = _thrown_at(diagram, node, known)
    early = [code for code in codes if moment not in called.failed_after.get(code, ())]
    return [ident for code in early for ident in catching(diagram, node, code)]


def _thrown_at(diagram: Diagram, node: Node, known: Known) -> frozenset[str]:
    """Return the errors that a node itself ends with, or what it calls."""
    if node.kind == "endEvent":
        return frozenset(errors_of(diagram, node))
    called = known.processes.get(node.element.get("calledElement", ""), Published())
    return called.errors


def _may_be_skipped(node: Node) -> bool:
    """Whether a node may have no instance at all: a list may be empty."""
    return written_count(node) in {None, 0}


def _awaits(node: Node, moment: str, known: Known) -> bool:
    """Whether nothing comes past a node before a moment."""
    called = known.processes.get(node.element.get("calledElement", ""), Published())
    is_timed = node.kind in _TIMED and _reads(node, moment)
    return is_timed or (moment in called.awaited and not _may_be_skipped(node))


def _reads(node: Node, moment: str) -> bool:
    parts = (part for event in node.events() for part in event if local(part).startswith("time"))
    return any(moment in words_of(part.text or "") for part in parts)


RULES: tuple[Rule, ...] = (moments_are_waited_for,)
