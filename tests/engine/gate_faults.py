"""One fault each: the sound diagram with one detail spoiled, and the rule that must say so."""

from dataclasses import dataclass

from tests.engine.gate_builder import (
    FILL,
    LANES,
    LOOP_OVER_VOTERS,
    VET,
    Drawing,
    boundary,
    element,
    event,
    flow,
    gateway,
    loop,
    message,
    properties,
    service,
    timer,
    user,
)

SOUND = Drawing()


def between(drawing: Drawing, ident: str, drawn: str, *more: str) -> Drawing:
    """Put a node between `publish` and the end."""
    return drawing.with_(
        extra=drawn + "".join(more),
        publish_to_end=flow("publish", ident),
        extra_to_end=flow(ident, "end"),
    )


def calling(target: str, **values: str) -> Drawing:
    call = element("callActivity", "call", properties(**values), name="调用", calledElement=target)
    return between(SOUND, "call", call)


def voting(marker: str, before: str = "voters_ready") -> Drawing:
    """A multi-instance user task over voters, behind an exclusive gateway."""
    vote = user("vote", {**VET, "outcomes": "choice"}, marker, name="投票")
    lanes = {**LANES, "单位经办人": ["vet", "vote"]}
    find = service("publish", "find_voters", outcomes="voters")
    drawing = SOUND.with_(
        publish=find,
        vote=vote,
        publish_to_end=flow("publish", before),
        vote_to_end=flow("vote", "end"),
    ).but(lanes=lanes)
    if before != "vote":
        drawing = drawing.with_(before=gateway(before), before_to_vote=flow(before, "vote"))
    return drawing


SUB = (
    event("startEvent", "sub_start")
    + user("sub_vet", VET, name="复核")
    + event("endEvent", "sub_end", "<bpmn:errorEventDefinition errorRef='bad'/>")
    + flow("sub_start", "sub_vet")
    + flow("sub_vet", "sub_end")
)


@dataclass(frozen=True)
class Spoiled:
    """A drawing with one fault: the rule that must speak and the element it must name."""

    rule: str
    element: str
    drawing: Drawing
    severity: str = "error"


def task(kind: str, inner: str = "", **attributes: str) -> Drawing:
    return between(SOUND, "odd", element(kind, "odd", inner, name="步骤", **attributes))


def event_with(kind: str, definition: str) -> Drawing:
    return between(SOUND, "odd", event(kind, "odd", definition))


def condition(text: str) -> Drawing:
    return SOUND.with_(is_good_to_fill=flow("is_good", "fill", text))


def vet(**changes: str) -> Drawing:
    values = {name: value for name, value in {**VET, **changes}.items() if value}
    return SOUND.with_(vet=user("vet", values, name="单位审核"))


CALL_WITHOUT_TARGET = between(SOUND, "call", element("callActivity", "call", name="调用"))
SCRIPT = (
    "<bpmn:extensionElements><spiffworkflow:{0}>x = 1</spiffworkflow:{0}></bpmn:extensionElements>"
)
CONDITIONAL = (
    "<bpmn:conditionalEventDefinition><bpmn:condition>1 == 1</bpmn:condition>"
    "</bpmn:conditionalEventDefinition>"
)

SPOILED: dict[str, Spoiled] = {
    "a script task": Spoiled(
        "element.script", "odd", task("scriptTask", "<bpmn:script>x = 1</bpmn:script>")
    ),
    "a script before a task": Spoiled(
        "element.script", "odd", task("serviceTask", SCRIPT.format("preScript"))
    ),
    "a script after a task": Spoiled(
        "element.script", "odd", task("serviceTask", SCRIPT.format("postScript"))
    ),
    "an event subprocess": Spoiled(
        "element.event_subprocess",
        "odd",
        SOUND.with_(odd=element("subProcess", "odd", SUB, triggeredByEvent="true")),
    ),
    "an ad-hoc subprocess": Spoiled("element.ad_hoc", "odd", task("adHocSubProcess")),
    "a transaction": Spoiled("element.transaction", "odd", task("transaction")),
    "a complex gateway": Spoiled("element.complex_gateway", "odd", task("complexGateway")),
    "a choreography task": Spoiled("element.choreography", "odd", task("choreographyTask")),
    "a link event": Spoiled(
        "element.link",
        "odd",
        event_with("intermediateThrowEvent", '<bpmn:linkEventDefinition name="a"/>'),
    ),
    "a compensation event": Spoiled(
        "element.compensation",
        "odd",
        event_with("intermediateThrowEvent", "<bpmn:compensateEventDefinition/>"),
    ),
    "an escalation event": Spoiled(
        "element.escalation",
        "odd",
        event_with("intermediateThrowEvent", "<bpmn:escalationEventDefinition/>"),
    ),
    "a conditional event": Spoiled(
        "element.conditional", "odd", event_with("intermediateCatchEvent", CONDITIONAL)
    ),
    "a plain task": Spoiled("element.plain_task", "odd", task("task")),
    "a manual task without a form": Spoiled("user.form", "odd", task("manualTask")),
    "a send task without a message": Spoiled("event.message", "odd", task("sendTask")),
    "a receive task without a message": Spoiled("event.message", "odd", task("receiveTask")),
    "a standard loop": Spoiled(
        "element.standard_loop",
        "publish",
        SOUND.with_(
            publish=element(
                "serviceTask",
                "publish",
                properties(handler="publish")
                + '<bpmn:standardLoopCharacteristics loopMaximum="2"/>',
            )
        ),
    ),
    "a data object": Spoiled(
        "element.unknown", "odd", SOUND.with_(odd='<bpmn:dataObject id="odd"/>')
    ),
    "an unknown extension": Spoiled(
        "element.unknown",
        "odd",
        task(
            "serviceTask",
            "<bpmn:extensionElements><spiffworkflow:unitTests/></bpmn:extensionElements>",
        ),
    ),
    "a camunda attribute": Spoiled(
        "element.vendor",
        "fill",
        SOUND.with_(
            fill=user("fill", FILL).replace(
                "<bpmn:userTask ", '<bpmn:userTask camunda:assignee="a" '
            )
        ),
    ),
    "a camunda element": Spoiled(
        "element.vendor",
        "odd",
        task(
            "serviceTask", "<bpmn:extensionElements><camunda:properties/></bpmn:extensionElements>"
        ),
    ),
    "a zeebe element": Spoiled(
        "element.vendor",
        "odd",
        task(
            "serviceTask",
            "<bpmn:extensionElements><zeebe:taskDefinition/></bpmn:extensionElements>",
        ),
    ),
    "an unknown namespace": Spoiled(
        "xml.namespace",
        "odd",
        task("serviceTask", "<bpmn:extensionElements><other:thing/></bpmn:extensionElements>"),
    ),
    "an unknown attribute": Spoiled(
        "xml.namespace", "odd", task("serviceTask", other__mood="good")
    ),
    "a property without a name": Spoiled(
        "property.incomplete", "fill", SOUND.replacing('name="page" value', "value")
    ),
    "a misspelt property": Spoiled("property.unknown", "vet", vet(deu="5")),
    "two elements with one id": Spoiled(
        "id.duplicate", "end", SOUND.with_(odd=event("endEvent", "end"))
    ),
    "an id of the engine's": Spoiled("id.reserved", "End", between(SOUND, "End", service("End"))),
    "an id with a dot": Spoiled("id.invalid", "a.b", between(SOUND, "a.b", service("a.b"))),
    "no place on the drawing": Spoiled(
        "layout.missing", "vet", SOUND.replacing('bpmnElement="vet"', 'bpmnElement="end"')
    ),
    "no line on the drawing": Spoiled(
        "layout.missing",
        "fill_to_vet",
        SOUND.replacing('bpmnElement="fill_to_vet"', 'bpmnElement="start_to_fill"'),
    ),
    "a user task without a Chinese name": Spoiled(
        "name.missing", "vet", SOUND.with_(vet=user("vet", VET, name="Vet")), "warning"
    ),
    "a gateway without a Chinese name": Spoiled(
        "name.missing", "is_good", SOUND.replacing('name="是否通过"', 'name="good?"'), "warning"
    ),
    "a loop on a gateway": Spoiled(
        "loop.place",
        "is_good",
        SOUND.with_(
            is_good=element(
                "exclusiveGateway", "is_good", LOOP_OVER_VOTERS, default="is_good_to_publish"
            )
        ),
    ),
    "too many nodes": Spoiled(
        "diagram.size", "sample", SOUND.with_(odd="".join(service(f"s{n}") for n in range(200)))
    ),
    "too many flows": Spoiled(
        "diagram.size",
        "sample",
        SOUND.with_(
            odd="".join(flow("is_good", "fill", "amount > 3", f"f{n}") for n in range(800))
        ),
    ),
    "no start": Spoiled("start.missing", "sample", SOUND.with_(start="", start_to_fill="")),
    "two starts": Spoiled(
        "start.several",
        "sample",
        SOUND.with_(odd=event("startEvent", "again") + flow("again", "fill")),
    ),
    "a start by message": Spoiled(
        "start.typed", "start", SOUND.with_(start=event("startEvent", "start", message()))
    ),
    "no end": Spoiled("end.missing", "sample", SOUND.with_(end="", publish_to_end="")),
    "a flow to nowhere": Spoiled(
        "flow.dangling",
        "publish_to_end",
        SOUND.with_(publish_to_end=flow("publish", "nobody", ident="publish_to_end")),
    ),
    "a flow into a subprocess": Spoiled(
        "flow.crossing",
        "publish_to_sub_vet",
        SOUND.with_(
            odd=element("subProcess", "sub", SUB), publish_to_end=flow("publish", "sub_vet")
        ),
    ),
    "a flow out of an end": Spoiled(
        "flow.direction", "end_to_fill", SOUND.with_(odd=flow("end", "fill"))
    ),
    "two flows out of a task": Spoiled(
        "flow.several", "fill", SOUND.with_(odd=flow("fill", "publish"))
    ),
    "a condition on a task's only flow": Spoiled(
        "flow.condition_ignored",
        "publish_to_end",
        SOUND.with_(publish_to_end=flow("publish", "end", "amount > 1")),
    ),
    "a condition on the default branch": Spoiled(
        "flow.condition_ignored",
        "is_good_to_publish",
        SOUND.with_(is_good_to_publish=flow("is_good", "publish", "amount > 1")),
    ),
    "a branch without a condition": Spoiled(
        "gateway.condition",
        "is_good_to_fill",
        SOUND.with_(is_good_to_fill=flow("is_good", "fill")),
    ),
    "a gateway without a default": Spoiled(
        "gateway.default", "is_good", SOUND.with_(is_good=gateway("is_good"))
    ),
    "a default that is another's flow": Spoiled(
        "gateway.default", "is_good", SOUND.with_(is_good=gateway("is_good", "fill_to_vet"))
    ),
    "an event gateway before a task": Spoiled(
        "gateway.events",
        "publish",
        SOUND.with_(
            is_good=element("eventBasedGateway", "is_good"),
            is_good_to_fill=flow("is_good", "fill"),
        ),
    ),
    "an unreachable node": Spoiled(
        "graph.unreachable", "odd", SOUND.with_(odd=service("odd") + flow("odd", "end"))
    ),
    "a dead end": Spoiled(
        "graph.no_end",
        "odd",
        SOUND.with_(
            odd=service("odd"), is_good_to_fill=flow("is_good", "odd", 'decision == "return"')
        ),
    ),
    "an endless automatic loop": Spoiled(
        "graph.automatic_loop",
        "publish",
        SOUND.with_(
            publish_to_end=flow("publish", "again"),
            again=gateway("again", "again_to_end"),
            again_to_publish=flow("again", "publish", "amount > 1"),
            again_to_end=flow("again", "end"),
        ),
    ),
    "a loop that no decision leaves": Spoiled(
        "graph.loop_without_exit",
        "one",
        SOUND.with_(
            publish_to_end=flow("publish", "one"),
            one=user("one", VET),
            one_to_fork=flow("one", "fork"),
            fork=element("parallelGateway", "fork"),
            fork_to_one=flow("fork", "one"),
            fork_to_end=flow("fork", "end"),
        ),
    ),
    "forks upon forks": Spoiled(
        "graph.too_many_paths",
        "sample",
        SOUND.with_(
            publish_to_end=flow("publish", "fork0"),
            forks="".join(
                element("parallelGateway", f"fork{n}")
                + service(f"a{n}")
                + service(f"b{n}")
                + flow(f"fork{n}", f"a{n}")
                + flow(f"fork{n}", f"b{n}")
                + element("parallelGateway", f"join{n}")
                + flow(f"a{n}", f"join{n}")
                + flow(f"b{n}", f"join{n}")
                + flow(f"join{n}", f"fork{n + 1}" if n < 9 else "end")
                for n in range(10)
            ),
        ),
    ),
    "several tasks without a gateway before": Spoiled(
        "loop.gateway", "vote", voting(LOOP_OVER_VOTERS, before="vote")
    ),
    "too many instances": Spoiled(
        "expression.value",
        "vote",
        voting(loop("<bpmn:loopCardinality>201</bpmn:loopCardinality>")),
    ),
    "an undeclared list": Spoiled(
        "loop.input", "vote", voting(loop("<bpmn:loopDataInputRef>nobody</bpmn:loopDataInputRef>"))
    ),
    "neither count nor list": Spoiled("loop.source", "vote", voting(loop(""))),
    "a bad completion condition": Spoiled(
        "expression.invalid",
        "vote",
        voting(
            loop(
                "<bpmn:loopCardinality>3</bpmn:loopCardinality><bpmn:completionCondition>nobody</bpmn:completionCondition>"
            )
        ),
    ),
    "an error event in mid-flow": Spoiled(
        "event.type", "odd", event_with("intermediateThrowEvent", "<bpmn:errorEventDefinition/>")
    ),
    "a catch event that catches nothing": Spoiled(
        "event.definition", "odd", event_with("intermediateCatchEvent", "")
    ),
    "a boundary event on a gateway": Spoiled(
        "event.host",
        "odd",
        SOUND.with_(odd=boundary("odd", "is_good", message()) + flow("odd", "end")),
    ),
    "a message without a reference": Spoiled(
        "event.message",
        "odd",
        event_with("intermediateCatchEvent", "<bpmn:messageEventDefinition/>"),
    ),
    "a signal without a reference": Spoiled(
        "event.signal",
        "odd",
        event_with("intermediateCatchEvent", "<bpmn:signalEventDefinition/>"),
    ),
    "a timer without a time": Spoiled(
        "event.timer", "odd", event_with("intermediateCatchEvent", "<bpmn:timerEventDefinition/>")
    ),
    "an interrupting cycle": Spoiled(
        "event.timer", "odd", event_with("intermediateCatchEvent", timer("timeCycle", '"R3/P1D"'))
    ),
    "an unquoted duration": Spoiled(
        "expression.invalid",
        "odd",
        event_with("intermediateCatchEvent", timer("timeDuration", "P5D")),
    ),
    "a duration that is none": Spoiled(
        "expression.value",
        "odd",
        event_with("intermediateCatchEvent", timer("timeDuration", '"5 days"')),
    ),
    "a time without a zone": Spoiled(
        "expression.value",
        "odd",
        event_with("intermediateCatchEvent", timer("timeDate", '"2026-11-20T09:00:00"')),
    ),
    "a condition of another product": Spoiled(
        "expression.invalid", "is_good_to_fill", condition('${decision == "return"}')
    ),
    "a condition on an undeclared name": Spoiled(
        "expression.invalid", "is_good_to_fill", condition('mood == "good"')
    ),
    "a condition on a later outcome": Spoiled(
        "expression.invalid",
        "is_good_to_fill",
        condition("late == 1").with_(publish=service("publish", outcomes="late")),
    ),
    "a condition that is no expression": Spoiled(
        "expression.invalid", "is_good_to_fill", condition("decision ==")
    ),
    "a condition with an element in it": Spoiled(
        "expression.markup",
        "is_good_to_fill",
        condition('decision == "a"<bpmn:documentation/> or True'),
    ),
    "an outcome named like a function": Spoiled(
        "variable.name", "vet", vet(outcomes="decision,len")
    ),
    "an outcome named typename": Spoiled(
        "variable.name", "vet", vet(outcomes="decision,typename")
    ),
    "an outcome with an underscore": Spoiled(
        "variable.name", "vet", vet(outcomes="decision,_secret")
    ),
    "an outcome that is a keyword": Spoiled(
        "variable.name", "vet", vet(outcomes="decision,class")
    ),
    "an outcome named today": Spoiled("variable.name", "vet", vet(outcomes="decision,today")),
    "start data with a bad name": Spoiled(
        "variable.name", "sample", SOUND.but(process_properties=properties(inputs="a b"))
    ),
    "a process that cannot run": Spoiled(
        "process.executable", "sample", SOUND.but(executable="false")
    ),
    "a process named differently": Spoiled(
        "process.id", "example", SOUND.but(process_id="example")
    ),
    "a structure that is not BPMN": Spoiled(
        "xml.schema",
        "definitions",
        SOUND.replacing('sourceRef="fill" ', 'sourceRef="fill" colour="red" '),
    ),
    "a join that waits for ever": Spoiled(
        "gateway.starved",
        "join",
        SOUND.with_(
            is_good_to_publish=flow("is_good", "join", ident="is_good_to_publish"),
            is_good_to_fill=flow("is_good", "other", 'decision == "return"'),
            other=service("other"),
            other_to_join=flow("other", "join"),
            join=element("parallelGateway", "join"),
            join_to_publish=flow("join", "publish"),
        ),
    ),
}
