"""What units have been sent of people's portfolios (业绩档案), and so what others see of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import CompoundSelect, Select, SQLColumnExpression, select, union_all
from sqlalchemy.orm import aliased, selectinload

from app.core.db import db
from app.portfolio import item_types
from app.portfolio.item_types import ItemType
from app.portfolio.models import DRAFT, RETURNED, ItemMark, ItemSentFile, PortfolioItem
from app.units.models import ACTIVE, Employment


@dataclass(frozen=True)
class Seen:
    """An item as others than its owner read it."""

    kind: ItemType
    data: Mapping[str, Any]
    summary: str
    occurred_on: date | None


def show_as_sent(item: PortfolioItem) -> None:
    """Note what others read, open and compare of an item until it is sent again."""
    item.seen_occurred_on, item.seen_words = item.occurred_on, item.words
    claimed = item_types.marks_of(item_types.of(item), item.data)
    kept = [each for each in item.marks if each.mark in claimed]
    new = claimed - {each.mark for each in kept}
    item.marks = kept + [ItemMark(mark=mark) for mark in sorted(new)]
    held = {(file.slot, file.file_id) for file in item.files}
    known = [each for each in item.sent_files if (each.slot, each.file_id) in held]
    fresh = held - {(each.slot, each.file_id) for each in known}
    item.sent_files = known + [ItemSentFile(slot=slot, file_id=id_) for slot, id_ in sorted(fresh)]


class Columns(NamedTuple):
    """By which columns items are dated, searched and put in order."""

    occurred_on: SQLColumnExpression[date | None]
    words: SQLColumnExpression[str]
    updated_at: SQLColumnExpression[datetime] | SQLColumnExpression[datetime | None]


def columns_of(items: type[PortfolioItem]) -> Columns:
    """Return the columns of a list: of the table itself, its owner's, those that are typed.

    Of what units were sent (`sent_to`) they are those of `seen_of`.
    """
    if items is PortfolioItem:
        return Columns(items.occurred_on, items.words, items.updated_at)
    return as_sent(items)


def as_sent(items: type[PortfolioItem]) -> Columns:
    """Return the columns by which others than its owner find an item."""
    return Columns(items.seen_occurred_on, items.seen_words, items.seen_updated_at)


def seen_of(item: PortfolioItem) -> Seen:
    """Return an item as others read it: while it is changed nobody reads over a shoulder.

    What was returned is read as it was sent, what is changed after its approval as approved.
    """
    sent = item.last_submission if item.status == RETURNED else None
    if sent is not None:
        kind = item_types.under(item.type_key, sent.type_version)
        summary = item_types.summary_of(kind, sent.data)
        return Seen(kind, sent.data, summary, item.seen_occurred_on)
    record = item.current_version if item.status == DRAFT and item.current_version else item
    return Seen(item_types.of(record), record.data, record.summary, record.occurred_on)


def read_sent(items: Iterable[PortfolioItem]) -> None:
    """Read at once what was sent of those items that are read as they were sent."""
    ids = [item.id for item in items if item.status == RETURNED]
    if ids:
        sent = selectinload(PortfolioItem.submissions)
        wanted = select(PortfolioItem).where(PortfolioItem.id.in_(ids)).options(sent)
        db.session.scalars(wanted).all()


@lru_cache(maxsize=32)
def sent_to(*unit_ids: int) -> type[PortfolioItem]:
    """Return the items that units have been sent, as a table to select from (FJ-U-08).

    They are what the units review, and what their people had reviewed elsewhere, as before they
    came. One half has nothing of the other, so each is read by its own index: who asks for
    either at once has the database read everybody's. Made anew, the table would cost each query
    of a page more than many of them take.
    """
    sent = select(PortfolioItem).where(PortfolioItem.status != DRAFT)
    halves = union_all(
        sent.where(PortfolioItem.reviewing_unit_id.in_(unit_ids)),
        sent.where(
            PortfolioItem.reviewing_unit_id.not_in(unit_ids),
            PortfolioItem.person_id.in_(_staff_of(unit_ids)),
        ),
    )
    return aliased(PortfolioItem, halves.subquery("sent"))


def senders_to(unit_ids: Sequence[int]) -> CompoundSelect[tuple[int]]:
    """Select whose items `sent_to` has: of each of the units' people one item is looked at."""
    sent = select(PortfolioItem.person_id).where(PortfolioItem.status != DRAFT)
    theirs = sent.where(PortfolioItem.person_id == Employment.person_id)
    return union_all(
        sent.where(PortfolioItem.reviewing_unit_id.in_(unit_ids)),
        _staff_of(unit_ids).where(theirs.exists()),
    )


def _staff_of(unit_ids: Sequence[int]) -> Select[tuple[int]]:
    return select(Employment.person_id).where(
        Employment.unit_id.in_(unit_ids), Employment.status == ACTIVE
    )
