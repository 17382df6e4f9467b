"""Another reviewer in the place of one who cannot go on (更换主审、副审)."""

from datetime import datetime

from sqlalchemy import delete

from app.accounts.models import Person
from app.accounts.operations import notify
from app.core import audit
from app.core.db import db
from app.core.errors import Conflict, Invalid, StaleTask
from app.engine import care, runtime
from app.engine.handlers import Scope
from app.engine.models import ProcessInstance, WorkItem
from app.review.models import CaseStatus, MeetingCase, MeetingGroup, MeetingStatus, Score
from app.review.operations.reviewers import (
    eligible_reviewers,
    require_confirmers,
    require_leader,
)
from app.review.operations.status import require_status
from app.units.flow import open_items

SEATS = {"main": "主审", "deputy": "副审"}
# While which tasks wait a reviewer's work is still to be done, by the operation that ends them.
_NEEDED_FOR = {"main": {"score_case"}, "deputy": {"score_case", "confirm_by_deputy"}}


def replaceable(case: MeetingCase) -> list[str]:
    """Return which of the reviewers of a case have their work still to do."""
    task = _open_task(case)
    return [seat for seat in SEATS if task is not None and task.save in _NEEDED_FOR[seat]]


def _open_task(case: MeetingCase) -> WorkItem | None:
    return next(iter(open_items(("case", case.id))), None)


def replace_reviewer(
    case: MeetingCase,
    seat: str,
    person_id: int,
    reason: str,
    *,
    actor_id: int,
    now: datetime,
) -> None:
    """Put another expert of the group in the place of the main or the deputy reviewer.

    The open task goes to the new one, and a sheet that the former main reviewer filled in goes:
    each total is of one hand. Forbidden for others than the group's leader, Invalid for people
    who may not read the case, Conflict once the reviewer has done their part.
    """
    instance = _locked(case)
    group = _group_of(case)
    require_leader(group, actor_id)
    said = care.required(reason)
    _check(case, group, seat, person_id)
    former, new = _seat(case, seat, person_id)
    care.tell(
        instance,
        "更换主审、副审",
        f"{SEATS[seat]}由{former.name}改为{new.name}",
        role="group_leader",
        reason=said,
        actor_id=actor_id,
        now=now,
    )
    _tell_both(case, seat, former, new, now)
    _record(case, actor_id, now, seat=seat, former=former.id, successor=new.id, reason=said)


def _record(case: MeetingCase, actor_id: int, now: datetime, **facts: object) -> None:
    audit.record(
        "meeting:reviewer_replaced",
        subject=("meeting", case.meeting_id),
        actor_id=actor_id,
        now=now,
        case=case.id,
        **facts,
    )


def _locked(case: MeetingCase) -> ProcessInstance:
    """Lock the process of the case, then its meeting: in the order in which a step takes them."""
    task = _open_task(case)
    if task is None:
        raise StaleTask
    instance = runtime.locked(task.instance_id)
    require_status(case.meeting, MeetingStatus.SCORING)
    db.session.refresh(case)
    return instance


def _group_of(case: MeetingCase) -> MeetingGroup:
    if case.state is not CaseStatus.SCORING or case.group is None:
        raise Conflict(f"该材料当前为“{case.state.label}”，不能更换主审或副审")
    return case.group


def _check(case: MeetingCase, group: MeetingGroup, seat: str, person_id: int) -> None:
    if seat not in SEATS:
        raise Invalid("请选择更换主审或副审", field="seat")
    if seat not in replaceable(case):
        raise Conflict(f"{SEATS[seat]}已完成办理；退回主审后才能更换")
    if person_id in {case.main_reviewer_id, case.deputy_reviewer_id}:
        raise Invalid("该专家已是本材料的主审或副审", field="person_id")
    if person_id not in eligible_reviewers(group, case):
        raise Invalid("所选专家是组长、主任、须回避或不在本组", field="person_id")


def _seat(case: MeetingCase, seat: str, person_id: int) -> tuple[Person, Person]:
    """Name the new reviewer and hand the open task over; returns the former one and the new."""
    column = f"{seat}_reviewer_id"
    former = db.session.get_one(Person, getattr(case, column))
    setattr(case, column, person_id)
    if seat == "main":
        db.session.execute(delete(Score).where(Score.case_id == case.id))
        case.total_score, case.is_vetoed = None, False
    task = _open_task(case)
    if task is not None and task.assignee_id == former.id:
        care.give(task, Scope("person", person_id))
    db.session.flush()
    require_confirmers(case)
    return former, db.session.get_one(Person, person_id)


def _tell_both(case: MeetingCase, seat: str, former: Person, new: Person, now: datetime) -> None:
    name, url = case.meeting.name, f"/meetings/{case.meeting_id}"
    notify(new.id, f"您在“{name}”中接替{SEATS[seat]}，请查看待办任务", url=url, now=now)
    notify(former.id, f"您在“{name}”中的一份{SEATS[seat]}任务已由他人接替", url=url, now=now)
