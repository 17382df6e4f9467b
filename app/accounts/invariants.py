"""Laws between the tables of people and their roles."""

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import aliased

from app.accounts.apart import PAIRS
from app.accounts.models import RoleGrant
from app.core.clock import now
from app.core.db import db
from app.core.invariants import invariant
from app.core.permissions import ROLES


@invariant("不相容的角色不是同一人")
def nobody_holds_what_is_kept_apart() -> list[str]:
    """Nobody holds two roles of one unit that are kept apart."""
    one, other = aliased(RoleGrant), aliased(RoleGrant)
    both = (
        select(one.person_id, one.role, other.role, one.scope_id)
        .join(
            other,
            and_(
                other.person_id == one.person_id,
                other.scope_kind == one.scope_kind,
                other.scope_id == one.scope_id,
            ),
        )
        .where(
            or_(*(and_(one.role == first, other.role == second) for first, second in PAIRS)),
            one.valid_to > now(),
            other.valid_to > now(),
        )
    )
    return [
        f"人员 {person} 在单位 {unit} 同时是{ROLES[first]}和{ROLES[second]}"
        for person, first, second, unit in db.session.execute(both)
    ]
