"""What the pages of this room share: blueprint, finding the meeting, finishing a page's task."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from flask import Blueprint, flash, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import or_, select
from werkzeug.wrappers import Response

from app.core.clock import ZONE, now
from app.core.db import db
from app.core.errors import Conflict, DomainError, Forbidden, Invalid, NotFound, StaleTask
from app.core.http import see_other
from app.core.numbers import ids_in
from app.core.permissions import ROLES, authorize, subject_allows
from app.engine import runtime
from app.engine.models import ItemStatus, WorkItem
from app.review import queries
from app.review.models import Meeting, MeetingStatus
from app.review.process import CASE, MEETING
from app.review.sheets import STEPS, step_of

bp = Blueprint("review", __name__)

Answer = str | Response | tuple[str, int]
PAGE_OF_NODE = {
    "set_up_meeting": "review.set_up",
    "appoint_directors": "review.directors",
    "appoint_leaders": "review.leaders",
    "assign_reviewers": "review.assign",
    "prepare_roll": "review.roll",
    "close_ballot": "review.close",
}


def meeting_for(action: str, meeting_id: int) -> Meeting:
    """Return a meeting on which the person may do the action; NotFound, Forbidden."""
    meeting = queries.meeting(meeting_id)
    try:
        authorize("meeting.view", current_user, meeting, now())
    except Forbidden as error:
        if queries.has_case_in(meeting.id, current_user.id):
            raise Forbidden("本人的申报在本次会议参评，不能办理或查看会议") from error
        raise NotFound from error
    if action != "meeting.view":
        authorize(action, current_user, meeting, now())
    return meeting


def open_items(meeting: Meeting) -> list[WorkItem]:
    """Return the open tasks of the meeting itself."""
    query = select(WorkItem).where(
        WorkItem.business_type == MEETING,
        WorkItem.business_id == meeting.id,
        WorkItem.status == ItemStatus.OPEN,
    )
    return list(db.session.scalars(query.order_by(WorkItem.id)))


@dataclass(frozen=True)
class Todo:
    """What a meeting asks of the person who looks at it, and where it is done."""

    name: str
    url: str
    due_at: datetime | None = None


def my_tasks(meeting: Meeting) -> list[Todo]:
    """Return what waits for this person: tasks of the meeting, of its cases, and their key."""
    mine = [
        item
        for item in (*open_items(meeting), *_case_items(meeting))
        if subject_allows("task.open", current_user, item, now())
    ]
    found = [Todo(_named(item), _address(item, meeting), item.due_at) for item in mine]
    if meeting in queries.keys_to_collect(current_user.id):
        found.append(Todo("领取密钥码", url_for("review.key", meeting_id=meeting.id)))
    return found


def _case_items(meeting: Meeting) -> list[WorkItem]:
    query = select(WorkItem).where(
        WorkItem.business_type == CASE,
        WorkItem.business_id.in_([case.id for case in meeting.cases]),
        WorkItem.assignee_id == current_user.id,
        WorkItem.status == ItemStatus.OPEN,
    )
    return list(db.session.scalars(query.order_by(WorkItem.id)))


def _named(item: WorkItem) -> str:
    return f"{item.name}：{item.title}" if item.business_type == CASE else item.name


def _address(item: WorkItem, meeting: Meeting) -> str:
    if item.node in PAGE_OF_NODE:
        return url_for(PAGE_OF_NODE[item.node], meeting_id=meeting.id)
    return url_for("inbox.task", item_id=item.id)


def stages(meeting: Meeting) -> list[str]:
    """Return what the meeting is at and who is to act, as people read it."""
    waiting = [f"{item.name}（{ROLES.get(item.role, item.role)}）" for item in open_items(meeting)]
    if not waiting and meeting.state is MeetingStatus.SCORING:
        done = len(meeting.cases) - queries.open_cases(meeting.id)
        waiting = [f"材料评审，{len(meeting.cases)} 份中 {done} 份已经主任确认"]
    return list(dict.fromkeys(waiting))


def finish(meeting: Meeting, node: str, answers: Mapping[str, Any]) -> None:
    """Complete the open task of a page; StaleTask when it is not open for this person."""
    item = db.session.scalars(
        select(WorkItem).where(
            WorkItem.business_type == MEETING,
            WorkItem.business_id == meeting.id,
            WorkItem.node == node,
            WorkItem.status == ItemStatus.OPEN,
            or_(WorkItem.assignee_id.is_(None), WorkItem.assignee_id == current_user.id),
        )
    ).first()
    if item is None:
        raise StaleTask("当前环节不需要办理此事项，请返回会议查看进度")
    authorize("task.complete", current_user, item, now())
    runtime.complete(item, answers, actor_id=current_user.id, now=now())


def page(name: str, meeting: Meeting, **context: Any) -> str:
    """Render a page of a meeting with what every one of them shows."""
    items = open_items(meeting)
    return render_template(
        f"review/{name}.html",
        meeting=meeting,
        steps=STEPS,
        step=step_of(meeting, {item.node for item in items}),
        waiting={item.node for item in items},
        tools=tools_of(meeting),
        **context,
    )


def tools_of(meeting: Meeting) -> dict[str, bool]:
    """Return which pages of the meeting the person may open."""
    names = ("set_up", "cards", "export", "lead", "assign", "key", "cast")
    return {
        name: subject_allows(f"meeting.{name}", current_user, meeting, now()) for name in names
    }


def attempt(
    work: Callable[[], object],
    *,
    done: str,
    to: str,
    again: Callable[[list[str]], str],
    shown: tuple[type[DomainError], ...] = (Invalid, Conflict),
) -> Answer:
    """Do the work and go on; what does not hold shows the page again with every fault.

    A task that somebody else has done meanwhile rises: its page has nothing to mend.
    """
    try:
        work()
    except StaleTask:
        raise
    except shown as error:
        db.session.rollback()
        errors = error.errors if isinstance(error, Invalid) else {}
        faults = [text for texts in errors.values() for text in texts]
        return again(faults or [error.message]), error.status
    flash(done, "success")
    return see_other(to)


def ids(name: str) -> list[int]:
    """Return the numbers posted under a name."""
    return ids_in(request.form.getlist(name))


def number(name: str, label: str) -> int:
    """Return a whole number that was posted; Invalid otherwise."""
    text = request.form.get(name, "").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid(f"{label}应为整数", field=name)
    return int(text)


def moment(day: str, clock: str) -> datetime:
    """Return the moment of a valid day (2026-11-20) and time (09:00) of a form."""
    return datetime.combine(
        datetime.fromisoformat(day).date(), time.fromisoformat(clock), tzinfo=ZONE
    )
