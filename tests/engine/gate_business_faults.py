"""Diagrams whose parts do not belong together, and conditions that can never be what they say."""

from tests.engine.gate_builder import (
    FILL,
    LANES,
    VET,
    Drawing,
    boundary,
    element,
    flow,
    gateway,
    loop,
    service,
    timer,
    user,
)
from tests.engine.gate_faults import SOUND, Spoiled, between, condition

DECIDE = {**VET, "form": "decide", "save": "decide"}
"""A task of the sample's own business: its form and its handler know each other."""


def deciding(text: str = 'decision == "return"', **changes: str) -> Drawing:
    """The sample with a task whose handler and form say what can be decided."""
    values = {name: value for name, value in {**DECIDE, **changes}.items() if value}
    return condition(text).with_(vet=user("vet", values, name="单位审核"))


KEPT_ONLY = {**VET, "form": "look_first", "save": "record"}
"""A task whose answers are kept as they came: nothing but conditions can heed its decision."""


def asked_twice(*, between: str, **parts: str) -> Drawing:
    """Two who decide one after the other; what comes behind the first one's task."""
    return SOUND.with_(
        fill_to_vet=flow("fill", "first"),
        first=user("first", KEPT_ONLY, name="初核"),
        first_to=flow("first", between),
        vet=user("vet", {**KEPT_ONLY, "apart": "first"}, name="单位审核"),
        **parts,
    ).but(lanes={**LANES, "单位经办人": ["first", "vet"]})


ASKED_BETWEEN = asked_twice(
    between="is_fit",
    is_fit=gateway("is_fit", "is_fit_to_vet"),
    is_fit_to_vet=flow("is_fit", "vet"),
    is_fit_to_fill=flow("is_fit", "fill", 'decision == "return"'),
)

ALIKE = ASKED_BETWEEN.with_(
    is_fit_to_fill=flow("is_fit", "vet", 'decision == "return"', "is_fit_returned")
)
"""A return that leads where a consent does."""
UNASKED = SOUND.with_(
    vet=user("vet", KEPT_ONLY, name="单位审核"),
    **dict.fromkeys(("is_good", "is_good_to_publish", "is_good_to_fill"), ""),
    vet_to_is_good=flow("vet", "publish"),
)
"""A verdict behind which there is no gateway."""


def at_once(first: str) -> Drawing:
    """Two at once, whose branches meet before anything asks."""
    return SOUND.with_(
        fill_to_vet=flow("fill", "both"),
        both=element("parallelGateway", "both", name="同时"),
        both_to_first=flow("both", "first"),
        both_to_vet=flow("both", "vet"),
        first=first,
        first_to_all=flow("first", "all"),
        vet=user("vet", KEPT_ONLY, name="单位审核"),
        vet_to_is_good=flow("vet", "all"),
        all=element("parallelGateway", "all", name="汇合"),
        all_to_is_good=flow("all", "is_good"),
    ).but(lanes={**LANES, "单位经办人": ["first", "vet"]})


def branching(first: str) -> Drawing:
    """The sample with one more branch for a return, behind the first one."""
    return deciding(first).with_(is_good_to_vet=flow("is_good", "vet", 'decision == "return"'))


def several(marker: str = "", sequential: str = "true", save: str = "decide") -> Drawing:
    """A second decision behind the sample, as often as the marker says."""
    inner = loop(marker).replace(">", f' isSequential="{sequential}">', 1) if marker else ""
    again = user("again", {**DECIDE, "save": save, "apart": "vet"}, inner, name="再次审核")
    return DECIDING_ONCE.with_(
        publish_to_end=flow("publish", "before"),
        before=gateway("before"),
        again=again,
        before_to_again=flow("before", "again"),
        again_to_end=flow("again", "end"),
    ).but(lanes={**LANES, "单位经办人": ["vet", "again"]})


def in_parts(sequential: str) -> Drawing:
    """A subprocess as often as three times that decides the record inside."""
    parts = (
        element("startEvent", "part_start")
        + user("part_vet", DECIDE, name="复核")
        + element("endEvent", "part_end")
        + flow("part_start", "part_vet")
        + flow("part_vet", "part_end")
    )
    marker = loop(THREE).replace(">", f' isSequential="{sequential}">', 1)
    part = element("subProcess", "part", marker + parts, name="复核")
    drawing = between(DECIDING_ONCE, "before", gateway("before"))
    return drawing.with_(
        part=part,
        extra_to_end=flow("before", "part"),
        part_to_end=flow("part", "end"),
    ).but(lanes={**LANES, "单位经办人": ["vet", "part"]})


def looking(text: str, outcomes: str = "found") -> Drawing:
    """The sample that goes round again as a handler found, which gives yes or no."""
    look = service("publish", "look", outcomes=outcomes)
    again = 'decision == "return"'
    return DECIDING_ONCE.with_(
        publish=look,
        publish_to_end=flow("publish", "is_found"),
        is_found=gateway("is_found", "is_found_to_end"),
        is_found_to_end=flow("is_found", "end"),
        is_found_to_fill=flow("is_found", "fill", text),
        is_good_to_fill=flow("is_good", "fill", again),
    )


def filed(handler: str) -> Drawing:
    """The process whose record is finished by a handler."""
    return Drawing(process_id="filed").with_(publish=service("publish", handler))


THREE = "<bpmn:loopCardinality>3</bpmn:loopCardinality>"
DECIDING_ONCE = deciding()
LOOKING = looking("found")
ENTERING = DECIDING_ONCE.with_(publish=service("publish", "enter"))
ENTERING_TWICE = ENTERING.with_(
    publish_to_end=flow("publish", "before"),
    before=gateway("before"),
    before_to_again=flow("before", "again"),
    again=service("again", "enter"),
    again_to_end=flow("again", "end"),
)


def entering(text: str) -> Drawing:
    """The sample that enters what passed, and goes back on a condition."""
    return ENTERING.with_(is_good_to_fill=flow("is_good", "fill", text))


LEAVING = ENTERING.with_(
    late=boundary("late", "fill", timer("timeDuration", '"P5D"')),
    late_to_end=flow("late", "end"),
)


BUSINESS_FAULTS: dict[str, Spoiled] = {
    "a handler of another process": Spoiled(
        "task.business", "publish", SOUND.with_(publish=service("publish", "elsewhere"))
    ),
    "a save of another process": Spoiled(
        "task.business", "vet", deciding(form="elsewhere", save="elsewhere")
    ),
    "a scope of another process": Spoiled("task.business", "vet", deciding(scope="elsewhere")),
    "a form of another save": Spoiled("task.answers", "vet", deciding(form="elsewhere")),
    "a form that a save of its own reads": Spoiled("task.answers", "vet", deciding(save="record")),
    "a page of another save": Spoiled(
        "task.answers",
        "vet",
        deciding("amount > 1", form="", page="desk", save="save_vet", outcomes=""),
    ),
    "a form that asks for more": Spoiled("task.decision", "vet", deciding(form="decide_more")),
    "a form that lets people decide as they like": Spoiled(
        "task.decision", "vet", deciding(form="free_decision")
    ),
    "a form that asks for nothing": Spoiled("task.decision", "vet", deciding(form="decide_none")),
    "an outcome that nobody gives": Spoiled(
        "task.outcomes", "vet", deciding(outcomes="decision,mood")
    ),
    "an outcome that is not declared": Spoiled(
        "task.outcomes", "publish", looking("amount > 1", outcomes="")
    ),
    "an office's task for the person": Spoiled("task.role", "vet", deciding(scope="own_person")),
    "a decision by whom it is about": Spoiled(
        "task.role",
        "vet",
        deciding(role="applicant").but(
            lanes={**LANES, "申报人": ["fill", "vet"], "单位经办人": []}
        ),
    ),
    "a decision where it was handed in": Spoiled("task.scope", "vet", deciding(scope="own_desk")),
    "a task where nobody has its role": Spoiled(
        "task.nobody",
        "fill",
        SOUND.with_(fill=user("fill", {**FILL, "scope": "own_office"}, name="填写材料")),
        "warning",
    ),
    "a branch that repeats another": Spoiled(
        "gateway.repeated", "is_good_to_vet", branching('decision == "return"'), "warning"
    ),
    "an entry twice": Spoiled("task.twice", "again", ENTERING_TWICE),
    "a decision three times": Spoiled("loop.once", "again", several(THREE)),
    "a decision three times at once": Spoiled("loop.once", "part_vet", in_parts("false")),
    "a word that the next one writes over": Spoiled(
        "task.unread", "vet", asked_twice(between="vet")
    ),
    "a word that nobody asks for": Spoiled("task.unread", "vet", UNASKED),
    "a word that another at once writes over": Spoiled(
        "task.unread", "all", at_once(user("first", KEPT_ONLY, name="初核"))
    ),
    "a return that leads where a consent does": Spoiled(
        "task.unheeded", "first", ALIKE, "warning"
    ),
    "a return that goes on": Spoiled("task.state", "publish", entering('decision == "pass"')),
    "a return that may go on": Spoiled(
        "task.state", "publish", entering('decision == "return" and amount > 3')
    ),
    "a return that leaves at a border": Spoiled(
        "task.state", "publish", LEAVING.with_(late_to_end=flow("late", "publish"))
    ),
    "a value that no form gives": Spoiled(
        "condition.value", "is_good_to_fill", deciding('decision == "passed"')
    ),
    "the word on a button": Spoiled(
        "condition.value", "is_good_to_fill", deciding('decision == "退回"')
    ),
    "a number for a text": Spoiled(
        "condition.value", "is_good_to_fill", deciding("decision == 1")
    ),
    "a value with a blank": Spoiled(
        "condition.value", "is_good_to_fill", deciding('decision in ("return ", "pass")')
    ),
    "a number for yes or no": Spoiled(
        "condition.value", "is_found_to_fill", looking("found == 1")
    ),
    "a text beside a condition": Spoiled(
        "condition.truth", "is_good_to_fill", deciding('decision == "return" or "pass"')
    ),
    "a text for a condition": Spoiled("condition.truth", "is_good_to_fill", deciding("decision")),
    "a number for a condition": Spoiled("condition.truth", "is_good_to_fill", condition("1")),
    "a condition that always holds": Spoiled(
        "condition.constant", "is_good_to_fill", deciding('decision in ("pass", "return")')
    ),
    "a condition that never holds": Spoiled(
        "condition.constant",
        "is_good_to_fill",
        deciding('decision == "pass" and not decision == "pass"'),
    ),
    "a condition with a constant part": Spoiled(
        "condition.constant", "is_good_to_fill", deciding('decision == "return" or 1 == 1')
    ),
    "a condition that cannot be computed": Spoiled(
        "condition.constant", "is_good_to_fill", deciding("decision > 3")
    ),
}
BUSINESS_SOUND: dict[str, Drawing] = {
    **dict.fromkeys(BUSINESS_FAULTS, DECIDING_ONCE),
    "a handler of another process": SOUND,
    "a decision where it was handed in": deciding(scope="own_office"),
    "a task where nobody has its role": SOUND,
    "a branch that repeats another": branching('decision == "return" and amount > 3'),
    "a form that a save of its own reads": deciding(form="look_first", save="record"),
    "a page of another save": deciding(
        "amount > 1", form="", page="desk", save="at_desk", outcomes=""
    ),
    "a form that lets people decide as they like": deciding(
        'decision == "加分"', form="note_freely", save="record"
    ),
    "an outcome that is not declared": LOOKING,
    "an entry twice": ENTERING,
    "a word that the next one writes over": ASKED_BETWEEN,
    "a return that leads where a consent does": ASKED_BETWEEN,
    "a word that another at once writes over": at_once(
        user("first", {**KEPT_ONLY, "form": "look_only", "outcomes": ""}, name="阅知")
    ),
    "a return that goes on": ENTERING,
    "a return that may go on": entering('decision == "return" or amount > 3'),
    "a return that leaves at a border": LEAVING,
    "a number for yes or no": LOOKING,
    "a decision three times": several(),
    "a decision three times at once": in_parts("true"),
}
"""The drawing before it was spoiled."""
