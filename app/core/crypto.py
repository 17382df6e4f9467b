"""Secrets at rest: identity numbers are sealed, and found by a keyed hash."""

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import current_app
from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

KEY_BYTES = 32
# Marks the columns that hold what `seal` made, so that a new key reaches all of them.
SEALED = {"sealed": True}


def hashed_from(sealed: str) -> dict[str, str]:
    """Mark a column that holds the keyed hash of what another one holds sealed."""
    return {"hashed_from": sealed}


def key_folder() -> Path:
    """Return the folder of the instance's keys; it is outside the database on purpose."""
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _folder() -> Path:
    return Path(current_app.instance_path, "keys")


class BrokenKey(RuntimeError):
    """A key file does not hold a key; what it sealed needs the right one back."""


@lru_cache(maxsize=64)
def _read_key(path: Path, _inode: int = 0, _changed: int = 0) -> bytes:
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise BrokenKey(f"{path} should hold {KEY_BYTES} bytes: put the key back from a backup")
    return key


def read_key(path: Path) -> bytes:
    """Return the key of a file, read again when another took its place."""
    stand = path.stat()
    return _read_key(path, stand.st_ino, stand.st_mtime_ns)


def draft_key(path: Path) -> Path:
    """Write a fresh key beside its place and return where it lies."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as target:
        target.write(secrets.token_bytes(KEY_BYTES))
        target.flush()
        os.fsync(target.fileno())
    return draft


def sync_folder(folder: Path) -> None:
    """Let names that were given or taken in a folder outlast a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _key_at(path: Path) -> bytes:
    """Return the key of a place; at first use it is made, unless another process was first."""
    if not path.exists():
        draft = draft_key(path)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
        sync_folder(path.parent)
    return read_key(path)


def instance_key(name: str) -> bytes:
    """Return the 32-byte key called `name`, made at first use."""
    try:
        return read_key(_folder() / f"{name}.key")
    except FileNotFoundError:
        return _key_at(key_folder() / f"{name}.key")


FIELDS, INDEX = "fields", "index"
"""The keys that seal, and that hash what is sealed so that it is found."""
ID_LENGTH = 8


def key_id(key: bytes) -> str:
    """Return what a sealed text or a hash says of its key; it tells nothing of the key."""
    return hashlib.sha256(b"key id" + key).hexdigest()[:ID_LENGTH]


def keys_of(name: str) -> dict[str, bytes]:
    """Return the keys of a name by their ids: the one in use first, then older ones."""
    keys = [instance_key(name), *map(read_key, sorted(key_folder().glob(f"{name}-*.key")))]
    return {key_id(key): key for key in keys}


def seal(text: str) -> str:
    """Encrypt with AES-GCM, the key's id before it; two seals of the same text differ."""
    nonce, key = secrets.token_bytes(12), instance_key(FIELDS)
    sealed = AESGCM(key).encrypt(nonce, text.encode(), None)
    return f"{key_id(key)}.{base64.b64encode(nonce + sealed).decode()}"


def unseal(token: str) -> str:
    """Decrypt what `seal` made; InvalidTag when it was changed, BrokenKey without its key."""
    name, _, text = token.partition(".")
    key = instance_key(FIELDS)
    if key_id(key) != name:
        older = keys_of(FIELDS)
        if name not in older:
            raise BrokenKey(f"no key opens what was sealed with {name}: put it back from a backup")
        key = older[name]
    raw = base64.b64decode(text)
    return AESGCM(key).decrypt(raw[:12], raw[12:], None).decode()


def keyed_hash(text: str) -> str:
    """Return the keyed hash under which a secret value is found again, its key's id before it."""
    return _hash(instance_key(INDEX), text)


def _hash(key: bytes, text: str) -> str:
    digest = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return f"{key_id(key)}.{base64.b64encode(digest).decode()}"


def hashes_of(text: str) -> list[str]:
    """Return the hashes under which a text may be kept: by the key in use and by older ones."""
    return list(texts_by_hash([text]))


def texts_by_hash(texts: Iterable[str]) -> dict[str, str]:
    """Return texts by the hashes under which they may be kept; the keys are read once."""
    keys = list(keys_of(INDEX).values())
    return {_hash(key, text): text for text in texts for key in keys}


def is_hash_of(column: ColumnElement[Any] | InstrumentedAttribute[Any], *texts: str) -> Any:
    """Return the condition that a column holds the hash of one of these texts, by any key read."""
    return column.in_([kept for text in texts for kept in hashes_of(text)])


def fold_id(number: str) -> str:
    """Return an identity number as it is kept: no spaces, no full-width digits, a capital X."""
    return "".join(unicodedata.normalize("NFKC", number).upper().split())


def mask_name(name: str) -> str:
    """Show the first character of a name, and the last of a longer one."""
    return name[:1] + "*" * (len(name) - 2 if len(name) > 2 else 1) + name[2:][-1:]


def mask_id(number: str) -> str:
    """Show the first six and last four characters of an identity number (等保 practice)."""
    hidden = len(number) - 10
    return f"{number[:6]}{'*' * hidden}{number[-4:]}" if hidden > 0 else "*" * len(number)
