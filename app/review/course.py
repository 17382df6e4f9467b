"""Where a meeting stands on its diagram."""

from typing import Any

from sqlalchemy import select

from app.core.db import db
from app.engine.models import ProcessInstance, StepLog
from app.review.models import Meeting

PROCESS = "review_meeting"


def instance_of(meeting: Meeting) -> ProcessInstance | None:
    """Return the process instance of a meeting."""
    return db.session.scalars(
        select(ProcessInstance)
        .where(
            ProcessInstance.process_key == PROCESS,
            ProcessInstance.business_type == "meeting",
            ProcessInstance.business_id == meeting.id,
        )
        .order_by(ProcessInstance.id.desc())
    ).first()


def diagram_state(instance: ProcessInstance, waiting: set[str]) -> dict[str, Any]:
    """Return which nodes were done in turn and which are open, or wait for the cases."""
    logged = select(StepLog.node).where(StepLog.instance_id == instance.id).order_by(StepLog.id)
    done = list(db.session.scalars(logged))
    now = sorted(waiting) or (["cases_were_confirmed"] if instance.is_running else [])
    return {"done": done, "now": now}
