"""Charts: parts in percent, a round scale."""

import pytest

from app.core.charts import Series, chart_of, round_up

GOOD, BAD = Series("good", "通过", "success"), Series("bad", "退回", "warning")


def test_parts_follow_one_another_and_the_scale_is_round() -> None:
    rows = [("论文", {"good": 6, "bad": 3}), ("荣誉", {"bad": 1}), ("专利", {})]
    chart = chart_of([GOOD, BAD], rows)
    assert (chart.top, [bar.label for bar in chart.bars]) == (10, ["论文", "荣誉"])
    parts = [(part.series.key, part.begins, part.length) for part in chart.bars[0].parts]
    assert parts == [("good", 0, 60), ("bad", 60, 30)]
    assert chart_of([GOOD, BAD], [("论文", {"good": 5})]).series == (GOOD,)
    assert chart.words == "论文 9 项（通过 6、退回 3）；荣誉 1 项（退回 1）"


def test_there_is_a_chart_of_nothing() -> None:
    chart = chart_of([GOOD], [("论文", {"good": 0})])
    assert (chart.bars, chart.series, chart.words) == ((), (), "")


@pytest.mark.parametrize(
    ("value", "top"),
    [(0, 1), (1, 1), (7, 8), (9, 10), (10, 10), (11, 20), (61, 80), (81, 100), (3412, 4000)],
)
def test_a_scale_ends_at_a_round_number(value: int, top: int) -> None:
    assert round_up(value) == top


@pytest.mark.parametrize(
    ("value", "marks"), [(1, [0, 1]), (2, [0, 1, 2]), (3, [0, 1, 2, 3]), (50, [0, 25, 50])]
)
def test_the_scale_is_marked_with_whole_numbers(value: int, marks: list[int]) -> None:
    chart = chart_of([GOOD], [("论文", {"good": value})])
    assert [number for number, _ in chart.marks] == marks
    assert [place for _, place in chart.marks][-1] == 100
