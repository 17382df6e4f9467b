"""The same achievement or paper claimed twice, by two people or by one (重复申报提示).

The machine only points: reviewers read both and decide. Applicants are never told, or they would
learn what a colleague has claimed.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum

from sqlalchemy import ColumnElement, CompoundSelect, and_, literal, select, union
from sqlalchemy.orm import InstrumentedAttribute, joinedload, selectinload

from app.accounts.models import Person
from app.accounts.queries import live_grants
from app.core.db import db
from app.core.lookalikes import lookalikes_of
from app.core.permissions import Grant, role_allows, subject_allows
from app.core.storage import StoredFile
from app.portfolio.item_types import ItemType
from app.portfolio.models import (
    DRAFT,
    STATES,
    ItemFile,
    ItemMark,
    ItemVersion,
    ItemVersionFile,
    ItemVersionMark,
    PortfolioItem,
)
from app.portfolio.queries import seen_among, units_where, usages_of
from app.portfolio.sight import seen_of
from app.units.models import Unit

AS_SEEN = (
    joinedload(PortfolioItem.current_version),
    selectinload(PortfolioItem.submissions),
)
ACTION = "portfolio.compare"
MOST_SHOWN = 20
BEING_CHANGED = "曾通过，修改中"


class Same(IntEnum):
    """What two claims have in common, the plainest first."""

    ACHIEVEMENT = 0
    FILE = 1
    PICTURE = 2


WORDS = {Same.ACHIEVEMENT: "业绩相同", Same.FILE: "附件相同", Same.PICTURE: "图片相近"}


@dataclass(frozen=True)
class Duplicate:
    """Where something that an item claims is claimed as well."""

    item_id: int
    summary: str
    same: str
    """What is the same: the achievement, or an attachment by its slot."""
    path: tuple[str, ...]
    """The way to the other claim: unit, person, type and item, slot."""
    rank: str
    state: str
    uses: tuple[str, ...]
    clash: str
    """In what the two contradict each other as to who took which part."""
    files: tuple[int, int] | None
    """The own attachment and the other one, to be read side by side."""
    theirs_id: int
    is_open: bool = False
    """Whether this reader may open the other item; its path is told in words otherwise."""


@dataclass(frozen=True)
class Hints:
    """The first places where the same is claimed, and how many there are."""

    shown: Sequence[Duplicate] = ()
    total: int = 0


def duplicates_shown_to(
    person: Person, owner_id: int, item_ids: Sequence[int], now: datetime
) -> Hints:
    """Return the other claims of somebody's items, if this reader is one who is told."""
    grants = live_grants(person.id, now)
    if not _may_compare(grants) or not subject_allows(ACTION, person, owner_id, now):
        return Hints()
    hints = duplicates_of(owner_id, item_ids)
    seen = seen_among([each.theirs_id for each in hints.shown], units_where(grants))
    told = [replace(each, is_open=each.theirs_id in seen) for each in hints.shown]
    return replace(hints, shown=told)


def _may_compare(grants: Iterable[Grant]) -> bool:
    return role_allows(ACTION, {grant.role for grant in grants}, signed_in=True)


def hinted_among(person: Person, item_ids: Collection[int], now: datetime) -> set[int]:
    """Return which of these items, whosoever they are, have hints that this reader is told."""
    if not item_ids or not _may_compare(live_grants(person.id, now)):
        return set()
    mine = _asked_about(PortfolioItem.id.in_(item_ids))
    told = {
        key: each
        for key, each in mine.items()
        if subject_allows(ACTION, person, each[0].person_id, now)
    }
    # Of two that are asked about, each is pointed to: opened alone, each shows the other.
    pairs = _pairs_of(told)
    return {pair[3] for pair in pairs} | {pair[1] for pair in pairs if pair[1] in told}


def duplicates_of(owner_id: int, item_ids: Sequence[int]) -> Hints:
    """Return what others of the jurisdiction claim as well, in a fixed number of reads.

    So is what the owner claims in two items of one type, told at one of them. What was approved
    once stays claimed: a declaration may still use that version. What is only being typed is not
    claimed yet.
    """
    wanted = and_(PortfolioItem.id.in_(item_ids), PortfolioItem.person_id == owner_id)
    mine = _asked_about(wanted)
    pairs = _pairs_of(mine)
    return Hints(_told(mine, sorted(pairs)[:MOST_SHOWN]), len(pairs))


def _asked_about(wanted: ColumnElement[bool]) -> dict[int, tuple[PortfolioItem, str]]:
    """Return the items that are compared with the others, each with its jurisdiction."""
    rows = db.session.execute(
        select(PortfolioItem, Unit.jurisdiction)
        .join(Unit, Unit.id == PortfolioItem.reviewing_unit_id)
        .where(wanted)
        .options(*AS_SEEN)
    ).tuples()
    return {item.id: (item, jurisdiction) for item, jurisdiction in rows}


def _pairs_of(mine: "Mine") -> "set[Pair]":
    known = _known_by(_own_claims(mine), {item.person_id for item, _jurisdiction in mine.values()})
    jurisdictions = {jurisdiction for _item, jurisdiction in mine.values()}
    return {
        (same, theirs, slot, own, own_file, file_id)
        for theirs, slot, file_id, mark, type_key, person_id in _claims_like(known, jurisdictions)
        for same, own, own_file in known[mark]
        if person_id != mine[own][0].person_id or _is_second(mine, own, theirs, type_key)
    }


Mine = Mapping[int, tuple[PortfolioItem, str]]
Claim = tuple[int, str, int, str]
"""An item, slot and file of an attachment or nothing, the mark by which the same is known."""
Known = dict[str, list[tuple[Same, int, int]]]
"""By its mark what others may claim as well: how it is the same, the own item and file."""
Pair = tuple[Same, int, str, int, int, int]
"""How they are the same, their item, its slot, the own item, the own file and theirs."""
Where = ColumnElement[bool]


def _is_second(mine: Mine, own: int, theirs: int, type_key: str) -> bool:
    """Tell whether an item of the owner claims once more what another one does.

    Of two that are asked about, the later one is. One certificate may prove things of two types.
    """
    is_once = theirs not in mine or theirs < own
    return theirs != own and is_once and mine[own][0].type_key == type_key


def _known_by(claims: Iterable[Claim], owners: Collection[int]) -> Known:
    """Return by its mark what others may claim; one owner's own pictures are not compared."""
    known: Known = {}
    papers: set[str] = set()
    for item_id, slot, file_id, mark in claims:
        same = Same.FILE if slot else Same.ACHIEVEMENT
        known.setdefault(mark, []).append((same, item_id, file_id))
        if slot:
            papers.add(mark)
    for mark, other in lookalikes_of(papers):
        near = [(Same.PICTURE, own, file_id) for _same, own, file_id in known[mark]]
        known.setdefault(other, []).extend(
            each for each in near if len(owners) > 1 or other not in papers
        )
    return {mark: found for mark, found in known.items() if found}


def _told(mine: Mine, pairs: Sequence[Pair]) -> list[Duplicate]:
    theirs_ids = sorted({pair[1] for pair in pairs})
    if not theirs_ids:
        return []
    rows = db.session.execute(
        select(PortfolioItem, Person.name, Unit.name)
        .join(Person, Person.id == PortfolioItem.person_id)
        .join(Unit, Unit.id == PortfolioItem.reviewing_unit_id)
        .where(PortfolioItem.id.in_(theirs_ids))
        .options(*AS_SEEN)
    ).tuples()
    known = {item.id: (item, name, unit) for item, name, unit in rows}
    uses = usages_of(theirs_ids)
    return [
        _duplicate(pair, mine[pair[3]][0], *known[pair[1]], uses.get(pair[1], ()))
        for pair in pairs
    ]


def _duplicate(
    pair: Pair,
    own: PortfolioItem,
    theirs: PortfolioItem,
    name: str,
    unit: str,
    uses: Sequence[str],
) -> Duplicate:
    same, _theirs, slot, _own, own_file, their_file = pair
    shown, mine = seen_of(theirs), seen_of(own)
    kind = shown.kind
    is_one_thing = same is Same.ACHIEVEMENT
    return Duplicate(
        own.id,
        mine.summary,
        WORDS[same],
        tuple(filter(None, (unit, name, f"{kind.title}：{shown.summary}", _label(kind, slot)))),
        kind.rank(shown.data) or "",
        BEING_CHANGED if theirs.status == DRAFT else STATES[theirs.status],
        tuple(uses),
        clash_of(mine.kind.place(mine.data), kind.place(shown.data)) if is_one_thing else "",
        None if is_one_thing else (own_file, their_file),
        theirs.id,
    )


def _label(kind: ItemType, slot: str) -> str:
    """Return the name of a slot; the type as it was shown may not have it, or no longer."""
    labels = {each.name: each.label for each in kind.slots}
    return labels.get(slot, "附件") if slot else ""


Place = tuple[int | None, int | None]


def clash_of(own: Place, theirs: Place) -> str:
    """Return in what two claims of one achievement contradict each other, or nothing.

    One place is held by one person, and as many took part whoever tells of it.
    """
    clashes = []
    if own[0] is not None and own[0] == theirs[0]:
        clashes.append(f"排名冲突：均为第 {own[0]} 名")
    if own[1] is not None and theirs[1] is not None and own[1] != theirs[1]:
        clashes.append(f"参与人数不一致：此处 {own[1]} 人，对方 {theirs[1]} 人")
    return "；".join(clashes)


def _own_claims(mine: Mine) -> Iterable[Claim]:
    if not mine:
        return []
    files = and_(ItemFile.item_id.in_(mine), ItemFile.is_sent)
    versions = ItemVersion.item_id.in_(mine)
    own = _claims(PortfolioItem.id.in_(mine), files, versions, versions)
    return db.session.execute(own).tuples()


def _claims_like(
    marks: Iterable[str], jurisdictions: Iterable[str]
) -> Iterable[tuple[int, str, int, str, str, int]]:
    """Return what is claimed by these marks, each with the type of its item and whose it is."""
    wanted = list(marks)
    if not wanted:
        return []

    def same(mark: InstrumentedAttribute[str]) -> Where:
        return mark.in_(wanted)

    paper, is_sent = same(StoredFile.sha256), PortfolioItem.status != DRAFT
    claims = _claims(
        and_(same(ItemMark.mark), is_sent),
        and_(paper, is_sent, ItemFile.is_sent),
        same(ItemVersionMark.mark),
        paper,
    ).subquery()
    found = (
        select(claims, PortfolioItem.type_key, PortfolioItem.person_id)
        .join(PortfolioItem, PortfolioItem.id == claims.c.item_id)
        .join(Unit, Unit.id == PortfolioItem.reviewing_unit_id)
        .where(Unit.jurisdiction.in_(list(jurisdictions)))
    )
    return db.session.execute(found).tuples()


def _claims(
    item: Where, paper: Where, version: Where, approved_paper: Where
) -> CompoundSelect[Claim]:
    """Select what is claimed now, and what was claimed when it was approved."""
    none, no_file = literal("").label("slot"), literal(0).label("file_id")
    items = select(PortfolioItem.id.label("item_id"), none, no_file, ItemMark.mark).join(
        ItemMark, ItemMark.item_id == PortfolioItem.id
    )
    papers = (
        select(ItemFile.item_id, ItemFile.slot, ItemFile.file_id, StoredFile.sha256)
        .join(StoredFile, StoredFile.id == ItemFile.file_id)
        .join(PortfolioItem, PortfolioItem.id == ItemFile.item_id)
    )
    versions = select(ItemVersion.item_id, none, no_file, ItemVersionMark.mark).join(
        ItemVersionMark, ItemVersionMark.version_id == ItemVersion.id
    )
    approved = (
        select(
            ItemVersion.item_id, ItemVersionFile.slot, ItemVersionFile.file_id, StoredFile.sha256
        )
        .join(ItemVersion, ItemVersion.id == ItemVersionFile.version_id)
        .join(StoredFile, StoredFile.id == ItemVersionFile.file_id)
    )
    return union(
        items.where(item),
        papers.where(paper),
        versions.where(version),
        approved.where(approved_paper),
    )
