"""Stored files: bytes by content hash in a store, name and owner in the database.

A file is staged in a transaction of its own; saving a record links it. What goes again, and
when, is told in `sweeping`.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.blobs import BlobMissing, blob_store, digest_of
from app.core.cleaning import cleaned
from app.core.db import Id, Instant, Model, begin_writing, db, pk
from app.core.errors import Invalid, NotFound
from app.core.lookalikes import Look, keep_looks, looks_for, note_unseen, see_again
from app.core.uploads import MEDIA_TYPES, Policy

STAGED, LINKED = "staged", "linked"
NAME_LENGTH = 120
_KNOWN_ENDINGS = frozenset({*MEDIA_TYPES, "jpeg", "gif", "bmp", "webp", "heic", "doc", "xls"})


_LET_GO = text("let_go_at IS NOT NULL")


class StoredFile(Model):
    """A file that somebody uploaded or the platform made."""

    __tablename__ = "stored_file"
    __table_args__ = (
        CheckConstraint("status IN ('staged', 'linked')", name="status_is_known"),
        CheckConstraint("size > 0", name="it_is_not_empty"),
        Index("ix_stored_file_sweep", "status", "created_at"),
        Index("ix_stored_file_sha256", "sha256", "id"),
        Index(
            "ix_stored_file_let_go",
            "let_go_at",
            sqlite_where=_LET_GO,
            postgresql_where=_LET_GO,
        ),
    )

    id: Mapped[int] = pk()
    sha256: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    media_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int]
    owner_id: Mapped[int | None] = mapped_column(Id, ForeignKey("person.id"))
    status: Mapped[str] = mapped_column(String(10), default=STAGED)
    created_at: Mapped[datetime] = mapped_column(Instant)
    # When a sweep found that no record refers to it any more.
    let_go_at: Mapped[datetime | None] = mapped_column(Instant)


Reader = Callable[[int, StoredFile], bool]
_readers: list[Reader] = []


def register_reader(reader: Reader) -> Reader:
    """Register who else may read a file: called with the person's id and the file."""
    _readers.append(reader)
    return reader


def may_read(person_id: int, file: StoredFile) -> bool:
    """Tell whether the person owns the file or a room vouches for them."""
    return file.owner_id == person_id or any(reader(person_id, file) for reader in _readers)


def blob_name(sha256: str) -> str:
    """Return the name under which the store has the bytes with this hash."""
    return f"{sha256[:2]}/{sha256}"


def short_name(name: str) -> str:
    """Return the last part of a file name, without control signs, with its ending kept."""
    bare = "".join(c for c in name.replace("\\", "/").rsplit("/", 1)[-1] if c.isprintable())
    stem, dot, ending = bare.strip().rstrip(". ").rpartition(".")
    if not dot:
        return (ending or "未命名")[:NAME_LENGTH]
    ending = ending[:10]
    return f"{stem.strip('. ')[: NAME_LENGTH - len(ending) - 1] or '未命名'}.{ending}"


def true_name(name: str, media_type: str) -> str:
    """Return a short name whose ending is that of the content, whatever it was called."""
    short = short_name(name)
    stem, _, ending = short.rpartition(".")
    true = next(each for each, kind in MEDIA_TYPES.items() if kind == media_type)
    if ending.lower().replace("jpeg", "jpg") == true:
        return short
    bare = stem if stem and ending.lower() in _KNOWN_ENDINGS else short
    return f"{bare[: NAME_LENGTH - len(true) - 1]}.{true}"


def renamed(name: str, typed: str) -> str:
    """Return the name that somebody gives a file; its ending stays (重命名).

    Raises Invalid for an empty one, one that is too long, and signs that are no part of a name.
    """
    ending = name.rpartition(".")[2]
    stem = typed.strip().removesuffix(f".{ending}").strip()
    longest = NAME_LENGTH - len(ending) - 1
    if not stem:
        raise Invalid("请填写附件名称", field="name")
    if len(stem) > longest:
        raise Invalid(f"附件名称不超过 {longest} 个字，现有 {len(stem)} 个字", field="name")
    if not stem.isprintable() or set(stem) & set('/\\:*?"<>|'):
        raise Invalid('附件名称不能含有 / \\ : * ? " < > | 等符号', field="name")
    return f"{stem}.{ending}"


@dataclass(frozen=True)
class Kept:
    """Harmless bytes that are in the store, and that no row knows yet."""

    sha256: str
    name: str
    media_type: str
    size: int
    looks: tuple[Look, ...] = ()
    is_unseen: bool = False
    # The ink of all pages or of the picture; nothing where not every page was seen.
    inks: tuple[bytes, ...] = ()


def prepare(source: IO[bytes], name: str, policy: Policy) -> Kept:
    """Clean an upload and keep its bytes; TooLarge, Invalid or StoreUnavailable otherwise.

    This can take seconds; a request calls it before it writes, see `begin_writing`.
    """
    with cleaned(source, policy) as clean:
        blob_store().put(blob_name(clean.sha256), clean.content, clean.size)
    true = true_name(name, clean.media_type)
    looks = looks_for(clean.sha256, clean.inks)
    inks = () if clean.is_unseen else clean.inks
    return Kept(clean.sha256, true, clean.media_type, clean.size, looks, clean.is_unseen, inks)


def lay(kept: Kept, *, owner_id: int | None, now: datetime) -> StoredFile:
    """Write the row of prepared bytes, until a record links it."""
    file = StoredFile(
        sha256=kept.sha256,
        name=kept.name,
        media_type=kept.media_type,
        size=kept.size,
        owner_id=owner_id,
        status=STAGED,
        created_at=now,
    )
    db.session.add(file)
    db.session.flush()
    if kept.is_unseen:
        note_unseen(kept.sha256, now)
    # The same bytes may have been tried before in vain, or be given up.
    if not (kept.inks and see_again(kept.sha256, kept.inks)):
        keep_looks(kept.sha256, kept.looks)
    return file


def stage(
    source: IO[bytes], name: str, policy: Policy, *, owner_id: int | None, now: datetime
) -> StoredFile:
    """Prepare an upload and then write its row, in a request that has only read so far."""
    kept = prepare(source, name, policy)
    begin_writing()
    return lay(kept, owner_id=owner_id, now=now)


def store_known(source: IO[bytes], name: str, media_type: str) -> Kept:
    """Keep bytes that are known to be harmless, such as a paper the platform rendered.

    The store may be far away: whoever others wait for calls it before the transaction that writes.
    """
    source.seek(0)
    digest = digest_of(source)
    size = source.tell()
    source.seek(0)
    blob_store().put(blob_name(digest), source, size)
    return Kept(digest, short_name(name), media_type, size)


def keep(
    content: bytes, name: str, media_type: str, *, owner_id: int | None, now: datetime
) -> StoredFile:
    """Keep harmless bytes with their row at once, where nobody waits."""
    kept = store_known(io.BytesIO(content), name, media_type)
    return lay(kept, owner_id=owner_id, now=now)


def link(file: StoredFile) -> StoredFile:
    """Mark a file as belonging to a record; it is never swept again."""
    file.status, file.let_go_at = LINKED, None
    return file


def owned_file(file_id: int, owner_id: int, fits: Policy | None = None) -> StoredFile:
    """Return a file of this person; NotFound for a foreign or a missing one.

    Nor does a file count that the policy would not have taken: it came for something else.
    """
    file = db.session.get(StoredFile, file_id)
    if file is None or file.owner_id != owner_id or not _fits(file, fits):
        raise NotFound("附件不存在，请重新上传")
    return file


def _fits(file: StoredFile, policy: Policy | None) -> bool:
    if policy is None:
        return True
    kinds = {MEDIA_TYPES[each] for each in policy.types}
    return file.media_type in kinds and file.size <= policy.max_bytes


def open_file(file: StoredFile) -> IO[bytes]:
    """Return the content to be read and closed, checked against its hash.

    NotFound when the store has lost or damaged it, StoreUnavailable when it does not answer.
    """
    try:
        content = blob_store().open(blob_name(file.sha256))
    except BlobMissing as error:
        raise NotFound("附件内容缺失，请联系管理员") from error
    if digest_of(content) != file.sha256:
        content.close()
        raise NotFound("附件内容校验失败，请联系管理员")
    content.seek(0)
    return content


def read_bytes(file: StoredFile) -> bytes:
    """Return the whole content of a file that is small, such as a photo; see `open_file`."""
    with open_file(file) as content:
        return content.read()
