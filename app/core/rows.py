"""Rows written at once, past the session's unit of work.

A flush compares, sorts and writes record by record; that costs far more than the statement. What
every step of a process writes goes this way. Nothing here waits for a flush, or causes one: what
a row refers to must stand in the database.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

from sqlalchemy import BindParameter, Insert, Table, Update, bindparam, event, insert, update
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.orm.attributes import set_committed_value

from app.core.db import Base, db


def add_rows(kind: type[Base], rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows with the same columns, which nobody in this unit of work holds as records."""
    if rows:
        db.session.execute(_insert(kind), rows)


def write_now(record: Base, **values: object) -> None:
    """Write values into the row of a stored record, and show them in the record."""
    its_id = cast("Any", record).id
    db.session.execute(_update(type(record), tuple(values)), {"its_id": its_id, **values})
    for name, value in values.items():
        set_committed_value(record, name, value)


@event.listens_for(Session, "after_soft_rollback")
def _read_anew(session: Session, undone: SessionTransaction) -> None:
    """Let records be read again after a savepoint: the session does not know what it took back.

    All of them: which rows were written past the session cannot be told from the records, and one
    that was read of a row now gone would stand for the next row of its id.
    """
    if undone.nested:
        session.expire_all()


@cache
def _insert(kind: type[Base]) -> Insert:
    return insert(cast("Table", kind.__table__))


@cache
def _update(kind: type[Base], names: tuple[str, ...]) -> Update:
    table = cast("Table", kind.__table__)
    values: dict[str, BindParameter[Any]] = {name: bindparam(name) for name in names}
    return update(table).where(table.c.id == bindparam("its_id")).values(values)
