"""Signing what a certificate's QR code says, so that it verifies without trusting the page.

The signed payload is 20 bytes: version, key id, day of issue (two bytes, days since 2000) and 16
bytes of the digest of the printed facts. With an Ed25519 signature that is 84 bytes, which a QR
code of 3.5 cm still prints readably.
"""

import base64
import hashlib
import json
import struct
from collections.abc import Mapping
from datetime import date
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.core.crypto import instance_key

VERSION, KEY_ID = 1, 1
EPOCH = date(2000, 1, 1)
DIGEST_BYTES = 16
LAYOUT = f">BBH{DIGEST_BYTES}s"
SIZE = struct.calcsize(LAYOUT)
TOKEN_LENGTH = 112


def _key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(instance_key("certificates"))


def public_key() -> str:
    """Return the public key that scripts verify with, in base64url."""
    raw = _key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return _text(raw)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _raw(text: str) -> bytes:
    """Return what a token stands for; ValueError unless it is whole and written as we write."""
    raw = base64.b64decode(text, altchars=b"-_", validate=True)
    if len(text) != TOKEN_LENGTH or _text(raw) != text:
        msg = "not a token"
        raise ValueError(msg)
    return raw


def digest(number: str, facts: Mapping[str, Any]) -> bytes:
    """Return the digest of a certificate's number and printed facts, keys in order."""
    text = json.dumps([number, dict(facts)], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).digest()[:DIGEST_BYTES]


def sign(number: str, facts: Mapping[str, Any], issued_on: date) -> str:
    """Return the signed payload in base64url: 112 characters."""
    days = (issued_on - EPOCH).days
    payload = struct.pack(LAYOUT, VERSION, KEY_ID, days, digest(number, facts))
    return _text(payload + _key().sign(payload))


def is_genuine(token: str, number: str, facts: Mapping[str, Any]) -> bool:
    """Tell whether a token was signed here for exactly this number and these facts."""
    try:
        raw = _raw(token)
        payload, signature = raw[:SIZE], raw[SIZE:]
        _key().public_key().verify(signature, payload)
    except (ValueError, InvalidSignature):
        return False
    version, _, _, signed = struct.unpack(LAYOUT, payload)
    return bool(version == VERSION and signed == digest(number, facts))
