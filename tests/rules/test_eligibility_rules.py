"""May this person start a declaration today."""

from datetime import date
from typing import Any

import pytest

from rules import evaluate
from rules.retirement import retires_on


def reasons(**facts: Any) -> list[str]:
    ready = {
        "on": date(2026, 11, 20),
        "unit": "云桥区青禾小学",
        "declared": "",
        "barred_until": None,
    }
    return [row.text for row in evaluate("eligibility", {**ready, **facts}).failures]


def test_a_bound_person_without_obstacles_may_declare():
    assert reasons() == []
    assert reasons(birth_date="1985-03-12", gender="女") == []


def test_without_a_unit_nobody_declares():
    assert reasons(unit="") == ["尚未绑定单位，不能申报"]
    assert reasons(unit="", unit_pending=True) == ["绑定单位的申请尚未通过单位审核，暂不能申报"]


@pytest.mark.parametrize("until", [date(2027, 9, 19), "2027-09-19"])
def test_the_integrity_bar_names_its_last_day(until: date | str):
    assert reasons(barred_until=until) == ["因诚信记录，2027-09-19 前（含当日）不得申报"]


def test_the_integrity_bar_ends_after_its_last_day():
    assert reasons(barred_until="2026-11-20") != []
    assert reasons(barred_until="2026-11-19") == []


def test_one_declaration_a_year():
    (reason,) = reasons(declared="2026年度淮城市中小学教师系列高级职称评审")
    assert reason.endswith("每人每年度限申报一次")


def test_every_reason_is_told_at_once():
    assert len(reasons(unit="", declared="某计划", barred_until="2027-09-19")) == 3


@pytest.mark.parametrize(
    ("birth", "gender", "day"),
    [
        (date(1966, 2, 1), "男", date(2026, 6, 1)),
        (date(1966, 10, 1), "男", date(2027, 4, 1)),
        (date(1964, 12, 31), "男", date(2024, 12, 31)),
        (date(1965, 1, 31), "男", date(2025, 2, 28)),
        (date(1976, 9, 1), "男", date(2039, 9, 1)),
        (date(1990, 1, 1), "男", date(2053, 1, 1)),
        (date(1970, 1, 15), "女", date(2025, 2, 15)),
        (date(1985, 3, 12), "女", date(2043, 3, 12)),
    ],
)
def test_retirement_follows_the_gradual_table(birth: date, gender: str, day: date):
    assert retires_on(birth, gender) == day


def test_the_retired_are_refused_and_a_younger_twin_is_not():
    assert reasons(birth_date="1966-02-01", gender="男") == [
        "已于 2026-06-01 达到法定退休年龄，不得申报"
    ]
    assert reasons(birth_date="1966-10-01", gender="男") == []


def test_an_unknown_gender_is_left_to_people():
    assert reasons(birth_date="1940-01-01", gender="") == []
