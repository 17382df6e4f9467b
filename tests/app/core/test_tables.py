"""Lists as files: nothing in them is read as a formula."""

import io

from flask import Flask
from openpyxl import load_workbook

from app.core.tables import Offer, Sheet, harmless, workbook_answer

FORMULAS = ("=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "\t=1")


def test_a_cell_of_a_csv_is_no_formula() -> None:
    assert [harmless(text)[0] for text in FORMULAS] == ["'"] * 5
    assert (harmless("林晓禾"), harmless(None)) == ("林晓禾", "")


def test_what_begins_no_formula_goes_into_a_csv_as_it_is() -> None:
    plain = ["1/3", "2/10", "1/2/3", "2024-09", "1/甲", "3"]
    assert [harmless(text) for text in plain] == plain


def test_a_cell_of_a_workbook_is_text_and_stays_as_it_is(app: Flask) -> None:
    with app.test_request_context():
        answer = workbook_answer(
            "名单", [Sheet("表", ("=甲",), [(text,) for text in FORMULAS], (20,))]
        )
    sheet = load_workbook(io.BytesIO(answer.data))["表"]
    cells = [cell for (cell,) in sheet.iter_rows()]
    assert [cell.value for cell in cells] == ["=甲", *FORMULAS]
    assert {(cell.data_type, cell.number_format) for cell in cells} == {("s", "@")}
    assert sheet.column_dimensions["A"].number_format == "@"


def test_what_is_offered_is_found_in_the_sheet_as_the_file_calls_it(app: Flask) -> None:
    name = "年度/考核's"
    sheets = (
        Sheet("填写", ("等次",), offers={0: Offer(name, 0, 1)}),
        Sheet(name, ("等次",), rows=(("合格",),)),
    )
    with app.test_request_context():
        content = workbook_answer("样表", sheets).get_data()
    book = load_workbook(io.BytesIO(content))
    assert book.sheetnames == ["填写", "年度_考核's"]
    (rule,) = book["填写"].data_validations.dataValidation
    assert rule.formula1 == "'年度_考核''s'!$A$2:$A$2"


def test_signs_that_cannot_be_written_are_left_out(app: Flask) -> None:
    with app.test_request_context():
        answer = workbook_answer(
            "名单", [Sheet("表", ("甲",), [("一\x00\x0b二", 3), (None, True)])]
        )
    read = list(load_workbook(io.BytesIO(answer.data))["表"].values)
    assert read == [("甲", None), ("一二", 3), (None, "True")]
