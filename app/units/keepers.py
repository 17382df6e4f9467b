"""人事档案主管: who keeps a person's personnel file (FJ-P-05)."""

from datetime import datetime

from app.accounts.models import Person
from app.core import audit
from app.core.db import db
from app.core.errors import Invalid
from app.units.models import FileKeeper, Unit


def keeper_of(person_id: int) -> Unit | None:
    """Return the unit that keeps a person's file, or None while nobody was chosen."""
    kept = db.session.get(FileKeeper, person_id)
    return kept.unit if kept else None


def name_of(person_id: int) -> str:
    """Return what the keeper of a person's file is called; empty without one."""
    keeper = keeper_of(person_id)
    return keeper.name if keeper else ""


def choose_keeper(person: Person, unit: Unit | None, *, now: datetime) -> None:
    """Say who keeps one's file; it may be said later and changed. Invalid without a unit."""
    if unit is None:
        raise Invalid("请填写人事档案主管", field="keeper")
    kept = db.session.get(FileKeeper, person.id) or FileKeeper(person_id=person.id)
    kept.unit_id, kept.chosen_at = unit.id, now
    db.session.add(kept)
    db.session.flush()
    audit.record(
        "binding:keeper_chosen",
        subject=("person", person.id),
        actor_id=person.id,
        now=now,
        unit=unit.id,
    )
