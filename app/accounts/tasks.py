"""Whose task a record is: who is to judge something reads it, wherever a diagram has put it."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Select, select

from app.accounts.queries import live_grants
from app.core.db import db
from app.engine.models import ItemStatus, WorkItem
from app.engine.taking import taken_by


def holds_task(
    person_id: int,
    business_type: str,
    records: Collection[int] | Select[tuple[int]],
    now: datetime,
) -> bool:
    """Tell whether an open task of one of these records is this person's.

    Each room asks this beside its own rule of who sees a record and its files, so that a task that
    a process administrator has drawn for another role can be done. Once it is done, the room's
    rule alone counts.
    """
    held = select(WorkItem.id).where(
        WorkItem.status == ItemStatus.OPEN,
        WorkItem.business_type == business_type,
        WorkItem.business_id.in_(records),
        taken_by(person_id, live_grants(person_id, now)),
    )
    return db.session.scalar(held.limit(1)) is not None
