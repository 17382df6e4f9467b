"""Approved versions of an item: all are kept, and who imported one is told of a later one."""

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import aliased

from app.core.db import db
from app.core.errors import NotFound
from app.portfolio.models import APPROVED, ItemVersion, PortfolioItem


def versions_of(item_id: int) -> Sequence[ItemVersion]:
    """Return what was approved of an item, the latest first."""
    kept = select(ItemVersion).where(ItemVersion.item_id == item_id)
    return db.session.scalars(kept.order_by(ItemVersion.no.desc())).all()


def version_of(item_id: int, no: int) -> ItemVersion:
    """Return a version by its number; NotFound where there is none."""
    for version in versions_of(item_id):
        if version.no == no:
            return version
    raise NotFound("没有这一版业绩")


def older_among(version_ids: Collection[int]) -> dict[int, str]:
    """Return which of these versions are no longer what the portfolio holds, each in words.

    An item that was taken back (撤回) and not approved again holds none for the time being.
    """
    if not version_ids:
        return {}
    current = aliased(ItemVersion)
    rows = db.session.execute(
        select(ItemVersion.id, ItemVersion.no, current.no, PortfolioItem.status)
        .join(PortfolioItem, PortfolioItem.id == ItemVersion.item_id)
        .join(current, current.id == PortfolioItem.current_version_id)
        .where(ItemVersion.id.in_(version_ids))
    ).tuples()
    return {
        version_id: f"本申报使用第 {no} 版，{_now(latest, status)}"
        for version_id, no, latest, status in rows
        if no != latest or status != APPROVED
    }


def _now(latest: int, status: str) -> str:
    if status == APPROVED:
        return f"业绩库中现为第 {latest} 版"
    return "业绩库中已撤回修改，尚未再次通过审核"
