"""What goes of the stored files, and when; their bytes go after their rows.

What is never linked goes after two days, and what no record refers to any more two days after a
sweep found it so: no record has to tell. Some know at once that a file has no further use.
"""

import contextlib
import hashlib
import io
import logging
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, delete, select, union, union_all, update
from sqlalchemy.exc import IntegrityError

from app.core.blobs import BlobMissing, BlobStore, blob_store
from app.core.crypto import instance_key
from app.core.db import Model, db
from app.core.lookalikes import forget_looks
from app.core.storage import LINKED, STAGED, StoredFile, blob_name

log = logging.getLogger(__name__)
MARK = "instance"
"""The name in a store of what tells whose it is."""
STAGED_FOR = timedelta(hours=48)
SWEPT = 200
"""How many files a sweep takes at once."""
# Bytes on which an upload may be about to lay its row.
BYTES_SPARED = 3600


def sweep_staged(now: datetime) -> list[str]:
    """Forget staged files nobody linked within 48 hours; returns the hashes of their bytes."""
    old = (
        select(StoredFile.id)
        .where(StoredFile.status == STAGED, StoredFile.created_at < now - STAGED_FOR)
        .limit(SWEPT)
    )
    # The status is asked again: a file that is linked at this very moment stays.
    swept = delete(StoredFile).where(StoredFile.id.in_(old), StoredFile.status == STAGED)
    gone = list(db.session.scalars(swept.returning(StoredFile.sha256)))
    _forget_looks_of(gone)
    return gone


def sweep_let_go(now: datetime) -> list[str]:
    """Forget files that 48 hours ago no record referred to; returns the hashes of their bytes.

    What a record refers to again stays, until that one lets it go.
    """
    _note_let_go(now)
    is_due = StoredFile.let_go_at < now - STAGED_FOR
    first = select(StoredFile.id).where(is_due).order_by(StoredFile.let_go_at).limit(SWEPT)
    # The moment is asked again: a file that is linked at this very moment stays.
    taken = update(StoredFile).where(StoredFile.id.in_(first), is_due).values(let_go_at=None)
    ids = db.session.scalars(taken.returning(StoredFile.id)).all()
    return forget_files(sorted(_unreferred(ids))) if ids else []


def _note_let_go(now: datetime) -> None:
    """Note of linked files that no record refers to them any more."""
    held = union_all(*(select(column).where(column.is_not(None)) for column in _references()))
    lost = update(StoredFile).where(
        StoredFile.status == LINKED, StoredFile.let_go_at.is_(None), StoredFile.id.not_in(held)
    )
    db.session.execute(lost.values(let_go_at=now).execution_options(synchronize_session=False))


def _unreferred(ids: Collection[int]) -> set[int]:
    """Return which files no record refers to, by all the columns that could."""
    held = union(*(select(column).where(column.in_(ids)) for column in _references()))
    return set(ids) - set(db.session.scalars(held))


def _references() -> list[Column[Any]]:
    return [
        column
        for table in Model.metadata.tables.values()
        for column in table.columns
        for key in column.foreign_keys
        if key.target_fullname == "stored_file.id" and not key.ondelete
    ]


def _forget_looks_of(gone: Iterable[str]) -> None:
    """Forget how bytes look whose last row is gone: nothing of a paper outlives its files."""
    hashes = set(gone)
    kept = set(db.session.scalars(select(StoredFile.sha256).where(StoredFile.sha256.in_(hashes))))
    forget_looks(hashes - kept)


def forget_files(ids: Iterable[int]) -> list[str]:
    """Forget files whose time is over, or that a record has no more; returns their hashes.

    One that a record refers to after all stays, and holds up none of the others. What nobody
    removes of the bytes goes as strays do.
    """
    hashes: list[str] = []
    for file_id in ids:
        gone = delete(StoredFile).where(StoredFile.id == file_id).returning(StoredFile.sha256)
        with contextlib.suppress(IntegrityError), db.session.begin_nested():
            hashes += db.session.scalars(gone).all()
    _forget_looks_of(hashes)
    return hashes


def store_to_sweep() -> BlobStore | None:
    """Return the store where it is this instance's own, None where another has marked it.

    Two that were given one bucket by mistake would each take the other's files for strays.
    """
    store, mine = blob_store(), instance_key("store")
    mark = hashlib.sha256(b"store mark" + mine).hexdigest().encode()
    try:
        with store.open(MARK) as kept:
            found = kept.read()
    except BlobMissing:
        store.put(MARK, io.BytesIO(mark), len(mark))
        return store
    if found != mark:
        log.error("the file store belongs to another instance: nothing is swept from it")
        return None
    return store


def _remove_old(store: BlobStore, name: str) -> None:
    """Remove bytes unless somebody has just written them anew."""
    age = store.age(name)
    if age is not None and age > BYTES_SPARED:
        store.remove(name)


def sweep_bytes(hashes: Iterable[str]) -> None:
    """Remove bytes that no file has any more; call it when their rows are gone for good."""
    wanted = set(hashes)
    store = store_to_sweep() if wanted else None
    if store is None:
        return
    for sha256 in wanted:
        known = db.session.scalar(select(StoredFile.id).where(StoredFile.sha256 == sha256))
        if not known:
            _remove_old(store, blob_name(sha256))


def sweep_strays(now: datetime) -> None:
    """Remove old bytes that no row knows, each hour in another of the store's 256 folders.

    An upload that was refused once its bytes were kept leaves such, and a server that was killed.
    """
    folder, store = f"{int(now.timestamp() // 3600) % 256:02x}", store_to_sweep()
    if store is None:
        return
    old = [name for name, age in store.names(folder) if age > BYTES_SPARED]
    for start in range(0, len(old), 500):
        names = old[start : start + 500]
        hashes = [name.rpartition("/")[2] for name in names]
        held = select(StoredFile.sha256).where(StoredFile.sha256.in_(hashes))
        known = {blob_name(sha256) for sha256 in db.session.scalars(held)}
        for name in names:
            if name not in known:
                _remove_old(store, name)
