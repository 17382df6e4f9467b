"""Scores and their confirmations: 主审 → 副审 → 组长 → 主任."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from sqlalchemy import delete

from app.core import audit
from app.core.db import db
from app.core.errors import Conflict, Forbidden, Invalid
from app.declarations.models import Status
from app.declarations.operations import mark_in_meeting
from app.review import interests, queries
from app.review.models import (
    CaseOpinion,
    CaseStatus,
    Indicator,
    Meeting,
    MeetingCase,
    MeetingStatus,
    Score,
)
from app.review.operations.reviewers import require_director
from app.review.operations.status import require_status

STAGES = {"main": "主审", "deputy": "副审", "leader": "组长", "director": "主任"}


def confirm_standard(
    meeting: Meeting, decision: str, opinion: str, *, actor_id: int, now: datetime
) -> None:
    """The director confirms the score sheet (主任确认标准, HB-E-04) or sends it back.

    Conflict names the cases that are no longer accepted: the clerk takes them out.
    """
    require_status(meeting, MeetingStatus.PREPARING)
    require_director(meeting, actor_id)
    if decision == "pass":
        _require_accepted(meeting)
    else:
        meeting.is_settled = False
    audit.record(
        "meeting:standard_confirmed" if decision == "pass" else "meeting:standard_returned",
        subject=("meeting", meeting.id),
        actor_id=actor_id,
        now=now,
        opinion=opinion,
    )


def _require_accepted(meeting: Meeting) -> None:
    lost = [
        f"{case.declaration.person.name}（{case.declaration.status_word}）"
        for case in meeting.cases
        if case.declaration.status != Status.ACCEPTED
    ]
    if lost:
        raise Conflict(f"参评材料已不在已受理状态，须由会议经办人移出：{'、'.join(lost)}")


def start_material_reviews(meeting: Meeting, *, now: datetime) -> Sequence[MeetingCase]:
    """Hand every case to its main reviewer; returns the cases.

    Conflict names the cases that are no longer accepted.
    """
    require_status(meeting, MeetingStatus.PREPARING)
    _require_accepted(meeting)
    meeting.status = MeetingStatus.SCORING
    for case in meeting.cases:
        case.status = CaseStatus.SCORING
        mark_in_meeting(case.declaration, actor=None, now=now)
    db.session.flush()
    audit.record(
        "meeting:reviews_started", subject=("meeting", meeting.id), actor_id=None, now=now
    )
    return meeting.cases


@dataclass(frozen=True)
class Mark:
    """What a reviewer gives on one indicator."""

    indicator_id: int
    value: int
    comment: str = ""


def weighted_total(marks: Iterable[tuple[Indicator, int]]) -> int:
    """Return the total of 100, rounded half up; a veto weighs nothing."""
    parts = (
        Fraction(line.weight * value, line.max_score) for line, value in marks if not line.is_veto
    )
    return int(sum(parts, Fraction(0)) + Fraction(1, 2))


def mark_faults(indicators: Sequence[Indicator], marks: Sequence[Mark]) -> dict[str, list[str]]:
    """Return everything that is wrong with a score sheet, each fault at the field of its row."""
    lines = {line.id: line for line in indicators}
    if {mark.indicator_id for mark in marks} != set(lines) or len(marks) != len(lines):
        return {"scores": ["请为每一项指标打分"]}
    faults = {}
    for place, mark in enumerate(marks):
        line = lines[mark.indicator_id]
        if not line.min_score <= mark.value <= line.max_score:
            told = f"{line.name}：分值应为 {line.min_score}–{line.max_score} 的整数"
            faults[f"scores-{place}-value"] = [told]
        elif line.is_veto and mark.value and not mark.comment.strip():
            faults[f"scores-{place}-comment"] = [f"{line.name}：一票否决须说明理由"]
    return faults


def score_case(
    case: MeetingCase, marks: Sequence[Mark], opinion: str, *, actor_id: int, now: datetime
) -> None:
    """The main reviewer scores a case (主审打分, HB-E-07); a second time replaces the first.

    Forbidden for others, Invalid lists every fault of the sheet.
    """
    _require_scoring(case)
    if case.main_reviewer_id != actor_id:
        raise Forbidden("只有本材料的主审可以打分")
    indicators = case.meeting.indicators
    faults = mark_faults(indicators, marks)
    if not opinion.strip():
        faults["opinion"] = ["请填写评议意见"]
    if faults:
        raise Invalid(errors=faults)
    db.session.execute(delete(Score).where(Score.case_id == case.id))
    given = {mark.indicator_id: mark for mark in marks}
    for line in indicators:
        mark = given[line.id]
        db.session.add(
            Score(
                case_id=case.id,
                indicator_id=line.id,
                value=mark.value,
                comment=mark.comment.strip(),
            )
        )
    case.total_score = weighted_total((line, given[line.id].value) for line in indicators)
    case.is_vetoed = any(line.is_veto and given[line.id].value for line in indicators)
    _add_opinion(case, "main", "pass", opinion, actor_id, now)
    _note("meeting:case_scored", case, actor_id, now, total=case.total_score)


def _note(tag: str, case: MeetingCase, actor_id: int, now: datetime, **data: object) -> None:
    audit.record(
        tag,
        subject=("meeting", case.meeting_id),
        actor_id=actor_id,
        now=now,
        case=case.id,
        **data,
    )


def _require_scoring(case: MeetingCase) -> None:
    require_status(case.meeting, MeetingStatus.SCORING)
    if case.state != CaseStatus.SCORING:
        raise Conflict(f"该材料当前为“{case.state.label}”，不能修改评分")


def _add_opinion(
    case: MeetingCase, stage: str, decision: str, text: str, actor_id: int, now: datetime
) -> None:
    if not text.strip():
        raise Invalid("请填写评议意见", field="opinion")
    db.session.add(
        CaseOpinion(
            case_id=case.id,
            person_id=actor_id,
            stage=stage,
            decision=decision,
            text=text.strip(),
            at=now,
        )
    )
    db.session.flush()


def confirm_case(
    case: MeetingCase,
    stage: str,
    decision: str,
    opinion: str,
    *,
    actor_id: int,
    now: datetime,
) -> bool:
    """Confirm the scores of a case at a stage, or return them to the main reviewer.

    Returns whether this was the last case that the director had to confirm. Forbidden for
    others than the person of the stage.
    """
    # It locks the meeting: two cases confirmed at once agree on which of them was the last.
    _require_scoring(case)
    if actor_id != interests.confirmer(case, stage):
        raise Forbidden(f"只有本材料的{STAGES[stage]}可以确认")
    if case.total_score is None:
        raise Conflict("主审尚未打分")
    _add_opinion(case, stage, decision, opinion, actor_id, now)
    is_agreed = decision == "pass"
    tag = "meeting:case_confirmed" if is_agreed else "meeting:case_returned"
    _note(tag, case, actor_id, now, stage=stage)
    if stage != "director" or not is_agreed:
        return False
    case.status = CaseStatus.SCORED
    db.session.flush()
    return queries.open_cases(case.meeting_id) == 0
