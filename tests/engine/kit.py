"""Small diagrams, and an office that plays them."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask

from app.core.clock import ZONE
from app.core.db import db, transaction
from app.engine import definitions, environment, handlers, runtime, workers
from app.engine.models import ProcessInstance, StepLog, WorkItem
from app.engine.walk import END

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=ZONE)
CASE = ("case", 7)
CLERK, LEADER = 11, 12
PEOPLE = (9, CLERK, LEADER)

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core"
 id="definitions" targetNamespace="http://bpmn.io/schema/bpmn">"""
_flows = itertools.count(1)
# Built once, as the statements are that every step of the platform needs.
OPEN_AT = (
    sa.select(WorkItem)
    .where(WorkItem.node == sa.bindparam("node"), WorkItem.status == "open")
    .order_by(WorkItem.id)
)


def diagram(
    key: str, *parts: str, extra: str = "", lanes: Mapping[str, Sequence[str]] | None = None
) -> dict[str, bytes]:
    """One process in one file of its name."""
    drawn = "".join(
        f'<bpmn:lane id="lane_{n}" name="{name}">'
        + "".join(f"<bpmn:flowNodeRef>{ref}</bpmn:flowNodeRef>" for ref in refs)
        + "</bpmn:lane>"
        for n, (name, refs) in enumerate((lanes or {}).items())
    )
    lane_set = f'<bpmn:laneSet id="lanes">{drawn}</bpmn:laneSet>' if drawn else ""
    body = "".join(parts)
    text = (
        f'{_HEAD}{extra}<bpmn:process id="{key}" name="流程{key}" isExecutable="true">'
        f"{lane_set}{body}</bpmn:process></bpmn:definitions>"
    )
    return {f"{key}.bpmn": text.encode()}


def props(**values: str) -> str:
    inner = "".join(f'<spiffworkflow:property name="{k}" value="{v}"/>' for k, v in values.items())
    return (
        "<bpmn:extensionElements><spiffworkflow:properties>"
        f"{inner}</spiffworkflow:properties></bpmn:extensionElements>"
    )


def user(node: str, inner: str = "", **values: str) -> str:
    named = {"form": node, "save": "decide", "role": "unit_clerk", "outcomes": "decision"}
    return (
        f'<bpmn:userTask id="{node}" name="办理{node}">'
        f"{props(**{**named, **values})}{inner}</bpmn:userTask>"
    )


def service(node: str, handler: str, outcomes: str = "") -> str:
    return (
        f'<bpmn:serviceTask id="{node}" name="自动{node}">'
        f"{props(handler=handler, outcomes=outcomes)}</bpmn:serviceTask>"
    )


def call(node: str, key: str, inner: str = "") -> str:
    return (
        f'<bpmn:callActivity id="{node}" name="调用{key}" calledElement="{key}">{inner}'
        "</bpmn:callActivity>"
    )


def event(kind: str, node: str, inner: str = "", attributes: str = "") -> str:
    return f'<bpmn:{kind} id="{node}" name="事件{node}" {attributes}>{inner}</bpmn:{kind}>'


def start(node: str = "begun") -> str:
    return event("startEvent", node)


def end(node: str = "ended", inner: str = "") -> str:
    return event("endEvent", node, inner)


def boundary(node: str, attached: str, inner: str, *, interrupting: bool = True) -> str:
    cancel = "" if interrupting else ' cancelActivity="false"'
    return event("boundaryEvent", node, inner, f'attachedToRef="{attached}"{cancel}')


def throw(node: str, inner: str) -> str:
    return event("intermediateThrowEvent", node, inner)


def subprocess(node: str, *parts: str) -> str:
    return f'<bpmn:subProcess id="{node}" name="子流程{node}">{"".join(parts)}</bpmn:subProcess>'


def catch(node: str, inner: str) -> str:
    return event("intermediateCatchEvent", node, inner)


def timer(expression: str, kind: str = "timeDate") -> str:
    text = expression.replace('"', "&quot;")
    return (
        f'<bpmn:timerEventDefinition><bpmn:{kind} xsi:type="bpmn:tFormalExpression">{text}'
        f"</bpmn:{kind}></bpmn:timerEventDefinition>"
    )


def message(name: str) -> str:
    return f'<bpmn:message id="message_{name}" name="{name}"/>'


def receives(name: str) -> str:
    return f'<bpmn:messageEventDefinition messageRef="message_{name}"/>'


def signal(name: str) -> str:
    return f'<bpmn:signal id="signal_{name}" name="{name}"/>'


def hears(name: str) -> str:
    return f'<bpmn:signalEventDefinition signalRef="signal_{name}"/>'


def error(name: str) -> str:
    return f'<bpmn:error id="error_{name}" name="{name}" errorCode="{name}"/>'


def fails(name: str) -> str:
    return f'<bpmn:errorEventDefinition errorRef="error_{name}"/>'


def gate(kind: str, node: str, default: str = "") -> str:
    return event(f"{kind}Gateway", node, "", f'default="{default}"' if default else "")


def decides(node: str, table: str) -> str:
    return (
        f'<bpmn:businessRuleTask id="{node}" name="判断{node}"><bpmn:extensionElements>'
        f"<spiffworkflow:calledDecisionId>{table}</spiffworkflow:calledDecisionId>"
        "</bpmn:extensionElements></bpmn:businessRuleTask>"
    )


def table(
    key: str, policy: str, inputs: Sequence[str], outputs: Sequence[str], *rows: Sequence[str]
) -> dict[str, bytes]:
    """A decision table in a file of its name; each row holds its inputs, then its outputs."""
    heads = "".join(
        f'<input id="{key}_i{n}"><inputExpression id="{key}_e{n}"><text>{_xml(text)}</text>'
        "</inputExpression></input>"
        for n, text in enumerate(inputs)
    ) + "".join(f'<output id="{key}_o{n}" name="{name}"/>' for n, name in enumerate(outputs))
    rules = ""
    for r, row in enumerate(rows):
        kinds = ["inputEntry"] * len(inputs) + ["outputEntry"] * len(outputs)
        cells = "".join(
            f'<{kind} id="{key}_{r}_{c}"><text>{_xml(text)}</text></{kind}>'
            for c, (kind, text) in enumerate(zip(kinds, row, strict=True))
        )
        rules += f'<rule id="{key}_{r}">{cells}</rule>'
    text = (
        '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="d" '
        f'namespace="n"><decision id="{key}" name="{key}"><decisionTable id="{key}_table" '
        f'hitPolicy="{policy}">{heads}{rules}</decisionTable></decision></definitions>'
    )
    return {f"{key}.dmn": text.encode()}


def _xml(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def choice(node: str, default: str) -> str:
    return f'<bpmn:exclusiveGateway id="{node}" name="{node}？" default="{default}"/>'


def flow(source: str, target: str, condition: str = "", flow_id: str = "") -> str:
    name = flow_id or f"flow_{next(_flows)}"
    text = condition.replace('"', "&quot;").replace("<", "&lt;")
    inner = (
        f'<bpmn:conditionExpression xsi:type="bpmn:tFormalExpression">{text}'
        "</bpmn:conditionExpression>"
        if condition
        else ""
    )
    return (
        f'<bpmn:sequenceFlow id="{name}" sourceRef="{source}" targetRef="{target}">'
        f"{inner}</bpmn:sequenceFlow>"
    )


def line(*nodes: str) -> str:
    """Sequence flows from each node to the next."""
    return "".join(flow(a, b) for a, b in itertools.pairwise(nodes))


def many(collection: str, item: str, *, one_by_one: bool = False, more: str = "") -> str:
    return (
        f'<bpmn:multiInstanceLoopCharacteristics isSequential="{str(one_by_one).lower()}">'
        f"<bpmn:loopDataInputRef>{collection}</bpmn:loopDataInputRef>"
        f'<bpmn:inputDataItem id="{item}" name="{item}"/>{more}'
        "</bpmn:multiInstanceLoopCharacteristics>"
    )


def times(count: str, *, one_by_one: bool = False, more: str = "") -> str:
    return (
        f'<bpmn:multiInstanceLoopCharacteristics isSequential="{str(one_by_one).lower()}">'
        f"<bpmn:loopCardinality>{_xml(count)}</bpmn:loopCardinality>{more}"
        "</bpmn:multiInstanceLoopCharacteristics>"
    )


def gathers(collection: str, item: str) -> tuple[str, str]:
    """The output collection and its item, as they stand inside a multi-instance marker."""
    return (
        f"<bpmn:loopDataOutputRef>{collection}</bpmn:loopDataOutputRef>",
        f'<bpmn:outputDataItem id="{item}" name="{item}"/>',
    )


def reviewed(key: str = "case_review") -> dict[str, bytes]:
    """Fill, then vet; a return goes back to fill."""
    return diagram(
        key,
        start(),
        line("begun", "fill", "vet", "is_good"),
        user("fill", role="applicant"),
        user("vet"),
        choice("is_good", "good"),
        flow("is_good", "fill", 'decision == "return"'),
        flow("is_good", "ended", flow_id="good"),
        end(),
        lanes={"申报人": ["begun", "fill"], "单位经办人": ["vet", "is_good", "ended"]},
    )


@dataclass
class Office:
    """Publishes diagrams and works on the record CASE."""

    app: Flask
    answers: list[Mapping[str, object]] = field(default_factory=list)
    ended: list[tuple[int, int | None, str]] = field(default_factory=list)
    now: datetime = NOON

    def __post_init__(self) -> None:
        @handlers.save("decide")
        def decide(step: handlers.Step, answers: Mapping[str, object]) -> handlers.Outcomes:
            self.answers.append(answers)
            decision = str(answers.get("decision", "pass"))
            word = {"pass": "通过", "return": "退回"}.get(decision, decision)
            return {"decision": decision, "_outcome": word, "_note": str(answers.get("opinion"))}

        @handlers.presenter("case")
        def present(case_id: int) -> handlers.Card:
            return handlers.Card(f"第{case_id}号申报", f"申报 {case_id}", f"/cases/{case_id}")

        @handlers.ending("case")
        def end(step: handlers.Step, reason: str) -> None:
            self.ended.append((step.business_id, step.actor_id, reason))

        @handlers.scope("clerks_unit")
        def clerks_unit(step: handlers.Step) -> handlers.Scope:
            return handlers.Scope("org", 3)

        environment.register_function("workdays_after", _weekdays_after)

    def publish(
        self, *files: Mapping[str, bytes], key: str, jurisdiction: str = "", **forms: str
    ) -> None:
        together = {name: content for part in files for name, content in part.items()}
        with transaction():
            definitions.publish_version(
                key, jurisdiction, together, forms, actor_id=None, now=self.now
            )

    def begin(
        self, key: str = "case_review", *, business: tuple[str, int] = CASE, **data: object
    ) -> int:
        with transaction():
            return runtime.start(
                key,
                business=business,
                jurisdiction="anhui",
                actor_id=CLERK,
                now=self.now,
                data=data,
            ).id

    def do(
        self, node: str, *, item_id: int | None = None, by: int = CLERK, **answers: object
    ) -> None:
        with transaction():
            found = OPEN_AT if item_id is None else OPEN_AT.where(WorkItem.id == item_id)
            item = db.session.scalars(found, {"node": node}).first()
            assert item is not None, f"{node} is not open; open: {self.open()}"
            runtime.complete(item, answers, actor_id=by, now=self.now)

    def open(self) -> list[str]:
        """Nodes of the open work items."""
        query = sa.select(WorkItem.node).where(WorkItem.status == "open").order_by(WorkItem.id)
        return list(self._read(query))

    def log(self) -> list[tuple[str, str | None]]:
        """What was done, in order; which end was reached is for the drawing alone."""
        done = sa.select(StepLog).where(StepLog.kind != END).order_by(StepLog.id)
        return [(row.node, row.outcome) for row in self._read(done)]

    def tell(self, message: str, **data: object) -> None:
        """Hand a message to the record, as the queue worker does."""
        with transaction():
            runtime.deliver(CASE, message, now=self.now, data=data)

    def signal(self, name: str) -> None:
        """Send a signal from outside and let the worker bring it to whoever waits."""
        with transaction():
            runtime.broadcast(name, unique=f"signal {next(_flows)}", now=self.now)
        self.drain()

    def later(self, **delta: int) -> int:
        """Let time pass and the workers do what has become due."""
        return self.drain(self.now + timedelta(**delta))

    def data(self, node: str) -> Mapping[str, object]:
        """The data of the first open task of a node."""
        with transaction(write=False):
            found = sa.select(WorkItem).where(WorkItem.node == node, WorkItem.status == "open")
            item = db.session.scalars(found.order_by(WorkItem.id)).first()
            assert item is not None, f"{node} is not open; open: {self.open()}"
            walk = runtime.Walk(item.instance, self.now)
            return walk.step(walk.ready_task(item)).data

    def status(self, instance_id: int) -> str:
        return str(self.instance(instance_id).status)

    def instance(self, instance_id: int) -> ProcessInstance:
        found: ProcessInstance = self._read(
            sa.select(ProcessInstance).where(ProcessInstance.id == instance_id)
        )[0]
        return found

    def _read(self, query: Any) -> list[Any]:
        return list(db.session.scalars(query))

    def drain(self, moment: datetime | None = None) -> int:
        """Let the workers do what there is to do at a moment."""
        self.now = moment or self.now
        return workers.deliver_messages(self.now) + workers.fire_due_timers(self.now)


def _weekdays_after(day: date, count: int) -> date:
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day
