"""审核统计情况: what the offices of a reviewer have to do, and have done this year (FJ-U-05)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select

from app.accounts.queries import live_grants
from app.core.db import db
from app.core.panels import Line, Panel, register_panel
from app.core.permissions import REVIEWERS
from app.declarations.access import reviewer
from app.declarations.models import ReviewOpinion
from app.declarations.queries import waiting_for
from app.engine.models import ItemStatus, WorkItem
from app.engine.taking import HALTED

PORTFOLIO, BINDING = "portfolio_item", "employment"
DONE = "/declarations/review?tab=done"
OF_UNIT = "本单位待办任务"
OF_ITEMS = "/portfolio/archive/statistics"


@dataclass(frozen=True)
class Figures:
    """The tasks that wait, those of them that are late, and what was decided this year."""

    waiting: int
    late: int
    opinions: dict[str, int]
    tasks: dict[str, int]


Conditions = tuple[ColumnElement[bool], ...]


def figures_of(unit_ids: Collection[int], waiting: Conditions, now: datetime) -> Figures:
    """Count for units, and of their tasks those that `waiting` names; a calendar's year."""
    begins = now.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    mine = (*waiting, ~HALTED)
    decided = select(
        ReviewOpinion.decision, func.count(ReviewOpinion.declaration_id.distinct())
    ).where(ReviewOpinion.unit_id.in_(unit_ids), ReviewOpinion.at >= begins)
    done = select(WorkItem.business_type, func.count(WorkItem.id)).where(
        WorkItem.status == ItemStatus.DONE,
        WorkItem.scope_kind == "org",
        WorkItem.scope_id.in_(unit_ids),
        WorkItem.done_at >= begins,
    )
    return Figures(
        _tasks(*mine),
        _tasks(*mine, WorkItem.due_at < now),
        _by(decided.group_by(ReviewOpinion.decision)),
        _by(done.group_by(WorkItem.business_type)),
    )


def _tasks(*conditions: ColumnElement[bool]) -> int:
    return db.session.scalar(select(func.count(WorkItem.id)).where(*conditions)) or 0


def _by(counted: Any) -> dict[str, int]:
    return {str(key): int(count) for key, count in db.session.execute(counted)}


@register_panel(16)
def review_statistics(person: Any, roles: set[str], moment: datetime) -> Panel | None:
    """审核统计情况 on the home page of a unit."""
    held = reviewer(person.id, moment)
    reviews = bool(roles & set(REVIEWERS))
    units = held.unit_ids if reviews else _administered(person.id, moment)
    if not units:
        return None
    found = figures_of(units, waiting_for(held) if reviews else _at(units), moment)
    late = f"其中超期 {found.late} 项" if found.late else "无超期"
    tone = "danger" if found.late else "warning"
    # Who only administers a unit reads what it did, and opens no declaration.
    done = DONE if reviews else ""
    waits = (
        "待办任务" if reviews else OF_UNIT,
        found.waiting,
        "/tasks" if reviews else "",
        "项",
    )
    lines = [
        _figure(*waits, tone, late),
        _figure("本年度审核通过", found.opinions.get("pass", 0), done, "件", "success"),
        _figure("本年度退回", found.opinions.get("return", 0), done, "件", "warning"),
        _figure("本年度提出终止", found.opinions.get("terminate", 0), done, "件"),
    ]
    archived = "/tasks/done" if reviews else OF_ITEMS
    keeps_archive = bool(roles & {"unit_clerk", "unit_admin"})
    if keeps_archive:
        lines += [
            _figure("本年度已审核业绩", found.tasks.get(PORTFOLIO, 0), archived, "项", "info"),
            _figure(
                "本年度已审核人员", found.tasks.get(BINDING, 0), "/binding/requests", "人", "info"
            ),
        ]
    return Panel("审核统计情况", lines, more_url=OF_ITEMS if keeps_archive else "")


def _administered(person_id: int, now: datetime) -> list[int]:
    held = (g for g in live_grants(person_id, now) if g.role == "unit_admin")
    return sorted({g.scope_id for g in held if g.scope_kind == "org" and g.scope_id})


def _at(unit_ids: Collection[int]) -> Conditions:
    """Return the conditions of the tasks that wait for anybody of some units."""
    of_units = (WorkItem.scope_kind == "org", WorkItem.scope_id.in_(unit_ids))
    return (WorkItem.status == ItemStatus.OPEN, *of_units)


def _figure(
    text: str, count: int, url: str, unit: str, tone: str = "secondary", note: str = ""
) -> Line:
    return Line(text, url, note, f"{count} {unit}", tone if count else "secondary")
