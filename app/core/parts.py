"""Uploads that come in parts, so that a broken connection costs one of them (断点续传).

A part lies in the store of files under its place in the whole, so that any server can take the
next one. What nobody finishes is swept after two days.
"""

import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import IO, Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    and_,
    delete,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.blobs import BlobMissing, blob_store
from app.core.db import Id, Instant, Model, db, pk
from app.core.errors import Conflict, Invalid, NotFound, TooLarge
from app.core.storage import NAME_LENGTH, StoredFile, short_name
from app.core.sweeping import store_to_sweep
from app.core.uploads import Policy, sniff

PART = 2**20
"""Bytes of every part but the last: what is held of an upload, and what a break costs."""
OPEN, KEPT, DROPPED = "open", "kept", "dropped"
OPEN_FOR, CLOSED_FOR = timedelta(hours=48), timedelta(hours=1)
MOST_OPEN = 50
FOLDER = "parts"
GONE = "上传记录不存在或已过期，请重新选择文件"


class PartialUpload(Model):
    """A file on its way in: how long it will be, and how much of it has come."""

    __tablename__ = "partial_upload"
    __table_args__ = (
        CheckConstraint("status IN ('open', 'kept', 'dropped')", name="status_is_known"),
        CheckConstraint("received >= 0 AND received <= length", name="no_more_than_announced"),
        Index("ix_partial_upload_sweep", "status", "updated_at"),
        Index("ix_partial_upload_owner", "owner_id", "status"),
    )

    id: Mapped[int] = pk()
    key: Mapped[str] = mapped_column(String(40), unique=True)
    owner_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    length: Mapped[int]
    received: Mapped[int] = mapped_column(default=0)
    # What its place accepted when it began: {types, max_bytes, max_count, photo}.
    policy: Mapped[dict[str, Any]] = mapped_column(JSON)
    status: Mapped[str] = mapped_column(String(10), default=OPEN)
    # What became of it: who asks for its end once more is given the same file.
    file_id: Mapped[int | None] = mapped_column(
        Id, ForeignKey("stored_file.id", ondelete="SET NULL"), index=True
    )
    updated_at: Mapped[datetime] = mapped_column(Instant)


def begin(
    key: str, name: str, length: int, policy: Policy, *, owner_id: int, now: datetime
) -> PartialUpload:
    """Announce a file. Invalid or TooLarge for its length, Conflict when too many are open."""
    if length <= 0:
        raise Invalid("文件是空的，请重新选择", field="file")
    if length > policy.most_bytes:
        raise TooLarge(f"文件超过限制：{policy.describe()}")
    mine = select(func.count(PartialUpload.id)).where(
        PartialUpload.owner_id == owner_id, PartialUpload.status == OPEN
    )
    if (db.session.scalar(mine) or 0) >= MOST_OPEN:
        raise Conflict("未传完的文件过多，请先继续或取消，两天后会自动清理")
    upload = PartialUpload(
        key=key,
        owner_id=owner_id,
        name=short_name(name),
        length=length,
        received=0,
        policy=asdict(policy),
        updated_at=now,
    )
    db.session.add(upload)
    db.session.flush()
    return upload


def own(key: str, owner_id: int, *, for_update: bool = False) -> PartialUpload:
    """Return an upload of this person that was not given up; NotFound otherwise."""
    query = select(PartialUpload).where(
        PartialUpload.key == key,
        PartialUpload.owner_id == owner_id,
        PartialUpload.status != DROPPED,
    )
    query = query.execution_options(populate_existing=True)
    found = db.session.scalars(query.with_for_update() if for_update else query).first()
    if found is None:
        raise NotFound(GONE)
    return found


def _part_name(key: str, offset: int) -> str:
    return f"{FOLDER}/{key}/{offset}"


def put_part(upload: PartialUpload, offset: int, content: bytes) -> None:
    """Judge a part and keep its bytes; `note_part` counts them.

    Conflict for any but the next part, Invalid or TooLarge for what cannot be part of it. The
    first one shows the kind of the file: what its place does not take is refused at once.
    """
    require_next(upload, offset)
    if len(content) != min(PART, upload.length - offset):
        raise Invalid("上传的数据不完整，请重试", field="file")
    if not offset:
        policy = Policy(**{**upload.policy, "types": tuple(upload.policy["types"])})
        sniff(content, upload.length, policy)
    blob_store().put(_part_name(upload.key, offset), io.BytesIO(content), len(content))


def require_next(upload: PartialUpload, offset: int) -> None:
    """Refuse a part that is not the next one (Conflict): the sender asks how much has come."""
    if upload.status != OPEN or offset != upload.received:
        raise Conflict("上传进度不一致，请继续上传")


def note_part(upload: PartialUpload, offset: int, size: int, *, now: datetime) -> None:
    """Count a part that was put; Conflict when another has come in its place."""
    require_next(upload, offset)
    upload.received += size
    upload.updated_at = now
    db.session.flush()


@contextmanager
def assembled(upload: PartialUpload) -> Iterator[IO[bytes]]:
    """Give the whole file; Conflict while parts are missing, NotFound when they are gone."""
    if upload.received < upload.length:
        raise Conflict("文件尚未传完，请继续上传")
    with tempfile.TemporaryFile() as whole:
        for offset in range(0, upload.length, PART):
            try:
                with blob_store().open(_part_name(upload.key, offset)) as part:
                    shutil.copyfileobj(part, whole)
            except BlobMissing as error:
                raise NotFound(GONE) from error
        whole.seek(0)
        yield whole


def close(upload: PartialUpload, file: StoredFile | None, *, now: datetime) -> None:
    """Note what became of an upload, or that it was given up; its parts go with the sweep."""
    upload.status = KEPT if file else DROPPED
    upload.file_id = file.id if file else None
    upload.updated_at = now
    db.session.flush()


def sweep_uploads(now: datetime) -> None:
    """Forget uploads nobody finished in two days, and those that ended."""
    is_over = or_(
        and_(PartialUpload.status == OPEN, PartialUpload.updated_at < now - OPEN_FOR),
        and_(PartialUpload.status != OPEN, PartialUpload.updated_at < now - CLOSED_FOR),
    )
    old = select(PartialUpload.id).where(is_over).limit(200)
    db.session.execute(delete(PartialUpload).where(PartialUpload.id.in_(old), is_over))


def sweep_parts() -> None:
    """Remove the parts of uploads that are forgotten; their rows were there before them."""
    store = store_to_sweep()
    if store is None:
        return
    # Before the first question, with which what this transaction sees of the database is settled.
    names = [name for name, _ in store.names(FOLDER)]
    known = set(db.session.scalars(select(PartialUpload.key)))
    for name in names:
        if name.split("/")[1] not in known:
            store.remove(name)
