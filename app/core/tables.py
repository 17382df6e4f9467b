"""Lists as tables that spreadsheets open (CSV)."""

import csv
import io
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from flask import Response, make_response
from flask_login import current_user

from app.core import audit
from app.core.clock import now
from app.core.db import current_transaction
from app.core.errors import NotFound

SIGNS_OF_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def harmless(cell: object) -> str:
    """Return a cell as text that no spreadsheet reads as a formula."""
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
    answer = make_response("\ufeff" + target.getvalue())
    answer.headers["Content-Type"] = "text/csv; charset=utf-8"
    named = f"attachment; filename*=UTF-8''{quote(name)}.csv"
    answer.headers["Content-Disposition"] = named
    return answer
