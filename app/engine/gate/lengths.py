"""How long names may be (长度): as long as the columns that will hold them."""

from collections.abc import Iterator
from typing import Any

from app.engine.gate.diagram import BPMN, Diagram
from app.engine.gate.elements import Rule
from app.engine.gate.findings import Finding
from app.engine.gate.known import Known
from app.engine.lengths import EVENT_NAME, NODE_ID, NODE_NAME, PROCESS_ID, PROCESS_NAME


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
