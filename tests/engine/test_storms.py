"""Every storm at a size for each run; `python -m tests.storms` lets them rage at full size."""

from collections.abc import Iterator

import pytest
from flask import Flask

from app.core.db import db
from tests.engine.kit import Office
from tests.storms import kills, races

REPEATS, KILLS = 25, 20


@pytest.fixture
def url(database: Flask) -> Iterator[str]:
    yield database.config["SQLALCHEMY_DATABASE_URI"]
    db.session.remove()


@pytest.mark.parametrize("race", races.RACES, ids=lambda race: race.name)
def test_one_of_those_who_act_at_once_wins_and_the_others_are_told(
    office: Office, url: str, race: races.Race
) -> None:
    seen = races.run(office, race, REPEATS, url)
    assert seen.total() == REPEATS


def test_a_killed_worker_leaves_nothing_by_halves(office: Office, url: str) -> None:
    assert kills.run(office, KILLS, url) > 0
