"""Secrets at rest: identity numbers are sealed, and found by a keyed hash."""

import base64
import hashlib
import hmac
import secrets
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import current_app

KEY_BYTES = 32


def key_folder() -> Path:
    """Return the folder of the instance's keys; it is outside the database on purpose."""
    folder = Path(current_app.instance_path) / "keys"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@lru_cache(maxsize=16)
def _read_key(path: Path) -> bytes:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(secrets.token_bytes(KEY_BYTES))
    return path.read_bytes()


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


def mask_id(number: str) -> str:
    """Show the first six and last four characters of an identity number (等保 practice)."""
    hidden = len(number) - 10
    return f"{number[:6]}{'*' * hidden}{number[-4:]}" if hidden > 0 else "*" * len(number)
