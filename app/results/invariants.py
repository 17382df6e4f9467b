"""Laws of results."""

from sqlalchemy import select

from app.core.db import db
from app.core.invariants import invariant
from app.declarations.models import Declaration, Status
from app.results.models import Result, ResultStatus


@invariant("评审结果已撤销的申报为已撤销，其他申报不是")
def a_declaration_is_revoked_with_its_result() -> list[str]:
    """Nothing counts as passed whose result was taken back."""
    revoked = select(Result.declaration_id).where(Result.status == ResultStatus.REVOKED)
    is_revoked = Declaration.status == Status.REVOKED
    torn = select(Declaration.number).where(is_revoked != Declaration.id.in_(revoked))
    return [f"申报 {number} 的状态与评审结果不符" for number in db.session.scalars(torn)]
