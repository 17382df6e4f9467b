"""Reads about units."""

from datetime import datetime

from sqlalchemy import Select, select

from app.accounts.models import Person, RoleGrant
from app.accounts.queries import people_with_role
from app.core.db import db
from app.units.models import ACTIVE, PENDING, RETURNED, Employment, Unit

CHAIN_LIMIT = 12


def unit_of(person_id: int) -> Unit | None:
    """Return the unit that has approved the person, or None."""
    return db.session.scalars(
        select(Unit)
        .join(Employment, Employment.unit_id == Unit.id)
        .where(Employment.person_id == person_id, Employment.status == ACTIVE)
    ).first()


def open_binding(person_id: int) -> Employment | None:
    """Return the binding that waits for the unit or for mending."""
    return db.session.scalars(
        select(Employment).where(
            Employment.person_id == person_id, Employment.status.in_((PENDING, RETURNED))
        )
    ).first()


def reporting_chain(unit: Unit) -> list[Unit]:
    """Return the offices above a unit that review after it, nearest first."""
    chain: list[Unit] = []
    step = unit.reports_to
    while step is not None and step not in chain and len(chain) < CHAIN_LIMIT:
        chain.append(step)
        step = step.reports_to
    return chain


def reviewing_unit(unit: Unit, person_id: int, now: datetime) -> Unit:
    """Return who reviews this person: the unit, or the one above when it could only be themself.

    Nobody acts on their own case: where a unit's only reviewer applies, its superior reviews.
    """
    upwards = [unit, *reporting_chain(unit)]
    for office in upwards:
        reviewers = people_with_role("unit_clerk", "org", office.id, now)
        if any(person.id != person_id for person in reviewers):
            return office
    return upwards[-1]


def search_units(jurisdiction: str | None, text: str) -> Select[tuple[Unit]]:
    """Select units whose name holds the text, by name."""
    found = select(Unit).where(Unit.name.contains(text.strip(), autoescape=True))
    if jurisdiction:
        found = found.where(Unit.jurisdiction == jurisdiction)
    return found.order_by(Unit.name)


def staff_of(unit_id: int) -> list[tuple[Person, str]]:
    """Return the staff of a unit with their roles, in order of names."""
    rows = db.session.execute(
        select(Person, RoleGrant.role)
        .join(RoleGrant, RoleGrant.person_id == Person.id)
        .where(RoleGrant.scope_kind == "org", RoleGrant.scope_id == unit_id)
        .order_by(Person.name, RoleGrant.role)
    )
    return [(row[0], row[1]) for row in rows]
