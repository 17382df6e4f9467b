"""What is asked of the database meanwhile, and how it finds that."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Select, Update, event, text

from app.core.db import current_transaction, db, transaction

_counting: list[list[str]] = []


def are_counted() -> bool:
    """Whether a test counts what is sent just now."""
    return bool(_counting)


@contextmanager
def statements_sent() -> Iterator[list[str]]:
    """Give the statements that are sent to the database meanwhile.

    Outside a unit of work nothing read before is at hand, as in a server's request: what a test
    has read stays in the session until the garbage is collected, and would be read again row by
    row.
    """
    try:
        current_transaction()
    except LookupError:
        db.session.remove()
    sent: list[str] = []

    def note(*call: Any) -> None:
        sent.append(call[2])

    event.listen(db.engine, "before_cursor_execute", note)
    _counting.append(sent)
    try:
        yield sent
    finally:
        _counting.pop()
        event.remove(db.engine, "before_cursor_execute", note)


def plan_of(statement: Select[Any] | Update) -> str:
    """How the database would find what a statement reads or changes."""
    with transaction():
        db.session.execute(text("ANALYZE"))
    with transaction(write=False):
        is_sqlite = db.engine.dialect.name == "sqlite"
        query = statement.compile(db.engine, compile_kwargs={"render_postcompile": True})
        values = tuple(query.params.values()) if is_sqlite else query.params
        explain = f"EXPLAIN {'QUERY PLAN ' if is_sqlite else ''}{query}"
        found = db.session.connection().exec_driver_sql(explain, values)
        return "\n".join(str(row[-1]) for row in found)
