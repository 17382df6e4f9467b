"""Faults of what tasks and events say about themselves, and what the engine alone notices."""

from tests.engine.gate_builder import (
    LOOP_OVER_VOTERS,
    Drawing,
    element,
    event,
    flow,
    message,
    properties,
    service,
    timer,
)
from tests.engine.gate_faults import (
    CALL_WITHOUT_TARGET,
    SOUND,
    Spoiled,
    calling,
    event_with,
    task,
    vet,
    voting,
)


def awaiting(first: str, second: str) -> Drawing:
    """Two events behind one event gateway."""
    return SOUND.with_(
        publish_to_end=flow("publish", "which"),
        which=element("eventBasedGateway", "which"),
        one=event("intermediateCatchEvent", "one", first),
        two=event("intermediateCatchEvent", "two", second),
        which_to_one=flow("which", "one"),
        which_to_two=flow("which", "two"),
        one_to_end=flow("one", "end"),
        two_to_end=flow("two", "end"),
    )


DAY, WEEK = timer("timeDuration", '"P1D"'), timer("timeDuration", '"P7D"')
GATHERED = (
    "<bpmn:loopDataOutputRef>choices</bpmn:loopDataOutputRef>"
    '<bpmn:outputDataItem id="{0}" name="{0}"/></bpmn:multi'
)


def gathering(answer: str) -> Drawing:
    """A task for each voter, whose answers are gathered from this name."""
    return voting(LOOP_OVER_VOTERS.replace("</bpmn:multi", GATHERED.format(answer)))


VARIABLE = "<spiffworkflow:messageVariable>received</spiffworkflow:messageVariable>"
WITH_VARIABLE = message().replace(
    "/>",
    f"><bpmn:extensionElements>{VARIABLE}</bpmn:extensionElements></bpmn:messageEventDefinition>",
)
EVENT_FAULTS: dict[str, Spoiled] = {
    "a message that nobody sends": Spoiled(
        "event.unsent",
        "odd",
        event_with("intermediateCatchEvent", message("late")).but(
            outside=element("message", "late", name="withdrwan")
        ),
        "warning",
    ),
    "a signal that nobody sends": Spoiled(
        "event.unsent",
        "odd",
        event_with("intermediateCatchEvent", '<bpmn:signalEventDefinition signalRef="off"/>').but(
            outside=element("signal", "off", name="called_off")
        ),
        "warning",
    ),
    "a message that nobody awaits": Spoiled(
        "event.unheard", "odd", event_with("intermediateThrowEvent", message()), "warning"
    ),
    "a task that sends to nobody": Spoiled(
        "event.unheard", "odd", task("sendTask", messageRef="withdrawn"), "warning"
    ),
    "a message that carries something": Spoiled(
        "event.payload", "odd", event_with("intermediateCatchEvent", WITH_VARIABLE)
    ),
    "a correlation key": Spoiled(
        "event.payload",
        "key",
        SOUND.but(
            outside=element("collaboration", "parts", element("correlationKey", "key", name="key"))
        ),
    ),
    "a message with a blank in its name": Spoiled(
        "event.name", "it", SOUND.but(outside=element("message", "it", name="taken back"))
    ),
    "an error end without a reference": Spoiled(
        "event.error",
        "end",
        SOUND.with_(end=event("endEvent", "end", "<bpmn:errorEventDefinition/>")),
    ),
    "two timers behind one gateway": Spoiled("gateway.timers", "which", awaiting(DAY, WEEK)),
    "answers gathered that nobody gives": Spoiled("engine.walk", "vote", gathering("nobody")),
}

PROPERTY_FAULTS: dict[str, Spoiled] = {
    "a step with a long name": Spoiled(
        "text.length", "vet", SOUND.replacing('name="单位审核"', f'name="{"审" * 121}"')
    ),
    "a process with a long name": Spoiled(
        "text.length", "sample", SOUND.replacing('name="示例流程"', f'name="{"示" * 121}"')
    ),
    "a message with a long name": Spoiled(
        "text.length",
        "withdrawn",
        SOUND.but(outside=element("message", "withdrawn", name="m" * 61)),
    ),
    "a signal with a long name": Spoiled(
        "text.length",
        "called_off",
        SOUND.but(outside=element("signal", "called_off", name="s" * 61)),
    ),
    "a misspelt property of the process": Spoiled(
        "property.unknown",
        "sample",
        SOUND.but(process_properties=properties(input="year")),
    ),
    "a property where none is read": Spoiled(
        "property.unknown",
        "fill_to_vet",
        SOUND.with_(
            fill_to_vet=flow("fill", "vet").replace(
                "</bpmn:seq", properties(outcomes="decision") + "</bpmn:seq"
            )
        ),
    ),
    "a property written twice": Spoiled(
        "property.repeated",
        "vet",
        SOUND.replacing(
            '<spiffworkflow:property name="due" value="5"/>',
            '<spiffworkflow:property name="due" value="5"/>' * 2,
        ),
    ),
    "no form and no page": Spoiled("user.form", "vet", vet(form="")),
    "a form and a page": Spoiled("user.form", "vet", vet(page="fill")),
    "an unknown form": Spoiled("user.form", "vet", vet(form="nothing")),
    "an unknown page": Spoiled("user.page", "vet", vet(form="", page="nothing")),
    "no save handler": Spoiled("user.save", "vet", vet(save="")),
    "an unknown save handler": Spoiled("user.save", "vet", vet(save="nothing")),
    "no scope": Spoiled("user.scope", "vet", vet(scope="")),
    "an unknown scope": Spoiled("user.scope", "vet", vet(scope="nothing")),
    "no role": Spoiled("user.role", "vet", vet(role="")),
    "an unknown role": Spoiled("user.role", "vet", vet(role="king")),
    "a role of another lane": Spoiled("user.role", "vet", vet(role="applicant")),
    "no lane": Spoiled("user.lane", "vet", SOUND.but(lanes={"申报人": ["fill"]})),
    "a lane that is no role": Spoiled(
        "user.lane", "vet", SOUND.but(lanes={"申报人": ["fill"], "某人": ["vet"]})
    ),
    "no days at all": Spoiled("user.due", "vet", vet(due="0")),
    "too many days": Spoiled("user.due", "vet", vet(due="201")),
    "days that are no number": Spoiled("user.due", "vet", vet(due="５")),
    "no handler": Spoiled(
        "service.handler", "publish", SOUND.with_(publish=element("serviceTask", "publish"))
    ),
    "an unknown handler": Spoiled(
        "service.handler", "publish", SOUND.with_(publish=service("publish", "nothing"))
    ),
    "two different handlers": Spoiled(
        "service.handler",
        "publish",
        SOUND.with_(
            publish=service("publish").replace(
                "</bpmn:ext", '<spiffworkflow:serviceTaskOperator id="find_voters"/></bpmn:ext'
            )
        ),
    ),
    "a result variable": Spoiled(
        "service.result",
        "publish",
        SOUND.with_(
            publish=service("publish", "find_voters").replace(
                "</bpmn:ext",
                '<spiffworkflow:serviceTaskOperator id="find_voters" resultVariable="x"/>'
                "</bpmn:ext",
            )
        ),
    ),
    "a call of nothing": Spoiled("call.target", "call", CALL_WITHOUT_TARGET),
    "a call of an unknown process": Spoiled("call.target", "call", calling("nothing")),
    "a call of itself": Spoiled("call.cycle", "call", calling("sample")),
    "a decision that is not there": Spoiled("rule.decision", "odd", task("businessRuleTask")),
}
