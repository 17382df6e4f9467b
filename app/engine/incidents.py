"""Steps that failed (异常): what people are told, and what admins find.

A failed step is rolled back as a whole and its instance stands where it stood. The incident is
written afterwards, by whoever owns the transaction: after the rollback, in a fresh one.
"""

import contextlib
import traceback
from collections.abc import Iterator
from datetime import datetime

from app.core.db import db, transaction
from app.core.errors import Conflict, DomainError
from app.engine.models import Incident, IncidentStatus, QueueRow, QueueStatus
from rules.expression import ExpressionError

DETAIL_LENGTH = 8000


class StepFailed(DomainError):
    """A step met an error that nobody who acts can mend."""

    status = 500
    default = "流程处理出错，本次操作没有生效。异常已记录，请联系流程管理员"

    def __init__(self, cause: Exception, *, instance_id: int | None, node: str | None) -> None:
        super().__init__()
        self.cause = cause
        self.instance_id = instance_id
        self.node = node


def record(error: Exception, now: datetime, *, queue_row_id: int | None = None) -> Incident:
    """Write an incident. Call it only after the failed step has been rolled back."""
    cause = error.cause if isinstance(error, StepFailed) else error
    incident = Incident(
        instance_id=error.instance_id if isinstance(error, StepFailed) else None,
        node=error.node if isinstance(error, StepFailed) else None,
        queue_row_id=queue_row_id,
        message=describe(cause),
        detail="".join(traceback.format_exception(cause))[-DETAIL_LENGTH:],
        at=now,
    )
    db.session.add(incident)
    db.session.flush()
    return incident


def note_failed_step(error: Exception, now: datetime) -> None:
    """Record a failed step of a request whose writes have been undone; others are not ours."""
    if isinstance(error, StepFailed):
        record(error, now)


@contextlib.contextmanager
def reported(now: datetime) -> Iterator[None]:
    """Wrap a transaction: a failed step that leaves it is recorded in one of its own."""
    try:
        yield
    except StepFailed as failed:
        with transaction():
            record(failed, now)
        raise


def describe(error: Exception) -> str:
    """Return one line about an error: its words if it has Chinese ones, else its kind too."""
    cause = error.cause if isinstance(error, StepFailed) else error
    if isinstance(cause, DomainError):
        return cause.message
    if isinstance(cause, ExpressionError):
        return f"表达式“{cause.text}”：{cause}"
    return f"{type(cause).__name__}: {cause}"


def resolve(incident: Incident, *, actor_id: int, now: datetime) -> None:
    """Close an incident; a queue row that it stopped is tried again. Raises Conflict."""
    if incident.status != IncidentStatus.OPEN:
        raise Conflict("该异常已处理")
    incident.status = IncidentStatus.RESOLVED
    incident.resolved_by = actor_id
    incident.resolved_at = now
    if incident.queue_row_id is not None:
        row = db.session.get_one(QueueRow, incident.queue_row_id, with_for_update=True)
        if row.status == QueueStatus.FAILED:
            row.status, row.attempts, row.try_at = QueueStatus.WAITING, 0, now
    db.session.flush()
