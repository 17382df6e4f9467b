"""What the functions of the review take, give and do to a meeting and its cases (评审的约定)."""

from app.core.permissions import ORGANISERS
from app.engine.contracts import Contract, Life, Move, moves, parting
from app.engine.handlers import matter
from app.review.models import CaseStatus, MeetingStatus

SETTLED, SCHEMED, READ_ALL, ROLLED = "settled", "schemed", "read_all", "rolled"
PUBLIC, CLEARED, REPORTED_PUBLIC, APPROVED = "public", "cleared", "reported_public", "approved"
"""States between those that a meeting shows: how far its scheme, its cases and its results are."""
PREPARING, SCORING, VOTING, COUNTED, CONFIRMED, REPORTED, CLOSED = MeetingStatus
DECIDED = (CONFIRMED, PUBLIC, CLEARED, REPORTED, REPORTED_PUBLIC, APPROVED, CLOSED)
HELD = matter(
    "review_meeting",
    "评审会议",
    needs=(
        "approve_scheme",
        "appoint_directors",
        "assign_reviewers",
        "start_material_reviews",
        "prepare_roll",
        "close_ballot",
        "publish_result",
        "open_publicity",
        # Certificates begin with it, and with nothing else.
        "approve_report",
    ),
    life=Life(
        {
            PREPARING: "筹备中",
            SETTLED: "方案已提交",
            SCHEMED: "方案已审核",
            SCORING: "评分中",
            READ_ALL: "评分已全部确认",
            ROLLED: "票源已生成",
            VOTING: "投票中",
            COUNTED: "已计票",
            CONFIRMED: "结果已确认",
            PUBLIC: "结果公示中",
            CLEARED: "公示已确认",
            REPORTED: "已上报，没有公示",
            REPORTED_PUBLIC: "已上报，待审核",
            APPROVED: "审核通过",
            CLOSED: "已结束",
        },
        ends=(CLOSED,),
        told={"cases_confirmed": {SCORING: READ_ALL}, "publicity_confirmed": {PUBLIC: CLEARED}},
        shown={
            SCHEMED: (SETTLED,),
            **dict.fromkeys((READ_ALL, ROLLED), (SCORING,)),
            **dict.fromkeys((PUBLIC, CLEARED), (CONFIRMED,)),
            **dict.fromkeys((REPORTED_PUBLIC, APPROVED), (REPORTED,)),
        },
    ),
)
WAITING, SCORED, AGREED = "waiting", "scored", "agreed"
"""States of a case while it is read: without marks, with them, and confirmed by all."""
READ = matter(
    "material_review",
    "材料评审",
    needs=("score_case", "confirm_by_director"),
    life=Life(
        {WAITING: "待评分", SCORED: "已评分", AGREED: "评分已确认"},
        ends=(AGREED,),
        shown={
            WAITING: (CaseStatus.WAITING, CaseStatus.SCORING),
            SCORED: (CaseStatus.SCORING,),
            AGREED: (CaseStatus.SCORED, CaseStatus.PASSED, CaseStatus.FAILED),
        },
    ),
)
WORDS = {"pass": "通过", "return": "退回"}
DIRECTOR, LEADER = ("director",), ("group_leader",)
CLERKS = ("meeting_clerk", "organiser")
"""Who runs a meeting: its pages are theirs."""
REPORTERS = (*CLERKS, "organiser_leader")


def decides(roles: tuple[str, ...], *ways: Move) -> Contract:
    """A word of these on the meeting that moves it in one of these ways."""
    return Contract(HELD, gives={"decision": WORDS}, roles=roles, moves=ways)


def passes(roles: tuple[str, ...], *ways: Move) -> Contract:
    """A step of the meeting that these only do, never give back."""
    return Contract(HELD, takes=("pass",), roles=roles, moves=ways)


def agrees(roles: tuple[str, ...], *ways: Move) -> Contract:
    """A word of these on the marks of a case."""
    return Contract(READ, gives={"decision": WORDS}, roles=roles, moves=ways)


SET_UP = Contract(HELD, roles=CLERKS, moves=moves((PREPARING,), SETTLED))
SCHEME_JUDGED = decides(
    ORGANISERS, *parting("decision", (SETTLED,), {"pass": SCHEMED, "return": PREPARING})
)
DIRECTED = Contract(HELD, roles=CLERKS, moves=moves((SCHEMED,)))
STANDARD_JUDGED = decides(
    DIRECTOR, *parting("decision", (SCHEMED,), {"pass": "", "return": PREPARING})
)
LED = Contract(HELD, gives={"group_ids": list}, roles=DIRECTOR, moves=moves((SCHEMED,)))
ASSIGNED = Contract(HELD, roles=LEADER, repeats=True, moves=moves((SCHEMED,)))
STARTED = Contract(HELD, moves=moves((SCHEMED,), SCORING))
ENROLLED = Contract(HELD, roles=CLERKS, moves=moves((READ_ALL, ROLLED), ROLLED))
BALLOT_OPENED = decides(
    DIRECTOR,
    *moves((ROLLED,), VOTING, decision="pass"),
    *moves((READ_ALL, ROLLED), READ_ALL, decision="return"),
)
BALLOT_CLOSED = Contract(HELD, roles=CLERKS, moves=moves((VOTING,), COUNTED))
RESULT_CONFIRMED = passes(DIRECTOR, *moves((COUNTED,), CONFIRMED))
RESULT_PUBLISHED = Contract(HELD, moves=moves(DECIDED))
RESULT_REPORTED = passes(
    REPORTERS, *moves((CONFIRMED,), REPORTED), *moves((CLEARED,), REPORTED_PUBLIC)
)
MEETING_CLOSED = passes(REPORTERS, *moves((REPORTED, APPROVED), CLOSED))
MARKED = Contract(
    READ, takes=("pass",), roles=("main_reviewer",), moves=moves((WAITING, SCORED), SCORED)
)
DEPUTY_AGREES = agrees(("deputy_reviewer",), *moves((SCORED,)))
LEADER_AGREES = agrees(LEADER, *moves((SCORED,)))
LAST_AGREES = agrees(DIRECTOR, *parting("decision", (SCORED,), {"pass": AGREED, "return": SCORED}))
