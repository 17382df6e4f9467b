"""Laws of the personal centre."""

from sqlalchemy import select

from app.core.db import db
from app.core.invariants import invariant
from app.engine.models import ProcessInstance
from app.people.models import IdentityCorrection
from app.people.process import CORRECTION


@invariant("身份更正申请与其流程一致")
def corrections_follow_their_process() -> list[str]:
    """A correction waits for somebody just as long as its process lives."""
    living = select(ProcessInstance.business_id).where(
        ProcessInstance.business_type == CORRECTION, ProcessInstance.ended_at.is_(None)
    )
    alive = set(db.session.scalars(living))
    return [
        f"更正申请 {made.id} 的状态 {made.status} 与流程不符"
        for made in db.session.scalars(select(IdentityCorrection))
        if made.is_open != (made.id in alive)
    ]
