"""What is played once and then brought back: long courses that many tests begin with.

@played_once
def a_publicity(*, cases: int = 1) -> Published: ...

What such a builder returns holds ids and no records. It is played for a test that has written
something before, and where no test runs. A test that changes how something works calls
`anew(a_publicity)`: what was played without the change would hide it.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import sqlalchemy as sa
from flask import Flask, current_app

from app.core.clock import now, set_clock
from app.core.db import db, transaction
from tests.databases import Templates

READING = ("SELECT", "PRAGMA", "BEGIN", "SAVEPOINT", "RELEASE", "SET")
EXTENSION = "tests.played"
P, R = ParamSpec("P"), TypeVar("R")


@dataclass
class Kept:
    """A state: the name of its rows, the folder of its files, its moment, what was returned."""

    state: str
    files: Path
    moment: datetime
    returned: Any


@dataclass
class Played:
    """What a worker has played so far, and whether the test that runs has written anything."""

    templates: Templates
    kept: dict[str, Kept] = field(default_factory=dict)
    is_untouched: bool = False

    def keep(self, key: str, returned: Any) -> None:
        """Keep the rows and files as they are now."""
        with transaction(write=False):
            moment = now()
        state = f"state{len(self.kept)}"
        files = self.templates.folder / state
        self._leave()
        self.templates.keep(current_app.config["SQLALCHEMY_DATABASE_URI"], state)
        shutil.copytree(current_app.instance_path, files)
        self.kept[key] = Kept(state, files, moment, deepcopy(returned))

    def bring_back(self, kept: Kept) -> Any:
        """Give the database and the files a state, at its moment."""
        self._leave()
        self.templates.renew(current_app.config["SQLALCHEMY_DATABASE_URI"], kept.state)
        shutil.rmtree(current_app.instance_path)
        shutil.copytree(kept.files, current_app.instance_path)
        with transaction():
            set_clock(kept.moment)
        return deepcopy(kept.returned)

    def _leave(self) -> None:
        db.session.remove()
        self.templates.leave(db.engine)


def watch(app: Flask, templates: Templates) -> None:
    """Begin to note what an application writes."""
    played = app.extensions[EXTENSION] = Played(templates)

    def note(_connection: Any, _cursor: Any, text: str, *_more: Any) -> None:
        if not text.lstrip().upper().startswith(READING):
            played.is_untouched = False

    with app.app_context():
        sa.event.listen(db.engine, "before_cursor_execute", note)


@contextmanager
def fresh(app: Flask) -> Iterator[None]:
    """Say that a test begins, whose database is as every test finds it."""
    app.extensions[EXTENSION].is_untouched = True
    yield
    app.extensions[EXTENSION].is_untouched = False


def played_once(build: Callable[P, R]) -> Callable[P, R]:
    """Play what a builder plays once for each of its arguments; bring it back afterwards."""

    @wraps(build)
    def reach(*args: P.args, **values: P.kwargs) -> R:
        played = current_app.extensions.get(EXTENSION)
        if played is None or not played.is_untouched:
            return build(*args, **values)
        key = f"{build.__module__}.{build.__qualname__}{args}{sorted(values.items())}"
        if key in played.kept:
            returned: R = played.bring_back(played.kept[key])
            return returned
        returned = build(*args, **values)
        played.keep(key, returned)
        return returned

    return reach


def anew(build: Callable[P, R]) -> Callable[P, R]:
    """Return a builder that brings nothing back and keeps nothing."""

    def play(*args: P.args, **values: P.kwargs) -> R:
        current_app.extensions[EXTENSION].is_untouched = False
        return build(*args, **values)

    return play
