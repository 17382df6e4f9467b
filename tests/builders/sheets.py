"""Spreadsheets as people hand them in."""

import io
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook, load_workbook

from app.worker import take_in


def a_book(*rows: Sequence[Any], text: bool = True) -> bytes:
    """A workbook of these rows; as text, or as a spreadsheet takes the values itself."""
    book = Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(list(row))
    if text:
        for line in sheet.iter_rows():
            for cell in line:
                if isinstance(cell.value, str):
                    cell.data_type = "s"
    return saved(book)


def saved(book: Workbook) -> bytes:
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def read_book(content: bytes) -> dict[str, list[tuple[Any, ...]]]:
    """What stands in the sheets of a workbook that the platform gave."""
    book = load_workbook(io.BytesIO(content))
    return {sheet.title: list(sheet.values) for sheet in book}


def handed_in(
    browser: Any, kind: str, content: bytes, name: str = "名单.xlsx", **query: int
) -> Any:
    """The answer to a file that is handed in to be imported."""
    asked = "&".join(f"{key}={value}" for key, value in query.items())
    return browser.post(f"/imports/new/{kind}?{asked}", {"file": (io.BytesIO(content), name)})


def checked(browser: Any, kind: str, content: bytes, **query: int) -> str:
    """Hand a file in and let the worker check it; the address of its page."""
    answer = handed_in(browser, kind, content, **query)
    assert answer.status_code == 303, answer.text
    browser.forget()
    take_in()
    return str(answer.location)


def imported(
    browser: Any, kind: str, content: bytes, *, leave_out: bool = False, **query: int
) -> str:
    """Hand a file in, confirm it and let the worker write it; the address of its page."""
    page = checked(browser, kind, content, **query)
    answer = browser.post(f"{page}/confirm", {"leave_out": "yes"} if leave_out else {})
    assert answer.status_code == 303, answer.text
    browser.forget()
    take_in()
    return page
