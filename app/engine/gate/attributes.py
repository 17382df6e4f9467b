"""Attributes that the engine does not obey, and letters that nobody sees (属性与隐藏字符)."""

import unicodedata
from collections.abc import Iterator
from typing import Any

from app.engine.gate.diagram import BPMN, Diagram, Flow, Node, local
from app.engine.gate.elements import Rule
from app.engine.gate.findings import Finding
from app.engine.gate.known import Known

_YES_OR_NO = frozenset({"true", "false"})
_NO, _YES = frozenset({"false"}), frozenset({"true"})
OBEYED: dict[str, frozenset[str]] = {
    # The engine compares the text: "1" would mean no.
    "isSequential": _YES_OR_NO,
    "cancelActivity": _YES_OR_NO,
    "triggeredByEvent": _YES_OR_NO,
    # These are not read at all; only what they mean when they are not written can stand.
    "instantiate": _NO,
    "isForCompensation": _NO,
    "parallelMultiple": _NO,
    "isInterrupting": _YES,
    "isImmediate": _YES,
    "eventGatewayType": frozenset({"Exclusive"}),
    "startQuantity": frozenset({"1"}),
    "completionQuantity": frozenset({"1"}),
    "behavior": frozenset({"All"}),
    "oneBehaviorEventRef": frozenset(),
    "noneBehaviorEventRef": frozenset(),
    "language": frozenset(),
}
"""Attributes of BPMN and the values that mean here what they say."""


def obeyed_attributes(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard defect 9: what the engine does not read would silently not be done."""
    for element in diagram.root.iter(f"{BPMN}*"):
        for name, value in element.attrib.items():
            if value not in OBEYED.get(name, {value}):
                yield _ignored(diagram, element, name)
    for node in diagram.of_kind("boundaryEvent"):
        is_error = any(local(event) == "errorEventDefinition" for event in node.events())
        if is_error and node.element.get("cancelActivity") == "false":
            yield _ignored(diagram, node, "cancelActivity")


def _ignored(diagram: Diagram, subject: Any, name: str) -> Finding:
    message = f"引擎不按这里的 {name} 办理"
    allowed = "、".join(sorted(OBEYED[name]))
    hint = f"请删除该属性，或改成 {allowed}" if allowed else "请删除该属性"
    return diagram.find("attribute.ignored", subject, message, hint)


def visible_names(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard the reader: hidden letters make two names look alike, or turn a name around."""
    subjects: list[Any] = [diagram.process, *diagram.nodes.values(), *diagram.flows]
    subjects += diagram.root.iter(f"{BPMN}message", f"{BPMN}signal", f"{BPMN}lane")
    for subject in subjects:
        name = subject.name if isinstance(subject, Node | Flow) else subject.get("name", "")
        if any(_is_hidden(letter) for letter in name):
            message = "名称里有看不见的字符"
            yield diagram.find("name.hidden", subject, message, "请重新输入名称")


def _is_hidden(letter: str) -> bool:
    # Designers break long names into lines.
    return unicodedata.category(letter) in {"Cc", "Cf", "Co", "Cn"} and letter not in "\n\r\t"


RULES: tuple[Rule, ...] = (obeyed_attributes, visible_names)
