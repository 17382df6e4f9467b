"""A small sound diagram, drawn in text, that the gate's tests spoil one detail at a time."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from app.core.clock import ZONE
from app.engine.contracts import (
    UNDECLARED,
    YES_OR_NO,
    Answered,
    Contract,
    Life,
    Matter,
    Values,
    moves,
    parting,
)
from app.engine.gate import Known
from app.engine.gate.known import Asking

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
 xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI"
 xmlns:dc="http://www.omg.org/spec/DD/20100524/DC"
 xmlns:di="http://www.omg.org/spec/DD/20100524/DI"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core"
 xmlns:camunda="http://camunda.org/schema/1.0/bpmn"
 xmlns:zeebe="http://camunda.org/schema/zeebe/1.0"
 xmlns:other="http://example.org/other"
 id="definitions" targetNamespace="http://zhiping.example/bpmn">
"""

SAMPLE, KEPT = ("sample",), ("kept",)
DECISION: dict[str, Values] = {"decision": ("pass", "return")}
STATES = {
    "sent": "待审核",
    "passed": "审核通过",
    "returned": "已退回",
    "stored": "已入库",
    "dropped": "已放弃",
}
UNCHANGED = {each: each for each in STATES}
KNOWN = Known(
    forms={
        "vet": Asking(),
        "decide": Asking("decide", ("pass", "return")),
        "decide_more": Asking("decide", ("pass", "return", "refuse")),
        "decide_none": Asking("decide", ()),
        "free_decision": Asking("decide", None),
        "note_freely": Asking("note_freely", None),
        "elsewhere": Asking("elsewhere", ("pass", "return")),
        "look_first": Asking("look_first", ("pass", "return")),
        "look_only": Asking("look_only", ()),
        "judge": Asking("judge", ("pass", "return")),
        "agree": Asking("agree", ("pass", "return")),
        "file": Asking("file", ("pass", "return")),
        "choose": Asking("record", ("pass", "return", "refuse"), {"refuse": "不予通过"}),
    },
    pages={
        "fill": UNDECLARED,
        "desk": Contract(SAMPLE, save="at_desk"),
        "mend": Contract(KEPT),
    },
    saves={
        "save_fill": UNDECLARED,
        "save_vet": UNDECLARED,
        "decide": Contract(
            SAMPLE,
            gives=DECISION,
            roles=("unit_clerk",),
            scopes=("own_unit", "own_office"),
            moves=parting("decision", tuple(STATES), {"pass": "passed", "return": "returned"}),
        ),
        "elsewhere": Contract(("other",), gives=DECISION),
        "at_desk": Contract(SAMPLE),
        "record": Contract(gives={"decision": Answered}, repeats=True),
        "judge": Contract(
            KEPT,
            gives=DECISION,
            moves=parting("decision", ("sent",), {"pass": "passed", "return": "returned"}),
        ),
        "mend": Contract(KEPT, moves=moves(("returned",), "sent")),
        "agree": Contract(KEPT, gives=DECISION, moves=moves(("sent",))),
        "file": Contract(
            KEPT,
            gives=DECISION,
            moves=(
                *moves(("passed",), "stored", decision="pass"),
                *moves(("sent", "passed"), "sent", decision="return"),
            ),
        ),
    },
    services={
        "publish": UNDECLARED,
        "find_voters": UNDECLARED,
        "look": Contract(SAMPLE, gives={"found": YES_OR_NO}),
        "elsewhere": Contract(("other",)),
        "file": Contract(("filed",)),
        "enter": Contract(SAMPLE, moves=moves(("sent", "passed"), "stored")),
        "store": Contract(KEPT, moves=moves(("passed",), "stored")),
        "close": Contract(KEPT, moves=moves(("passed", "returned"), "dropped")),
        "drop": Contract(KEPT, moves=moves(("sent", "returned"), "dropped")),
    },
    scopes={
        "own_unit": UNDECLARED,
        "own_person": Contract(SAMPLE, roles=("applicant",), one_person=True),
        "own_desk": Contract(SAMPLE),
        "own_office": Contract(SAMPLE, usual=("unit_clerk",)),
        "elsewhere": Contract(("other",)),
    },
    matters={
        "sample": Matter(
            "示例",
            life=Life(STATES, tuple(STATES), dict.fromkeys(("withdrawn", "paid"), UNCHANGED)),
            gives={"year": int},
        ),
        "other": Matter("另一件事", gives={"year": int}),
        "filed": Matter("归档", needs=("file",)),
        "kept": Matter(
            "入库",
            life=Life(
                STATES,
                ends=("stored", "dropped"),
                told={"withdrawn": {"sent": "dropped"}, "paid": {}},
            ),
        ),
    },
    roles={"applicant": "申报人", "unit_clerk": "单位经办人"},
    at=datetime(2026, 1, 1, tzinfo=ZONE),
    carried={"paid": ("sum",)},
    sent=frozenset({("message", "withdrawn"), ("message", "paid"), ("signal", "停止申报")}),
)

FILL = {
    "page": "fill",
    "save": "save_fill",
    "role": "applicant",
    "scope": "own_unit",
    "outcomes": "amount",
}
VET = {
    "form": "vet",
    "save": "save_vet",
    "role": "unit_clerk",
    "scope": "own_unit",
    "due": "5",
    "outcomes": "decision",
}


def properties(**values: str) -> str:
    """Extension elements that hold these properties."""
    items = "".join(
        f'<spiffworkflow:property name="{name}" value="{value}"/>'
        for name, value in values.items()
    )
    inner = f"<spiffworkflow:properties>{items}</spiffworkflow:properties>"
    return f"<bpmn:extensionElements>{inner}</bpmn:extensionElements>"


def element(kind: str, ident: str, inner: str = "", **attributes: str) -> str:
    """A BPMN element; attributes with two underscores stand for a prefix and a colon."""
    written = "".join(
        f' {name.replace("__", ":")}="{value}"' for name, value in attributes.items()
    )
    return f'<bpmn:{kind} id="{ident}"{written}>{inner}</bpmn:{kind}>'


def user(ident: str, values: dict[str, str], inner: str = "", name: str = "审核") -> str:
    return element("userTask", ident, properties(**values) + inner, name=name)


def service(ident: str, handler: str = "publish", **values: str) -> str:
    return element("serviceTask", ident, properties(handler=handler, **values), name="处理")


def gateway(ident: str, default: str = "", kind: str = "exclusiveGateway") -> str:
    extra = {"default": default} if default else {}
    return element(kind, ident, name="是否通过", **extra)


def flow(source: str, target: str, condition: str | None = None, ident: str = "") -> str:
    inner = (
        ""
        if condition is None
        else '<bpmn:conditionExpression xsi:type="bpmn:tFormalExpression">'
        f"{condition}</bpmn:conditionExpression>"
    )
    ident = ident or f"{source}_to_{target}"
    return element("sequenceFlow", ident, inner, sourceRef=source, targetRef=target)


def event(kind: str, ident: str, definition: str = "", **attributes: str) -> str:
    return element(kind, ident, definition, name="事件", **attributes)


def boundary(ident: str, host: str, definition: str, **attributes: str) -> str:
    return event("boundaryEvent", ident, definition, attachedToRef=host, **attributes)


def timer(kind: str, text: str) -> str:
    return (
        f'<bpmn:timerEventDefinition><bpmn:{kind} xsi:type="bpmn:tFormalExpression">{text}'
        f"</bpmn:{kind}></bpmn:timerEventDefinition>"
    )


def message(ref: str = "withdrawn") -> str:
    return f'<bpmn:messageEventDefinition messageRef="{ref}"/>'


def loop(inner: str) -> str:
    return (
        f"<bpmn:multiInstanceLoopCharacteristics>{inner}</bpmn:multiInstanceLoopCharacteristics>"
    )


LOOP_OVER_VOTERS = loop("<bpmn:loopDataInputRef>voters</bpmn:loopDataInputRef>")
LANES = {
    "申报人": ["fill"],
    "单位经办人": ["vet"],
}
PARTS = {
    "start": event("startEvent", "start"),
    "fill": user("fill", FILL, name="填写材料"),
    "vet": user("vet", VET, name="单位审核"),
    "is_good": gateway("is_good", "is_good_to_publish"),
    "publish": service("publish"),
    "end": event("endEvent", "end"),
    "start_to_fill": flow("start", "fill"),
    "fill_to_vet": flow("fill", "vet"),
    "vet_to_is_good": flow("vet", "is_good"),
    "is_good_to_publish": flow("is_good", "publish"),
    "is_good_to_fill": flow("is_good", "fill", 'decision == "return"'),
    "publish_to_end": flow("publish", "end"),
}
GLOBALS = '<bpmn:message id="withdrawn" name="withdrawn"/>'


@dataclass(frozen=True)
class Drawing:
    """A diagram in parts; `with_` replaces a part, adds one, or removes it with an empty text."""

    process_id: str = "sample"
    parts: dict[str, str] = field(default_factory=lambda: dict(PARTS))
    lanes: dict[str, list[str]] = field(default_factory=lambda: dict(LANES))
    outside: str = GLOBALS
    head: str = HEAD
    process_properties: str = ""
    executable: str = "true"
    replaced: tuple[tuple[str, str], ...] = ()

    def with_(self, **parts: str) -> Self:
        return replace(self, parts={**self.parts, **parts})

    def but(self, **fields: object) -> Self:
        return replace(self, **fields)  # type: ignore[arg-type]

    def replacing(self, old: str, new: str) -> Self:
        """The same text with one piece replaced, which must be there."""
        return replace(self, replaced=(*self.replaced, (old, new)))

    def text(self) -> str:
        body = self._lanes() + "".join(self.parts.values())
        process = (
            f'<bpmn:process id="{self.process_id}" name="示例流程"'
            f' isExecutable="{self.executable}">{self.process_properties}{body}</bpmn:process>'
        )
        text = self.head + self.outside + process + layout(body) + "</bpmn:definitions>"
        for old, new in self.replaced:
            assert old in text, old
            text = text.replace(old, new)
        return text

    def bytes(self) -> bytes:
        return self.text().encode()

    def _lanes(self) -> str:
        lanes = "".join(
            f'<bpmn:lane id="lane_{number}" name="{name}">'
            + "".join(f"<bpmn:flowNodeRef>{node}</bpmn:flowNodeRef>" for node in nodes)
            + "</bpmn:lane>"
            for number, (name, nodes) in enumerate(self.lanes.items())
        )
        return f'<bpmn:laneSet id="lanes">{lanes}</bpmn:laneSet>' if lanes else ""


def layout(body: str) -> str:
    """Diagram interchange for every node and flow of a body."""
    from app.engine.gate.diagram import NODES

    root = _parsed(body)
    shapes, edges = [], []
    for child in root.iter("*"):
        kind = str(child.tag).rpartition("}")[2]
        ident = child.get("id", "")
        if kind == "sequenceFlow":
            points = '<di:waypoint x="0" y="0"/><di:waypoint x="9" y="9"/>'
            edges.append(
                f'<bpmndi:BPMNEdge id="{ident}_di" bpmnElement="{ident}">{points}'
                "</bpmndi:BPMNEdge>"
            )
        elif kind in NODES or kind in {"task", "scriptTask", "manualTask", "complexGateway"}:
            bounds = f'<dc:Bounds x="0" y="{len(shapes)}" width="100" height="80"/>'
            shapes.append(
                f'<bpmndi:BPMNShape id="{ident}_di" bpmnElement="{ident}">{bounds}'
                "</bpmndi:BPMNShape>"
            )
    inner = "".join(dict.fromkeys([*shapes, *edges]))
    return (
        '<bpmndi:BPMNDiagram id="diagram"><bpmndi:BPMNPlane id="plane" bpmnElement="sample">'
        f"{inner}</bpmndi:BPMNPlane></bpmndi:BPMNDiagram>"
    )


def _parsed(body: str):  # type: ignore[no-untyped-def]
    from lxml import etree

    return etree.fromstring(f"{HEAD}{body}</bpmn:definitions>".encode())
