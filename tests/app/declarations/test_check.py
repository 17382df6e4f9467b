"""开始检测: the golden case gives exactly the tables of the manual."""

import pytest
from flask import Flask

from app.core.clock import now
from app.core.db import transaction
from app.core.errors import Invalid
from app.declarations import facts, operations
from tests.builders.declarations import golden_declaration, mend
from tests.builders.plans import a_title
from tests.builders.portfolio import an_approved_item

FIRST = [
    ("个人信息检测", "个人信息已填写完整, 个人免冠照片已正确上传", True),
    ("工作经历", "已填写 1 条工作经历信息", True),
    ("继续教育经历", "已填写 1 条继续教育经历信息", True),
    ("教育经历", "已填写 1 条教育经历信息, 已设定最高学历: 大学本科", True),
    ("年度考核情况", "已添加 1 条年度考核记录, 未填写年度考核结果", False),
    (
        "附件上传情况",
        (
            "职称填报承诺书 已上传附件 1 个, 身份证正反面 已上传附件 1 个, "
            "班主任工作经历 已上传附件 1 个"
        ),
        True,
    ),
    ("思想政治", "任职期表彰奖励 已录入 1 个业绩", True),
    ("乡村任教或支教", "乡村任教或支教经历 已录入 1 个业绩", True),
    (
        "能力条件",
        (
            "行动研究报告 为必填项, 当前尚未录入, 行动研究报告 已录入 0 个业绩, "
            "指导青年教师方面 为必填项, 当前尚未录入, 指导青年教师方面 已录入 0 个业绩"
        ),
        False,
    ),
    (
        "业绩条件",
        (
            "业绩条件 要求至少录入2项记录, 当前已录入了 2 项, 教育教学类表彰 已录入 1 个业绩, "
            "政府特殊津贴 已录入 0 个业绩, 教学成果奖 已录入 1 个业绩, "
            "优秀班主任或所带班级获得表彰 已录入 0 个业绩, "
            "发展学生个性特长和创新能力方面做出成绩 已录入 0 个业绩, "
            "开展教育教学改革并取得突出成绩 已录入 0 个业绩, "
            "主持或参与制定教育教学改革类文件、标准等 已录入 0 个业绩, "
            "积极开展教育教学改革 已录入 0 个业绩"
        ),
        True,
    ),
    (
        "教研科研条件",
        (
            "教研科研条件 要求至少录入1项记录, 当前已录入了 1 项, "
            "本学科教育教学论文或教学方法介绍 已录入 0 个业绩, "
            "出版教育教学专著 已录入 1 个业绩, "
            "国家课程教材、省级或地方教材编写 已录入 0 个业绩, "
            "主持并完成课题研究 已录入 0 个业绩, "
            "国家教育考试命题工作 已录入 0 个业绩"
        ),
        True,
    ),
]
SECOND = [
    *FIRST[:4],
    ("年度考核情况", "已添加 1 条年度考核记录, 已填写年度考核结果", True),
    *FIRST[5:8],
    (
        "能力条件",
        "行动研究报告 已录入 1 个业绩, 指导青年教师方面 已录入 1 个业绩",
        True,
    ),
    *FIRST[9:],
]


def test_the_golden_case_fails_in_rows_five_and_nine_and_passes_when_mended(app: Flask) -> None:
    with transaction():
        declaration = golden_declaration()
        first = facts.check(declaration, now=now())
        assert [(row.subject, row.text, row.passed) for row in first.rows] == FIRST
        assert not first.passed
        mend(declaration)
        second = facts.check(declaration, now=now())
        assert [(row.subject, row.text, row.passed) for row in second.rows] == SECOND
        assert second.passed
        assert [row.no for row in second.rows] == list(range(1, 12))


def test_too_few_hours_and_years_are_reminders_that_block_nothing(app: Flask) -> None:
    with transaction():
        report = facts.check(golden_declaration(complete=True), now=now())
        assert report.passed
        assert [hint.subject for hint in report.hints] == ["继续教育", "年度考核"]


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("work_started_on", "2099-01-01"),
        ("work_started_on", "2001-03-11"),  # the day before she was sixteen
        ("teaching_since", "1970-09-01"),
    ],
)
def test_no_day_is_kept_that_is_to_come_or_before_somebody_could_work(
    app: Flask, name: str, day: str
) -> None:
    with transaction():
        declaration = golden_declaration()
        with pytest.raises(Invalid) as refused:
            operations.save_field(declaration, name, [day], now=now())
        assert refused.value.errors == {name: ["须在年满 16 周岁之后，且不晚于今天"]}
        operations.save_field(declaration, "work_started_on", ["2001-03-12"], now=now())


def test_the_check_names_what_was_kept_before_the_rules_and_cannot_be(app: Flask) -> None:
    with transaction():
        declaration = golden_declaration(complete=True)
        declaration.personal = {**declaration.personal, "work_started_on": "2099-01-01"}
        declaration.teaching = {**declaration.teaching, "rural_years": 30}
        row = facts.check(declaration, now=now()).rows[0]
    assert not row.passed
    assert "工作时间须在年满 16 周岁之后，且不晚于今天" in row.text
    assert "农村教龄不能大于教龄（19）" in row.text


def test_the_health_series_must_have_its_own_part_in_the_portfolio_where_it_is_asked(
    app: Flask,
) -> None:
    with transaction():
        declaration = golden_declaration()
        declaration.title = a_title("主任医师", "卫生技术人员")
        declaration.plan.jurisdiction = "fujian"
        rows = {row.subject: row for row in facts.check(declaration, now=now()).rows}
        lacks = rows["卫生技术人员专用业绩"]
        assert (lacks.passed, "至少 1 项" in lacks.text) == (False, True)
        an_approved_item(declaration.person, "health_case")
        rows = {row.subject: row for row in facts.check(declaration, now=now()).rows}
        assert rows["卫生技术人员专用业绩"].passed
        declaration.plan.jurisdiction = "anhui"
        assert "专用业绩" not in str(facts.check(declaration, now=now()).rows)
