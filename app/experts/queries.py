"""Reads about the expert pool."""

from collections.abc import Container, Iterable
from datetime import datetime

from sqlalchemy import select

from app.accounts.models import Person
from app.accounts.queries import holders, live_grants
from app.committees.models import Committee
from app.core.db import db
from app.experts.models import ExpertProfile

EXPERT = "expert"


def profile_of(person_id: int) -> ExpertProfile | None:
    """Return what the pool keeps of a person."""
    wanted = select(ExpertProfile).where(ExpertProfile.person_id == person_id)
    return db.session.scalars(wanted).first()


def in_pool(now: datetime) -> set[int]:
    """Return who is in the pool: whom it knows and who holds the expert's role now."""
    return holders(EXPERT, "all", None, now)


def is_expert(person_id: int, now: datetime) -> bool:
    """Tell whether a person holds the expert's role everywhere; one of a meeting is none."""
    held = live_grants(person_id, now)
    return any((each.role, each.scope_kind) == (EXPERT, "all") for each in held)


def organised_units(person_id: int, now: datetime) -> set[int]:
    """Return the units for which a person organises committees (评委会组建单位)."""
    held = live_grants(person_id, now)
    return {g.scope_id or 0 for g in held if (g.role, g.scope_kind) == ("organiser", "org")}


def committees_of(unit_ids: Iterable[int]) -> list[Committee]:
    """Return the committees that these units organise, by name."""
    theirs = select(Committee).where(Committee.organiser_unit_id.in_(set(unit_ids)))
    return list(db.session.scalars(theirs.order_by(Committee.name, Committee.id)))


def kept_by(profile: ExpertProfile, offices: Container[int | None]) -> bool:
    """Tell whether one of these offices answers for an expert: it entered them or organises."""
    committee = profile.committee
    return profile.keeper_unit_id in offices or (
        committee is not None and committee.organiser_unit_id in offices
    )


def keeps_expert(person: Person, profile: ExpertProfile, now: datetime) -> bool:
    """Tell whether a person organises the expert's committee, or is of the office that entered."""
    return kept_by(profile, organised_units(person.id, now))
