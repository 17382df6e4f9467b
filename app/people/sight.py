"""Who looked at a person's files and records (谁看过我的信息).

A reader is told by office and role, never by name: who reviews a declaration is not made known to
the person it is about.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, select

from app.accounts.queries import live_grants
from app.core import audit
from app.core.audit import AuditEvent
from app.core.db import begin_writing, db
from app.core.permissions import ROLES
from app.core.storage import StoredFile
from app.units.queries import unit_names

SEEN = "file:read"
LOOKED = "file:record_read"
OF_THE_REVIEW = frozenset(
    {"expert", "main_reviewer", "deputy_reviewer", "group_leader", "director"}
)
REVIEW = "评审工作人员"


@dataclass(frozen=True)
class Sight:
    """A day on which somebody of an office read a file, or the page of a record."""

    on: date
    office: str
    file: str


def is_noted(file: StoredFile, reader_id: int, now: datetime) -> bool:
    """Tell whether a reading need not be noted: one's own, nobody's, or noted today already."""
    if file.owner_id is None or file.owner_id == reader_id:
        return True
    return file.id in _noted(SEEN, "file", file.owner_id, reader_id, now)


def _noted(tag: str, key: str, person_id: int, reader_id: int, now: datetime) -> set[Any]:
    """Return what somebody was noted today to have read of a person."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    today = select(AuditEvent.data).where(
        AuditEvent.subject_type == "person",
        AuditEvent.subject_id == person_id,
        AuditEvent.tag == tag,
        AuditEvent.actor_id == reader_id,
        AuditEvent.at >= midnight,
    )
    return {data.get(key) for data in db.session.scalars(today)}


def note_record(person_id: int, what: str, reader_id: int, now: datetime) -> None:
    """Keep that somebody read the page of a record about a person, once a day."""
    if what in _noted(LOOKED, "what", person_id, reader_id, now):
        return
    begin_writing()
    office, subject = office_of(reader_id, now), ("person", person_id)
    audit.record(
        "file:record_read", subject=subject, actor_id=reader_id, now=now, what=what, office=office
    )


def note_reading(file: StoredFile, reader_id: int, now: datetime) -> None:
    """Keep that somebody read another person's file, once a day."""
    subject = ("person", file.owner_id or 0)
    office = office_of(reader_id, now)
    audit.record(
        "file:read", subject=subject, actor_id=reader_id, now=now, file=file.id, office=office
    )


def office_of(reader_id: int, now: datetime) -> str:
    """Return office and role of a reader, as the person whose file it is may know them."""
    grants = live_grants(reader_id, now)
    if any(grant.role in OF_THE_REVIEW for grant in grants):
        return REVIEW
    staff = [grant for grant in grants if grant.role != "applicant"]
    names = unit_names(g.scope_id for g in staff if g.scope_kind == "org" and g.scope_id)
    for grant in staff:
        if grant.scope_kind == "org":
            # As which of them somebody read is not known: all are told.
            roles = dict.fromkeys(
                ROLES[each.role]
                for each in staff
                if (each.scope_kind, each.scope_id) == ("org", grant.scope_id)
            )
            return f"{names.get(grant.scope_id or 0, '')} {'、'.join(roles)}".strip()
    return ROLES[staff[0].role] if staff else "其他人员"


def sights_of(person_id: int) -> Select[tuple[AuditEvent]]:
    """Select the readings of a person's files and records by others, the newest first."""
    seen = select(AuditEvent).where(
        AuditEvent.subject_type == "person",
        AuditEvent.subject_id == person_id,
        AuditEvent.tag.in_((SEEN, LOOKED)),
    )
    return seen.order_by(AuditEvent.id.desc())


def told(events: list[AuditEvent]) -> list[Sight]:
    """Return readings as their owner reads them."""
    wanted = {event.data.get("file") for event in events}
    files = db.session.scalars(select(StoredFile).where(StoredFile.id.in_(wanted)))
    names = {file.id: file.name for file in files}
    return [
        Sight(
            event.at.date(),
            event.data.get("office", ""),
            event.data.get("what") or names.get(event.data.get("file", 0), "已删除"),
        )
        for event in events
    ]
