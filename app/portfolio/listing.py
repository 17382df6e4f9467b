"""业绩清单: a person's items, or what a unit has been sent, as a list on paper and as files."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import load_only, selectinload

from app.accounts.models import Person
from app.core.db import db
from app.portfolio import item_types, queries
from app.portfolio.models import STATES, ItemFile, ItemSentFile, ItemVersion, PortfolioItem
from app.portfolio.queries import Filters
from app.portfolio.sight import Seen, columns_of, read_sent, seen_of
from app.units.models import Unit
from app.units.queries import unit_of
from forms.items import CATEGORIES

# Drawing 300 takes the press two or three seconds; others wait for it meanwhile.
PRINTED, EXPORTED = 300, 5000
HEADS = ("序号", "类别", "类型", "内容", "时间", "个人排名", "附件", "状态", "通过时间")
NAMED_HEADS = ("序号", "姓名", *HEADS[1:])
FORMER = "其他"
"""Where items stand whose type is no longer described."""
ADVICE = "请按类型、年份或人员筛选后分别打印"


@dataclass(frozen=True)
class Entry:
    """An item as the list has it."""

    no: int
    name: str
    category: str
    type: str
    summary: str
    date: str
    rank: str
    files: int
    state: str
    approved: str

    def cells(self, *, named: bool) -> tuple[object, ...]:
        """Return what stands in a row of a file."""
        who = (self.name,) if named else ()
        what = (self.category, self.type, self.summary, self.date, self.rank, self.files)
        return (self.no, *who, *what, self.state, self.approved)


@dataclass(frozen=True)
class Group:
    """A category of a list: the entries that it has room for, and how many there are in all."""

    category: str
    entries: Sequence[Entry]
    total: int

    @property
    def count(self) -> str:
        """How many there are, in words that do not hide what is left out."""
        given = len(self.entries)
        if given == self.total:
            return f"{given} 项"
        return f"共 {self.total} 项，" + (f"以下列出前 {given} 项" if given else "未列出")


@dataclass(frozen=True)
class Listing:
    """A list: whose it is, what was asked for, and its entries in the order of the tree."""

    title: str
    owner: str
    wishes: str
    entries: Sequence[Entry]
    # How many there are of each category, whether or not the list has room for them.
    totals: Mapping[str, int]
    drawn_at: datetime
    # Whether it has the items of several people, so that each says whose it is.
    named: bool = False

    @property
    def total(self) -> int:
        """How many there are in all."""
        return sum(self.totals.values())

    @property
    def cut(self) -> str:
        """What people are told of a list that paper has no room for; nothing otherwise."""
        if self.total <= len(self.entries):
            return ""
        files = "全部" if self.total <= EXPORTED else f"前 {EXPORTED} 项"
        kept = f"打印和 PDF 只含前 {len(self.entries)} 项，Excel 和 CSV 含{files}"
        return f"共 {self.total} 项，{kept}；{ADVICE}"

    @property
    def heads(self) -> Sequence[str]:
        """The headings of a file."""
        return NAMED_HEADS if self.named else HEADS

    @property
    def rows(self) -> list[tuple[object, ...]]:
        """The rows of a file."""
        return [entry.cells(named=self.named) for entry in self.entries]

    @property
    def groups(self) -> Iterator[Group]:
        """The categories in the order of the tree, each with its entries."""
        for category in (*CATEGORIES, FORMER):
            entries = [entry for entry in self.entries if entry.category == category]
            if total := self.totals.get(category):
                yield Group(category, entries, total)


def list_of_person(person: Person, filters: Filters, now: datetime, *, most: int) -> Listing:
    """Return the list of somebody's own items (个人业绩清单)."""
    unit = unit_of(person.id)
    owner = f"{person.name}（{unit.name}）" if unit else person.name
    entries, totals = _entries(queries.items_of(person.id, filters), most, as_sent=False)
    return Listing("个人业绩清单", owner, wishes_in(filters), entries, totals, now)


def list_of_units(
    unit_ids: Sequence[int], filters: Filters, person_id: int | None, now: datetime, *, most: int
) -> Listing:
    """Return the list of what units have been sent, of one person if asked (业绩档案清单)."""
    names = db.session.scalars(select(Unit.name).where(Unit.id.in_(unit_ids)).order_by(Unit.id))
    owner = "、".join(names)
    # Whose nobody was sent anything of is not named either.
    of = next((p for p in queries.people_of_units(unit_ids) if p.id == person_id), None)
    items = queries.items_for_units(unit_ids, filters, person_id)
    entries, totals = _entries(items, most, as_sent=True)
    wishes = "；".join(filter(None, (f"职工：{of.name}" if of else "", wishes_in(filters))))
    return Listing("业绩档案清单", owner, wishes, entries, totals, now, named=True)


def wishes_in(filters: Filters) -> str:
    """Return in words what a list was narrowed to; nothing for a whole one."""
    kinds = {kind.key: kind.title for kind in item_types.all_types()}
    said = (
        ("类别", "" if filters.type_key else filters.group),
        ("类型", kinds.get(filters.type_key, "")),
        ("状态", STATES.get(filters.status, "")),
        ("年份", str(filters.year or "")),
        ("内容含", filters.text.strip()),
    )
    return "；".join(f"{label}：{text}" for label, text in said if text)


def _as_typed(item: PortfolioItem) -> Seen:
    """Return an item as its owner reads it."""
    return Seen(item_types.of(item), item.data, item.summary, item.occurred_on)


def _entries(
    query: Select[tuple[PortfolioItem]], most: int, *, as_sent: bool
) -> tuple[list[Entry], Mapping[str, int]]:
    """Return the first entries of a list, and how many there are of each category in all.

    Its owner reads it as it is typed, others as it was sent.
    """
    items = db.session.scalars(_printed(_in_order(query)).limit(most)).all()
    if as_sent:
        read_sent(items)
    ids = [item.id for item in items]
    approved, files = _approvals(ids), _attachments(ItemSentFile if as_sent else ItemFile, ids)
    categories = _categories()
    found = [
        _entry(
            no,
            item,
            categories.get(item.type_key, FORMER),
            seen_of(item) if as_sent else _as_typed(item),
            approved.get(item.id),
            files.get(item.id, 0),
        )
        for no, item in enumerate(items, 1)
    ]
    return found, _totals(query)


def _totals(query: Select[tuple[PortfolioItem]]) -> Mapping[str, int]:
    of = queries.table_of(query)
    counted = query.with_only_columns(of.type_key, func.count()).order_by(None)
    categories = _categories()
    totals: Counter[str] = Counter()
    for key, number in db.session.execute(counted.group_by(of.type_key)).tuples():
        totals[categories.get(key, FORMER)] += number
    return totals


def _categories() -> Mapping[str, str]:
    return {kind.key: kind.category for kind in item_types.all_types()}


def _in_order(query: Select[tuple[PortfolioItem]]) -> Select[tuple[PortfolioItem]]:
    """Put items in the order of the tree, of a type the latest first."""
    of = queries.table_of(query)
    order = {kind.key: no for no, kind in enumerate(item_types.all_types())}
    days = columns_of(of).occurred_on.desc().nulls_last()
    place = case(order, value=of.type_key, else_=len(order))
    return query.order_by(None).order_by(place, days, of.id.desc())


def _printed(query: Select[tuple[PortfolioItem]]) -> Select[tuple[PortfolioItem]]:
    """Read of thousands of items what a list says of them; the place of their owner is in data."""
    of = queries.table_of(query)
    said = (of.person_id, of.type_key, of.type_version, of.status, of.summary)
    days = (of.occurred_on, of.seen_occurred_on)
    names = selectinload(of.person).load_only(Person.name)
    return query.options(load_only(*said, *days, of.data), names)


def _approvals(ids: Sequence[int]) -> dict[int, datetime]:
    wanted = (
        select(PortfolioItem.id, ItemVersion.approved_at)
        .join(ItemVersion, ItemVersion.id == PortfolioItem.current_version_id)
        .where(PortfolioItem.id.in_(ids))
    )
    return dict(db.session.execute(wanted).tuples().all())


def _attachments(kept: type[ItemFile] | type[ItemSentFile], ids: Sequence[int]) -> dict[int, int]:
    counted = select(kept.item_id, func.count()).where(kept.item_id.in_(ids))
    return dict(db.session.execute(counted.group_by(kept.item_id)).tuples().all())


def _entry(
    no: int,
    item: PortfolioItem,
    category: str,
    seen: Seen,
    approved: datetime | None,
    files: int,
) -> Entry:
    kind = seen.kind
    return Entry(
        no,
        item.person.name,
        category,
        kind.title,
        seen.summary or "（未填写）",
        kind.when(seen.data),
        kind.rank(seen.data) or "",
        files,
        STATES[item.status],
        f"{approved:%Y-%m-%d}" if approved else "",
    )
