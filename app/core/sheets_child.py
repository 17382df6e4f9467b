"""The child process that reads a spreadsheet: no worker keeps the memory, no file can hold it up.

It reads the file of the standard input and prints the rows, or why they are refused.
"""

import csv
import io
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime, time
from typing import IO, Any
from xml.etree import ElementTree as ET

from app.core.answering import answer
from app.core.errors import DomainError, Invalid, TooLarge

MOST_ROWS = 20_000
MOST_LINES = 100_000
MOST_COLUMNS = 60
MOST_BYTES = 100 * 2**20
MOST_PARTS = 1000
LONGEST_CELL = 2000
MOST_LETTERS = 8_000_000
"""Letters of all cells together: one text may stand in thousands of them."""
NAMED = 5
CHUNK = 2**20
# A number keeps 15 digits: what is longer has lost its end.
EXACT_DIGITS = 15

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*ref=\"([A-Z0-9:]+)\"")
_SIGNS = re.compile(r"\s*([=@]|[+-]\s*[A-Za-z(])")
NOT_A_SHEET = "文件不是电子表格，请上传 .xlsx 或 .csv 文件"
BROKEN = "文件已损坏，无法打开，请用电子表格软件打开后另存为 .xlsx"
ENTITIES = "文件含有外部实体定义（DOCTYPE），不予读取，请用电子表格软件另存后再上传"
FAR = f"表格在第 {MOST_LINES} 行以后还有内容或格式，请删除数据下方多余的行后再上传"
MUCH = "表格的文字过多，请只保留模板中的列，或拆分成几个文件分别导入"
LONG = f"数据超过 {MOST_ROWS} 行，请拆分成几个文件分别导入"
FORMULA = "单元格是公式，请复制后“选择性粘贴为数值”，只保留结果"
SIGNED = "内容是公式，或以 = @ + - 开头，请只保留结果"
LOST = "号码被存成了数字，后几位已丢失，请将该列设为“文本”格式后重新填写"


Row = tuple[int, list[str], dict[int, str]]
"""The number of a row in its sheet, its cells as text, and what is wrong with which of them."""


def read(content: bytes) -> list[Row]:
    """Return the rows of the first sheet that are not empty; Invalid for no plain table."""
    if content.startswith(b"PK"):
        rows = list(_rows_of_book(content))
    elif content.startswith(b"\xd0\xcf\x11\xe0"):
        raise Invalid(_old_format(content))
    else:
        rows = list(_rows_of_text(content))
    if not rows:
        raise Invalid("表格是空的，没有任何内容")
    return rows


def _old_format(content: bytes) -> str:
    if "EncryptedPackage".encode("utf-16-le") in content:
        return "文件设有打开密码，请取消密码后另存为 .xlsx 再上传"
    return "不支持旧版 .xls 文件，请用电子表格软件另存为 .xlsx 再上传"


def _rows_of_book(content: bytes) -> Iterator[Row]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            sheet = _checked(archive)
            _refuse_merged(archive, sheet)
        yield from _numbered(_cells(content))
    except (DomainError, MemoryError):
        raise
    except Exception as error:
        # Whatever the libraries raise at hostile or broken files.
        raise Invalid(BROKEN) from error


def _checked(archive: zipfile.ZipFile) -> str:
    """Return the part that holds the first sheet of an archive that is safe to read."""
    parts = archive.infolist()
    names = {part.filename for part in parts}
    if "xl/workbook.xml" not in names:
        raise Invalid(NOT_A_SHEET)
    if any(part.flag_bits & 1 for part in parts):
        raise Invalid("文件设有打开密码，请取消密码后另存为 .xlsx 再上传")
    if "xl/vbaProject.bin" in names:
        raise Invalid("文件含有宏，请另存为不含宏的 .xlsx 再上传")
    # No part gives more bytes than it declares: the reader stops there.
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_BYTES:
        raise TooLarge("文件解压后过大，请只保留数据，去掉图片和多余的工作表")
    for part in parts:
        _refuse_entities(archive, part)
    return _first_sheet(archive)


def _streamed(archive: zipfile.ZipFile, part: zipfile.ZipInfo | str) -> Iterator[bytes]:
    """Yield a part in pieces, each with the end of the one before it."""
    with archive.open(part) as source:
        end = b""
        while piece := source.read(CHUNK):
            yield end + piece
            end = piece[-200:]


def _refuse_entities(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    for piece in _streamed(archive, part):
        # In UTF-16 there are zeros between the letters.
        if b"<!DOCTYPE" in piece.replace(b"\0", b"").upper():
            raise Invalid(ENTITIES)


def _first_sheet(archive: zipfile.ZipFile) -> str:
    book = ET.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314 - without DOCTYPE
    links = ET.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314 - likewise
    first = book.find(f"{_MAIN}sheets/{_MAIN}sheet")
    key = first.get(f"{_REL}id") if first is not None else None
    for link in links:
        if link.get("Id") == key:
            target = str(link.get("Target")).lstrip("/")
            return target if target.startswith("xl/") else f"xl/{target}"
    raise Invalid(BROKEN)


def _refuse_merged(archive: zipfile.ZipFile, sheet: str) -> None:
    found = [ref for piece in _streamed(archive, sheet) for ref in _MERGED.findall(piece)]
    if found:
        places = dict.fromkeys(ref.decode() for ref in found)
        raise Invalid(f"表格含有合并单元格（{_some(places)}），请取消合并，每行填写一条")


def _some(places: Iterable[str]) -> str:
    named = list(places)
    return "、".join(named[:NAMED]) + (f" 等 {len(named)} 处" if len(named) > NAMED else "")


def _cells(content: bytes) -> Iterator[tuple[int, list[Any]]]:
    """Yield the rows of the first sheet with their cells; no formula is ever worked out."""
    from openpyxl import load_workbook  # noqa: PLC0415 - only this process needs it

    book = load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
    sheet = book.worksheets[0]
    sheet.reset_dimensions()
    for no, row in enumerate(sheet.iter_rows(max_col=MOST_COLUMNS + 1), start=1):
        if no > MOST_LINES:
            raise TooLarge(FAR)
        yield no, [_told(cell) for cell in row]


def _told(cell: Any) -> Any:
    if cell.data_type == "f":
        return _Wrong(FORMULA)
    return _Wrong(f"单元格的内容是错误值 {cell.value}") if cell.data_type == "e" else cell.value


class _Wrong(str):
    """What is wrong with a cell, in the place of its text."""

    __slots__ = ()


def _rows_of_text(content: bytes) -> Iterator[Row]:
    try:
        text = _decoded(content)
        head = text.partition("\n")[0]
        mark = "\t" if "\t" in head and "," not in head else ","
        yield from _numbered(
            enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=mark), 1)
        )
    except csv.Error as error:
        raise Invalid(NOT_A_SHEET) from error


def _decoded(content: bytes) -> str:
    """Return the text of a CSV file, as spreadsheets write it here; Invalid for anything else."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text and not text.lstrip().startswith(("<", "%PDF")):
            return text
        break
    raise Invalid(NOT_A_SHEET)


def _numbered(found: Iterable[tuple[int, list[Any]]]) -> Iterator[Row]:
    count = letters = 0
    for no, values in found:
        faults: dict[int, str] = {}
        cells = [_text(value, place, faults) for place, value in enumerate(values)]
        while cells and not cells[-1] and len(cells) - 1 not in faults:
            cells.pop()
        if not cells:
            continue
        count += 1
        letters += sum(map(len, cells))
        if letters > MOST_LETTERS:
            raise TooLarge(MUCH)
        # The headings are one more.
        if count > MOST_ROWS + 1:
            raise TooLarge(LONG)
        if len(cells) > MOST_COLUMNS:
            raise Invalid(f"表格超过 {MOST_COLUMNS} 列，请照模板填写")
        yield no, cells, faults


def _text(value: Any, place: int, faults: dict[int, str]) -> str:
    """Return a cell as text; what cannot be told is noted."""
    if isinstance(value, _Wrong):
        faults[place] = str(value)
        return ""
    if isinstance(value, str) and _SIGNS.match(value):
        faults[place] = SIGNED
        return ""
    text = _plain(value)
    if isinstance(value, int | float) and sum(c.isdigit() for c in text) > EXACT_DIGITS:
        faults[place] = LOST
    if len(text) > LONGEST_CELL or not text.isprintable():
        faults[place] = "内容过长或含有无法保存的字符"
        return "".join(c for c in text[:LONGEST_CELL] if c.isprintable())
    return text


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}" if value.time() == time() else f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e18 else repr(value)
    return "" if value is None else " ".join(str(value).split())


def main(seconds: str, memory: str) -> None:
    """Read the standard input within these limits."""

    def work(source: IO[bytes]) -> dict[str, Any]:
        return {"rows": read(source.read())}

    answer(work, seconds, memory)


if __name__ == "__main__":
    main(*sys.argv[1:])
