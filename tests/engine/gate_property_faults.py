"""Faults of what tasks and events say about themselves, and what the engine alone notices."""

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
    message,
    properties,
    service,
    timer,
    user,
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


ROUND = SOUND.with_(
    publish_to_end=flow("publish", "tell"),
    tell=event("intermediateThrowEvent", "tell", message()),
    tell_to_odd=flow("tell", "odd"),
    odd=event("intermediateCatchEvent", "odd", message()),
    odd_to_again=flow("odd", "again"),
    again=gateway("again", "again_to_end"),
    again_to_publish=flow("again", "publish", "amount > 1"),
    again_to_end=flow("again", "end"),
)
DAY, WEEK = timer("timeDuration", '"P1D"'), timer("timeDuration", '"P7D"')
GATHERED = (
    "<bpmn:loopDataOutputRef>choices</bpmn:loopDataOutputRef>"
    '<bpmn:outputDataItem id="{0}" name="{0}"/></bpmn:multi'
)


def gathering(answer: str) -> Drawing:
    """A task for each voter, whose answers are gathered from this name."""
    return voting(LOOP_OVER_VOTERS.replace("</bpmn:multi", GATHERED.format(answer)))


def then_asking(drawing: Drawing, name: str) -> Drawing:
    """A decision about a name behind the several tasks."""
    return drawing.with_(
        vote_to_end=flow("vote", "well"),
        well=gateway("well", "well_to_end"),
        well_to_end=flow("well", "end"),
        well_to_fill=flow("well", "fill", f'{name} == "yes"'),
    )


ALONE = "<bpmn:loopDataOutputRef>choices</bpmn:loopDataOutputRef></bpmn:multi"
ITEM = '<bpmn:inputDataItem id="voter" name="{0}"/></bpmn:multi'
GATHERING_FAULTS: dict[str, Spoiled] = {
    "a decision on one of the gathered answers": Spoiled(
        "expression.invalid", "well_to_fill", then_asking(gathering("choice"), "choice")
    ),
    "a collection of nothing": Spoiled(
        "loop.output", "vote", voting(LOOP_OVER_VOTERS.replace("</bpmn:multi", ALONE))
    ),
    "an item of two names": Spoiled(
        "loop.item",
        "voter",
        voting(LOOP_OVER_VOTERS.replace("</bpmn:multi", ITEM.format("expert"))),
    ),
}
GATHERING_SOUND: dict[str, Drawing] = {
    "a decision on one of the gathered answers": then_asking(voting(LOOP_OVER_VOTERS), "choice"),
    "a collection of nothing": gathering("choice"),
    "an item of two names": voting(LOOP_OVER_VOTERS.replace("</bpmn:multi", ITEM.format("voter"))),
}


VARIABLE = "<spiffworkflow:messageVariable>received</spiffworkflow:messageVariable>"
WITH_VARIABLE = message().replace(
    "/>",
    f"><bpmn:extensionElements>{VARIABLE}</bpmn:extensionElements></bpmn:messageEventDefinition>",
)


def awaits(kind: str, text: str) -> Drawing:
    return event_with("intermediateCatchEvent", timer(kind, text))


def reminding(cycle: str) -> Drawing:
    remind = boundary("odd", "vet", timer("timeCycle", cycle), cancelActivity="false")
    return SOUND.with_(odd=remind, odd_to_end=flow("odd", "end"))


def leading_back(pause: str) -> Drawing:
    """A time at the border of a task that leads straight back to it."""
    return SOUND.with_(
        odd=boundary("odd", "vet", timer("timeDuration", pause)), odd_to_vet=flow("odd", "vet")
    )


TIME_FAULTS: dict[str, Spoiled] = {
    "a time that leads straight back to its task": Spoiled(
        "event.hurried", "odd", leading_back('"P0DT59S"'), "warning"
    ),
    "a reminder each second": Spoiled("event.hurried", "odd", reminding('"R3/PT1S"'), "warning"),
    "a million working days": Spoiled(
        "expression.invalid", "odd", awaits("timeDate", "workdays_after(today, 1000000)")
    ),
    "working days after the last of dates": Spoiled(
        "expression.value", "odd", awaits("timeDate", 'workdays_after("9999-12-31", 5)')
    ),
    "a date in a far year": Spoiled(
        "expression.value", "odd", awaits("timeDate", '"9999-12-31T23:59:59+08:00"')
    ),
    "working days after a past day": Spoiled(
        "expression.value", "odd", awaits("timeDate", 'workdays_after(date("2020-01-01"), 5)')
    ),
    "no working days": Spoiled(
        "expression.value", "odd", awaits("timeDate", "workdays_after(today, 0)")
    ),
    "today": Spoiled("expression.value", "odd", awaits("timeDate", "today")),
    "the earlier of a past day and today": Spoiled(
        "expression.value", "odd", awaits("timeDate", 'min("2020-01-01", today)')
    ),
    "a decision for a time": Spoiled(
        "expression.value",
        "odd",
        awaits("timeDate", "decision").with_(
            vet=user("vet", {**VET, "form": "decide", "save": "decide"}, name="单位审核")
        ),
    ),
    "months without end": Spoiled(
        "expression.value", "odd", awaits("timeDuration", '"P9999999999M"')
    ),
    "weeks and days together": Spoiled(
        "expression.value", "odd", awaits("timeDuration", '"P1W2D"')
    ),
    "a reminder without a pause": Spoiled("expression.value", "odd", reminding('"R3/PT0S"')),
    "a reminder without end": Spoiled("expression.value", "odd", reminding('"R/P1D"')),
    "a reminder that never comes": Spoiled("expression.value", "odd", reminding('"R0/P1D"')),
}
TIME_SOUND: dict[str, Drawing] = {
    **dict.fromkeys(TIME_FAULTS, awaits("timeDuration", '"P1M2DT3H"')),
    "a time that leads straight back to its task": leading_back('"PT60S"'),
    "a reminder each second": reminding('"R3/PT1M"'),
    "a million working days": awaits("timeDate", "workdays_after(today, 200)"),
    "working days after the last of dates": awaits("timeDate", 'workdays_after("2026-12-31", 5)'),
    "working days after a past day": awaits("timeDate", 'workdays_after(date("2026-12-01"), 5)'),
    "no working days": awaits("timeDate", "workdays_after(today, 1)"),
    "today": awaits("timeDate", 'max("2026-12-01", today)'),
    "the earlier of a past day and today": awaits("timeDate", 'workdays_after("2999-12-31", 5)'),
    "a decision for a time": awaits("timeDate", "decision"),
    "a date in a far year": awaits("timeDate", '"2999-12-31T23:59:59+08:00"'),
    "a reminder without a pause": reminding('"R3/PT1H"'),
    "a reminder without end": reminding('"R200/P1D"'),
    "a reminder that never comes": reminding('"R1/P1D"'),
}
"""The same drawings with times that can be computed with."""
TOLD = '<bpmn:message id="told" name="told"/>'
EVENT_FAULTS: dict[str, Spoiled] = {
    **TIME_FAULTS,
    **GATHERING_FAULTS,
    "a message that nobody sends": Spoiled(
        "event.unsent",
        "odd",
        event_with("intermediateCatchEvent", message("late")).but(
            outside=element("message", "late", name="called_back")
        ),
        "warning",
    ),
    "a message a letter away from what is sent": Spoiled(
        "event.misnamed",
        "odd",
        event_with("intermediateCatchEvent", message("late")).but(
            outside=element("message", "late", name="withdrwan")
        ),
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
        "event.unheard",
        "odd",
        event_with("intermediateThrowEvent", message("told")).but(outside=TOLD),
        "warning",
    ),
    "a task that sends to nobody": Spoiled(
        "event.unheard", "odd", task("sendTask", messageRef="told").but(outside=TOLD), "warning"
    ),
    "a loop that waits for its own message": Spoiled("event.self_fed", "odd", ROUND),
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
    "another person than at a task that is not there": Spoiled(
        "user.apart", "vet", vet(apart="nobody")
    ),
    "another person than at a task that comes later": Spoiled(
        "user.apart",
        "fill",
        SOUND.with_(fill=user("fill", {**FILL, "apart": "vet"}), is_good_to_fill=""),
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
