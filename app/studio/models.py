"""Migrations of many instances at once (批量迁移): what was asked, and what came of each."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db import Id, Instant, Model, one_of, pk
from app.engine.models import InstanceMigration, ProcessInstance, ProcessVersion


class MoveStatus(StrEnum):
    """What came of one instance of a migration."""

    WAITING = "waiting"
    MOVED = "moved"
    REFUSED = "refused"


class MigrationRun(Model):
    """A process admin's order to move instances from one version to another."""

    __tablename__ = "migration_run"
    __table_args__ = (
        sa.CheckConstraint("source_id <> target_id", name="a_run_leads_to_another_version"),
        sa.CheckConstraint("reason <> ''", name="a_run_says_why"),
        sa.Index("migration_run_of_source", "source_id", "id"),
    )

    id: Mapped[int] = pk()
    source_id: Mapped[int] = mapped_column(sa.ForeignKey("process_version.id"))
    target_id: Mapped[int] = mapped_column(sa.ForeignKey("process_version.id"))
    reason: Mapped[str] = mapped_column(sa.String(500))
    actor_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(Instant)

    source: Mapped[ProcessVersion] = relationship(foreign_keys=[source_id])
    target: Mapped[ProcessVersion] = relationship(foreign_keys=[target_id])


class MigrationMove(Model):
    """One instance of a run: it waits, was moved, or stayed where it was and why."""

    __tablename__ = "migration_move"
    __table_args__ = (
        sa.UniqueConstraint("run_id", "instance_id", name="an_instance_is_moved_once_a_run"),
        sa.CheckConstraint(one_of("status", MoveStatus), name="move_status_known"),
        sa.CheckConstraint(
            "(status = 'moved') = (migration_id IS NOT NULL)", name="what_moved_can_be_followed"
        ),
        sa.CheckConstraint("status <> 'refused' OR said <> ''", name="a_refusal_says_why"),
        sa.Index("migration_move_by_status", "run_id", "status", "id"),
    )

    id: Mapped[int] = pk()
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("migration_run.id"))
    instance_id: Mapped[int] = mapped_column(sa.ForeignKey("process_instance.id"))
    status: Mapped[str] = mapped_column(sa.String(20), default=MoveStatus.WAITING)
    said: Mapped[str] = mapped_column(sa.Text, default="")
    # What undoing needs, and whether it was undone.
    migration_id: Mapped[int | None] = mapped_column(sa.ForeignKey("instance_migration.id"))

    run: Mapped[MigrationRun] = relationship()
    instance: Mapped[ProcessInstance] = relationship()
    migration: Mapped[InstanceMigration | None] = relationship()
