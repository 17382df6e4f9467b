"""One-time codes on paper: recovery codes of a device (恢复码), cards for meetings (评审验证卡).

They are drawn from a seed, so that whoever made them can be shown them on the next page without
their being kept anywhere: of a code there is only its hash.
"""

import base64
import hmac
import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, update

from app.accounts.factor_models import CodeCard, OneTimeCode
from app.accounts.queries import hash_of
from app.core import audit, crypto
from app.core.db import db

COUNT, GROUP = 10, 4
RECOVERY_LENGTH, CARD_LENGTH = 16, 12
"""80 bits where a code lasts for years; 60 are quicker to type, for some days."""


def fresh_seed() -> bytes:
    """Return what codes are drawn from."""
    return secrets.token_bytes(32)


def drawn(seed: bytes, owner: str, length: int) -> list[str]:
    """Return the codes that a seed gives to an owner, the same ones whenever it is asked."""
    digests = (hmac.digest(seed, f"{owner}:{no}".encode(), "sha256") for no in range(COUNT))
    return [base64.b32encode(digest).decode()[:length] for digest in digests]


def written(codes: list[str]) -> list[str]:
    """Return codes as people read them, in groups."""
    return ["-".join(c[i : i + GROUP] for i in range(0, len(c), GROUP)) for c in codes]


def folded(text: str) -> str:
    """Return a code as it was drawn, however it was typed."""
    return crypto.fold_id(text).replace("-", "")


def has_lost_card(person_id: int, now: datetime) -> bool:
    """Tell whether a person is asked for codes of a card, and all of theirs were lost (作废)."""
    good = select(CodeCard.id).where(CodeCard.person_id == person_id, CodeCard.is_good(now))
    codes = select(OneTimeCode.id).where(OneTimeCode.card_id.in_(good))
    has_card, has_codes = (db.session.scalar(each.limit(1)) is not None for each in (good, codes))
    return has_card and not has_codes


def keep(codes: list[str], *, factor_of: int | None = None, card_id: int | None = None) -> None:
    """Keep the hashes of codes, of a person's device or of a card.

    Those of a card are short: without the key of the instance nobody tries them all. Those of a
    device are long, and outlive keys.
    """
    owner = {"factor_of": factor_of, "card_id": card_id}
    hashed = hash_of if card_id is None else crypto.keyed_hash
    db.session.add_all(OneTimeCode(code_hash=hashed(code), **owner) for code in codes)
    db.session.flush()


def spend_recovery_code(person_id: int, code: str, now: datetime) -> bool:
    """Use a recovery code up; tells whether it was an unused one of this person."""
    return _spend(now, OneTimeCode.factor_of == person_id, OneTimeCode.code_hash == hash_of(code))


def spend_card_code(person_id: int, code: str, now: datetime) -> CodeCard | None:
    """Use a code of a person's card up; returns the card, None where it opens nothing now."""
    good = select(CodeCard.id).where(CodeCard.person_id == person_id, CodeCard.is_good(now))
    is_it = crypto.is_hash_of(OneTimeCode.code_hash, code)
    if not _spend(now, OneTimeCode.card_id.in_(good), is_it):
        return None
    of_code = select(OneTimeCode.card_id).where(is_it)
    return db.session.get_one(CodeCard, db.session.scalar(of_code))


def _spend(now: datetime, *wanted: ColumnElement[bool]) -> bool:
    """Mark a code as used; of two who ask at the same moment one is told so."""
    unused = update(OneTimeCode).where(*wanted, OneTimeCode.used_at.is_(None))
    used: Any = db.session.execute(unused.values(used_at=now))
    return bool(used.rowcount)


def void_cards(
    *conditions: ColumnElement[bool], actor_id: int | None, now: datetime
) -> list[CodeCard]:
    """Let cards open nothing any more (作废); returns those that had codes until now."""
    wanted = select(CodeCard).where(*conditions, CodeCard.voided_at.is_(None))
    ended = list(db.session.scalars(wanted.order_by(CodeCard.id).with_for_update(of=CodeCard)))
    for card in ended:
        card.voided_at = now
    db.session.flush()
    of_cards = OneTimeCode.card_id.in_([card.id for card in ended])
    with_codes = set(db.session.scalars(select(OneTimeCode.card_id).where(of_cards)))
    # Of one that was lost the log tells already.
    opened = [card for card in ended if card.id in with_codes]
    for card in opened:
        note_card("account:card_voided", card, actor_id, now)
    return opened


def note_card(tag: str, card: CodeCard, actor_id: int | None, now: datetime) -> None:
    """Write what was done with a card into the log of its person."""
    subject = ("person", card.person_id)
    audit.record(tag, subject=subject, actor_id=actor_id, now=now, meeting=card.meeting_id)
