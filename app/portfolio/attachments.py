"""Attachments of items: every slot has a policy, every file one owner (附件)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from app.accounts.models import Person
from app.core import storage
from app.core.db import db
from app.core.errors import Conflict, Invalid, NotFound
from app.core.storage import StoredFile
from app.core.uploads import MEDIA_TYPES, Policy
from app.portfolio import item_types
from app.portfolio.leavings import leave_files
from app.portfolio.models import ItemFile, PortfolioItem
from app.portfolio.operations import (
    files_in,
    record_event,
    require_current,
    require_editable,
)


def room_for(item: PortfolioItem, slot: str, replaces: int | None, *, actor: Person) -> Policy:
    """Return what a slot takes, before a file is sent or cleaned for it.

    Raises Invalid when it is full, Conflict for what is not open or no longer there to replace.
    """
    require_editable(item, actor)
    rule = item_types.slot_of(item_types.get(item.type_key), slot).policy
    here = files_in(item, slot)
    if replaces is not None:
        _replaced(here, replaces)
    elif len(here) >= rule.count:
        raise Invalid(f"最多上传 {rule.count} 个附件", field=slot)
    return Policy(types=rule.types, max_bytes=rule.max_bytes, max_count=rule.count)


def kept_as(item: PortfolioItem, slot: str, file_id: int) -> ItemFile | None:
    """Return the attachment that a file is in a slot, None where it is not there."""
    return next((file for file in files_in(item, slot) if file.file_id == file_id), None)


def attach_file(
    item: PortfolioItem,
    slot: str,
    file_id: int,
    *,
    actor: Person,
    now: datetime,
    replaces: int | None = None,
) -> ItemFile:
    """Put an upload of the owner into a slot, in the place of another or at the end.

    Invalid when the slot does not take it, or has the same content already.
    """
    require_editable(item, actor)
    here = files_in(item, slot)
    known = kept_as(item, slot, file_id)
    if known is not None:
        return known
    policy = room_for(item, slot, replaces, actor=actor)
    stored = storage.owned_file(file_id, actor.id)
    _refuse_unfit(stored, policy, slot)
    _refuse_twice(stored, here, slot)
    storage.link(stored)
    former = _replaced(here, replaces) if replaces is not None else None
    file = ItemFile(slot=slot, file_id=stored.id, name=stored.name, position=_place(here, former))
    if former is not None:
        item.files.remove(former)
    item.files.append(file)
    item.updated_at = now
    db.session.flush()
    db.session.expire(item, ["files"])
    verb, gone = ("file_replaced", {"former": former.file_id}) if former else ("file_attached", {})
    record_event(item, verb, actor, now, slot=slot, file=stored.id, **gone)
    leave_files(item, gone.values())
    return file


def _place(here: Sequence[ItemFile], former: ItemFile | None) -> int:
    return former.position if former else max((file.position for file in here), default=0) + 1


def _replaced(here: Sequence[ItemFile], file_id: int) -> ItemFile:
    for file in here:
        if file.file_id == file_id:
            return file
    raise Conflict("要替换的附件已被移除或替换，请刷新页面")


def _refuse_unfit(stored: StoredFile, policy: Policy, slot: str) -> None:
    if stored.media_type not in {MEDIA_TYPES.get(kind) for kind in policy.types}:
        raise Invalid(f"文件类型不符：{policy.describe()}", field=slot)
    if stored.size > policy.max_bytes:
        raise Invalid(f"文件过大：{policy.describe()}", field=slot)


def _refuse_twice(stored: StoredFile, here: Sequence[ItemFile], slot: str) -> None:
    """One file that was chosen twice helps nobody who reads the evidence."""
    ids = [file.file_id for file in here]
    same = select(StoredFile.id).where(StoredFile.id.in_(ids), StoredFile.sha256 == stored.sha256)
    twin = db.session.scalars(same).first()
    if twin is not None:
        name = next(file.name for file in here if file.file_id == twin)
        raise Invalid(f"与已上传的“{name}”内容相同，无需重复上传", field=slot)


def _find_file(item: PortfolioItem, slot: str, file_id: int) -> ItemFile:
    for file in files_in(item, slot):
        if file.file_id == file_id:
            return file
    raise NotFound("附件不存在，请刷新页面")


def remove_file(
    item: PortfolioItem, slot: str, file_id: int, *, actor: Person, now: datetime
) -> None:
    """Take an attachment out of a slot; approved versions keep theirs."""
    require_editable(item, actor)
    item.files.remove(_find_file(item, slot, file_id))
    item.updated_at = now
    db.session.flush()
    record_event(item, "file_removed", actor, now, slot=slot, file=file_id)
    leave_files(item, [file_id])


def rename_file(
    item: PortfolioItem, slot: str, file_id: int, name: str, *, actor: Person, now: datetime
) -> ItemFile:
    """Give an attachment another name; Invalid for what is no name."""
    require_editable(item, actor)
    file = _find_file(item, slot, file_id)
    file.name = storage.renamed(file.name, name)
    item.updated_at = now
    record_event(item, "file_renamed", actor, now, slot=slot, file=file_id)
    return file


def autosave_files(
    item: PortfolioItem,
    slot: str,
    file_ids: list[int],
    *,
    actor: Person,
    now: datetime,
    row_version: int | None = None,
) -> None:
    """Keep what a page shows in a slot; Conflict for a page that another one has overtaken.

    It would take out what the other page has uploaded since. The upload itself counts no version,
    so this always does.
    """
    require_current(item, row_version)
    place_files(item, slot, file_ids, actor=actor, now=now)
    item.row_version += 1


def place_files(
    item: PortfolioItem, slot: str, file_ids: list[int], *, actor: Person, now: datetime
) -> None:
    """Make a slot hold exactly these files in this order: what a posted form says.

    Files chosen together are sent at once and arrive as they like; the page shows them as chosen.
    """
    require_editable(item, actor)
    before = [file.file_id for file in files_in(item, slot)]
    if before != file_ids:
        item.row_version += 1
    if before != file_ids and sorted(before) == sorted(file_ids):
        record_event(item, "files_ordered", actor, now, slot=slot, files=file_ids)
    for file in files_in(item, slot):
        if file.file_id not in file_ids:
            remove_file(item, slot, file.file_id, actor=actor, now=now)
    for position, file_id in enumerate(file_ids, 1):
        attach_file(item, slot, file_id, actor=actor, now=now).position = position
    db.session.flush()
    db.session.expire(item, ["files"])
