"""What a unit decides on a submitted item: passed, it becomes a version, or it goes back."""

from datetime import datetime

from sqlalchemy import select

from app.accounts.models import Person
from app.accounts.operations import notify
from app.core.db import db
from app.core.errors import Conflict, Forbidden, Invalid
from app.portfolio import item_types
from app.portfolio.models import (
    APPROVED,
    PASS,
    RETURN,
    RETURNED,
    SUBMITTED,
    ItemSubmission,
    ItemVersion,
    ItemVersionFile,
    ItemVersionMark,
    PortfolioItem,
)
from app.portfolio.operations import move, record_event


def vet_item(
    item: PortfolioItem, decision: str, opinion: str, *, actor: Person, now: datetime
) -> ItemSubmission:
    """Decide on what was submitted (业绩审核, FJ-U-08); a return goes back to the owner at once.

    Raises Conflict when nothing waits, Forbidden for the owner, Invalid for a return without
    an opinion. A passed item becomes a version by `approve_item`.
    """
    sent = item.last_submission
    if item.status != SUBMITTED or sent is None or sent.decision is not None:
        raise Conflict("此业绩不在待审核状态，请刷新页面")
    if actor.id == item.person_id:
        raise Forbidden("不能审核本人的业绩，请由单位其他经办人或上级单位审核")
    if decision == RETURN and not opinion.strip():
        raise Invalid("退回时请填写退回意见", field="opinion")
    sent.decision, sent.opinion = decision, opinion.strip()
    sent.decided_by, sent.decided_at = actor.id, now
    if decision == RETURN:
        return_item(item, actor=actor, now=now)
    return sent


def return_item(item: PortfolioItem, *, actor: Person, now: datetime) -> None:
    """Send an item back to its owner with the reason that was given (退回, FJ-U-10)."""
    sent = _decided(item, RETURN)
    move(item, RETURNED, now)
    record_event(item, "returned", actor, now, opinion=sent.opinion)
    _tell(item, "被单位退回", sent.opinion, now)


def approve_item(item: PortfolioItem, *, now: datetime) -> ItemVersion:
    """Keep what passed as the next immutable version (通过, FJ-U-09).

    Raises Conflict when nobody has passed it.
    """
    sent = _decided(item, PASS)
    version = _freeze(item, sent)
    version.approved_at = now
    item.current_version = version
    move(item, APPROVED, now)
    reviewer = db.session.get_one(Person, sent.decided_by)
    record_event(item, "approved", reviewer, now, version=version.no)
    _tell(item, "已通过单位审核", sent.opinion, now)
    return version


def _decided(item: PortfolioItem, decision: str) -> ItemSubmission:
    sent = item.last_submission
    if item.status != SUBMITTED or sent is None or sent.decision != decision:
        raise Conflict("此业绩尚未作出相应的审核决定，请刷新页面")
    return sent


def _freeze(item: PortfolioItem, sent: ItemSubmission) -> ItemVersion:
    kind = item_types.under(item.type_key, sent.type_version)
    numbers = select(ItemVersion.no).where(ItemVersion.item_id == item.id)
    files = [
        ItemVersionFile(slot=f.slot, file_id=f.file_id, name=f.name, position=f.position)
        for f in item.files
    ]
    return ItemVersion(
        item_id=item.id,
        no=max(db.session.scalars(numbers), default=0) + 1,
        type_key=item.type_key,
        type_version=sent.type_version,
        data=dict(sent.data),
        summary=item_types.summary_of(kind, sent.data),
        occurred_on=kind.occurred_on(sent.data),
        rank=kind.rank(sent.data) or "",
        marks=[ItemVersionMark(mark=m) for m in sorted(item_types.marks_of(kind, sent.data))],
        approved_by=sent.decided_by,
        opinion=sent.opinion,
        files=files,
    )


def _tell(item: PortfolioItem, what: str, opinion: str, now: datetime) -> None:
    name = f"{item_types.of(item).title}“{item.summary[:60]}”"
    words = f"您的{name}{what}" + (f"，意见：{opinion}" if opinion else "")
    notify(item.person_id, words, url=f"/portfolio/{item.id}", now=now)
