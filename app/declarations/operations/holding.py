"""Titles held already (现有职称情况): typed, or taken over from the portfolio (AH-P-28, CZ-24)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.core import storage
from app.core.db import db
from app.core.errors import Conflict, Invalid, NotFound
from app.declarations.models import Declaration, PriorTitle, PriorTitleFile
from app.declarations.operations.common import (
    move,
    next_position,
    record,
    refuse_unless_editable,
)
from app.declarations.queries import prior_titles_of
from app.declarations.specs import given_by, prior_title_form
from app.portfolio.models import ItemVersion
from app.portfolio.queries import approved_items

HELD_TITLE = "held_title"
"""The type of item that is taken over."""
MAX_PRIOR_TITLES = 20
FULL = f"现有职称最多填写 {MAX_PRIOR_TITLES} 条"


def _prior_title(declaration: Declaration, prior_id: int) -> PriorTitle:
    for row in prior_titles_of(declaration.id):
        if row.id == prior_id:
            return row
    raise NotFound("该职称记录不存在，请刷新页面")


def save_prior_title(
    declaration: Declaration,
    answers: Mapping[str, Any],
    *,
    prior_id: int | None = None,
    now: datetime,
) -> PriorTitle:
    """Add or change a title held already (现有职称情况, AH-P-28); `answers` passed its form.

    What was taken over from the portfolio stays as the unit approved it.
    """
    refuse_unless_editable(declaration)
    rows = prior_titles_of(declaration.id)
    if prior_id is not None:
        row = _prior_title(declaration, prior_id)
    elif len(rows) >= MAX_PRIOR_TITLES:
        raise Invalid(FULL)
    else:
        row = PriorTitle(declaration_id=declaration.id, position=next_position(rows))
        db.session.add(row)
    typed = {name: value for name, value in answers.items() if name != "files"}
    row.data = {**typed, **given_by(row)}
    taken = [file.file_id for file in row.version.files] if row.version else []
    _place_files(declaration, row, [*taken, *(answers.get("files") or [])])
    declaration.updated_at = now
    db.session.flush()
    return row


def _place_files(declaration: Declaration, row: PriorTitle, file_ids: Sequence[int]) -> None:
    known = {each.file_id: each for each in row.files}
    kept = []
    for position, file_id in enumerate(dict.fromkeys(file_ids), 1):
        placed = known.get(file_id)
        if placed is None:
            stored = storage.link(storage.owned_file(file_id, declaration.person_id))
            placed = PriorTitleFile(file_id=stored.id, name=stored.name)
        placed.position = position
        kept.append(placed)
    row.files = kept


def import_titles(
    declaration: Declaration, item_ids: Sequence[int], *, now: datetime
) -> list[PriorTitle]:
    """Take approved titles of the portfolio over, with their papers (CZ-24).

    Raises NotFound for items of others, unapproved ones and other types; Conflict for a title
    that the declaration holds already; Invalid beyond the maximum.
    """
    refuse_unless_editable(declaration)
    wanted, rows = list(dict.fromkeys(item_ids)), prior_titles_of(declaration.id)
    if not wanted:
        raise Invalid("请先勾选要导入的记录")
    approved = {v.item_id: v for v in approved_items(declaration.person_id, (HELD_TITLE,))}
    if not set(wanted) <= approved.keys():
        raise NotFound("所选记录不存在，或尚未通过单位审核")
    if {row.item_id for row in rows} & set(wanted):
        raise Conflict("所选记录已导入，同一记录不能重复导入；如需调整请先删除")
    if len(rows) + len(wanted) > MAX_PRIOR_TITLES:
        raise Invalid(FULL)
    first = next_position(rows)
    made = [
        _taken(declaration, approved[item_id], position)
        for position, item_id in enumerate(wanted, first)
    ]
    db.session.add_all(made)
    declaration.updated_at = now
    db.session.flush()
    record("imported", declaration, declaration.person_id, now, items=sorted(wanted))
    return made


def _taken(declaration: Declaration, version: ItemVersion, position: int) -> PriorTitle:
    row = PriorTitle(
        declaration_id=declaration.id,
        position=position,
        item_id=version.item_id,
        item_version_id=version.id,
        version=version,
    )
    asked: dict[str, Any] = {
        field.name: [] if field.type == "rows" else None
        for field in prior_title_form(declaration).fields
        if field.type != "files"
    }
    row.data = {**asked, **given_by(row)}
    row.files = [
        PriorTitleFile(file_id=file.file_id, name=file.name, position=number)
        for number, file in enumerate(version.files, 1)
    ]
    return row


def delete_prior_title(declaration: Declaration, prior_id: int, *, now: datetime) -> None:
    """Take a title out of the declaration; the portfolio keeps its item."""
    refuse_unless_editable(declaration)
    row = _prior_title(declaration, prior_id)
    db.session.delete(row)
    declaration.updated_at = now
    db.session.flush()


def move_prior_title(declaration: Declaration, prior_id: int, step: int, *, now: datetime) -> None:
    """Move a title up (-1) or down (+1)."""
    refuse_unless_editable(declaration)
    move(prior_titles_of(declaration.id), _prior_title(declaration, prior_id), step)
    declaration.updated_at = now
    db.session.flush()
