"""The audit administrator's log (审计日志): found, read, exported, verified."""

from datetime import date
from typing import Any

from flask import render_template, request
from flask_login import current_user
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from app.admin import queries
from app.admin.event_words import called, places_in, said
from app.admin.views import bp
from app.admin.words import AREAS, EVENTS, event_name, subject_kind
from app.core import audit
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import begin_writing, db
from app.core.http import page_of, writes_late
from app.core.instants import day_in
from app.core.menu import add_entry
from app.core.permissions import requires
from app.core.tables import cut_words, table_answer
from app.inbox.queries import Scope, place_names
from app.units.queries import employments

EXPORTED = 20_000
ADVICE = "请缩小起止日期或类别后分次导出"
EMPLOYMENT = "employment"
KINDS = {"person": "person", "unit": "org", "meeting": "meeting"}
"""Which records have names, and what their places are called."""
HEADS = ("序号", "时间", "事件", "事件代码", "操作人", "网络地址", "对象", "内容", "封印")


def _day(name: str) -> date | None:
    return day_in(request.values.get(name, ""))


def _filter() -> queries.EventFilter:
    values = request.values
    return queries.EventFilter(
        area=values.get("area", ""),
        actor=values.get("actor", "").strip(),
        text=values.get("q", "").strip(),
        since=_day("since"),
        until=_day("until"),
    )


def _wrong_days() -> str:
    since, until = _day("since"), _day("until")
    is_wrong = since is not None and until is not None and since > until
    return "开始日期晚于结束日期，没有这样的事件，请改正日期" if is_wrong else ""


def _names_of(events: list[AuditEvent]) -> dict[Scope, str]:
    """Return what people call everybody and every place that events speak of."""
    wanted = [("person", e.actor_id) for e in events if e.actor_id]
    wanted += [(KINDS[e.subject_type], e.subject_id) for e in events if e.subject_type in KINDS]
    bound = [event.subject_id for event in events if event.subject_type == EMPLOYMENT]
    parties = employments(bound)
    wanted += [("person", made.person_id) for made in parties]
    found = place_names([*wanted, *(place for e in events for place in places_in(e.data))])
    return found | {
        (EMPLOYMENT, made.id): f"{found['person', made.person_id]}（{made.unit.name}）"
        for made in parties
    }


def _subject(event: AuditEvent, names: dict[Scope, str]) -> str:
    if event.subject_type == "person":
        return names["person", event.subject_id]
    if event.subject_type in KINDS:
        return called((KINDS[event.subject_type], event.subject_id), names)
    kind = subject_kind(event.subject_type)
    if (event.subject_type, event.subject_id) in names:
        return f"{names[event.subject_type, event.subject_id]}的{kind} {event.subject_id}"
    # What is about all of a kind has no number.
    return f"{kind} {event.subject_id}" if event.subject_id else kind


def _actor(event: AuditEvent, names: dict[Scope, str]) -> str:
    return names["person", event.actor_id] if event.actor_id else "系统"


@bp.get("/audit")
@requires("audit.read")
def audit_log() -> str:
    """The audit log, the newest event first."""
    page = page_of(queries.search_events(_filter()))
    names = _names_of(list(page.items))
    rows = [
        {
            "event": event,
            "name": event_name(event.tag),
            "actor": _actor(event, names),
            "subject": _subject(event, names),
            "data": said(event.tag, event.data, names),
        }
        for event in page.items
    ]
    return render_template(
        "admin/audit.html",
        page=page,
        rows=rows,
        areas=_areas(),
        cut=cut_words(page.total, EXPORTED, ADVICE),
        wrong=_wrong_days(),
    )


def _areas() -> list[tuple[str, str]]:
    """Return what events are found by: the areas that have any."""
    told = {tag.partition(":")[0] for tag in EVENTS}
    return [(key, name) for key, name in AREAS.items() if key in told]


@bp.post("/audit/export")
@requires("audit.read")
@writes_late
def export_audit() -> Response:
    """The events that are found, as a table; that it was taken away is an event too."""
    found = queries.search_events(_filter())
    total = db.session.scalar(select(func.count()).select_from(found.order_by(None).subquery()))
    events = list(db.session.scalars(found.limit(EXPORTED)))
    names = _names_of(events)
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


def _cells(event: AuditEvent, names: dict[Scope, str]) -> tuple[Any, ...]:
    return (
        event.seq or "",
        f"{event.at:%Y-%m-%d %H:%M:%S}",
        event_name(event.tag),
        event.tag,
        _actor(event, names),
        event.address or "",
        _subject(event, names),
        "；".join(f"{key}：{value}" for key, value in said(event.tag, event.data, names).items()),
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
