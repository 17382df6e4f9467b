"""Writes of the task centre."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from app.core.db import db, insert_into
from app.engine import runtime
from app.engine.models import ItemStatus, WorkItem
from app.inbox.models import Draft
from app.inbox.queries import kept_draft


def save_draft(
    item: WorkItem, values: Mapping[str, Any], *, person_id: int, now: datetime
) -> Draft:
    """Keep what a person typed into a task; the fields given replace those kept.

    Under a lock: fields that two windows save side by side are all kept.
    """
    first = insert_into(Draft).values(
        work_item_id=item.id, person_id=person_id, data={}, saved_at=now
    )
    db.session.execute(first.on_conflict_do_nothing(index_elements=["work_item_id", "person_id"]))
    draft = kept_draft(item.id, person_id)
    draft.data = {**draft.data, **values}
    draft.saved_at = now
    db.session.flush()
    return draft


def complete_task(
    item: WorkItem, answers: Mapping[str, Any], *, person_id: int, now: datetime
) -> None:
    """Complete a task; its drafts are swept later. Raises what the save handler raises."""
    runtime.complete(item, answers, actor_id=person_id, now=now)


def sweep_drafts(_now: datetime) -> int:
    """Forget what was typed into tasks that no longer wait; returns how much."""
    waiting = select(WorkItem.id).where(WorkItem.status == ItemStatus.OPEN)
    gone = db.session.execute(delete(Draft).where(Draft.work_item_id.not_in(waiting)))
    return int(gone.rowcount)  # type: ignore[attr-defined]
