"""What every change of a plan goes through: is it still on the organiser's desk, and a trace."""

from datetime import datetime
from typing import Any

from app.accounts.models import Person
from app.core import audit
from app.core.errors import Conflict
from app.plans.models import Plan


def record(tag: str, plan: Plan, actor: Person | None, now: datetime, **data: Any) -> None:
    """Write an audit event of a plan."""
    actor_id = actor.id if actor else None
    audit.record(f"plan:{tag}", subject=("plan", plan.id), actor_id=actor_id, now=now, **data)


def refuse_unless_draft(plan: Plan) -> None:
    """Conflict unless the organiser may change the plan: publication freezes it."""
    if plan.is_frozen:
        raise Conflict("计划已发布，附件要求和评审标准不得再修改")
    if not plan.can_be_configured:
        raise Conflict("计划正在核对或等待发布，须退回后才能修改")


def change(plan: Plan, what: str, *, actor: Person, now: datetime, **data: Any) -> None:
    """Refuse the change of a plan that is no draft, else leave its trace. Raises Conflict."""
    refuse_unless_draft(plan)
    record(what, plan, actor, now, **data)
