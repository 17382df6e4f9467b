"""Attachments of the plan's slots: upload, rename, remove (附件上传, FJ-P-32, FJ-P-54)."""

from datetime import datetime

from app.core import storage
from app.core.db import db
from app.core.errors import Invalid, NotFound
from app.core.storage import StoredFile
from app.core.uploads import MEDIA_TYPES
from app.declarations.models import Declaration, DeclarationFile
from app.declarations.operations.common import next_position, record, refuse_unless_editable
from app.declarations.queries import files_of
from app.plans.models import PlanSlot


def slot_of(declaration: Declaration, slot_id: int) -> PlanSlot:
    """Return a slot of the declaration's plan; NotFound for any other."""
    for slot in declaration.plan.slots:
        if slot.id == slot_id:
            return slot
    raise NotFound("该附件类别不存在")


def attach_file(
    declaration: Declaration, slot_id: int, file_id: int, *, now: datetime
) -> DeclarationFile:
    """Put an upload of the applicant into a slot.

    Raises Invalid for a file the slot does not take or one too many, NotFound for a foreign one.
    """
    refuse_unless_editable(declaration)
    slot = slot_of(declaration, slot_id)
    stored = storage.owned_file(file_id, declaration.person_id)
    here = [file for file in files_of(declaration.id) if file.slot_id == slot.id]
    for known in here:
        if known.file_id == stored.id:
            return known
    _refuse_unfit(stored, slot)
    if len(here) >= slot.max_count:
        raise Invalid(f"{slot.name} 最多上传 {slot.max_count} 个附件", field="file")
    file = DeclarationFile(
        declaration_id=declaration.id,
        slot_id=slot.id,
        file_id=storage.link(stored).id,
        name=stored.name,
        position=next_position(here),
    )
    db.session.add(file)
    db.session.flush()
    record(
        "file_attached", declaration, declaration.person_id, now, slot=slot.name, file=stored.id
    )
    return file


def _refuse_unfit(stored: StoredFile, slot: PlanSlot) -> None:
    if stored.media_type not in {MEDIA_TYPES[ending] for ending in slot.types}:
        raise Invalid(f"{slot.name} 只接受 {'、'.join(slot.types)} 文件", field="file")
    if stored.size > slot.max_bytes:
        raise Invalid(f"{slot.name} 单个文件不超过 {slot.max_bytes // 2**20} MB", field="file")


def _file_of(declaration: Declaration, attachment_id: int) -> DeclarationFile:
    file = db.session.get(DeclarationFile, attachment_id)
    if file is None or file.declaration_id != declaration.id:
        raise NotFound("该附件不存在，请刷新页面")
    return file


def rename_file(
    declaration: Declaration, attachment_id: int, name: str, *, now: datetime
) -> DeclarationFile:
    """Name an attachment by its content (身份证正面…); Invalid for what is no name."""
    refuse_unless_editable(declaration)
    file = _file_of(declaration, attachment_id)
    file.name = storage.renamed(file.name, name)
    db.session.flush()
    record("file_renamed", declaration, declaration.person_id, now, file=file.file_id)
    return file


def remove_file(declaration: Declaration, attachment_id: int, *, now: datetime) -> None:
    """Take an attachment out of its slot; what was sent up keeps it."""
    refuse_unless_editable(declaration)
    file = _file_of(declaration, attachment_id)
    db.session.delete(file)
    db.session.flush()
    record("file_removed", declaration, declaration.person_id, now, file=file.file_id)
