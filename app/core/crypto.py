"""Secrets at rest: identity numbers are sealed, and found by a keyed hash."""

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
import unicodedata
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import current_app

KEY_BYTES = 32
# Marks the columns that hold what `seal` made, so that a new key reaches all of them.
SEALED = {"sealed": True}


def key_folder() -> Path:
    """Return the folder of the instance's keys; it is outside the database on purpose."""
    folder = Path(current_app.instance_path) / "keys"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


class BrokenKey(RuntimeError):
    """A key file does not hold a key; what it sealed needs the right one back."""


@lru_cache(maxsize=16)
def _read_key(path: Path) -> bytes:
    if not path.exists():
        _make_key(path)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise BrokenKey(f"{path} should hold {KEY_BYTES} bytes: put the key back from a backup")
    return key


def _make_key(path: Path) -> None:
    """Put a whole key in its place, unless another process was first: nobody uses a lost one."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as target:
        target.write(secrets.token_bytes(KEY_BYTES))
        target.flush()
        os.fsync(target.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


def instance_key(name: str) -> bytes:
    """Return the 32-byte key called `name`, made at first use."""
    return _read_key(key_folder() / f"{name}.key")


def seal(text: str) -> str:
    """Encrypt with AES-GCM; two seals of the same text differ."""
    nonce = secrets.token_bytes(12)
    sealed = AESGCM(instance_key("fields")).encrypt(nonce, text.encode(), None)
    return base64.b64encode(nonce + sealed).decode()


def unseal(token: str) -> str:
    """Decrypt what `seal` made; InvalidTag when it was changed."""
    raw = base64.b64decode(token)
    return AESGCM(instance_key("fields")).decrypt(raw[:12], raw[12:], None).decode()


def keyed_hash(text: str) -> str:
    """Return the keyed hash under which a secret value is found again."""
    return hmac.new(instance_key("index"), text.encode(), hashlib.sha256).hexdigest()


def fold_id(number: str) -> str:
    """Return an identity number as it is kept: no spaces, no full-width digits, a capital X."""
    return "".join(unicodedata.normalize("NFKC", number).upper().split())


def mask_id(number: str) -> str:
    """Show the first six and last four characters of an identity number (等保 practice)."""
    hidden = len(number) - 10
    return f"{number[:6]}{'*' * hidden}{number[-4:]}" if hidden > 0 else "*" * len(number)
