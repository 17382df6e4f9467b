"""个人业绩库: sending several items to the unit, or deleting several drafts, in one go.

Each item goes by itself and by the same operation as a single one: what is refused keeps nothing
of the others back, and its owner reads of every one why.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ScalarResult, func, select
from sqlalchemy.orm import selectinload

from app.accounts.models import Person
from app.core.db import db
from app.core.errors import DomainError, Invalid, NotFound
from app.core.typed import labelled
from app.engine import runtime
from app.engine.batches import each_of, note_failures
from app.engine.models import ItemStatus, WorkItem
from app.portfolio import item_types, queries
from app.portfolio.models import DRAFT, RETURNED, PortfolioItem
from app.portfolio.operations import BUSINESS, delete_item, submit_item
from app.portfolio.queries import Items

SUBMIT, DELETE = "submit", "delete"
LIMITS = {SUBMIT: 50, DELETE: 500}
"""How many are dealt with at once: as many drafts go as one file brings in."""
ACTS = {SUBMIT: submit_item, DELETE: delete_item}
DONE = {SUBMIT: "已提交 {} 项业绩，单位办理后会立即通知您", DELETE: "已删除 {} 份草稿"}
NOT_DONE = {SUBMIT: "未提交", DELETE: "未删除"}
MOST_FAULTS = 5
"""How many faults of one item are named; its own page names all of them."""


@dataclass(frozen=True)
class Refusal:
    """An item that stays as it was, and why; without its words where the person has none such."""

    item_id: int
    title: str
    reasons: Sequence[str]


@dataclass(frozen=True)
class Told:
    """How it went: how many were done, in words, and what was not."""

    act: str
    done: int
    refused: Sequence[Refusal]

    @property
    def summary(self) -> str:
        """What was done and how much was not, in one sentence."""
        said = DONE[self.act].format(self.done) if self.done else ""
        left = f"{len(self.refused)} 项{NOT_DONE[self.act]}" if self.refused else ""
        return "；".join(filter(None, (said, left)))


def open_among(items: Items) -> Items:
    """Narrow a list to what its owner may send or delete, in the order it came into being."""
    waiting = items.where(PortfolioItem.status.in_((DRAFT, RETURNED)))
    return waiting.order_by(None).order_by(PortfolioItem.id)


def count(items: Items) -> int:
    """Return how many items a list has."""
    found = items.order_by(None).subquery()
    return db.session.scalar(select(func.count()).select_from(found)) or 0


def first_of(items: Items, act: str) -> list[int]:
    """Return the first items of a list, as many as an act deals with at once."""
    first = items.with_only_columns(PortfolioItem.id).limit(LIMITS.get(act, 0))
    return list(db.session.scalars(first))


def do_each(item_ids: Collection[int], act: str, *, actor: Person, now: datetime) -> Told:
    """Submit or delete several items of a person, each in a savepoint of its own (FJ-P-12).

    Foreign items are absent here as everywhere. Raises Invalid for an unknown act, and without
    items or for too many.
    """
    wanted = set(item_ids)
    if act not in ACTS or not wanted:
        raise Invalid("请先勾选业绩，再点“批量提交审核”或“批量删除草稿”")
    if len(wanted) > LIMITS[act]:
        raise Invalid(f"一次最多办理 {LIMITS[act]} 项，现选了 {len(wanted)} 项，请分批办理")
    mine = _held(wanted, actor)
    batch = each_of(sorted(wanted), lambda number: _do(mine, number, act, actor, now))
    note_failures(batch, now)
    refused = [_refusal(number, mine, error) for number, error in batch.refused.items()]
    return Told(act, len(batch.done), refused)


USED = (
    *(PortfolioItem.files, PortfolioItem.submissions),
    *(PortfolioItem.marks, PortfolioItem.sent_files),
)
"""What every step reads of an item, read of all at once."""


def _held(item_ids: Collection[int], actor: Person) -> dict[int, PortfolioItem]:
    """Lock the person's own among the items, after their processes, as every step does.

    All are locked before the first is written, in one order: two batches cannot block each other.
    """
    for item_id in _in_process(item_ids):
        runtime.hold((BUSINESS, item_id))
    own = select(PortfolioItem).where(
        PortfolioItem.id.in_(item_ids), PortfolioItem.person_id == actor.id
    )
    locked = own.order_by(PortfolioItem.id).with_for_update().options(*map(selectinload, USED))
    found = db.session.scalars(locked.execution_options(populate_existing=True))
    return {item.id: item for item in found}


def _in_process(item_ids: Collection[int]) -> ScalarResult[int]:
    """Return the items that were sent back, by the order of their processes."""
    waiting = select(WorkItem.business_id).where(
        WorkItem.business_type == BUSINESS,
        WorkItem.business_id.in_(item_ids),
        WorkItem.status == ItemStatus.OPEN,
    )
    return db.session.scalars(waiting.order_by(WorkItem.instance_id))


def _do(
    mine: dict[int, PortfolioItem], number: int, act: str, actor: Person, now: datetime
) -> None:
    if number not in mine:
        raise NotFound(queries.GONE)
    ACTS[act](mine[number], actor=actor, now=now)


def _refusal(number: int, mine: dict[int, PortfolioItem], error: DomainError) -> Refusal:
    item = mine.get(number)
    if item is None:
        return Refusal(number, "", [error.message])
    kind = item_types.of(item)
    labels = {field.name: field.label for field in kind.form.fields}
    faults = error.errors if isinstance(error, Invalid) else {}
    told = [
        "；".join(labelled(labels.get(name, ""), text) for text in texts)
        for name, texts in faults.items()
    ]
    if len(told) > MOST_FAULTS:
        told = [*told[:MOST_FAULTS], f"另有 {len(told) - MOST_FAULTS} 处，请打开后查看"]
    return Refusal(
        number, f"{kind.title}：{item.summary or '（未填写）'}", told or [error.message]
    )
