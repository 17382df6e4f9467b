"""Every place of a bundle where someone could write an expression, or what looks like one."""

from collections.abc import Callable
from dataclasses import dataclass
from xml.sax.saxutils import escape

from tests.engine.gate_builder import (
    FILL,
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
from tests.engine.gate_faults import SOUND, between, task, vet, voting
from tests.engine.test_gate_decisions import DECIDING, table

Files = dict[str, bytes]
EXPRESSION = frozenset({"expression.invalid", "expression.value"})
PAYLOAD = frozenset({"event.payload", "event.reserved"})
UNKNOWN = frozenset({"element.unknown"})


@dataclass(frozen=True)
class Place:
    """How to write a text there, which rules refuse a bad one, and a good one if there is any.

    `asked` says that the engine, when nobody stops it, evaluates what stands there.
    """

    draw: Callable[[str], Drawing]
    rules: frozenset[str]
    sound: str | None = None
    asked: bool = False
    table: Callable[[str], str] | None = None

    def files(self, text: str) -> Files:
        """The bundle with this text written there."""
        written = escape(text, {'"': "&quot;"})
        files = {"sample.bpmn": self.draw(written).bytes()}
        if self.table is not None:
            files["find_grade.dmn"] = self.table(written).encode()
        return files


def waiting_for(definition: str) -> Drawing:
    return between(SOUND, "wait", event("intermediateCatchEvent", "wait", definition))


def throwing(definition: str, outside: str = "") -> Drawing:
    drawing = between(SOUND, "throw", event("intermediateThrowEvent", "throw", definition))
    return drawing.but(outside=drawing.outside + outside)


def extended(inner: str) -> str:
    return f"<bpmn:extensionElements>{inner}</bpmn:extensionElements>"


def spiff(tag: str, text: str) -> str:
    return f"<spiffworkflow:{tag}>{text}</spiffworkflow:{tag}>"


def looping(inner: str) -> Drawing:
    """The task `fill` for several, so that it is the first thing to run."""
    return SOUND.with_(
        start_to_fill=flow("start", "each"),
        each=gateway("each"),
        each_to_fill=flow("each", "fill"),
        fill=user("fill", FILL, loop(inner), name="填写材料"),
    )


def over_voters(more: str) -> Drawing:
    marker = LOOP_OVER_VOTERS.replace("</bpmn:multi", f"{more}</bpmn:multi")
    return voting(marker)


def gathered(collection: str, answer: str) -> Drawing:
    reference = f"<bpmn:loopDataOutputRef>{collection}</bpmn:loopDataOutputRef>"
    return over_voters(reference + element("outputDataItem", "choice", name=answer))


def at_message(inner: str) -> str:
    return message().replace("/>", f">{inner}</bpmn:messageEventDefinition>")


AT_SIGNAL = '<bpmn:signalEventDefinition signalRef="called_off"/>'


def signal(inner: str) -> str:
    return element("signal", "called_off", extended(inner), name="called_off")


def correlated(tag: str, text: str) -> Drawing:
    retrieval = (
        '<bpmn:correlationPropertyRetrievalExpression messageRef="withdrawn">'
        f"<bpmn:{tag}>{text}</bpmn:{tag}></bpmn:correlationPropertyRetrievalExpression>"
    )
    key = (
        '<bpmn:collaboration id="parts"><bpmn:participant id="part" processRef="sample"/>'
        '<bpmn:correlationKey id="key" name="key"><bpmn:correlationPropertyRef>who'
        "</bpmn:correlationPropertyRef></bpmn:correlationKey></bpmn:collaboration>"
    )
    prop = element("correlationProperty", "who", retrieval)
    payload = extended(spiff("messagePayload", "json"))
    return throwing(at_message(payload), key + prop)


def process_correlated(text: str) -> Drawing:
    inner = spiff("propertyId", "who") + spiff("expression", text)
    return waiting_for(at_message(extended(spiff("processVariableCorrelation", inner))))


def named(kind: str, definition: str, text: str, key: str = "name") -> Drawing:
    other = {"name": "name_of_it"} if key != "name" else {}
    return waiting_for(definition).but(outside=element(kind, "it", **{**other, key: text}))


def standard_loop(inner: str, maximum: str = "2") -> Drawing:
    characteristics = element("standardLoopCharacteristics", "again", inner, loopMaximum=maximum)
    return vet().with_(vet=user("vet", VET, characteristics, name="单位审核"))


def scripted(tag: str) -> Callable[[str], Drawing]:
    def draw(text: str) -> Drawing:
        inner = properties(handler="publish").replace(
            "</bpmn:ext", spiff(tag, text) + "</bpmn:ext"
        )
        return SOUND.with_(publish=element("serviceTask", "publish", inner, name="处理"))

    return draw


def operated(inner: str = "", **attributes: str) -> Drawing:
    operator = element("x", attributes.pop("name", "find_voters"), inner, **attributes)
    operator = operator.replace("bpmn:x", "spiffworkflow:serviceTaskOperator")
    inner = properties(handler="find_voters").replace("</bpmn:ext", operator + "</bpmn:ext")
    return SOUND.with_(publish=element("serviceTask", "publish", inner, name="处理"))


def parameter(text: str) -> Drawing:
    item = f'<spiffworkflow:parameter id="a" type="str" value="{text}"/>'
    return operated(f"<spiffworkflow:parameters>{item}</spiffworkflow:parameters>")


def mapped(text: str) -> Drawing:
    assignment = (
        f"<bpmn:assignment><bpmn:from>{text}</bpmn:from><bpmn:to>a</bpmn:to></bpmn:assignment>"
    )
    inner = (
        f'<bpmn:dataInputAssociation id="map">{assignment}</bpmn:dataInputAssociation>'
        f'<bpmn:dataOutputAssociation id="back">{assignment}</bpmn:dataOutputAssociation>'
    )
    return SOUND.with_(
        publish=element("serviceTask", "publish", properties(handler="publish") + inner)
    )


def specified(text: str) -> Drawing:
    inner = element("ioSpecification", "io", element("dataInput", "a", name=text))
    return SOUND.with_(
        publish=element("serviceTask", "publish", properties(handler="publish") + inner)
    )


def deciding_whether(text: str) -> Drawing:
    condition = f"<bpmn:condition>{text}</bpmn:condition>"
    definition = f"<bpmn:conditionalEventDefinition>{condition}</bpmn:conditionalEventDefinition>"
    return waiting_for(definition)


def ad_hoc(text: str) -> Drawing:
    inner = service("inside") + f"<bpmn:completionCondition>{text}</bpmn:completionCondition>"
    return between(SOUND, "block", element("adHocSubProcess", "block", inner, name="即席"))


def deciding(_text: str) -> Drawing:
    return DECIDING


def cell(**part: str) -> Callable[[str], str]:
    return lambda text: table(**{name: shape.format(text) for name, shape in part.items()})


CONDITION = 'decision == "return"'
DATE = '"2026-11-20T09:00:00+08:00"'
DAY = '"P1D"'
COUNT_OF_THREE = "<bpmn:loopCardinality>3</bpmn:loopCardinality>"

PLACES: dict[str, Place] = {
    "a condition": Place(
        lambda t: SOUND.with_(is_good_to_fill=flow("is_good", "fill", t)),
        EXPRESSION, CONDITION, asked=True,
    ),
    "a condition of an inclusive gateway": Place(
        lambda t: SOUND.with_(
            is_good=gateway("is_good", "is_good_to_publish", "inclusiveGateway"),
            is_good_to_fill=flow("is_good", "fill", t),
        ),
        EXPRESSION, CONDITION, asked=True,
    ),
    "a condition of a default branch": Place(
        lambda t: SOUND.with_(is_good_to_publish=flow("is_good", "publish", t)),
        frozenset({"flow.condition_ignored"}) | EXPRESSION,
    ),
    "a condition behind a task": Place(
        lambda t: SOUND.with_(publish_to_end=flow("publish", "end", t)),
        frozenset({"flow.condition_ignored"}),
    ),
    "a date": Place(lambda t: waiting_for(timer("timeDate", t)), EXPRESSION, DATE, asked=True),
    "a duration": Place(
        lambda t: waiting_for(timer("timeDuration", t)), EXPRESSION, DAY, asked=True
    ),
    "a date beside a task": Place(
        lambda t: SOUND.with_(
            late=boundary("late", "vet", timer("timeDate", t)), late_to_end=flow("late", "end")
        ),
        EXPRESSION, "workdays_after(today, 5)", asked=True,
    ),
    "a cycle beside a task": Place(
        lambda t: SOUND.with_(
            late=boundary("late", "vet", timer("timeCycle", t), cancelActivity="false"),
            late_to_end=flow("late", "end"),
        ),
        EXPRESSION, '"R3/P1D"', asked=True,
    ),
    "a count": Place(
        lambda t: looping(f"<bpmn:loopCardinality>{t}</bpmn:loopCardinality>"),
        EXPRESSION, "2", asked=True,
    ),
    "a completion condition": Place(
        lambda t: looping(
            f"{COUNT_OF_THREE}<bpmn:completionCondition>{t}</bpmn:completionCondition>"
        ),
        EXPRESSION, "amount == 1", asked=True,
    ),
    "a list to loop over": Place(
        lambda t: over_voters("").replacing(">voters<", f">{t}<"),
        frozenset({"loop.input"}), "voters",
    ),
    "a list to gather in": Place(
        lambda t: gathered(t, "choice"), frozenset({"variable.name"}), "choices",
    ),
    "the name of an item": Place(
        lambda t: over_voters(element("inputDataItem", "voter", name=t)),
        frozenset({"variable.name", "loop.item"}), "voter",
    ),
    "the name of an answer": Place(
        lambda t: gathered("choices", t), frozenset({"variable.name", "loop.item"}), "choice",
    ),
    "the payload of a message": Place(
        lambda t: throwing(at_message(extended(spiff("messagePayload", t)))), PAYLOAD, asked=True
    ),
    "the variable of a message": Place(
        lambda t: waiting_for(at_message(extended(spiff("messageVariable", t)))), PAYLOAD
    ),
    "a correlation": Place(lambda t: correlated("messagePath", t), PAYLOAD, asked=True),
    "a formal correlation": Place(
        lambda t: correlated("formalExpression", t), PAYLOAD, asked=True
    ),
    "a correlation of the process": Place(process_correlated, PAYLOAD, asked=True),
    "the payload of a signal": Place(
        lambda t: throwing(AT_SIGNAL, signal(spiff("payloadExpression", t))),
        PAYLOAD, asked=True,
    ),
    "the variable of a signal": Place(
        lambda t: throwing(AT_SIGNAL, signal(spiff("variableName", t))), PAYLOAD
    ),
    "the header of a column": Place(deciding, EXPRESSION, "amount", asked=True,
                                    table=cell(header="{}", test="3")),
    "a cell": Place(deciding, EXPRESSION | {"dmn.cell"}, "3", asked=True, table=cell(test="{}")),
    "a cell that asks": Place(
        deciding, EXPRESSION | {"dmn.cell"}, "3", asked=True, table=cell(test="? == ({})")
    ),
    "one cell of several": Place(
        deciding, EXPRESSION | {"dmn.cell"}, "3", asked=True, table=cell(test="3, {}")
    ),
    "an answer of a table": Place(
        deciding, EXPRESSION, '"senior"', asked=True, table=cell(test="-", output="{}")
    ),
    "the name of an answer of a table": Place(
        deciding, frozenset({"variable.name", "expression.invalid"}), "grade",
        table=cell(name="{}"),
    ),
    "the property due": Place(lambda t: vet(due=t), frozenset({"user.due"}), "5"),
    "the property scope": Place(lambda t: vet(scope=t), frozenset({"user.scope"}), "own_unit"),
    "the property role": Place(lambda t: vet(role=t), frozenset({"user.role"}), "unit_clerk"),
    "the property save": Place(lambda t: vet(save=t), frozenset({"user.save"}), "save_vet"),
    "the property form": Place(lambda t: vet(form=t), frozenset({"user.form"}), "vet"),
    "the property page": Place(
        lambda t: vet(form="", page=t), frozenset({"user.page"}), "fill"
    ),
    "the property outcomes": Place(
        lambda t: vet(outcomes=f"decision,{t}"), frozenset({"variable.name"}), "note"
    ),
    "the property handler": Place(
        lambda t: SOUND.with_(publish=service("publish", t)),
        frozenset({"service.handler"}), "publish",
    ),
    "the start data": Place(
        lambda t: SOUND.but(process_properties=properties(inputs=t)),
        frozenset({"variable.name", "process.inputs"}), "year",
    ),
    "the condition of a standard loop": Place(
        lambda t: standard_loop(f"<bpmn:loopCondition>{t}</bpmn:loopCondition>"),
        frozenset({"element.standard_loop", "element.unknown"}), asked=True,
    ),
    "the maximum of a standard loop": Place(
        lambda t: standard_loop("", t), frozenset({"element.standard_loop"})
    ),
    "the name of a message": Place(
        lambda t: named("message", '<bpmn:messageEventDefinition messageRef="it"/>', t),
        frozenset({"event.name"}), "withdrawn",
    ),
    "the name of a signal": Place(
        lambda t: named("signal", '<bpmn:signalEventDefinition signalRef="it"/>', t),
        frozenset({"event.name"}), "停止申报",
    ),
    "the name of an error": Place(
        lambda t: SOUND.but(outside=element("error", "it", name=t)),
        frozenset({"event.name"}), "不合格",
    ),
    "the code of an error": Place(
        lambda t: SOUND.but(outside=element("error", "it", name="bad", errorCode=t)),
        frozenset({"event.name"}), "bad",
    ),
    "a script task": Place(
        lambda t: task("scriptTask", f"<bpmn:script>{t}</bpmn:script>"),
        frozenset({"element.script", "flow.dangling"}),
    ),
    "a script before a task": Place(scripted("preScript"), frozenset({"element.script"})),
    "a script after a task": Place(scripted("postScript"), frozenset({"element.script"})),
    "the operator of a service task": Place(
        lambda t: operated(name=t), frozenset({"service.handler"}), "find_voters"
    ),
    "the result of a service task": Place(
        lambda t: operated(resultVariable=t), frozenset({"service.result"})
    ),
    "a parameter of a service task": Place(parameter, UNKNOWN),
    "a mapping": Place(mapped, UNKNOWN),
    "a declared input": Place(specified, UNKNOWN),
    "a conditional event": Place(
        deciding_whether, frozenset({"element.conditional", "element.unknown"}), asked=True
    ),
    "the end of an ad-hoc subprocess": Place(
        ad_hoc, frozenset({"element.ad_hoc", "flow.dangling"})
    ),
    "the process to call": Place(
        lambda t: between(SOUND, "call", element("callActivity", "call", calledElement=t)),
        frozenset({"call.target"}),
    ),
    "the table to ask": Place(
        lambda t: task("businessRuleTask", extended(spiff("calledDecisionId", t))),
        frozenset({"rule.decision"}),
    ),
    "a lane": Place(
        lambda t: SOUND.but(lanes={"申报人": ["fill"], t: ["vet"]}),
        frozenset({"user.lane", "user.role"}), "单位经办人",
    ),
    "an id": Place(
        lambda t: SOUND.with_(
            end=event("endEvent", t), publish_to_end=flow("publish", t, ident="f")
        ),
        frozenset({"id.invalid", "xml.schema", "layout.missing"}), "finished",
    ),
}  # fmt: skip
