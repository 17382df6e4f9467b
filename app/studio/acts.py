"""What process admins do to running instances, from their pages and from the server alike."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.accounts.operations import notify
from app.core import audit, jobs
from app.core.db import db
from app.core.errors import Conflict, Invalid, gathered
from app.core.jobs import Job
from app.engine import care
from app.engine.batches import Batch, each_of
from app.engine.handlers import Scope
from app.engine.models import Incident, IncidentStatus, ProcessInstance, WorkItem
from app.inbox.queries import place_names
from app.studio import receivers
from app.studio.running import card_of
from app.studio.troubles import JOBS

JUST_NOW = timedelta(hours=1)


def retry_incidents(numbers: Iterable[int], *, actor_id: int, now: datetime) -> Batch:
    """Try again what several incidents stopped (批量重试)."""

    def retry(number: int) -> None:
        incident = db.session.get(Incident, number)
        if incident is None:
            raise Conflict("没有这个流程异常")
        care.retry(incident, actor_id=actor_id, now=now)

    return each_of(sorted(set(numbers)), retry)


def retry_job(job: Job, *, actor_id: int, now: datetime) -> None:
    """Have a job that was given up tried afresh; the incident that tells of it closes with that.

    Raises Conflict when it is under way.
    """
    told = sa.select(Incident).where(
        Incident.job_key == job.key, Incident.status == IncidentStatus.OPEN
    )
    waiting = db.session.scalars(told.order_by(Incident.id)).all()
    for incident in waiting:
        care.retry(incident, actor_id=actor_id, now=now)
    if not waiting and not jobs.ask_again(job.key, now=now):
        raise Conflict("该后台作业已经重试或完成")
    audit.record(
        "job:retried",
        subject=("job", job.id),
        actor_id=actor_id,
        now=now,
        name=JOBS.get(job.name, job.name),
    )


def suspend(
    instance: ProcessInstance, *, reason: str, actor_id: int | None, now: datetime
) -> None:
    """Halt an instance (暂停); who started it is told. Raises as care.suspend."""
    care.suspend(instance, reason=reason, actor_id=actor_id, now=now)
    _tell_starter(instance, f"已暂停，恢复前不能办理。原因：{reason.strip()}", actor_id, now)


def resume(instance: ProcessInstance, *, reason: str, actor_id: int | None, now: datetime) -> None:
    """Let a suspended instance go on (恢复); who started it is told. Raises as care.resume."""
    care.resume(instance, reason=reason, actor_id=actor_id, now=now)
    _tell_starter(instance, "已恢复，可以继续办理", actor_id, now)


def _tell_starter(
    instance: ProcessInstance, said: str, actor_id: int | None, now: datetime
) -> None:
    card = card_of((instance.business_type, instance.business_id))
    if card is None or instance.started_by is None or instance.started_by == actor_id:
        return
    notify(instance.started_by, f"“{card.title}”的流程{said}", url=card.url, now=now)


def _who_has_it(item: WorkItem, now: datetime) -> str:
    """Say to whom a task was given before; nothing where nobody gave it to anybody."""
    handings = care.handings_of(item)
    if not handings:
        return ""
    at, here = handings[-1].at.astimezone(now.tzinfo), (item.scope_kind, item.scope_id)
    when = "刚刚已" if now - at < JUST_NOW else f"已于 {at:%Y-%m-%d %H:%M} "
    return f"任务{when}转给{place_names([here])[here]}，请核对后再决定"


def hand_over(
    item: WorkItem,
    to: Scope | None,
    *,
    reason: str,
    actor_id: int | None,
    now: datetime,
    elsewhere: bool = False,
    seen: str = "",
) -> None:
    """Give an open task away (转办); the person who gets it is told.

    `seen` is where the task lay when that was decided. Raises Invalid with every fault of what
    was typed: nobody or somebody of another jurisdiction, another unit without `elsewhere`, no
    reason; Conflict with who has it now where somebody gave it away meanwhile. Then raises as
    care.reassign.
    """
    faults = {
        **receivers.faults(item, to, now, elsewhere=elsewhere),
        **gathered(lambda: care.required(reason)),
    }
    if to is None or faults:
        raise Invalid(errors=faults)
    former, later = (item.scope_kind, item.scope_id), (to.kind, to.id)
    names = place_names([former, later])
    said = f"“{item.name}”由{names[former]}转给{names[later]}。原因："
    try:
        care.reassign(item, to, reason=reason, actor_id=actor_id, now=now, said=said, seen=seen)
    except care.GivenAlready as given:
        raise Conflict(_who_has_it(item, now) or given.message) from given
    if to.kind == "person" and to.id is not None:
        text = f"任务“{item.name}”已转给您办理：{item.title}"
        notify(to.id, text, url=f"/tasks/{item.id}", now=now)
