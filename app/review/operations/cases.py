"""The cases before a meeting and who may not judge them (参评材料分组、回避)."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from app.core import audit
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
from app.review.operations.status import require_unsettled


def add_case(
    meeting: Meeting, declaration: Declaration, *, actor_id: int, now: datetime
) -> MeetingCase:
    """Bring an accepted declaration of the plan before the meeting.

    Invalid when its applicant sits in the meeting, Conflict when it is not accepted or another
    meeting has taken it up. Members of the applicant's unit are recused from it.
    """
    require_unsettled(meeting)
    # Another meeting may reach for it at once, or its process be cancelled.
    db.session.refresh(declaration, with_for_update={"of": Declaration})
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
    audit.record(
        "meeting:case_added",
        subject=("meeting", meeting.id),
        actor_id=actor_id,
        now=now,
        case=case.id,
        declaration=declaration.id,
    )
    recuse_colleagues(meeting, cases=[case], actor_id=actor_id, now=now)
    return case


def remove_case(meeting: Meeting, case: MeetingCase, *, actor_id: int, now: datetime) -> None:
    """Take a case out again while the meeting is being prepared; its recusals go with it."""
    require_unsettled(meeting)
    recused = interests.recusals_of(meeting.id).get(case.id, {})
    for person_id in recused:
        db.session.delete(db.session.get_one(Recusal, (case.id, person_id)))
    meeting.cases.remove(case)
    db.session.delete(case)
    db.session.flush()
    audit.record(
        "meeting:case_removed",
        subject=("meeting", meeting.id),
        actor_id=actor_id,
        now=now,
        case=case.id,
        declaration=case.declaration_id,
        recused=sorted(recused),
    )


def group_cases(
    meeting: Meeting,
    case_ids: Iterable[int],
    group: MeetingGroup,
    *,
    actor_id: int,
    now: datetime,
) -> int:
    """Put cases into a group (批量分组, HB-C-14); returns how many."""
    require_unsettled(meeting)
    if group.meeting_id != meeting.id:
        raise NotFound
    wanted = set(case_ids)
    chosen = [case for case in meeting.cases if case.id in wanted]
    for case in chosen:
        case.group = group
    _note_groups(meeting, chosen, actor_id, now)
    return len(chosen)


def _note_groups(
    meeting: Meeting, cases: Iterable[MeetingCase], actor_id: int, now: datetime
) -> None:
    db.session.flush()
    audit.record(
        "meeting:cases_grouped",
        subject=("meeting", meeting.id),
        actor_id=actor_id,
        now=now,
        groups={str(case.id): case.group_id for case in cases},
    )


def group_all(meeting: Meeting, *, actor_id: int, now: datetime) -> int:
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
    _note_groups(meeting, loose, actor_id, now)
    return len(loose)
