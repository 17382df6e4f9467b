"""Who may not judge a case (回避): colleagues without asking, others by name."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from app.core import audit
from app.core.db import db
from app.core.errors import Conflict, Invalid, NotFound
from app.engine.models import ItemStatus, WorkItem
from app.review import interests, queries
from app.review.models import (
    CaseStatus,
    Meeting,
    MeetingCase,
    MeetingMember,
    MeetingStatus,
    Recusal,
)
from app.review.operations.reviewers import require_confirmers
from app.review.operations.status import require_status

OWN_UNIT = "与申报人同单位"


def recuse(
    meeting: Meeting,
    case: MeetingCase,
    seat: MeetingMember,
    reason: str,
    *,
    actor_id: int,
    now: datetime,
) -> None:
    """Enter a member on the recusal list of a case (回避); fixed once the ballot is open.

    Conflict while the member reviews the case, or has its confirmation to do: another reviewer
    comes first. A recused leader or director is stood in for (代为确认).
    """
    require_status(meeting, MeetingStatus.PREPARING, MeetingStatus.SCORING)
    # Reviewers may have been named while this waited for the lock.
    db.session.refresh(case)
    if not reason.strip():
        raise Invalid("请填写回避原因", field="reason")
    is_read = case.state in {CaseStatus.WAITING, CaseStatus.SCORING}
    if is_read and seat.person_id in {case.main_reviewer_id, case.deputy_reviewer_id}:
        raise Conflict(f"{seat.person.name}已是该材料的主审或副审，请先由组长更换")
    if db.session.get(Recusal, (case.id, seat.person_id)) is not None:
        return
    if _has_task_of(case, seat.person_id):
        raise Conflict(f"{seat.person.name}有该材料的待办确认，请先由其退回主审，再登记回避")
    db.session.add(Recusal(case_id=case.id, person_id=seat.person_id, reason=reason.strip()))
    db.session.flush()
    if case.state == CaseStatus.SCORING:
        require_confirmers(case)
    audit.record(
        "meeting:recused",
        subject=("meeting", meeting.id),
        actor_id=actor_id,
        now=now,
        case=case.id,
        member=seat.person_id,
    )


def _has_task_of(case: MeetingCase, person_id: int) -> bool:
    task = select(WorkItem.id).where(
        WorkItem.business_type == "case",
        WorkItem.business_id == case.id,
        WorkItem.assignee_id == person_id,
        WorkItem.status == ItemStatus.OPEN,
    )
    return db.session.scalar(task.limit(1)) is not None


def recuse_colleagues(
    meeting: Meeting,
    *,
    cases: Sequence[MeetingCase] | None = None,
    seats: Sequence[MeetingMember] | None = None,
    actor_id: int,
    now: datetime,
) -> int:
    """Enter everybody who works in an applicant's unit on the recusal list; returns how many.

    It happens whenever a case or a member joins, and again for the roll: people change units.
    """
    known = interests.recusals_of(meeting.id)
    pairs = interests.colleagues(cases or meeting.cases, seats or meeting.members)
    found = [(case, seat) for case, seat in pairs if seat.person_id not in known.get(case.id, {})]
    for case, seat in found:
        recuse(meeting, case, seat, OWN_UNIT, actor_id=actor_id, now=now)
    return len(found)


def lift_recusal(
    meeting: Meeting, case: MeetingCase, person_id: int, *, actor_id: int, now: datetime
) -> None:
    """Strike a member off the recusal list of a case; NotFound when they are not on it.

    Conflict for colleagues of the applicant, and while somebody stands in for the recused
    leader or director of the case.
    """
    require_status(meeting, MeetingStatus.PREPARING, MeetingStatus.SCORING)
    db.session.refresh(case)
    row = db.session.get(Recusal, (case.id, person_id))
    if row is None:
        raise NotFound
    seats = [seat for seat in meeting.members if seat.person_id == person_id]
    if interests.colleagues([case], seats):
        raise Conflict("该专家与申报人同单位，必须回避，不能移出回避名单")
    heads = {queries.director_id(meeting.id), case.group.leader_id if case.group else None}
    recused = interests.recusals_of(meeting.id)[case.id]
    if case.state == CaseStatus.SCORING and heads & set(recused):
        raise Conflict("该材料已由他人代为确认，不能移出回避名单")
    db.session.delete(row)
    db.session.flush()
    audit.record(
        "meeting:recusal_lifted",
        subject=("meeting", meeting.id),
        actor_id=actor_id,
        now=now,
        case=case.id,
        member=person_id,
    )
