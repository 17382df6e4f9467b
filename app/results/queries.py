"""Reads of publicity, objections and results."""

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import contains_eager, selectinload

from app.core.db import db
from app.core.errors import NotFound
from app.declarations.models import Declaration
from app.plans.models import Plan
from app.results.models import Objection, Publicity, Result, ResultStatus
from app.review.ballots import BallotClose
from app.units.models import Unit


def publicities(text: str = "") -> Select[tuple[Publicity]]:
    """Select everything that was published, the newest first."""
    found = (
        select(Publicity)
        .join(Publicity.plan)
        .options(contains_eager(Publicity.plan), selectinload(Publicity.results))
    )
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
    objections = selectinload(Publicity.results).selectinload(Result.objections)
    found = db.session.get(Publicity, publicity_id, options=[*shown, objections])
    if found is None:
        raise NotFound("该公示不存在")
    return found


def publicity_of_meeting(meeting_id: int) -> Publicity | None:
    """Return the publicity of a meeting's results."""
    return db.session.scalars(select(Publicity).where(Publicity.meeting_id == meeting_id)).first()


def issuing_unit(organiser: Unit) -> Unit:
    """Return who approves the results of an organiser and issues its certificates (发证机关).

    It is the root of the organiser's tree.
    """
    unit = organiser
    while unit.parent is not None:
        unit = unit.parent
    return unit


def ballot_day(meeting_id: int) -> date | None:
    """Return the day on which a meeting's ballot was closed: the title is held from then on."""
    closed = select(BallotClose.closed_at).where(BallotClose.meeting_id == meeting_id)
    last = db.session.scalars(closed.order_by(BallotClose.round.desc())).first()
    return last.date() if last else None


def objections_at(unit_ids: list[int], *, reader_id: int) -> Select[tuple[Objection]]:
    """Select the objections to results of these organisers, the newest first.

    Who is objected to is not told who objects, whatever their posts.
    """
    to_result = contains_eager(Objection.result)
    declaration = to_result.contains_eager(Result.declaration)
    return (
        select(Objection)
        .join(Objection.result)
        .join(Result.declaration)
        .join(Result.publicity)
        .join(Publicity.plan)
        .options(
            to_result.contains_eager(Result.publicity).contains_eager(Publicity.plan),
            declaration.joinedload(Declaration.person),
            declaration.joinedload(Declaration.unit),
        )
        .where(Plan.organiser_unit_id.in_(unit_ids), Declaration.person_id != reader_id)
        .order_by(Objection.id.desc())
    )


def result_of(declaration_id: int) -> Result | None:
    """Return the result of a declaration, in whatever state."""
    return db.session.scalars(
        select(Result).where(Result.declaration_id == declaration_id)
    ).first()


def confirmed_result(declaration_id: int) -> Result | None:
    """Return the result of a declaration if it stands as confirmed."""
    found = result_of(declaration_id)
    return found if found and found.status == ResultStatus.CONFIRMED else None


def sent_from(address_hash: str, *, since: datetime) -> int:
    """Return how many objections came from an address since a moment."""
    counted = select(func.count(Objection.id)).where(
        Objection.address_hash == address_hash, Objection.received_at > since
    )
    return db.session.scalar(counted) or 0


def same_objection(result_id: int, words: Mapping[str, str]) -> Objection | None:
    """Return what the same person objected to the same result in the same words already."""
    same = [getattr(Objection, field) == words[field] for field in ("name", "contact", "text")]
    return db.session.scalars(
        select(Objection).where(Objection.result_id == result_id, *same)
    ).first()


def objection_of_receipt(receipt: str) -> Objection | None:
    """Return the objection with this number, as its sender may have typed it."""
    number = receipt.strip().upper().replace(" ", "")
    return db.session.scalars(select(Objection).where(Objection.receipt == number)).first()


def objection_of_form(request_key: str) -> Objection | None:
    """Return the objection that a rendered form was sent as."""
    return db.session.scalars(
        select(Objection).where(Objection.request_key == request_key)
    ).first()
