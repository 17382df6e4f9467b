"""The database: session, base class, column types and the one place that commits."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, DateTime, Integer, MetaData, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect, Engine, ExceptionContext
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.types import TypeDecorator

from app.core.instants import ZONE

__all__ = [
    "VACUUMED_OFTEN",
    "Base",
    "Id",
    "Instant",
    "Model",
    "Transaction",
    "begin_writing",
    "current_transaction",
    "db",
    "insert_into",
    "is_new",
    "keep_written",
    "one_of",
    "pk",
    "transaction",
]


class Base(DeclarativeBase):
    """Base of every table; constraints are named so that migrations can find them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


# What is written is people's own: no error may carry it to a page, a message or the log.
db = SQLAlchemy(model_class=Base, engine_options={"hide_parameters": True})

if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model

Id = BigInteger().with_variant(Integer(), "sqlite")


class Instant(TypeDecorator[datetime]):
    """An aware moment, stored in UTC on both databases and read back in +08:00."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive moments: they would mean another hour on another server."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "a moment needs a time zone"
            raise ValueError(msg)
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the moment back in the zone that people read."""
        if value is None:
            return None
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(ZONE)


def pk() -> Mapped[int]:
    """Return the integer primary key column that every table uses."""
    return mapped_column(Id, primary_key=True, autoincrement=True)


def one_of(column: str, values: type[StrEnum]) -> str:
    """Return the CHECK that a column holds one of an enum's values."""
    return f"{column} IN ({', '.join(repr(v.value) for v in values)})"


def insert_into(table: type[Base]) -> Any:
    """Return an INSERT that can say what happens where a row is there already."""
    kind = db.session.get_bind().dialect.name
    return postgresql.insert(table) if kind == "postgresql" else sqlite.insert(table)


@dataclass
class Transaction:
    """One unit of work: a request, a chunk of a job, a step of a command."""

    write: bool
    now: datetime | None = None
    rollback_only: bool = False
    queued: bool = False
    notes: dict[str, Any] = field(default_factory=dict)
    # The session lets go of records nobody holds; within a unit of work each is read once.
    records: list[Any] = field(default_factory=list)
    # Table and id of what was added: undone, its id may become another's.
    added: set[tuple[str, int]] = field(default_factory=set)


_current: ContextVar[Transaction | None] = ContextVar("transaction", default=None)
# SQLite has one writer: threads queue here in order instead of racing for the file lock.
_sqlite_writer = threading.Lock()


def current_transaction() -> Transaction:
    """Return the open unit of work; LookupError outside one."""
    found = _current.get()
    if found is None:
        msg = "no transaction is open"
        raise LookupError(msg)
    return found


def is_new(table: str, number: int | None) -> bool:
    """Tell whether the open unit of work added a row of this id to a table.

    Once it is undone the id is free again, and SQLite gives it to the next row.
    """
    unit = _current.get()
    return unit is not None and (table, number) in unit.added


@contextmanager
def transaction(*, write: bool = True) -> Iterator[Transaction]:
    """Open a unit of work and commit it once at its end; any exception rolls it back.

    Reads begin deferred, writes begin IMMEDIATE on SQLite (a deferred write that upgrades
    loses updates or fails as locked). Units of work do not nest.
    """
    if _current.get() is not None:
        msg = "transactions do not nest"
        raise RuntimeError(msg)
    if db.session.new or db.session.dirty or db.session.deleted:
        msg = "unsaved changes were made outside a transaction"
        raise RuntimeError(msg)
    db.session.rollback()
    unit = Transaction(write)
    if write:
        _queue(unit)
    token = _current.set(unit)
    try:
        yield unit
        if unit.rollback_only:
            db.session.rollback()
        else:
            db.session.commit()
    except BaseException:
        db.session.rollback()
        raise
    finally:
        _current.reset(token)
        if unit.queued:
            _sqlite_writer.release()


def _queue(unit: Transaction) -> None:
    if db.engine.dialect.name == "sqlite":
        _sqlite_writer.acquire()
        unit.queued = True


def begin_writing() -> None:
    """Turn the open unit of work, which has only read so far, into one that writes.

    For long preparations, such as cleaning an upload, that must not hold up other writers.
    """
    unit = current_transaction()
    if not unit.write:
        db.session.rollback()
        _queue(unit)
        unit.write, unit.now = True, None


def keep_written() -> None:
    """Commit what the open unit of work has written so far, and let it go on writing.

    For files that a form brings: they stay staged where the rest of it is refused.
    """
    db.session.commit()
    current_transaction().added.clear()


@event.listens_for(Session, "loaded_as_persistent")
@event.listens_for(Session, "pending_to_persistent")
def _hold(_session: Session, record: Any) -> None:
    unit = _current.get()
    if unit is not None:
        unit.records.append(record)


@event.listens_for(Session, "pending_to_persistent")
def _note_added(_session: Session, record: Any) -> None:
    unit = _current.get()
    if unit is not None:
        unit.added.add((record.__tablename__, getattr(record, "id", 0)))


VACUUMED_OFTEN = {"vacuumed": "often"}
"""The `info` of a table whose lists are read from indexes alone. PostgreSQL does so as far as it
has vacuumed what changed: by its own rule a fifth may have, and then it reads whole tables."""


@event.listens_for(Table, "after_create")
def _have_it_vacuumed(table: Table, connection: Connection, **_how: Any) -> None:
    if table.info == VACUUMED_OFTEN and connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            f"ALTER TABLE {table.name} SET (autovacuum_vacuum_scale_factor = 0.02, "
            "autovacuum_vacuum_insert_scale_factor = 0.02)"
        )


@event.listens_for(Engine, "connect")
def _tune_connection(connection: Any, _record: Any) -> None:
    if type(connection).__module__.startswith("sqlite3"):
        connection.isolation_level = None
        for pragma in (
            "foreign_keys=ON",
            "journal_mode=WAL",
            "busy_timeout=30000",
            "synchronous=FULL",
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Engine, "handle_error")
def _forget_values(context: ExceptionContext) -> None:
    """Keep of an error what the database says first: below it PostgreSQL quotes the row."""
    for error in (context.original_exception, context.sqlalchemy_exception):
        if error is not None and error.args:
            error.args = (str(error.args[0]).partition("\n")[0], *error.args[1:])


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        unit = _current.get()
        connection.exec_driver_sql("BEGIN IMMEDIATE" if unit and unit.write else "BEGIN")
