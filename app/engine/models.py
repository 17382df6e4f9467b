"""Tables of the engine.

People are referred to by bare ids: accounts stand above the engine, which knows none of them.
The state bytes of an instance are disposable machinery; work_item and step_log are what people
read.
"""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db import Id, Instant, Model, one_of, pk
from app.engine import lengths
from app.engine.failed import Incident as Incident  # noqa: PLC0414 - one of them
from app.engine.failed import IncidentStatus as IncidentStatus  # noqa: PLC0414 - likewise
from app.engine.moved import InstanceMigration as InstanceMigration  # noqa: PLC0414 - one of them


class VersionStatus(StrEnum):
    """State of a process version: in force, or replaced by nothing (停用)."""

    PUBLISHED = "published"
    RETIRED = "retired"


class InstanceStatus(StrEnum):
    """State of a process instance (流程实例)."""

    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    SUSPENDED = "suspended"
    FAILED = "failed"


class ItemStatus(StrEnum):
    """State of a work item (待办)."""

    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


class QueueKind(StrEnum):
    """What a queue row asks for: a new instance, a message, a signal to all or to one of them."""

    START = "start"
    MESSAGE = "message"
    BROADCAST = "broadcast"
    SIGNAL = "signal"


class EventKind(StrEnum):
    """What an instance waits for: a message for its record, or a signal for everybody."""

    MESSAGE = "message"
    SIGNAL = "signal"


class QueueStatus(StrEnum):
    """State of a queue row."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


class SpecBundle(Model):
    """Everything an instance is pinned to: diagrams, decision tables and forms, by content."""

    __tablename__ = "spec_bundle"

    hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    content: Mapped[bytes] = mapped_column(sa.LargeBinary)


class ProcessVersion(Model):
    """A published version of a process in a jurisdiction ("" is the national one). Immutable."""

    __tablename__ = "process_version"
    __table_args__ = (
        sa.UniqueConstraint("jurisdiction", "key", "no", name="process_version_has_its_number"),
        sa.CheckConstraint(one_of("status", VersionStatus), name="process_version_status_known"),
        sa.CheckConstraint("no >= 1", name="process_version_counts_from_one"),
    )

    id: Mapped[int] = pk()
    key: Mapped[str] = mapped_column(sa.String(lengths.PROCESS_ID))
    jurisdiction: Mapped[str] = mapped_column(sa.String(40), default="")
    no: Mapped[int] = mapped_column(sa.Integer)
    title: Mapped[str] = mapped_column(sa.String(lengths.PROCESS_NAME))
    bundle_hash: Mapped[str] = mapped_column(sa.ForeignKey("spec_bundle.hash"))
    status: Mapped[str] = mapped_column(sa.String(20), default=VersionStatus.PUBLISHED)
    # None: shipped with the program.
    published_by: Mapped[int | None] = mapped_column(Id)
    published_at: Mapped[datetime] = mapped_column(Instant)


_UNASSIGNED = sa.text("status = 'open' AND assignee_id IS NULL")
_LIVING = "status IN ('running', 'suspended')"


class ProcessInstance(Model):
    """One run of a process for one business record."""

    __tablename__ = "process_instance"
    __table_args__ = (
        sa.CheckConstraint(one_of("status", InstanceStatus), name="process_instance_status_known"),
        sa.CheckConstraint(
            f"({_LIVING}) = (ended_at IS NULL)",
            name="ended_instance_has_a_moment",
        ),
        sa.Index(
            "one_living_instance_per_business",
            "process_key",
            "business_type",
            "business_id",
            unique=True,
            sqlite_where=sa.text(_LIVING),
            postgresql_where=sa.text(_LIVING),
        ),
        sa.Index("process_instance_by_business", "business_type", "business_id"),
        sa.Index("process_instance_of_version", "version_id", "status"),
    )

    id: Mapped[int] = pk()
    version_id: Mapped[int] = mapped_column(sa.ForeignKey("process_version.id"))
    process_key: Mapped[str] = mapped_column(sa.String(lengths.PROCESS_ID))
    bundle_hash: Mapped[str] = mapped_column(sa.ForeignKey("spec_bundle.hash"))
    business_type: Mapped[str] = mapped_column(sa.String(40))
    business_id: Mapped[int] = mapped_column(Id)
    jurisdiction: Mapped[str] = mapped_column(sa.String(40))
    status: Mapped[str] = mapped_column(sa.String(20), default=InstanceStatus.RUNNING)
    row_version: Mapped[int] = mapped_column(sa.Integer, default=0)
    # Bytes, never a JSON column: sorting the keys of the state loses tasks.
    state: Mapped[bytes] = mapped_column(sa.LargeBinary, default=b"")
    started_by: Mapped[int | None] = mapped_column(Id)
    started_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)

    version: Mapped[ProcessVersion] = relationship()

    @property
    def is_running(self) -> bool:
        """Whether steps may be taken."""
        return self.status == InstanceStatus.RUNNING


class WorkItem(Model):
    """A task waiting for a person (待办), projected from the engine's tree."""

    __tablename__ = "work_item"
    __table_args__ = (
        sa.UniqueConstraint("task_uuid", name="work_item_is_one_task"),
        sa.CheckConstraint(one_of("status", ItemStatus), name="work_item_status_known"),
        sa.CheckConstraint(
            "scope_kind IN ('org', 'meeting', 'person', 'jurisdiction', 'all')",
            name="work_item_scope_known",
        ),
        sa.CheckConstraint(
            "(scope_kind = 'person') = (assignee_id IS NOT NULL)",
            name="personal_work_item_has_its_person",
        ),
        sa.CheckConstraint(
            "NOT is_personal OR assignee_id IS NOT NULL",
            name="task_of_one_person_stays_with_a_person",
        ),
        sa.CheckConstraint(
            "excluded_id IS NULL OR assignee_id IS NULL OR excluded_id <> assignee_id",
            name="personal_work_item_is_open_to_its_person",
        ),
        sa.CheckConstraint(
            "(status = 'done') = (done_at IS NOT NULL)", name="done_work_item_has_a_moment"
        ),
        sa.Index("work_item_of_person", "status", "assignee_id"),
        sa.Index("work_item_of_role", "status", "role", "scope_kind", "scope_id"),
        # Whoever has a role everywhere, as applicants do, reads no tasks of single persons.
        sa.Index(
            "work_item_of_nobody",
            "role",
            "scope_kind",
            "scope_id",
            "node",
            sqlite_where=_UNASSIGNED,
            postgresql_where=_UNASSIGNED,
        ),
        sa.Index("work_item_done_by", "done_by", "done_at"),
        sa.Index("work_item_by_business", "business_type", "business_id"),
        sa.Index("work_item_of_instance", "instance_id", "status"),
    )

    id: Mapped[int] = pk()
    instance_id: Mapped[int] = mapped_column(sa.ForeignKey("process_instance.id"))
    task_uuid: Mapped[str] = mapped_column(sa.String(36))
    # The process that draws the node: a called one has its own name here.
    process: Mapped[str] = mapped_column(sa.String(lengths.PROCESS_ID))
    node: Mapped[str] = mapped_column(sa.String(lengths.NODE_ID))
    name: Mapped[str] = mapped_column(sa.String(lengths.NODE_NAME))
    form: Mapped[str | None] = mapped_column(sa.String(60))
    page: Mapped[str | None] = mapped_column(sa.String(60))
    save: Mapped[str] = mapped_column(sa.String(60))
    role: Mapped[str] = mapped_column(sa.String(40))
    scope_kind: Mapped[str] = mapped_column(sa.String(20))
    scope_id: Mapped[int | None] = mapped_column(Id)
    assignee_id: Mapped[int | None] = mapped_column(Id)
    # Drawn for one person, whom no other can stand in for; others are merely given to somebody.
    is_personal: Mapped[bool] = mapped_column(default=False)
    # Who holds the role and still may not do it, such as who proposed what it confirms.
    excluded_id: Mapped[int | None] = mapped_column(Id)
    # Who did the task that the diagram wants somebody else than for this one (apart).
    apart_id: Mapped[int | None] = mapped_column(Id)
    # Whom the record is about: a task of a role is never their own.
    about_id: Mapped[int | None] = mapped_column(Id)
    title: Mapped[str] = mapped_column(sa.String(300))
    # What it is found by, folded.
    words: Mapped[str] = mapped_column(sa.Text, default="")
    jurisdiction: Mapped[str] = mapped_column(sa.String(40))
    business_type: Mapped[str] = mapped_column(sa.String(40))
    business_id: Mapped[int] = mapped_column(Id)
    status: Mapped[str] = mapped_column(sa.String(20), default=ItemStatus.OPEN)
    opened_at: Mapped[datetime] = mapped_column(Instant)
    viewed_at: Mapped[datetime | None] = mapped_column(Instant)
    due_at: Mapped[datetime | None] = mapped_column(Instant)
    done_at: Mapped[datetime | None] = mapped_column(Instant)
    done_by: Mapped[int | None] = mapped_column(Id)

    instance: Mapped[ProcessInstance] = relationship()

    @property
    def is_open(self) -> bool:
        """Whether it still waits for somebody."""
        return self.status == ItemStatus.OPEN

    @property
    def is_halted(self) -> bool:
        """Whether nobody can do it before its process goes on (已暂停), as `taking.HALTED`."""
        return self.instance.status == InstanceStatus.SUSPENDED


class StepLog(Model):
    """The flow log (流程记录): who did what when. Only ever appended to."""

    __tablename__ = "step_log"
    __table_args__ = (sa.Index("step_log_of_instance", "instance_id", "id"),)

    id: Mapped[int] = pk()
    instance_id: Mapped[int] = mapped_column(sa.ForeignKey("process_instance.id"))
    at: Mapped[datetime] = mapped_column(Instant)
    kind: Mapped[str] = mapped_column(sa.String(20))
    node: Mapped[str] = mapped_column(sa.String(lengths.NODE_ID))
    name: Mapped[str] = mapped_column(sa.String(lengths.NODE_NAME))
    role: Mapped[str | None] = mapped_column(sa.String(40))
    scope_kind: Mapped[str | None] = mapped_column(sa.String(20))
    scope_id: Mapped[int | None] = mapped_column(Id)
    actor_id: Mapped[int | None] = mapped_column(Id)
    outcome: Mapped[str | None] = mapped_column(sa.String(60))
    note: Mapped[str | None] = mapped_column(sa.Text)


class StepAnswers(Model):
    """Answers of a form whose node has no save handler of its own (通用保存)."""

    __tablename__ = "step_answers"

    work_item_id: Mapped[int] = mapped_column(sa.ForeignKey("work_item.id"), primary_key=True)
    answers: Mapped[dict[str, object]] = mapped_column(sa.JSON)
    at: Mapped[datetime] = mapped_column(Instant)


class Timer(Model):
    """A timer event that an instance waits for."""

    __tablename__ = "timer"
    __table_args__ = (
        sa.UniqueConstraint("task_uuid", name="timer_is_one_task"),
        sa.Index("timer_by_try", "try_at"),
        sa.Index("timer_of_instance", "instance_id"),
    )

    id: Mapped[int] = pk()
    instance_id: Mapped[int] = mapped_column(sa.ForeignKey("process_instance.id"))
    task_uuid: Mapped[str] = mapped_column(sa.String(36))
    node: Mapped[str] = mapped_column(sa.String(lengths.NODE_ID))
    due_at: Mapped[datetime] = mapped_column(Instant)
    # When to fire it: due_at, or later after a failed attempt.
    try_at: Mapped[datetime] = mapped_column(Instant)
    attempts: Mapped[int] = mapped_column(sa.Integer, default=0)


class Subscription(Model):
    """A message or signal event that an instance waits for."""

    __tablename__ = "subscription"
    __table_args__ = (
        sa.UniqueConstraint("task_uuid", "kind", "message", name="subscription_is_one_wait"),
        sa.CheckConstraint(one_of("kind", EventKind), name="subscription_kind_known"),
        sa.Index("subscription_of_instance", "instance_id", "message"),
        sa.Index("subscription_by_name", "kind", "message", "instance_id"),
    )

    id: Mapped[int] = pk()
    instance_id: Mapped[int] = mapped_column(sa.ForeignKey("process_instance.id"))
    task_uuid: Mapped[str] = mapped_column(sa.String(36))
    node: Mapped[str] = mapped_column(sa.String(lengths.NODE_ID))
    kind: Mapped[str] = mapped_column(sa.String(20), default=EventKind.MESSAGE)
    # The name of the message or signal.
    message: Mapped[str] = mapped_column(sa.String(lengths.EVENT_NAME))


_PARKED = sa.text("parked_at IS NOT NULL")


class QueueRow(Model):
    """What one instance asks of another, delivered in a transaction of its own."""

    __tablename__ = "queue_row"
    __table_args__ = (
        sa.UniqueConstraint("unique_key", name="queue_row_is_asked_once"),
        sa.CheckConstraint(one_of("kind", QueueKind), name="queue_row_kind_known"),
        sa.CheckConstraint(one_of("status", QueueStatus), name="queue_row_status_known"),
        sa.CheckConstraint(
            "kind <> 'signal' OR instance_id IS NOT NULL", name="signal_is_for_an_instance"
        ),
        # What is to be tried is found without a look at what was delivered or nobody awaits.
        sa.Index("queue_row_in_line", "status", "try_at", "id"),
        sa.Index("queue_row_by_business", "business_type", "business_id"),
        sa.CheckConstraint(
            "parked_at IS NULL OR status = 'waiting'", name="only_what_waits_is_put_aside"
        ),
        sa.Index(
            "queue_row_parked",
            "parked_at",
            sqlite_where=_PARKED,
            postgresql_where=_PARKED,
        ),
    )

    id: Mapped[int] = pk()
    kind: Mapped[str] = mapped_column(sa.String(20))
    # The process key to start, or the name of the message or signal.
    name: Mapped[str] = mapped_column(sa.String(lengths.EVENT_NAME))
    # Whom a signal is for; of a broadcast, the instance that sent it and has caught it already.
    instance_id: Mapped[int | None] = mapped_column(sa.ForeignKey("process_instance.id"))
    business_type: Mapped[str] = mapped_column(sa.String(40))
    business_id: Mapped[int] = mapped_column(Id)
    unique_key: Mapped[str] = mapped_column(sa.String(200))
    jurisdiction: Mapped[str] = mapped_column(sa.String(40), default="")
    actor_id: Mapped[int | None] = mapped_column(Id)
    payload: Mapped[dict[str, str | int | bool | None]] = mapped_column(sa.JSON)
    status: Mapped[str] = mapped_column(sa.String(20), default=QueueStatus.WAITING)
    attempts: Mapped[int] = mapped_column(sa.Integer, default=0)
    last_error: Mapped[str | None] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(Instant)
    try_at: Mapped[datetime] = mapped_column(Instant)
    # When it was put aside since nobody awaited it; one in line or after a failure has none.
    parked_at: Mapped[datetime | None] = mapped_column(Instant)
    done_at: Mapped[datetime | None] = mapped_column(Instant)


class Heartbeat(Model):
    """When a worker was last seen alive (心跳); one row a kind of worker."""

    __tablename__ = "heartbeat"

    name: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
