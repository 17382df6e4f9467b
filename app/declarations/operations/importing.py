"""Taking approved portfolio items into a declaration; they are locked there (FJ-P-35..38)."""

from collections.abc import Sequence
from datetime import datetime

from app.core.db import db
from app.core.errors import Conflict, Invalid, NotFound
from app.declarations.models import Declaration, DeclarationEntry, EntrySection
from app.declarations.operations.common import (
    move,
    next_position,
    record,
    refuse_unless_editable,
)
from app.declarations.queries import entries_of, standard_item_of, types_for
from app.plans.models import StandardItem
from app.portfolio.models import ItemVersion
from app.portfolio.queries import approved_items

FIRST_TO_LAST = ("第一学历", "最高学历", "参评学历")
"""The order of several educations; others come after them (CZ-22)."""
MARKS = {"is_highest": ("最高学历",), "is_qualifying": ("合格学历", "参评学历")}
"""What the marks of an education in the portfolio suggest for its import."""
RESULTS = ("优秀", "合格", "基本合格", "不定等次", "不合格")
FLAGS = {"highest": "is_highest", "qualifying": "is_qualifying"}
"""Education flags by their name in the rules (最高学历, 合格学历)."""


def import_items(
    declaration: Declaration,
    section: str,
    item_ids: Sequence[int],
    *,
    standard_item_id: int | None = None,
    now: datetime,
) -> list[DeclarationEntry]:
    """Import approved items into a section or an item of the standard.

    Raises NotFound for items of others, unapproved ones and other types; Conflict for an item
    that the declaration holds already; Invalid beyond the item's maximum.
    """
    refuse_unless_editable(declaration)
    standard_item = (
        standard_item_of(declaration, standard_item_id) if section == EntrySection.ITEM else None
    )
    approved = _importable(declaration, types_for(section, standard_item), item_ids)
    here = entries_of(declaration.id, section, standard_item_id)
    _check_number(standard_item, len(here), len(set(item_ids)))
    made = [
        DeclarationEntry(
            declaration_id=declaration.id,
            section=section,
            standard_item_id=standard_item.id if standard_item else None,
            item_id=item_id,
            item_version_id=approved[item_id].id,
            version=approved[item_id],
            position=next_position(here) + number,
            extra={},
        )
        for number, item_id in enumerate(dict.fromkeys(item_ids))
    ]
    _suggest(section, here, made)
    db.session.add_all(made)
    _put_in_order(section, here, made)
    db.session.flush()
    record("imported", declaration, declaration.person_id, now, items=sorted(set(item_ids)))
    return made


def _check_number(standard_item: StandardItem | None, here: int, more: int) -> None:
    if not more:
        raise Invalid("请先勾选要导入的记录")
    most = standard_item.max_count if standard_item else None
    if most is not None and here + more > most:
        raise Invalid(f"最多导入 {most} 条，已导入 {here} 条")


def _put_in_order(
    section: str, here: Sequence[DeclarationEntry], made: Sequence[DeclarationEntry]
) -> None:
    """Put imports where they belong among those that are there, whose own order stays."""
    ordered = list(here)
    for entry in made:
        later = (
            i for i, other in enumerate(ordered) if _rank(section, entry) < _rank(section, other)
        )
        ordered.insert(next(later, len(ordered)), entry)
    for number, entry in enumerate(ordered, 1):
        entry.position = number


def _rank(section: str, entry: DeclarationEntry) -> tuple[int, str]:
    """Careers go by time, educations by their marks; all else comes as it was chosen."""
    if section == EntrySection.WORK:
        return 0, str(entry.version.occurred_on)
    marks = (entry.version.data.get("marks") or ()) if section == EntrySection.EDUCATION else ()
    places = [FIRST_TO_LAST.index(mark) for mark in marks if mark in FIRST_TO_LAST]
    return min(places, default=len(FIRST_TO_LAST)), ""


def _suggest(
    section: str, here: Sequence[DeclarationEntry], made: Sequence[DeclarationEntry]
) -> None:
    """Take over what the portfolio says already: the result of a year, the marks of educations."""
    for entry in made:
        data = entry.version.data
        if section == EntrySection.ASSESSMENT and data.get("result") in RESULTS:
            entry.extra = {"result": data["result"]}
        if section == EntrySection.EDUCATION:
            held = {flag for row in (*here, *made) for flag in MARKS if row.extra.get(flag)}
            said = set(data.get("marks") or ())
            entry.extra = {
                flag: True for flag, of in MARKS.items() if flag not in held and said & set(of)
            }


def _importable(
    declaration: Declaration, types: Sequence[str], item_ids: Sequence[int]
) -> dict[int, ItemVersion]:
    approved = {v.item_id: v for v in approved_items(declaration.person_id, types)}
    if not set(item_ids) <= approved.keys():
        raise NotFound("所选记录不存在，或尚未通过单位审核")
    held = {entry.item_id for entry in entries_of(declaration.id)}
    if held & set(item_ids):
        raise Conflict("所选记录已导入，同一记录不能重复导入；如需调整请先移除")
    return approved


def entry_of(declaration: Declaration, entry_id: int) -> DeclarationEntry:
    """Return an import of this declaration; NotFound for any other."""
    entry = db.session.get(DeclarationEntry, entry_id)
    if entry is None or entry.declaration_id != declaration.id:
        raise NotFound("该导入记录不存在，请刷新页面")
    return entry


def remove_entry(declaration: Declaration, entry_id: int, *, now: datetime) -> DeclarationEntry:
    """Take an import out of the declaration; the portfolio keeps its item (FJ-P-28)."""
    refuse_unless_editable(declaration)
    entry = entry_of(declaration, entry_id)
    db.session.delete(entry)
    db.session.flush()
    record("import_removed", declaration, declaration.person_id, now, item=entry.item_id)
    return entry


def move_entry(declaration: Declaration, entry_id: int, step: int) -> DeclarationEntry:
    """Move an import up (-1) or down (+1) within its section or item."""
    refuse_unless_editable(declaration)
    entry = entry_of(declaration, entry_id)
    move(entries_of(declaration.id, entry.section, entry.standard_item_id), entry, step)
    db.session.flush()
    return entry


def set_education_flag(declaration: Declaration, entry_id: int, flag: str) -> DeclarationEntry:
    """Mark one education as 最高学历 or 合格学历; the mark leaves any other (AH-P-33)."""
    refuse_unless_editable(declaration)
    entry = entry_of(declaration, entry_id)
    if entry.section != EntrySection.EDUCATION or flag not in FLAGS:
        raise NotFound("该学历记录不存在")
    for row in entries_of(declaration.id, EntrySection.EDUCATION):
        row.extra = {**row.extra, FLAGS[flag]: row.id == entry.id}
    db.session.flush()
    return entry


def set_result(declaration: Declaration, entry_id: int, result: str) -> DeclarationEntry:
    """Choose the result of an imported assessment (考核结果 合格/不合格, FJ-P-31)."""
    refuse_unless_editable(declaration)
    entry = entry_of(declaration, entry_id)
    if entry.section != EntrySection.ASSESSMENT:
        raise NotFound("该考核记录不存在")
    if result not in {"", *RESULTS}:
        raise Invalid("请选择考核结果", field="result")
    entry.extra = {**entry.extra, "result": result}
    db.session.flush()
    return entry
