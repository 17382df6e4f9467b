"""Portfolio item types are YAML files and nothing else."""

from datetime import date
from typing import Any

import pytest

import forms.items
from forms import CATEGORIES, FormSpecError, build, item_types, load
from forms.items import item_type_from

KEYS = {
    "work", "education", "training", "assessment", "honor", "award", "expert_title", "paper",
    "book", "patent", "project", "standard_work", "teaching_report", "teaching_guidance",
    "teaching_other", "teaching_school", "teaching_university", "special_service",
    "foreign_aid", "other_merit", "engineering", "health_workload", "health_case",
    "health_surgery", "held_title", "exam_certificate", "exam_score", "other_certificate",
    "society",
}  # fmt: skip


def test_every_type_of_the_platform_is_there_in_the_order_of_the_tree():
    types = item_types()
    assert set(types) == KEYS
    order = [CATEGORIES.index(kind.category) for kind in types.values()]
    assert order == sorted(order)
    assert list(types)[:3] == ["work", "education", "training"]
    assert types["special_service"].category == "工作业绩"
    assert types["foreign_aid"].category == "对外援助"


@pytest.mark.parametrize("key", sorted(KEYS))
def test_every_type_builds_a_form_that_ends_with_its_attachments(key: str):
    kind = item_types()[key]
    build(kind.form)()
    assert kind.slots
    assert kind.form.sections[-1].fields == kind.slots
    assert kind.slot(kind.slots[0].name).policy.count >= 1


@pytest.mark.parametrize(
    ("key", "data", "summary", "day", "rank"),
    [
        ("work", {"unit": "云桥区青禾小学", "post": "数学教师", "start": "2007-08"},
         "云桥区青禾小学 数学教师", date(2007, 8, 1), None),
        ("education",
         {"school": "淮城师范学院", "major": "数学与应用数学", "level": "大学本科",
          "end": "2007-06"},
         "淮城师范学院 数学与应用数学 大学本科", date(2007, 6, 1), None),
        ("training", {"year": 2025, "hours_professional": 60, "hours_public": 12},
         "2025 年度 专业科目 60学时 公需科目 12学时", date(2025, 12, 31), None),
        ("award", {"name": "量感培养", "award": "市教学成果一等奖", "date": "2023-06",
                   "position": 1, "participants": 10},
         "量感培养 市教学成果一等奖", date(2023, 6, 1), "1/10"),
        ("book", {"title": "小学数学说理课堂", "participation": "独著", "publisher": "演示出版社",
                  "published": "2024-03", "position": 1, "participants": None},
         "《小学数学说理课堂》 独著 演示出版社", date(2024, 3, 1), None),
        ("book", {"title": "《小学数学说理课堂》", "publisher": "演示出版社"},
         "《小学数学说理课堂》 演示出版社", None, None),
        ("book", {"title": "《红楼梦》与《西游记》", "publisher": "演示出版社"},
         "《《红楼梦》与《西游记》》 演示出版社", None, None),
        ("teaching_guidance", {"mentee": "黎小满", "result": "获区教坛新星", "date": "2025-10"},
         "指导黎小满获区教坛新星", date(2025, 10, 1), None),
        ("health_workload", {"year": 2025, "post": "护理", "department": "心内科"},
         "2025 年 护理 心内科", date(2025, 12, 31), None),
        ("health_case", {"kind": "护理案例", "title": "高龄患者术后护理", "date": "2026-03"},
         "护理案例 高龄患者术后护理", date(2026, 3, 1), None),
        ("special_service", {"place": "柳溪乡中心学校", "kind": "支教一年", "start": "2018-09"},
         "柳溪乡中心学校 支教一年", date(2018, 9, 1), None),
        ("foreign_aid", {"place": "山南市第二小学", "kind": "援藏", "start": "2019-09"},
         "山南市第二小学 援藏", date(2019, 9, 1), None),
        ("paper", {"published": "2024-1x"}, "", None, None),
        ("training", {"year": None, "organiser": "市教育局"}, "", None, None),
        ("assessment", {"basis": "年度考核表"}, "", None, None),
        ("teaching_university", {}, "", None, None),
    ],
)  # fmt: skip
def test_a_record_is_named_dated_and_ranked(key, data, summary, day, rank):
    kind = item_types()[key]
    assert kind.summary(data) == summary
    assert kind.occurred_on(data) == day
    assert kind.rank(data) == rank


def test_the_book_of_the_golden_case_has_a_valid_number():
    field = {"isbn": "978-7-00-000000-1"}
    form = build(item_types()["book"].form)(data=field)
    form.validate()
    assert "isbn" not in form.errors


GOOD = """
title: 新类型
category: 行业专用
summary: "{name}"
occurred_on: day
fields: [{name: name, type: text, label: 名称}, {name: day, type: date, label: 日期}]
slots: [{name: proof, label: 证明, required: true}]
"""


def test_a_new_type_is_a_text_and_nothing_else():
    kind = item_type_from(GOOD, "novelty")
    assert (kind.title, kind.category) == ("新类型", "行业专用")
    assert kind.occurred_on({"day": "2026-11-20"}) == date(2026, 11, 20)
    assert kind.rank({}) is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("行业专用", "其他", "category 须为"),
        ("{name}", "{nmae}", "提到未知的字段 nmae"),
        ("occurred_on: day", "occurred_on: dya", "提到未知的字段 dya"),
        ("name: proof", "name: day", "字段重名: day"),
        ("required: true", "requierd: true", "未知的键 “requierd”"),
        ("summary:", "summry:", "未知的键 “summry”"),
        ('summary: "{name}"', "", "缺少 summary"),
    ],
)
def test_a_faulty_type_says_what_is_wrong(old: str, new: str, message: str):
    with pytest.raises(FormSpecError) as caught:
        item_type_from(GOOD.replace(old, new), "novelty")
    assert message in str(caught.value)


def test_a_type_without_attachments_has_only_its_fields():
    kind = item_type_from(GOOD.partition("slots:")[0], "novelty")
    assert kind.slots == ()
    assert [section.id for section in kind.form.sections] == ["main"]


def test_a_faulty_file_is_named(tmp_path, monkeypatch):
    (tmp_path / "novelty.yaml").write_text("titel: 新类型", "utf-8")
    monkeypatch.setattr(forms.items, "FOLDER", tmp_path)
    with pytest.raises(FormSpecError, match=r"^portfolio/novelty\.yaml: "):
        item_types.__wrapped__()


def faults(key: str, **answers: Any) -> dict[str, list[str]]:
    spec = item_types()[key].form.at(date(2026, 11, 20), date(1985, 3, 12))
    form = build(spec)(data=answers)
    form.validate()
    return {name: list(form[name].errors) for name in answers if form[name].errors}


def test_nothing_is_dated_in_the_future() -> None:
    assert faults("book", published="2099-01") == {"published": ["不能晚于 2026-11-20"]}
    assert faults("book", published="2026-11") == {}
    assert faults("training", year=2027) == {"year": ["不能大于 2026"]}


def test_nobody_works_before_the_age_of_sixteen() -> None:
    assert faults("work", start="2001-02") == {"start": ["须在年满 16 周岁之后，且不晚于今天"]}
    assert faults("work", start="2001-03") == {}


def test_what_ends_ends_after_it_began() -> None:
    assert faults("work", start="2010-09", end="2010-08") == {
        "end": ["不能早于开始年月（2010-09）"]
    }


def test_a_career_says_what_was_done_and_when_it_ended_or_that_it_goes_on() -> None:
    begun = {"start": "2010-09", "content": "", "end": None}
    assert faults("work", **begun, current=False) == {
        "content": ["请填写经历内容"],
        "end": ["请选择结束年月"],
    }
    told = {**begun, "content": "数学教学"}
    assert faults("work", **told, current=True) == {}
    assert faults("work", **{**told, "end": "2012-07"}, current=False) == {}
    assert faults("work", **{**told, "end": "2012-07"}, current=True) == {
        "end": ["已勾选“至今”，请清空此项，或取消勾选"]
    }


def test_whatever_may_go_on_still_says_when_it_ended_or_that_it_goes_on() -> None:
    ends = [
        (kind.key, field)
        for kind in item_types().values()
        for field in kind.form.fields
        if field.name == "end"
    ]
    assert not [key for key, field in ends if "至今" in field.help]
    open_ended = {key for key, field in ends if field.unless}
    assert open_ended == {"work", "society", "foreign_aid", "special_service", "teaching_school"}
    for key in sorted(open_ended):
        label = item_types()[key].form.field("end").label
        begun = {"start": "2012-09", "end": None, "current": False}
        assert faults(key, **begun) == {"end": [f"请选择{label}"]}
        assert faults(key, **{**begun, "current": True}) == {}
        assert faults(key, **{**begun, "end": "2013-07"}) == {}
        both = faults(key, **{**begun, "end": "2013-07", "current": True})
        assert both == {"end": ["已勾选“至今”，请清空此项，或取消勾选"]}


def test_a_record_that_began_goes_on_only_where_it_says_so() -> None:
    began, ended = "2003-09", "2007-06"
    ticked = ("work", "society", "foreign_aid", "special_service", "teaching_school")
    goes_on = {"project": {"status": "在研"}, **{key: {"current": True} for key in ticked}}
    begun = {
        key: kind
        for key, kind in item_types().items()
        if any(each.name == "start" for each in kind.form.fields)
    }
    assert begun.keys() == {*goes_on, "education", "engineering", "teaching_guidance"}
    for key, kind in begun.items():
        assert (kind.when({"start": began}), kind.term({"start": began})) == (began, ""), key
        for said in ({"current": False, "status": "已结题"}, {"current": None, "status": ""}):
            assert kind.when({"start": began, "end": None, **said}) == began, key
        if key in goes_on:
            assert kind.when({"start": began, **goes_on[key]}) == f"{began} 至今", key
        if any(each.name == "end" for each in kind.form.fields):
            whole = {"start": began, "end": ended, "status": "已结题"}
            assert kind.when(whole) == kind.term(whole) == f"{began} 至 {ended}", key
    guided = {"start": "2017-09", "date": "2019-06"}
    assert begun["teaching_guidance"].when(guided) == "2019-06"


def test_a_post_held_with_a_title_says_when_it_ended_or_that_it_goes_on() -> None:
    for spec in (item_types()["held_title"].form, load("declaration/prior_title")):
        columns = {each.name: each for each in spec.field("appointments").fields}
        assert not [each for each in columns.values() if "至今" in each.help]
        assert columns["end"].asks == (("current", "至今"),)
        begun = dict.fromkeys(columns, "某校") | {"start": "2012-09-01", "end": None}
        for told, said in (
            ({"current": False}, {"end": ["请选择聘用结束日期"]}),
            ({"current": True}, {}),
            ({"current": False, "end": "2013-07-31"}, {}),
            (
                {"current": True, "end": "2013-07-31"},
                {"end": ["已勾选“至今”，请清空此项，或取消勾选"]},
            ),
        ):
            form: Any = build(spec)(data={"appointments": [{**begun, **told}]})
            form.validate()
            assert form["appointments"].entries[0].errors == said


def test_a_rank_is_among_the_people_and_a_sole_author_is_the_first_of_one() -> None:
    assert faults("book", participation="合著", position=3, participants=2) == {
        "position": ["不能大于参与人数（2）"]
    }
    assert faults("book", participation="独著", position=3, participants=2) == {
        "position": ["独著应为 1"],
        "participants": ["独著应为 1"],
    }
    assert faults("book", participation="独著", position=1, participants=1) == {}
    assert faults("book", participation="合著", position=3) == {}


def test_who_was_born_on_a_leap_day_comes_of_age_on_the_first_of_march() -> None:
    spec = item_types()["work"].form.at(date(2026, 11, 20), date(1984, 2, 29))
    assert spec.field("start").min == "2000-03-01"
    unknown = item_types()["work"].form.at(date(2026, 11, 20), None)
    assert unknown.field("start").min is None


def test_only_people_of_the_health_series_have_what_is_special_to_it():
    special = {key: kind.series for key, kind in item_types().items() if kind.series}
    assert special == dict.fromkeys(
        ("health_workload", "health_case", "health_surgery"), ("卫生技术人员",)
    )
    assert {kind.category for kind in item_types().values() if kind.series} == {"行业专用"}
