"""申报审核: the declarations that lie, or lay, with the person's offices."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import Response, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import Select

from app.core.clock import now
from app.core.db import db
from app.core.http import marks_viewed, page_of
from app.core.panels import Line, Panel, register_panel
from app.core.permissions import ORGANISERS, REVIEWERS, requires
from app.core.tables import cut_words, note_export, table_answer
from app.declarations import access, queries
from app.declarations.models import STATUS_WORDS, Declaration
from app.declarations.web import bp
from app.engine.models import WorkItem

PAGE_SIZE = 10
EXPORTED = 5000
HEADS = ("申报编号", "姓名", "单位", "计划", "专业", "职称", "申报形式", "状态", "提交时间")


def _filters() -> queries.Filters:
    return queries.Filters(
        text=request.args.get("q", ""),
        plan_id=request.args.get("plan", type=int),
        status=request.args.get("status", ""),
    )


def _me() -> queries.Reviewer:
    return access.reviewer(current_user.id, now())


def _selected(me: queries.Reviewer, *, waiting: bool) -> Select[tuple[Declaration]]:
    return queries.reviewed_by(me, _filters(), waiting=waiting)


@bp.get("/declarations/review")
@requires("declaration.review")
def review() -> str:
    """待审核 and 已审核 of the person's offices (FJ-U-12, HB-U-16)."""
    waiting = request.args.get("tab") != "done"
    me = _me()
    found = _selected(me, waiting=waiting)
    page = page_of(found, size=PAGE_SIZE)
    halted = queries.halted_of(me) if waiting else set[int]()
    last = found.where(Declaration.id.in_(halted))
    return render_template(
        "declarations/review.html",
        page=page,
        waiting=waiting,
        count=_count(me),
        plans=[(plan.id, plan.name) for plan in queries.plans_reviewed_by(me.unit_ids)],
        statuses=[(key, word) for key, (word, _tone) in STATUS_WORDS.items()],
        tasks={t.business_id: t for t in _tasks(page.items, me)},
        halted=halted,
        last=page_of(last, page=1, size=1).total if halted else 0,
        cut=cut_words(page.total, EXPORTED),
    )


def _count(reviewer: queries.Reviewer) -> int:
    found = queries.reviewed_by(reviewer, queries.Filters(), waiting=True, halted=False)
    return page_of(found, page=1, size=1).total


def _tasks(items: Sequence[Declaration], reviewer: queries.Reviewer) -> list[WorkItem]:
    return queries.open_tasks_of([each.id for each in items], reviewer)


@bp.get("/declarations/review.csv")
@marks_viewed
@requires("declaration.review")
def export() -> Response:
    """The list as a table that spreadsheets open, without cells that would calculate.

    Who took it is kept.
    """
    waiting = request.args.get("tab") != "done"
    me = _me()
    found = page_of(_selected(me, waiting=waiting), page=1, size=EXPORTED)
    subject, units = ("person", current_user.id), me.unit_ids
    note_export("declaration:exported", subject=subject, rows=len(found.items), units=units)
    halted = queries.halted_of(me) if waiting else set[int]()
    rows = [_cells(each, is_halted=each.id in halted) for each in found.items]
    return table_answer("declarations", HEADS, rows, total=found.total)


def _cells(found: Declaration, *, is_halted: bool) -> tuple[str, ...]:
    return (
        found.number or "",
        found.person.name,
        found.unit_as_sent.name,
        found.plan.name,
        found.specialty.name,
        found.title.name,
        found.kind,
        f"{found.status_word}（已暂停）" if is_halted else found.status_word,
        f"{found.submitted_at:%Y-%m-%d %H:%M}" if found.submitted_at else "",
    )


@register_panel(15)
def waiting_declarations(person: Any, roles: set[str], moment: datetime) -> Panel | None:
    """待审核申报 on the home page of reviewers."""
    if not roles & {*REVIEWERS, *ORGANISERS}:
        return None
    reviewer = access.reviewer(person.id, moment)
    found = queries.reviewed_by(reviewer, queries.Filters(), waiting=True, halted=False)
    lines = [
        Line(
            f"{each.person.name} · {each.specialty.name} · {each.title.name}",
            url_for("declarations.show", declaration_id=each.id),
            each.unit_as_sent.name,
            each.status_word,
            each.status_tone,
        )
        for each in db.session.scalars(found.limit(5))
    ]
    return Panel(
        "待审核申报",
        lines,
        empty="没有待审核的申报",
        more_url=url_for("declarations.review"),
    )
