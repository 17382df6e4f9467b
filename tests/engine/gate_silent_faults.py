"""Diagrams that look right: what the engine would silently not do, or do more often than drawn."""

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
    service,
    timer,
    user,
)
from tests.engine.gate_faults import SOUND, SUB, Spoiled, between, condition, event_with, voting
from tests.engine.gate_property_faults import DAY, awaiting, awaits, gathering


def in_subprocess(caught: str = "bad", **attributes: str) -> Drawing:
    """A subprocess with an error end, and an event at its border for this or another error."""
    awaited = f'<bpmn:errorEventDefinition errorRef="{caught}"/>'
    at_border = boundary("odd", "sub", awaited, **attributes)
    drawing = between(
        SOUND, "sub", element("subProcess", "sub", SUB, name="复核"), at_border, flow("odd", "end")
    )
    lanes = {**LANES, "单位经办人": ["vet", "sub"]}
    errors = (f'<bpmn:error id="{n}" name="{n}" errorCode="{n}"/>' for n in ("bad", "other"))
    return drawing.but(outside="".join(errors), lanes=lanes)


def on_task() -> Drawing:
    """An error event at the border of a task, which ends with no error."""
    caught = boundary("odd", "vet", '<bpmn:errorEventDefinition errorRef="bad"/>')
    drawing = SOUND.with_(odd=caught, odd_to_end=flow("odd", "end"))
    return drawing.but(outside='<bpmn:error id="bad" name="bad" errorCode="bad"/>')


def failing() -> Drawing:
    """The sample that ends with an error, which nothing calls."""
    failed = event("endEvent", "end", '<bpmn:errorEventDefinition errorRef="bad"/>')
    return SOUND.with_(end=failed).but(outside='<bpmn:error id="bad" name="bad" errorCode="bad"/>')


def attributed(**attributes: str) -> Drawing:
    inner = user("vet", VET, name="单位审核").replace("<bpmn:userTask", "<bpmn:userTask {0}", 1)
    written = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    return SOUND.with_(vet=inner.format(written))


def forked(meeting: str) -> Drawing:
    """Two tasks at once that meet at a node of this kind."""
    return SOUND.with_(
        publish_to_end=flow("publish", "fork"),
        fork=element("parallelGateway", "fork"),
        one=service("one"),
        two=service("two"),
        met=element(meeting, "met"),
        fork_to_one=flow("fork", "one"),
        fork_to_two=flow("fork", "two"),
        one_to_met=flow("one", "met"),
        two_to_met=flow("two", "met"),
        met_to_end=flow("met", "end"),
    )


def again_and_again(pause: str, ident: str) -> Drawing:
    """A loop around one pause, behind the sample."""
    return SOUND.with_(
        publish_to_end=flow("publish", ident),
        pause=pause,
        pause_to_again=flow(ident, "again"),
        again=gateway("again", "again_to_end"),
        again_to_end=flow("again", "end"),
        again_to_pause=flow("again", ident, "amount > 1"),
    )


def voting_again(to: str) -> Drawing:
    """Voting that begins anew at a node."""
    return voting(LOOP_OVER_VOTERS).with_(
        vote_to_end=flow("vote", "again"),
        again=gateway("again", "again_to_end"),
        again_to_end=flow("again", "end"),
        again_to_it=flow("again", to, "amount > 1"),
    )


def on_a_date(text: str) -> str:
    return event("intermediateCatchEvent", "odd", timer("timeDate", text))


ONE_BY_ONE = LOOP_OVER_VOTERS.replace("Characteristics>", 'Characteristics isSequential="{0}">', 1)
SCRIPTED = '<bpmn:conditionExpression language="javascript"'
SILENT_FAULTS: dict[str, Spoiled] = {
    "an event gateway that starts the process": Spoiled(
        "attribute.ignored",
        "which",
        awaiting(DAY, message()).with_(
            which=element("eventBasedGateway", "which", instantiate="true")
        ),
    ),
    "an event gateway that awaits all": Spoiled(
        "attribute.ignored",
        "which",
        awaiting(DAY, message()).with_(
            which=element("eventBasedGateway", "which", eventGatewayType="Parallel")
        ),
    ),
    "a task that waits for three tokens": Spoiled(
        "attribute.ignored", "vet", attributed(startQuantity="3")
    ),
    "a task for compensation": Spoiled(
        "attribute.ignored", "vet", attributed(isForCompensation="true")
    ),
    "one by one in figures": Spoiled("attribute.ignored", "vote", voting(ONE_BY_ONE.format("1"))),
    "a condition in another language": Spoiled(
        "attribute.ignored",
        "is_good_to_fill",
        condition('decision == "return"').replacing("<bpmn:conditionExpression", SCRIPTED),
    ),
    "an error that does not interrupt": Spoiled(
        "attribute.ignored", "odd", in_subprocess(cancelActivity="false")
    ),
    "an error that no task ends with": Spoiled("event.unthrown", "odd", on_task(), "warning"),
    "an error that no subprocess ends with": Spoiled(
        "event.unthrown",
        "odd",
        in_subprocess(caught="other"),
        "warning",
    ),
    "an error that nobody catches": Spoiled("event.uncaught", "end", failing(), "warning"),
    "a process without a name": Spoiled(
        "process.name", "sample", SOUND.replacing('name="示例流程"', 'name=" "')
    ),
    "a task far off the picture": Spoiled(
        "layout.far", "start", SOUND.replacing('<dc:Bounds x="0"', '<dc:Bounds x="99999999999"')
    ),
    "a task of no size": Spoiled(
        "layout.far", "start", SOUND.replacing('y="0" width="100"', 'y="0" width="0"')
    ),
    "a line far off the picture": Spoiled(
        "layout.far",
        "start_to_fill",
        SOUND.replacing('<di:waypoint x="9"', '<di:waypoint x="1e9"'),
    ),
    "a count by a function": Spoiled(
        "expression.value",
        "vote",
        voting(loop("<bpmn:loopCardinality>max(200, 300)</bpmn:loopCardinality>")),
    ),
    "a time that has passed": Spoiled(
        "expression.value", "odd", awaits("timeDate", '"2025-12-31T23:59:00+08:00"')
    ),
    "a name that is turned around": Spoiled(
        "name.hidden", "vet", SOUND.replacing('name="单位审核"', 'name="单位\u202e审核"')
    ),
    "a name with a blank of no width": Spoiled(
        "name.hidden", "fill", SOUND.with_(fill=user("fill", FILL, name="填写\u200b材料"))
    ),
    "a task in two lanes": Spoiled(
        "user.lane", "vet", SOUND.but(lanes={"申报人": ["fill", "vet"], "单位经办人": ["vet"]})
    ),
    "branches that meet without a join": Spoiled(
        "gateway.unmerged", "met", forked("exclusiveGateway"), "warning"
    ),
    "a loop around a written date": Spoiled(
        "graph.automatic_loop",
        "odd",
        again_and_again(on_a_date('"2026-11-20T09:00:00+08:00"'), "odd"),
    ),
    "a pause of no length": Spoiled("expression.value", "odd", awaits("timeDuration", '"P0D"')),
    "a list with a line break in its name": Spoiled(
        "loop.input", "vote", voting(LOOP_OVER_VOTERS.replace("voters", "voters\n"))
    ),
    "a collection with a blank in its name": Spoiled(
        "variable.name", "vote", gathering("choice").replacing(">choices<", "> choices<")
    ),
    "a loop around voters alone": Spoiled(
        "graph.list_loop", "vote", voting_again("voters_ready"), "warning"
    ),
}
SILENT_SOUND: dict[str, Drawing] = {
    "an event gateway that starts the process": awaiting(DAY, message()),
    "an event gateway that awaits all": awaiting(DAY, message()),
    "one by one in figures": voting(ONE_BY_ONE.format("true")),
    "an error that does not interrupt": in_subprocess(),
    "branches that meet without a join": forked("parallelGateway"),
    "a loop around a written date": again_and_again(on_a_date("workdays_after(today, 5)"), "odd"),
    "an error that no subprocess ends with": in_subprocess(),
    "an error that nobody catches": in_subprocess(),
    "a count by a function": voting(
        loop("<bpmn:loopCardinality>min(200, 300)</bpmn:loopCardinality>")
    ),
    "a time that has passed": awaits("timeDate", '"2026-01-02T00:00:00+08:00"'),
    "a pause of no length": event_with("intermediateCatchEvent", DAY),
    "a list with a line break in its name": voting(LOOP_OVER_VOTERS),
    "a collection with a blank in its name": gathering("choice"),
    "a loop around voters alone": voting_again("fill"),
}
"""The same drawings as the engine does them."""
