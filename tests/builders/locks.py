"""Which records a piece of work locks, and how hard: SQLite is told nothing of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from app.core.db import db


@contextmanager
def locks_on(table: str) -> Iterator[list[str]]:
    """Note how each statement locks records of a table: as PostgreSQL calls it, in their order."""
    seen: list[str] = []

    def look(_connection: Any, statement: Any, *_rest: Any) -> None:
        asked = getattr(statement, "_for_update_arg", None)
        if asked is not None and table in {each.name for each in statement.columns_clause_froms}:
            kind = "SHARE" if asked.read else "UPDATE"
            weaker = {"SHARE": "KEY SHARE", "UPDATE": "NO KEY UPDATE"}
            seen.append(weaker[kind] if asked.key_share else kind)

    event.listen(db.engine, "before_execute", look)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_execute", look)
