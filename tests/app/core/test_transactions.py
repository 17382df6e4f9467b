"""Units of work: opened in one place, committed once, never nested."""

from threading import Event, Thread

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Person
from app.accounts.operations import create_person
from app.catalogue.models import Series
from app.core.clock import now
from app.core.db import begin_writing, current_transaction, db, is_new, transaction
from app.core.errors import Conflict
from app.people.models import PersonSeries


def names() -> list[str]:
    with transaction(write=False):
        return list(db.session.scalars(sa.select(Person.name).order_by(Person.id)))


def test_what_a_unit_of_work_wrote_is_there_afterwards(app: Flask) -> None:
    with transaction():
        create_person(name="敖正言", now=now())
    assert names() == ["敖正言"]


def test_units_of_work_do_not_nest(app: Flask) -> None:
    with transaction(), pytest.raises(RuntimeError, match="do not nest"), transaction():
        pass


def test_a_refusal_takes_everything_back(app: Flask) -> None:
    def act() -> None:
        with transaction():
            create_person(name="敖正言", now=now())
            raise Conflict

    with pytest.raises(Conflict):
        act()
    assert names() == []


def test_a_unit_of_work_can_be_marked_to_leave_nothing(app: Flask) -> None:
    with transaction() as unit:
        create_person(name="敖正言", now=now())
        unit.rollback_only = True
    assert names() == []


def test_changes_made_outside_are_refused_rather_than_lost(app: Flask) -> None:
    db.session.add(Person(name="敖正言", profile={}))
    with pytest.raises(RuntimeError, match="outside a transaction"), transaction():
        pass
    db.session.rollback()


def test_what_is_new_is_told_by_the_whole_name_of_its_table(app: Flask) -> None:
    with transaction():
        person = create_person(name="敖正言", now=now())
        assert is_new("person", person.id)
        assert not is_new("perso", person.id)
    with transaction():
        series = Series(code="s", name="系列")
        db.session.add(series)
        db.session.flush()
        mine = PersonSeries(person_id=person.id, place=1, series_id=series.id)
        db.session.add(mine)
        db.session.flush()
        assert is_new("person_series", mine.id)
        assert mine.id == person.id
        assert not is_new("person", person.id)


def test_outside_a_unit_of_work_there_is_no_time(app: Flask) -> None:
    with pytest.raises(LookupError):
        current_transaction()
    with pytest.raises(LookupError):
        now()


def begins(app: Flask) -> list[str]:
    said: list[str] = []
    sa.event.listen(
        db.engine, "before_cursor_execute", lambda *given: said.append(str(given[2])[:15])
    )
    return said


@pytest.mark.parametrize(("write", "word"), [(True, "BEGIN IMMEDIATE"), (False, "BEGIN")])
def test_sqlite_locks_at_the_start_of_a_write_and_never_for_a_read(
    app: Flask, write: bool, word: str
) -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("SQLite's way")
    said = begins(app)
    with transaction(write=write):
        db.session.execute(sa.text("SELECT 1"))
    assert said[0] == word


def test_two_writers_never_lose_an_update(app: Flask) -> None:
    with transaction():
        person = create_person(name="0", now=now())
        person_id = person.id
    ready = [Event(), Event()]

    def count(place: int) -> None:
        with app.app_context():
            ready[place].set()
            ready[1 - place].wait(10)
            for _ in range(20):
                with transaction():
                    found = db.session.get_one(Person, person_id, with_for_update=True)
                    found.name = str(int(found.name) + 1)
            db.session.remove()

    threads = [Thread(target=count, args=(place,)) for place in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names() == ["40"]


def test_reading_can_turn_to_writing_once_the_preparations_are_done(app: Flask) -> None:
    with transaction(write=False) as unit:
        names_before = db.session.scalar(sa.select(sa.func.count(Person.id)))
        begin_writing()
        begin_writing()
        create_person(name="敖正言", now=now())
    assert (names_before, unit.write, names()) == (0, True, ["敖正言"])
    with transaction():
        create_person(name="卜文", now=now())
    assert names() == ["敖正言", "卜文"]
