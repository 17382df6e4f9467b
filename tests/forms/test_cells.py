"""Cells of a spreadsheet as answers of a form."""

from typing import Any

import pytest

from forms import FieldSpec, item_types
from forms.cells import YES, advice_on, answer_in, example_of, examples_of, fits_cell, labels_of

LEVELS = (("a", "省级"), ("b", "市级"))


def a_field(type_: str = "text", **options: Any) -> FieldSpec:
    return FieldSpec("field", type_, "名称", **options)


@pytest.mark.parametrize(
    ("field", "typed", "answer"),
    [
        (a_field(), "甲", "甲"),
        (a_field("select", choices=LEVELS), "市级", "b"),
        (a_field("select", choices=LEVELS), "县级", "县级"),
        (a_field("checkbox", choices=LEVELS), "省级，市级", ["a", "b"]),
        (a_field("bool"), YES, "true"),
        (a_field("bool"), "否", ""),
        (a_field("date"), "2024年5月1日", "2024-5-1"),
        (a_field("date"), "2024.5.1", "2024-5-1"),
        (a_field("month"), "2024-05-01", "2024-05"),
        (a_field("month"), "2024年5月", "2024-5"),
        (a_field("month"), "2024.05", "2024-05"),
        (a_field("month"), "2024.5", "2024.5"),
        (a_field("text"), "2024.05", "2024.05"),
    ],
)
def test_a_cell_is_read_as_people_write_it(field: FieldSpec, typed: str, answer: Any) -> None:
    assert answer_in(field, typed) == answer


def test_a_box_is_ticked_or_not() -> None:
    with pytest.raises(ValueError, match="名称请填写“是”或“否”"):
        answer_in(a_field("bool"), "有")


def test_files_and_tables_stay_out() -> None:
    assert [fits_cell(a_field(t)) for t in ("files", "file", "rows", "month")] == [
        *(False,) * 3,
        True,
    ]


def test_lists_are_offered() -> None:
    assert labels_of(a_field("select", choices=LEVELS)) == ("省级", "市级")
    assert labels_of(a_field("bool")) == ("是", "否")
    assert labels_of(a_field()) == ()


@pytest.mark.parametrize(
    ("field", "example"),
    [
        (a_field(placeholder="如 优秀教师"), "优秀教师"),
        (a_field(max_length=2), "名称"),
        (a_field("select", choices=LEVELS), "省级"),
        (a_field("integer", max="today"), "2025"),
        (a_field("integer", min="3"), "3"),
        (a_field("number", min="0"), "1"),
        (a_field("date", min="today"), ""),
        (a_field(pattern="x{3}"), ""),
    ],
)
def test_an_example_is_told_where_one_is_known(field: FieldSpec, example: str) -> None:
    assert example_of(field) == example


def test_the_examples_of_a_line_agree() -> None:
    patent = examples_of(item_types()["patent"].form)
    assert (patent["transformed"], patent["benefit"], patent["name"]) == ("否", "", "专利名称示例")
    assert examples_of(item_types()["engineering"].form)["scale"] == "大型"


def test_the_notes_say_what_the_form_asks() -> None:
    labels = {"start": "开始年月", "kind": "类别"}
    month = a_field("month", min="start", max="today")
    assert advice_on(month, labels) == "如 2025-06；不早于“开始年月”，不晚于今天"
    words = a_field("number", unit="千字", min="0", max="10000")
    assert advice_on(words, labels) == "单位：千字；不小于 0，不大于 10000"
    due = a_field(required_when=(("kind", ("甲", "乙")),), max_length=9, help="写全")
    assert advice_on(due, labels) == "写全；不超过 9 个字；类别为甲、乙时必填"
    late = a_field(required_when=(("start", (">=2002",)),))
    assert advice_on(late, labels) == "开始年月为 2002 年及以后时必填"
    begun = a_field("select", choices=LEVELS, default="a")
    assert advice_on(begun, labels) == "留空为“省级”"
