"""Running processes: the only way in which an instance moves.

Everything here works inside the caller's transaction, under the lock of one instance. What moves
without anybody acting is in workers.py, what process admins do in care.py and migration.py.
"""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.core.db import db
from app.core.errors import Conflict, DomainError, StaleTask
from app.core.rows import write_now
from app.engine import care, handlers, queue
from app.engine.definitions import current_version
from app.engine.handlers import OUTCOME_WORD, Business, Outcomes
from app.engine.models import (
    EventKind,
    InstanceStatus,
    ItemStatus,
    ProcessInstance,
    QueueKind,
    Subscription,
    WorkItem,
)
from app.engine.walk import Walk

WITHDRAWN = "withdrawn"
"""Name of the message that takes a record back from its reviewers (撤回)."""
handlers.sends({WITHDRAWN: "本人撤回"})
SUSPENDED = "流程已暂停，请联系流程管理员"
SECOND = "该事项已有流程正在办理"


class AlreadyViewed(Conflict):
    """A reviewer has opened the task, so the record cannot be taken back."""

    default = "审核人员已查看，不能撤回"


class NotWaiting(Conflict):
    """No running instance of the record waits for the message."""

    default = "当前环节不能接收此操作"


def start(
    key: str,
    *,
    business: Business,
    jurisdiction: str,
    actor_id: int | None,
    now: datetime,
    data: Mapping[str, object] | None = None,
    said: Outcomes | None = None,
) -> ProcessInstance:
    """Start process `key` for a record and run to its first wait.

    With `said`, a word and perhaps an opinion, the flow log tells of the act that started it.
    Raises NotFound when nothing is published, Conflict when the record has a living instance of
    this process already, StepFailed when a step fails.
    """
    version = current_version(key, jurisdiction)
    _refuse_second(key, business)
    instance = ProcessInstance(
        version_id=version.id,
        process_key=key,
        bundle_hash=version.bundle_hash,
        business_type=business[0],
        business_id=business[1],
        jurisdiction=jurisdiction,
        status=InstanceStatus.RUNNING,
        row_version=0,
        state=b"",
        started_by=actor_id,
        started_at=now,
    )
    _lay(instance)
    walk = Walk(instance, now, actor_id=actor_id, data=data or {})
    walk.begun = said or {}
    with walk.guarded():
        walk.finish()
    return instance


def _refuse_second(key: str, business: Business) -> None:
    living = sa.select(ProcessInstance.id).where(
        ProcessInstance.process_key == key,
        ProcessInstance.business_type == business[0],
        ProcessInstance.business_id == business[1],
        ProcessInstance.status.in_({InstanceStatus.RUNNING, InstanceStatus.SUSPENDED}),
    )
    if db.session.scalar(living) is not None:
        raise Conflict(SECOND)


def _lay(instance: ProcessInstance) -> None:
    """Write an instance; of two that are started at once the constraint lets one."""
    db.session.add(instance)
    try:
        db.session.flush()
    except IntegrityError as error:
        raise Conflict(SECOND) from error


def complete(
    item: WorkItem, answers: Mapping[str, object], *, actor_id: int, now: datetime
) -> None:
    """Complete a work item with the answers of its form. Whether the actor may is judged above.

    Raises StaleTask when it is no longer open, whatever DomainError its save handler raises, and
    StepFailed for any other error; everything is then to be rolled back.
    """
    instance = locked(item.instance_id)
    item = _reloaded(item)
    walk = Walk(instance, now, actor_id=actor_id)
    task = walk.ready_task(item)
    with walk.guarded(DomainError):
        walk.do(task, item, answers)
    write_now(item, status=ItemStatus.DONE, done_at=now, done_by=actor_id)
    with walk.guarded():
        walk.finish()


def open_item(item: WorkItem, *, person_id: int, now: datetime) -> None:
    """Note that somebody has opened a work item; only the first time counts.

    Raises StaleTask when it is no longer open.
    """
    del person_id
    locked(item.instance_id)
    item = _reloaded(item)
    if item.viewed_at is None:
        write_now(item, viewed_at=now)


def locked(instance_id: int) -> ProcessInstance:
    """Lock an instance. Raises Conflict when it is suspended, StaleTask when it has ended."""
    instance = care.locked_row(instance_id)
    if instance.status == InstanceStatus.SUSPENDED:
        halt = care.halt_of((instance.business_type, instance.business_id))
        raise Conflict(halt.said if halt else SUSPENDED)
    if not instance.is_running:
        raise StaleTask
    return instance


def hold(business: Business) -> None:
    """Lock what lives of a record's processes before the record is written and goes on.

    Every step takes the instance first and then the record: who took them the other way round
    and a step would wait for each other. Read the record anew afterwards.
    """
    living = sa.select(ProcessInstance.id).where(
        ProcessInstance.business_type == business[0],
        ProcessInstance.business_id == business[1],
        ProcessInstance.status.in_(care.LIVING),
    )
    db.session.execute(living.order_by(ProcessInstance.id).with_for_update())


# Built once: every step reads its task anew under the lock.
_ANEW = (
    sa.select(WorkItem)
    .where(WorkItem.id == sa.bindparam("id"))
    .execution_options(populate_existing=True)
)


def _reloaded(item: WorkItem) -> WorkItem:
    item = db.session.scalars(_ANEW, {"id": item.id}).one()
    if not item.is_open:
        raise StaleTask
    return item


def deliver(
    business: Business,
    message: str,
    *,
    now: datetime,
    data: Mapping[str, object] | None = None,
) -> None:
    """Hand a message to the instance of a record that waits for it.

    Only the queue worker calls it: others append with Step.send. `data` becomes task data of the
    event; a node that declares `outcomes` takes no others. Raises NotWaiting, StepFailed.
    """
    walk = Walk(_awaiting(business, message), now)
    with walk.guarded():
        if not walk.send(message, data or {}):
            raise NotWaiting
        walk.finish()


def broadcast(
    signal: str,
    *,
    unique: str,
    now: datetime,
    actor_id: int | None = None,
    data: Mapping[str, str | int | bool | None] | None = None,
) -> None:
    """Send a signal (信号) to every instance that waits for it, once per `unique` key.

    The queue worker finds them and tells each in a transaction of its own.
    """
    queue.append(
        QueueKind.BROADCAST,
        signal,
        business=("", 0),
        unique=unique,
        now=now,
        actor_id=actor_id,
        payload=dict(data or {}),
    )


def withdraw(business: Business, *, actor_id: int, now: datetime) -> None:
    """Take a record back from its reviewers while none of them has opened it since it was sent.

    Raises AlreadyViewed, Conflict while it is halted, NotWaiting when the process is at no place
    that allows it, StepFailed.
    """
    halt = care.halt_of(business)
    if halt is not None:
        raise Conflict(halt.said)
    instance = _awaiting(business, WITHDRAWN)
    if first_viewed(instance.id, actor_id) is not None:
        raise AlreadyViewed
    walk = Walk(instance, now, actor_id=actor_id)
    walk.said = {OUTCOME_WORD: "撤回"}
    with walk.guarded(NotWaiting):
        if not walk.send(WITHDRAWN, {}):
            raise NotWaiting("当前环节不能撤回")
        walk.finish()


def may_withdraw(business: Business, actor_id: int) -> bool:
    """Tell whether a person could take their record back now: it waits for that, unopened."""
    waiting = db.session.scalars(_awaited(business, WITHDRAWN)).first()
    return waiting is not None and first_viewed(waiting.id, actor_id) is None


def first_viewed(instance_id: int, sender_id: int) -> WorkItem | None:
    """Return the first task that anybody has opened since a person sent the record on, if any.

    What was decided at once, in a batch, was read as well.
    """
    sent = sa.select(sa.func.coalesce(sa.func.max(WorkItem.id), 0)).where(
        WorkItem.instance_id == instance_id, WorkItem.done_by == sender_id
    )
    viewed = sa.select(WorkItem).where(
        WorkItem.instance_id == instance_id,
        WorkItem.id > sent.scalar_subquery(),
        sa.or_(WorkItem.viewed_at.is_not(None), WorkItem.status == ItemStatus.DONE),
    )
    return db.session.scalars(viewed.order_by(WorkItem.id).limit(1)).first()


def _awaited(business: Business, message: str) -> sa.Select[tuple[ProcessInstance]]:
    awaited = sa.select(Subscription.instance_id).where(
        Subscription.message == message, Subscription.kind == EventKind.MESSAGE
    )
    return (
        sa.select(ProcessInstance)
        .where(
            ProcessInstance.business_type == business[0],
            ProcessInstance.business_id == business[1],
            ProcessInstance.status == InstanceStatus.RUNNING,
            ProcessInstance.id.in_(awaited),
        )
        .order_by(ProcessInstance.id)
        .limit(1)
    )


def _awaiting(business: Business, message: str) -> ProcessInstance:
    locked_row = _awaited(business, message).with_for_update()
    instance = db.session.scalars(locked_row.execution_options(populate_existing=True)).first()
    if instance is None:
        raise NotWaiting
    return instance
