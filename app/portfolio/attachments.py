"""Attachments of items: every slot has a policy, every file one owner (附件)."""

from datetime import datetime

from app.accounts.models import Person
from app.core import storage
from app.core.db import db
from app.core.errors import Invalid, NotFound
from app.core.uploads import MEDIA_TYPES
from app.portfolio import item_types
from app.portfolio.models import ItemFile, PortfolioItem
from app.portfolio.operations import (
    files_in,
    record_event,
    require_current,
    require_editable,
)


def attach_file(
    item: PortfolioItem, slot: str, file_id: int, *, actor: Person, now: datetime
) -> ItemFile:
    """Put an upload of the owner into a slot; Invalid when the slot does not take it."""
    require_editable(item, actor)
    policy = item_types.slot_of(item_types.get(item.type_key), slot).policy
    here = files_in(item, slot)
    for known in here:
        if known.file_id == file_id:
            return known
    if len(here) >= policy.count:
        raise Invalid(f"最多上传 {policy.count} 个附件", field=slot)
    stored = storage.owned_file(file_id, actor.id)
    if stored.media_type not in {MEDIA_TYPES.get(kind) for kind in policy.types}:
        raise Invalid(f"文件类型不符：{policy.help}", field=slot)
    if stored.size > policy.max_bytes:
        raise Invalid(f"文件过大：{policy.help}", field=slot)
    storage.link(stored)
    file = ItemFile(
        slot=slot,
        file_id=stored.id,
        name=stored.name,
        position=max((known.position for known in here), default=0) + 1,
    )
    item.files.append(file)
    item.updated_at = now
    db.session.flush()
    record_event(item, "file_attached", actor, now, slot=slot, file=stored.id)
    return file


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
    """Make a slot hold exactly these files: what a posted form says."""
    require_editable(item, actor)
    if {file.file_id for file in files_in(item, slot)} != set(file_ids):
        item.row_version += 1
    for file in files_in(item, slot):
        if file.file_id not in file_ids:
            remove_file(item, slot, file.file_id, actor=actor, now=now)
    for file_id in file_ids:
        attach_file(item, slot, file_id, actor=actor, now=now)
