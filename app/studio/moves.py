"""Moving many instances to another version: asked for in a request, done by a job, undone."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import defer, joinedload

from app.core import jobs
from app.core.audit import AuditEvent
from app.core.clock import now as clock_now
from app.core.db import db, transaction
from app.core.errors import Conflict, DomainError, Invalid, NotFound
from app.engine import care, incidents, migration
from app.engine.batches import Batch, each_of
from app.engine.models import (
    InstanceMigration,
    ProcessInstance,
    ProcessVersion,
    VersionStatus,
)
from app.studio.models import MigrationMove, MigrationRun, MoveStatus

JOB = "migrate_instances"
UNDONE = "undone"
"""How a move stands that was taken back (已撤销); its row tells what the run did."""
AT_ONCE = 100
"""How many instances a job moves before it lets others have their turn."""


def targets_of(source: ProcessVersion) -> Sequence[ProcessVersion]:
    """Return the versions that instances of a version may move to, the newest first."""
    found = sa.select(ProcessVersion).where(
        ProcessVersion.key == source.key,
        ProcessVersion.jurisdiction.in_({source.jurisdiction, ""}),
        ProcessVersion.status == VersionStatus.PUBLISHED,
        ProcessVersion.id != source.id,
    )
    return db.session.scalars(found.order_by(ProcessVersion.id.desc())).all()


def living(source: ProcessVersion) -> sa.Select[tuple[ProcessInstance]]:
    """Select the instances of a version that have not ended."""
    return (
        sa.select(ProcessInstance)
        .where(ProcessInstance.version_id == source.id, ProcessInstance.status.in_(care.LIVING))
        .order_by(ProcessInstance.id)
    )


def start_run(
    source: ProcessVersion,
    target: ProcessVersion,
    chosen: Collection[int] | None,
    *,
    reason: str,
    actor_id: int,
    now: datetime,
) -> MigrationRun:
    """Ask for the chosen instances, or every living one, to be moved by a job.

    Raises Invalid without a reason or an instance, CannotMigrate for another process's version.
    """
    migration.check_versions(source, target)
    said = care.required(reason)
    wanted = sa.select(ProcessInstance.id).where(
        ProcessInstance.version_id == source.id, ProcessInstance.status.in_(care.LIVING)
    )
    if chosen is not None:
        wanted = wanted.where(ProcessInstance.id.in_(chosen))
    run = MigrationRun(
        source_id=source.id, target_id=target.id, reason=said, actor_id=actor_id, at=now
    )
    db.session.add(run)
    db.session.flush()
    rows = wanted.order_by(ProcessInstance.id).add_columns(
        sa.literal(run.id), sa.literal(str(MoveStatus.WAITING)), sa.literal("")
    )
    named = ["instance_id", "run_id", "status", "said"]
    db.session.execute(sa.insert(MigrationMove).from_select(named, rows))
    if not count(run.id):
        raise Invalid("请先勾选要迁移的实例", field="id")
    _ask(run.id, now)
    return run


def _ask(run_id: int, now: datetime) -> None:
    """Ask for the next part; its key is what is left, so that no part is asked for twice."""
    left = count(run_id).get(MoveStatus.WAITING, 0)
    jobs.enqueue(JOB, {"run": run_id}, key=f"{_key(run_id)}{left}", now=now)


def _key(run_id: int) -> str:
    return f"migrate:{run_id}:"


def goes_on_at(run_id: int) -> datetime | None:
    """Return when a run goes on whose job was interrupted; None while none has begun."""
    return jobs.tried_again_at(_key(run_id))


def move_some(payload: Mapping[str, Any]) -> None:
    """Move the next instances of a run, each in its own transaction; a killed job goes on."""
    run_id = int(payload["run"])
    for _ in range(AT_ONCE):
        with transaction():
            if not _move_next(run_id, clock_now()):
                return
    with transaction():
        _ask(run_id, clock_now())


def _move_next(run_id: int, now: datetime) -> bool:
    waiting = sa.select(MigrationMove).where(
        MigrationMove.run_id == run_id, MigrationMove.status == MoveStatus.WAITING
    )
    move = db.session.scalars(
        waiting.order_by(MigrationMove.id).limit(1).with_for_update(skip_locked=True)
    ).first()
    if move is None:
        return False
    try:
        with db.session.begin_nested():
            kept = _move(move, now)
            db.session.flush()
    except DomainError as error:
        move.status, move.said = MoveStatus.REFUSED, incidents.describe(error)
    else:
        move.status, move.migration_id = MoveStatus.MOVED, kept.id
    return True


def _move(move: MigrationMove, now: datetime) -> InstanceMigration:
    if move.instance.version_id != move.run.source_id:
        raise Conflict("流程已由别人迁移到其他版本")
    return migration.migrate(
        move.instance, move.run.target, reason=move.run.reason, actor_id=move.run.actor_id, now=now
    )


def run(run_id: int) -> MigrationRun:
    """Return a run. Raises NotFound."""
    found = db.session.get(MigrationRun, run_id)
    if found is None:
        raise NotFound("没有这次迁移")
    return found


def runs_of(versions: Iterable[ProcessVersion]) -> Sequence[MigrationRun]:
    """Return the runs that left or led to one of these versions, the newest first."""
    ids = [each.id for each in versions]
    found = sa.select(MigrationRun).where(
        sa.or_(MigrationRun.source_id.in_(ids), MigrationRun.target_id.in_(ids))
    )
    return db.session.scalars(found.order_by(MigrationRun.id.desc()).limit(10)).all()


def _standing() -> sa.ColumnElement[str]:
    """What has become of a move by now: one that was undone was moved before."""
    is_undone = InstanceMigration.undone_at.is_not(None)
    return sa.case((is_undone, sa.literal(UNDONE)), else_=MigrationMove.status)


def _of_run(run_id: int, *columns: Any) -> sa.Select[Any]:
    found = sa.select(*columns).outerjoin_from(
        MigrationMove, InstanceMigration, InstanceMigration.id == MigrationMove.migration_id
    )
    return found.where(MigrationMove.run_id == run_id)


def count(run_id: int) -> dict[str, int]:
    """Return how many instances of a run wait, are moved, were taken back, and stayed."""
    standing = _standing()
    counted = _of_run(run_id, standing, sa.func.count()).group_by(standing)
    return {row[0]: row[1] for row in db.session.execute(counted)}


def moves(run_id: int, standing: str) -> sa.Select[tuple[MigrationMove]]:
    """Select what came of each instance of a run, or only those that stand so."""
    found: sa.Select[tuple[MigrationMove]] = _of_run(run_id, MigrationMove)
    if standing in {*MoveStatus, UNDONE}:
        found = found.where(_standing() == standing)
    slim = joinedload(MigrationMove.instance).options(defer(ProcessInstance.state))
    kept = joinedload(MigrationMove.migration).load_only(
        InstanceMigration.undone_at, InstanceMigration.row_version
    )
    return found.options(slim, kept).order_by(MigrationMove.id)


def undone_by(found: Iterable[MigrationMove]) -> dict[int, int | None]:
    """Return who took each of these instances back, by its number."""
    undone = {each.instance_id: each.migration.undone_at for each in found if each.migration}
    told = sa.select(AuditEvent.subject_id, AuditEvent.at, AuditEvent.actor_id).where(
        AuditEvent.tag == "instance:migration_undone",
        AuditEvent.subject_type == "process_instance",
        AuditEvent.subject_id.in_([number for number, at in undone.items() if at]),
    )
    rows = db.session.execute(told)
    return {row.subject_id: row.actor_id for row in rows if row.at == undone[row.subject_id]}


def undo_moves(
    run_id: int, ids: Iterable[int], *, reason: str, actor_id: int, now: datetime
) -> Batch:
    """Take instances of a run back to where it found them. Raises Invalid without a reason."""
    said = care.required(reason)

    def undo(instance_id: int) -> None:
        found = sa.select(MigrationMove).where(
            MigrationMove.run_id == run_id, MigrationMove.instance_id == instance_id
        )
        move = db.session.scalars(found).first()
        if move is None or not migration.is_undoable(move.migration, move.instance):
            raise Conflict("没有迁移，或迁移后已继续办理，不能撤销")
        migration.undo(move.instance, reason=said, actor_id=actor_id, now=now)

    return each_of(sorted(set(ids)), undo)


jobs.register_job(JOB)(move_some)
