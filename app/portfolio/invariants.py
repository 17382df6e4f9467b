"""Laws between the tables of the portfolio."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import and_, func, select

from app.core.db import db
from app.core.invariants import invariant
from app.portfolio.models import DRAFT, ItemSentFile, ItemSubmission, PortfolioItem

AT_ONCE = 1000


@invariant("业绩最近一次提交的附件与他人可打开的附件一致")
def others_open_what_was_sent_last() -> list[str]:
    """What units open and compare of an item is what its last submission names."""
    last = (
        select(func.max(ItemSubmission.no))
        .where(ItemSubmission.item_id == PortfolioItem.id)
        .correlate(PortfolioItem)
        .scalar_subquery()
    )
    is_last = and_(ItemSubmission.item_id == PortfolioItem.id, ItemSubmission.no == last)
    sent = (
        select(PortfolioItem.id, ItemSubmission.files)
        .outerjoin(ItemSubmission, is_last)
        .where(PortfolioItem.status != DRAFT)
        .order_by(PortfolioItem.id)
        .execution_options(yield_per=AT_ONCE)
    )
    astray: list[int] = []
    for rows in db.session.execute(sent).partitions():
        opened = _opened([item_id for item_id, _files in rows])
        for item_id, files in rows:
            if opened[item_id] != {(file["slot"], file["file_id"]) for file in files or ()}:
                astray.append(item_id)
    return [f"业绩 {number} 的附件与最近一次提交的不一致" for number in astray]


def _opened(item_ids: Sequence[int]) -> dict[int, set[tuple[str, int]]]:
    found: dict[int, set[tuple[str, int]]] = defaultdict(set)
    held = select(ItemSentFile.item_id, ItemSentFile.slot, ItemSentFile.file_id)
    for item_id, slot, file_id in db.session.execute(
        held.where(ItemSentFile.item_id.in_(item_ids))
    ):
        found[item_id].add((slot, file_id))
    return found
