"""What an item has no more: files that nobody was ever sent are not kept for ever."""

from collections.abc import Collection

from app.core.db import db
from app.core.storage import forget_files
from app.portfolio.models import PortfolioItem


def forget_unsent(item: PortfolioItem, file_ids: Collection[int]) -> None:
    """Forget files that were taken out of an item, if it was never sent; its copies keep theirs.

    What was sent once stays to be read as it was, whatever its owner takes out since.
    """
    if file_ids and not item.submissions:
        db.session.flush()
        forget_files(sorted(file_ids))
