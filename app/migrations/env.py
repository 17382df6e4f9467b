"""How migrations reach the database: through the application that runs them."""

from alembic import context
from alembic.autogenerate import renderers
from alembic.operations import ops
from sqlalchemy import ForeignKeyConstraint

from app.core.db import Instant, db


class TieTables(ops.CreateForeignKeyOp):
    """A foreign key that closes a circle of tables: SQLite has it in the table from the start."""


class UntieTables(ops.DropConstraintOp):
    """The way back."""


def _write_beyond_sqlite(kind):
    def write(autogen_context, op):
        lines = renderers.dispatch(kind)(autogen_context, op)
        line = lines if isinstance(lines, str) else lines[0]
        return f'if op.get_context().dialect.name != "sqlite":\n    {line}'

    return write


renderers.dispatch_for(TieTables)(_write_beyond_sqlite(ops.CreateForeignKeyOp))
renderers.dispatch_for(UntieTables)(_write_beyond_sqlite(ops.DropConstraintOp))


def render_item(kind, item, _autogen_context):
    """Write our own column type as the plain one it is stored as."""
    if kind == "type" and isinstance(item, Instant):
        return "sa.DateTime(timezone=True)"
    return False


def process_revision_directives(_context, _revision, directives):
    """Write nothing when nothing changed, and tie new tables that refer to each other."""
    upgrade, downgrade = directives[0].upgrade_ops, directives[0].downgrade_ops
    if upgrade.is_empty():
        if getattr(context.config.cmd_opts, "autogenerate", False):
            directives[:] = []
        return
    created = [op for op in upgrade.ops if isinstance(op, ops.CreateTableOp)]
    late = [
        constraint
        for op in created
        for constraint in op.columns
        if isinstance(constraint, ForeignKeyConstraint) and constraint.use_alter
    ]
    upgrade.ops += [TieTables.from_constraint(constraint) for constraint in late]
    downgrade.ops[:0] = [UntieTables.from_constraint(constraint) for constraint in late]


def run_migrations():
    """Run in one transaction; SQLite rebuilds a table where it cannot alter it."""
    with db.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_item=render_item,
            process_revision_directives=process_revision_directives,
            render_as_batch=connection.dialect.name == "sqlite",
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run_migrations()
