"""Items as people read them: labelled texts, attachments by slot, and what has changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.accounts.queries import names_of
from app.core.db import db
from app.core.storage import StoredFile
from app.portfolio import item_types
from app.portfolio.item_types import ItemType
from app.portfolio.models import SUBMITTED, ItemSubmission, ItemVersion, PortfolioItem
from forms import FieldSpec, display


@dataclass(frozen=True)
class Table:
    """A table of an item: heads and rows of texts."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Line:
    """A field as it is read. `before` is its former text where it has changed."""

    label: str
    text: str
    before: str | None = None
    table: Table | None = None
    is_long: bool = False
    # What a reviewer had to work out otherwise: that a total is more than what is listed.
    remark: str = ""


@dataclass(frozen=True)
class Former:
    """What an item said before, and the type as it was then."""

    kind: ItemType
    data: Mapping[str, Any]


@dataclass(frozen=True)
class File:
    """An attachment as pages list it."""

    id: int
    name: str
    media_type: str
    size: int
    is_new: bool = False

    @property
    def is_image(self) -> bool:
        """Whether a browser shows it as a picture."""
        return self.media_type.startswith("image/")


@dataclass(frozen=True)
class Slot:
    """The attachments of one slot; `removed` names those that have gone since the return.

    `is_reordered`: those that were there then stand in another order.
    """

    name: str
    label: str
    files: tuple[File, ...]
    removed: tuple[str, ...] = ()
    is_reordered: bool = False

    @property
    def is_changed(self) -> bool:
        """Whether anything differs from what was returned."""
        return bool(self.removed) or self.is_reordered or any(file.is_new for file in self.files)


@dataclass(frozen=True)
class Round:
    """A former submission and what the unit said to it."""

    no: int
    submitted_at: datetime
    decision: str
    opinion: str
    decided_by: str
    decided_at: datetime | None


@dataclass(frozen=True)
class Evidence:
    """All that a reviewer needs to decide on an item."""

    item: PortfolioItem
    kind: ItemType
    summary: str
    lines: tuple[Line, ...]
    slots: tuple[Slot, ...]
    rounds: tuple[Round, ...]
    compared: bool

    @property
    def changes(self) -> int:
        """How many fields and slots differ from what was returned."""
        fields = sum(line.before is not None for line in self.lines)
        return fields + sum(slot.is_changed for slot in self.slots)


def text_of(field: FieldSpec, data: Mapping[str, Any]) -> str:
    """Return a stored value as people read it; tables as one line."""
    value = data.get(field.name)
    if field.type != "rows":
        return display(field, value)
    return "；".join("，".join(filter(None, row)) for row in table_of(field, value or ()).rows)


def table_of(field: FieldSpec, rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return a table field as heads and texts."""
    cells = tuple(tuple(display(f, row.get(f.name)) for f in field.fields) for row in rows)
    return Table(tuple(f.label for f in field.fields), cells)


def lines_of(
    kind: ItemType, data: Mapping[str, Any], before: Former | None = None
) -> tuple[Line, ...]:
    """Return every field of an item in order, with its former text where that differs.

    What is asked for elsewhere only is left out, unless something was said there before.
    """
    texts = None if before is None else _texts(before)
    asked = {field.name for field in item_types.asked_of(kind, data)}
    fields = [
        f for f in item_types.fields_of(kind) if f.name in asked or (texts or {}).get(f.name)
    ]
    return tuple(_line(field, data, texts) for field in fields)


def _texts(former: Former) -> dict[str, str]:
    fields = item_types.fields_of(former.kind)
    return {field.name: text_of(field, former.data) for field in fields}


def _line(field: FieldSpec, data: Mapping[str, Any], texts: Mapping[str, str] | None) -> Line:
    text = text_of(field, data)
    former = None if texts is None else texts.get(field.name, "")
    return Line(
        field.label,
        text,
        None if former == text else former,
        table_of(field, data.get(field.name) or ()) if field.type == "rows" else None,
        field.type == "textarea",
        _remark(field, data),
    )


def _remark(field: FieldSpec, data: Mapping[str, Any]) -> str:
    """Say of a total what its table comes to, where it says more; others may be left out there."""
    table, _, column = field.sum_of.partition(".")
    listed = sum(int(row.get(column) or 0) for row in data.get(table) or ()) if table else 0
    return f"所列之和为 {listed}" if listed and data.get(field.name) != listed else ""


Row = Mapping[str, Any]


def slots_of(
    kind: ItemType,
    files: Sequence[Row],
    before: Sequence[Row] | None = None,
    *,
    stored: Mapping[int, StoredFile] | None = None,
) -> tuple[Slot, ...]:
    """Return the attachments by slot: rows of {slot, file_id, name}, compared with former ones.

    `stored` has the files by their ids where they have been read already.
    """
    ids = {row["file_id"] for row in files}
    if stored is None:
        found = db.session.scalars(select(StoredFile).where(StoredFile.id.in_(ids)))
        stored = {file.id: file for file in found}
    known = ids if before is None else {row["file_id"] for row in before}
    made = []
    for slot in kind.slots:
        here = tuple(
            File(
                row["file_id"],
                row["name"],
                stored[row["file_id"]].media_type,
                stored[row["file_id"]].size,
                row["file_id"] not in known,
            )
            for row in files
            if row["slot"] == slot.name and row["file_id"] in stored
        )
        gone = tuple(
            row["name"]
            for row in before or ()
            if row["slot"] == slot.name and row["file_id"] not in ids
        )
        kept = [file.id for file in here if not file.is_new]
        former = [r["file_id"] for r in before or () if r["slot"] == slot.name]
        moved = before is not None and kept != [each for each in former if each in ids]
        made.append(Slot(slot.name, slot.label, here, gone, moved))
    return tuple(made)


def file_rows(item: PortfolioItem) -> list[dict[str, Any]]:
    """Return the attachments of an item in the shape submissions keep them."""
    return [{"slot": f.slot, "file_id": f.file_id, "name": f.name} for f in item.files]


def version_rows(version: ItemVersion) -> list[dict[str, Any]]:
    """Return the attachments of an approved version in the same shape."""
    return [{"slot": f.slot, "file_id": f.file_id, "name": f.name} for f in version.files]


def rounds_of(submissions: Sequence[ItemSubmission]) -> tuple[Round, ...]:
    """Return the decided submissions, newest first."""
    names = names_of(sent.decided_by for sent in submissions)
    return tuple(
        Round(
            sent.no,
            sent.submitted_at,
            sent.decision,
            sent.opinion,
            names.get(sent.decided_by or 0, ""),
            sent.decided_at,
        )
        for sent in reversed(submissions)
        if sent.decision is not None
    )


def _kind_of(item: PortfolioItem, sent: ItemSubmission) -> ItemType:
    return item_types.under(item.type_key, sent.type_version)


def evidence_of(item: PortfolioItem) -> Evidence:
    """Return what the unit was sent last; while it decides, against what it decided on before.

    Each is read under the type as it was when it was sent.
    """
    sent = item.last_submission
    kind = _kind_of(item, sent) if sent else item_types.of(item)
    earlier = item.submissions[:-1]
    former = earlier[-1] if earlier and item.status == SUBMITTED else None
    data = sent.data if sent else item.data
    return Evidence(
        item,
        kind,
        item_types.summary_of(kind, data),
        lines_of(
            kind,
            data,
            Former(_kind_of(item, former), former.data) if former else None,
        ),
        slots_of(kind, sent.files if sent else file_rows(item), former.files if former else None),
        rounds_of(item.submissions),
        former is not None,
    )
