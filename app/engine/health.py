"""Whether what should move by itself moves: the worker's heartbeat, and what lies waiting."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.core.db import db
from app.engine import timers
from app.engine.models import (
    Heartbeat,
    Incident,
    IncidentStatus,
    InstanceStatus,
    ProcessInstance,
    QueueRow,
    QueueStatus,
    Timer,
)

WORKER = "worker"
BEAT_EVERY = timedelta(seconds=15)
DEAD_AFTER = timedelta(seconds=60)


@dataclass(frozen=True)
class Health:
    """What an operations page shows of the engine."""

    last_beat: datetime | None
    is_dead: bool
    due_timers: int
    oldest_due: datetime | None
    due_messages: int
    failed_messages: int
    open_incidents: int
    suspended: int

    @property
    def said(self) -> str:
        """The state of the worker in a sentence."""
        if self.is_dead or self.last_beat is None:
            return _stopped(self.last_beat)
        return f"后台任务运行正常，最近一次运行于 {self.last_beat:%Y-%m-%d %H:%M}"


def stopped(now: datetime) -> str:
    """Return in a sentence that the worker stands still, nothing while it runs."""
    last = _last_beat()
    return _stopped(last) if _is_dead(last, now) else ""


def _is_dead(last: datetime | None, now: datetime) -> bool:
    return last is None or _apart(last, now) > DEAD_AFTER


def _stopped(last: datetime | None) -> str:
    if last is None:
        return "后台任务从未运行，到期时限和消息不会处理"
    return f"后台任务已停止，最后一次运行于 {last:%Y-%m-%d %H:%M}"


def is_beat_due(now: datetime) -> bool:
    """Whether the worker should say again that it is alive."""
    last = _last_beat()
    return last is None or _apart(last, now) >= BEAT_EVERY


def beat(now: datetime) -> None:
    """Note that the worker is alive."""
    row = db.session.get(Heartbeat, WORKER)
    if row is None:
        db.session.add(Heartbeat(name=WORKER, at=now))
    else:
        row.at = now
    db.session.flush()


def health(now: datetime) -> Health:
    """Return how the engine is; every count reads what waits, never what runs."""
    last = _last_beat()
    due = sa.select(sa.func.count(), sa.func.min(Timer.due_at)).where(timers.overdue(now))
    due_timers, oldest = db.session.execute(
        due.join(ProcessInstance, ProcessInstance.id == Timer.instance_id).where(
            ProcessInstance.status == InstanceStatus.RUNNING
        )
    ).one()
    waiting = (QueueRow.status == QueueStatus.WAITING, QueueRow.try_at <= now)
    return Health(
        last_beat=last,
        is_dead=_is_dead(last, now),
        due_timers=due_timers,
        oldest_due=oldest,
        due_messages=_count(*waiting),
        failed_messages=_count(QueueRow.status == QueueStatus.FAILED),
        open_incidents=_count(Incident.status == IncidentStatus.OPEN),
        suspended=_count(ProcessInstance.status == InstanceStatus.SUSPENDED),
    )


def _last_beat() -> datetime | None:
    return db.session.scalar(sa.select(Heartbeat.at).where(Heartbeat.name == WORKER))


def _apart(last: datetime, now: datetime) -> timedelta:
    """A beat of the future is as wrong as an old one: somebody has set the clock back."""
    return abs(now - last)


def _count(*where: sa.ColumnElement[bool]) -> int:
    return db.session.scalar(sa.select(sa.func.count()).where(*where)) or 0
