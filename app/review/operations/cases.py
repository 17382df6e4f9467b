"""The cases before a meeting and who may not judge them (参评材料分组、回避)."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select

from app.core import audit
from app.core.db import db
from app.core.errors import Conflict, Invalid, NotFound
from app.declarations.models import Declaration, Status
from app.engine.models import ItemStatus, WorkItem
from app.review import queries
from app.review.models import (
    CaseStatus,
    Meeting,
    MeetingCase,
    MeetingGroup,
    MeetingMember,
    MeetingStatus,
    Recusal,
)
from app.review.operations.reviewers import require_confirmers
from app.review.operations.setup import require_status, require_unsettled

OWN_UNIT = "与申报人同单位"


def add_case(meeting: Meeting, declaration: Declaration) -> MeetingCase:
    """Bring an accepted declaration of the plan before the meeting.

    Invalid when its applicant sits in the meeting, Conflict when it is not accepted or another
    meeting has taken it up.
    """
    require_unsettled(meeting)
    # Two meetings of a plan may reach for it at once.
    lock = select(Declaration.id).where(Declaration.id == declaration.id).with_for_update()
    db.session.execute(lock)
    if declaration.plan_id != meeting.plan_id or declaration.status != Status.ACCEPTED:
        raise Conflict("只能加入本计划已受理的申报材料")
    if any(seat.person_id == declaration.person_id for seat in meeting.members):
        raise Invalid("申报人是本次会议的评委，不能参评")
    if any(case.declaration_id == declaration.id for case in meeting.cases):
        raise Conflict("该材料已在本次会议中")
    if queries.is_before_a_meeting(declaration.id):
        raise Conflict("该材料已列入另一次会议")
    case = MeetingCase(declaration=declaration)
    meeting.cases.append(case)
    db.session.flush()
    return case


def remove_case(meeting: Meeting, case: MeetingCase) -> None:
    """Take a case out again while the meeting is being prepared."""
    require_unsettled(meeting)
    for person_id in queries.recusals_of(meeting.id).get(case.id, {}):
        db.session.delete(db.session.get_one(Recusal, (case.id, person_id)))
    meeting.cases.remove(case)
    db.session.delete(case)
    db.session.flush()


def group_cases(meeting: Meeting, case_ids: Iterable[int], group: MeetingGroup) -> int:
    """Put cases into a group (批量分组, HB-C-14); returns how many."""
    require_unsettled(meeting)
    if group.meeting_id != meeting.id:
        raise NotFound
    wanted = set(case_ids)
    chosen = [case for case in meeting.cases if case.id in wanted]
    for case in chosen:
        case.group = group
    db.session.flush()
    return len(chosen)


def group_all(meeting: Meeting) -> int:
    """Put every case without a group where most members know its specialty (全部分组).

    Where several groups know it equally well, the one with the fewest cases takes it.
    """
    require_unsettled(meeting)
    if not meeting.groups:
        raise Conflict("请先设置会议分组")
    profiles = queries.profiles_of(seat.person_id for seat in meeting.members)
    skills = {
        group.id: Counter(
            profiles[seat.person_id].specialty
            for seat in group.members
            if seat.person_id in profiles
        )
        for group in meeting.groups
    }
    loose = [case for case in meeting.cases if case.group is None]
    for case in loose:
        specialty = case.declaration.specialty.name
        case.group = max(
            meeting.groups,
            key=lambda group: (skills[group.id][specialty], -len(group.cases), -group.id),
        )
    db.session.flush()
    return len(loose)


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

    Conflict when the member reviews the case already, or has its confirmation to do: another
    reviewer comes first. A recused leader or director is stood in for (代为确认).
    """
    require_status(meeting, MeetingStatus.PREPARING, MeetingStatus.SCORING)
    if not reason.strip():
        raise Invalid("请填写回避原因", field="reason")
    if seat.person_id in {case.main_reviewer_id, case.deputy_reviewer_id}:
        raise Conflict(f"{seat.person.name}已是该材料的主审或副审，请先更换")
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


def recuse_colleagues(meeting: Meeting, *, actor_id: int, now: datetime) -> int:
    """Enter everybody who works in an applicant's unit on the recusal list; returns how many."""
    places = queries.workplaces(seat.person_id for seat in meeting.members)
    known = queries.recusals_of(meeting.id)
    found = [
        (case, seat)
        for case in meeting.cases
        for seat in meeting.members
        if case.declaration.unit.name in places[seat.person_id]
        and seat.person_id not in known.get(case.id, {})
    ]
    for case, seat in found:
        recuse(meeting, case, seat, OWN_UNIT, actor_id=actor_id, now=now)
    return len(found)


def lift_recusal(
    meeting: Meeting, case: MeetingCase, person_id: int, *, actor_id: int, now: datetime
) -> None:
    """Strike a member off the recusal list of a case; NotFound when they are not on it.

    Conflict while somebody stands in for the recused leader or director of the case.
    """
    require_status(meeting, MeetingStatus.PREPARING, MeetingStatus.SCORING)
    row = db.session.get(Recusal, (case.id, person_id))
    if row is None:
        raise NotFound
    heads = {queries.director_id(meeting.id), case.group.leader_id if case.group else None}
    if case.state == CaseStatus.SCORING and heads & set(queries.recusals_of(meeting.id)[case.id]):
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
