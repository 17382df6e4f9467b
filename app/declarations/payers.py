"""Which units may have paid the insurance that stands for a year's assessment (CZ-29)."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.core.clock import ZONE
from app.core.db import db
from app.units.history import names_ever
from app.units.models import ACTIVE, ENDED, Employment
from app.units.queries import employment_of


def bound_since(person_id: int) -> int | None:
    """Return the year since which somebody belongs to a unit; None for freelancers.

    A freelancer declares at the personnel department of an area, which pays for nobody.
    """
    bound = employment_of(person_id)
    if bound is None:
        return 0
    return None if bound.is_freelancer else _year(bound.decided_at or bound.requested_at)


def employers_in(person_id: int, years: Iterable[int]) -> dict[int, list[str]]:
    """Return by its year what the units are and were called that somebody belonged to then."""
    asked = {year: list[str]() for year in years}
    mine = select(Employment).where(
        Employment.person_id == person_id, Employment.status.in_((ACTIVE, ENDED))
    )
    terms = mine.options(joinedload(Employment.unit)).order_by(Employment.id)
    for term in db.session.scalars(terms) if asked else ():
        began = _year(term.requested_at)
        ended = None if term.status == ACTIVE else _year(term.decided_at or term.requested_at)
        names = names_ever(term.unit)
        for year, found in asked.items():
            if began <= year and (ended is None or year <= ended):
                found.extend(names)
    return asked


def _year(moment: datetime) -> int:
    return moment.astimezone(ZONE).year
