"""Reads of what went wrong: incidents, and jobs that were given up."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.accounts.mail_links import ANSWER
from app.accounts.queries import names_of
from app.core import mail
from app.core.audit import AuditEvent
from app.core.db import db
from app.core.errors import NotFound
from app.core.jobs import Job
from app.core.laws import BROKEN
from app.engine import care
from app.engine.handlers import Business
from app.engine.models import (
    Incident,
    IncidentStatus,
    InstanceStatus,
    ProcessInstance,
    ProcessVersion,
    QueueKind,
    QueueRow,
    QueueStatus,
)
from app.imports import queries as imports
from app.people import exports
from app.studio import moves, running
from app.studio.running import MOST_SHOWN, Named, is_about, number_in, titles_of

STATES = {
    IncidentStatus.OPEN: ("未处理", "danger"),
    IncidentStatus.RESOLVED: ("已处理", "success"),
}
JOBS = {
    "render_certificate": "制作证书文件",
    moves.JOB: "迁移在办流程",
    mail.SEND: "发送邮件",
    ANSWER: "处理找回密码申请",
    exports.JOB: "导出个人信息",
    imports.CHECK: "核对导入文件",
    imports.RUN: "写入导入数据",
    "vet_portfolio": "批量审核业绩",
    "warn_of_ends": "提醒角色将到期",
    "tell_of_ends": "提醒续期授权",
}
KINDS = {
    QueueKind.START: "启动流程",
    QueueKind.MESSAGE: "消息",
    QueueKind.BROADCAST: "信号",
    QueueKind.SIGNAL: "信号",
}
FAILED = "failed"


@dataclass(frozen=True)
class Filters:
    """What a person asks of the list of incidents."""

    state: str = IncidentStatus.OPEN
    process: str = ""
    text: str = ""


@dataclass(frozen=True)
class Trouble:
    """An incident with what it stopped: an instance, a message on its way, a job, or a start.

    `title` names the record, or else the job.
    """

    incident: Incident
    instance: ProcessInstance | None
    row: QueueRow | None
    # The version that it happened in, which the instance may have left.
    version: ProcessVersion | None
    title: str = ""

    @property
    def business(self) -> Business | None:
        """The record that is concerned; one that was added with a failed start is undone too."""
        of = self.instance or self.row or self.incident
        if not of.business_type or of.business_id is None:
            return None
        return (of.business_type, of.business_id)

    @property
    def process(self) -> str:
        """The key of the process that stands still or was to start."""
        if self.instance is not None:
            return self.instance.process_key
        if self.version is not None:
            return self.version.key
        return self.row.name if self.row and self.row.kind == QueueKind.START else ""

    @property
    def closing(self) -> str:
        """Why it closed by itself, in words; nothing where somebody closed it, or it is open."""
        of = self.incident
        if of.is_open or of.resolved_by is not None:
            return ""
        if self.instance is not None and self.instance.ended_at == of.resolved_at:
            return f"流程{running.STATES[InstanceStatus(self.instance.status)][0]}，自动关闭"
        return "作业已运行成功，自动关闭" if of.job_key else ""

    @property
    def breaks_a_law(self) -> bool:
        """Whether the database refused what was to be written: mostly done twice as drawn."""
        return self.incident.message.startswith(BROKEN)

    @property
    def is_start(self) -> bool:
        """Whether it stopped somebody who wanted to start a process."""
        of = self.incident
        return self.instance is None and of.queue_row_id is None and of.job_key is None


def search(filters: Filters, found_by_words: Named) -> sa.Select[tuple[Incident]]:
    """Select incidents, the newest first."""
    found = (
        sa.select(Incident)
        .outerjoin(ProcessInstance, ProcessInstance.id == Incident.instance_id)
        .outerjoin(QueueRow, QueueRow.id == Incident.queue_row_id)
        .outerjoin(ProcessVersion, ProcessVersion.id == Incident.version_id)
    )
    if filters.state in STATES:
        found = found.where(Incident.status == filters.state)
    if filters.process:
        key = filters.process
        starts = sa.and_(QueueRow.kind == QueueKind.START, QueueRow.name == key)
        keys = (ProcessInstance.process_key == key, ProcessVersion.key == key)
        found = found.where(sa.or_(*keys, starts))
    text = filters.text.strip()
    if text:
        number = number_in(text)
        by_number = Incident.id == number if number is not None else sa.false()
        said = Incident.message.contains(text, autoescape=True)
        found = found.where(sa.or_(by_number, said, is_about(text, found_by_words)))
    return found.order_by(Incident.last_at.desc(), Incident.id.desc())


def incident(incident_id: int) -> Incident:
    """Return an incident. Raises NotFound."""
    found = db.session.get(Incident, incident_id)
    if found is None:
        raise NotFound("没有这个流程异常")
    return found


def troubles(incidents: Collection[Incident]) -> list[Trouble]:
    """Return incidents with what each of them stopped."""
    instances = _by_id(ProcessInstance, [each.instance_id for each in incidents])
    rows = _by_id(QueueRow, [each.queue_row_id for each in incidents])
    versions = _by_id(ProcessVersion, [each.version_id for each in incidents])
    found = [
        Trouble(
            each,
            instances.get(each.instance_id),
            rows.get(each.queue_row_id),
            versions.get(each.version_id),
        )
        for each in incidents
    ]
    titles = titles_of({each.business for each in found if each.business})
    words = _words([each.job_key for each in incidents])
    names = names_of([each.incident.actor_id for each in found if each.is_start])
    return [replace(each, title=_title(each, titles, words, names)) for each in found]


def _title(
    of: Trouble,
    titles: Mapping[Business, str],
    words: Mapping[str | None, str],
    names: Mapping[int, str],
) -> str:
    title = titles[of.business] if of.business else running.GONE
    if of.business and not of.is_start:
        return title
    if title != running.GONE:
        return f"启动流程：{title}"
    name = names.get(of.incident.actor_id or 0)
    return words[of.incident.job_key] + (f"（{name}办理）" if name else "")


def _words(keys: Collection[str | None]) -> dict[str | None, str]:
    """Return what people call the jobs of these keys; without a key it was a start."""
    named = sa.select(Job.key, Job.name).where(Job.key.in_({key for key in keys if key}))
    words = {key: f"后台作业：{JOBS.get(name, name)}" for key, name in db.session.execute(named)}
    return dict.fromkeys(keys, "后台作业") | words | {None: "启动流程"}


def was_rerun(incident: Incident) -> bool:
    """Tell whether its retry let the worker run something again, or it was merely closed."""
    told = sa.select(AuditEvent.id).where(
        AuditEvent.tag == care.RETRIED,
        AuditEvent.subject_type == "incident",
        AuditEvent.subject_id == incident.id,
    )
    return db.session.scalar(told.limit(1)) is not None


def _by_id(table: Any, ids: list[int | None]) -> dict[int | None, Any]:
    wanted = [each for each in ids if each is not None]
    rows = db.session.scalars(sa.select(table).where(table.id.in_(wanted))) if wanted else ()
    return {row.id: row for row in rows}


def waiting_rows(now: datetime) -> Sequence[QueueRow]:
    """Return the first messages that were given up, or are due and not delivered."""
    failed = QueueRow.status == QueueStatus.FAILED
    due = sa.and_(QueueRow.status == QueueStatus.WAITING, QueueRow.try_at <= now)
    found = sa.select(QueueRow).where(sa.or_(failed, due))
    return db.session.scalars(found.order_by(QueueRow.id).limit(MOST_SHOWN)).all()


def failed_jobs() -> sa.Select[tuple[Job]]:
    """Select the jobs that were given up, the newest first."""
    return sa.select(Job).where(Job.status == FAILED).order_by(Job.id.desc())


def failed_count() -> int:
    """Count the jobs that were given up."""
    failed = sa.select(sa.func.count(Job.id)).where(Job.status == FAILED)
    return db.session.scalar(failed) or 0


def job(job_id: int) -> Job:
    """Return a job. Raises NotFound."""
    found = db.session.get(Job, job_id)
    if found is None:
        raise NotFound("没有这个后台作业")
    return found
