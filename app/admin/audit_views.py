"""The audit administrator's log (审计日志): found, read, exported, verified."""

from datetime import date
from typing import Any

from flask import render_template, request
from flask_login import current_user
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from app.accounts.queries import names_of
from app.admin import queries
from app.admin.event_words import said
from app.admin.views import bp
from app.admin.words import AREAS, event_name, subject_kind
from app.core import audit
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import begin_writing, db
from app.core.http import page_of, writes_late
from app.core.menu import add_entry
from app.core.permissions import requires
from app.core.tables import cut_words, table_answer

EXPORTED = 20_000
ADVICE = "请缩小起止日期或类别后分次导出"
HEADS = ("序号", "时间", "事件", "事件代码", "操作人", "对象", "内容", "封印")


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(request.values.get(name, ""))
    except ValueError:
        return None


def _filter() -> queries.EventFilter:
    values = request.values
    return queries.EventFilter(
        area=values.get("area", ""),
        actor=values.get("actor", "").strip(),
        text=values.get("q", "").strip(),
        since=_day("since"),
        until=_day("until"),
    )


def _people_of(events: list[AuditEvent]) -> dict[int, str]:
    about = [e.subject_id for e in events if e.subject_type == "person"]
    return names_of([*(e.actor_id for e in events), *about])


def _subject(event: AuditEvent, names: dict[int, str]) -> str:
    if event.subject_type == "person":
        return names.get(event.subject_id, f"人员 {event.subject_id}")
    return f"{subject_kind(event.subject_type)} {event.subject_id}"


@bp.get("/audit")
@requires("audit.read")
def audit_log() -> str:
    """The audit log, the newest event first."""
    page = page_of(queries.search_events(_filter()))
    names = _people_of(list(page.items))
    rows = [
        {
            "event": event,
            "name": event_name(event.tag),
            "actor": names.get(event.actor_id or 0, "系统"),
            "subject": _subject(event, names),
            "data": said(event.data),
        }
        for event in page.items
    ]
    return render_template(
        "admin/audit.html",
        page=page,
        rows=rows,
        areas=_areas(),
        cut=cut_words(page.total, EXPORTED, ADVICE),
    )


def _areas() -> list[tuple[str, str]]:
    return [(key, name) for key, name in AREAS.items() if key not in {"site", "inbox"}]


@bp.post("/audit/export")
@requires("audit.read")
@writes_late
def export_audit() -> Response:
    """The events that are found, as a table; that it was taken away is an event too."""
    found = queries.search_events(_filter())
    total = db.session.scalar(select(func.count()).select_from(found.order_by(None).subquery()))
    events = list(db.session.scalars(found.limit(EXPORTED)))
    names = _people_of(events)
    rows = [_cells(event, names) for event in events]
    answer = table_answer("审计日志", HEADS, rows, total=total, advice=ADVICE)
    begin_writing()
    audit.record(
        "audit:exported",
        subject=("person", current_user.id),
        actor_id=current_user.id,
        now=now(),
        rows=len(rows),
    )
    return answer


def _cells(event: AuditEvent, names: dict[int, str]) -> tuple[Any, ...]:
    return (
        event.seq or "",
        f"{event.at:%Y-%m-%d %H:%M:%S}",
        event_name(event.tag),
        event.tag,
        names.get(event.actor_id or 0, "系统"),
        _subject(event, names),
        "；".join(f"{key}：{value}" for key, value in said(event.data).items()),
        event.seal or "",
    )


@bp.post("/audit/verify")
@requires("audit.read")
@writes_late
def verify_audit() -> str:
    """Check every seal (校验封印); the result is kept in the log."""
    count, broken = audit.verify_seals()
    waiting = queries.unsealed()
    begin_writing()
    audit.record(
        "audit:verified",
        subject=("person", current_user.id),
        actor_id=current_user.id,
        now=now(),
        sealed=count,
        broken=len(broken),
    )
    return render_template(
        "admin/audit_verified.html", count=count, broken=broken, waiting=waiting
    )


add_entry("系统管理", "审计日志", "journal-check", "admin.audit_log", "audit.read", order=60)
