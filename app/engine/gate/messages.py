"""Whether somebody sends what is awaited, and somebody awaits what is sent (消息与信号).

Mostly warnings: a message may also come from, or go to, a process that is not looked at here.
What is a letter away from a message that its business sends and nobody hears is a slip.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from app.engine.gate.diagram import Diagram, Node, local
from app.engine.gate.elements import Rule
from app.engine.gate.failures import ANY, errors_of
from app.engine.gate.findings import Finding
from app.engine.gate.graph import edges_of, on_a_cycle
from app.engine.gate.known import Heard, Known
from app.engine.gate.matters import matters_of
from app.engine.gate.pauses import waiting
from app.engine.gate.words import is_slip, nearest

_WORDS = {"message": "消息", "signal": "信号"}
_THROWING = frozenset({"intermediateThrowEvent", "endEvent", "sendTask"})
_CATCHING = frozenset({"intermediateCatchEvent", "boundaryEvent", "receiveTask"})


class _Used(NamedTuple):
    """A message or signal where it is thrown or caught."""

    node: Node
    heard: Heard


def _used(diagram: Diagram, kinds: frozenset[str]) -> Iterator[_Used]:
    for node in diagram.of_kind(*kinds):
        for heard in used_at(diagram, node):
            yield _Used(node, heard)


def used_at(diagram: Diagram, node: Node) -> Iterator[Heard]:
    """Yield the messages and signals that a node throws or catches."""
    # Send and receive tasks name their message themselves.
    for holder in [node.element, *node.events()]:
        for kind in _WORDS:
            name = diagram.event_names.get((kind, holder.get(f"{kind}Ref", "")))
            if name and (holder is node.element or local(holder).startswith(kind)):
                yield kind, name


def thrown(diagram: Diagram) -> frozenset[Heard]:
    """Return the messages and signals that a process throws."""
    return frozenset(each.heard for each in _used(diagram, _THROWING))


def caught(diagram: Diagram) -> frozenset[Heard]:
    """Return the messages and signals that a process catches."""
    return frozenset(each.heard for each in _used(diagram, _CATCHING))


def somebody_sends(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Ask who sends what an event waits for: mostly a name that is written in two ways."""
    sent = known.sent.union(*(each.throws for each in known.processes.values()))
    for node, (kind, name) in _used(diagram, _CATCHING):
        if (kind, name) in sent and not _is_for_others(diagram, known, kind, name):
            continue
        message = f"平台和这些流程都不发送{_WORDS[kind]}“{name}”，会一直等下去"
        meant = _meant(name, {each for of, each in sent - _heard_by(diagram, known) if of == kind})
        if meant:
            hint = f"您是否想写 {meant}？这里没有别的环节接收它；请改{_WORDS[kind]}的名称"
            yield diagram.find("event.misnamed", node, message, hint)
        else:
            like = _like(name, kind, sent - {(kind, name)})
            hint = f"请检查{_WORDS[kind]}的名称{like}；由别的流程发送的不必改"
            yield diagram.find("event.unsent", node, message, hint, severity="warning")


def _is_for_others(diagram: Diagram, known: Known, kind: str, name: str) -> bool:
    """Whether the platform alone sends a message, and never about a record of this business."""
    if kind != "message":
        return False
    lives = [known.matters[key].life for key in matters_of(diagram, known)]
    told = {each for life in lives if life for each in life.told}
    thrown_here = any((kind, name) in each.throws for each in known.processes.values())
    return bool(lives) and all(lives) and name not in told and not thrown_here


def left_to_the_platform(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard the records: a message of the platform tells what has become of a record."""
    for node, (kind, name) in _used(diagram, _THROWING):
        if (kind, name) in known.sent:
            message = f"{_WORDS[kind]}“{name}”由平台在业务变化时发送，流程图不能自行发送"
            hint = f"请改用别的{_WORDS[kind]}名称，或由服务任务办理"
            yield diagram.find("event.reserved", node, message, hint)


def messages_bring_what_is_declared(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard the run: what a message brings must be declared, and what is declared be brought."""
    thrown_here = frozenset[Heard]().union(*(each.throws for each in known.processes.values()))
    for node, heard in _used(diagram, _CATCHING):
        brought = known.carried.get(heard[1], ()) if heard in known.sent else ()
        declared = node.outcomes
        if not declared or heard not in known.sent | thrown_here or {*declared} == {*brought}:
            continue
        kind, name = heard
        listed = f"数据“{'、'.join(brought)}”" if brought else "不带数据"
        message = f"{_WORDS[kind]}“{name}”送来时{listed}，与这里的 outcomes 不符"
        hint = f"请把 outcomes 写成 {','.join(brought)}" if brought else "请删去 outcomes"
        yield diagram.find("event.outcomes", node, message, hint)


def _heard_by(diagram: Diagram, known: Known) -> frozenset[Heard]:
    """Return what the process catches, and the others of its business do."""
    ours = matters_of(diagram, known)
    of_ours = {name for key in ours for name in (key, *known.matters[key].parts)}
    others = (known.processes[name].catches for name in of_ours & known.processes.keys())
    return caught(diagram).union(*others)


def _meant(name: str, names: Collection[str]) -> str:
    return next((each for each in sorted(names) if is_slip(name, each)), "")


def _like(name: str, kind: str, heard: Collection[Heard]) -> str:
    near = nearest(name, {each for of, each in heard if of == kind})
    return f"，最接近的是“{near}”" if near else ""


def somebody_listens(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Ask who hears what an event throws: a message that nobody awaits stays in the queue."""
    heard = frozenset[Heard]().union(*(each.catches for each in known.processes.values()))
    for node, (kind, name) in _used(diagram, _THROWING):
        if (kind, name) not in heard:
            message = f"这些流程里没有谁接收{_WORDS[kind]}“{name}”"
            hint = f"请检查{_WORDS[kind]}的名称{_like(name, kind, heard)}；由别的流程接收的不必改"
            yield diagram.find("event.unheard", node, message, hint, severity="warning")


def errors_in(diagram: Diagram, known: Known, scope: str) -> frozenset[str]:
    """Return the errors that may come out of a process or subprocess: what it ends with."""
    leaving = (_errors_leaving(diagram, known, node) for node in diagram.inside(scope))
    return frozenset[str]().union(*leaving)


def _errors_leaving(diagram: Diagram, known: Known, node: Node) -> frozenset[str]:
    """Return the errors that a node ends with and that nothing at its border catches."""
    if node.kind == "endEvent":
        return frozenset(errors_of(diagram, node))
    at_border = diagram.attached.get(node.id, ())
    caught = {code for each in at_border for code in errors_of(diagram, each)}
    return frozenset() if ANY in caught else _errors_from(diagram, known, node) - caught


def _errors_from(diagram: Diagram, known: Known, node: Node) -> frozenset[str]:
    if node.kind == "subProcess":
        return errors_in(diagram, known, node.id)
    called = known.processes.get(node.element.get("calledElement", ""))
    return called.errors if node.kind == "callActivity" and called else frozenset()


def somebody_fails(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Ask what ends with the error that a boundary event waits for: no task and no handler does.

    What fails in a handler is an incident, never a way of the process.
    """
    for node in diagram.of_kind("boundaryEvent"):
        host = diagram.nodes.get(node.element.get("attachedToRef", ""))
        awaited = set(errors_of(diagram, node))
        if host is None or not awaited:
            continue
        ends_with = _errors_from(diagram, known, host)
        if not (ends_with if ANY in awaited else ends_with & awaited):
            message = "附着的环节不会以这个错误结束，这条路永远走不到"
            hint = "错误只来自子流程或被调用流程里的错误结束事件；否则请删除，或改用消息、定时事件"
            yield diagram.find("event.unthrown", node, message, hint, severity="warning")


def somebody_catches(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Ask who catches the errors of a process that nothing calls: it ends as failed with them."""
    is_called = any(diagram.id in each.calls for each in known.processes.values())
    if is_called or any(diagram.id in matter.parts for matter in known.matters.values()):
        return
    for node in diagram.inside(diagram.id):
        if _errors_leaving(diagram, known, node):
            message = "流程到这里会以“出错结束”告终，业务停在原处，并记一个流程异常"
            hint = "正常办结的请改成普通结束事件；由上一层处理的，请在它外面的环节上加错误边界事件"
            yield diagram.find("event.uncaught", node, message, hint, severity="warning")


def loops_that_feed_themselves(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard the queue: a loop that waits only for what it throws turns with each worker round.

    A caught event counts as fed while something throws it on a way round that passes nothing
    else that waits; what is not fed is a wait, so the rest is looked at again without it.
    """
    fed = {node.id: heard for node, heard in _used(diagram, _CATCHING)}
    automatic = {each.id for each in diagram.nodes.values() if not waiting(diagram, each, known)}
    while True:
        hosts = {diagram.nodes[ident].element.get("attachedToRef", "") for ident in fed}
        passed = automatic | fed.keys() | hosts & diagram.nodes.keys()
        turning = set(on_a_cycle(passed, edges_of(diagram)))
        sent = {heard for node, heard in _used(diagram, _THROWING) if node.id in turning}
        kept = {n: heard for n, heard in fed.items() if n in turning and heard in sent}
        if kept == fed:
            break
        fed = kept
    for ident, (kind, name) in fed.items():
        message = f"等待的{_WORDS[kind]}“{name}”是这个循环自己发出的，会无休止地转下去"
        hint = "请在循环里放一个用户任务或定时事件"
        yield diagram.find("event.self_fed", diagram.nodes[ident], message, hint)


RULES: tuple[Rule, ...] = (
    somebody_sends,
    left_to_the_platform,
    messages_bring_what_is_declared,
    somebody_listens,
    somebody_fails,
    somebody_catches,
    loops_that_feed_themselves,
)
