"""The past of units: every change keeps what was, so that it can be read again."""

from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from app.core.clock import ZONE, now
from app.core.db import db, transaction
from app.units import closing, history, tree
from app.units.models import Unit
from tests.app.units.test_tree import facts
from tests.builders.people import a_person, a_unit

At = Callable[[datetime], None]
LATER = datetime(2026, 12, 1, 9, 0, tzinfo=ZONE)


def test_a_change_begins_a_period_and_what_was_can_be_read(app: Flask, at: At) -> None:
    with transaction():
        unit, actor = a_unit("青禾小学"), a_person().id
        entered, number = now(), unit.id
    at(LATER)
    with transaction():
        unit = db.session.get_one(Unit, number)
        tree.change_unit(unit, facts(unit, name="青禾实验小学"), actor_id=actor, now=now())
        tree.change_unit(unit, facts(unit, has_leader=False), actor_id=actor, now=now())
        assert [p.name for p in history.periods_of(number)] == ["青禾实验小学", "青禾小学"]
        assert history.as_of(unit, entered).name == "青禾小学"
        assert history.as_of(unit, now()).name == "青禾实验小学"
        assert history.as_of(unit, None) is unit
        assert history.as_of(unit, datetime(2020, 1, 1, tzinfo=ZONE)) is unit


def test_a_unit_that_closes_ends_its_last_period(app: Flask, at: At) -> None:
    with transaction():
        number = a_unit("青禾小学", clerk=False, leader=False).id
    at(LATER)
    with transaction():
        unit = db.session.get_one(Unit, number)
        closing.close_unit(unit, "撤销", actor_id=a_person().id, now=now())
        assert [p.valid_to for p in history.periods_of(number)] == [unit.closed_at]


@pytest.mark.parametrize(
    ("values", "law"),
    [
        ({"type_": "职能部门"}, "a_part_has_the_unit_it_belongs_to"),
        ({"type_": "公司"}, "type_is_known"),
        ({"area": "34"}, "an_area_has_six_digits"),
    ],
)
def test_the_database_holds_the_laws_of_units(
    app: Flask, values: dict[str, str], law: str
) -> None:
    with pytest.raises(IntegrityError, match=law), transaction():
        a_unit("青禾小学", **values)  # type: ignore[arg-type]


def test_an_area_has_one_personnel_department(app: Flask) -> None:
    with transaction():
        a_unit("甲局", kind="机关", type_="人社部门")
    with pytest.raises(IntegrityError), transaction():
        a_unit("乙局", kind="机关", type_="人社部门")
    with transaction():
        a_unit("丙局", kind="机关", type_="人社部门", area="340603")
