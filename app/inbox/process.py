"""Who may do a task."""

from datetime import datetime

from app.accounts.models import Person
from app.accounts.queries import live_grants
from app.core.permissions import register_predicate
from app.engine.models import WorkItem
from app.engine.taking import may_take


@register_predicate("may_do_task")
def may_do_task(person: Person, item: WorkItem, now: datetime) -> bool:
    """Tell whether a task is this person's to do."""
    return may_take(item, person.id, live_grants(person.id, now))
