"""Writes of the personal centre: the details a person tells, the photo."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, select

from app.accounts.mail_links import check_kept_address
from app.accounts.models import Person
from app.accounts.operations import set_photo
from app.catalogue.models import Series
from app.core import audit
from app.core.db import db
from app.core.errors import Conflict, Invalid, gathered
from app.core.numbers import check_age
from app.core.pictures import is_photo
from app.core.storage import link, open_file, owned_file
from app.people.models import PersonSeries
from app.people.queries import (
    COLUMNS,
    IDENTITY,
    most_series,
    open_identity,
    profile_values,
    series_of,
)


def save_profile(person: Person, answers: Mapping[str, Any], *, now: datetime) -> list[str]:
    """Keep and confirm what a person tells of themselves; returns the names of what changed.

    `answers` passed the form. Invalid for more series than the jurisdiction allows (FJ-P-04), and
    for another address than the one that was verified.
    """
    check_profile(person, answers, now)
    before = profile_values(person)
    told = {k: v for k, v in answers.items() if k not in {*COLUMNS, *IDENTITY, "series"}}
    _choose_series(person, [int(each) for each in answers.get("series") or ()])
    for name in COLUMNS:
        setattr(person, name, str(answers.get(name) or ""))
    _tell_identity(person, answers)
    # What an earlier form asked and today's does not is kept: another jurisdiction's may ask it.
    person.profile = {**person.profile, **told}
    is_first = person.profile_confirmed_at is None
    person.profile_confirmed_at = now
    db.session.flush()
    after = profile_values(person)
    changed = sorted(name for name in after if (before.get(name) or "") != (after[name] or ""))
    if changed or is_first:
        tag = "person:profile_confirmed" if is_first else "person:profile_saved"
        audit.record(
            tag, subject=("person", person.id), actor_id=person.id, now=now, fields=changed
        )
    return changed


def check_profile(person: Person, answers: Mapping[str, Any], now: datetime) -> None:
    """Raise Invalid, at every field, for what the form alone cannot judge of its answers."""
    faults = gathered(
        lambda: check_kept_address(person, str(answers.get("email") or "")),
        lambda: _check_series(person, answers.get("series") or ()),
        lambda: _check_birth(person, answers, now),
    )
    if faults:
        raise Invalid(errors=faults)


def _check_birth(person: Person, answers: Mapping[str, Any], now: datetime) -> None:
    if "birth_date" in open_identity(person) and answers.get("birth_date"):
        check_age(date.fromisoformat(str(answers["birth_date"])), now, field="birth_date")


def _check_series(person: Person, chosen: Sequence[Any]) -> None:
    most = most_series(person)
    if len(chosen) > most:
        raise Invalid(f"最多选择 {most} 个系列，现有 {len(chosen)} 个", field="series")
    ids = {int(each) for each in chosen if str(each).isdecimal()}
    known = set(db.session.scalars(select(Series.id).where(Series.id.in_(ids))))
    if len(known) != len(set(chosen)):
        raise Invalid("请选择列表中的系列", field="series")


def _tell_identity(person: Person, answers: Mapping[str, Any]) -> None:
    """Keep gender and birth where they may be told; a number or a lock says them otherwise."""
    free = open_identity(person)
    if "gender" in free and answers.get("gender"):
        person.gender = str(answers["gender"])
    if "birth_date" in free and answers.get("birth_date"):
        person.birth_date = date.fromisoformat(str(answers["birth_date"]))


def _choose_series(person: Person, ids: Sequence[int]) -> None:
    if [series.id for series in series_of(person.id)] == list(ids):
        return
    db.session.execute(delete(PersonSeries).where(PersonSeries.person_id == person.id))
    for place, series_id in enumerate(ids, start=1):
        db.session.add(PersonSeries(person_id=person.id, place=place, series_id=series_id))
    db.session.flush()


def change_photo(person: Person, file_id: int, *, now: datetime) -> None:
    """Keep the photo that was cropped as the certificate's one (证件照片, AH-P-54)."""
    file = owned_file(file_id, person.id)
    with open_file(file) as content:
        is_fitting = is_photo(content)
    if not is_fitting:
        raise Invalid("请上传并裁剪证件照片，不能使用其他文件", field="photo")
    set_photo(person, link(file).id, now=now)


def remove_photo(person: Person, *, now: datetime) -> None:
    """Take the photo away (删除照片); what was sent up before keeps its own."""
    if person.photo_file_id is None:
        raise Conflict("还没有上传照片")
    person.photo_file_id = None
    db.session.flush()
    audit.record(
        "person:photo_removed", subject=("person", person.id), actor_id=person.id, now=now
    )
