"""What units have been sent of people's portfolios (业绩档案)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select, union_all
from sqlalchemy.orm import aliased, selectinload

from app.core.db import db
from app.portfolio import item_types
from app.portfolio.item_types import ItemType
from app.portfolio.models import DRAFT, RETURNED, PortfolioItem
from app.units.models import ACTIVE, Employment


@dataclass(frozen=True)
class Seen:
    """An item as others than its owner read it."""

    kind: ItemType
    data: Mapping[str, Any]
    summary: str
    occurred_on: date | None
    files: int | None = None
    """How many attachments it had then; none where they are those it has."""


def seen_of(item: PortfolioItem) -> Seen:
    """Return an item as others read it: while it is changed nobody reads over a shoulder.

    What was returned is read as it was sent, what is changed after its approval as approved.
    """
    sent = item.last_submission if item.status == RETURNED else None
    if sent is not None:
        kind = item_types.under(item.type_key, sent.type_version)
        summary = item_types.summary_of(kind, sent.data)
        return Seen(kind, sent.data, summary, kind.occurred_on(sent.data), len(sent.files))
    record = item.current_version if item.status == DRAFT and item.current_version else item
    return Seen(item_types.of(record), record.data, record.summary, record.occurred_on)


def read_sent(items: Iterable[PortfolioItem]) -> None:
    """Read at once what was sent of those items that are read as they were sent."""
    ids = [item.id for item in items if item.status == RETURNED]
    if ids:
        sent = selectinload(PortfolioItem.submissions)
        wanted = select(PortfolioItem).where(PortfolioItem.id.in_(ids)).options(sent)
        db.session.scalars(wanted).all()


def sent_to(unit_ids: Sequence[int]) -> type[PortfolioItem]:
    """Return the items that units have been sent, as a table to select from (FJ-U-08).

    They are what the units review, and what their people had reviewed elsewhere, as before they
    came. One half has nothing of the other, so each is read by its own index: who asks for
    either at once has the database read everybody's.
    """
    sent = select(PortfolioItem).where(PortfolioItem.status != DRAFT)
    staff = select(Employment.person_id).where(
        Employment.unit_id.in_(unit_ids), Employment.status == ACTIVE
    )
    halves = union_all(
        sent.where(PortfolioItem.reviewing_unit_id.in_(unit_ids)),
        sent.where(
            PortfolioItem.reviewing_unit_id.not_in(unit_ids), PortfolioItem.person_id.in_(staff)
        ),
    )
    return aliased(PortfolioItem, halves.subquery("sent"))
