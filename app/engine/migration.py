"""Moving running instances to another version of their process (流程迁移).

The target version brings its whole bundle: diagrams, decision tables and forms. An instance moves
as a whole under its lock or not at all, and can be moved back until its next step.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from app.core.db import db, transaction
from app.core.errors import Conflict, DomainError, NotFound
from app.engine import care, incidents, projection, state
from app.engine.definitions import Bundle, bundle_of
from app.engine.models import (
    InstanceMigration,
    ItemStatus,
    ProcessInstance,
    ProcessVersion,
    WorkItem,
)
from app.engine.transplant import obstacles, transplant
from app.engine.walk import Walk

FOLLOWED = ("process", "name", "form", "page", "save", "role", "due_at")
_WORDS = {"migrated": "迁移至", "migration_undone": "撤销迁移，回到"}
PLACE = (
    "scope_kind",
    "scope_id",
    "assignee_id",
    "is_personal",
    "excluded_id",
    "apart_id",
    "about_id",
)


WAIT = "可以等这些环节办结后再迁移，或发布一个保留这些环节的版本"
RESTORE = "请运维人员从备份恢复后再迁移"
CHOOSE = "请改选另一个版本，或发布一个与在办环节相符的版本；仍然不能迁移的，把原因交给运维人员"


class CannotMigrate(Conflict):
    """An instance stands where the other version does not let it go on."""

    default = "该流程不能迁移到所选版本"


@dataclass(frozen=True)
class Forecast:
    """What a migration would do to one instance."""

    instance_id: int
    business: tuple[str, int]
    reasons: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    # The timers that keep their moments.
    timers: tuple[tuple[str, datetime], ...] = ()
    # What can be done where it cannot be moved.
    advice: str = ""

    @property
    def ok(self) -> bool:
        """Whether the instance can be moved."""
        return not self.reasons


@dataclass
class Outcome:
    """How a migration of many instances went."""

    moved: list[int] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)


def preview(source: ProcessVersion, target: ProcessVersion, now: datetime) -> Iterator[Forecast]:
    """Yield what would change for each living instance of a version; nothing is written.

    Raises CannotMigrate when the versions are not of one process.
    """
    check_versions(source, target)
    for instance_id in _living(source.id):
        instance = db.session.get_one(ProcessInstance, instance_id)
        yield forecast(instance, target, now)
        db.session.expunge(instance)


def forecast(instance: ProcessInstance, target: ProcessVersion, now: datetime) -> Forecast:
    """Return what moving one instance would change, or every reason against it."""
    business = (instance.business_type, instance.business_id)
    try:
        walk, bundle = Walk(instance, now), bundle_of(target)
    except (incidents.StepFailed, NotFound) as error:
        return Forecast(instance.id, business, (incidents.describe(error),), advice=RESTORE)
    try:
        after = state.loads(_moved(walk, bundle), bundle.specs)
        waiting = projection.waiting_of(after)
    except CannotMigrate as error:
        return Forecast(instance.id, business, tuple(error.message.split("；")), advice=WAIT)
    except Exception as error:
        return Forecast(instance.id, business, (incidents.describe(error),), advice=CHOOSE)
    nodes = [task.task_spec.bpmn_id for task in waiting.tasks.values()]
    moments = tuple(sorted(waiting.timers.values(), key=lambda each: each[1]))
    return Forecast(instance.id, business, (), tuple(sorted(nodes)), moments)


def check_versions(source: ProcessVersion, target: ProcessVersion) -> None:
    """Raise CannotMigrate unless both are versions of one process, and not the same."""
    if source.key != target.key or target.jurisdiction not in {source.jurisdiction, ""}:
        raise CannotMigrate("目标版本不属于同一流程")
    if source.id == target.id:
        raise CannotMigrate("流程已经是所选版本")


def _living(version_id: int) -> list[int]:
    living = sa.select(ProcessInstance.id).where(
        ProcessInstance.version_id == version_id, ProcessInstance.status.in_(care.LIVING)
    )
    return list(db.session.scalars(living.order_by(ProcessInstance.id)))


def _moved(walk: Walk, target: Bundle) -> bytes:
    """Return the tree of a walk as it is in another bundle. Raises CannotMigrate."""
    reasons = obstacles(walk.workflow, walk.bundle, target)
    if reasons:
        raise CannotMigrate("；".join(reasons))
    transplant(walk.workflow, target)
    return state.dumps(walk.workflow)


def migrate(
    instance: ProcessInstance,
    target: ProcessVersion,
    *,
    reason: str,
    actor_id: int | None,
    now: datetime,
) -> InstanceMigration:
    """Move an instance to another version; its tasks, timers and waits follow their nodes.

    Raises Conflict when it has ended, CannotMigrate with every reason, StepFailed.
    """
    instance = care.lock(instance.id)
    check_versions(instance.version, target)
    walk = Walk(instance, now)
    source, before = instance.version, projection.waiting_of(walk.workflow)
    kept = InstanceMigration(
        instance_id=instance.id,
        from_version_id=source.id,
        to_version_id=target.id,
        state=instance.state,
        items=[_kept(item) for item in _open_items(instance)],
        actor_id=actor_id,
        at=now,
    )
    with walk.guarded(CannotMigrate):
        content = _moved(walk, bundle_of(target))
        _settle(instance, target, content, before, now)
        _follow(instance, walk.bundle, now)
    kept.row_version = instance.row_version
    db.session.add(kept)
    said = care.required(reason)
    _note(instance, "migrated", source, reason=said, actor_id=actor_id, now=now)
    return kept


def undo(
    instance: ProcessInstance, *, reason: str, actor_id: int | None, now: datetime
) -> InstanceMigration:
    """Move an instance back to where its last migration found it (撤销迁移).

    Raises Conflict when nothing is to be undone or a step has been taken since.
    """
    instance = care.lock(instance.id)
    last = last_of(instance.id)
    if last is None or last.undone_at is not None:
        raise Conflict("该流程没有可撤销的迁移")
    if last.row_version != instance.row_version:
        raise Conflict("迁移后流程已继续办理，不能撤销")
    source, before = instance.version, projection.waiting_of(Walk(instance, now).workflow)
    former = db.session.get_one(ProcessVersion, last.from_version_id)
    _settle(instance, former, last.state, before, now)
    items = {item.id: item for item in _open_items(instance)}
    for values in last.items:
        item = items[int(str(values["id"]))]
        for name in (*FOLLOWED, *PLACE):
            setattr(item, name, _moment(values[name]) if name == "due_at" else values[name])
    last.undone_at = now
    said = care.required(reason)
    _note(instance, "migration_undone", source, reason=said, actor_id=actor_id, now=now)
    return last


def is_undoable(kept: InstanceMigration | None, instance: ProcessInstance) -> bool:
    """Whether a migration can be undone: it stands, and its instance has not gone on since."""
    if kept is None or kept.undone_at is not None or instance.status not in care.LIVING:
        return False
    return kept.row_version == instance.row_version


def last_of(instance_id: int) -> InstanceMigration | None:
    """Return the last migration of an instance."""
    moves = sa.select(InstanceMigration).where(InstanceMigration.instance_id == instance_id)
    return db.session.scalars(moves.order_by(InstanceMigration.id.desc()).limit(1)).first()


def migrate_all(
    source_id: int, target_id: int, *, reason: str, actor_id: int | None, now: datetime
) -> Outcome:
    """Move every living instance of a version, each in its own transaction.

    One that cannot move stays where it is. Call it outside any transaction.
    """
    outcome = Outcome()
    with transaction(write=False):
        found = _living(source_id)
    for instance_id in found:
        try:
            with transaction():
                instance = db.session.get_one(ProcessInstance, instance_id)
                target = db.session.get_one(ProcessVersion, target_id)
                migrate(instance, target, reason=reason, actor_id=actor_id, now=now)
        except DomainError as error:
            outcome.refused.append((instance_id, incidents.describe(error)))
        else:
            outcome.moved.append(instance_id)
    return outcome


def _settle(
    instance: ProcessInstance,
    version: ProcessVersion,
    content: bytes,
    before: projection.Waiting,
    now: datetime,
) -> None:
    """Pin an instance to a version, and its rows to what the new tree waits for."""
    instance.version_id, instance.bundle_hash = version.id, version.bundle_hash
    instance.version, instance.state = version, content
    instance.row_version += 1
    after = projection.waiting_of(Walk(instance, now).workflow)
    projection.close_items(before, after, None)
    projection.write_timers(before, after, instance.id)
    projection.write_subscriptions(before, after, instance, now)
    db.session.flush()


def _open_items(instance: ProcessInstance) -> list[WorkItem]:
    waiting = sa.select(WorkItem).where(
        WorkItem.instance_id == instance.id, WorkItem.status == ItemStatus.OPEN
    )
    return list(db.session.scalars(waiting.order_by(WorkItem.id)))


def _kept(item: WorkItem) -> dict[str, object]:
    values = {name: getattr(item, name) for name in (*FOLLOWED, *PLACE)}
    due = item.due_at.isoformat() if item.due_at else None
    return {**values, "id": item.id, "due_at": due}


def _moment(value: object) -> datetime | None:
    return datetime.fromisoformat(str(value)) if value else None


def _follow(instance: ProcessInstance, old: Bundle, now: datetime) -> None:
    """Show open tasks as the new version draws them; only a new scope or limit moves them."""
    walk = Walk(instance, now)
    for item in _open_items(instance):
        task = walk.ready_task(item)
        node = walk.drawn(task)
        former = old.node(task.workflow.spec.name, node.id)
        projection.redraw(item, node, former, walk.step(task))
    db.session.flush()


def _note(
    instance: ProcessInstance,
    act: str,
    source: ProcessVersion,
    *,
    reason: str,
    actor_id: int | None,
    now: datetime,
) -> None:
    target = instance.version
    care.note(
        instance,
        act,
        f"{_WORDS[act]}第 {target.no} 版",
        reason=reason,
        actor_id=actor_id,
        now=now,
        from_version=source.no,
        to_version=target.no,
    )
