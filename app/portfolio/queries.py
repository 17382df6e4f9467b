"""Reads of the portfolio, and who tells where its items are used."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Row, Select, case, func, or_, select
from sqlalchemy.orm import defer, selectinload

from app.accounts.models import Person
from app.core import search
from app.core.db import db
from app.core.errors import Forbidden, NotFound
from app.core.permissions import Grant
from app.people.queries import series_of
from app.portfolio import item_types
from app.portfolio.item_types import ItemType
from app.portfolio.models import (
    APPROVED,
    SUBMITTED,
    ItemSentFile,
    ItemSubmission,
    ItemVersion,
    ItemVersionFile,
    ItemWithdrawal,
    PortfolioItem,
)
from app.portfolio.sight import Columns, columns_of, senders_to, sent_to

Items = Select[tuple[PortfolioItem]]
GONE = "该业绩不存在，或已被删除"
"""What everybody is told of an item that is not there, or not theirs to see."""
READERS = ("unit_clerk", "unit_admin")
"""Who reads what the people of a unit have submitted."""
Usage = Callable[[Sequence[int]], dict[int, list[str]]]
_usages: list[Usage] = []


def register_usage(usage: Usage) -> Usage:
    """Register fn(item ids) -> {item id: where it is used}, called for pages of items."""
    if usage not in _usages:
        _usages.append(usage)
    return usage


def usages_of(item_ids: Sequence[int]) -> dict[int, list[str]]:
    """Return where items are used, in the words of the rooms that use them."""
    found: dict[int, list[str]] = {}
    for usage in _usages:
        for item_id, places in usage(item_ids).items():
            found.setdefault(item_id, []).extend(places)
    return found


def item_of(item_id: int, *, for_update: bool = False) -> PortfolioItem:
    """Return an item, locked for a write if asked; NotFound when there is none."""
    item = db.session.get(
        PortfolioItem, item_id, with_for_update=for_update or None, populate_existing=for_update
    )
    if item is None:
        raise NotFound(GONE)
    return item


def approved_items(person_id: int, type_keys: Iterable[str] | None = None) -> list[ItemVersion]:
    """Return the approved versions of a person's items that declarations may take (FJ-P-12)."""
    found = (
        select(ItemVersion)
        .join(PortfolioItem, PortfolioItem.current_version_id == ItemVersion.id)
        .where(PortfolioItem.person_id == person_id, PortfolioItem.status == APPROVED)
        .order_by(ItemVersion.occurred_on.desc(), ItemVersion.id.desc())
    )
    if type_keys is not None:
        found = found.where(ItemVersion.type_key.in_(list(type_keys)))
    return list(db.session.scalars(found))


def table_of(query: Items) -> type[PortfolioItem]:
    """Return the table that a query reads: all items, or those that units have been sent."""
    found: type[PortfolioItem] = query.column_descriptions[0]["entity"]
    return found


@dataclass(frozen=True)
class Filters:
    """What a person asked to see of a list of items."""

    type_key: str = ""
    group: str = ""
    status: str = ""
    year: int | None = None
    text: str = ""

    @property
    def type_keys(self) -> list[str] | None:
        """Return the types that are asked for: one, or those of a category; None for all."""
        if self.type_key:
            return [self.type_key]
        if not self.group:
            return None
        return [kind.key for kind in item_types.all_types() if kind.category == self.group]

    def conditions(
        self, items: type[PortfolioItem], columns: Columns
    ) -> list[ColumnElement[bool]]:
        """Return these wishes as conditions on items."""
        wanted = search.holds(columns.words, self.text)
        if self.type_keys is not None:
            wanted.append(items.type_key.in_(self.type_keys))
        if self.status:
            wanted.append(items.status == self.status)
        if self.year:
            first, last = date(self.year, 1, 1), date(self.year, 12, 31)
            wanted.append(columns.occurred_on.between(first, last))
        return wanted

    def narrow(self, query: Items) -> Items:
        """Return the query for these wishes, newest first."""
        items = table_of(query)
        columns = columns_of(items)
        query = query.where(*self.conditions(items, columns)).options(selectinload(items.person))
        return query.order_by(columns.updated_at.desc(), items.id.desc())


def items_of(person_id: int, filters: Filters) -> Items:
    """Select a person's items."""
    return filters.narrow(select(PortfolioItem).where(PortfolioItem.person_id == person_id))


def with_opinions(query: Items) -> Items:
    """Have what units said of the items read with them, without what was sent to them."""
    said = selectinload(table_of(query).submissions)
    return query.options(said.options(defer(ItemSubmission.data), defer(ItemSubmission.files)))


def years_of(person_id: int) -> list[int]:
    """Return the years a person has items of, latest first."""
    year = func.extract("year", PortfolioItem.occurred_on)
    found = select(year).where(
        PortfolioItem.person_id == person_id, PortfolioItem.occurred_on.is_not(None)
    )
    return [int(each) for each in db.session.scalars(found.distinct().order_by(year.desc()))]


def _seen_by(unit_ids: Sequence[int]) -> Items:
    """Select what units have been sent, to ask whether some items are of it."""
    return select(PortfolioItem).where(PortfolioItem.id.in_(select(sent_to(*unit_ids).id)))


def sent_items(unit_ids: Sequence[int], person_id: int | None = None) -> Items:
    """Select what units have been sent, by one person if asked."""
    items = sent_to(*unit_ids)
    query = select(items)
    return query.where(items.person_id == person_id) if person_id else query


def items_for_units(
    unit_ids: Sequence[int], filters: Filters, person_id: int | None = None
) -> Items:
    """Select what the people of units have submitted (业绩档案, FJ-U-08)."""
    return filters.narrow(sent_items(unit_ids, person_id))


def people_of_units(unit_ids: Sequence[int]) -> Sequence[Row[tuple[int, str]]]:
    """Return the id and the name of those whose items units have been sent, by name."""
    named = select(Person.id, Person.name).where(Person.id.in_(senders_to(unit_ids)))
    return db.session.execute(named.order_by(Person.name, Person.id)).all()


@dataclass(frozen=True)
class Count:
    """How many items of a type there are, how many are approved (1/1), and how many wait."""

    kind: ItemType
    total: int
    approved: int
    waiting: int


@dataclass(frozen=True)
class Branch:
    """A category of the tree with the counts of its types."""

    name: str
    counts: tuple[Count, ...]

    @property
    def total(self) -> int:
        """All items of the category."""
        return sum(count.total for count in self.counts)

    @property
    def approved(self) -> int:
        """Approved items of the category."""
        return sum(count.approved for count in self.counts)


def _tree(query: Items) -> list[Branch]:
    items = table_of(query)
    rows = db.session.execute(
        query.with_only_columns(
            items.type_key,
            func.count(),
            func.sum(case((items.status == APPROVED, 1), else_=0)),
            func.sum(case((items.status == SUBMITTED, 1), else_=0)),
        ).group_by(items.type_key)
    )
    numbers = {row[0]: tuple(map(int, row[1:])) for row in rows}
    counts = [Count(kind, *numbers.get(kind.key, (0, 0, 0))) for kind in item_types.all_types()]
    groups = dict.fromkeys(count.kind.category for count in counts)
    return [
        Branch(group, tuple(c for c in counts if c.kind.category == group)) for group in groups
    ]


def chosen_of(tree: Iterable[Branch], filters: Filters) -> list[Count]:
    """Return the counts of what is chosen in a tree: a type, a category, or all (FJ-U-06)."""
    keys = filters.type_keys
    return [c for branch in tree for c in branch.counts if keys is None or c.kind.key in keys]


def tree_of_person(person_id: int) -> list[Branch]:
    """Return the categories with the counts (all/approved) of a person (FJ-U-07).

    What only other title series have is left out, unless the person has some.
    """
    series = {each.name for each in series_of(person_id)}
    branches = _tree(select(PortfolioItem).where(PortfolioItem.person_id == person_id))
    own = [
        Branch(
            branch.name,
            tuple(
                count
                for count in branch.counts
                if count.total or not count.kind.series or series & set(count.kind.series)
            ),
        )
        for branch in branches
    ]
    return [branch for branch in own if branch.counts]


def may_have(person_id: int, kind: ItemType) -> bool:
    """Tell whether the tree of a person has a type, as `tree_of_person` judges."""
    if not kind.series or {each.name for each in series_of(person_id)} & set(kind.series):
        return True
    typed = (PortfolioItem.person_id == person_id, PortfolioItem.type_key == kind.key)
    return db.session.scalar(select(PortfolioItem.id).where(*typed).limit(1)) is not None


def refuse_other_series(person_id: int, kind: ItemType) -> None:
    """Raise Forbidden, with what to do, for a type that a person's tree has not."""
    if not may_have(person_id, kind):
        series = "、".join(kind.series)
        raise Forbidden(f"“{kind.title}”供{series}系列填报，请先在“个人信息”中选择该职称系列")


def lacking_types(person_id: int) -> list[ItemType]:
    """Return what a person's title series ask of the portfolio if nothing of it is typed yet."""
    special = item_types.special_to({each.name for each in series_of(person_id)})
    if not special:
        return []
    typed = select(PortfolioItem.id).where(
        PortfolioItem.person_id == person_id,
        PortfolioItem.type_key.in_([kind.key for kind in special]),
    )
    return special if db.session.scalar(typed.limit(1)) is None else []


def approved_special(person_id: int, series: str) -> tuple[list[ItemType], int]:
    """Return the types that only this title series has, and how many a person has approved."""
    special = item_types.special_to({series})
    if not special:
        return [], 0
    counted = select(func.count(PortfolioItem.id)).where(
        PortfolioItem.person_id == person_id,
        PortfolioItem.status == APPROVED,
        PortfolioItem.type_key.in_([kind.key for kind in special]),
    )
    return special, db.session.scalar(counted) or 0


def tree_of_units(unit_ids: Sequence[int], person_id: int | None = None) -> list[Branch]:
    """Return the categories with the counts of what units have been sent (FJ-U-06, FJ-U-07)."""
    return _tree(sent_items(unit_ids, person_id))


def status_counts(person_id: int) -> dict[str, int]:
    """Return how many items of a person stand in which state."""
    rows = db.session.execute(
        select(PortfolioItem.status, func.count(PortfolioItem.id))
        .where(PortfolioItem.person_id == person_id)
        .group_by(PortfolioItem.status)
    )
    return {row[0]: row[1] for row in rows}


def submitted_to(person_id: int, unit_ids: Collection[int]) -> int:
    """Count the items of a person that wait for one of these units to audit them."""
    waiting = select(func.count(PortfolioItem.id)).where(
        PortfolioItem.person_id == person_id,
        PortfolioItem.status == SUBMITTED,
        PortfolioItem.reviewing_unit_id.in_(unit_ids),
    )
    return db.session.scalar(waiting) or 0


def asked_of(person_id: int, unit_ids: Collection[int]) -> int:
    """Count the requests to change approved items on which one of these units has to decide."""
    waiting = (
        select(func.count(ItemWithdrawal.id))
        .join(PortfolioItem, PortfolioItem.id == ItemWithdrawal.item_id)
        .where(
            PortfolioItem.person_id == person_id,
            PortfolioItem.reviewing_unit_id.in_(unit_ids),
            ItemWithdrawal.decision.is_(None),
        )
    )
    return db.session.scalar(waiting) or 0


def last_withdrawal(item_id: int) -> ItemWithdrawal | None:
    """Return the latest request to open an item for change."""
    asked = select(ItemWithdrawal).where(ItemWithdrawal.item_id == item_id)
    return db.session.scalars(asked.order_by(ItemWithdrawal.id.desc()).limit(1)).first()


def open_withdrawal(item_id: int) -> ItemWithdrawal | None:
    """Return the request that waits for the unit."""
    last = last_withdrawal(item_id)
    return last if last is not None and last.decision is None else None


def units_where(grants: Iterable[Grant], roles: Collection[str] = READERS) -> list[int]:
    """Return the units for which somebody holds one of these roles, each once."""
    held = (
        grant.scope_id
        for grant in grants
        if grant.role in roles and grant.scope_kind == "org" and grant.scope_id is not None
    )
    return list(dict.fromkeys(held))


def seen_among(item_ids: Sequence[int], unit_ids: Sequence[int]) -> set[int]:
    """Return which of these items were sent to one of these units."""
    if not item_ids or not unit_ids:
        return set()
    seen = _seen_by(unit_ids).with_only_columns(PortfolioItem.id)
    return set(db.session.scalars(seen.where(PortfolioItem.id.in_(item_ids))))


def items_sent_with(file_id: int) -> Select[tuple[int]]:
    """Select the items that a file was last sent with."""
    return select(ItemSentFile.item_id).where(ItemSentFile.file_id == file_id)


def reviewers_items_with_file(file_id: int, unit_ids: Sequence[int]) -> bool:
    """Tell whether a file stands in what units were sent last, or stood when it was approved."""
    seen = _seen_by(unit_ids).with_only_columns(PortfolioItem.id)
    held = select(ItemSentFile.item_id).where(
        ItemSentFile.file_id == file_id, ItemSentFile.item_id.in_(seen)
    )
    once = (
        select(ItemVersionFile.id)
        .join(ItemVersion, ItemVersion.id == ItemVersionFile.version_id)
        .where(ItemVersionFile.file_id == file_id, ItemVersion.item_id.in_(seen))
    )
    return db.session.scalar(select(or_(held.exists(), once.exists()))) is True
