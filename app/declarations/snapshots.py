"""The declaration as texts: kept at each submission, and compared at the next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.declarations import specs
from app.declarations.holdings import Holdings, held_now, held_when_sent, kept_of
from app.declarations.models import (
    SECTION_NAMES,
    Declaration,
    DeclarationEntry,
    DeclarationSnapshot,
    EntrySection,
    PriorTitle,
)
from app.portfolio import item_types
from forms import display_all, period

Line = dict[str, str]


PARTS = (
    EntrySection.WORK,
    EntrySection.EDUCATION,
    EntrySection.TRAINING,
    EntrySection.ASSESSMENT,
)


@dataclass(frozen=True)
class Change:
    """A line that differs from the submission before: added, removed or changed."""

    section: str
    label: str
    before: str
    after: str

    @property
    def word(self) -> str:
        """Return what happened to the line."""
        if not self.before:
            return "新增"
        return "修改" if self.after else "移除"


def content_of(held: Holdings) -> dict[str, Any]:
    """Return everything the reviewers read, as labelled texts by section."""
    sections = [
        _section("basics", "申报情况", _declared(held)),
        _section("basics", "个人信息", _fields(held)),
        _section("basics", "现有职称情况", _titles(held.titles)),
    ]
    sections += [
        _section(section, SECTION_NAMES[section], _entries(held, section, None))
        for section in PARTS
    ]
    for category in held.categories:
        lines = [
            line
            for item in category.items
            for line in _entries(held, EntrySection.ITEM, item.id, item.name)
        ]
        sections.append(_section(f"item:{category.id}", category.name, lines))
    sections.append(_section("files", "附件", _files(held)))
    return {"sections": sections, "held": kept_of(held)}


def _section(key: str, title: str, lines: list[Line]) -> dict[str, Any]:
    return {"id": key, "title": title, "lines": lines}


def _line(key: str, label: str, text: str) -> Line:
    return {"key": key, "label": label, "text": text}


def _declared(held: Holdings) -> list[Line]:
    pairs = [
        ("申报形式", held.kind),
        ("申报专业", held.specialty.name),
        ("申报职称", held.title.name),
        ("评审标准", held.standard),
        ("申报单位", held.unit.name),
        ("免冠照片", f"照片 {held.photo_id or ''}".strip()),
    ]
    return [_line(label, label, text) for label, text in pairs if text]


def _fields(held: Holdings) -> list[Line]:
    forms = (
        (specs.personal_form(held), held.personal),
        (specs.teaching_form(held), held.teaching),
    )
    return [
        _line(label, label, text)
        for spec, data in forms
        if spec is not None
        for label, text in display_all(spec, data)
    ]


def _post_line(post: Mapping[str, Any]) -> str:
    term = period(post.get("start"), post.get("end"))
    return f"聘任{post.get('name')}（{post.get('unit')}，{term}）"


def title_line(row: PriorTitle) -> str:
    """Return a title held already in one line."""
    data = row.data
    parts = [data.get("title"), data.get("obtained_by"), data.get("certificate_no")]
    posts = [_post_line(post) for post in data.get("appointments") or []]
    return "，".join(str(part) for part in [*parts, data.get("reviewed_on"), *posts] if part)


def _titles(rows: Sequence[PriorTitle]) -> list[Line]:
    return [_line(f"title:{row.id}", str(row.data.get("title")), title_line(row)) for row in rows]


EDUCATION_FLAGS = {"is_highest": "最高学历", "is_qualifying": "合格学历"}
"""What a declaration marks an education as (FJ-P-29, AH-P-33)."""


def flags_of(entry: DeclarationEntry) -> list[str]:
    """Return what an education was marked as in its declaration."""
    return [word for key, word in EDUCATION_FLAGS.items() if entry.extra.get(key)]


def _entries(
    held: Holdings, section: str, standard_item_id: int | None, label: str = ""
) -> list[Line]:
    lines = []
    for entry in held.entries_in(section, standard_item_id):
        kind = item_types.of(entry.version)
        marks = [
            entry.version.summary,
            str(entry.extra.get("result") or ""),
            *flags_of(entry),
        ]
        text = "，".join(filter(None, marks))
        lines.append(_line(f"item:{entry.item_id}", label or kind.title, text))
    return lines


def _files(held: Holdings) -> list[Line]:
    slots = {slot.id: slot.name for slot in held.plan.slots}
    return [_line(f"file:{file.file_id}", slots[file.slot_id], file.name) for file in held.files]


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Return the lines that differ between two snapshots, in the order of the sections."""
    old, new = _by_key(before), _by_key(after)
    found = []
    for key in [*new, *(key for key in old if key not in new)]:
        was, now = old.get(key), new.get(key)
        former, present = (was or {}).get("text", ""), (now or {}).get("text", "")
        if former != present:
            label = (now or was or {}).get("label", "")
            found.append(Change(key[0], label, former, present))
    return found


def _by_key(content: Mapping[str, Any]) -> dict[tuple[str, str], Line]:
    return {
        (section["title"], line["key"]): line
        for section in content["sections"]
        for line in section["lines"]
    }


def held_by(
    declaration: Declaration, snapshots: Sequence[DeclarationSnapshot], *, is_own: bool
) -> Holdings:
    """Return what a reader sees: the applicant what is typed, others what was sent up last.

    The photo is the account's, which changes at any time: others see the one that was vetted.
    """
    if is_own or not snapshots:
        return held_now(declaration)
    if declaration.is_editable:
        return held_when_sent(declaration, snapshots[-1])
    return held_now(declaration, photo_id=snapshots[-1].content["held"]["photo_id"])


def changes_of(snapshots: Sequence[DeclarationSnapshot]) -> list[Change]:
    """Return what changed from the last but one submission to the last (FJ-U-16)."""
    if len(snapshots) < 2:
        return []
    return changes_between(snapshots[-2].content, snapshots[-1].content)
