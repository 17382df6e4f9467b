"""When a meeting is held: its time, what waits for it, and moving it (会议时间)."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import select

from app.accounts.operations import notify
from app.committees.models import Committee
from app.committees.queries import require_confirmed
from app.core import audit
from app.core.db import db
from app.core.errors import Conflict, Invalid, gathered
from app.plans.models import Plan
from app.review import queries
from app.review.models import Meeting, MeetingCommittee, MeetingStatus
from app.review.operations.carding import move_cards_of
from app.review.operations.seats import move_seats
from app.review.operations.status import require_status


def check_time(
    plan: Plan,
    committees: Sequence[Committee],
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
) -> None:
    """Invalid for a time outside a filing (备案有效期), before the deadline, past or empty.

    It names all that is wrong at once. Conflict for a committee whose filing is not confirmed.
    """
    for committee in committees:
        require_confirmed(committee)
    faults = {
        "starts_at": list(_faults_of_start(plan, committees, starts_at, ends_at, now)),
        "ends_at": ["结束时间须晚于开始时间"] if ends_at <= starts_at else [],
    }
    if any(faults.values()):
        raise Invalid(errors={name: said for name, said in faults.items() if said})


def _faults_of_start(
    plan: Plan,
    committees: Sequence[Committee],
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
) -> Iterator[str]:
    if starts_at.date() < now.date():
        yield "开始时间不能早于今天"
    if plan.closes_at is not None and starts_at <= plan.closes_at:
        yield f"计划的申报截止时间为 {plan.closes_at:%Y-%m-%d %H:%M}，会议须在截止之后召开"
    for committee in committees:
        if not all(committee.is_valid_on(each.date()) for each in (starts_at, ends_at)):
            yield (
                f"{committee.name}的备案有效期为 {committee.filed_from} 至 "
                f"{committee.filed_until}，会议时间不在有效期内"
            )


def is_meeting_day(meeting: Meeting, now: datetime) -> bool:
    """Tell whether the day of the meeting has come: nobody is present before it."""
    return now.date() >= meeting.starts_at.date()


def require_meeting_day(meeting: Meeting, now: datetime) -> None:
    """Conflict before the day of the meeting."""
    if not is_meeting_day(meeting, now):
        raise Conflict(
            f"会议定于 {meeting.starts_at:%Y-%m-%d %H:%M} 开始，当天起方可签到；"
            "会议提前召开的，请先变更会议时间"
        )


def require_started(meeting: Meeting, now: datetime) -> None:
    """Conflict before the meeting has begun: the ballot is cast in it, not before it."""
    if now < meeting.starts_at:
        raise Conflict(
            f"会议定于 {meeting.starts_at:%Y-%m-%d %H:%M} 开始，开始后方可发起投票；"
            "会议提前召开的，请先退回票源并由会议经办人变更会议时间"
        )


def check_new_time(
    meeting: Meeting, starts_at: datetime, ends_at: datetime, now: datetime
) -> None:
    """Raise as check_time, and Invalid for the time that the meeting has already."""
    if (meeting.starts_at, meeting.ends_at) == (starts_at, ends_at):
        raise Invalid("会议时间没有变化", field="starts_at")
    check_time(meeting.plan, committees_of(meeting), starts_at, ends_at, now)


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise Invalid("请填写变更原因", field="reason")


def change_time(
    meeting: Meeting,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    *,
    actor_id: int,
    now: datetime,
) -> None:
    """Move a meeting (变更会议时间); its experts are told, and who had signed in signs in anew.

    Invalid with every fault, without a reason and for a time at which no meeting may be called,
    Conflict once there is a roll.
    """
    require_status(meeting, MeetingStatus.PREPARING, MeetingStatus.SCORING)
    if queries.roll_of(meeting):
        raise Conflict("票源已生成，不能变更会议时间；请先由主任退回票源")
    faults = gathered(
        lambda: _check_reason(reason), lambda: check_new_time(meeting, starts_at, ends_at, now)
    )
    if faults:
        raise Invalid(errors=faults)
    before = (meeting.starts_at, meeting.ends_at)
    meeting.starts_at, meeting.ends_at = starts_at, ends_at
    _call_anew(meeting, now)
    move_seats(meeting)
    move_cards_of(meeting, now=now)
    audit.record(
        "meeting:time_changed",
        subject=("meeting", meeting.id),
        actor_id=actor_id,
        now=now,
        before=[each.isoformat() for each in before],
        after=[starts_at.isoformat(), ends_at.isoformat()],
        reason=reason.strip(),
    )


def _call_anew(meeting: Meeting, now: datetime) -> None:
    for seat in meeting.members:
        seat.present = False
        notify(
            seat.person_id,
            f"“{meeting.name}”的开始时间改为 {meeting.starts_at:%Y-%m-%d %H:%M}",
            url=f"/meetings/{meeting.id}",
            now=now,
        )
    db.session.flush()


def committees_of(meeting: Meeting) -> list[Committee]:
    """Return the committees that sit in the meeting, one or several (联合评审)."""
    further = select(MeetingCommittee.committee_id).where(
        MeetingCommittee.meeting_id == meeting.id
    )
    joined = select(Committee).where(Committee.id.in_(further)).order_by(Committee.id)
    return [meeting.committee, *db.session.scalars(joined)]
