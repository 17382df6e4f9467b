"""Diagrams that lead a record to a task or an end in a state that does not belong there."""

from tests.engine.gate_builder import (
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

JUDGE = {
    "form": "judge",
    "save": "judge",
    "role": "unit_clerk",
    "scope": "own_unit",
    "outcomes": "decision",
}
MEND = {"page": "mend", "save": "mend", "role": "applicant", "scope": "own_unit"}
SEEN = {"form": "look_only", "save": "record", "role": "unit_clerk", "scope": "own_unit"}
FIVE_DAYS = timer("timeDuration", '"P5D"')
BESIDE = {"cancelActivity": "false"}
KEPT = Drawing(
    process_id="kept",
    parts={
        "start": event("startEvent", "start"),
        "judge": user("judge", JUDGE, name="审核"),
        "is_good": gateway("is_good", "is_good_to_mend"),
        "mend": user("mend", MEND, name="修改"),
        "store": service("store", "store"),
        "end": event("endEvent", "end"),
        "start_to_judge": flow("start", "judge"),
        "judge_to_is_good": flow("judge", "is_good"),
        "is_good_to_store": flow("is_good", "store", 'decision == "pass"'),
        "is_good_to_mend": flow("is_good", "mend"),
        "mend_to_judge": flow("mend", "judge"),
        "store_to_end": flow("store", "end"),
    },
    lanes={"申报人": ["mend"], "单位经办人": ["judge", "again", "seen"]},
)
"""A record that is sent, judged, mended when it was returned, and stored."""


def kept(**parts: str) -> Drawing:
    """The drawing with these parts; tasks that it does not hold leave their lanes."""
    drawing = KEPT.with_(**parts)
    lanes = {
        name: [each for each in nodes if drawing.parts.get(each)]
        for name, nodes in KEPT.lanes.items()
    }
    return drawing.but(lanes=lanes)


def timed(target: str, *, drawn: str = FIVE_DAYS, **attributes: str) -> dict[str, str]:
    """What comes on the border of the task that judges, and leads on from there."""
    return {
        "late": boundary("late", "judge", drawn, **attributes),
        "late_to": flow("late", target),
    }


def each_seen(count: int) -> Drawing:
    """The record is shown to several people at once before it is judged."""
    names = [f"seen_{number}" for number in range(count)]
    parts = {
        "start_to_judge": flow("start", "fork"),
        "fork": element("parallelGateway", "fork", name="分发"),
        "join": element("parallelGateway", "join", name="汇合"),
        "join_to_judge": flow("join", "judge"),
    }
    for name in names:
        parts[name] = user(name, SEEN, name="阅知")
        parts |= {f"to_{name}": flow("fork", name), f"from_{name}": flow(name, "join")}
    return kept(**parts).but(lanes={"申报人": ["mend"], "单位经办人": ["judge", *names]})


def reminded(count: int, drawn: str = FIVE_DAYS) -> Drawing:
    """Several people are shown the record, and each is reminded meanwhile, by a time or so."""
    drawing, lanes = each_seen(count), []
    parts: dict[str, str] = {}
    for number in range(count):
        late, told = f"late_{number}", f"told_{number}"
        lanes.append(told)
        parts |= {
            late: boundary(late, f"seen_{number}", drawn, **BESIDE),
            told: user(told, SEEN, name="催办"),
            f"to_{told}": flow(late, told),
            f"from_{told}": flow(told, f"over_{number}"),
            f"over_{number}": element("endEvent", f"over_{number}", name="已催办"),
        }
    clerks = [*drawing.lanes["单位经办人"], *lanes]
    return drawing.with_(**parts).but(lanes={**drawing.lanes, "单位经办人": clerks})


def leaving_a_join(target: str) -> Drawing:
    """One who is shown the record leaves in time, to the join or to an end of their own."""
    if target == "join":
        late: dict[str, str] = {"both": gateway("both"), "both_to_join": flow("both", "join")}
        late |= {"seen_0_to": flow("seen_0", "both"), "late_to": flow("late", "both")}
    else:
        late = {
            "over": element("endEvent", "over", name="已过期"),
            "late_to": flow("late", "over"),
        }
        late |= {"seen_0_to": flow("seen_0", "join")}
    return each_seen(2).with_(from_seen_0="", late=boundary("late", "seen_0", FIVE_DAYS), **late)


def in_turns(count: int) -> Drawing:
    """The record is judged in a part of the process that is run several times, one by one."""
    several = loop(f"<bpmn:loopCardinality>{count}</bpmn:loopCardinality>")
    inner = several.replace(">", ' isSequential="true">', 1) + "".join(
        (
            element("startEvent", "in_start"),
            user("judge", JUDGE, name="审核"),
            element("endEvent", "in_end"),
            flow("in_start", "judge"),
            flow("judge", "in_end"),
        )
    )
    return kept(
        judge=element("subProcess", "inside", inner, name="审核"),
        start_to_judge=flow("start", "first"),
        first=gateway("first"),
        first_to_inside=flow("first", "inside"),
        judge_to_is_good=flow("inside", "drop"),
        **dict.fromkeys(("is_good", "is_good_to_store", "is_good_to_mend"), ""),
        **dict.fromkeys(("mend", "mend_to_judge", "store", "store_to_end"), ""),
        drop=service("drop", "close"),
        drop_to_end=flow("drop", "end"),
    ).but(lanes={"单位经办人": ["inside"]})


def waiting_behind(drawn: str, *, early: str = "") -> dict[str, str]:
    """The record is stored, and then something is waited for, or the first of two events."""
    parts = {
        "store_to_end": flow("store", "which" if early else "wait"),
        "wait": event("intermediateCatchEvent", "wait", drawn),
        "wait_to_end": flow("wait", "end"),
    }
    if early:
        parts |= {
            "which": element("eventBasedGateway", "which", name="等待"),
            "which_to_wait": flow("which", "wait"),
            "which_to_early": flow("which", "early"),
            "early": event("intermediateCatchEvent", "early", early),
            "early_to_end": flow("early", "end"),
        }
    return parts


AGAIN = user("again", JUDGE, name="复核")
SHOWN = {"seen": user("seen", SEEN, name="催办"), "seen_to_end": flow("seen", "end")}
DROPPED = {"drop": service("drop", "drop"), "drop_to_end": flow("drop", "end")}

StateFault = tuple[str, str, Drawing, Drawing]
"""The rule, the element that it names, the faulty drawing and the sound one."""
JUDGING = ("judge", "is_good", "mend", "judge_to_is_good", "is_good_to_mend", "mend_to_judge")


def filed(*, is_judged: bool) -> Drawing:
    """Filing lets through what was judged; what is only sent it can but give back."""
    first = "judge" if is_judged else "file"
    filing = {**JUDGE, "form": "file", "save": "file", **({"apart": first} if is_judged else {})}
    parts = {
        **dict.fromkeys(("store", "store_to_end"), ""),
        "start_to_judge": flow("start", first),
        "is_good_to_store": flow("is_good", "file", 'decision == "pass"') if is_judged else "",
        "file": user("file", filing, name="归档"),
        "is_filed": gateway("is_filed", "is_filed_to_again"),
        "file_to_is_filed": flow("file", "is_filed"),
        "is_filed_to_end": flow("is_filed", "end", 'decision == "pass"'),
        "is_filed_to_again": flow("is_filed", first, ident="is_filed_to_again"),
        **dict.fromkeys(() if is_judged else JUDGING, ""),
    }
    clerks = ["judge", "file"] if is_judged else ["file"]
    lanes = {"申报人": ["mend"] if is_judged else [], "单位经办人": clerks}
    return kept(**parts).but(lanes=lanes)


STATE_FAULTS: dict[str, StateFault] = {
    "a second audit of what was judged": (
        "task.state",
        "again",
        kept(
            again=AGAIN,
            judge_to_is_good=flow("judge", "again"),
            again_to_is_good=flow("again", "is_good"),
        ),
        kept(
            seen=user("seen", SEEN, name="阅知"),
            judge_to_is_good=flow("judge", "seen"),
            seen_to_is_good=flow("seen", "is_good"),
        ),
    ),
    "mending what nobody returned": (
        "task.state",
        "mend",
        kept(start_to_judge=flow("start", "mend")),
        kept(),
    ),
    "a time that gives back what nobody returned": (
        "task.state",
        "mend",
        kept(**timed("mend")),
        kept(**timed("judge")),
    ),
    "a second audit beside the first": (
        "task.state",
        "judge",
        kept(**timed("judge", **BESIDE)),
        kept(**SHOWN, **timed("seen", **BESIDE)),
    ),
    "mending beside the audit": (
        "task.state",
        "mend",
        kept(**timed("mend", **BESIDE)),
        kept(**timed("end", **BESIDE)),
    ),
    "a record that is stored unjudged": (
        "task.state",
        "store",
        kept(**timed("store")),
        kept(**DROPPED, **timed("drop")),
    ),
    "a record dropped that was stored": (
        "task.state",
        "drop",
        kept(**DROPPED, store_to_end=flow("store", "drop")),
        kept(**DROPPED, **timed("drop")),
    ),
    "a message that comes no more": (
        "event.state",
        "wait",
        kept(**waiting_behind(message())),
        kept(**waiting_behind(FIVE_DAYS)),
    ),
    "an event gateway whose events come no more": (
        "event.state",
        "which",
        kept(**waiting_behind(FIVE_DAYS, early=message())).with_(
            wait=event("intermediateCatchEvent", "wait", message())
        ),
        kept(**waiting_behind(FIVE_DAYS, early=message())),
    ),
    "a branch that leaves a join waiting": (
        "gateway.starved",
        "join",
        leaving_a_join("over"),
        leaving_a_join("join"),
    ),
    "an audit three times in turn": (
        "task.state",
        "judge",
        in_turns(3),
        in_turns(1),
    ),
    "a return that ends": (
        "end.state",
        "end",
        kept(
            mend="",
            mend_to_judge="",
            is_good_to_mend=flow("is_good", "end", ident="is_good_to_mend"),
        ),
        kept(),
    ),
    "a time that ends an audit": (
        "end.state",
        "end",
        kept(**timed("end")),
        kept(**DROPPED, **timed("drop")),
    ),
    "an audit that a message of nobody's ends": (
        "end.state",
        "end",
        kept(**timed("end", drawn=message("mine"))).but(
            outside='<bpmn:message id="mine" name="mine"/>'
        ),
        kept(**timed("end", drawn=message())),
    ),
    "a task that nobody can pass": (
        "end.unreached",
        "start",
        filed(is_judged=False),
        filed(is_judged=True),
    ),
    "too many at once to follow": (
        "state.unfollowed",
        "kept",
        reminded(7, message("mine")).but(outside='<bpmn:message id="mine" name="mine"/>'),
        reminded(30),
    ),
}
