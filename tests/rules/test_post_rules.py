"""Posts: full ones block or remind, as the plan says; without numbers there is nothing to say."""

from typing import Any

import pytest

from rules.checks.posts import free, not_blocked


def facts(approved: int, occupied: int, held: int, *, blocks: bool) -> Any:
    return {
        "post": {
            "level": "副高级",
            "approved": approved,
            "occupied": occupied,
            "held": held,
            "blocks": blocks,
        }
    }


@pytest.mark.parametrize(
    ("numbers", "passed"), [((14, 13, 0), True), ((14, 13, 1), False), ((14, 15, 0), False)]
)
def test_full_posts_block_or_remind(numbers: tuple[int, int, int], passed: bool) -> None:
    (row,) = not_blocked(facts(*numbers, blocks=True))
    assert (row.passed, row.subject, row.anchor) == (passed, "岗位职数", "basics")
    (hint,) = free(facts(*numbers, blocks=False))
    assert hint.passed == passed


def test_the_words_name_every_number() -> None:
    (row,) = not_blocked(facts(14, 13, 1, blocks=True))
    assert row.text == "单位副高级岗位已满(核定 14, 已聘 13, 在审占用 1), 本计划不得申报"
    (hint,) = free(facts(14, 14, 0, blocks=False))
    assert hint.text == "单位副高级岗位已满(核定 14, 已聘 14, 在审占用 0), 须由单位说明依据"


def test_each_speaks_for_its_own_plans_only() -> None:
    empty: Any = {}
    assert not_blocked(facts(1, 1, 0, blocks=False)) == []
    assert free(facts(1, 1, 0, blocks=True)) == []
    assert not_blocked(empty) == free(empty) == []
