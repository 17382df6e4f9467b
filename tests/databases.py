"""Databases of the tests: one with tables and shipped processes, and copies that begin so."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from app.core.clock import ZONE, now, set_clock
from app.core.crypto import instance_key
from app.core.db import db, transaction
from app.engine import definitions
from app.factory import create_app

SETTINGS: dict[str, Any] = {"TESTING": True, "SERVER_NAME": None}
TEMPLATE = "template"
"""The state that every test begins with."""
START = datetime(2026, 11, 23, 9, 0, tzinfo=ZONE)


@sa.event.listens_for(sa.Engine, "connect")
def _spare_the_disk(connection: Any, _record: Any) -> None:
    """Let SQLite's writes reach the disk when they may: no test ends with the power going off."""
    if type(connection).__module__.startswith("sqlite3"):
        connection.execute("PRAGMA synchronous=OFF")


class Templates:
    """A database with its tables and shipped processes, copied for every test."""

    def __init__(self, folder: Path, server: str | None) -> None:
        self.folder, self.server, self.count = folder, server, 0
        self.open: dict[str, psycopg.Connection[Any]] = {}
        path = folder / f"{TEMPLATE}.db"
        url = f"sqlite:///{path}" if server is None else self._create("template0")
        self.template = "test1"
        app = create_app(str(folder / "instance"), SQLALCHEMY_DATABASE_URI=url, **SETTINGS)
        with app.app_context():
            instance_key("session")
            db.create_all()
            with transaction():
                set_clock(START)
                definitions.load_shipped(now())
            db.session.remove()
            db.engine.dispose()
        if server is None:
            with app.app_context(), db.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                db.engine.dispose()
        else:
            with psycopg.connect(_plain(url), autocommit=True) as connection:
                _keep_rows(connection, TEMPLATE)

    def _create(self, template: str) -> str:
        assert self.server is not None
        self.count += 1
        name = f"test{self.count}"
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.server.replace("/postgres?", f"/{name}?").replace(
            "postgresql://", "postgresql+psycopg://"
        )

    def fresh(self, folder: Path) -> str:
        """Return the address of a new copy."""
        if self.server is not None:
            return self._create(self.template)
        shutil.copy(self.folder / f"{TEMPLATE}.db", folder / "test.db")
        return f"sqlite:///{folder / 'test.db'}"

    def renew(self, url: str, state: str = TEMPLATE) -> None:
        """Give a copy the rows of a state that was kept, whatever was done to them."""
        if self.server is not None:
            # A hundred times quicker than another copy of the whole database.
            self._connection(url).execute(f"SELECT {state}.renew()")
            return
        path = Path(url.removeprefix("sqlite:///"))
        for left in path.parent.glob(f"{path.name}*"):
            left.unlink()
        shutil.copy(self.folder / f"{state}.db", path)

    def keep(self, url: str, state: str) -> None:
        """Keep the rows of a copy, which nobody has open, as a state."""
        if self.server is None:
            shutil.copy(url.removeprefix("sqlite:///"), self.folder / f"{state}.db")
            return
        _keep_rows(self._connection(url), state)

    def leave(self, engine: sa.Engine) -> None:
        """Let a database be renewed: of SQLite's file nobody may have anything open.

        PostgreSQL's connections stay, for a fresh one has yet to learn of every table.
        """
        if self.server is None:
            engine.dispose()

    def _connection(self, url: str) -> psycopg.Connection[Any]:
        if url not in self.open:
            self.open[url] = psycopg.connect(_plain(url), autocommit=True)
        return self.open[url]

    def close(self) -> None:
        """Close the connections by which databases were renewed."""
        for connection in self.open.values():
            connection.close()

    def drop(self, url: str) -> None:
        """Forget a copy."""
        if self.server is not None:
            name = url.split("?", maxsplit=1)[0].rsplit("/", 1)[-1]
            if url in self.open:
                self.open.pop(url).close()
            with psycopg.connect(self.server, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def _keep_rows(connection: psycopg.Connection[Any], state: str) -> None:
    """Keep the rows and numbers of a state, and how to bring them back."""
    connection.execute(f"CREATE SCHEMA {state}")
    tables = [
        name
        for (name,) in connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
    ]
    steps = [f'DELETE FROM public."{name}"' for name in tables]
    for name in tables:
        if connection.execute(f'SELECT 1 FROM public."{name}" LIMIT 1').fetchone():
            connection.execute(f'CREATE TABLE {state}."{name}" AS TABLE public."{name}"')
            steps.append(f'INSERT INTO public."{name}" SELECT * FROM {state}."{name}"')
    numbers = connection.execute(
        "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"
    )
    steps += [
        f"PERFORM setval('public.{name}', {last or 1}, {'true' if last else 'false'})"
        for name, last in numbers
    ]
    others = "datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"
    connection.execute(f"""
        CREATE FUNCTION {state}.renew() RETURNS void LANGUAGE plpgsql
        SET session_replication_role = replica AS $$ BEGIN
        PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others};
        {"; ".join(steps)}; END $$
    """)
