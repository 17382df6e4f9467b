"""Lists as files that spreadsheets open: CSV, and workbooks (.xlsx)."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from flask import Response, make_response
from flask_login import current_user

from app.core import audit
from app.core.clock import now
from app.core.db import current_transaction
from app.core.errors import NotFound
from app.core.uploads import MEDIA_TYPES

AS_TEXT = "@"
OFFERED_ROWS = 1000
_NO_TITLE = re.compile(r"[\\*?:/\[\]]")
SIGNS_OF_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def harmless(cell: object) -> str:
    """Return a cell as text that no spreadsheet reads as a formula; all other text as it is."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(SIGNS_OF_FORMULAS) else text


def cut_words(total: int, given: int, advice: str = "") -> str:
    """Return what people are told of a list that is longer than its file; nothing otherwise."""
    said = f"名单共 {total} 条，导出文件只含前 {given} 条"
    return "，".join(filter(None, (said, advice))) if total > given else ""


def note_export(tag: str, *, subject: tuple[str, int], rows: int, **more: object) -> None:
    """Keep who took a list away.

    What a browser only looks ahead at is given to nobody (NotFound): nothing could be noted.
    """
    if not current_transaction().write:
        raise NotFound
    actor_id = current_user.id
    audit.record(tag, subject=subject, actor_id=actor_id, now=now(), rows=rows, **more)


def table_answer(
    name: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    total: int | None = None,
    advice: str = "",
) -> Response:
    """Return rows as a file `name`.csv; its mark of UTF-8 tells spreadsheets how to read it.

    Where `total` is more than the rows, the last line says that the file does not hold all, and
    gives the advice.
    """
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(heads)
    given = [[harmless(cell) for cell in row] for row in rows]
    writer.writerows(given)
    cut = cut_words(total or 0, len(given), advice)
    if cut:
        writer.writerow([cut])
    return _attached("\ufeff" + target.getvalue(), f"{name}.csv", "text/csv; charset=utf-8")


def _attached(content: str | bytes, name: str, media_type: str) -> Response:
    answer = make_response(content)
    answer.headers["Content-Type"] = media_type
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return answer


@dataclass(frozen=True)
class Offer:
    """What a column offers to choose from: the first rows of a column of another sheet."""

    sheet: str
    place: int
    count: int


@dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook: its headings, its rows, and how wide its columns are."""

    name: str
    heads: Sequence[str]
    rows: Iterable[Sequence[object]] = ()
    widths: Sequence[int] = ()
    # What is offered to choose from, by the number of the column.
    offers: Mapping[int, Offer] = field(default_factory=dict)


def workbook_answer(name: str, sheets: Iterable[Sheet]) -> Response:
    """Return sheets as a file `name`.xlsx.

    Numbers are numbers; every other cell and every column is text: nothing is read as a formula,
    and numbers that people type into it stay as they are typed.
    """
    from openpyxl import Workbook  # noqa: PLC0415 - costs memory that most workers never need

    book = Workbook(write_only=True)
    for sheet in sheets:
        _fill(book.create_sheet(_title(sheet.name)), sheet)
    target = io.BytesIO()
    book.save(target)
    return _attached(target.getvalue(), f"{name}.xlsx", MEDIA_TYPES["xlsx"])


def _title(name: str) -> str:
    """Return what a sheet is called in its file, wherever it is named."""
    return _NO_TITLE.sub("_", name)[:31]


def _fill(target: Any, sheet: Sheet) -> None:
    from openpyxl.utils import get_column_letter  # noqa: PLC0415 - as above

    for place, width in enumerate(sheet.widths, start=1):
        column = target.column_dimensions[get_column_letter(place)]
        column.width, column.number_format = width, AS_TEXT
    for place, offer in sheet.offers.items():
        _let_choose(target, get_column_letter(place + 1), offer)
    target.freeze_panes = "A2"
    target.append([_cell(target, head, bold=True) for head in sheet.heads])
    for row in sheet.rows:
        target.append([_cell(target, value) for value in row])


def _let_choose(target: Any, column: str, offer: Offer) -> None:
    """Let a column be chosen from a list; the server judges what is typed all the same."""
    from openpyxl.utils import get_column_letter  # noqa: PLC0415 - as above
    from openpyxl.worksheet.datavalidation import DataValidation  # noqa: PLC0415 - as above

    letter = get_column_letter(offer.place + 1)
    quoted = _title(offer.sheet).replace("'", "''")
    values = f"'{quoted}'!${letter}$2:${letter}${offer.count + 1}"
    rule = DataValidation("list", values, allow_blank=True, showErrorMessage=True)
    rule.errorTitle, rule.error = "不在可选范围内", f"请从列表中选择，可选内容见“{offer.sheet}”"
    rule.add(f"{column}2:{column}{OFFERED_ROWS}")
    target.data_validations.append(rule)


def _cell(target: Any, value: object, *, bold: bool = False) -> Any:
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415 - as above
    from openpyxl.styles import Font  # noqa: PLC0415 - as above

    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return WriteOnlyCell(target, value)
    text = "" if value is None else str(value)
    # Control signs cannot be written.
    cell = WriteOnlyCell(target, "".join(c for c in text if c >= " " or c in "\t\n"))
    # The library takes for a formula what begins with =.
    cell.data_type, cell.number_format = "s", AS_TEXT
    if bold:
        cell.font = Font(bold=True)
    return cell
