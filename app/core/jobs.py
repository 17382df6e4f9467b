"""Jobs: work that must not hold up a request. Rows are claimed, run, retried and kept."""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index, String, Text, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now as clock_now
from app.core.db import Instant, Model, db, insert_into, pk, transaction
from app.core.errors import DomainError, described

MAX_ATTEMPTS = 5
CLAIMED_FOR = timedelta(minutes=5)
FIRST_PAUSE = timedelta(seconds=1)
log = logging.getLogger(__name__)


class Lost(DomainError):
    """A job never came back, as often as it was tried."""

    default = "后台任务办理时进程意外结束，多次重试仍未完成"


class Job(Model):
    """A piece of work to be done once, after the transaction that asked for it."""

    __tablename__ = "job"
    __table_args__ = (
        CheckConstraint("status IN ('waiting', 'done', 'failed')", name="status_is_known"),
        Index("ix_job_due", "status", "due_at"),
    )

    id: Mapped[int] = pk()
    name: Mapped[str] = mapped_column(String(60))
    key: Mapped[str] = mapped_column(String(120), unique=True)
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    status: Mapped[str] = mapped_column(String(10), default="waiting")
    due_at: Mapped[datetime] = mapped_column(Instant)
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(Text, default="")


Work = Callable[[Mapping[str, Any]], None]
Note = Callable[[str, Exception, datetime], object]
_works: dict[str, Work] = {}
_pauses: dict[str, timedelta] = {}
_lanes: dict[str, str] = {}
notes_of_failure: list[Note] = []
"""Who is told of a job that was given up, by its key, in the transaction that says so."""
notes_of_success: list[Callable[[str, int | None, datetime], object]] = []
"""Who is told that a job came through that had been given up: its key, and who had it again."""
ASKED_BY = "asked_by"


def register_job(
    name: str, *, pause: timedelta = FIRST_PAUSE, lane: str = ""
) -> Callable[[Work], Work]:
    """Register the work of a job name. It must be idempotent and opens its own transactions.

    After a failure it rests for two pauses, then for four, and so on. Work that waits for other
    machines, or takes long itself, has a lane of its own, so that a slow one holds up no other.
    """

    def keep(work: Work) -> Work:
        _works[name], _pauses[name] = work, pause
        if lane:
            _lanes[name] = lane
        return work

    return keep


def enqueue(name: str, payload: Mapping[str, Any], *, key: str, now: datetime) -> None:
    """Ask for a job in the current transaction; a key that is known already asks nothing."""
    asked = insert_into(Job).values(name=name, key=key, payload=dict(payload), due_at=now)
    db.session.execute(asked.on_conflict_do_nothing(index_elements=["key"]))


def failed_of(keys: Iterable[str]) -> dict[str, str]:
    """Return which of these jobs were given up, each with its last error."""
    given_up = select(Job.key, Job.last_error).where(Job.status == "failed", Job.key.in_(keys))
    return {str(key): str(error) for key, error in db.session.execute(given_up)}


def tried_again_at(keys: str) -> datetime | None:
    """Return when a job that runs now is tried again, should its process have ended (崩溃).

    `keys` is how the key of the job begins; None where none of them runs or rests.
    """
    running = select(func.max(Job.due_at)).where(
        Job.key.startswith(keys, autoescape=True), Job.status == "waiting", Job.attempts > 0
    )
    return db.session.scalar(running)


def ask_again(key: str, *, now: datetime, actor_id: int | None = None) -> bool:
    """Have a job that was given up tried afresh; tells whether it was one.

    With the person who asks, whoever is told of its success learns who saw to it.
    """
    given_up = select(Job).where(Job.key == key, Job.status == "failed").with_for_update()
    job = db.session.scalars(given_up.execution_options(populate_existing=True)).first()
    if job is None:
        return False
    job.status, job.attempts, job.due_at, job.last_error = "waiting", 0, now, ""
    job.payload = {**job.payload, ASKED_BY: actor_id}
    db.session.flush()
    return True


def _claim(lane: str = "") -> tuple[int, str, dict[str, Any]] | None:
    with transaction():
        now = clock_now()
        _give_up(now)
        due = select(Job).where(Job.status == "waiting", Job.due_at <= now)
        mine = [name for name, its in _lanes.items() if its == lane]
        due = due.where(Job.name.in_(mine) if lane else Job.name.not_in(_lanes))
        job = db.session.scalars(
            due.order_by(Job.due_at).limit(1).with_for_update(skip_locked=True)
        ).first()
        if job is None:
            return None
        job.attempts += 1
        job.due_at = now + CLAIMED_FOR
        return job.id, job.name, job.payload


def _give_up(now: datetime) -> None:
    """Fail what was tried often enough and never came back: it ends the process that runs it."""
    lost = update(Job).where(
        Job.status == "waiting", Job.due_at <= now, Job.attempts >= MAX_ATTEMPTS
    )
    given_up = lost.values(status="failed", last_error=Lost.default).returning(Job.key)
    for key in db.session.scalars(given_up).all():
        _tell(key, Lost(), now)


def _tell(key: str, failure: Exception, now: datetime) -> None:
    log.error("job %s was given up: %s", key, described(failure))
    for note in notes_of_failure:
        note(key, failure, now)


def _tell_done(job: Job) -> None:
    """Tell of a job that was asked for again; the others were never heard of."""
    if ASKED_BY not in job.payload:
        return
    for note in notes_of_success:
        note(job.key, job.payload[ASKED_BY], clock_now())


def _settle(job_id: int, failure: Exception | None) -> None:
    error = described(failure) if failure else ""
    with transaction():
        job = db.session.get_one(Job, job_id)
        if failure is None:
            status, due = "done", job.due_at
            _tell_done(job)
        elif job.attempts >= MAX_ATTEMPTS:
            status, due = "failed", job.due_at
            _tell(job.key, failure, clock_now())
        else:
            rests = _pauses.get(job.name, FIRST_PAUSE) * 2**job.attempts
            status, due = "waiting", clock_now() + rests
        changed = update(Job).where(Job.id == job_id)
        db.session.execute(changed.values(status=status, due_at=due, last_error=error[:2000]))


def run_due_jobs(limit: int = 20, *, lane: str = "") -> int:
    """Run waiting jobs one after another, each in transactions of its own; returns how many.

    Those of a lane are run by who asks for it.
    """
    for count in range(limit):
        claimed = _claim(lane)
        if claimed is None:
            return count
        job_id, name, payload = claimed
        failure: Exception | None = None
        try:
            _works[name](payload)
        except Exception as error:
            log.exception("job %s (%s) failed", job_id, name)
            failure = error
        _settle(job_id, failure)
    return limit
