"""Which office looks after a unit or an area: its superior, or the personnel department there."""

from datetime import datetime

from sqlalchemy import select

from app.accounts.hands import first_able
from app.core.db import db
from app.units import areas
from app.units.code_lists import AREA_OFFICES
from app.units.models import Unit
from app.units.queries import path_of

VETS = "unit_admin"
"""Who of an office vets units."""


def _personnel_offices(area_code: str) -> list[Unit]:
    around = areas.upwards(area_code)
    found = db.session.scalars(
        select(Unit).where(
            Unit.area_code.in_(around), Unit.type.in_(AREA_OFFICES), Unit.closed_at.is_(None)
        )
    )
    return sorted(found, key=lambda unit: around.index(unit.area_code))


def vetting_office(
    superior: Unit | None, area_code: str, now: datetime, *, but: int = 0, asker: int = 0
) -> Unit | None:
    """Return who vets a unit (FJ-U-03): its superior and those above, then the area's offices.

    An office where nobody could decide is passed over, and the unit itself (`but`); None when
    there is none left. Who asks (`asker`) never decides.
    """
    above = reversed(path_of(superior)) if superior is not None else ()
    offices = [
        office
        for office in (*above, *_personnel_offices(area_code))
        if office.id != but and office.closed_at is None
    ]
    return first_able(VETS, offices, now, but={asker})
