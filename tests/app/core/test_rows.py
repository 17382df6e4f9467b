"""Rows written past the session: their records show what stands in the database."""

import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Person
from app.accounts.operations import create_person
from app.core.clock import now
from app.core.db import db, transaction
from app.core.rows import add_rows, write_now


def names() -> list[str]:
    return list(db.session.scalars(sa.select(Person.name).order_by(Person.id)))


def test_what_is_written_at_once_stands_in_the_row_and_the_record(app: Flask) -> None:
    with transaction():
        person = create_person(name="敖正言", now=now())
        db.session.flush()
        write_now(person, name="敖正行")
        assert person.name == "敖正行"
        assert not db.session.dirty
    with transaction(write=False):
        assert names() == ["敖正行"]


def test_a_savepoint_takes_it_back_from_both(app: Flask) -> None:
    with transaction():
        person = create_person(name="敖正言", now=now())
        db.session.flush()
        with db.session.begin_nested() as savepoint:
            write_now(person, name="敖正行")
            savepoint.rollback()
        assert (person.name, names()) == ("敖正言", ["敖正言"])


def test_a_row_that_takes_the_id_of_one_that_is_gone_is_read_as_it_is(app: Flask) -> None:
    """What was read within a savepoint must not stand for what comes after it."""
    with transaction():
        values = {"id": 77, "created_at": now()}
        with db.session.begin_nested() as savepoint:
            add_rows(Person, [{**values, "name": "甲"}])
            former = db.session.get_one(Person, 77)
            assert former.name == "甲"
            savepoint.rollback()
        add_rows(Person, [{**values, "name": "乙"}])
        assert db.session.get_one(Person, 77).name == "乙"


def test_rows_are_added_together(app: Flask) -> None:
    with transaction():
        add_rows(Person, [])
        add_rows(Person, [{"name": name, "created_at": now()} for name in ("甲", "乙")])
        assert names() == ["甲", "乙"]
