"""What is asked of the database meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from app.core.db import current_transaction, db

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
