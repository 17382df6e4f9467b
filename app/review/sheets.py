"""What pages show of a case and of a meeting: score sheet, opinions, steps."""

from dataclasses import dataclass
from typing import Any

from app.declarations.overview import overview_of
from app.review import queries
from app.review.models import Indicator, Meeting, MeetingCase, MeetingStatus
from app.review.operations.scoring import STAGES

STEPS = (
    "会议设置",
    "方案审核",
    "主任与标准",
    "组长与分工",
    "材料评审",
    "签到与票源",
    "无记名投票",
    "结果确认",
    "结果公示",
    "上报与结束",
)
"""The pipeline of a meeting as its overview shows it."""

_STEP_OF_NODE = {
    "set_up_meeting": 1,
    "approve_scheme": 2,
    "appoint_directors": 3,
    "confirm_standard": 3,
    "appoint_leaders": 4,
    "assign_reviewers": 4,
    "prepare_roll": 6,
    "open_ballot": 6,
    "close_ballot": 7,
    "confirm_result": 8,
    "report_meeting": 10,
    "approve_report": 10,
    "close_meeting": 10,
}
_STEP_OF_STATUS = {
    MeetingStatus.PREPARING: 1,
    MeetingStatus.SCORING: 5,
    MeetingStatus.VOTING: 7,
    MeetingStatus.COUNTED: 8,
    MeetingStatus.CONFIRMED: 9,
    MeetingStatus.REPORTED: 10,
}


def step_of(meeting: Meeting, nodes: set[str]) -> int:
    """Return the step now under way, from the open tasks or else from the status."""
    by_node = [_STEP_OF_NODE[node] for node in nodes if node in _STEP_OF_NODE]
    return max(by_node, default=_STEP_OF_STATUS.get(meeting.state, len(STEPS) + 1))


@dataclass(frozen=True)
class SheetLine:
    """A line of a score sheet with what was given on it, if anything."""

    indicator: Indicator
    value: int | None
    comment: str


def sheet_of(case: MeetingCase) -> list[SheetLine]:
    """Return the score sheet of a case, filled in as far as it is."""
    scores = queries.scores_of(case.id)
    return [
        SheetLine(
            line,
            scores[line.id].value if line.id in scores else None,
            scores[line.id].comment if line.id in scores else "",
        )
        for line in case.meeting.indicators
    ]


def case_record(case_id: int, person: Any) -> dict[str, Any]:
    """Return what a task about a case shows beside its form."""
    del person
    case = queries.case(case_id)
    return {
        "summary_template": "review/_case.html",
        "case": case,
        "declaration": case.declaration,
        "overview": overview_of(case.declaration),
        "sheet": sheet_of(case),
        "opinions": queries.opinions_of(case.id),
        "stages": STAGES,
    }


def meeting_record(meeting_id: int, person: Any) -> dict[str, Any]:
    """Return what a task about a meeting shows beside its form."""
    del person
    meeting = queries.meeting(meeting_id)
    return {
        "summary_template": "review/_meeting.html",
        "meeting": meeting,
        "turnout": queries.turnout(meeting),
        "shares": queries.key_shares(meeting),
        "tallies": queries.tallies(meeting),
        "close": queries.ballot_close(meeting),
    }
