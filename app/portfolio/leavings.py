"""What an item has no more: files that nobody reads any longer are not kept for ever."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select

from app.core.db import db
from app.core.storage import StoredFile
from app.core.sweeping import forget_files, let_go
from app.portfolio.models import PortfolioItem


def forget_unsent(file_ids: Collection[int]) -> None:
    """Forget files of what was never sent; one that was sent elsewhere has its time to go."""
    unsent = select(StoredFile.id).where(
        StoredFile.id.in_(file_ids), StoredFile.let_go_at.is_(None)
    )
    forget_files(sorted(db.session.scalars(unsent)))


def leave_files(item: PortfolioItem, file_ids: Collection[int], now: datetime) -> None:
    """Forget files that were taken out of an item; its copies and versions keep theirs.

    If it was never sent, they go at once. What was sent is read as it was until the item is sent
    again: such files are let go, and swept when nothing has them.
    """
    if not file_ids:
        return
    db.session.flush()
    if item.submissions:
        let_go(file_ids, now)
    else:
        forget_unsent(file_ids)
