"""The open task of a record that the person of this request may do."""

from flask_login import current_user

from app.core.http import grants
from app.engine import care
from app.engine.models import WorkItem
from app.engine.taking import may_take
from app.units.flow import open_items


def task_for_me(business: tuple[str, int]) -> WorkItem | None:
    """Return the open task that falls to one of the person's posts or was given to them (转办).

    None when it is others' or drawn for one person, whose own page offers it, and while the
    process is halted: its page says so.
    """
    if care.halt_of(business) is not None:
        return None
    mine = (
        item
        for item in open_items(business)
        if not item.is_personal and may_take(item, current_user.id, grants())
    )
    return next(mine, None)
