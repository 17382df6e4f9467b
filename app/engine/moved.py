"""The table of moved instances; people and other rooms meet it among the engine's models."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Id, Instant, Model, pk


class InstanceMigration(Model):
    """An instance moved to another version of its process (迁移), with what undoing needs."""

    __tablename__ = "instance_migration"
    __table_args__ = (
        sa.CheckConstraint(
            "from_version_id <> to_version_id", name="migration_leads_to_another_version"
        ),
        sa.Index("migration_of_instance", "instance_id", "id"),
    )

    id: Mapped[int] = pk()
    instance_id: Mapped[int] = mapped_column(sa.ForeignKey("process_instance.id"))
    from_version_id: Mapped[int] = mapped_column(sa.ForeignKey("process_version.id"))
    to_version_id: Mapped[int] = mapped_column(sa.ForeignKey("process_version.id"))
    # What the instance and its open tasks were before.
    state: Mapped[bytes] = mapped_column(sa.LargeBinary)
    items: Mapped[list[dict[str, object]]] = mapped_column(sa.JSON)
    # Of the instance afterwards: another number means that it has gone on.
    row_version: Mapped[int] = mapped_column(sa.Integer)
    actor_id: Mapped[int | None] = mapped_column(Id)
    at: Mapped[datetime] = mapped_column(Instant)
    undone_at: Mapped[datetime | None] = mapped_column(Instant)
