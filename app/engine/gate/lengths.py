"""How long names may be (长度): as long as the columns that will hold them."""

from collections.abc import Iterator
from typing import Any

from app.engine.gate.diagram import BPMN, Diagram
from app.engine.gate.elements import Rule
from app.engine.gate.findings import Finding
from app.engine.gate.known import Known
from app.engine.models import (
    Incident,
    ProcessInstance,
    ProcessVersion,
    QueueRow,
    StepLog,
    Subscription,
    Timer,
    WorkItem,
)


def _shortest(*columns: Any) -> int:
    return min(int(column.type.length) for column in columns)


PROCESS_ID = _shortest(
    ProcessVersion.key, ProcessInstance.process_key, WorkItem.process, QueueRow.name
)
PROCESS_NAME = _shortest(ProcessVersion.title)
NODE_ID = _shortest(WorkItem.node, StepLog.node, Timer.node, Subscription.node, Incident.node)
NODE_NAME = _shortest(WorkItem.name, StepLog.name)
EVENT_NAME = _shortest(Subscription.message, QueueRow.name)


def lengths(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard the tables: PostgreSQL refuses a text that is longer than its column, at run time."""
    for subject, what, text, limit in _texts(diagram):
        if len(text) > limit:
            message = f"{what}有 {len(text)} 个字符，超过 {limit} 个"
            yield diagram.find("text.length", subject, message, f"请缩短到 {limit} 个字符以内")


def _texts(diagram: Diagram) -> Iterator[tuple[Any, str, str, int]]:
    yield diagram.process, "流程编号", diagram.id, PROCESS_ID
    yield diagram.process, "流程名称", diagram.process.get("name", ""), PROCESS_NAME
    for node in diagram.nodes.values():
        yield node, "编号", node.id, NODE_ID
        yield node, "名称", node.name, NODE_NAME
    for item in diagram.root.iterchildren(f"{BPMN}message", f"{BPMN}signal"):
        yield item, "消息或信号的名称", item.get("name", ""), EVENT_NAME


RULES: tuple[Rule, ...] = (lengths,)
