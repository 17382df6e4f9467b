"""Writes of the portfolio by its owner: type, submit, copy, delete; `decisions` has the unit's."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.accounts.models import Person
from app.core import audit, search
from app.core.db import db
from app.core.errors import Conflict, Invalid, NotFound
from app.core.sweeping import forget_files
from app.core.typed import Draft, texts_of
from app.engine import handlers, runtime
from app.engine.models import ItemStatus, WorkItem
from app.portfolio import item_types
from app.portfolio.flags import flag_faults, keep_flags
from app.portfolio.leavings import leave_files
from app.portfolio.models import (
    DRAFT,
    SUBMITTED,
    ItemFile,
    ItemSubmission,
    PortfolioItem,
)
from app.portfolio.sight import show_as_sent
from app.units import queries as units
from app.units.models import Unit
from forms import build

BUSINESS = "portfolio_item"
PROCESS = "portfolio_audit"
UNBOUND = "尚未绑定单位，或单位尚未审核通过，暂不能提交审核。请先在“绑定单位”中办理"
SEARCHED = 400
"""Letters of an item by which it is found: of four bytes each, they fit a row of an index."""
CHANGED_ELSEWHERE = "此业绩已在另一个页面修改过，请刷新页面后再填写"
Values = Mapping[str, Any]


def record_event(
    item: PortfolioItem, verb: str, actor: Person | int | None, now: datetime, **data: Any
) -> None:
    """Write what happened to an item into the audit log."""
    subject = (BUSINESS, item.id)
    actor_id = actor.id if isinstance(actor, Person) else actor
    audit.record(f"portfolio:{verb}", subject=subject, actor_id=actor_id, now=now, **data)


def _own(item: PortfolioItem, actor: Person) -> None:
    if item.person_id != actor.id:
        raise NotFound


def require_editable(item: PortfolioItem, actor: Person) -> None:
    """Refuse typing into a foreign item (NotFound) or one that is not open (Conflict)."""
    _own(item, actor)
    if not item.can_edit:
        raise Conflict("此业绩正在审核或已通过审核，不能修改")


def require_current(item: PortfolioItem, row_version: int | None) -> None:
    """Refuse typing into a page that another one has overtaken (Conflict)."""
    if row_version is not None and row_version != item.row_version:
        raise Conflict(CHANGED_ELSEWHERE)


def _describe(item: PortfolioItem) -> None:
    kind = item_types.get(item.type_key)
    item.summary = item_types.summary_of(kind, item.data)
    item.occurred_on = kind.occurred_on(item.data)
    words = f"{kind.title} {item.person.name} {item.summary}"
    item.words = search.folded(words)[:SEARCHED]
    keep_flags(item)
    item_types.stamp(item)


def move(item: PortfolioItem, status: str, now: datetime) -> None:
    """Bring an item into another state that others see."""
    item.status = status
    item.row_version += 1
    item.updated_at = item.seen_updated_at = now
    db.session.flush()


def create_item(
    type_key: str,
    *,
    actor: Person,
    now: datetime,
    data: Values | None = None,
    origin: str | None = None,
) -> PortfolioItem:
    """Start an item of a type, empty or of an origin; NotFound for an unknown type.

    The database refuses a second item of the same origin (a_source_is_taken_once).
    """
    kind = item_types.get(type_key)
    item = PortfolioItem(
        person_id=actor.id,
        person=actor,
        type_key=kind.key,
        data={**kind.defaults, **(data or {})},
        origin=origin,
        created_at=now,
        updated_at=now,
    )
    _describe(item)
    db.session.add(item)
    db.session.flush()
    record_event(item, "created", actor, now, type=kind.key)
    return item


def begin_item(type_key: str, *, actor: Person, now: datetime) -> PortfolioItem:
    """Return the person's blank draft of a type, or start one: blank drafts do not pile up."""
    drafts = (
        select(PortfolioItem)
        .where(
            PortfolioItem.person_id == actor.id,
            PortfolioItem.type_key == type_key,
            PortfolioItem.status == DRAFT,
            ~PortfolioItem.files.any(),
        )
        .order_by(PortfolioItem.id)
    )
    blank = item_types.get(type_key).defaults
    for draft in db.session.scalars(drafts):
        if all(not value or value == blank.get(name) for name, value in draft.data.items()):
            return draft
    return create_item(type_key, actor=actor, now=now)


def save_fields(
    item: PortfolioItem,
    values: Values,
    *,
    actor: Person,
    now: datetime,
    row_version: int | None = None,
    beside: Values | None = None,
) -> dict[str, list[str]]:
    """Merge what was typed into the draft and return the faults of what it could not take.

    Nothing else of the draft changes, so a lost field never takes others with it. What a check
    reads of other fields is what the page has typed `beside`, or what the draft has. Raises
    Conflict when another page has changed the item since `row_version`, or it is under review.
    """
    require_editable(item, actor)
    require_current(item, row_version)
    taken, faults = draft_of(item, now).read(values, beside or {})
    faults.update(flag_faults(item, taken))
    taken = {name: value for name, value in taken.items() if name not in faults}
    changed = {name: value for name, value in taken.items() if item.data.get(name) != value}
    if changed:
        item.data = {**item.data, **changed}
        item.row_version += 1
        item.updated_at = now
        _describe(item)
        db.session.flush()
        fields = sorted(changed)
        record_event(item, "edited", actor, now, type=item.type_key, fields=fields)
    return faults


def draft_of(item: PortfolioItem, now: datetime) -> Draft:
    """Return an item as it is being typed, under its type as it is described now."""
    return Draft(item_types.form_of(item_types.get(item.type_key), item.person, now), item.data)


def files_in(item: PortfolioItem, slot: str) -> list[ItemFile]:
    """Return the attachments of an item in a slot, in order."""
    return [file for file in item.files if file.slot == slot]


def answers_of(item: PortfolioItem) -> dict[str, Any]:
    """Return the typed values with the ids of the attachments, as the form reads them."""
    slots = item_types.get(item.type_key).slots
    return {**item.data, **{s.name: [f.file_id for f in files_in(item, s.name)] for s in slots}}


def faults_of(item: PortfolioItem, now: datetime) -> dict[str, list[str]]:
    """Return everything that keeps an item from being submitted, by field, all at once."""
    spec = item_types.form_of(item_types.get(item.type_key), item.person, now)
    form: Any = build(spec)(data=answers_of(item))
    form.validate()
    faults = {field.name: texts_of(field) for field in form if field.errors}
    for field in spec.fields:
        if field.only and not form[field.name].is_required(form):
            _refuse_stray(form[field.name], faults)
    return {**flag_faults(item, item.data), **faults}


def _refuse_stray(field: Any, faults: dict[str, list[str]]) -> None:
    """Refuse what is asked for beside other answers only: a reviewer would read both."""
    if not field.is_empty():
        way = "移除附件" if field.spec.type == "files" else "清空此项"
        said = f"按现在的选择不需要{field.spec.label}，请{way}，或更改选择"
        faults.setdefault(field.name, []).append(said)


def submit_item(item: PortfolioItem, *, actor: Person, now: datetime) -> None:
    """Send an item to the unit, for the first time or after mending (提交审核, FJ-P-12).

    Raises Invalid with the faults by field, Conflict for a person no unit has approved
    (FJ-P-06) and for an item that is under review or approved.
    """
    require_editable(item, actor)
    if item.status == DRAFT:
        sent = send_item(item, actor=actor, now=now)
        runtime.start(
            PROCESS,
            business=(BUSINESS, item.id),
            jurisdiction=_unit_of(item).jurisdiction,
            actor_id=actor.id,
            now=now,
            said={handlers.OUTCOME_WORD: "提交" if sent.no == 1 else "重新提交"},
        )
    else:
        runtime.complete(_mending(item), {}, actor_id=actor.id, now=now)


def _mending(item: PortfolioItem) -> WorkItem:
    waiting = select(WorkItem).where(
        WorkItem.business_type == BUSINESS,
        WorkItem.business_id == item.id,
        WorkItem.node == "mend_item",
        WorkItem.status == ItemStatus.OPEN,
    )
    found = db.session.scalars(waiting).first()
    if found is None:
        raise Conflict("此业绩没有待办的修改任务，请刷新页面")
    return found


def _unit_of(item: PortfolioItem) -> Unit:
    unit = units.unit_of(item.person_id)
    if unit is None:
        raise Conflict(UNBOUND)
    return unit


def send_item(item: PortfolioItem, *, actor: Person, now: datetime) -> ItemSubmission:
    """Freeze what the unit will read; the part of submitting that changes the item."""
    require_editable(item, actor)
    unit = _unit_of(item)
    faults = faults_of(item, now)
    if faults:
        raise Invalid("还有内容没有填好，请按提示补充后提交", errors=faults)
    _drop_strays(item, actor, now)
    # It was held against the type as it is now, whether or not a field was typed since.
    _describe(item)
    show_as_sent(item)
    item.reviewing_unit_id = units.reviewing_unit(unit, item.person_id, now).id
    sent = ItemSubmission(
        no=len(item.submissions) + 1,
        type_version=item.type_version,
        data=dict(item.data),
        files=[{"slot": f.slot, "file_id": f.file_id, "name": f.name} for f in item.files],
        submitted_by=actor.id,
        submitted_at=now,
    )
    item.submissions.append(sent)
    move(item, SUBMITTED, now)
    record_event(item, "submitted", actor, now, no=sent.no, unit=item.reviewing_unit_id)
    return sent


def _drop_strays(item: PortfolioItem, actor: Person, now: datetime) -> None:
    """Take out attachments of slots the type no longer has: no page shows them to anybody."""
    slots = {slot.name for slot in item_types.get(item.type_key).slots}
    strays = [each for each in item.files if each.slot not in slots]
    for file in strays:
        item.files.remove(file)
        record_event(item, "file_removed", actor, now, slot=file.slot, file=file.file_id)
    leave_files(item, [file.file_id for file in strays])


def delete_item(item: PortfolioItem, *, actor: Person, now: datetime) -> None:
    """Delete a draft that the unit has never seen; Conflict otherwise."""
    _own(item, actor)
    if not item.can_delete:
        raise Conflict("已提交过审核的业绩不能删除")
    record_event(item, "deleted", actor, now, type=item.type_key, summary=item.summary)
    held = [file.file_id for file in item.files]
    db.session.delete(item)
    db.session.flush()
    forget_files(held)


def copy_item(item: PortfolioItem, *, actor: Person, now: datetime) -> PortfolioItem:
    """Start a draft with the same content and attachments, without what one item alone has."""
    _own(item, actor)
    alone = item_types.get(item.type_key).unique_fields
    data = {name: value for name, value in item.data.items() if name not in alone}
    twin = create_item(item.type_key, actor=actor, now=now, data=data)
    for file in item.files:
        twin.files.append(
            ItemFile(slot=file.slot, file_id=file.file_id, name=file.name, position=file.position)
        )
    db.session.flush()
    record_event(twin, "copied", actor, now, source=item.id)
    return twin
