"""The page that moves a meeting (变更会议时间)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import flash, request, url_for
from flask_login import current_user
from wtforms import Form

from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid, gathered
from app.core.http import see_other
from app.core.permissions import requires
from app.review import operations, queries
from app.review.models import Meeting
from app.review.web import Answer, bp, meeting_for, moment, page
from forms import build, load

FORM = "review/meeting_time"
TIMES = ("starts_on", "starts_time", "ends_on", "ends_time")
FIELD_OF = {"starts_at": "starts_on", "ends_at": "ends_on", "reason": "reason"}


def is_movable(meeting: Meeting) -> bool:
    """Tell whether the time may still change: there is no roll yet."""
    return queries.lacks_roll(meeting)


def _time_page(meeting: Meeting, form: Form) -> str:
    return page("time", meeting, form=form, spec=load(FORM), is_movable=is_movable(meeting))


def _parts(name: str, at: datetime) -> dict[str, object]:
    return {f"{name}_on": at.date(), f"{name}_time": f"{at:%H:%M}"}


def _moments(form: Any) -> tuple[datetime, datetime]:
    answers = form.answers()
    starts_at = moment(answers["starts_on"], answers["starts_time"])
    return starts_at, moment(answers["ends_on"], answers["ends_time"])


def _check(meeting: Meeting, form: Any) -> None:
    """Judge a time that can be read, whatever else the form lacks. Raises Invalid, Conflict."""
    if not any(form[name].errors for name in TIMES):
        operations.check_new_time(meeting, *_moments(form), now())


def _show(form: Any, faults: Mapping[str, Sequence[str]]) -> None:
    for name, texts in faults.items():
        field = form[FIELD_OF[name]]
        field.errors = [*field.errors, *texts]


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
        _show(form, gathered(lambda: _check(meeting, form)))
        return _time_page(meeting, form), 422
    starts_at, ends_at = _moments(form)
    reason = form.answers()["reason"]
    try:
        operations.change_time(
            meeting, starts_at, ends_at, reason, actor_id=current_user.id, now=now()
        )
    except Invalid as error:
        db.session.rollback()
        _show(form, error.errors)
        return _time_page(meeting, form), 422
    flash("会议时间已变更，参会专家已收到通知", "success")
    return see_other(url_for("review.show", meeting_id=meeting_id))
