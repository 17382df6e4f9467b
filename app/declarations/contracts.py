"""What the functions of declarations take, give and do to a declaration (申报的约定)."""

from dataclasses import replace

from app.core.permissions import ORGANISERS, VETTERS
from app.declarations.models import Status
from app.declarations.operations.starting import ABANDONED, PROCESS
from app.engine.contracts import Contract, Life, Values, parting
from app.engine.handlers import matter
from app.engine.runtime import WITHDRAWN

AT_ORGANISER, JUDGED, DELETED = "at_organiser", "judged", "deleted"
PASSED, TO_ENDORSE, ENDORSED_BY_LEADER = "vetted", "to_endorse", "endorsed"
TO_RETURN, PROPOSED, PROPOSED_LAST, TO_TERMINATE = (
    "to_return",
    "end_proposed",
    "end_proposed_last",
    "to_terminate",
)
"""States of the process alone: what the offices have said, until a step has done it; past the
last office, passed or failed, and gone."""
EDITABLE, IN_REVIEW = (Status.DRAFT, Status.RETURNED), (Status.IN_REVIEW, AT_ORGANISER)
CONSENTED = (PASSED, ENDORSED_BY_LEADER)
SAID = (*CONSENTED, TO_ENDORSE, TO_RETURN, PROPOSED, PROPOSED_LAST, TO_TERMINATE)
UNDER_WAY = (*IN_REVIEW, *SAID, Status.ACCEPTED)
COURSE = matter(
    PROCESS,
    "职称申报",
    parts=("unit_review", "superior_review"),
    needs=("submit_declaration", "accept_declaration", "finish_declaration"),
    gives=("mended_by",),
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
            AT_ORGANISER: "已报组建单位",
            PROPOSED_LAST: "组建单位提出终止，待第二人确认",
            Status.RETURNED: "已退回",
            Status.ACCEPTED: "已受理",
            JUDGED: "评审结束",
            Status.TERMINATED: "已终止",
            Status.GIVEN_UP: "已放弃",
            DELETED: "已删除",
        },
        ends=(JUDGED, Status.TERMINATED, Status.GIVEN_UP, DELETED),
        told={
            ABANDONED: {Status.DRAFT: DELETED},
            WITHDRAWN: {state: state for state in UNDER_WAY},
            "review_finished": {Status.ACCEPTED: Status.ACCEPTED},
        },
        shown={
            **dict.fromkeys((AT_ORGANISER, *SAID), (Status.IN_REVIEW,)),
            Status.ACCEPTED: (Status.ACCEPTED, Status.IN_MEETING),
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
    moves=parting("verdict", (*IN_REVIEW, *CONSENTED), _SAYS),
)
FORWARDED = replace(VETTED, moves=parting("verdict", (Status.IN_REVIEW, *CONSENTED), _SAYS))
"""What lies with the organiser has no superior office above it any more."""
ENDORSED = Contract(
    COURSE,
    gives=verdicts("pass", "return"),
    takes=("pass", "return"),
    roles=VETTERS,
    scopes=("current_unit",),
    moves=parting(
        "verdict",
        (*IN_REVIEW, TO_ENDORSE, ENDORSED_BY_LEADER),
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
        *parting("verdict", (PROPOSED_LAST,), {"terminate": TO_TERMINATE, "again": AT_ORGANISER}),
    ),
)
MENDED_BY = {"mended_by": str}
