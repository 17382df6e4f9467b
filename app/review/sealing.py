"""The lock of the ballot box: sealed boxes, codes of the holders, a key split two of three.

A ballot is sealed with a fresh X25519 key, HKDF and AES-GCM to the public key of the box. The
private key is split between three holders so that any two open the box and one learns nothing:
for each pair of holders one takes a random pad and the other the key XOR that pad. A share is
sealed in the same way to a key derived from its holder's one-time code; codes are not kept.
"""

from random import Random

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
HOLDERS = 3
# Crockford's base 32: no I, L, O or U to misread.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_GROUPS, GROUP_LENGTH = 4, 5
_MISREAD = str.maketrans("ILO", "110")


class WrongCode(ValueError):
    """A code or a key that does not open what was sealed."""


def new_code(random: Random) -> str:
    """Return a one-time code (密钥码) of 100 random bits, in four groups of five."""
    groups = (
        "".join(random.choice(ALPHABET) for _ in range(GROUP_LENGTH)) for _ in range(CODE_GROUPS)
    )
    return "-".join(groups)


def key_of_code(code: str, context: bytes) -> X25519PrivateKey:
    """Return the private key that a code stands for in a context; case and dashes are free.

    The code has 100 random bits, so a plain derivation cannot be searched.
    """
    letters = "".join(c for c in code.upper() if c.isalnum()).translate(_MISREAD)
    return X25519PrivateKey.from_private_bytes(_derive(letters.encode(), context, b"holder code"))


def new_key(random: Random) -> X25519PrivateKey:
    """Return a fresh private key."""
    return X25519PrivateKey.from_private_bytes(random.randbytes(KEY_BYTES))


def public_hex(key: X25519PrivateKey) -> str:
    """Return the public half as text for the database."""
    return key.public_key().public_bytes_raw().hex()


def _derive(secret: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=info).derive(secret)


def seal(text: bytes, recipient: str, context: bytes, random: Random) -> bytes:
    """Seal bytes to a public key; the result is as much longer for every text."""
    fresh = new_key(random)
    shared = fresh.exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(recipient)))
    sender = fresh.public_key().public_bytes_raw()
    key = _derive(shared, sender + bytes.fromhex(recipient), context)
    # The key is used once, so the nonce may be constant.
    return sender + AESGCM(key).encrypt(bytes(12), text, context)


def unseal(sealed: bytes, key: X25519PrivateKey, context: bytes) -> bytes:
    """Open what `seal` made. Raises WrongCode."""
    sender, body = sealed[:KEY_BYTES], sealed[KEY_BYTES:]
    try:
        shared = key.exchange(X25519PublicKey.from_public_bytes(sender))
        derived = _derive(shared, sender + key.public_key().public_bytes_raw(), context)
        return AESGCM(derived).decrypt(bytes(12), body, context)
    except (InvalidTag, ValueError) as error:
        raise WrongCode from error


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def split(secret: bytes, random: Random) -> list[bytes]:
    """Split a key between three holders; any two have it, one has only random pads."""
    parts: list[list[bytes]] = [[b""] * HOLDERS for _ in range(HOLDERS)]
    for first in range(HOLDERS):
        for second in range(first + 1, HOLDERS):
            pad = random.randbytes(len(secret))
            parts[first][second] = pad
            parts[second][first] = _xor(secret, pad)
    return [b"".join(row) for row in parts]


def join(first: tuple[int, bytes], second: tuple[int, bytes]) -> bytes:
    """Return the key from the shares of two holders, given with their places."""
    return _xor(_part(first, second[0]), _part(second, first[0]))


def _part(share: tuple[int, bytes], other: int) -> bytes:
    place, parts = share
    index = other if other < place else other - 1
    return parts[index * KEY_BYTES : (index + 1) * KEY_BYTES]
