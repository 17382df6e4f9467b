"""Tables: the law is stated by named constraints, moments are aware, nothing floats."""

from collections.abc import Iterator

from flask import Flask
from sqlalchemy import CheckConstraint, DateTime, Float, ForeignKeyConstraint, Table
from sqlalchemy.dialects import postgresql

from app.core import records
from app.core.db import Base, Instant
from app.core.records import table_of
from app.core.storage import StoredFile
from app.engine import handlers

NAME_LIMIT = 63  # PostgreSQL cuts longer ones


def tables() -> list[Table]:
    found = list(Base.metadata.tables.values())
    assert len(found) > 40
    return found


def names(table: Table) -> Iterator[str]:
    compiler = postgresql.dialect().identifier_preparer
    for constraint in table.constraints:
        yield str(compiler.format_constraint(constraint) or "")
    for index in table.indexes:
        yield str(index.name or "")


def test_every_constraint_and_index_has_a_name_that_migrations_can_find(app: Flask) -> None:
    bad = {
        table.name: [n for n in names(table) if not n or len(n.strip('"')) > NAME_LIMIT]
        for table in tables()
    }
    assert {table: found for table, found in bad.items() if found} == {}


def test_every_business_type_leads_to_the_table_of_its_records(app: Flask) -> None:
    types = {*handlers.presenter.names(), *records._contexts, *records._subjects}
    assert len(types) > 12
    assert {each for each in types if table_of(each) not in Base.metadata.tables} == set()


def test_a_check_says_its_law(app: Flask) -> None:
    checks = [c for t in tables() for c in t.constraints if isinstance(c, CheckConstraint)]
    assert len(checks) > 40
    words = [str(check.name).removeprefix(f"ck_{check.table.name}_") for check in checks]
    assert [name for name in words if "_" not in name] == []


def test_every_table_has_one_primary_key_column_or_a_pair_of_foreign_ones(app: Flask) -> None:
    for table in tables():
        keys = list(table.primary_key.columns)
        assert keys, table.name
        assert len(keys) == 1 or all(
            key.foreign_keys or key.autoincrement is not True for key in keys
        ), table.name


def test_every_foreign_key_has_a_target(app: Flask) -> None:
    known = set(Base.metadata.tables)
    for table in tables():
        for constraint in table.constraints:
            if isinstance(constraint, ForeignKeyConstraint):
                assert constraint.referred_table.name in known


def test_what_refers_to_a_stored_file_is_found_by_an_index(app: Flask) -> None:
    """Each file that is swept is looked for in every one of these columns."""
    keys = [(t, list(k.columns)) for t in tables() for k in (t.primary_key, *t.indexes)]
    led = {(table.name, columns[0].name) for table, columns in keys}
    referring = {
        (table.name, column.name)
        for table in tables()
        for column in table.columns
        if column.references(StoredFile.__table__.c.id)
    }
    assert len(referring) > 15
    assert sorted(referring - led) == []


def test_moments_are_instants_and_numbers_are_exact(app: Flask) -> None:
    naive = [
        str(column)
        for table in tables()
        for column in table.columns
        if isinstance(column.type, DateTime | Float) and not isinstance(column.type, Instant)
    ]
    assert naive == []


def test_a_type_of_business_is_called_like_its_table(app: Flask) -> None:
    """By that an incident knows whether what it is about was undone with it."""
    known = [table.name for table in tables()]
    kinds = handlers.presenter.names()
    assert len(kinds) > 10
    assert [kind for kind in kinds if not any(kind in name for name in known)] == []
