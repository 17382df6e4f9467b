"""A request (申请) that is written on a page of its own: sent, returned, sent again, given up."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from app.core.db import Model, db
from app.engine import runtime
from app.engine.models import WorkItem
from app.units.flow import open_items
from app.units.vetting import DROP

Business = tuple[str, int]
NOTHING: Mapping[str, str] = MappingProxyType({})


def hold(business: Business, record: Model) -> None:
    """Lock a request for its page: its process first, as every step does, then the record anew."""
    runtime.hold(business)
    db.session.refresh(record, with_for_update={"of": type(record)})


def task_of_page(business: Business, page: str) -> WorkItem | None:
    """Return the task of a record that is done on a page, None while none waits for it."""
    return next((item for item in open_items(business) if item.page == page), None)


def give_up(business: Business, record: Model, page: str, *, actor_id: int, now: datetime) -> bool:
    """End a returned request from its page (放弃); False while none waits there to be mended."""
    hold(business, record)
    task = task_of_page(business, page)
    if task is not None:
        runtime.complete(task, {"decision": DROP}, actor_id=actor_id, now=now)
    return task is not None


def send(
    process: str,
    business: Business,
    page: str,
    *,
    jurisdiction: str,
    actor_id: int,
    now: datetime,
    again: Mapping[str, str] = NOTHING,
) -> None:
    """Begin the process of a request, or let the returned one go on from its page with `again`."""
    task = task_of_page(business, page)
    if task is not None:
        runtime.complete(task, again, actor_id=actor_id, now=now)
        return
    runtime.start(
        process, business=business, jurisdiction=jurisdiction, actor_id=actor_id, now=now
    )
