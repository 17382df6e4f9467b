"""The same achievement or paper claimed twice, by two people or by one (重复申报提示).

The machine only points: reviewers read both and decide. Applicants are never told, or they would
learn what a colleague has claimed.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    column,
    func,
    literal,
    or_,
    select,
    union,
    union_all,
    values,
)
from sqlalchemy.orm import InstrumentedAttribute, joinedload, selectinload

from app.accounts.models import Person
from app.accounts.queries import live_grants
from app.core.db import db
from app.core.lookalikes import UnseenPaper, lookalikes_of
from app.core.permissions import Grant, role_allows, subject_allows
from app.core.storage import StoredFile
from app.portfolio.hint_words import Same, Unseen, clash_of, label_of, word_of
from app.portfolio.models import (
    DRAFT,
    STATES,
    ItemMark,
    ItemSentFile,
    ItemVersion,
    ItemVersionFile,
    ItemVersionMark,
    PortfolioItem,
)
from app.portfolio.queries import seen_among, units_where, usages_of
from app.portfolio.sight import seen_of
from app.units.models import ACTIVE, Employment, Unit

AS_SEEN = (
    joinedload(PortfolioItem.current_version),
    selectinload(PortfolioItem.submissions),
)
ACTION = "portfolio.compare"
MOST_SHOWN, READ = 20, 200
"""Places shown, and rows read of one mark: of more than that, the first are looked at."""
IS_SENT = PortfolioItem.status != DRAFT
IS_EMPLOYED = Employment.status == ACTIVE
MARKED = (
    (ItemMark.mark, ItemMark.item_id),
    (StoredFile.sha256, StoredFile.id),
    (ItemVersionMark.mark, ItemVersionMark.version_id),
)
"""Where claims are known by their mark, and what tells them apart there."""
UNSEEN = (
    select(ItemSentFile.item_id, StoredFile, UnseenPaper.due_at)
    .join(StoredFile, StoredFile.id == ItemSentFile.file_id)
    .join(UnseenPaper, UnseenPaper.sha256 == StoredFile.sha256)
)
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
    clash: str
    """In what the two contradict each other as to who took which part."""
    files: tuple[int, int] | None
    """The own attachment and the other one, to be read side by side."""
    names: tuple[str, str] | None
    """What these two were called when they were sent."""
    theirs_id: int
    is_open: bool = False
    """Whether this reader may open the other item; its path is told in words otherwise."""


@dataclass(frozen=True)
class Hints:
    """The first places where the same is claimed, and whether there are more."""

    shown: Sequence[Duplicate] = ()
    has_more: bool = False
    unseen: Sequence[Unseen] = ()
    """What could not be compared as a picture is."""

    @property
    def count(self) -> str:
        """How many places there are, in words: of many no more are read than are shown."""
        number = len(self.shown)
        return f"超过 {number} 处" if self.has_more else f"共 {number} 处"


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


def _unseen_in(mine: "Mine") -> list[Unseen]:
    """Return the attachments that items were sent with and that could not be compared yet."""
    with_some = [key for key, (_item, _jurisdiction, has_unseen) in mine.items() if has_unseen]
    if not with_some:
        return []
    wanted = UNSEEN.where(ItemSentFile.item_id.in_(with_some)).order_by(StoredFile.id)
    found = db.session.execute(wanted).tuples()
    return [Unseen(_name(mine[key][0], file), due_at is not None) for key, file, due_at in found]


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
    shown = _told(mine, sorted(pairs)[:MOST_SHOWN])
    return Hints(shown, len(pairs) > MOST_SHOWN, _unseen_in(mine))


def _asked_about(wanted: ColumnElement[bool]) -> "Mine":
    """Return the items that are compared, and whether not all of their pages could be."""
    has_unseen = UNSEEN.where(ItemSentFile.item_id == PortfolioItem.id).exists()
    rows = db.session.execute(
        select(PortfolioItem, Unit.jurisdiction, has_unseen)
        .join(Unit, Unit.id == PortfolioItem.reviewing_unit_id)
        .where(wanted)
        .options(*AS_SEEN)
    ).tuples()
    return {row[0].id: row for row in rows}


def _pairs_of(mine: "Mine") -> "set[Pair]":
    owners = {item.person_id for item, _jurisdiction, _unseen in mine.values()}
    jurisdictions = {jurisdiction for _item, jurisdiction, _unseen in mine.values()}
    known = _known_by(_own_claims(mine), owners)
    like = _claims_like(known, jurisdictions, owners)
    return {
        (same, theirs, slot, own, own_file, file_id)
        for theirs, slot, file_id, mark, type_key, person_id in like
        for same, own, own_file in known[mark]
        if person_id != mine[own][0].person_id or _is_second(mine, own, theirs, type_key)
    }


Mine = Mapping[int, tuple[PortfolioItem, str, bool]]
"""Own items with their jurisdiction, and whether a PDF of theirs could not be drawn yet."""
Claim = tuple[int, str, int, str]
"""An item, slot and file of an attachment or nothing, the mark by which the same is known."""
Known = dict[str, list[tuple[Same, int, int]]]
"""By its mark what others may claim as well: how it is the same, the own item and file."""
Pair = tuple[Same, int, str, int, int, int]
"""How they are the same, their item, its slot, the own item, the own file and theirs."""
Where = ColumnElement[bool]
Claims = Sequence[Select[Claim]]


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
        .outerjoin(Employment, and_(Employment.person_id == Person.id, IS_EMPLOYED))
        # Who left has no unit: the one that reviewed the item knows of it.
        .join(Unit, Unit.id == func.coalesce(Employment.unit_id, PortfolioItem.reviewing_unit_id))
        .where(PortfolioItem.id.in_(theirs_ids))
        .options(*AS_SEEN)
    ).tuples()
    known = {item.id: (item, name, unit) for item, name, unit in rows}
    uses = usages_of(theirs_ids)
    papers = {number for pair in pairs for number in pair[4:]}
    read = db.session.scalars(select(StoredFile).where(StoredFile.id.in_(papers)))
    stored = {file.id: file for file in read}
    return [
        _duplicate(pair, mine[pair[3]][0], *known[pair[1]], uses.get(pair[1], ()), stored)
        for pair in pairs
    ]


def _duplicate(
    pair: Pair,
    own: PortfolioItem,
    theirs: PortfolioItem,
    name: str,
    unit: str,
    uses: Sequence[str],
    stored: Mapping[int, StoredFile],
) -> Duplicate:
    same, _theirs, slot, _own, own_file, their_file = pair
    shown, mine = seen_of(theirs), seen_of(own)
    kind = shown.kind
    is_one_thing = same is Same.ACHIEVEMENT
    return Duplicate(
        own.id,
        mine.summary,
        word_of(same, (stored[own_file], stored[their_file]) if not is_one_thing else ()),
        tuple(filter(None, (unit, name, f"{kind.title}：{shown.summary}", label_of(kind, slot)))),
        kind.rank(shown.data) or "",
        BEING_CHANGED if theirs.status == DRAFT else STATES[theirs.status],
        tuple(uses),
        clash_of(mine.kind.place(mine.data), kind.place(shown.data)) if is_one_thing else "",
        None if is_one_thing else (own_file, their_file),
        None
        if is_one_thing
        else (_name(own, stored[own_file]), _name(theirs, stored[their_file])),
        theirs.id,
    )


def _name(item: PortfolioItem, file: StoredFile) -> str:
    """Return what a file was called when it was last sent."""
    sent = [row for each in item.submissions for row in each.files]
    return next((row["name"] for row in reversed(sent) if row["file_id"] == file.id), file.name)


def _own_claims(mine: Mine) -> Iterable[Claim]:
    if not mine:
        return []
    versions = ItemVersion.item_id.in_(mine)
    own = _claims(PortfolioItem.id.in_(mine), ItemSentFile.item_id.in_(mine), versions, versions)
    return db.session.execute(union(*own)).tuples()


def _claims_like(
    marks: Iterable[str], jurisdictions: Iterable[str], owners: Iterable[int]
) -> Iterable[tuple[int, str, int, str, str, int]]:
    """Return what is claimed by these marks, each with the type of its item and whose it is.

    Of one mark no more than are shown, and one to tell that there are: the owners' own claims
    come first, and those of so many others, whoever else has a sheet that everybody has. Of such
    a sheet no more rows are read than READ and the owners' own.
    """
    wanted, own = list(marks), PortfolioItem.person_id.in_(list(owners))
    if not wanted:
        return []
    many = _marks_of_many(wanted)
    claims = union(*_claimed_by(set(wanted) - many), *_claimed_by_many(many, own)).subquery()
    mark, person = claims.c.mark, PortfolioItem.person_id
    owner = func.dense_rank().over(partition_by=mark, order_by=(own.is_(False), person))
    item = func.row_number().over(partition_by=(mark, person), order_by=claims.c.item_id)
    found = (
        select(claims, PortfolioItem.type_key, person, owner.label("owner"), item.label("nth"))
        .join(PortfolioItem, PortfolioItem.id == claims.c.item_id)
        .join(Unit, Unit.id == PortfolioItem.reviewing_unit_id)
        .where(Unit.jurisdiction.in_(list(jurisdictions)))
        .subquery()
    )
    told = (found.c.item_id, found.c.slot, found.c.file_id, found.c.mark)
    first = select(*told, found.c.type_key, found.c.person_id).where(
        found.c.owner <= MOST_SHOWN + 2, found.c.nth <= MOST_SHOWN + 1
    )
    return db.session.execute(first).tuples()


def _marks_of_many(wanted: Sequence[str]) -> set[str]:
    """Return the marks of more than READ rows; it reads no further to tell."""
    asked = values(column("mark", String), name="asked").data([(each,) for each in wanted]).cte()
    one_more = (
        select(mark).where(mark == asked.c.mark).limit(1).offset(READ).scalar_subquery()
        for mark, _key in MARKED
    )
    many = select(asked.c.mark).where(or_(*(each.is_not(None) for each in one_more)))
    return set(db.session.scalars(many))


def _claimed_by(marks: Collection[str]) -> Claims:
    item, paper, version = (mark.in_(marks) for mark, _key in MARKED)
    return _claims(and_(item, IS_SENT), and_(paper, IS_SENT), version, paper)


def _claimed_by_many(marks: Collection[str], own: Where) -> Claims:
    """Select some claims by marks that very many have, and all of the owners'."""
    if not marks:
        return []
    item, paper, version = (_some_of(marks, *each) for each in MARKED)
    some = _claims(and_(item, IS_SENT), and_(paper, IS_SENT), version, paper)
    item, paper, version = (mark.in_(marks) for mark, _key in MARKED)
    approved = ItemVersion.item_id.in_(select(PortfolioItem.id).where(own))
    return [
        *some,
        *_claims(
            and_(item, IS_SENT, own),
            and_(paper, IS_SENT, own),
            and_(version, approved),
            and_(paper, approved),
        ),
    ]


def _some_of(
    marks: Collection[str], mark: InstrumentedAttribute[str], key: InstrumentedAttribute[int]
) -> Where:
    some = (select(key).where(mark == each).order_by(key).limit(READ).subquery() for each in marks)
    return and_(mark.in_(marks), key.in_(union_all(*(select(each) for each in some))))


def _claims(item: Where, paper: Where, version: Where, approved_paper: Where) -> Claims:
    """Select what is claimed now, and what was claimed when it was approved."""
    none, no_file = literal("").label("slot"), literal(0).label("file_id")
    items = select(PortfolioItem.id.label("item_id"), none, no_file, ItemMark.mark).join(
        ItemMark, ItemMark.item_id == PortfolioItem.id
    )
    papers = (
        select(ItemSentFile.item_id, ItemSentFile.slot, ItemSentFile.file_id, StoredFile.sha256)
        .join(StoredFile, StoredFile.id == ItemSentFile.file_id)
        .join(PortfolioItem, PortfolioItem.id == ItemSentFile.item_id)
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
    return [
        items.where(item),
        papers.where(paper),
        versions.where(version),
        approved.where(approved_paper),
    ]
