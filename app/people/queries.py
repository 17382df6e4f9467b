"""Reads of the personal centre."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

from app.accounts.models import Person
from app.catalogue import jurisdictions
from app.catalogue.models import Series
from app.core.db import db
from app.people.models import (
    MOST_SERIES,
    CorrectionFile,
    CorrectionStatus,
    IdentityCorrection,
    PersonSeries,
)
from app.units.queries import open_binding, unit_of
from forms import FormSpec, load
from forms.builder import display_all

PROFILE = "people/profile"
COLUMNS = ("phone", "email")
"""What the profile's form asks and the person's own row keeps."""
IDENTITY = ("gender", "birth_date")
RESIDENT = "居民身份证"


def home_of(person_id: int) -> str:
    """Return the jurisdiction of a person's unit, or of the one they ask to join; else none."""
    unit = unit_of(person_id)
    if unit is None:
        waiting = open_binding(person_id)
        unit = waiting.unit if waiting else None
    return unit.jurisdiction if unit else ""


def open_identity(person: Person) -> set[str]:
    """Return which of gender and birth a person may tell themselves.

    None that a resident's number says, and none that the jurisdiction locks once it is known
    (immutable_fields): those are corrected by evidence.
    """
    if person.id_number_hash and person.id_type == RESIDENT:
        return set()
    home = home_of(person.id)
    locked = jurisdictions.get(home).immutable_fields if home else IDENTITY
    return {name for name in IDENTITY if name not in locked or not getattr(person, name)}


def profile_form(person: Person) -> FormSpec:
    """Return the form of 完善信息, the jurisdiction's own where it has one."""
    closed = set(IDENTITY) - open_identity(person)
    spec = load(PROFILE, home_of(person.id))
    sections = (
        replace(section, fields=tuple(f for f in section.fields if f.name not in closed))
        for section in spec.sections
    )
    return replace(spec, sections=tuple(section for section in sections if section.fields))


def told_of(person: Person) -> list[tuple[str, str]]:
    """Return what a person has told beyond their identity, as people read it."""
    spec = load(PROFILE, home_of(person.id))
    spec = replace(spec, sections=tuple(s for s in spec.sections if s.id != "identity"))
    return display_all(spec, profile_values(person), {"series": series_choices()})


def most_series(person: Person) -> int:
    """Return how many series a person may choose here (FJ-P-04, AH-P-05)."""
    home = home_of(person.id)
    return min(MOST_SERIES, jurisdictions.get(home).max_series) if home else MOST_SERIES


def series_of(person_id: int) -> list[Series]:
    """Return the series of a person in the order they chose."""
    mine = select(PersonSeries).where(PersonSeries.person_id == person_id)
    return [row.series for row in db.session.scalars(mine.order_by(PersonSeries.place))]


def series_choices() -> list[tuple[str, str]]:
    """Return every series as a form offers it."""
    found = db.session.scalars(select(Series).order_by(Series.id))
    return [(str(series.id), series.name) for series in found]


def profile_values(person: Person) -> dict[str, Any]:
    """Return what a person has told, as the form of 完善信息 holds it."""
    own = {name: getattr(person, name) for name in (*COLUMNS, "gender")}
    own["birth_date"] = person.birth_date.isoformat() if person.birth_date else None
    chosen = [str(series.id) for series in series_of(person.id)]
    return {**person.profile, **own, "series": chosen}


def profile_mark(person: Person) -> str:
    """Return a mark of what a person has told, which changes with it: who saves saw this."""
    told = json.dumps(profile_values(person), ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def shared_values(person: Person, spec: FormSpec) -> dict[str, Any]:
    """Return what a person has told of the fields that another form asks under the same name."""
    told = {name: value for name, value in person.profile.items() if value not in (None, "", [])}
    return {field.name: told[field.name] for field in spec.fields if field.name in told}


def must_complete(person: Person, roles: set[str]) -> bool:
    """Tell whether an applicant has never confirmed their details (FJ-P-03, AH-P-06)."""
    return "applicant" in roles and person.profile_confirmed_at is None


@dataclass(frozen=True)
class PhotoFault:
    """Why somebody gave the photo back, and where another one is asked for."""

    reason: str
    url: str


PhotoFaults = Callable[[int], PhotoFault | None]
_photo_faults: list[PhotoFaults] = []


def register_photo_fault(fault: PhotoFaults) -> PhotoFaults:
    """Register fn(person_id): why a photo was given back and is still to be replaced."""
    _photo_faults.append(fault)
    return fault


def photo_fault(person_id: int) -> PhotoFault | None:
    """Return why the photo was given back, while another one is waited for."""
    return next((found for fault in _photo_faults if (found := fault(person_id))), None)


def open_correction(person_id: int) -> IdentityCorrection | None:
    """Return the correction of a person that waits for somebody."""
    mine = select(IdentityCorrection).where(IdentityCorrection.person_id == person_id)
    waiting = (CorrectionStatus.PENDING, CorrectionStatus.RETURNED)
    return db.session.scalars(mine.where(IdentityCorrection.status.in_(waiting))).first()


def corrections_of(person_id: int) -> list[IdentityCorrection]:
    """Return all corrections that a person has asked for, the newest first."""
    mine = select(IdentityCorrection).where(IdentityCorrection.person_id == person_id)
    return list(db.session.scalars(mine.order_by(IdentityCorrection.id.desc())))


def corrections_with_file(file_id: int) -> list[IdentityCorrection]:
    """Return the corrections of which a file is evidence."""
    having = select(CorrectionFile.correction_id).where(CorrectionFile.file_id == file_id)
    found = select(IdentityCorrection).where(IdentityCorrection.id.in_(having))
    return list(db.session.scalars(found))
