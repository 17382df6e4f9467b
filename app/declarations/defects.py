"""Where a defect lies (退回问题的位置): a section, a field, an attachment slot or an import."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.core.db import db
from app.core.errors import Invalid
from app.core.records import register_choices
from app.declarations import specs
from app.declarations.models import (
    SECTION_NAMES,
    Declaration,
    DeclarationEntry,
    DeclarationSnapshot,
    Defect,
    EntrySection,
)
from app.declarations.queries import BUSINESS, get_declaration
from app.portfolio import item_types
from app.portfolio.models import ItemVersion

BASICS, TITLES, FILES, MERITS, OTHER = "basics", "titles", "files", "merits", "other"
PLACES = {
    BASICS: "个人信息",
    TITLES: "现有职称情况",
    EntrySection.WORK: SECTION_NAMES[EntrySection.WORK],
    EntrySection.EDUCATION: SECTION_NAMES[EntrySection.EDUCATION],
    EntrySection.TRAINING: SECTION_NAMES[EntrySection.TRAINING],
    EntrySection.ASSESSMENT: SECTION_NAMES[EntrySection.ASSESSMENT],
    FILES: "附件",
    MERITS: "申报业绩",
    OTHER: "其他",
}
"""The parts of a declaration in which a defect can lie."""
PAGES = {TITLES: BASICS, OTHER: BASICS}
"""The page of 填报 where a part is mended, where it is not one of its own."""
PHOTO = ("photo-place", "个人免冠照片")


@dataclass(frozen=True)
class Place:
    """What is offered to an office, and kept of its choice."""

    section: str
    label: str
    field: str = ""
    item_id: int | None = None

    @property
    def value(self) -> str:
        """The place as a form posts it: work, basics:health, files:photo_id, work:12."""
        return f"{self.section}:{self.item_id or self.field}".removesuffix(":")


def places_of(declaration: Declaration) -> list[Place]:
    """Return every place of a declaration: each part, then what stands in it."""
    inner: dict[str, list[Place]] = {section: [] for section in PLACES}
    inner[BASICS] = [
        Place(BASICS, f"{PLACES[BASICS]}：{label}", name) for name, label in _fields(declaration)
    ]
    inner[FILES] = [
        Place(FILES, f"{PLACES[FILES]}：{slot.name}", slot.key) for slot in declaration.plan.slots
    ]
    for section, item_id, label in _imports(declaration):
        inner[section].append(Place(section, f"{PLACES[section]}：{label}", item_id=item_id))
    return [
        each
        for section, label in PLACES.items()
        for each in (Place(section, label), *inner[section])
    ]


def _fields(declaration: Declaration) -> list[tuple[str, str]]:
    forms = (specs.personal_form(declaration), specs.teaching_form(declaration))
    return [PHOTO, *((each.name, each.label) for form in forms if form for each in form.fields)]


def _imports(declaration: Declaration) -> list[tuple[str, int, str]]:
    rows = db.session.execute(
        select(
            DeclarationEntry.section,
            DeclarationEntry.item_id,
            ItemVersion,
        )
        .join(ItemVersion, ItemVersion.id == DeclarationEntry.item_version_id)
        .where(DeclarationEntry.declaration_id == declaration.id)
        .order_by(DeclarationEntry.section, DeclarationEntry.position, DeclarationEntry.id)
    )
    return [
        (
            MERITS if section == EntrySection.ITEM else section,
            item_id,
            version.summary
            if section != EntrySection.ITEM
            else f"{item_types.of(version).title} {version.summary}",
        )
        for section, item_id, version in rows
    ]


@register_choices(BUSINESS, "defect_place")
def choices_of(declaration_id: int) -> list[tuple[str, str]]:
    """Return the places that the form of an office offers."""
    found = places_of(get_declaration(declaration_id))
    return [(place.value, place.label) for place in found]


def place_of(places: Iterable[Place], value: str) -> Place:
    """Return the place an office chose. Raises Invalid for one the declaration does not have."""
    for place in places:
        if place.value == value:
            return place
    raise Invalid("所选位置不在该申报中，请重新选择", field="defects")


@dataclass(frozen=True)
class Located:
    """A defect with where it lies, in words and as a place of the pages of 填报."""

    defect: Defect
    place: str
    section: str
    anchor: str


def touched(
    declaration: Declaration, defects: Iterable[Defect], sent: Sequence[DeclarationSnapshot]
) -> set[int]:
    """Return the defects at whose place the submission that answers them differs (已修改)."""
    slots = {slot.key: slot.id for slot in declaration.plan.slots}
    by_no, by_moment = {each.no: each for each in sent}, {each.at: each for each in sent}
    found = set()
    for defect in defects:
        before = by_no.get(defect.round)
        after = by_moment.get(defect.resolved_at) if defect.resolved_at else None
        if before and after:
            kept = (_at_place(each.content["held"], defect, slots) for each in (before, after))
            if next(kept) != next(kept):
                found.add(defect.id)
    return found


def _at_place(held: Mapping[str, Any], defect: Defect, slots: Mapping[str, int]) -> Any:
    """Return what a submission holds at the place of a defect."""
    section, field = defect.section, defect.field
    if defect.item_id:
        return [row for row in held["entries"] if row["item_id"] == defect.item_id]
    if section == FILES:
        return [row for row in held["files"] if not field or row["slot_id"] == slots.get(field)]
    if section == TITLES:
        return held["titles"]
    if section == BASICS:
        return _basics(held, field)
    own = EntrySection.ITEM if section == MERITS else section
    return held if section == OTHER else [r for r in held["entries"] if r["section"] == own]


def _basics(held: Mapping[str, Any], field: str) -> Any:
    if field == PHOTO[0]:
        return held["photo_id"]
    if field:
        return held["personal"].get(field), held["teaching"].get(field)
    others = ("personal", "teaching", "photo_id", "kind", "standard", "specialty_id")
    return [held[name] for name in others]


def located(declaration: Declaration, defects: Sequence[Defect]) -> list[Located]:
    """Return defects with their places; one whose import is gone leads to its section."""
    if not defects:
        return []
    known = {(p.section, p.field, p.item_id): p.label for p in places_of(declaration)}
    slots = {slot.key: f"slot-{slot.id}" for slot in declaration.plan.slots}
    return [_located(defect, known, slots) for defect in defects]


def _located(
    defect: Defect,
    known: Mapping[tuple[str, str, int | None], str],
    slots: Mapping[str, str],
) -> Located:
    section = defect.section
    label = known.get((section, defect.field, defect.item_id)) or PLACES.get(section, "其他")
    if defect.item_id:
        anchor = f"item-entry-{defect.item_id}"
    elif section == FILES:
        anchor = slots.get(defect.field, "")
    else:
        anchor = defect.field or (TITLES if section == TITLES else "")
    return Located(defect, label, PAGES.get(section, section), anchor)
