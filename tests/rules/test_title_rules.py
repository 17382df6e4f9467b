"""Nobody declares a title that they hold, or one below it."""

import pytest

from rules import evaluate
from rules.checks.titles import typed_below
from rules.facts import TitleFacts

DECLARED = TitleFacts(series="中小学教师", name="高级教师", level="副高级")


def held(series: str, name: str, level: str) -> TitleFacts:
    return TitleFacts(series=series, name=name, level=level)


@pytest.mark.parametrize(
    ("title", "passes"),
    [
        (held("中小学教师", "高级教师", "副高级"), False),
        (held("中小学教师", "正高级教师", "正高级"), False),
        (held("中小学教师", "一级教师", "中级"), True),
        (held("卫生技术人员", "主任医师", "正高级"), True),
        (held("中小学教师", "高级教师", ""), False),
        (held("中小学教师", "", ""), True),
    ],
)
def test_the_same_title_or_a_higher_one_of_the_series_counts(title: TitleFacts, passes: bool):
    report = evaluate("choice", {"declared": DECLARED, "held": [title]})
    assert report.passed is passes
    (reminder,) = typed_below({"declared": DECLARED, "titles": [title]})  # type: ignore[typeddict-item]
    assert reminder.passed is passes


def test_what_does_not_say_what_is_declared_is_reminded_of_nothing():
    assert typed_below({})[0].passed  # type: ignore[typeddict-item]


def test_the_refusal_names_the_title():
    title = held("中小学教师", "正高级教师", "正高级")
    report = evaluate("choice", {"declared": DECLARED, "held": [title]})
    said = "已取得 中小学教师 正高级教师(正高级), 不能重复申报同级或更低的职称"
    assert report.failures[0].text == said
