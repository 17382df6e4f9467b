"""The page that moves a meeting (变更会议时间)."""

from datetime import datetime

from flask import flash, request, url_for
from flask_login import current_user
from wtforms import Form

from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid
from app.core.http import see_other
from app.core.permissions import requires
from app.review import operations, queries
from app.review.models import Meeting, MeetingStatus
from app.review.web import Answer, bp, meeting_for, moment, page
from forms import build, load

FORM = "review/meeting_time"
FIELD_OF = {"starts_at": "starts_on", "ends_at": "ends_on", "reason": "reason"}


def is_movable(meeting: Meeting) -> bool:
    """Tell whether the time may still change: there is no roll yet."""
    early = (MeetingStatus.PREPARING, MeetingStatus.SCORING)
    return meeting.state in early and not queries.roll_of(meeting)


def _time_page(meeting: Meeting, form: Form) -> str:
    return page("time", meeting, form=form, spec=load(FORM), is_movable=is_movable(meeting))


def _parts(name: str, at: datetime) -> dict[str, object]:
    return {f"{name}_on": at.date(), f"{name}_time": f"{at:%H:%M}"}


@bp.get("/meetings/<int:meeting_id>/time")
@requires("meeting.set_up")
def time(meeting_id: int) -> str:
    """The time as it stands, to be changed."""
    meeting = meeting_for("meeting.set_up", meeting_id)
    known = _parts("starts", meeting.starts_at) | _parts("ends", meeting.ends_at)
    return _time_page(meeting, build(load(FORM))(data=known))


@bp.post("/meetings/<int:meeting_id>/time")
@requires("meeting.set_up")
def change_time(meeting_id: int) -> Answer:
    """Move the meeting."""
    meeting = meeting_for("meeting.set_up", meeting_id)
    form = build(load(FORM))(request.form)
    if not form.validate():
        return _time_page(meeting, form), 422
    answers = form.answers()
    starts_at = moment(answers["starts_on"], answers["starts_time"])
    ends_at = moment(answers["ends_on"], answers["ends_time"])
    actor_id, reason = current_user.id, answers["reason"]
    try:
        operations.change_time(meeting, starts_at, ends_at, reason, actor_id=actor_id, now=now())
    except Invalid as error:
        db.session.rollback()
        for name, texts in error.errors.items():
            field = form[FIELD_OF[name]]
            field.errors = [*field.errors, *texts]
        return _time_page(meeting, form), 422
    flash("会议时间已变更，参会专家已收到通知", "success")
    return see_other(url_for("review.show", meeting_id=meeting_id))
