"""A database with the engine's tables alone: the engine stands below every other room."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from flask import Flask

from app.accounts.models import Person
from app.core import audit, storage  # noqa: F401 - their tables
from app.core.db import Base, db, transaction
from app.engine import environment, handlers, incidents, models
from tests.conftest import DATABASE
from tests.engine.kit import NOON, PEOPLE, Office

TABLES = [
    getattr(models, name).__table__
    for name in (
        *("SpecBundle", "ProcessVersion", "ProcessInstance", "WorkItem", "StepLog"),
        *("StepAnswers", "Timer", "Subscription", "QueueRow", "Incident"),
        *("InstanceMigration", "Heartbeat"),
    )
]
# What is audited names a person, so these few tables of the rooms around stand there too.
TABLES += [Base.metadata.tables[name] for name in ("stored_file", "person", "audit_event")]


def open_tables() -> None:
    """Create the tables on an empty database, with the people who act in tests."""
    db.metadata.create_all(db.engine, tables=TABLES)
    with transaction():
        for number in PEOPLE:
            db.session.add(Person(id=number, name=f"第{number}人", created_at=NOON))


@pytest.fixture
def database(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Flask]:
    """A bare application on a fresh database; nobody is told of its incidents."""
    # Other tests may have loaded the rooms that tell people, whose tables are not here.
    monkeypatch.setattr(incidents, "_tellers", [])
    url, server, name = f"sqlite:///{tmp_path / 'engine.db'}", "", f"engine{uuid.uuid4().hex[:8]}"
    if DATABASE == "postgresql":
        server = request.getfixturevalue("postgres_server")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        url = server.replace("/postgres?", f"/{name}?").replace(
            "postgresql://", "postgresql+psycopg://"
        )
    app = Flask("engine")
    app.config.update(SQLALCHEMY_DATABASE_URI=url)
    db.init_app(app)
    with app.app_context():
        open_tables()
        yield app
        db.session.remove()
        db.engine.dispose()
    if server:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def office(database: Flask, monkeypatch: pytest.MonkeyPatch) -> Office:
    """An office that works on records of the type `case`; its handlers vanish afterwards."""
    for registry in (
        *(handlers.service, handlers.save, handlers.scope, handlers.presenter),
        handlers.ending,
    ):
        # Other tests may have loaded every room; the office has the engine's own handlers only.
        own = {
            n: f for n, f in registry._functions.items() if f.__module__ == "app.engine.answers"
        }
        monkeypatch.setattr(registry, "_functions", own)
    monkeypatch.setattr(environment, "_functions", dict(environment._functions))
    return Office(database)
