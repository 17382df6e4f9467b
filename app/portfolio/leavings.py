"""What an item has no more: files that nobody reads any longer are not kept for ever."""

from collections.abc import Collection

from app.core.db import db
from app.core.sweeping import forget_files
from app.portfolio.models import PortfolioItem


def leave_files(item: PortfolioItem, file_ids: Collection[int]) -> None:
    """Forget files that were taken out of an item; its copies and versions keep theirs.

    If it was never sent, they go at once. What was sent is read as it was until the item is sent
    again: such files are swept when nothing has them.
    """
    if not file_ids or item.submissions:
        return
    db.session.flush()
    forget_files(sorted(file_ids))
