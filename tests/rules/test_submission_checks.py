"""开始检测: the table before 提交审核."""

import re
from pathlib import Path
from typing import Any

import pytest

from rules import evaluate, sets
from rules.checks.assessment import NEXT
from rules.report import Row
from tests.rules.golden import FIRST_ROWS, SECOND_ROWS, first_run, second_run


def table(facts: dict[str, Any]) -> list[tuple[str, str, bool]]:
    return [(row.subject, row.text, row.passed) for row in evaluate("submission", facts).rows]


def row(facts: dict[str, Any], subject: str) -> Row:
    return next(row for row in evaluate("submission", facts).rows if row.subject == subject)


def test_the_first_run_of_the_golden_case_gives_its_eleven_rows():
    assert table(first_run()) == FIRST_ROWS
    assert not evaluate("submission", first_run()).passed
    assert [row.no for row in evaluate("submission", first_run()).failures] == [5, 9]


def test_the_second_run_of_the_golden_case_passes_all_eleven():
    assert table(second_run()) == SECOND_ROWS
    assert evaluate("submission", second_run()).passed


@pytest.mark.parametrize("place", ["anhui", "fujian"])
def test_the_golden_case_reads_the_same_where_another_flag_is_ticked(place: str):
    assert table({**second_run(), "jurisdiction": place}) == SECOND_ROWS


def test_rows_are_numbered_and_lead_to_what_must_be_mended():
    rows = evaluate("submission", first_run()).rows
    assert [row.no for row in rows] == list(range(1, 12))
    assert [row.anchor for row in rows] == [
        "basics", "work", "training", "education", "assessment", "files",
        "item:1", "item:2", "item:3", "item:4", "item:5",
    ]  # fmt: skip
    assert rows[0].rule == "personal.complete"


def test_reminders_stand_below_and_never_block():
    report = evaluate("submission", second_run())
    assert [(hint.no, hint.text) for hint in report.hints] == [
        (1, "2025 年度 72 学时, 不足每年 90 学时"),
        (2, "年度考核一般须填报最近 5 年, 现有 1 年"),
    ]
    assert report.passed


def test_nothing_is_reminded_when_hours_of_a_year_add_up_and_five_years_are_on_record():
    facts = second_run()
    facts["training"] = [{"year": 2025, "hours": 72}, {"year": 2025, "hours": 18}]
    facts["assessments"] = [{"year": year, "result": "合格"} for year in range(2021, 2026)]
    assert evaluate("submission", facts).hints == []


def test_missing_personal_fields_and_photo_are_named():
    facts = second_run()
    facts["personal"] = {"missing": ["民族", "出生地"], "photo": False}
    found = row(facts, "个人信息检测")
    assert found.text == "个人信息未填写完整: 民族、出生地, 个人免冠照片尚未上传"
    assert not found.passed


@pytest.mark.parametrize(
    ("section", "subject", "text"),
    [
        ("work", "工作经历", "已填写 0 条工作经历信息, 至少填写 1 条"),
        ("training", "继续教育经历", "已填写 0 条继续教育经历信息, 至少填写 1 条"),
    ],
)
def test_a_section_without_records_fails(section: str, subject: str, text: str):
    facts = second_run()
    facts["entries"][section] = 0
    found = row(facts, subject)
    assert (found.text, found.passed) == (text, False)


def test_education_fails_without_records_and_without_the_flag():
    facts = second_run()
    facts["education"]["highest"] = ""
    found = row(facts, "教育经历")
    assert (found.text, found.passed) == ("已填写 1 条教育经历信息, 未设定最高学历", False)
    facts["entries"]["education"] = 0
    assert not row(facts, "教育经历").passed


@pytest.mark.parametrize(
    ("result", "passes"),
    [("优秀", True), ("合格", True), ("基本合格", False), ("不定等次", False), ("不合格", False)],
)
def test_only_qualified_years_count(result: str, passes: bool):
    facts = second_run()
    facts["assessments"] = [{"year": 2025, "result": result}]
    found = row(facts, "年度考核情况")
    assert found.passed is passes
    assert ("合格以上 0 条, 至少 1 条" in found.text) is not passes


@pytest.mark.parametrize(
    ("paid_by", "text"),
    [
        ("", None),
        ("青禾小学", "与申报单位 云桥区青禾小学(本部) 一致"),
        ("云桥区青禾小学（ 本部 ）", "与申报单位 云桥区青禾小学(本部) 一致"),
        (
            "淮城人力资源公司",
            f"与申报单位 云桥区青禾小学(本部) 不一致: 2025 年度为 淮城人力资源公司, {NEXT}",
        ),
        ("DEMO 学校", "与申报单位 云桥区青禾小学(本部) 一致"),
    ],
    ids=["form", "former name", "signs", "another", "case"],
)
def test_whoever_paid_the_insurance_is_the_declaring_unit(paid_by: str, text: str | None):
    facts = second_run()
    facts["unit"] = ["云桥区青禾小学(本部)", "青禾小学", "Ｄemo学校"]
    facts["assessments"] = [
        {"year": 2024, "result": "合格"},
        {"year": 2025, "result": "合格", "paid_by": paid_by},
    ]
    rows = [r for r in evaluate("submission", facts).rows if r.subject == "社保缴费单位"]
    assert [r.text for r in rows] == ([text] if text else [])
    assert all(r.passed is ("不一致" not in r.text) for r in rows)
    del facts["unit"]
    assert evaluate("submission", facts).passed


@pytest.mark.parametrize(
    ("since", "employers", "passes"),
    [(2025, [], False), (2026, [], None), (2025, ["淮城公司"], True)],
    ids=["since then", "before", "employer then"],
)
def test_years_before_and_employers_of_the_year_are_not_held_against_the_unit(
    since: int, employers: list[str], passes: bool | None
):
    facts = second_run()
    facts["unit"], facts["unit_since"] = ["青禾小学"], since
    told = {"year": 2025, "result": "合格", "paid_by": "淮城公司", "employers": employers}
    facts["assessments"] = [told]
    found = [r.passed for r in evaluate("submission", facts).rows if r.subject == "社保缴费单位"]
    assert found == ([] if passes is None else [passes])


def test_assessment_says_how_many_results_are_missing():
    facts = second_run()
    facts["assessments"] = [{"year": 2024, "result": ""}, {"year": 2025, "result": "合格"}]
    found = row(facts, "年度考核情况")
    assert found.text == "已添加 2 条年度考核记录, 其中 1 条未填写年度考核结果"
    facts["assessments"] = []
    assert row(facts, "年度考核情况").text == "已添加 0 条年度考核记录, 至少添加 1 条"
    assert not row(facts, "年度考核情况").passed


def test_a_missing_attachment_is_named_even_in_a_slot_that_is_not_printed():
    facts = second_run()
    facts["slots"][1]["count"] = 0
    facts["slots"][3].update(required=True)
    facts["slots"][3].update(count=0)
    found = row(facts, "附件上传情况")
    assert "身份证正反面 为必填项, 当前尚未上传, 身份证正反面 已上传附件 0 个" in found.text
    assert "其他相关附件 为必填项, 当前尚未上传" in found.text
    assert not found.passed


def test_too_few_and_too_many_attachments_fail():
    facts = second_run()
    facts["slots"][0].update(count=1, min=2)
    facts["slots"][1].update(count=3)
    text = row(facts, "附件上传情况").text
    assert "职称填报承诺书 至少上传 2 个附件" in text
    assert "身份证正反面 最多上传 2 个附件" in text


def test_a_plan_without_attachments_has_nothing_to_ask():
    facts = {**second_run(), "slots": []}
    assert row(facts, "附件上传情况").text == "本计划没有必须上传的附件"
    assert row(facts, "附件上传情况").passed


def test_counting_by_items_sees_two_records_in_one_item_as_one():
    facts = second_run()
    category = facts["categories"][3]
    for item in category["items"]:
        item["count"] = 0
    category["items"][0]["count"] = 2
    assert row(facts, "业绩条件").passed
    category["count_by"] = "items"
    found = row(facts, "业绩条件")
    assert found.text.startswith("业绩条件 要求至少录入2项, 当前已录入了 1 项, ")
    assert not found.passed


def test_an_item_beyond_its_limit_fails():
    facts = second_run()
    facts["categories"][4]["items"][1]["count"] = 4
    found = row(facts, "教研科研条件")
    assert "出版教育教学专著 最多录入 3 个业绩, 出版教育教学专著 已录入 4 个业绩" in found.text
    assert not found.passed


def test_an_item_below_its_minimum_fails_and_an_optional_one_may_stay_empty():
    facts = second_run()
    facts["categories"][0]["items"][0].update(min=2)
    assert "任职期表彰奖励 要求至少录入 2 个业绩" in row(facts, "思想政治").text
    facts["categories"][0]["items"][0].update(required=False, count=0)
    assert row(facts, "思想政治").passed


def test_a_category_without_items_passes():
    facts = second_run()
    facts["categories"][0]["items"] = []
    assert row(facts, "思想政治").text == "没有需要填报的业绩"
    assert row(facts, "思想政治").passed


@pytest.fixture
def a_set_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for path in sets.ROOT.glob("*.toml"):
        (tmp_path / path.name).write_text(path.read_text("utf-8"), "utf-8")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr(sets, "ROOT", tmp_path)
    sets.load.cache_clear()
    sets.table.cache_clear()
    yield tmp_path / "elsewhere" / "submission.toml"
    sets.load.cache_clear()
    sets.table.cache_clear()


def test_a_jurisdiction_changes_one_parameter(a_set_of_its_own: Path):
    a_set_of_its_own.write_text(
        '[parameters."education.flag_set"]\nflag = "qualifying"\nlabel = "合格学历"\n'
    )
    facts = {**second_run(), "jurisdiction": "elsewhere"}
    assert row(facts, "教育经历").text == "已填写 1 条教育经历信息, 已设定合格学历: 大学本科"
    assert len(evaluate("submission", facts).rows) == 11


def test_a_jurisdiction_replaces_the_whole_list(a_set_of_its_own: Path):
    a_set_of_its_own.write_text('[[checks]]\nrule = "files.slots_filled"\n')
    facts = {**second_run(), "jurisdiction": "elsewhere"}
    assert [row.subject for row in evaluate("submission", facts).rows] == ["附件上传情况"]


def test_a_jurisdiction_without_its_own_set_uses_the_national_one():
    assert table({**second_run(), "jurisdiction": "nowhere"}) == SECOND_ROWS


@pytest.mark.parametrize("rule", ["nothing.here", "files.nothing"])
def test_a_rule_nobody_wrote_is_refused(a_set_of_its_own: Path, rule: str):
    a_set_of_its_own.write_text(f'[[checks]]\nrule = "{rule}"\n')
    with pytest.raises(sets.RuleSetError, match=re.escape(f"没有规则 {rule}")):
        evaluate("submission", {**second_run(), "jurisdiction": "elsewhere"})


@pytest.mark.parametrize(
    ("name", "place"), [("no_such_set", ""), ("../x", ""), ("submission", "../x")]
)
def test_a_set_that_does_not_exist_is_refused(name: str, place: str):
    with pytest.raises(sets.RuleSetError):
        evaluate(name, {"jurisdiction": place})


@pytest.mark.parametrize(("count", "passed"), [(0, False), (1, True), (3, True)])
def test_fujian_asks_the_health_series_for_its_own_part(count: int, passed: bool):
    special = {"series": "卫生技术人员", "types": ["临床工作量", "病案"], "count": count}
    facts = {**second_run(), "jurisdiction": "fujian", "special": special}
    found = row(facts, "卫生技术人员专用业绩")
    assert (found.passed, found.anchor) == (passed, "portfolio")
    assert f"临床工作量、病案已通过审核 {count} 项" in found.text
    assert ("至少 1 项" in found.text) == (not passed)


def test_elsewhere_and_of_other_series_nothing_is_said_of_it():
    special = {"series": "卫生技术人员", "types": ["临床工作量"], "count": 0}
    for facts in ({"jurisdiction": "anhui", "special": special}, {"jurisdiction": "fujian"}):
        rows = evaluate("submission", {**second_run(), **facts}).rows
        assert not [each for each in rows if "专用业绩" in each.subject]
