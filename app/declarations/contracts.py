"""What the functions of declarations take, give and do to a declaration (申报的约定)."""

from dataclasses import replace

from app.core.permissions import ORGANISERS, VETTERS
from app.declarations.models import Status
from app.declarations.operations.starting import ABANDONED, PROCESS
from app.engine.contracts import Contract, Life, Values, moves, parting
from app.engine.handlers import matter
from app.engine.runtime import WITHDRAWN

AT_ORGANISER, JUDGED, DELETED = "at_organiser", "judged", "deleted"
"""States of the process alone: past the last office, passed or failed, and gone."""
EDITABLE, IN_REVIEW = (Status.DRAFT, Status.RETURNED), (Status.IN_REVIEW, AT_ORGANISER)
UNDER_WAY = (*IN_REVIEW, Status.ACCEPTED)
COURSE = matter(
    PROCESS,
    "职称申报",
    parts=("unit_review", "superior_review"),
    needs=("submit_declaration", "accept_declaration", "finish_declaration"),
    life=Life(
        {
            Status.DRAFT: "填报中",
            Status.IN_REVIEW: "审核中",
            AT_ORGANISER: "已报组建单位",
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
REVIEWED = moves(IN_REVIEW)
"""Whatever an office decides, what it says is entered by the step behind it."""


def verdicts(*chosen: str) -> dict[str, Values]:
    """What an office gives: these verdicts, each with its word."""
    return {"verdict": {verdict: WORDS[verdict] for verdict in chosen}}


VETTED = Contract(
    COURSE,
    gives=verdicts("pass", "endorse", "return", "confirm"),
    takes=("pass", "return", "terminate"),
    roles=VETTERS,
    scopes=("current_unit",),
    moves=REVIEWED,
)
FORWARDED = replace(VETTED, moves=moves((Status.IN_REVIEW,)))
"""What lies with the organiser has no superior office above it any more."""
ENDORSED = Contract(
    COURSE,
    gives=verdicts("pass", "return"),
    takes=("pass", "return"),
    roles=VETTERS,
    scopes=("current_unit",),
    after={
        "vet_declaration": {"verdict": ("endorse",)},
        "vet_forwarded": {"verdict": ("endorse",)},
    },
    moves=REVIEWED,
)
ACCEPTED = Contract(
    COURSE,
    gives=verdicts("pass", "return", "confirm"),
    takes=("pass", "return", "terminate"),
    roles=ORGANISERS,
    scopes=("plans_organiser",),
    moves=parting("verdict", IN_REVIEW, {"pass": Status.ACCEPTED, "return": "", "confirm": ""}),
)
CONFIRMED = Contract(
    COURSE,
    gives=verdicts("terminate", "again"),
    takes=("confirm", "reject"),
    roles=(*VETTERS, *ORGANISERS),
    scopes=("termination_confirmer", "plans_organiser"),
    after={
        "vet_declaration": {"verdict": ("confirm",)},
        "vet_forwarded": {"verdict": ("confirm",)},
        "accept_declaration": {"verdict": ("confirm",)},
    },
    moves=REVIEWED,
)
MENDED_BY = {"mended_by": str}
DECIDED_IN_UNITS = ("vet_declaration", "vet_forwarded", "endorse_declaration", "endorse_forwarded")


def after(vetted: str, accepted: str, confirmed: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """The verdicts that something takes: an office's, the organiser's, the second person's."""
    words = {
        **dict.fromkeys(DECIDED_IN_UNITS, vetted),
        "accept_declaration": accepted,
        "confirm_termination": confirmed,
    }
    return {save: {"verdict": (word,) if word else ()} for save, word in words.items()}
