"""Laws of declarations."""

from sqlalchemy import select

from app.core.db import db
from app.core.invariants import invariant
from app.declarations.models import Declaration, DeclarationSnapshot
from app.plans.models import Plan


@invariant("首次提交不晚于个人提交截止时间")
def no_first_submission_after_the_deadline() -> list[str]:
    """What is sent up for the first time came in time; corrections have days of their own."""
    late = (
        select(Declaration.id, DeclarationSnapshot.at, Plan.closes_at)
        .join(DeclarationSnapshot, DeclarationSnapshot.declaration_id == Declaration.id)
        .join(Plan, Plan.id == Declaration.plan_id)
        .where(DeclarationSnapshot.no == 1, DeclarationSnapshot.at > Plan.closes_at)
    )
    return [
        f"申报 {number} 提交于 {at:%Y-%m-%d %H:%M}，截止 {closes:%Y-%m-%d %H:%M}"
        for number, at, closes in db.session.execute(late)
    ]
