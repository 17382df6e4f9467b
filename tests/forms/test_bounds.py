"""Conditions that bound an answer, numbers counted in steps, files at least, days from now."""

from datetime import date
from typing import Any

import pytest

from forms import AnswersForm, FormSpecError, build, display, item_types, parse
from forms.fields.simple import CHECKS, EXAMPLES

FORM = """
title: 学历
fields:
  - {name: origin, type: select, label: 院校, choices: [国内, 国外], default: 国内}
  - {name: end, type: month, label: 毕业}
  - {name: many, type: integer, label: 人数}
  - {name: code, type: text, label: 验证码, required_when: {origin: 国内, end: ">=2002"}}
  - {name: old, type: text, label: 报告, required_when: {origin: 国内, end: "<=2001-12"}}
  - {name: rank, type: text, label: 排名页, required_when: {many: ">=2"}}
  - {name: words, type: number, label: 字数, unit: 千字, places: 1, scaled: true, max: 100}
  - {name: part, type: number, label: 其中, places: 1, max: words}
  - {name: until, type: date, label: 有效期, min: today+90d}
  - {name: plans, type: files, label: 教案, min: 3, count: 5}
"""
SPEC = parse(FORM).at(date(2026, 11, 20), None)


def filled(**answers: Any) -> AnswersForm:
    form = build(SPEC)(data=answers)
    form.validate()
    return form


@pytest.mark.parametrize(
    ("answers", "due"),
    [
        ({"end": "2002-01"}, {"code"}),
        ({"end": "2001-12"}, {"old"}),
        ({"end": "2002-01", "origin": "国外"}, set()),
        ({}, set()),
        ({"many": 1}, set()),
        ({"many": 2}, {"rank"}),
        ({"many": 10}, {"rank"}),
    ],
)
def test_a_bound_makes_a_field_due(answers: dict[str, Any], due: set[str]) -> None:
    assert set(filled(**answers).errors) == due


@pytest.mark.parametrize(
    ("typed", "kept", "shown"),
    [
        ("12.5", 125, "12.5千字"),
        ("12", 120, "12千字"),
        ("１２．０", 120, "12千字"),
        ("0.1", 1, "0.1千字"),
        ("0", 0, "0千字"),
    ],
)
def test_words_are_kept_as_hundreds(typed: str, kept: int, shown: str) -> None:
    answer = filled(words=typed).answers()["words"]
    assert (answer, type(answer)) == (kept, int)
    assert display(SPEC.field("words"), answer) == shown
    again = filled(words=answer)
    assert again.answers()["words"] == kept
    assert again["words"]._value() == shown.removesuffix("千字")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("typed", "message"), [("12.55", "最多 1 位小数"), ("101", "不能大于 100"), ("一", "不是有效")]
)
def test_a_refused_number_stays_as_it_was_typed(typed: str, message: str) -> None:
    form = filled(words=typed)
    assert message in form.errors["words"][0]
    assert form["words"]._value() == typed  # type: ignore[attr-defined]


def test_a_limit_by_another_number_is_that_number_not_its_steps() -> None:
    assert filled(words=125, part="12.6").errors == {"part": ["不能大于字数（12.5）"]}
    assert filled(words=125, part="12.5").errors == {}


def test_a_number_without_steps_is_shown_as_it_was_kept() -> None:
    assert display(parse(FORM.replace(", scaled: true", "")).field("words"), "12.5") == "12.5千字"


def test_a_slot_that_wants_three_says_how_many_there_are() -> None:
    assert filled(plans=[1, 2]).errors == {"plans": ["至少上传 3 个，现有 2 个"]}
    assert filled(plans=[1, 2, 3]).errors == filled(plans=[]).errors == {}
    assert "3 至 5 个" in SPEC.field("plans").policy.help
    relaxed = build(SPEC.optional())(data={"plans": [1]})
    assert relaxed.validate()


def test_a_day_before_an_age_is_refused_with_the_age() -> None:
    form = item_types()["exam_certificate"].form.at(date(2026, 11, 20), date(1985, 3, 12))
    early = build(form)(data={"obtained": "2001-03-11"})
    early.validate()
    assert early.errors["obtained"] == ["不能早于 2001-03-12（年满 16 周岁）"]


def test_a_total_is_no_less_than_the_sum_of_its_rows() -> None:
    def said(total: object, *hours: object) -> list[str]:
        rows = [{"course": "数学", "hours": each} for each in hours]
        form = build(item_types()["teaching_university"].form)(
            data={"courses": rows, "total_hours": total}
        )
        form.validate()
        return list(form.errors.get("total_hours", []))

    assert said(48, 64, 32) == ["不能小于讲授课程中的学时之和（96）"]
    assert (
        said(96, 64, 32)
        == said(100, 64, 32)
        == said(48, 32, "")
        == said(48, "六")
        == said(5)
        == []
    )


def test_a_total_has_room_for_the_sum_of_the_most_that_its_rows_may_say() -> None:
    for kind in item_types().values():
        for field in kind.form.fields:
            if field.sum_of:
                rows, _, column = field.sum_of.partition(".")
                table = kind.form.field(rows)
                (part,) = (each for each in table.fields if each.name == column)
                assert int(field.max) >= int(table.max) * int(part.max), (kind.key, field.name)


def test_a_day_is_so_many_days_from_now() -> None:
    assert SPEC.field("until").min == "2027-02-18"
    assert filled(until="2027-02-17").errors == {"until": ["不能早于 2027-02-18"]}
    assert filled(until="2027-02-18").errors == {}


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("{name: a, type: text, label: 甲, only: true}", "only 须与 required_when 同用"),
        ("{name: a, type: text, label: 甲, check: patent, check_with: b}", "未知的字段 b"),
        ("{name: a, type: files, label: 甲, min: x}", "min 须为整数"),
        ("{name: a, type: integer, label: 甲, sum_of: b.c}", "没有列 b.c"),
        ("{name: a, type: number, label: 甲, scaled: 1}", "scaled 应为 true 或 false"),
    ],
)
def test_what_cannot_be_meant_is_refused(field: str, message: str) -> None:
    with pytest.raises(FormSpecError, match=message):
        parse(f"title: 表\nfields:\n  - {field}\n")


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (">=2002", "2002 年及以后"),
        ("<=2007", "2007 年及以前"),
        ("<=2001-12", "2001-12 及以前"),
        (">=2", "2 及以上"),
        ("<=5", "5 及以下"),
        ("国内", ""),
    ],
)
def test_a_bound_is_said_in_words(wanted: str, words: str) -> None:
    assert SPEC.field("code").bound_words(wanted) == words


def test_every_named_check_has_an_example_that_it_accepts() -> None:
    assert EXAMPLES.keys() == CHECKS.keys()
    assert {name: CHECKS[name](EXAMPLES[name], "") for name in CHECKS} == dict.fromkeys(CHECKS)
