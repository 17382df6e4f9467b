"""The ground of a province's figures: its database, rows by the million, pages asked again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from app.core.db import Base, db
from app.factory import create_app
from tests.bench.figures import clock_ms, scaled_ms
from tests.bench.http import signed_in
from tests.conftest import SETTINGS
from tests.storms.ground import fresh_url

ASKED = 40


@contextmanager
def served(folder: Path, server: str) -> Iterator[Flask]:
    """Open the application with its tables on an empty database of a server."""
    with fresh_url(folder, server) as url:
        app = create_app(str(folder / "instance"), SQLALCHEMY_DATABASE_URI=url, **SETTINGS)
        with app.app_context():
            db.create_all()
            yield app
            db.session.remove()
            db.engine.dispose()


def rows_like(table: type[Base], like: int, count: int, **own: str) -> None:
    """Insert `count` rows like one, but for the columns that have an expression of n."""
    columns = [column.name for column in table.__table__.c]
    values = ", ".join(own.get(name, f'"{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    db.session.execute(
        sa.text(
            f'INSERT INTO "{table.__table__.name}" ({names}) SELECT {values} '
            f'FROM "{table.__table__.name}", generate_series(1, :count) n WHERE id = :like'
        ),
        {"count": count, "like": like},
    )


def asker(app: Flask, person_id: int, path: str, *shows: str) -> Callable[[], None]:
    """Return what asks for a page as somebody, who did once; it shows one of the words."""
    browser = signed_in(app, person_id)

    def ask() -> None:
        answer = browser.get(path)
        assert answer.status_code == 200, answer.status_code
        assert any(word in answer.text for word in shows), path

    ask()
    return ask


def p95_ms(ask: Callable[[], None]) -> float:
    """What 95 of 100 answers took at the most, by the clock of the machine of calibration.json."""
    took = sorted(scaled_ms(ask, clock_ms) for _ in range(ASKED))
    return round(took[ASKED * 95 // 100 - 1], 1)
