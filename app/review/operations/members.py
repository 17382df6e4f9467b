"""Who sits in the meeting (确认评委)."""

from datetime import datetime

from sqlalchemy import delete

from app.accounts.cards import end_cards
from app.accounts.models import Person
from app.accounts.queries import works_at
from app.core import audit
from app.core.db import db
from app.core.errors import Conflict, Invalid, NotFound
from app.experts.queries import in_pool
from app.review import interests, queries
from app.review.models import (
    Meeting,
    MeetingGroup,
    MeetingMember,
    MeetingStatus,
    Recusal,
)
from app.review.operations.recusals import recuse_colleagues
from app.review.operations.seats import end_seat, grant_seat
from app.review.operations.status import require_status, require_unsettled


def add_member(
    meeting: Meeting, person: Person, group: MeetingGroup | None, *, actor_id: int, now: datetime
) -> MeetingMember:
    """Seat an expert in the meeting (确认评委); the seat grants the expert's role in it.

    Invalid for an applicant, for the meeting's staff, and for people whom the pool of experts
    (专家库) does not know. The new member is recused from the cases of their own unit.
    """
    require_status(meeting, MeetingStatus.PREPARING)
    if any(seat.person_id == person.id for seat in meeting.members):
        raise Conflict(f"{person.name}已在参会专家中")
    if any(case.declaration.person_id == person.id for case in meeting.cases):
        raise Invalid(f"{person.name}本人参评，不能担任评委")
    if not queries.profiles_of([person.id]) or person.id not in in_pool(now):
        raise Invalid(f"{person.name}不在评审专家库中，不能担任评委")
    if works_at(person.id, meeting.organiser_unit_id, queries.RUNNERS, now):
        raise Invalid(f"{person.name}是组建单位的经办人、领导或监督员，不能同时担任评委")
    _check_group(meeting, group)
    seat = MeetingMember(meeting_id=meeting.id, person=person, group=group)
    meeting.members.append(seat)
    db.session.flush()
    grant_seat(meeting, person, actor_id=actor_id, now=now)
    _note("meeting:member_added", seat, actor_id, now)
    recuse_colleagues(meeting, seats=[seat], actor_id=actor_id, now=now)
    return seat


def _note(tag: str, seat: MeetingMember, actor_id: int, now: datetime, **data: object) -> None:
    audit.record(
        tag,
        subject=("meeting", seat.meeting_id),
        actor_id=actor_id,
        now=now,
        member=seat.person_id,
        group=seat.group_id,
        **data,
    )


def _check_group(meeting: Meeting, group: MeetingGroup | None) -> None:
    if group is None:
        return
    if group.meeting_id != meeting.id:
        raise NotFound
    db.session.refresh(group)
    if len(group.members) >= group.size:
        raise Conflict(f"{group.name}已满 {group.size} 人")


def move_member(
    meeting: Meeting, seat: MeetingMember, group: MeetingGroup, *, actor_id: int, now: datetime
) -> None:
    """Put a member into another group."""
    require_status(meeting, MeetingStatus.PREPARING)
    if seat.group_id != group.id:
        _check_group(meeting, group)
        seat.group = group
        db.session.flush()
        _note("meeting:member_moved", seat, actor_id, now)


def remove_member(meeting: Meeting, seat: MeetingMember, *, actor_id: int, now: datetime) -> None:
    """Take an expert out of the meeting while it is being prepared; their role in it ends."""
    require_unsettled(meeting)
    recused = interests.recused_cases(meeting.id, seat.person_id)
    off_the_list = delete(Recusal).where(
        Recusal.person_id == seat.person_id, Recusal.case_id.in_(recused)
    )
    db.session.execute(off_the_list, execution_options={"synchronize_session": "fetch"})
    _note("meeting:member_removed", seat, actor_id, now, recused=sorted(recused))
    meeting.members.remove(seat)
    db.session.delete(seat)
    db.session.flush()
    end_cards(meeting.id, people=[seat.person_id], actor_id=actor_id, now=now)
    end_seat(meeting, seat.person_id, actor_id=actor_id, now=now)
