"""What a declaration holds, read once: as it is typed now, or as it was last sent up."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.accounts.models import Person
from app.catalogue.models import Title
from app.core.db import db
from app.core.storage import StoredFile
from app.declarations.models import (
    Declaration,
    DeclarationEntry,
    DeclarationFile,
    DeclarationSnapshot,
    PriorTitle,
    PriorTitleFile,
)
from app.declarations.queries import entries_of, files_of, prior_titles_of
from app.plans.models import Plan, PlanSpecialty, StandardCategory
from app.plans.queries import categories_for
from app.portfolio.models import ItemVersion
from app.portfolio.versions import older_among
from app.units.models import Unit, UnitPeriod


@dataclass(frozen=True)
class Holdings:
    """All that people read of a declaration, with its rows at hand."""

    declaration: Declaration
    kind: str
    standard: str
    specialty: PlanSpecialty
    title: Title
    personal: Mapping[str, Any]
    teaching: Mapping[str, Any]
    titles: Sequence[PriorTitle]
    entries: Sequence[DeclarationEntry]
    files: Sequence[DeclarationFile]
    photo_id: int | None
    stored: Mapping[int, StoredFile]
    # The submission they are of; None: what is typed now.
    sent: DeclarationSnapshot | None = None

    @property
    def plan(self) -> Plan:
        """The plan of the declaration."""
        return self.declaration.plan

    @property
    def person(self) -> Person:
        """The applicant."""
        return self.declaration.person

    @property
    def unit(self) -> Unit | UnitPeriod:
        """The unit as it was called and stood when the declaration was sent up."""
        return self.declaration.unit_as_sent

    @cached_property
    def older(self) -> Mapping[int, str]:
        """In words, which imported versions the portfolio no longer holds as they are."""
        imported = {entry.item_version_id for entry in self.entries}
        return older_among(imported | {row.item_version_id or 0 for row in self.titles} - {0})

    @property
    def photo(self) -> StoredFile | None:
        """The photo, or None."""
        return self.stored.get(self.photo_id or 0)

    @property
    def categories(self) -> list[StandardCategory]:
        """The part of the plan's standard that holds for this title and choice."""
        return categories_for(self.plan, self.title.level, self.standard)

    def entries_in(
        self, section: str, standard_item_id: int | None = None
    ) -> list[DeclarationEntry]:
        """Return the imports of one section, or of one item of the standard."""
        return [
            entry
            for entry in self.entries
            if entry.section == section and standard_item_id in {None, entry.standard_item_id}
        ]


OF_ACCOUNT = -1
"""Stands for the photo that the applicant's account has now."""


def held_now(declaration: Declaration, *, photo_id: int | None = OF_ACCOUNT) -> Holdings:
    """Return what a declaration holds as it is typed now, with this photo if one is given."""
    entries = entries_of(declaration.id)
    titles, files = prior_titles_of(declaration.id), files_of(declaration.id)
    if photo_id == OF_ACCOUNT:
        photo_id = declaration.person.photo_file_id
    return Holdings(
        declaration,
        declaration.kind,
        declaration.standard,
        declaration.specialty,
        declaration.title,
        declaration.personal,
        declaration.teaching,
        titles,
        entries,
        files,
        photo_id,
        _stored(titles, entries, files, photo_id),
    )


def _stored(
    titles: Iterable[PriorTitle],
    entries: Iterable[DeclarationEntry],
    files: Iterable[DeclarationFile],
    photo_id: int | None,
) -> dict[int, StoredFile]:
    ids = {file.file_id for row in titles for file in row.files}
    ids |= {file.file_id for entry in entries for file in entry.version.files}
    ids |= {file.file_id for file in files} | ({photo_id} if photo_id else set())
    found = db.session.scalars(select(StoredFile).where(StoredFile.id.in_(ids)))
    return {file.id: file for file in found}


def kept_of(held: Holdings) -> dict[str, Any]:
    """Return what a submission keeps, so that it can be read again as it was."""
    return {
        "kind": held.kind,
        "standard": held.standard,
        "specialty_id": held.specialty.id,
        "title_id": held.title.id,
        "personal": dict(held.personal),
        "teaching": dict(held.teaching),
        "photo_id": held.photo_id,
        "titles": [
            {
                "data": row.data,
                "item_id": row.item_id,
                "item_version_id": row.item_version_id,
                "files": [{"file_id": file.file_id, "name": file.name} for file in row.files],
            }
            for row in held.titles
        ],
        "entries": [
            {
                "section": entry.section,
                "standard_item_id": entry.standard_item_id,
                "item_id": entry.item_id,
                "item_version_id": entry.item_version_id,
                "extra": entry.extra,
            }
            for entry in held.entries
        ],
        "files": [
            {"slot_id": file.slot_id, "file_id": file.file_id, "name": file.name}
            for file in held.files
        ],
    }


def held_when_sent(declaration: Declaration, snapshot: DeclarationSnapshot) -> Holdings:
    """Return what a declaration held when it was sent up, whatever was typed since."""
    kept = snapshot.content["held"]
    titles = [_title(no, row) for no, row in enumerate(kept["titles"], 1)]
    entries = _entries(kept["entries"])
    # None of these rows is ever added to the session: they are read and thrown away.
    files = [DeclarationFile(id=no, position=no, **row) for no, row in enumerate(kept["files"], 1)]
    stored = _stored(titles, entries, files, kept["photo_id"])
    for file in files:
        file.file = stored[file.file_id]
    for paper in (paper for row in titles for paper in row.files):
        paper.file = stored[paper.file_id]
    return Holdings(
        declaration,
        kept["kind"],
        kept["standard"],
        db.session.get_one(PlanSpecialty, kept["specialty_id"]),
        db.session.get_one(Title, kept["title_id"]),
        kept["personal"],
        kept["teaching"],
        titles,
        entries,
        files,
        kept["photo_id"],
        stored,
        snapshot,
    )


def _title(no: int, row: Mapping[str, Any]) -> PriorTitle:
    kept = {name: value for name, value in row.items() if name != "files"}
    made = PriorTitle(id=no, position=no, **kept)
    made.files = [PriorTitleFile(id=at, position=at, **f) for at, f in enumerate(row["files"], 1)]
    return made


def _entries(rows: Sequence[Mapping[str, Any]]) -> list[DeclarationEntry]:
    ids = {row["item_version_id"] for row in rows}
    chosen = select(ItemVersion).where(ItemVersion.id.in_(ids))
    found = db.session.scalars(chosen.options(selectinload(ItemVersion.files)))
    versions = {version.id: version for version in found}
    made = [DeclarationEntry(id=no, position=no, **row) for no, row in enumerate(rows, 1)]
    for entry in made:
        entry.version = versions[entry.item_version_id]
    return made
