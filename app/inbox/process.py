"""Who may do a task, and the choices that task forms ask for."""

from collections.abc import Callable, Sequence
from datetime import datetime

from app.accounts.models import Person
from app.accounts.queries import live_grants
from app.core.permissions import register_predicate
from app.engine.models import WorkItem

Choices = Callable[[WorkItem], Sequence[tuple[str, str]]]
_choices: dict[str, Choices] = {}


def register_choices(source: str) -> Callable[[Choices], Choices]:
    """Register where a form's `choices_from: source` comes from for a task."""

    def keep(choices: Choices) -> Choices:
        _choices[source] = choices
        return choices

    return keep


def choices_for(item: WorkItem) -> dict[str, Sequence[tuple[str, str]]]:
    """Return the choices of every registered source for a task."""
    return {source: choices(item) for source, choices in _choices.items()}


@register_predicate("may_do_task")
def may_do_task(person: Person, item: WorkItem, now: datetime) -> bool:
    """Tell whether a task is this person's: assigned, or of a role they hold in its scope."""
    if item.assignee_id is not None:
        return item.assignee_id == person.id
    return any(
        grant.role == item.role
        and (grant.scope_kind, grant.scope_id) in {(item.scope_kind, item.scope_id), ("all", None)}
        for grant in live_grants(person.id, now)
    )
