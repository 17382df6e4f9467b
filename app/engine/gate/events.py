"""Which events may stand where, and that each names its message, signal, error or time (事件)."""

import re
from collections.abc import Iterator
from typing import Any

from app.engine.gate.diagram import ACTIVITIES, BPMN, Diagram, Node, local
from app.engine.gate.elements import REJECTED, Rule
from app.engine.gate.findings import Finding
from app.engine.gate.known import Known

ALLOWED: dict[str, frozenset[str]] = {
    "startEvent": frozenset(),
    "endEvent": frozenset({"terminate", "error", "message"}),
    "intermediateCatchEvent": frozenset({"message", "timer", "signal"}),
    "intermediateThrowEvent": frozenset({"message", "signal"}),
    "boundaryEvent": frozenset({"message", "timer", "signal", "error"}),
}
CATCHING = frozenset({"intermediateCatchEvent", "boundaryEvent"})
_WORDS = {"message": "消息", "signal": "信号", "error": "错误"}
_UNNAMED = {"message": "event.message", "signal": "event.signal", "error": "event.error"}
_TIMES = ("timeDate", "timeDuration", "timeCycle")


def event_types(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard defect 9: the parser reads events of other types as events that do nothing."""
    for node in diagram.nodes.values():
        if node.kind not in ALLOWED:
            continue
        kinds = [_kind(event) for event in node.events()]
        if len(kinds) > 1 or (node.kind in CATCHING and not kinds):
            message = "事件要有且只有一种触发方式"
            yield diagram.find("event.definition", node, message, "请选择消息、定时或信号之一")
        for event, kind in zip(node.events(), kinds, strict=True):
            if kind not in ALLOWED[node.kind] and local(event) not in REJECTED:
                yield _misplaced(diagram, node)


def _kind(event: Any) -> str:
    return local(event).removesuffix("EventDefinition")


def _misplaced(diagram: Diagram, node: Node) -> Finding:
    if node.kind == "startEvent":
        message, hint = "开始事件不能带触发方式", "流程由平台启动，请改成普通开始事件"
        return diagram.find("start.typed", node, message, hint)
    message = "这个位置不支持这种事件，引擎会忽略"
    return diagram.find("event.type", node, message, "请改用消息、定时、信号或错误事件")


def boundary_hosts(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard the parser: a boundary event that sits on no activity is dropped."""
    for node in diagram.of_kind("boundaryEvent"):
        host = diagram.nodes.get(node.element.get("attachedToRef", ""))
        if host is None or host.kind not in ACTIVITIES or host.scope != node.scope:
            message = "边界事件没有附在任务或子流程上"
            yield diagram.find("event.host", node, message, "请把它拖到任务的边框上")


def named_references(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard defect 9: an event without its message, signal or error is silently ignored."""
    for node in diagram.nodes.values():
        for event in node.events():
            kind = _kind(event)
            if kind in _WORDS and not _is_named(diagram, kind, event.get(f"{kind}Ref")):
                message = f"没有指定{_WORDS[kind]}，或{_WORDS[kind]}没有名称"
                hint = f"请选择一个有名称的{_WORDS[kind]}"
                yield diagram.find(_UNNAMED[kind], node, message, hint)


def usable_event_names(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard the queue: messages, signals and errors are looked up by these names as they stand."""
    for kind, word in _WORDS.items():
        for item in diagram.root.findall(f"{BPMN}{kind}"):
            written = [item.get(key) for key in ("name", "errorCode") if item.get(key)]
            if not all(re.fullmatch(r"[^\W\d][\w-]{0,99}", name) for name in written):
                message = f"{word}的名称含有不允许的字符"
                hint = "名称以字母或汉字开头，只用字母、数字、下划线和连字符"
                yield diagram.find("event.name", item, message, hint)


def message_tasks(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard defect 9: send and receive tasks without a message are silently skipped."""
    for node in diagram.of_kind("sendTask", "receiveTask"):
        if not _is_named(diagram, "message", node.element.get("messageRef")):
            message = "发送或接收任务没有消息"
            yield diagram.find("event.message", node, message, "请选择一个有名称的消息")


def _is_named(diagram: Diagram, kind: str, ref: str | None) -> bool:
    return bool(diagram.event_names.get((kind, ref or "")))


def timers(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard the parser, which takes the first of several times and fails late without one."""
    for node in diagram.nodes.values():
        for event in node.events():
            if _kind(event) != "timer":
                continue
            times = [local(child) for child in event if local(child) in _TIMES]
            if len(times) != 1:
                hint = "请填写一个日期或时长"
                yield diagram.find("event.timer", node, "定时事件没有唯一的时间", hint)
            elif times == ["timeCycle"] and node.element.get("cancelActivity") != "false":
                message = "周期只能用在非中断的边界事件上"
                yield diagram.find("event.timer", node, message, "请改用日期或时长")


RULES: tuple[Rule, ...] = (
    event_types,
    boundary_hosts,
    named_references,
    usable_event_names,
    message_tasks,
    timers,
)
