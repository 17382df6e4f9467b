"""Reads of publicity, objections and results."""

from datetime import date, datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import selectinload

from app.core.db import db
from app.core.errors import NotFound
from app.declarations.models import Declaration
from app.plans.models import Plan
from app.results.models import Objection, Publicity, Result, ResultStatus
from app.review.ballots import BallotClose


def publicities(text: str = "") -> Select[tuple[Publicity]]:
    """Select everything that was published, the newest first."""
    found = select(Publicity).join(Publicity.plan).options(selectinload(Publicity.results))
    if text.strip():
        found = found.where(Plan.name.contains(text.strip(), autoescape=True))
    return found.order_by(Publicity.starts_at.desc(), Publicity.id.desc())


def get_publicity(publicity_id: int) -> Publicity:
    """Return a publicity with its results; NotFound otherwise."""
    declaration = selectinload(Publicity.results).joinedload(Result.declaration)
    parts = (
        Declaration.person,
        Declaration.unit,
        Declaration.specialty,
        Declaration.title,
    )
    shown = [declaration.joinedload(part) for part in parts]
    found = db.session.get(Publicity, publicity_id, options=shown)
    if found is None:
        raise NotFound("该公示不存在")
    return found


def open_publicities(now: datetime) -> list[Publicity]:
    """Return what is open to objections now."""
    found = publicities().where(Publicity.starts_at <= now, Publicity.ends_at >= now)
    return list(db.session.scalars(found))


def publicity_of_meeting(meeting_id: int) -> Publicity | None:
    """Return the publicity of a meeting's results."""
    return db.session.scalars(select(Publicity).where(Publicity.meeting_id == meeting_id)).first()


def ballot_day(meeting_id: int) -> date | None:
    """Return the day on which a meeting's ballot was closed: the title is held from then on."""
    closed = select(BallotClose.closed_at).where(BallotClose.meeting_id == meeting_id)
    last = db.session.scalars(closed.order_by(BallotClose.round.desc())).first()
    return last.date() if last else None


def objections_at(unit_ids: list[int]) -> Select[tuple[Objection]]:
    """Select the objections to results of these organisers, the newest first."""
    return (
        select(Objection)
        .join(Objection.result)
        .join(Result.publicity)
        .join(Publicity.plan)
        .where(Plan.organiser_unit_id.in_(unit_ids))
        .order_by(Objection.id.desc())
    )


def confirmed_result(declaration_id: int) -> Result | None:
    """Return the confirmed result of a declaration."""
    return db.session.scalars(
        select(Result).where(
            Result.declaration_id == declaration_id, Result.status == ResultStatus.CONFIRMED
        )
    ).first()
