"""A described form takes what people type, and loses nothing."""

from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from forms import FormSpecError, build, display, display_all, missing_labels, parse

SPEC = parse(
    """
title: 测试表
fields:
  - {name: opinion, type: textarea, label: 意见, required_when: {decision: return}, max_length: 9}
  - name: name
    type: text
    label: 姓名
    required: true
    max_length: 4
    pattern: '\\D+'
    message: 不能有数字
  - {name: isbn, type: text, label: 书号, check: isbn}
  - {name: score, type: number, label: 得分, required: true, min: 0, max: 100, places: 1, unit: 分}
  - {name: years, type: integer, label: 年限, required: true, min: 0, max: 60}
  - {name: day, type: date, label: 日期, required: true, min: 2000-01-01, max: 2026-12-31}
  - {name: month, type: month, label: 年月}
  - {name: nation, type: select, label: 民族, choices_from: ethnicity, search: true}
  - {name: unit, type: select, label: 单位, choices_from: units}
  - {name: way, type: radio, label: 方式, choices: [[a, 评审], {value: b, label: 认定}]}
  - {name: kinds, type: checkbox, label: 类别, choices: [甲, 乙, 丙], min: 1, max: 2}
  - {name: pledged, type: bool, label: 承诺, required: true}
  - {name: reason, type: text, label: 原因, required_when: {way: b, kinds: [甲, 丙]}}
  - {name: proofs, type: files, label: 证明, required: true, count: 2, types: [pdf], max_mb: 5}
  - {name: paper, type: file, label: 文件}
  - name: posts
    type: rows
    label: 聘用
    required: true
    max: 2
    fields:
      - {name: title, type: text, label: 名称, required: true}
      - {name: since, type: date, label: 开始}
      - {name: why, type: text, label: 说明, required_when: {way: b}}
actions:
  - {value: pass, label: 通过}
  - {value: return, label: 退回}
""",
    "test",
)
UNITS = {"units": [(7, "青禾小学"), (8, "第二中学")]}
GOOD = {
    "name": " 苏晓禾　", "score": "0", "years": "0", "day": "2026-11-20", "month": "2003-9",
    "nation": "汉族", "unit": "7", "way": "a", "kinds": ["甲", "乙"], "pledged": "true",
    "proofs": ["3", "4"], "paper": "9", "posts-0-title": "一级教师", "decision": "pass",
}  # fmt: skip


def posted(**changes: Any) -> Any:
    return build(SPEC, UNITS)(MultiDict({**GOOD, **changes}))


def faults(**changes: Any) -> dict[str, Any]:
    form = posted(**changes)
    form.validate()
    return dict(form.errors)


def test_a_good_form_gives_its_answers_as_json():
    form = posted()
    assert form.validate(), form.errors
    assert form.answers() == {
        "opinion": "", "name": "苏晓禾", "isbn": "", "score": "0", "years": 0,
        "day": "2026-11-20", "month": "2003-09", "nation": "汉族", "unit": "7", "way": "a",
        "kinds": ["甲", "乙"], "pledged": True, "reason": "", "proofs": [3, 4], "paper": 9,
        "posts": [{"title": "一级教师", "since": None, "why": ""}], "decision": "pass",
    }  # fmt: skip


def test_answers_survive_the_round_trip():
    answers = posted().answers()
    again = build(SPEC, UNITS)(data=answers)
    assert again.answers() == answers
    assert again.validate()
    assert 'value="2003-09"' in again["month"]()
    assert "checked" in again["pledged"]()


def test_an_empty_form_names_everything_that_is_missing():
    form = build(SPEC, UNITS)(MultiDict({"csrf_token": "x"}))
    assert not form.validate()
    assert [(label, text) for _id, label, text in form.problems()] == [
        ("姓名", "请填写姓名"), ("得分", "请填写得分"), ("年限", "请填写年限"),
        ("日期", "请选择日期"), ("承诺", "请勾选承诺"), ("证明", "请上传证明"),
        ("聘用", "至少填写 1 行"),
        ("办理结果", "请选择办理结果"),
    ]  # fmt: skip


def test_zero_is_an_answer():
    assert faults(score="0", years="0") == {}


def test_whitespace_alone_is_no_answer():
    assert faults(name=" 　\t") == {"name": ["请填写姓名"]}


@pytest.mark.parametrize(
    ("name", "typed", "message"),
    [
        ("name", "欧阳慕容氏", "不能超过 4 个字，现有 5 个字"),
        ("name", "苏3", "不能有数字"),
        ("name", "苏\x00", "含有不能使用的字符"),
        ("isbn", "978-7-00-000000-2", "ISBN 校验码不正确，请核对"),
        ("score", "abc", "不是有效的数字"),
        ("score", "NaN", "不是有效的数字"),
        ("score", "1e3", "不是有效的数字"),
        ("score", "12.55", "最多 1 位小数"),
        ("score", "-1", "不能小于 0"),
        ("score", "100.5", "不能大于 100"),
        ("years", "1.5", "请填写整数"),
        ("years", "61", "不能大于 60"),
        ("years", "9999999999", "数字过大"),
        ("day", "2026-02-30", "不是有效的日期，应如 2026-11-20"),
        ("day", "昨天", "不是有效的日期，应如 2026-11-20"),
        ("day", "1999-12-31", "不能早于 2000-01-01"),
        ("day", "2027-01-01", "不能晚于 2026-12-31"),
        ("month", "2026-13", "不是有效的年月，应如 2026-11"),
        ("month", "1899-12", "不能早于 1900-01-01"),
        ("nation", "火星族", "请选择列表中的选项"),
        ("unit", "9", "请选择列表中的选项"),
        ("way", "c", "请选择列表中的选项"),
        ("kinds", ["丁"], "请选择列表中的选项"),
        ("kinds", ["甲", "乙", "丙"], "最多选择 2 项"),
        ("proofs", ["1", "2", "3"], "最多上传 2 个，现有 3 个"),
        ("proofs", ["a.pdf"], "附件无效，请重新上传"),
        ("paper", ["1", "2"], "最多上传 1 个，现有 2 个"),
        ("decision", "steal", "请选择列表中的选项"),
    ],
)
def test_a_faulty_value_is_said_once_in_plain_words(name: str, typed: Any, message: str):
    assert faults(**{name: typed}) == {name: [message]}


def test_a_code_may_be_typed_full_width():
    form = posted(isbn="９７８－７－００－００００００－１")
    form.validate()
    assert "isbn" not in form.errors
    assert form.answers()["isbn"] == "978-7-00-000000-1"


@pytest.mark.parametrize("name", ["score", "years", "day", "month", "name"])
def test_what_was_typed_is_shown_again(name: str):
    form = posted(**{name: "2026-99-<b>"})
    form.validate()
    assert 'value="2026-99-&lt;b&gt;"' in form[name]()


def test_a_half_typed_draft_is_shown_again_and_faulted():
    form = build(SPEC, UNITS)(data={"day": "2026-1", "score": "12.", "name": "苏"})
    assert 'value="2026-1"' in form["day"]()
    assert 'value="12."' in form["score"]()
    form.validate()
    assert form.errors["day"] == ["不是有效的日期，应如 2026-11-20"]
    assert form.errors["score"] == ["不是有效的数字"]


def test_a_value_that_left_the_list_stays_visible_but_is_refused():
    form = build(SPEC, UNITS)(data={"unit": "99", "way": "z", "kinds": ["旧"]})
    assert '<option selected value="99">99</option>' in form["unit"]()
    assert "checked" in form["way"]()
    assert not form.validate()
    assert {"unit", "way", "kinds"} <= set(form.errors)


def test_full_width_digits_are_understood():
    form = posted(score="９５．５", years="１９", day="２０２６/１/５")
    assert form.validate(), form.errors
    assert form.answers()["score"] == "95.5"
    assert form.answers()["years"] == 19
    assert form.answers()["day"] == "2026-01-05"


def test_an_opinion_is_due_when_the_button_says_so():
    assert faults(decision="return") == {"opinion": ["请填写意见"]}
    assert faults(decision="return", opinion="材料不全") == {}


def test_every_condition_must_hold_and_any_value_will_do():
    assert faults(way="b", kinds=["乙"], **{"posts-0-why": "x"}) == {}
    assert faults(way="b", kinds=["丙"], **{"posts-0-why": "x"}) == {"reason": ["请填写原因"]}


def test_a_row_may_depend_on_the_form_around_it():
    assert faults(way="b", kinds=["乙"])["posts"] == [{"why": ["请填写说明"]}]


def test_surplus_rows_are_an_error_and_none_is_dropped():
    rows = {f"posts-{n}-title": f"职务{n}" for n in range(3)}
    form = posted(**rows)
    assert not form.validate()
    assert form.errors["posts"] == ["最多填写 2 行，现有 3 行"]
    assert [row["title"] for row in form.answers()["posts"]] == ["职务0", "职务1", "职务2"]


def test_rows_with_gaps_are_kept_and_untouched_rows_are_ignored():
    form = posted(**{"posts-0-title": "", "posts-7-title": "高级教师", "posts_x5": "1"})
    assert form.validate(), form.errors
    assert [row["title"] for row in form.answers()["posts"]] == ["高级教师"]


def test_a_fault_in_a_row_leads_to_its_field():
    form = posted(**{"posts-0-title": "", "posts-0-since": "2020-13-01"})
    assert not form.validate()
    assert form.problems() == [
        ("posts-0-title", "聘用 第 1 行 名称", "请填写名称"),
        ("posts-0-since", "聘用 第 1 行 开始", "不是有效的日期，应如 2026-11-20"),
    ]


def test_stored_rows_are_shown_again_and_rubbish_is_passed_over():
    form = build(SPEC, UNITS)(data={"posts": [{"title": "一级教师"}, "rubbish"]})
    assert [entry.form["title"].data for entry in form["posts"]] == ["一级教师"]
    assert build(SPEC, UNITS)(data={"posts": None})["posts"].is_empty()


def test_what_is_still_missing_is_named_and_zero_is_not_missing():
    answers = {**posted().answers(), "years": 0, "name": "", "posts": []}
    assert missing_labels(SPEC, answers, UNITS) == ["姓名", "聘用"]


def test_unticked_boxes_and_removed_files_are_empty_lists_of_their_own():
    form = posted(kinds=[], paper=[], proofs=[])
    answers = form.answers()
    assert (answers["kinds"], answers["paper"], answers["proofs"]) == ([], None, [])


def test_a_form_with_one_button_needs_no_choice():
    spec = parse("title: 表\nactions: [{value: done, label: 完成}]")
    form = build(spec)(MultiDict({"csrf_token": "x"}))
    assert form.validate()
    assert form.answers() == {"decision": "done"}


def test_files_travel_as_hidden_ids():
    form = posted()
    assert form["proofs"]() == (
        '<input type="hidden" name="proofs" value="3">'
        '<input type="hidden" name="proofs" value="4">'
    )
    policy = SPEC.field("proofs").policy
    assert (policy.accept, policy.count, policy.max_bytes) == (".pdf", 2, 5 * 2**20)
    assert policy.help == "pdf，每个不超过 5 MB，最多 2 个"
    assert SPEC.field("paper").policy.count == 1


def test_a_source_of_options_must_be_given():
    with pytest.raises(FormSpecError, match="没有名为 units 的选项来源"):
        build(SPEC)


def test_an_own_message_stands_for_the_missing_answer_where_nothing_else_can_be_wrong():
    field = "{name: a, type: textarea, label: 甲, required: true, message: 退回时请写明原因}"
    form = build(parse(f"title: 表\nfields: [{field}]"))(data={})
    form.validate()
    assert form.errors == {"a": ["退回时请写明原因"]}


def test_too_few_ticks_are_refused():
    spec = parse(
        "title: 表\nfields: [{name: a, type: checkbox, label: 甲, choices: [x, y, z], min: 2}]"
    )
    form = build(spec)(MultiDict({"a": "x"}))
    form.validate()
    assert form.errors == {"a": ["至少选择 2 项"]}


def test_long_lists_are_marked_for_search_and_texts_bounded_in_the_browser():
    form = posted()
    assert 'data-search="true"' in form["nation"]()
    assert 'maxlength="4"' in form["name"]()
    assert 'rows="4"' in form["opinion"]()


def test_answers_are_shown_in_words():
    shown = dict(display_all(SPEC, posted().answers(), UNITS))
    assert shown == {
        "意见": "", "姓名": "苏晓禾", "书号": "", "得分": "0分", "年限": "0", "日期": "2026-11-20",
        "年月": "2003-09", "民族": "汉族", "单位": "青禾小学", "方式": "评审", "类别": "甲、乙",
        "承诺": "是", "原因": "", "证明": "2 个附件", "文件": "1 个附件",
    }  # fmt: skip
    assert display(SPEC.field("pledged"), False) == "否"
    assert dict(display_all(SPEC, {}, UNITS))["承诺"] == "否", "a box that nobody touched"
    assert display(SPEC.field("posts"), [{}, {}]) == "2 行"
    assert display(SPEC.field("way"), "旧值") == "旧值"


def test_a_new_form_starts_with_its_defaults():
    spec = parse(
        "title: 表\nfields:\n"
        "  - {name: post, type: text, label: 党政职务, default: 无}\n"
        "  - {name: kinds, type: checkbox, label: 类别, choices: [甲, 乙], default: [甲]}\n"
        "  - {name: agreed, type: bool, label: 同意, default: true}\n"
    )
    assert build(spec)().answers() == {"post": "无", "kinds": ["甲"], "agreed": True}
    assert build(spec)(data={"post": ""}).answers()["post"] == ""


def test_a_pattern_knows_the_digits_of_our_script_only() -> None:
    field = "{name: at, type: text, label: 时间, pattern: '[0-2]\\d:[0-5]\\d'}"
    asked = build(parse(f"title: 测试表\nfields:\n  - {field}\n", "test"))
    assert asked(MultiDict({"at": "09:30"})).validate()
    assert not asked(MultiDict({"at": "0٩:3٠"})).validate()
