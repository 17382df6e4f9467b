"""The audit log: an event for every act, chained by a sealer afterwards."""

import hashlib
import json
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, select
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Id, Instant, Model, db, pk


class AuditEvent(Model):
    """One act: who did what to which record, when."""

    __tablename__ = "audit_event"
    __table_args__ = (
        CheckConstraint("(seq IS NULL) = (seal IS NULL)", name="a_sealed_event_has_a_place"),
        Index("ix_audit_event_subject", "subject_type", "subject_id"),
    )

    id: Mapped[int] = pk()
    at: Mapped[datetime] = mapped_column(Instant)
    tag: Mapped[str] = mapped_column(String(60), index=True)
    actor_id: Mapped[int | None] = mapped_column(Id, ForeignKey("person.id"))
    subject_type: Mapped[str] = mapped_column(String(30))
    subject_id: Mapped[int] = mapped_column(Id)
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    seq: Mapped[int | None] = mapped_column(Id, unique=True)
    seal: Mapped[str | None] = mapped_column(String(64))


def record(
    tag: str, *, subject: tuple[str, int], actor_id: int | None, now: datetime, **data: Any
) -> None:
    """Write an event in the transaction of its act; `tag` reads like declaration:submitted."""
    db.session.add(
        AuditEvent(
            at=now,
            tag=tag,
            actor_id=actor_id,
            subject_type=subject[0],
            subject_id=subject[1],
            data=data,
        )
    )


def _digest(event: AuditEvent, seq: int, previous: str) -> str:
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
    text = json.dumps(fields, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def seal_events(limit: int = 500) -> int:
    """Chain events that are not sealed yet, in order of their ids; returns how many."""
    last = db.session.scalars(
        select(AuditEvent).where(AuditEvent.seq.is_not(None)).order_by(AuditEvent.seq.desc())
    ).first()
    seq, previous = (last.seq or 0, last.seal or "") if last else (0, "")
    fresh = db.session.scalars(
        select(AuditEvent).where(AuditEvent.seq.is_(None)).order_by(AuditEvent.id).limit(limit)
    ).all()
    for event in fresh:
        seq += 1
        previous = _digest(event, seq, previous)
        event.seq, event.seal = seq, previous
    db.session.flush()
    return len(fresh)


def broken_seals() -> list[int]:
    """Return the places in the chain whose seal does not hold."""
    previous, wrong = "", []
    chain = select(AuditEvent).where(AuditEvent.seq.is_not(None)).order_by(AuditEvent.seq)
    for place, event in enumerate(db.session.scalars(chain), start=1):
        if event.seq != place or event.seal != _digest(event, event.seq or 0, previous):
            wrong.append(place)
        previous = event.seal or ""
    return wrong
