"""Steps that failed (异常): what people are told, and what admins find.

A failed step is rolled back as a whole and its instance stands where it stood. The incident is
written afterwards, by whoever owns the transaction: after the rollback, in a fresh one.
"""

import contextlib
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from app.core.db import db, is_new, transaction
from app.core.errors import DomainError, described
from app.core.jobs import notes_of_failure, notes_of_success
from app.core.records import table_of
from app.engine import queue
from app.engine.models import Incident, IncidentStatus, ProcessInstance, WorkItem
from rules.expression import ExpressionError

DETAIL_LENGTH = 8000

NOT_STARTED = "流程没有启动，本次操作已整体撤销；流程管理员处理后，请重新操作。"

Teller = Callable[[Incident, datetime], None]
_tellers: list[Teller] = []


class Place(NamedTuple):
    """Where a step is taken: the instance, what it is about, and who takes the step."""

    instance_id: int | None
    version_id: int
    business_type: str
    business_id: int | None
    actor_id: int | None

    def lasting(self) -> "Place":
        """Return what is still to be named once the open unit of work is undone.

        An instance that fails to start goes, and so do a record and a person added with it.
        """
        tables = ("process_instance", table_of(self.business_type), "person")
        ids = (self.instance_id, self.business_id, self.actor_id)
        instance_id, business_id, actor_id = (
            None if is_new(table, number) else number
            for table, number in zip(tables, ids, strict=True)
        )
        return self._replace(instance_id=instance_id, business_id=business_id, actor_id=actor_id)


def place_of(instance: ProcessInstance, actor_id: int | None = None) -> Place:
    """Return the place of a step."""
    return Place(
        instance.id,
        instance.version_id,
        instance.business_type,
        instance.business_id,
        actor_id,
    )


class StepFailed(DomainError):
    """A step met an error that nobody who acts can mend."""

    status = 409
    default = "流程处理出错，本次操作没有生效。异常已记录，请联系流程管理员"
    hint = "任务仍在原处，已填写的内容仍然保留；流程管理员处理后，可以再次提交。"

    def __init__(self, cause: Exception, place: Place, *, node: str | None) -> None:
        """Keep where it happened, for what is undone afterwards."""
        super().__init__(hint=NOT_STARTED if place.instance_id is None else "")
        self.cause = cause
        self.place = place
        self.node = node


def tells(teller: Teller) -> Teller:
    """Register who tells people of a new incident; called in the transaction that writes it."""
    if teller not in _tellers:
        _tellers.append(teller)
    return teller


def record(
    error: Exception, now: datetime, *, queue_row_id: int | None = None, job_key: str | None = None
) -> Incident:
    """Write an incident and tell of it; one that is open already is counted up.

    Call it only after the failed step has been rolled back.
    """
    cause, node = error, None
    place: dict[str, object] = dict.fromkeys(Place._fields)
    if isinstance(error, StepFailed):
        cause, node, place = error.cause, error.node, error.place._asdict()
    what = {
        "instance_id": place["instance_id"],
        "version_id": place["version_id"],
        "node": node,
        "queue_row_id": queue_row_id,
        "job_key": job_key,
    }
    known = _same(what | _starter(place, what), describe(cause))
    if known is not None:
        known.times, known.last_at = known.times + 1, now
        return known
    incident = Incident(
        **{**place, **what},
        message=describe(cause),
        detail="".join(traceback.format_exception(cause))[-DETAIL_LENGTH:],
        at=now,
        last_at=now,
    )
    db.session.add(incident)
    db.session.flush()
    for tell in _tellers:
        tell(incident, now)
    return incident


def _starter(place: Mapping[str, object], what: Mapping[str, object]) -> dict[str, object]:
    """Return what else tells failed starts apart: whose they were, and what they were about."""
    stands = (what["instance_id"], what["queue_row_id"], what["job_key"])
    if any(stands):
        return {}
    return {name: place[name] for name in ("business_type", "business_id", "actor_id")}


def _same(place: Mapping[str, object], message: str) -> Incident | None:
    if not any(place.values()):
        return None
    return db.session.scalars(
        sa.select(Incident)
        .filter_by(**place)
        .where(
            Incident.message == message,
            Incident.status == IncidentStatus.OPEN,
        )
        .limit(1)
        .with_for_update()
    ).first()


def note_failed_step(error: Exception, now: datetime) -> None:
    """Record a failed step of a request whose writes have been undone; others are not ours."""
    if isinstance(error, StepFailed):
        record(error, now)


def note_lost_job(key: str, error: Exception, now: datetime) -> None:
    """Record a job that was given up (后台任务); its retry asks for it again."""
    record(error, now, job_key=key)


def close_job(key: str, actor_id: int | None, now: datetime) -> None:
    """Close what is open of a job that came through at last, by whoever had it tried again."""
    told = sa.update(Incident).where(
        Incident.job_key == key, Incident.status == IncidentStatus.OPEN
    )
    db.session.execute(
        told.values(status=IncidentStatus.RESOLVED, resolved_by=actor_id, resolved_at=now)
    )


def close_all(instance_id: int, now: datetime) -> None:
    """Close what is open of an instance that ends now: nothing is left to be done about it.

    It closes by itself, at the moment of the end. A message that was given up for its sake is
    let go: delivered anew, it finds who else waits.
    """
    of_it = sa.select(Incident).where(
        Incident.instance_id == instance_id, Incident.status == IncidentStatus.OPEN
    )
    for incident in db.session.scalars(of_it):
        incident.status, incident.resolved_at = IncidentStatus.RESOLVED, now
        if incident.queue_row_id is not None:
            queue.release(incident.queue_row_id, now)


notes_of_failure.append(note_lost_job)
notes_of_success.append(close_job)


@contextlib.contextmanager
def reported(now: datetime) -> Iterator[None]:
    """Wrap a transaction: a failed step that leaves it is recorded in one of its own."""
    try:
        yield
    except StepFailed as failed:
        with transaction():
            record(failed, now)
        raise


@contextlib.contextmanager
def blamed_on(item: WorkItem, *kinds: type[Exception]) -> Iterator[None]:
    """Turn errors of what a task's definition names into StepFailed."""
    try:
        yield
    except kinds as error:
        raise StepFailed(error, place_of(item.instance), node=item.node) from error


def describe(error: Exception) -> str:
    """Return one line about an error, of a failed step about its cause."""
    cause = error.cause if isinstance(error, StepFailed) else error
    if isinstance(cause, ExpressionError):
        return f"表达式“{cause.text}”：{cause}"
    return _TO_THE_ACTOR.sub("", described(cause))


# What only whoever acted can do about a refusal: an incident speaks to process admins.
_TO_THE_ACTOR = re.compile(r"[，。；]请刷新[^。；]*")


def open_incidents() -> list[Incident]:
    """Return the incidents that nobody has dealt with yet, the oldest first."""
    found = sa.select(Incident).where(Incident.status == IncidentStatus.OPEN)
    return list(db.session.scalars(found.order_by(Incident.id)))
