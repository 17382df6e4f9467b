"""Spreadsheets: what people hand in is read as text, or refused with its reason."""

import io
import zipfile
from typing import Any

import pytest
from openpyxl import Workbook

from app.core import sheets, sheets_child
from app.core.errors import Invalid, TooLarge
from tests.builders.sheets import a_book, saved


def rows(content: bytes) -> list[list[str]]:
    return [cells for _, cells, _ in sheets_child.read(content)]


def refusal(content: bytes) -> str:
    with pytest.raises((Invalid, TooLarge)) as refused:
        sheets_child.read(content)
    return str(refused.value)


def book(**cells: Any) -> bytes:
    made = Workbook()
    for place, value in cells.items():
        made.active[place] = value
    return saved(made)


def with_parts(content: bytes, **parts: bytes) -> bytes:
    """The same archive with other parts in it, or parts of other content."""
    target = io.BytesIO()
    names = {name.replace("__", "/").replace("_dot_", "."): data for name, data in parts.items()}
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made,
    ):
        for part in source.infolist():
            if part.filename not in names:
                made.writestr(part.filename, source.read(part.filename))
        for name, data in names.items():
            made.writestr(name, data)
    return target.getvalue()


def test_cells_are_read_as_text_and_empty_rows_are_passed_over() -> None:
    import datetime

    content = a_book(
        ["姓名", "日期", "数"],
        [None, "", None],
        ["  林 晓禾 ", datetime.date(2026, 1, 2), 7.0],
        [True],
    )
    assert sheets_child.read(content) == [
        (1, ["姓名", "日期", "数"], {}),
        (3, ["林 晓禾", "2026-01-02", "7"], {}),
        (4, ["是"], {}),
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "gb18030"])
def test_a_csv_is_read_in_the_encodings_that_are_used_here(encoding: str) -> None:
    assert rows('姓名,单位\r\n林晓禾,"一,二"\r\n'.encode(encoding)) == [
        ["姓名", "单位"],
        ["林晓禾", "一,二"],
    ]
    assert rows("姓名\t单位\n林晓禾\t一\n".encode(encoding))[1] == ["林晓禾", "一"]


def test_a_long_number_that_was_kept_as_a_number_is_told_at_its_cell() -> None:
    ((_, _, _), (no, cells, faults)) = sheets_child.read(
        a_book(["号码", "数"], [340101199003070029, 12], text=False)
    )
    assert (no, cells[1], faults) == (2, "12", {0: sheets_child.LOST})


def test_an_error_value_is_told_at_its_cell() -> None:
    content = a_book(["甲", "乙"], ["一", "#REF!"], text=False)
    assert sheets_child.read(content)[1][2] == {1: "单元格的内容是错误值 #REF!"}


def test_a_formula_is_told_at_its_cell_and_never_worked_out() -> None:
    content = book(A1="甲", B1="乙", A2="一", B2="=1+1", A3='=HYPERLINK("x")', A4="二")
    assert sheets_child.read(content) == [
        (1, ["甲", "乙"], {}),
        (2, ["一", ""], {1: sheets_child.FORMULA}),
        (3, [""], {0: sheets_child.FORMULA}),
        (4, ["二"], {}),
    ]


@pytest.mark.parametrize("hostile", ["=cmd|' /C calc'!A0", "@SUM(A1)", "+cmd|x", "-(2)", " =1"])
def test_what_a_spreadsheet_would_take_for_a_formula_is_told_at_its_cell(hostile: str) -> None:
    table = ["甲", "乙"], [hostile, "一"], ["二"]
    for content in (f"甲,乙\n{hostile},一\n二\n".encode(), a_book(*table)):
        (_, formula, sound) = sheets_child.read(content)
        assert formula == (2, ["", "一"], {0: sheets_child.SIGNED})
        assert sound == (3, ["二"], {})


def test_a_sign_before_a_number_is_no_formula() -> None:
    assert rows("甲\n+86 13800000000\n-\n".encode())[1:] == [["+86 13800000000"], ["-"]]


def test_formulas_down_a_whole_column_are_told_at_each_row() -> None:
    content = book(A1="甲", **{f"A{no}": f"=B{no}" for no in range(2, 300)})
    told = sheets_child.read(content)[1:]
    assert len(told) == 298
    assert all(faults == {0: sheets_child.FORMULA} for _, _, faults in told)


def test_merged_cells_are_refused() -> None:
    made = Workbook()
    made.active.append(["甲", "乙"])
    made.active.append(["一", "二"])
    made.active.merge_cells("A2:B2")
    assert "合并单元格（A2:B2）" in refusal(saved(made))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xd0\xcf\x11\xe0" + bytes(600), "旧版 .xls"),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "打开密码"),
        (b"%PDF-1.7 abc", "不是电子表格"),
        (b"<html><table></table></html>", "不是电子表格"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "不是电子表格"),
        (b"PK\x03\x04 torn", "已损坏"),
        (b"\n , ,\n", "是空的"),
    ],
)
def test_what_is_no_spreadsheet_is_refused_with_what_to_do(content: bytes, said: str) -> None:
    assert said in refusal(content)


def test_an_archive_that_is_no_workbook_is_refused() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made:
        made.writestr("word/document.xml", "<a/>")
    assert "不是电子表格" in refusal(target.getvalue())
    assert "已损坏" in refusal(with_parts(a_book(["甲"]), xl__workbook_dot_xml=b"<torn"))
    assert "宏" in refusal(with_parts(a_book(["甲"]), xl__vbaProject_dot_bin=b"x"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_external_entities_are_never_read(encoding: str) -> None:
    hostile = (
        f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE sst '
        '[<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        "<si><t>&x;</t></si></sst>"
    ).encode(encoding)
    content = with_parts(a_book(["甲"], ["乙"]), xl__sharedStrings_dot_xml=hostile)
    assert "外部实体" in refusal(content)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    content = with_parts(a_book(["甲"]), xl__worksheets__sheet9_dot_xml=b" " * 120 * 2**20)
    assert len(content) < 2**20
    with pytest.raises(TooLarge, match="解压后过大"):
        sheets.read_sheet(content)


def test_one_text_in_thousands_of_cells_is_refused_by_the_process_that_reads_it() -> None:
    content = a_book(["甲"] * 9, *[["字" * 1900] * 9 for _ in range(500)])
    with pytest.raises(TooLarge, match="文字过多"):
        sheets.read_sheet(content)


def test_a_part_of_any_name_is_looked_at() -> None:
    hostile = b'<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x/>'
    assert "外部实体" in refusal(with_parts(a_book(["甲"], ["乙"]), xl__other_dot_XML=hostile))


def test_too_many_rows_and_columns_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets_child, "MOST_ROWS", 3)
    table = [["甲"], ["1"], ["2"], ["3"]]
    assert len(rows(a_book(*table))) == 4
    with pytest.raises(TooLarge, match="请拆分"):
        sheets_child.read(a_book(*table, ["4"]))
    assert "超过 60 列" in refusal(a_book(["甲"] * 61))


def test_something_far_below_the_table_is_told_instead_of_looked_for() -> None:
    assert "第 100000 行以后" in refusal(book(A1="甲", A2="乙", A1048576="丙"))
    assert rows(book(A1="甲", A2000="乙")) == [["甲"], ["乙"]]


def test_a_million_rows_are_refused_soon() -> None:
    content = ("姓名\n" + "林\n" * 1_000_000).encode()
    with pytest.raises(TooLarge, match="请拆分"):
        sheets.read_sheet(content)


def test_the_child_tells_what_it_read_and_what_it_refuses() -> None:
    head, row = sheets.read_sheet(a_book(["甲", "乙"], [None, 340101199003070029], text=False))
    assert (head.cells, row.no, row.at(0), row.at(9)) == (["甲", "乙"], 2, "", "")
    assert row.faults == {1: sheets_child.LOST}
    with pytest.raises(Invalid, match="不是电子表格") as refused:
        sheets.read_sheet(b"%PDF")
    assert refused.value.field == "file"


def test_a_file_that_costs_too_much_is_refused() -> None:
    with pytest.raises(TooLarge, match="时间或内存"):
        sheets.read_sheet(a_book(["甲"], ["乙"]), memory=8 * 2**20)
