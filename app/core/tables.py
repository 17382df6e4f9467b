"""Lists as tables that spreadsheets open (CSV)."""

import csv
import io
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from flask import Response, make_response

SIGNS_OF_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def harmless(cell: object) -> str:
    """Return a cell as text that no spreadsheet reads as a formula."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(SIGNS_OF_FORMULAS) else text


def table_answer(name: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Return rows as a file `name`.csv; its mark of UTF-8 tells spreadsheets how to read it."""
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(heads)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    answer = make_response("\ufeff" + target.getvalue())
    answer.headers["Content-Type"] = "text/csv; charset=utf-8"
    named = f"attachment; filename*=UTF-8''{quote(name)}.csv"
    answer.headers["Content-Disposition"] = named
    return answer
