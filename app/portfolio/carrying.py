"""从上一年复制: items of types that come every year, carried over as drafts, each once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.accounts.models import Person
from app.core.clock import ZONE
from app.core.db import db
from app.core.errors import Conflict, Invalid
from app.portfolio import item_types, queries
from app.portfolio.item_types import ItemType
from app.portfolio.models import DRAFT, ItemFile, PortfolioItem
from app.portfolio.operations import create_item, record_event
from app.portfolio.origins import hold_portfolio, origin_of
from app.portfolio.sight import seen_of

WAY = "year"
CHANGED = "所选业绩已有变化，请刷新页面后重新勾选"
DAYS = frozenset({"date", "month"})


@dataclass(frozen=True)
class Source:
    """An item of last year: what stands for it already, and what else the year has of its type."""

    item: PortfolioItem
    kind: ItemType
    taken: PortfolioItem | None = None
    others: int = 0


def year_field(kind: ItemType) -> str:
    """Return the field that says of which year an item is; nothing for types dated otherwise."""
    names = kind.date_fields
    is_year = len(names) == 1 and kind.form.field(names[0]).type == "integer"
    return names[0] if is_year else ""


def yearly_types() -> list[ItemType]:
    """Return the types whose items come every year (年度考核, 继续教育, 工作量)."""
    return [kind for kind in item_types.all_types() if year_field(kind)]


def types_for(person_id: int) -> list[ItemType]:
    """Return those of them that a person may have: what only other title series have is none."""
    branches = queries.tree_of_person(person_id)
    offered = {count.kind.key for branch in branches for count in branch.counts}
    return [kind for kind in yearly_types() if kind.key in offered]


def not_yet(year: int, now: datetime) -> str:
    """Return why nothing may be carried over to a year that is still to come, or nothing."""
    return f"{year} 年尚未到来，不能复制" if year > this_year(now) else ""


def this_year(now: datetime) -> int:
    """Return the year up to which items may be carried over."""
    return now.astimezone(ZONE).year


def year_after(item: PortfolioItem, now: datetime) -> int:
    """Return the year to which an item may be carried over; 0 where there is none yet."""
    yearly = item.type_key in {kind.key for kind in yearly_types()}
    year = item.occurred_on.year + 1 if yearly and item.occurred_on else 0
    return year if year <= this_year(now) else 0


def years_to(person_id: int, now: datetime) -> list[int]:
    """Return the years to which somebody has something to carry over, latest first."""
    found = {item.occurred_on.year + 1 for item in _yearly(person_id) if item.occurred_on}
    return sorted((year for year in found if year <= this_year(now)), reverse=True)


def _yearly(person_id: int, year: int | None = None) -> list[PortfolioItem]:
    wanted = select(PortfolioItem).where(
        PortfolioItem.person_id == person_id,
        PortfolioItem.type_key.in_([kind.key for kind in yearly_types()]),
    )
    if year is not None:
        span = date(year, 1, 1), date(year, 12, 31)
        wanted = wanted.where(PortfolioItem.occurred_on.between(*span))
    wanted = wanted.options(selectinload(PortfolioItem.files))
    return list(db.session.scalars(wanted.order_by(PortfolioItem.id)))


def others_of_year(item: PortfolioItem, *, as_sent: bool) -> list[tuple[int, str]]:
    """Return a person's other items of one year and one type that comes every year, in words.

    Reviewers are told of those that were sent to a unit. Of what stands once a year by itself
    there are none: `unique` refuses them.
    """
    if not item.occurred_on or not year_field(item_types.of(item)):
        return []
    others = _yearly(item.person_id, item.occurred_on.year)
    return [
        (each.id, seen_of(each).summary if as_sent else each.summary)
        for each in others
        if each.id != item.id and each.type_key == item.type_key
        if not as_sent or each.status != DRAFT
    ]


def sources_for(person_id: int, year: int) -> list[Source]:
    """Return what a person may carry over to a year: the items of the one before it."""
    if not date.min.year < year <= date.max.year:
        return []
    there = _yearly(person_id, year)
    by_origin = {item.origin: item for item in there if item.origin}
    alone = {item.type_key: item for item in there if _stands_alone(item.type_key)}
    found = [
        Source(
            item,
            item_types.get(item.type_key),
            by_origin.get(origin_of(WAY, item.id, year)) or alone.get(item.type_key),
            sum(other.type_key == item.type_key for other in there),
        )
        for item in _yearly(person_id, year - 1)
    ]
    keys = [kind.key for kind in yearly_types()]
    return sorted(found, key=lambda source: (keys.index(source.kind.key), source.item.id))


def _stands_alone(type_key: str) -> bool:
    """Tell whether a year has one item of a type alone (年度考核)."""
    kind = item_types.get(type_key)
    return year_field(kind) in kind.unique_fields


def carry_over(
    item_ids: Collection[int], year: int, *, with_files: bool, actor: Person, now: datetime
) -> list[PortfolioItem]:
    """Make drafts for a year of the chosen items of the one before; returns the new ones.

    What was carried over already is passed over. Invalid where nothing was chosen or the year is
    still to come, Conflict where a chosen item is no item of the person's year before.
    """
    if not item_ids:
        raise Invalid("请先勾选要复制的业绩", field="id")
    if fault := not_yet(year, now):
        raise Invalid(fault, field="year")
    hold_portfolio(actor.id)
    sources = {source.item.id: source for source in sources_for(actor.id, year)}
    if not set(item_ids) <= sources.keys():
        raise Conflict(CHANGED)
    wanted = [source for key, source in sources.items() if key in item_ids and not source.taken]
    return [_carried(source, year, actor, now, with_files=with_files) for source in wanted]


def _carried(
    source: Source, year: int, actor: Person, now: datetime, *, with_files: bool
) -> PortfolioItem:
    item = source.item
    twin = create_item(
        source.kind.key,
        actor=actor,
        now=now,
        data=_moved(source.kind, item.data, year),
        origin=origin_of(WAY, item.id, year),
    )
    for file in item.files if with_files else ():
        twin.files.append(
            ItemFile(slot=file.slot, file_id=file.file_id, name=file.name, position=file.position)
        )
    db.session.flush()
    record_event(twin, "copied", actor, now, source=item.id)
    return twin


def _moved(kind: ItemType, data: dict[str, Any], year: int) -> dict[str, Any]:
    """Return the answers for another year: days of the old one are to be told anew.

    What one item alone may have stays where it is.
    """
    left = {field.name for field in kind.form.fields if field.type in DAYS}
    left.update(kind.unique_fields)
    kept = {name: value for name, value in data.items() if name not in left}
    return {**kept, year_field(kind): year}


def marked(sources: Sequence[Source], picked: Collection[int]) -> list[tuple[Source, bool]]:
    """Return the sources with whether each is ticked when the page opens.

    Without a choice those are that have no counterpart in the year yet.
    """
    return [
        (each, not each.taken and (each.item.id in picked if picked else not each.others))
        for each in sources
    ]
