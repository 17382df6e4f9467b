"""That somebody read a file: rooms that keep it are told, once they ask for it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.core.db import begin_writing
from app.core.http import is_looked_at
from app.core.storage import StoredFile


@dataclass(frozen=True)
class Watch:
    """Who keeps that files were read: whether there is nothing to keep, and how it is kept."""

    is_noted: Callable[[StoredFile, int, datetime], bool]
    note: Callable[[StoredFile, int, datetime], None]


_watches: list[Watch] = []


def register_watch(watch: Watch) -> None:
    """Register a watch over the reading of files."""
    if watch not in _watches:
        _watches.append(watch)


def note_reading(file: StoredFile, reader_id: int, now: datetime) -> None:
    """Have a reading kept where it is to be; a browser that looks ahead has read nothing."""
    if not is_looked_at():
        return
    fresh = [watch for watch in _watches if not watch.is_noted(file, reader_id, now)]
    if fresh:
        begin_writing()
    for watch in fresh:
        watch.note(file, reader_id, now)
