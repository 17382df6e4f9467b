"""Two claims that contradict each other are said to, and how."""

import pytest

from app.portfolio.hint_words import Place, clash_of


@pytest.mark.parametrize(
    ("own", "theirs", "said"),
    [
        ((1, 10), (1, 10), "排名冲突：均为第 1 名"),
        ((2, 10), (1, 8), "参与人数不一致：此处 10 人，对方 8 人"),
        ((1, 2), (1, 3), "排名冲突：均为第 1 名；参与人数不一致：此处 2 人，对方 3 人"),
        ((1, 10), (2, 10), ""),
        ((1, None), (2, 3), ""),
        ((None, None), (None, None), ""),
    ],
)
def test_places_that_contradict_each_other_are_said(own: Place, theirs: Place, said: str) -> None:
    assert clash_of(own, theirs) == said
