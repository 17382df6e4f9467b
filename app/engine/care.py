"""What process admins do to running instances (流程管理): each act is locked, told and audited.

Every function works inside the caller's transaction and takes the lock of the instance first, as
every step does. Each leaves a line in the flow log, so that people see who stopped their record.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.core import audit, jobs
from app.core.db import db
from app.core.errors import Conflict, Invalid, StaleTask
from app.engine import handlers, incidents, queue, timers
from app.engine.handlers import Scope
from app.engine.models import (
    Incident,
    IncidentStatus,
    InstanceStatus,
    ItemStatus,
    ProcessInstance,
    StepLog,
    Subscription,
    Timer,
    WorkItem,
)
from app.engine.walk import Walk

LIVING = frozenset({InstanceStatus.RUNNING, InstanceStatus.SUSPENDED})
CARE = "care"
"""The kind of a line in the flow log that no step of the process wrote."""
REASON_LENGTH = 500
PERSONAL = "该任务只能由本人办理，不能转办"
RETRIED = "incident:retried"
"""The tag of an audit event that tells of a retry that let something run again."""
SUSPENDED = "暂停"
"""The word of the flow log for a halt."""


class GivenAlready(Conflict):
    """A task lies where it is to be given, or no longer where it was seen."""

    default = "任务本来就在该处，不需要转办"


@dataclass(frozen=True)
class Halt:
    """That the process of a record is halted (暂停): why, and since when."""

    reason: str
    at: datetime

    @property
    def said(self) -> str:
        """What people are told who would work on the record."""
        return f"流程已于 {self.at:%Y-%m-%d %H:%M} 暂停，恢复前不能办理。原因：{self.reason}"


def halt_of(business: handlers.Business) -> Halt | None:
    """Return why a record cannot be worked on now, None where nothing of it is halted."""
    halted = sa.select(ProcessInstance.id).where(
        ProcessInstance.business_type == business[0],
        ProcessInstance.business_id == business[1],
        ProcessInstance.status == InstanceStatus.SUSPENDED,
    )
    said = (
        sa.select(StepLog.note, StepLog.at)
        .where(StepLog.instance_id.in_(halted), StepLog.kind == CARE, StepLog.outcome == SUSPENDED)
        .order_by(StepLog.id.desc())
    )
    row = db.session.execute(said.limit(1)).first()
    return Halt(row.note or "", row.at) if row else None


LOCKED = (
    sa.select(ProcessInstance)
    .where(ProcessInstance.id == sa.bindparam("id"))
    .with_for_update()
    .execution_options(populate_existing=True)
)
"""Built once: every step takes the lock of its instance."""


def locked_row(instance_id: int) -> ProcessInstance:
    """Lock an instance, whatever its state, and read it anew."""
    return db.session.scalars(LOCKED, {"id": instance_id}).one()


def lock(instance_id: int) -> ProcessInstance:
    """Lock an instance that has not ended. Raises Conflict."""
    instance = locked_row(instance_id)
    if instance.status not in LIVING:
        raise Conflict("流程已结束，不能再作处理")
    return instance


def suspend(
    instance: ProcessInstance, *, reason: str, actor_id: int | None, now: datetime
) -> None:
    """Halt an instance (暂停): nobody completes its tasks, no timer fires, no message arrives.

    Raises Conflict, and Invalid without a reason.
    """
    instance = lock(instance.id)
    if instance.status == InstanceStatus.SUSPENDED:
        raise Conflict("流程已经暂停")
    instance.status = InstanceStatus.SUSPENDED
    note(instance, "suspended", SUSPENDED, reason=required(reason), actor_id=actor_id, now=now)


def resume(instance: ProcessInstance, *, reason: str, actor_id: int | None, now: datetime) -> None:
    """Let a suspended instance go on (恢复); what became due meanwhile follows at once.

    Raises Conflict, and Invalid without a reason.
    """
    instance = lock(instance.id)
    if instance.status != InstanceStatus.SUSPENDED:
        raise Conflict("流程没有暂停，不需要恢复")
    instance.status = InstanceStatus.RUNNING
    queue.wake((instance.business_type, instance.business_id), now)
    note(instance, "resumed", "恢复", reason=required(reason), actor_id=actor_id, now=now)


def cancel(instance: ProcessInstance, *, reason: str, actor_id: int | None, now: datetime) -> None:
    """End an instance where it stands (作废): open tasks, timers, waits and incidents go.

    The room of the record says what becomes of it. Raises Conflict, also where the room does not
    let it end, and Invalid without a reason.
    """
    instance, said = lock(instance.id), required(reason)
    _end_record(instance, said, actor_id=actor_id, now=now)
    instance.status, instance.ended_at = InstanceStatus.CANCELLED, now
    db.session.execute(
        sa.update(WorkItem)
        .where(WorkItem.instance_id == instance.id, WorkItem.status == ItemStatus.OPEN)
        .values(status=ItemStatus.CANCELLED)
    )
    for table in (Timer, Subscription):
        db.session.execute(sa.delete(table).where(table.instance_id == instance.id))
    incidents.close_all(instance.id, now)
    note(instance, "cancelled", "作废", reason=said, actor_id=actor_id, now=now)


def _end_record(
    instance: ProcessInstance, reason: str, *, actor_id: int | None, now: datetime
) -> None:
    kind = instance.business_type
    if kind not in handlers.ending:
        raise Conflict("这类业务的流程不能作废：业务须由流程办结，可以暂停、转办或迁移")
    handlers.ending.get(kind)(handlers.Step(instance, "", {}, now, actor_id), reason)


def reassign(
    item: WorkItem,
    to: Scope,
    *,
    reason: str,
    actor_id: int | None,
    now: datetime,
    said: str = "",
    seen: str = "",
) -> None:
    """Give an open task to a person or to another scope (转办); it counts as not opened again.

    `said` is what the flow log tells before the reason, in the names of both sides; `seen` is
    where the task lay, as `org:3`, when that was decided. Raises StaleTask when it is done,
    GivenAlready when it is there already or somebody gave it away since, Conflict when it is a
    matter of one person (本人), Invalid.
    """
    instance = lock(item.instance_id)
    db.session.refresh(item)
    _refuse_giving(item, to)
    former = place(item)
    if (item.scope_kind, item.scope_id) == (to.kind, to.id) or seen not in {"", former}:
        raise GivenAlready
    give(item, to)
    note(
        instance,
        "reassigned",
        "转办",
        reason=required(reason),
        said=said,
        actor_id=actor_id,
        now=now,
        node=item.name,
        tasks=[item.id],
        given_by=former,
        given_to=f"{to.kind}:{to.id}",
    )


def _refuse_giving(item: WorkItem, to: Scope) -> None:
    if not item.is_open:
        raise StaleTask
    if item.is_personal:
        raise Conflict(PERSONAL)
    if to.kind in {"org", "meeting", "person"} and to.id is None:
        raise Invalid("请选择转给谁", field="to")
    if to.kind == "person" and to.id in {item.excluded_id, item.apart_id, item.about_id}:
        raise Invalid("该人员是提出人、前一环节的办理人或事项本人，不能办理此任务", field="to")


def place(item: WorkItem) -> str:
    """Return where a task lies, as `org:3`."""
    return f"{item.scope_kind}:{item.scope_id}"


def given_away_by(item: WorkItem) -> set[tuple[str, int | None]]:
    """Return the scopes that had a task before it was given to somebody else (转办)."""
    former = [event.data["given_by"] for event in handings_of(item)]
    parts = [scope.partition(":") for scope in former]
    return {(kind, int(number) if number.isdecimal() else None) for kind, _, number in parts}


def handings_of(item: WorkItem) -> list[audit.AuditEvent]:
    """Return what the audit log tells of a task that was given away, the oldest first."""
    told = sa.select(audit.AuditEvent).where(
        audit.AuditEvent.subject_type == "process_instance",
        audit.AuditEvent.subject_id == item.instance_id,
        audit.AuditEvent.tag == "instance:reassigned",
    )
    events = db.session.scalars(told.order_by(audit.AuditEvent.id))
    return [event for event in events if item.id in event.data["tasks"]]


def give(item: WorkItem, to: Scope) -> None:
    """Let an open task wait for somebody else, unopened; its instance is locked by the caller.

    The instance has gone on by that: a migration before it is no longer undone.
    """
    item.instance.row_version += 1
    item.scope_kind, item.scope_id = to.kind, to.id
    item.assignee_id = to.id if to.kind == "person" else None
    item.viewed_at = None


def reruns(incident: Incident) -> bool:
    """Tell whether a retry runs anything: a message, a job or a timer that failed.

    A person's step was undone as a whole, with what they had typed: only they can take it again.
    """
    if incident.queue_row_id is not None or incident.job_key is not None:
        return True
    failed = sa.select(Timer.id).where(
        Timer.instance_id == incident.instance_id, Timer.attempts > 0
    )
    return db.session.scalar(failed.limit(1)) is not None


def retry(incident: Incident, *, actor_id: int | None, now: datetime) -> bool:
    """Try again what an incident stopped (重试), and close it; return whether anything runs again.

    A message, timer or job is tried by the worker at once. Where nothing `reruns`, the incident is
    marked as dealt with (标为已处理). Raises Conflict when it is closed, StepFailed when the
    instance still cannot be read: the incident then stays open.
    """
    # First, as in every step, whose last one closes the incidents.
    instance = locked_row(incident.instance_id) if incident.instance_id else None
    db.session.refresh(incident, with_for_update=True)
    if not incident.is_open:
        raise Conflict("该异常已处理")
    again = reruns(incident)
    _release(incident, instance, now)
    incident.status = IncidentStatus.RESOLVED
    incident.resolved_by, incident.resolved_at = actor_id, now
    audit.record(
        RETRIED if again else "incident:closed",
        subject=("incident", incident.id),
        actor_id=actor_id,
        now=now,
        cause=incident.message,
    )
    db.session.flush()
    return again


def _release(incident: Incident, instance: ProcessInstance | None, now: datetime) -> None:
    if instance is not None and instance.status in LIVING:
        Walk(instance, now)
        timers.release(instance.id, now)
    if incident.queue_row_id is not None:
        queue.release(incident.queue_row_id, now)
    if incident.job_key is not None:
        jobs.ask_again(incident.job_key, now=now)


def note(
    instance: ProcessInstance,
    act: str,
    word: str,
    *,
    reason: str,
    actor_id: int | None,
    now: datetime,
    said: str = "",
    **data: object,
) -> None:
    """Write an act into the flow log and the audit log; `said` stands there before the reason."""
    tell(
        instance,
        "流程管理",
        word,
        role="process_admin",
        reason=said + reason,
        actor_id=actor_id,
        now=now,
    )
    audit.record(
        f"instance:{act}",
        subject=("process_instance", instance.id),
        actor_id=actor_id,
        now=now,
        reason=reason,
        **data,
    )
    db.session.flush()


def tell(
    instance: ProcessInstance,
    name: str,
    word: str,
    *,
    role: str,
    reason: str,
    actor_id: int | None,
    now: datetime,
) -> None:
    """Write into the flow log what somebody did to a record beside the steps of its process."""
    db.session.add(
        StepLog(
            instance_id=instance.id,
            at=now,
            kind=CARE,
            node="",
            name=name,
            role=role,
            actor_id=actor_id,
            outcome=word,
            note=reason,
        )
    )


def required(reason: str) -> str:
    """Return a reason without blanks around it. Raises Invalid."""
    said = reason.strip()
    if not said:
        raise Invalid("请填写原因", field="reason")
    if len(said) > REASON_LENGTH:
        raise Invalid(f"原因不能超过 {REASON_LENGTH} 字", field="reason")
    return said
