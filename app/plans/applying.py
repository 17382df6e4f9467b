"""Whether a person may start a declaration from a plan's page, and if not, why."""

from collections.abc import Callable
from datetime import datetime

from app.accounts.models import Person
from app.plans.models import Plan

Reason = Callable[[Plan, Person, datetime], str | None]
_reasons: list[Reason] = []


def register_apply_reason(reason: Reason) -> Reason:
    """Register fn(plan, person, now) -> why the person may not apply, or None."""
    if reason not in _reasons:
        _reasons.append(reason)
    return reason


def window_reason(plan: Plan, now: datetime) -> str | None:
    """Return why nobody can apply at this moment, or None while the window is open."""
    if plan.accepts_submissions(now):
        return None
    if plan.opens_at is not None and now < plan.opens_at:
        return f"申报尚未开始，{plan.opens_at:%Y-%m-%d %H:%M} 开放"
    if plan.closes_at is not None and now > plan.closes_at:
        return f"申报已于 {plan.closes_at:%Y-%m-%d %H:%M} 截止"
    return "本计划当前不接受申报"


def apply_reason(plan: Plan, person: Person, now: datetime) -> str | None:
    """Return the first reason why this person may not apply now (马上申报), or None."""
    given = (reason(plan, person, now) for reason in _reasons)
    return window_reason(plan, now) or next((text for text in given if text), None)
