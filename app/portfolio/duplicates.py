"""The same achievement or paper claimed by two people (重复申报提示).

The machine only points: reviewers read both and decide. Applicants are never told, or they would
learn what a colleague has claimed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, CompoundSelect, Select, select, union

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


def duplicates_shown_to(
    person: Person, owner_id: int, item_ids: Sequence[int], now: datetime
) -> list[Duplicate]:
    """Return the other claims of somebody's items, if this reader is one who is told."""
    roles = {grant.role for grant in live_grants(person.id, now)}
    may = role_allows(ACTION, roles, signed_in=True)
    if not may or not subject_allows(ACTION, person, owner_id, now):
        return []
    return duplicates_of(owner_id, item_ids)


def duplicates_of(owner_id: int, item_ids: Sequence[int]) -> list[Duplicate]:
    """Return what others of the jurisdiction claim as well, in a fixed number of reads.

    What was approved once stays claimed: a declaration may still use that version.
    """
    rows = db.session.execute(
        select(PortfolioItem, Unit.jurisdiction)
        .join(Unit, Unit.id == PortfolioItem.reviewing_unit_id)
        .where(PortfolioItem.id.in_(item_ids), PortfolioItem.person_id == owner_id)
    ).tuples()
    mine = {item.id: (item, jurisdiction) for item, jurisdiction in rows}
    if not mine:
        return []
    others = _of_others(owner_id, {jurisdiction for _item, jurisdiction in mine.values()})
    found = [*_same_achievements(mine, others), *_same_papers(mine, others)]
    uses = usages_of(sorted({each.theirs.id for each in found})) if found else {}
    return [each.told(uses.get(each.theirs.id, ())) for each in found]


Mine = Mapping[int, tuple[PortfolioItem, str]]
Others = Select[tuple[PortfolioItem, str, Unit]]


@dataclass(frozen=True)
class _Match:
    mine: PortfolioItem
    theirs: PortfolioItem
    name: str
    unit: Unit
    slot: str = ""

    def told(self, uses: Sequence[str]) -> Duplicate:
        kind = item_types.get(self.theirs.type_key)
        label = self.slot and item_types.slot_of(kind, self.slot).label
        item = f"{kind.title}：{self.theirs.summary}"
        return Duplicate(
            self.mine.id,
            self.mine.summary,
            "附件相同" if self.slot else "业绩相同",
            tuple(filter(None, (self.unit.name, self.name, item, label))),
            kind.rank(self.theirs.data) or "",
            STATES[self.theirs.status],
            tuple(uses),
        )


def _of_others(owner_id: int, jurisdictions: Collection[str]) -> Others:
    return (
        select(PortfolioItem, Person.name, Unit)
        .join(Person, Person.id == PortfolioItem.person_id)
        .join(Unit, Unit.id == PortfolioItem.reviewing_unit_id)
        .where(
            PortfolioItem.person_id != owner_id,
            PortfolioItem.status != DRAFT,
            Unit.jurisdiction.in_(jurisdictions),
        )
        .order_by(PortfolioItem.id)
    )


def _same_achievements(mine: Mine, others: Others) -> list[_Match]:
    known = {item.identity: item for item, _jurisdiction in mine.values() if item.identity}
    rows = db.session.execute(others.where(PortfolioItem.identity.in_(known))) if known else ()
    return [_Match(known[theirs.identity], theirs, name, unit) for theirs, name, unit in rows]


def _same_papers(mine: Mine, others: Others) -> list[_Match]:
    own = db.session.execute(_attached(ItemFile.item_id.in_(mine), ItemVersion.item_id.in_(mine)))
    known = {digest: item_id for item_id, _slot, digest in own}
    if not known:
        return []
    here = StoredFile.sha256.in_(known)
    held = _attached(here, here).subquery()
    joined = others.join(held, held.c.item_id == PortfolioItem.id)
    rows = db.session.execute(joined.add_columns(held.c.slot, held.c.sha256))
    return [
        _Match(mine[known[digest]][0], theirs, name, unit, slot)
        for theirs, name, unit, slot, digest in rows
    ]


def _attached(
    now: ColumnElement[bool], once: ColumnElement[bool]
) -> CompoundSelect[tuple[int, str, str]]:
    """Select item, slot and hash of what is attached now, and of what was when approved."""
    current = (
        select(ItemFile.item_id, ItemFile.slot, StoredFile.sha256)
        .join(StoredFile, StoredFile.id == ItemFile.file_id)
        .where(now)
    )
    approved = (
        select(ItemVersion.item_id, ItemVersionFile.slot, StoredFile.sha256)
        .join(ItemVersion, ItemVersion.id == ItemVersionFile.version_id)
        .join(StoredFile, StoredFile.id == ItemVersionFile.file_id)
        .where(once)
    )
    return union(current, approved)
