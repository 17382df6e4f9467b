"""The roles that seats in a meeting give their experts, and how long they last."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement

from app.accounts.models import Person, RoleGrant
from app.accounts.operations import grant_role
from app.accounts.queries import forget_grants
from app.accounts.renewing import end_held, lock_held
from app.core.db import db
from app.core.instants import ZONE, end_of
from app.review.models import Meeting

AFTERWARDS = timedelta(days=90)
"""What follows the last day of a meeting: its result is confirmed, publicised, objected to."""


def grant_seat(meeting: Meeting, person: Person, *, actor_id: int, now: datetime) -> None:
    """Give an expert the role in a meeting; it ends when that closes, or some time after it."""
    grant_role(
        person,
        "expert",
        scope_kind="meeting",
        scope_id=meeting.id,
        actor_id=actor_id,
        now=now,
        until=_end_of(meeting),
    )


def _end_of(meeting: Meeting) -> datetime:
    return end_of((meeting.ends_at.astimezone(ZONE) + AFTERWARDS).date())


def move_seats(meeting: Meeting) -> None:
    """Let the roles in a meeting that was moved last as it does now, were their term over."""
    for grant in lock_held(*_seats(meeting)):
        grant.valid_to = _end_of(meeting)
    db.session.flush()
    forget_grants()


def end_seat(meeting: Meeting, person_id: int, *, actor_id: int, now: datetime) -> None:
    """End the role of somebody who was taken out of a meeting."""
    held = (*_seats(meeting), RoleGrant.person_id == person_id)
    end_held(*held, actor_id=actor_id, now=now, reason="移出参会专家")


def end_seats(meeting: Meeting, *, actor_id: int, now: datetime) -> None:
    """End the roles in a meeting that is closed."""
    end_held(*_seats(meeting), actor_id=actor_id, now=now, reason="会议已结束")


def _seats(meeting: Meeting) -> tuple[ColumnElement[bool], ...]:
    """Return the condition of the roles in a meeting; their holders have none to renew there."""
    return RoleGrant.scope_kind == "meeting", RoleGrant.scope_id == meeting.id
