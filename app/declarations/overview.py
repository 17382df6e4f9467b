"""The whole declaration as people read it: 申报一览表, 附件一览表, the reviewer's material."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.accounts.models import Person
from app.core.storage import StoredFile
from app.declarations import specs
from app.declarations.defects import located, touched
from app.declarations.holdings import Holdings, held_now
from app.declarations.models import (
    SECTION_NAMES,
    Declaration,
    DeclarationEntry,
    EntrySection,
    PriorTitle,
)
from app.declarations.queries import (
    defects_of,
    opinions_of,
    recommendation_of,
    snapshots_of,
)
from app.declarations.snapshots import PARTS, changes_of, flags_of, held_by
from app.plans.models import StandardItem
from app.portfolio import item_types, reading
from app.portfolio.duplicates import duplicates_shown_to
from forms import display, display_all

Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class EntryView:
    """An import as a line of a table, with all that opens under it."""

    entry: DeclarationEntry
    kind: str
    when: str
    summary: str
    rank: str
    lines: Sequence[reading.Line]
    slots: Sequence[reading.Slot]
    # That the portfolio has a later version, or none at present; empty otherwise.
    older: str = ""

    @property
    def flags(self) -> list[str]:
        """What an education was marked as here."""
        return flags_of(self.entry)

    @property
    def file_count(self) -> int:
        """How many attachments it has."""
        return sum(len(slot.files) for slot in self.slots)


@dataclass(frozen=True)
class Group:
    """The imports of one section, or of one item of the standard."""

    title: str
    entries: Sequence[EntryView]
    item: StandardItem | None = None


@dataclass(frozen=True)
class Block:
    """A section of the overview."""

    id: str
    title: str
    groups: Sequence[Group]

    @property
    def count(self) -> int:
        """How many imports it holds."""
        return sum(len(group.entries) for group in self.groups)


@dataclass(frozen=True)
class Attachment:
    """A file as the list of attachments shows it."""

    id: int
    name: str
    media_type: str
    size: int


@dataclass(frozen=True)
class FileGroup:
    """Attachments of one kind, such as a slot or the photo (附件一览表)."""

    title: str
    files: Sequence[Attachment]


@dataclass(frozen=True)
class Overview:
    """Everything of a declaration, in the order of the paper."""

    declaration: Declaration
    declared: Pairs
    personal: Pairs
    teaching: Pairs
    titles: Sequence[PriorTitle]
    older: Mapping[int, str]
    parts: Sequence[Block]
    categories: Sequence[Block]
    files: Sequence[FileGroup]
    photo_id: int | None = None
    recommendation: Any = None
    sections: Sequence[tuple[str, str]] = field(default=())


def view_of(entry: DeclarationEntry, held: Holdings) -> EntryView:
    """Return an import as people read it: the version that was imported, whatever came later."""
    version = entry.version
    kind = item_types.of(version)
    return EntryView(
        entry,
        kind.title,
        kind.when(version.data),
        version.summary,
        version.rank,
        reading.lines_of(kind, version.data),
        reading.slots_of(kind, reading.version_rows(version), stored=held.stored),
        held.older.get(entry.item_version_id, ""),
    )


def declared_of(held: Holdings) -> Pairs:
    """Return what is applied for and by whom, as labelled texts (申报情况)."""
    plan, person = held.plan, held.person
    standard = [("评审标准", held.standard)] if held.standard else []
    return [
        ("申报形式", held.kind),
        ("申报职称", f"{held.specialty.series.name}-{held.specialty.name}-{held.title.name}"),
        ("申报级别", f"{plan.level}（{held.title.level}）"),
        *standard,
        ("申报单位", held.unit.name),
        ("单位性质", held.unit.kind),
        ("申报人", person.name),
        ("证件类型", person.id_type),
        ("证件号码", person.masked_id_number),
        ("性别", person.gender),
        ("出生日期", f"{person.birth_date:%Y-%m-%d}" if person.birth_date else ""),
        ("是否面试", "需要面试" if plan.has_interview else "不需要面试"),
        ("受理评委会", plan.committee.name),
        ("申报编号", held.declaration.number or ""),
    ]


def _held(found: Declaration | Holdings) -> Holdings:
    return found if isinstance(found, Holdings) else held_now(found)


def block_of_part(found: Declaration | Holdings, section: str) -> Block:
    """Return one of 工作经历, 学历教育, 继续教育, 年度考核."""
    held = _held(found)
    views = [view_of(entry, held) for entry in held.entries_in(section)]
    title = SECTION_NAMES[section]
    return Block(str(section), title, [Group(title, views)])


def blocks_of_standard(held: Holdings) -> list[Block]:
    """Return the categories of the standard with what was imported into each item."""
    views: dict[int | None, list[EntryView]] = {}
    for entry in held.entries_in(EntrySection.ITEM):
        views.setdefault(entry.standard_item_id, []).append(view_of(entry, held))
    return [
        Block(
            f"item-{category.id}",
            category.name,
            [Group(item.name, views.get(item.id, []), item) for item in category.items],
        )
        for category in held.categories
    ]


def file_groups(held: Holdings) -> list[FileGroup]:
    """Return all attachments by kind: the photo, the slots, the titles, the merits."""
    photo = held.photo
    groups = [FileGroup("个人免冠照片", [_attachment(photo, photo.name)] if photo else [])]
    for slot in held.plan.slots:
        files = [_attachment(f.file, f.name) for f in held.files if f.slot_id == slot.id]
        groups.append(FileGroup(slot.name, files))
    titled = [_attachment(f.file, f.name) for row in held.titles for f in row.files]
    groups.append(FileGroup("专业技术资格证书及评聘情况", titled))
    return groups + _evidence_groups(held)


def _evidence_groups(held: Holdings) -> list[FileGroup]:
    groups = []
    for entry in held.entries:
        view = view_of(entry, held)
        files = [
            Attachment(f.id, f.name, f.media_type, f.size) for s in view.slots for f in s.files
        ]
        if files:
            groups.append(FileGroup(f"{view.kind}：{view.summary}", files))
    return groups


def _attachment(file: StoredFile, name: str) -> Attachment:
    return Attachment(file.id, name, file.media_type, file.size)


def overview_of(found: Declaration | Holdings) -> Overview:
    """Return the whole declaration (申报一览表, AH-P-42)."""
    held = _held(found)
    teaching = specs.teaching_form(held)
    parts = [block_of_part(held, section) for section in PARTS]
    categories = blocks_of_standard(held)
    sections = [
        ("declared", "申报情况"),
        ("personal", "个人信息"),
        *([("teaching", "专业信息")] if teaching else []),
        ("titles", "现有职称情况"),
        *((block.id, block.title) for block in (*parts, *categories)),
        ("attachments", "申报相关附件"),
        ("recommendation", "单位推荐意见"),
    ]
    return Overview(
        declaration=held.declaration,
        declared=declared_of(held),
        personal=display_all(specs.personal_form(held), held.personal),
        teaching=display_all(teaching, held.teaching) if teaching else [],
        titles=held.titles,
        older=held.older,
        parts=parts,
        categories=categories,
        files=file_groups(held),
        photo_id=held.photo_id,
        recommendation=recommendation_of(held.declaration.id),
        sections=sections,
    )


def title_pairs(declaration: Declaration, row: PriorTitle) -> Pairs:
    """Return a title held already as labelled texts."""
    return _pairs_in(declaration, row.data)


def given_pairs(declaration: Declaration, row: PriorTitle) -> Pairs:
    """Return as labelled texts what was taken over of a title from the portfolio."""
    given = specs.given_by(row)
    return [pair for pair in _pairs_in(declaration, given) if pair[1]]


def _pairs_in(declaration: Declaration, data: Mapping[str, Any]) -> Pairs:
    spec = specs.prior_title_form(declaration)
    return [
        (each.label, display(each, data.get(each.name)))
        for each in spec.fields
        if each.type not in {"rows", "files"}
    ]


def material_of(declaration: Declaration, *, reader: Person, now: datetime) -> dict[str, Any]:
    """Return what somebody reads of a declaration; who is not the applicant reads it as sent up.

    While it is returned or taken back the applicant types in it: nobody else looks over the
    shoulder.
    """
    snapshots = snapshots_of(declaration.id)
    defects = defects_of(declaration.id)
    held = held_by(declaration, snapshots, is_own=reader.id == declaration.person_id)
    items = [entry.item_id for entry in held.entries]
    return {
        "declaration": declaration,
        "overview": overview_of(held),
        "sent": held.sent,
        "changes": changes_of(snapshots),
        "round": declaration.round,
        "defects": located(declaration, defects),
        "touched": touched(declaration, defects, snapshots),
        "opinions": opinions_of(declaration.id),
        "duplicates": duplicates_shown_to(reader, declaration.person_id, items, now),
    }
