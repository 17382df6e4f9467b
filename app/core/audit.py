"""The audit log: an event for every act, chained by a sealer afterwards.

A seal is an HMAC under a key of the instance, so that who can write the database, but has not the
key, cannot seal what they changed. How far the chain had come is kept beside the key, so that its
end is not taken away unnoticed: the file `audit.head` names the last event that was sealed when
the sealer last looked. Who restores an older backup knows what is lost, and removes the file.
"""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    Row,
    Select,
    String,
    Update,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.crypto import instance_key, key_folder
from app.core.db import Id, Instant, Model, db, pk

HEAD = "audit.head"
# How many rows are held in memory at once when the whole chain is checked.
CHUNK = 1000
# More broken places than these are not told one by one.
MOST_TOLD = 100
_ADDRESSED = text("address IS NOT NULL")


class AuditEvent(Model):
    """One act: who did what to which record, when."""

    __tablename__ = "audit_event"
    __table_args__ = (
        CheckConstraint("(seq IS NULL) = (seal IS NULL)", name="a_sealed_event_has_a_place"),
        Index("ix_audit_event_subject", "subject_type", "subject_id"),
        Index("ix_audit_event_actor", "actor_id", "at"),
        Index("ix_audit_event_at", "at"),
        # Of years of events the few of the last months that tell from where.
        Index("ix_audit_event_from", "at", sqlite_where=_ADDRESSED, postgresql_where=_ADDRESSED),
    )

    id: Mapped[int] = pk()
    at: Mapped[datetime] = mapped_column(Instant)
    tag: Mapped[str] = mapped_column(String(60), index=True)
    actor_id: Mapped[int | None] = mapped_column(Id, ForeignKey("person.id"))
    subject_type: Mapped[str] = mapped_column(String(30))
    subject_id: Mapped[int] = mapped_column(Id)
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    # From where somebody signed in, or tried to; forgotten after a time, so no seal covers it.
    address: Mapped[str | None] = mapped_column(String(45))
    seq: Mapped[int | None] = mapped_column(Id, unique=True)
    seal: Mapped[str | None] = mapped_column(String(64))


def record(
    tag: str, *, subject: tuple[str, int], actor_id: int | None, now: datetime, **data: Any
) -> None:
    """Write an event in the transaction of its act; `tag` reads like declaration:submitted."""
    record_from("", tag, subject=subject, actor_id=actor_id, now=now, **data)


def record_from(
    address: str,
    tag: str,
    *,
    subject: tuple[str, int],
    actor_id: int | None,
    now: datetime,
    **data: Any,
) -> None:
    """Write an event with the network address that it came from: of signing in, or trying to."""
    db.session.add(
        AuditEvent(
            at=now,
            tag=tag,
            actor_id=actor_id,
            subject_type=subject[0],
            subject_id=subject[1],
            data=data,
            address=address or None,
        )
    )


def forget_addresses(before: datetime) -> None:
    """Forget from where people signed in before a moment; that they did is kept."""
    db.session.execute(forgetting(before))


def forgetting(before: datetime) -> Update:
    """Return the statement that forgets addresses; it reads no event that has none any more."""
    old = update(AuditEvent).where(AuditEvent.address.is_not(None), AuditEvent.at < before)
    return old.values(address=None)


def record_many(
    tag: str,
    *,
    kind: str,
    about: Iterable[tuple[int, dict[str, Any]]],
    actor_id: int | None,
    now: datetime,
) -> None:
    """Write one event for each of many records of a kind: its id, and what the event keeps."""
    same = {"at": now, "tag": tag, "actor_id": actor_id, "subject_type": kind}
    rows = [{**same, "subject_id": subject_id, "data": data} for subject_id, data in about]
    if rows:
        db.session.execute(insert(AuditEvent), rows)


def _digest(event: Row[Any] | AuditEvent, seq: int, previous: str) -> str:
    fields = [
        previous,
        seq,
        event.id,
        event.at.isoformat(),
        event.tag,
        event.actor_id,
        event.subject_type,
        event.subject_id,
        event.data,
    ]
    return _signed(json.dumps(fields, sort_keys=True, ensure_ascii=False))


def _signed(text: str) -> str:
    return hmac.new(instance_key("audit"), text.encode(), hashlib.sha256).hexdigest()


def seal_events(limit: int = 500) -> int:
    """Chain events that are not sealed yet, in order of their ids; returns how many."""
    last = db.session.scalars(
        select(AuditEvent)
        .where(AuditEvent.seq.is_not(None))
        .order_by(AuditEvent.seq.desc())
        .limit(1)
    ).first()
    seq, previous = (last.seq or 0, last.seal or "") if last else (0, "")
    # What is committed is kept; what is sealed now may still be rolled back.
    _keep_head(seq, previous)
    fresh = db.session.scalars(
        select(AuditEvent).where(AuditEvent.seq.is_(None)).order_by(AuditEvent.id).limit(limit)
    ).all()
    for event in fresh:
        seq += 1
        previous = _digest(event, seq, previous)
        event.seq, event.seal = seq, previous
    db.session.flush()
    return len(fresh)


def _keep_head(seq: int, seal: str) -> None:
    """Keep how far the chain has come; a head that the chain lost stays as evidence."""
    known = _head()
    if seq <= known[0]:
        return
    if known[0]:
        kept = select(AuditEvent.seal).where(AuditEvent.seq == known[0])
        if db.session.scalar(kept) != known[1]:
            return
    draft = key_folder() / f".{HEAD}.{secrets.token_hex(4)}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as target:
        target.write(f"{seq} {seal} {_signed(f'head {seq} {seal}')}")
        target.flush()
        os.fsync(target.fileno())
    draft.replace(key_folder() / HEAD)


def _head() -> tuple[int, str]:
    """Return place and seal of the last event known to be sealed; no seal when it was forged."""
    path = key_folder() / HEAD
    if not path.exists():
        return 0, ""
    seq, _, rest = path.read_text().partition(" ")
    seal, _, signature = rest.partition(" ")
    holds = hmac.compare_digest(signature, _signed(f"head {seq} {seal}"))
    return (int(seq), seal) if holds else (1, "")


def _promised() -> int:
    """Return how many seals an earlier check has found."""
    told = select(AuditEvent.data).where(AuditEvent.tag == "audit:verified")
    return max((int(data.get("sealed", 0)) for data in db.session.scalars(told)), default=0)


def _sealed() -> Iterator[Row[Any]]:
    """Yield the chain in its order, a chunk at a time: it is longer than the memory."""
    columns = AuditEvent.__table__.c
    sealed: Select[Any] = select(AuditEvent.__table__).where(columns.seq.is_not(None))
    chunk = sealed.order_by(columns.seq).limit(CHUNK)
    rows = db.session.execute(chunk).all()
    while rows:
        yield from rows
        rows = db.session.execute(chunk.where(columns.seq > rows[-1].seq)).all()


def broken_seals(limit: int = MOST_TOLD) -> list[int]:
    """Return the places in the chain whose seal does not hold, the first `limit` of them."""
    return verify_seals(limit)[1]


def verify_seals(limit: int = MOST_TOLD) -> tuple[int, list[int]]:
    """Return how many seals there are, and the first places whose seal does not hold.

    Where the end is missing, the first missing place is the last of them.
    """
    previous, place = "", 0
    known, known_seal = _head()
    wrong: list[int] = []
    for place, event in enumerate(_sealed(), start=1):
        holds = event.seq == place and hmac.compare_digest(
            event.seal, _digest(event, event.seq, previous)
        )
        holds = holds and (place != known or event.seal == known_seal)
        if not holds and len(wrong) < limit:
            wrong.append(place)
        previous = event.seal
    if place < max(known, _promised()):
        wrong.append(place + 1)
    return place, wrong
