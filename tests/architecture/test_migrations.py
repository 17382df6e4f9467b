"""Migrations make the very schema that the models describe, on both databases."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import Connection, Inspector, MetaData, inspect, text

from app.core.db import db, transaction
from app.factory import create_app
from tests.throwaway_postgres import running_server

Schema = dict[str, dict[str, Any]]
Maker = Callable[[str], Flask]
PARTS = ("columns", "pk_constraint", "foreign_keys", "indexes", "unique_constraints",
         "check_constraints")  # fmt: skip


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def application(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Maker]:
    """Return a maker of applications, each on an empty database of its name."""
    folder = tmp_path_factory.mktemp("schema")
    made: list[Flask] = []

    def on(url: str) -> Flask:
        made.append(
            create_app(str(folder / "instance"), SQLALCHEMY_DATABASE_URI=url, TESTING=True)
        )
        return made[-1]

    def closed() -> None:
        for app in made:
            with app.app_context():
                db.session.remove()
                db.engine.dispose()

    if request.param == "sqlite":
        yield lambda name: on(f"sqlite:///{folder / name}.db")
        closed()
        return
    with running_server() as address:

        def fresh(name: str) -> Flask:
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            url = address.replace("/postgres?", f"/{name}?")
            return on(url.replace("postgresql://", "postgresql+psycopg://"))

        yield fresh
        closed()


def schema(inspector: Inspector) -> Schema:
    """What the database itself says of every table."""
    tables = [name for name in inspector.get_table_names() if name != "alembic_version"]
    return {
        table: {part: told(getattr(inspector, f"get_{part}")(table)) for part in PARTS}
        for table in tables
    }


def vacuumed_often(connection: Connection) -> list[Any]:
    """Which tables PostgreSQL vacuums sooner than others, and when."""
    if connection.dialect.name == "sqlite":
        return []
    found = text(
        "SELECT relname, reloptions FROM pg_class WHERE relkind = 'r' AND reloptions <> '{}'"
    )
    return [tuple(row) for row in connection.execute(found)]


def described() -> MetaData:
    """A copy of the models' tables.

    Adding a circular foreign key on PostgreSQL marks the constraint as made, for SQLite too.
    """
    copy = MetaData(naming_convention=db.metadata.naming_convention)
    for table in db.metadata.tables.values():
        table.to_metadata(copy)
    return copy


def told(found: Any) -> Any:
    if isinstance(found, list):
        return sorted(told(one) for one in found)
    return json.dumps(found, default=str, sort_keys=True)


def test_migrations_make_what_the_models_describe(application: Maker) -> None:
    with application("migrated").app_context():
        upgrade()
        with db.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, db.metadata) == []
            migrated = schema(inspect(connection)), vacuumed_often(connection)
        db.engine.dispose()
    with application("created").app_context():
        described().create_all(db.engine)
        with db.engine.connect() as connection:
            created = schema(inspect(connection)), vacuumed_often(connection)
            assert created[1] or connection.dialect.name == "sqlite"
        db.engine.dispose()
    assert len(created[0]) > 40
    assert migrated == created


def test_migrations_go_back_to_nothing(application: Maker) -> None:
    with application("returned").app_context():
        upgrade()
        downgrade(revision="base")
        with db.engine.connect() as connection:
            assert schema(inspect(connection)) == {}
        db.engine.dispose()


def test_one_line_of_migrations() -> None:
    folder = Path(__file__).parents[2] / "app/migrations"
    line = [each.revision for each in ScriptDirectory(str(folder)).walk_revisions("base", "heads")]
    assert len(ScriptDirectory(str(folder)).get_heads()) == 1
    assert line == sorted(line, reverse=True)
    names = {path.name.split("_")[0] for path in (folder / "versions").glob("*.py")}
    assert names == set(line)


def test_an_instance_of_another_development_version_is_told_so(application: Maker) -> None:
    app = application("stranger")
    with app.app_context():
        upgrade()
        with transaction():
            db.session.execute(text("UPDATE alembic_version SET version_num = 'elsewhere'"))
        db.engine.dispose()
    done = app.test_cli_runner().invoke(args=["setup", "--no-demo"])
    assert done.exit_code == 1
    assert "由另一个开发版本创建" in done.output
