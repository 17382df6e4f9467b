"""Posts that declarations take of their unit, for good or while they run (岗位职数)."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import case, func, select

from app.catalogue.models import Title
from app.core.db import db
from app.declarations.models import Declaration, Recommendation, Status
from app.units.posts import PostLine, Use, line_for, register_use

RUNNING = (Status.IN_REVIEW, Status.RETURNED, Status.ACCEPTED, Status.IN_MEETING)


@register_use
def posts_of_declarations(unit_id: int, since: datetime, but: int | None) -> Mapping[str, Use]:
    """Count what the last recommendations of a unit took, by the level of titles.

    A running application holds its post; one that passed fills it, unless the sheet of posts was
    submitted after that and has counted it already. Nothing touches one that passed but the
    revocation.
    """
    passed = case((Declaration.status == Status.PASSED, 1), else_=0)
    taking = (
        select(Title.level, func.sum(passed), func.count(Declaration.id))
        .join(Title, Title.id == Declaration.title_id)
        .join(Recommendation, Recommendation.declaration_id == Declaration.id)
        .where(
            Declaration.unit_id == unit_id,
            Declaration.id != (but or 0),
            Recommendation.round == Declaration.round,
            Recommendation.uses_post.is_(True),
            Declaration.status.in_(RUNNING)
            | ((Declaration.status == Status.PASSED) & (Declaration.updated_at >= since)),
        )
        .group_by(Title.level)
    )
    rows = db.session.execute(taking)
    return {level: Use(taken=taken, held=count - taken) for level, taken, count in rows}


def post_line(declaration: Declaration, *, lock: bool = False) -> PostLine | None:
    """Return the posts that a declaration's title fills at its unit; None where not entered.

    The declaration itself holds none of them. With `lock`, recommendations that take posts of a
    unit follow one another.
    """
    if not declaration.unit.is_public_institution:
        return None
    level = declaration.title.level
    return line_for(declaration.unit_id, level, but=declaration.id, lock=lock)
