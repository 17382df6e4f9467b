"""The same achievement or paper claimed by two people (重复申报提示).

The machine only points: reviewers read both and decide. Applicants are never told, or they would
learn what a colleague has claimed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, CompoundSelect, and_, literal, select, union
from sqlalchemy.orm import InstrumentedAttribute, joinedload

from app.accounts.models import Person
from app.accounts.queries import live_grants
from app.core.db import db
from app.core.permissions import role_allows, subject_allows
from app.core.storage import StoredFile
from app.portfolio import item_types
from app.portfolio.models import (
    DRAFT,
    STATES,
    ItemFile,
    ItemVersion,
    ItemVersionFile,
    PortfolioItem,
)
from app.portfolio.queries import usages_of
from app.units.models import Unit

ACTION = "portfolio.compare"
MOST_SHOWN = 20
BEING_CHANGED = "曾通过，修改中"


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


@dataclass(frozen=True)
class Hints:
    """The first places where the same is claimed, and how many there are."""

    shown: Sequence[Duplicate] = ()
    total: int = 0


def duplicates_shown_to(
    person: Person, owner_id: int, item_ids: Sequence[int], now: datetime
) -> Hints:
    """Return the other claims of somebody's items, if this reader is one who is told."""
    roles = {grant.role for grant in live_grants(person.id, now)}
    may = role_allows(ACTION, roles, signed_in=True)
    if not may or not subject_allows(ACTION, person, owner_id, now):
        return Hints()
    return duplicates_of(owner_id, item_ids)


def duplicates_of(owner_id: int, item_ids: Sequence[int]) -> Hints:
    """Return what others of the jurisdiction claim as well, in a fixed number of reads.

    What was approved once stays claimed: a declaration may still use that version. What is only
    being typed is not claimed yet.
    """
    rows = db.session.execute(
        select(PortfolioItem, Unit.jurisdiction)
        .join(Unit, Unit.id == PortfolioItem.reviewing_unit_id)
        .where(PortfolioItem.id.in_(item_ids), PortfolioItem.person_id == owner_id)
    ).tuples()
    mine = {item.id: (item, jurisdiction) for item, jurisdiction in rows}
    known: dict[str, list[int]] = {}
    for item_id, _slot, mark in _own_claims(mine):
        known.setdefault(mark, []).append(item_id)
    jurisdictions = {jurisdiction for _item, jurisdiction in mine.values()}
    pairs = {
        (bool(slot), theirs, slot, own)
        for theirs, slot, mark in _claims_of_others(owner_id, known, jurisdictions)
        for own in known[mark]
    }
    return Hints(_told(mine, sorted(pairs)[:MOST_SHOWN]), len(pairs))


Mine = Mapping[int, tuple[PortfolioItem, str]]
Claim = tuple[int, str, str]
"""An item, the slot of an attachment or nothing, and the mark by which the same is known."""
Pair = tuple[bool, int, str, int]
"""Whether it is an attachment, their item, its slot, and the own item."""
Where = ColumnElement[bool]


def _told(mine: Mine, pairs: Sequence[Pair]) -> list[Duplicate]:
    theirs_ids = sorted({theirs for _is_file, theirs, _slot, _own in pairs})
    if not theirs_ids:
        return []
    rows = db.session.execute(
        select(PortfolioItem, Person.name, Unit.name)
        .join(Person, Person.id == PortfolioItem.person_id)
        .join(Unit, Unit.id == PortfolioItem.reviewing_unit_id)
        .where(PortfolioItem.id.in_(theirs_ids))
        .options(joinedload(PortfolioItem.current_version))
    ).tuples()
    known = {item.id: (item, name, unit) for item, name, unit in rows}
    uses = usages_of(theirs_ids)
    return [
        _duplicate(mine[own][0], *known[theirs], slot, uses.get(theirs, ()))
        for _is_file, theirs, slot, own in pairs
    ]


def _duplicate(
    own: PortfolioItem, theirs: PortfolioItem, name: str, unit: str, slot: str, uses: Sequence[str]
) -> Duplicate:
    kind = item_types.get(theirs.type_key)
    label = slot and item_types.slot_of(kind, slot).label
    # While it is being changed nobody reads over the owner's shoulder.
    version = theirs.current_version if theirs.status == DRAFT else None
    shown = version or theirs
    return Duplicate(
        own.id,
        own.summary,
        "附件相同" if slot else "业绩相同",
        tuple(filter(None, (unit, name, f"{kind.title}：{shown.summary}", label))),
        kind.rank(shown.data) or "",
        BEING_CHANGED if version else STATES[theirs.status],
        tuple(uses),
    )


def _own_claims(mine: Mine) -> Iterable[Claim]:
    if not mine:
        return []
    files, versions = ItemFile.item_id.in_(mine), ItemVersion.item_id.in_(mine)
    own = _claims(PortfolioItem.id.in_(mine), files, versions, versions)
    return db.session.execute(own).tuples()


def _claims_of_others(
    owner_id: int, marks: Iterable[str], jurisdictions: Iterable[str]
) -> Iterable[Claim]:
    wanted = list(marks)
    if not wanted:
        return []

    def same(mark: InstrumentedAttribute[str] | InstrumentedAttribute[str | None]) -> Where:
        return mark.in_(wanted)

    paper, is_sent = same(StoredFile.sha256), PortfolioItem.status != DRAFT
    claims = _claims(
        and_(same(PortfolioItem.identity), is_sent),
        and_(paper, is_sent),
        same(ItemVersion.identity),
        paper,
    ).subquery()
    found = (
        select(claims)
        .join(PortfolioItem, PortfolioItem.id == claims.c.item_id)
        .join(Unit, Unit.id == PortfolioItem.reviewing_unit_id)
        .where(PortfolioItem.person_id != owner_id, Unit.jurisdiction.in_(list(jurisdictions)))
    )
    return db.session.execute(found).tuples()


def _claims(
    item: Where, paper: Where, version: Where, approved_paper: Where
) -> CompoundSelect[Claim]:
    """Select what is claimed now, and what was claimed when it was approved."""
    none = literal("").label("slot")
    items = select(PortfolioItem.id.label("item_id"), none, PortfolioItem.identity.label("mark"))
    papers = (
        select(ItemFile.item_id, ItemFile.slot, StoredFile.sha256)
        .join(StoredFile, StoredFile.id == ItemFile.file_id)
        .join(PortfolioItem, PortfolioItem.id == ItemFile.item_id)
    )
    versions = select(ItemVersion.item_id, none, ItemVersion.identity)
    approved = (
        select(ItemVersion.item_id, ItemVersionFile.slot, StoredFile.sha256)
        .join(ItemVersion, ItemVersion.id == ItemVersionFile.version_id)
        .join(StoredFile, StoredFile.id == ItemVersionFile.file_id)
    )
    return union(
        items.where(item, PortfolioItem.identity.is_not(None)),
        papers.where(paper),
        versions.where(version, ItemVersion.identity.is_not(None)),
        approved.where(approved_paper),
    )
