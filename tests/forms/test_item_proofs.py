"""Which fields and proofs each kind of record asks for, as the guides name them (CZ-21..38)."""

from datetime import date
from typing import Any

import pytest

from forms import build, item_types

TODAY, BIRTH = date(2026, 11, 20), date(1985, 3, 12)


def due(key: str, **answers: Any) -> set[str]:
    """The slots and fields that these answers ask for, beside those that always are."""
    spec = item_types()[key].form.at(TODAY, BIRTH)
    form: Any = build(spec)(data=answers)
    return {f.name for f in spec.fields if not f.required and form[f.name].is_required(form)}


@pytest.mark.parametrize(
    ("origin", "end", "asked"),
    [
        ("国内高等院校", "2002-01", {"verification", "verification_code", "verification_until"}),
        ("国内高等院校", "2026-07", {"verification", "verification_code", "verification_until"}),
        ("国内高等院校", "2001-12", {"report"}),
        ("国内高等院校", "1988-07", {"report"}),
        ("国外院校", "2010-07", {"foreign_proof"}),
        ("港澳台院校", "2010-07", {"regional_proof"}),
        ("党校", "2010-07", {"register"}),
        ("中等专业学校", "1999-07", {"register"}),
        ("技工院校", "2008-01", {"skilled_result"}),
        ("技工院校", "2007-12", {"skilled_register"}),
        ("", "", set()),
    ],
)
def test_the_proof_of_an_education_depends_on_school_and_year(
    origin: str, end: str, asked: set[str]
) -> None:
    assert due("education", origin=origin, end=end) == asked


def test_a_degree_and_two_diplomas_have_proofs_of_their_own() -> None:
    assert due("education", degree="硕士") == {"degree_certificate"}
    assert due("education", degree="无") == set()
    assert due("education", double=True) == {"double_proof", "second_diploma"}


@pytest.mark.parametrize(
    ("day", "said"),
    [("2027-02-17", ["有效期至少还有 90 天，请在学信网延长后填写"]), ("2027-02-18", [])],
)
def test_the_code_of_the_register_is_valid_for_ninety_days(day: str, said: list[str]) -> None:
    form: Any = build(item_types()["education"].form.at(TODAY, BIRTH))(
        data={"verification_until": day, "verification_code": "123456789012"}
    )
    form.validate()
    assert list(form["verification_until"].errors) == said
    assert not form["verification_code"].errors


@pytest.mark.parametrize(
    ("key", "answers", "asked"),
    [
        ("assessment", {}, {"form"}),
        ("assessment", {"basis": "社保缴费记录"}, {"social", "paying_unit"}),
        ("held_title", {"obtained_by": "评审"}, set()),
        ("held_title", {"obtained_by": "转评"}, {"former_certificate"}),
        ("project", {"status": "在研", "participants": 1}, set()),
        ("project", {"status": "已结题", "participants": 2}, {"end", "conclusion", "ranking"}),
        ("project", {"nature": "横向课题"}, {"managed", "contract"}),
        ("patent", {"transformed": True}, {"benefit", "benefit_proof"}),
        ("paper", {}, set()),
        ("paper", {"language": "外文"}, {"translation"}),
        ("special_service", {"kind": "支教一年", "current": True}, {"proof"}),
        ("special_service", {"kind": "医务人员抗疫一线", "current": True}, {"register"}),
        ("engineering", {"kind": "工程项目"}, {"scale"}),
        ("engineering", {"kind": "新技术应用"}, {"benefit_proof"}),
        ("teaching_school", {"head_teacher": True, "current": True}, {"head_years", "head_proof"}),
    ],
)
def test_other_proofs_depend_on_their_kind(
    key: str, answers: dict[str, Any], asked: set[str]
) -> None:
    assert due(key, **answers) == asked


@pytest.mark.parametrize(
    ("key", "labels"),
    [
        ("training", ["年度", "专业科目学时", "公需科目学时"]),
        ("assessment", ["考核年度", "考核档次", "年度考核表"]),
        (
            "held_title",
            [
                "类别",
                "系列",
                "专业",
                "职称",
                "职称等级",
                "批文号",
                "管理号",
                "取得时间",
                "评聘情况",
            ],
        ),
        ("exam_certificate", ["类别", "系列", "专业", "对应职称", "证书取得时间"]),
        (
            "exam_score",
            [
                "对应待晋升职称等级",
                "考试年度",
                "考试成绩",
                "成绩有效期至",
                "考试合格证书",
                "成绩单",
            ],
        ),
        ("other_certificate", ["证书类别", "证书名称", "证书"]),
        ("society", ["团体或单位名称", "担任职务"]),
        ("award", ["个人排名", "参与人数", "批文号或活动通知号"]),
        ("paper", ["主办单位", "刊物排名", "检索验证地址", "正文", "目录页"]),
        ("book", ["工作量证明", "封面", "内容", "版权页", "封底", "目录"]),
        ("patent", ["专利申请文件", "申请费、登记费收据", "专利登记手续", "专利证书"]),
        ("health_surgery", ["手术级别", "例数"]),
        ("teaching_university", ["讲授课程", "本学年课时合计"]),
        ("other_merit", ["其他业绩材料目录页"]),
    ],
)
def test_a_kind_has_the_fields_that_the_guides_name(key: str, labels: list[str]) -> None:
    assert set(labels) <= {field.label for field in item_types()[key].form.fields}


def test_long_texts_and_numbers_have_the_lengths_of_the_guides() -> None:
    types = item_types()
    for key, name, most in (
        ("held_title", "document_no", 36),
        ("held_title", "management_no", 36),
        ("exam_score", "document_no", 36),
        ("paper", "title", 100),
        ("paper", "issn", 36),
        ("paper", "verify_url", 300),
        ("book", "isbn", 36),
        ("work", "content", 500),
    ):
        assert types[key].form.field(name).max_length == most, (key, name)
    assert all(kind.form.field("note").max_length == 500 for kind in types.values())


def test_three_lesson_plans_at_least() -> None:
    assert item_types()["teaching_school"].slot("plans").policy.least == 3


def test_words_are_counted_in_tenths_of_a_thousand() -> None:
    for key in ("paper", "book"):
        words = item_types()[key].form.field("words")
        assert (words.unit, words.places, words.scaled) == ("千字", 1, True)


def test_every_mark_of_an_education_stands_in_one_record() -> None:
    kind = item_types()["education"]
    assert kind.flags({"marks": ["第一学历", "合格学历"]}) == [
        ("marks", "第一学历"),
        ("marks", "合格学历"),
    ]
    assert kind.flags({}) == []
