"""The cases before a meeting and who may not judge them (参评材料分组、回避)."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select

from app.core.db import db
from app.core.errors import Conflict, Invalid, NotFound
from app.declarations.models import Declaration, Status
from app.review import interests, queries
from app.review.models import (
    Meeting,
    MeetingCase,
    MeetingGroup,
    Recusal,
)
from app.review.operations.recusals import recuse_colleagues
from app.review.operations.setup import require_unsettled


def add_case(
    meeting: Meeting, declaration: Declaration, *, actor_id: int, now: datetime
) -> MeetingCase:
    """Bring an accepted declaration of the plan before the meeting.

    Invalid when its applicant sits in the meeting, Conflict when it is not accepted or another
    meeting has taken it up. Members of the applicant's unit are recused from it.
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
    other = queries.meeting_of_declaration(declaration.id)
    if other is not None:
        raise Conflict(
            f"{declaration.person.name}的材料已列入“{other.name}”，一份申报同时只能参加一次评审会议"
        )
    case = MeetingCase(declaration=declaration)
    meeting.cases.append(case)
    db.session.flush()
    recuse_colleagues(meeting, cases=[case], actor_id=actor_id, now=now)
    return case


def remove_case(meeting: Meeting, case: MeetingCase) -> None:
    """Take a case out again while the meeting is being prepared."""
    require_unsettled(meeting)
    for person_id in interests.recusals_of(meeting.id).get(case.id, {}):
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
