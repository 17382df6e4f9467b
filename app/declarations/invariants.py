"""Laws of declarations."""

from sqlalchemy import func, select

from app.core.db import db
from app.core.invariants import invariant
from app.core.storage import StoredFile
from app.declarations.holdings import uploads_in
from app.declarations.models import Declaration, DeclarationSnapshot
from app.plans.models import Plan

AT_ONCE = 500


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


@invariant("最近一次提交的申报材料的附件都在")
def what_was_sent_up_last_is_there() -> list[str]:
    """Offices read what was sent up, also while it is mended: its uploads stay that long."""
    last = (
        select(DeclarationSnapshot.declaration_id, func.max(DeclarationSnapshot.no).label("no"))
        .group_by(DeclarationSnapshot.declaration_id)
        .subquery()
    )
    sent = (
        select(DeclarationSnapshot.declaration_id, DeclarationSnapshot.content)
        .join(last, last.c.declaration_id == DeclarationSnapshot.declaration_id)
        .where(last.c.no == DeclarationSnapshot.no)
        .execution_options(yield_per=AT_ONCE)
    )
    missing = []
    for rows in db.session.execute(sent).partitions():
        held = {number: uploads_in(content["held"]) for number, content in rows}
        wanted = set().union(*held.values())
        there = set(db.session.scalars(select(StoredFile.id).where(StoredFile.id.in_(wanted))))
        missing += [f"申报 {number} 缺附件" for number, ids in held.items() if ids - there]
    return missing
