"""The open task of a record that the person of this request may do."""

from flask_login import current_user

from app.core.http import grants
from app.engine.models import WorkItem
from app.units.flow import open_items


def task_for_me(business: tuple[str, int]) -> WorkItem | None:
    """Return the open task that falls to one of the person's posts; None when it is others'."""
    posts = {(grant.role, grant.scope_kind, grant.scope_id) for grant in grants()}
    mine = (
        item
        for item in open_items(business)
        if (item.role, item.scope_kind, item.scope_id) in posts
        and item.excluded_id != current_user.id
    )
    return next(mine, None)
