"""What the functions of declarations take, give and do to a declaration (申报的约定)."""

from dataclasses import replace

from app.core.permissions import ORGANISERS, VETTERS
from app.declarations.models import Status
from app.declarations.operations.starting import ABANDONED, PROCESS
from app.engine.contracts import Contract, Life, Moment, Values, parting
from app.engine.handlers import matter
from app.engine.runtime import WITHDRAWN

AT_SUPERIOR, AT_ORGANISER = "at_superior", "at_organiser"
REVIEWED, JUDGED, DELETED = "reviewed", "judged", "deleted"
PASSED, TO_ENDORSE, ENDORSED_BY_LEADER = "vetted", "to_endorse", "endorsed"
TO_RETURN, TO_TERMINATE = "to_return", "to_terminate"
PROPOSED, PROPOSED_ABOVE, PROPOSED_LAST = "end_proposed", "end_proposed_above", "end_proposed_last"
"""States of the process alone: what the offices have said, until a step has done it; past its own
unit, past the last office, past its meeting, passed or failed, and gone."""
EDITABLE, IN_REVIEW = (
    (Status.DRAFT, Status.RETURNED),
    (Status.IN_REVIEW, AT_SUPERIOR, AT_ORGANISER),
)
CONSENTED = (PASSED, ENDORSED_BY_LEADER)
PROPOSALS = (PROPOSED, PROPOSED_ABOVE, PROPOSED_LAST)
SAID = (*CONSENTED, TO_ENDORSE, TO_RETURN, *PROPOSALS, TO_TERMINATE)
UNDER_WAY = (*IN_REVIEW, *SAID, Status.ACCEPTED)
MENDED_BY: dict[str, Values] = {"mended_by": Moment}
COURSE = matter(
    PROCESS,
    "职称申报",
    parts=("unit_review", "superior_review"),
    needs=("submit_declaration", "accept_declaration", "finish_declaration"),
    gives=MENDED_BY,
    life=Life(
        {
            Status.DRAFT: "填报中",
            Status.IN_REVIEW: "审核中",
            PASSED: "审核通过，尚未上报",
            TO_ENDORSE: "待领导审定",
            ENDORSED_BY_LEADER: "领导已审定，尚未上报",
            PROPOSED: "提出终止，待第二人确认",
            TO_RETURN: "决定退回，尚未退还",
            TO_TERMINATE: "确认终止，尚未终止",
            AT_SUPERIOR: "已报上级，审核中",
            PROPOSED_ABOVE: "上级提出终止，待第二人确认",
            AT_ORGANISER: "已报组建单位",
            PROPOSED_LAST: "组建单位提出终止，待第二人确认",
            Status.RETURNED: "已退回",
            Status.ACCEPTED: "已受理",
            REVIEWED: "评审已结束，尚未登记结果",
            JUDGED: "评审结束",
            Status.TERMINATED: "已终止",
            Status.GIVEN_UP: "已放弃",
            DELETED: "已删除",
        },
        ends=(JUDGED, Status.TERMINATED, Status.GIVEN_UP, DELETED),
        told={
            ABANDONED: {Status.DRAFT: DELETED},
            WITHDRAWN: {state: state for state in UNDER_WAY},
            "review_finished": {Status.ACCEPTED: REVIEWED},
        },
        offers={ABANDONED: (Status.DRAFT,), WITHDRAWN: IN_REVIEW},
        shown={
            **dict.fromkeys((AT_SUPERIOR, AT_ORGANISER, *SAID), (Status.IN_REVIEW,)),
            **dict.fromkeys((Status.ACCEPTED, REVIEWED), (Status.ACCEPTED, Status.IN_MEETING)),
            JUDGED: (Status.PASSED, Status.FAILED),
        },
    ),
)
WORDS = {
    "pass": "通过",
    "endorse": "通过",
    "return": "退回",
    "confirm": "提出终止",
    "terminate": "确认终止",
    "again": "不同意终止",
}
"""The word of the flow log for a verdict."""


def verdicts(*chosen: str) -> dict[str, Values]:
    """What an office gives: these verdicts, each with its word."""
    return {"verdict": {verdict: WORDS[verdict] for verdict in chosen}}


_SAYS = {"pass": PASSED, "endorse": TO_ENDORSE, "return": TO_RETURN, "confirm": PROPOSED}
VETTED = Contract(
    COURSE,
    gives=verdicts("pass", "endorse", "return", "confirm"),
    takes=("pass", "return", "terminate"),
    roles=VETTERS,
    scopes=("current_unit",),
    moves=parting("verdict", (Status.IN_REVIEW,), _SAYS),
)
"""Its consent is the recommendation of the unit, of which each round has one."""
FORWARDED = replace(
    VETTED,
    moves=parting("verdict", (AT_SUPERIOR, *CONSENTED), {**_SAYS, "confirm": PROPOSED_ABOVE}),
)
"""Looks at what was recommended before; no superior office is above the organiser."""
ENDORSED = Contract(
    COURSE,
    gives=verdicts("pass", "return"),
    takes=("pass", "return"),
    roles=VETTERS,
    scopes=("current_unit",),
    moves=parting(
        "verdict",
        (AT_SUPERIOR, TO_ENDORSE, ENDORSED_BY_LEADER),
        {"pass": ENDORSED_BY_LEADER, "return": TO_RETURN},
    ),
)
ACCEPTED = Contract(
    COURSE,
    gives=verdicts("pass", "return", "confirm"),
    takes=("pass", "return", "terminate"),
    roles=ORGANISERS,
    scopes=("plans_organiser",),
    moves=parting(
        "verdict",
        (*IN_REVIEW, *CONSENTED),
        {"pass": Status.ACCEPTED, "return": TO_RETURN, "confirm": PROPOSED_LAST},
    ),
)
CONFIRMED = Contract(
    COURSE,
    gives=verdicts("terminate", "again"),
    takes=("confirm", "reject"),
    roles=(*VETTERS, *ORGANISERS),
    scopes=("termination_confirmer", "plans_organiser"),
    moves=(
        *parting("verdict", (PROPOSED,), {"terminate": TO_TERMINATE, "again": Status.IN_REVIEW}),
        *parting("verdict", (PROPOSED_ABOVE,), {"terminate": TO_TERMINATE, "again": AT_SUPERIOR}),
        *parting("verdict", (PROPOSED_LAST,), {"terminate": TO_TERMINATE, "again": AT_ORGANISER}),
    ),
)
