"""What a version says, in the words of the office: its nodes, decision tables and forms."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lxml import etree

from app.core.permissions import ROLES
from app.engine.diagrams import Node, read_processes
from app.studio.sheets import Form, read_form
from app.studio.tables import Table, tables_of

KINDS = {
    "process": "流程",
    "userTask": "办理环节",
    "manualTask": "办理环节",
    "serviceTask": "自动处理",
    "businessRuleTask": "规则判断",
    "sendTask": "发出消息",
    "receiveTask": "等待消息",
    "callActivity": "调用流程",
    "subProcess": "子流程",
    "startEvent": "开始",
    "endEvent": "结束",
    "boundaryEvent": "边界事件",
    "intermediateCatchEvent": "等待",
    "intermediateThrowEvent": "发出消息",
    "exclusiveGateway": "分支",
    "parallelGateway": "并行",
    "inclusiveGateway": "多选分支",
    "eventBasedGateway": "等待分支",
}
WORDS = {
    # attributes
    "name": "名称",
    "calledElement": "调用的流程",
    "attachedToRef": "所在环节",
    "cancelActivity": "触发时中断环节",
    "isSequential": "逐个办理",
    "isExecutable": "可执行",
    "messageRef": "消息",
    "signalRef": "信号",
    "errorRef": "错误",
    # properties
    "form": "表单",
    "page": "页面",
    "save": "保存处理",
    "role": "办理角色",
    "scope": "办理范围",
    "due": "办理时限",
    "apart": "不由其办理人办理的环节",
    "outcomes": "结果",
    "handler": "自动处理",
    "inputs": "输入",
    # elements
    "timeDate": "定时",
    "timeDuration": "时长",
    "timeCycle": "周期",
    "loopCardinality": "办理份数",
    "loopDataInputRef": "逐项办理的名单",
    "inputDataItem": "名单中的一项",
    "loopDataOutputRef": "收集结果的名单",
    "outputDataItem": "收集的结果",
    "completionCondition": "提前结束的条件",
    "calledDecisionId": "决策表",
    "documentation": "说明",
}
EVENTS = {
    "timerEventDefinition": "定时",
    "messageEventDefinition": "消息",
    "signalEventDefinition": "信号",
    "errorEventDefinition": "错误",
    "terminateEventDefinition": "终止整个流程",
    "multiInstanceLoopCharacteristics": "多份办理",
}
_YES = {"true": "是", "false": "否"}
_YES_OR_NO = frozenset({"isExecutable", "isSequential", "cancelActivity"})
_UNSAID = frozenset({"id", "{http://www.w3.org/2001/XMLSchema-instance}type", "default"})
_BESIDE = frozenset({"laneSet", "sequenceFlow", "incoming", "outgoing"}) | {
    *("textAnnotation", "association", "group")
}

Place = tuple[str, str]


class Way(NamedTuple):
    """A way out of a node: what follows is called so, and comes under this condition."""

    name: str
    rule: str


@dataclass(frozen=True)
class Piece:
    """A node or a process as a whole, and all that is said of it by what it concerns."""

    node: Node
    said: Mapping[str, str]
    # Where it goes on to, by the id of what follows.
    ways: Mapping[str, Way] = field(default_factory=dict)
    # The ids of the decision tables that it asks.
    asks: frozenset[str] = frozenset()

    @property
    def kind(self) -> str:
        """What people call a thing of this kind."""
        return KINDS.get(self.node.kind, "节点")


@dataclass(frozen=True)
class Contents:
    """Everything that a version holds, ready to be shown or compared."""

    pieces: Mapping[Place, Piece]
    tables: Mapping[str, Table]
    forms: Mapping[str, Form]


def contents(files: Mapping[str, bytes], forms: Mapping[str, str]) -> Contents:
    """Read diagrams, tables and forms of a version. Raises DefinitionError."""
    sheets = {key: read_form(key, text) for key, text in sorted(forms.items())}
    tables = tables_of(files)
    names = {each.id: each.name for each in tables.values()}
    names |= {key: form.title for key, form in sheets.items()}
    pieces: dict[Place, Piece] = {}
    for process, drawn in read_processes(files):
        diagram = _Diagram(process.getroottree().getroot(), names)
        pieces |= {
            (piece.node.container, piece.node.id): piece
            for piece in diagram.pieces(process, drawn)
        }
    return Contents(pieces, tables, sheets)


class _Diagram:
    """One diagram; `names` are what decision tables and forms are called."""

    def __init__(self, root: Any, names: Mapping[str, str]) -> None:
        triggers = root.iterchildren("{*}message", "{*}signal", "{*}error")
        self.names = {each.get("id", ""): _name(each) for each in triggers} | dict(names)
        self.drawn = {each.get("id", ""): each for each in root.iter("{*}*")}
        self.flows: dict[str, list[Any]] = {}
        for flow in root.iter("{*}sequenceFlow"):
            self.flows.setdefault(flow.get("sourceRef", ""), []).append(flow)

    def pieces(self, process: Any, drawn: list[tuple[Node, Any]]) -> Iterator[Piece]:
        """Yield the process as a whole, then every node of it."""
        key = process.get("id", "")
        yield Piece(Node(key, "", key, _name(process), None, "process"), self._said(process))
        for node, element in drawn:
            # Where what runs by itself is drawn changes nothing for anybody.
            lane = {"泳道": node.lane} if node.lane and "role" in node.properties else {}
            asks = frozenset(_text(ref) for ref in element.iter("{*}calledDecisionId"))
            yield Piece(node, {**self._said(element), **lane}, self._ways_out(element), asks)

    def _said(self, element: Any) -> dict[str, str]:
        told: dict[str, list[str]] = {}
        for label, value in self._tell(element):
            if value:
                told.setdefault(label, []).append(value)
        return {label: "；".join(values) for label, values in told.items()}

    def _tell(self, element: Any) -> Iterator[tuple[str, str]]:
        """Yield what an element and its parts say; nodes inside it speak for themselves."""
        kind = _kind(element)
        if kind == "property":
            name = element.get("name", "")
            yield WORDS.get(name, name), self._in_words(name, element.get("value", ""))
            return
        if kind in EVENTS:
            yield "方式", EVENTS[kind]
        for name, value in element.attrib.items():
            if name not in _UNSAID:
                yield self._label(kind, name), self._in_words(name, value)
        if kind not in KINDS:
            yield WORDS.get(kind, kind), self._in_words(kind, _text(element))
        for part in element.iterchildren("{*}*"):
            if _kind(part) not in KINDS and _kind(part) not in _BESIDE:
                yield from self._tell(part)

    @staticmethod
    def _label(kind: str, name: str) -> str:
        bare = etree.QName(name).localname
        # The name of an item of a list is that of the list's element, not of the node.
        known = kind if kind in WORDS and bare == "name" else bare
        return str(WORDS.get(known, bare))

    def _in_words(self, name: str, value: str) -> str:
        if name in {"form", "calledDecisionId"}:
            title = self.names.get(value, value)
            return value if title == value else f"{title}（{value}）"
        if name == "attachedToRef" and value in self.drawn:
            return _name(self.drawn[value])
        if name == "due" and value.isdecimal():
            return f"{value} 个工作日"
        return self._words_for(name).get(value, value)

    def _words_for(self, name: str) -> Mapping[str, str]:
        if name == "role":
            return ROLES
        if name in {"messageRef", "signalRef", "errorRef"}:
            return self.names
        return _YES if name in _YES_OR_NO else {}

    def _ways_out(self, element: Any) -> dict[str, Way]:
        """Say under which condition it goes on to which node."""
        ways: dict[str, Way] = {}
        for flow in self.flows.get(element.get("id", ""), ()):
            key = flow.get("targetRef", "")
            name = _name(self.drawn[key]) if key in self.drawn else key
            rule = _condition(flow, element.get("default", ""))
            ways[key] = Way(name, f"{ways[key].rule}；{rule}" if key in ways else rule)
        return ways


def _condition(flow: Any, default: str) -> str:
    written = " ".join(_text(each) for each in flow.iterchildren("{*}conditionExpression"))
    rule = "默认" if flow.get("id") == default else written or "直接"
    return f"{flow.get('name')}：{rule}" if flow.get("name") else rule


def _kind(element: Any) -> str:
    return str(etree.QName(element).localname)


def _name(element: Any) -> str:
    return str(element.get("name") or element.get("id") or "")


def _text(element: Any) -> str:
    return (element.text or "").strip()
