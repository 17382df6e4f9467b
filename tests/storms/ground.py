"""The ground that storms rage on: a fresh database, and what must hold on it afterwards."""

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import sqlalchemy as sa
from flask import Flask

from app.core.db import db, transaction
from app.engine import environment, handlers, invariants
from tests.engine.conftest import open_tables
from tests.engine.kit import Office

LAWS = (
    invariants.open_items_belong_to_living_instances,
    invariants.living_instances_wait_for_something,
    invariants.ended_instances_wait_for_nothing,
    invariants.no_record_is_in_two_instances_of_a_process,
)
HELD = """
SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE datname = current_database() AND pid <> pg_backend_pid()
AND state <> 'active' AND mode <> 'AccessShareLock' AND locktype <> 'virtualxid'
"""


def application(url: str) -> Flask:
    """A bare application of the engine on a database."""
    app = Flask("storm")
    app.config.update(SQLALCHEMY_DATABASE_URI=url)
    db.init_app(app)
    return app


@contextmanager
def fresh_url(folder: Path, server: str) -> Iterator[str]:
    """Make a database of SQLite, or one on a PostgreSQL server, and give its address."""
    name = f"storm{uuid.uuid4().hex[:8]}"
    if not server:
        yield f"sqlite:///{folder / name}.db"
        return
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    address = server.replace("/postgres?", f"/{name}?")
    yield address.replace("postgresql://", "postgresql+psycopg://")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def own_handlers() -> Iterator[None]:
    """Let an office have the engine's own handlers alone; the platform's come back afterwards."""
    registries = (
        handlers.service, handlers.save, handlers.scope, handlers.presenter, handlers.ending,
    )  # fmt: skip
    kept = [(registry, dict(registry._functions)) for registry in (*registries, environment)]
    for registry in registries:
        own = {
            n: f for n, f in registry._functions.items() if f.__module__ == "app.engine.answers"
        }
        registry._functions = own  # type: ignore[assignment]
    try:
        yield
    finally:
        for registry, functions in kept:
            registry._functions = functions  # type: ignore[attr-defined]


@contextmanager
def office_on(url: str) -> Iterator[Office]:
    """Open an office with its tables on an empty database."""
    app = application(url)
    with app.app_context(), own_handlers():
        open_tables()
        yield Office(app)
        db.session.remove()
        db.engine.dispose()


def broken_laws() -> list[str]:
    """Return what does not hold between the tables of the engine."""
    with transaction(write=False):
        return [line for law in LAWS for line in law()]


def held_locks(url: str) -> int:
    """Count the locks that somebody who does nothing still holds."""
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///"), timeout=0) as connection:
            connection.execute("BEGIN IMMEDIATE")  # OperationalError while anybody holds it
            connection.rollback()
        connection.close()
        return 0
    with transaction(write=False):
        return int(db.session.execute(sa.text(HELD)).scalar_one())
