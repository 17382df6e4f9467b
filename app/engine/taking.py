"""Who may take a task: the one rule, for a task in hand and for lists of them."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, and_, false, or_, true

from app.core.permissions import Grant
from app.engine.models import InstanceStatus, ProcessInstance, WorkItem

HALTED = WorkItem.instance.has(ProcessInstance.status == InstanceStatus.SUSPENDED)
"""That nobody can do a task before its process goes on (已暂停): it is not to be done yet."""


def may_take(item: WorkItem, person_id: int, grants: Iterable[Grant]) -> bool:
    """Tell whether a task is this person's: assigned, or of a role they hold in its scope.

    A role's task is never that of the person whom it is about, nor of the one it leaves out,
    such as who proposed what is to be confirmed, or who did what it looks at once more.
    """
    if item.assignee_id is not None:
        return item.assignee_id == person_id
    if person_id in {item.excluded_id, item.apart_id, item.about_id}:
        return False
    places = {(item.scope_kind, item.scope_id), ("all", None)}
    return any(
        grant.role == item.role and (grant.scope_kind, grant.scope_id) in places
        for grant in grants
    )


def taken_by(person_id: int, grants: Iterable[Grant]) -> ColumnElement[bool]:
    """Return the same rule as a condition on work items."""
    by_role = [
        and_(
            WorkItem.role == grant.role,
            true() if grant.scope_kind == "all" else _within(grant),
        )
        for grant in grants
    ]
    return or_(
        WorkItem.assignee_id == person_id,
        and_(
            WorkItem.assignee_id.is_(None),
            WorkItem.excluded_id.is_distinct_from(person_id),
            WorkItem.apart_id.is_distinct_from(person_id),
            WorkItem.about_id.is_distinct_from(person_id),
            or_(false(), *by_role),
        ),
    )


def _within(grant: Grant) -> ColumnElement[bool]:
    return and_(WorkItem.scope_kind == grant.scope_kind, WorkItem.scope_id == grant.scope_id)
