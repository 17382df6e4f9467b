"""Who may do a task."""

from datetime import datetime

from app.accounts.models import Person
from app.accounts.queries import live_grants
from app.core.permissions import register_predicate
from app.engine.models import WorkItem


@register_predicate("may_do_task")
def may_do_task(person: Person, item: WorkItem, now: datetime) -> bool:
    """Tell whether a task is this person's: assigned, or of a role they hold in its scope.

    Never the person whom the scope leaves out, such as who proposed what is to be confirmed.
    """
    if item.excluded_id == person.id:
        return False
    if item.assignee_id is not None:
        return item.assignee_id == person.id
    return any(
        grant.role == item.role
        and (grant.scope_kind, grant.scope_id) in {(item.scope_kind, item.scope_id), ("all", None)}
        for grant in live_grants(person.id, now)
    )
