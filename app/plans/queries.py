"""Reads of plans."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, and_, func, or_, select

from app.committees.models import Committee
from app.core.db import db
from app.core.errors import NotFound
from app.core.storage import StoredFile
from app.plans.models import (
    ADVERTISED,
    Plan,
    PlanAttachment,
    PlanSlot,
    PlanStatus,
    StandardCategory,
)

WORDS: dict[str, tuple[str, str]] = {
    PlanStatus.DRAFT: ("配置中", "secondary"),
    PlanStatus.CHECKING: ("待核对", "warning"),
    PlanStatus.CHECKED: ("待发布", "info"),
    PlanStatus.PUBLISHED: ("未开始", "info"),
    PlanStatus.OPEN: ("申报中", "success"),
    PlanStatus.CLOSED: ("已截止", "secondary"),
    PlanStatus.ARCHIVED: ("已归档", "secondary"),
}
"""The word and tone that people see for a state."""


@dataclass(frozen=True)
class Filters:
    """What a person asked to see of the list of plans."""

    name: str = ""
    year: int | None = None
    level: str = ""
    kind: str = ""

    def narrow(self, query: Select[tuple[Plan]]) -> Select[tuple[Plan]]:
        """Return the query for these wishes, the latest window first."""
        if self.name.strip():
            query = query.where(Plan.name.contains(self.name.strip(), autoescape=True))
        for column, value in ((Plan.level, self.level), (Plan.kind, self.kind)):
            if value:
                query = query.where(column == value)
        if self.year:
            query = query.where(Plan.year == self.year)
        return query.order_by(Plan.year.desc(), Plan.opens_at.desc(), Plan.id.desc())


def get_plan(plan_id: int, *, for_update: bool = False) -> Plan:
    """Return a plan, locked for a write if asked; NotFound when there is none."""
    plan = db.session.get(
        Plan, plan_id, with_for_update=for_update or None, populate_existing=for_update
    )
    if plan is None:
        raise NotFound("计划不存在")
    return plan


def visible_plans(now: datetime, filters: Filters = Filters()) -> Select[tuple[Plan]]:
    """Select the plans that everybody may read."""
    is_due = and_(Plan.status == PlanStatus.CHECKED, Plan.publish_at <= now)
    return filters.narrow(select(Plan).where(or_(Plan.status.in_(ADVERTISED), is_due)))


def public_plans(now: datetime, kinds: Collection[str] = (), limit: int = 6) -> list[Plan]:
    """Return the plans that home pages show: open ones first, then the latest.

    With `kinds`, of these alone.
    """
    is_over = or_(Plan.closes_at < now, Plan.status.in_((PlanStatus.CLOSED, PlanStatus.ARCHIVED)))
    shown = visible_plans(now).order_by(None)
    shown = shown.where(Plan.kind.in_(kinds)) if kinds else shown
    latest = shown.order_by(is_over, Plan.closes_at.desc(), Plan.id.desc())
    return list(db.session.scalars(latest.limit(limit)))


def next_plan(now: datetime) -> Plan | None:
    """Return the plan to declare under: one that is open, else the one that opens next."""
    coming = visible_plans(now).where(
        Plan.status.not_in((PlanStatus.CLOSED, PlanStatus.ARCHIVED)), Plan.closes_at >= now
    )
    return db.session.scalars(coming.order_by(None).order_by(Plan.opens_at, Plan.id)).first()


def organised_plans(
    unit_ids: Collection[int], filters: Filters = Filters(), status: str = ""
) -> Select[tuple[Plan]]:
    """Select the plans of these organisers, whatever their state."""
    found = select(Plan).where(Plan.organiser_unit_id.in_(unit_ids))
    if status:
        found = found.where(Plan.status == status)
    return filters.narrow(found)


def plan_years(now: datetime) -> list[int]:
    """Return the years of visible plans, latest first."""
    years = visible_plans(now).order_by(None).with_only_columns(Plan.year).distinct()
    return sorted(db.session.scalars(years), reverse=True)


def state_of(plan: Plan, now: datetime) -> tuple[str, str]:
    """Return the word and tone of a plan's state, judged by time like the deadline itself."""
    if plan.accepts_submissions(now):
        return WORDS[PlanStatus.OPEN]
    if plan.is_visible(now) and plan.closes_at is not None and plan.opens_at is not None:
        if now > plan.closes_at and plan.status != PlanStatus.ARCHIVED:
            return WORDS[PlanStatus.CLOSED]
        if now < plan.opens_at:
            return WORDS[PlanStatus.PUBLISHED]
    return WORDS[plan.status]


def categories_for(plan: Plan, level: str = "", standard: str = "") -> list[StandardCategory]:
    """Return the categories that hold for a title level and a chosen standard."""
    return [
        category
        for category in plan.categories
        if category.level in {"", level} and category.standard in {"", standard}
    ]


def standards_of(plan: Plan, level: str = "") -> list[str]:
    """Return the standards (评审标准) among which a declaration of this level chooses."""
    fitting = [c for c in plan.categories if c.level in {"", level}]
    return list(dict.fromkeys(c.standard for c in fitting if c.standard))


def plan_of_file(file: StoredFile) -> Plan | None:
    """Return the plan whose notice or template a file is, or None."""
    attached = select(PlanAttachment.plan_id).where(PlanAttachment.file_id == file.id)
    template = select(PlanSlot.plan_id).where(PlanSlot.template_file_id == file.id)
    holding = select(Plan).where(or_(Plan.id.in_(attached), Plan.id.in_(template)))
    return db.session.scalars(holding.order_by(Plan.id.desc())).first()


def live_plans(unit_id: int) -> int:
    """Count the plans of an organiser that have not closed."""
    over = (PlanStatus.CLOSED, PlanStatus.ARCHIVED)
    live = select(func.count(Plan.id)).where(
        Plan.organiser_unit_id == unit_id, Plan.status.not_in(over)
    )
    return db.session.scalar(live) or 0


def filed_committees(unit_id: int, on: date) -> int:
    """Count the committees of an organiser whose filing has not run out on a day."""
    filed = select(func.count(Committee.id)).where(
        Committee.organiser_unit_id == unit_id, Committee.filed_until >= on
    )
    return db.session.scalar(filed) or 0
