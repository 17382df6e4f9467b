"""Who may see a declaration, and read its attachments."""

from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy import select

from app.accounts.models import Person
from app.accounts.queries import live_grants
from app.accounts.tasks import holds_task
from app.core.db import db
from app.core.errors import NotFound
from app.core.permissions import ORGANISERS, REVIEWERS
from app.declarations.models import (
    Declaration,
    DeclarationEntry,
    DeclarationFile,
    PriorTitle,
    PriorTitleFile,
    Recommendation,
    SentFile,
)
from app.declarations.queries import BUSINESS, Reviewer, get_declaration
from app.engine.models import WorkItem
from app.portfolio.models import ItemVersionFile

Viewer = Callable[[Person, Declaration, datetime], bool]
_viewers: list[Viewer] = []


def register_viewer(viewer: Viewer) -> Viewer:
    """Register who else may see a declaration, such as the members of its meeting."""
    if viewer not in _viewers:
        _viewers.append(viewer)
    return viewer


def reviewer(person_id: int, now: datetime) -> Reviewer:
    """Return a person with the roles in which they review or organise."""
    held = (
        grant
        for grant in live_grants(person_id, now)
        if grant.role in {*REVIEWERS, *ORGANISERS} and grant.scope_kind == "org"
    )
    return Reviewer(person_id, tuple(held))


def is_seen_by(person: Person, declaration: Declaration, now: datetime) -> bool:
    """Tell whether somebody may see a declaration.

    The applicant; staff of units that have or had a task of it; the organiser once it was sent
    up; whose task it is; and whom a higher room vouches for.
    """
    if person.id == declaration.person_id:
        return True
    posts = reviewer(person.id, now)
    if posts.grants and declaration.submitted_at is not None:
        organiser = declaration.plan.organiser_unit_id
        organises = any(g.role in ORGANISERS and g.scope_id == organiser for g in posts.grants)
        if organises or _had_a_task(declaration.id, posts.unit_ids):
            return True
    if any(viewer(person, declaration, now) for viewer in _viewers):
        return True
    return holds_task(person.id, BUSINESS, [declaration.id], now)


def is_attachment_read_by(
    person: Person, declaration: Declaration, file_id: int, now: datetime
) -> bool:
    """Tell whether somebody may open a file of a declaration.

    While it is mended, others open what was sent up, not what has been attached since.
    """
    if not is_seen_by(person, declaration, now):
        return False
    if person.id == declaration.person_id or not declaration.is_editable:
        return True
    vouched = select(Recommendation.id).where(
        Recommendation.declaration_id == declaration.id, Recommendation.file_id == file_id
    )
    # Nobody vouches for what was never sent up.
    return _was_sent_with(declaration, file_id) or db.session.scalar(vouched.limit(1)) is not None


def _had_a_task(declaration_id: int, unit_ids: Iterable[int]) -> bool:
    task = select(WorkItem.id).where(
        WorkItem.business_type == BUSINESS,
        WorkItem.business_id == declaration_id,
        WorkItem.scope_kind == "org",
        WorkItem.scope_id.in_(list(unit_ids)),
    )
    return db.session.scalar(task.limit(1)) is not None


def visible_declaration(declaration_id: int, person: Person, now: datetime) -> Declaration:
    """Return a declaration that this person may see; NotFound otherwise."""
    found = get_declaration(declaration_id)
    if not is_seen_by(person, found, now):
        raise NotFound("该申报不存在，或已被删除")
    return found


def declarations_with_file(file_id: int) -> list[Declaration]:
    """Return the declarations through which a file is shown."""
    attached = select(DeclarationFile.declaration_id).where(DeclarationFile.file_id == file_id)
    vouched = select(Recommendation.declaration_id).where(Recommendation.file_id == file_id)
    titled = (
        select(PriorTitle.declaration_id)
        .join(PriorTitleFile, PriorTitleFile.prior_title_id == PriorTitle.id)
        .where(PriorTitleFile.file_id == file_id)
    )
    imported = (
        select(DeclarationEntry.declaration_id)
        .join(ItemVersionFile, ItemVersionFile.version_id == DeclarationEntry.item_version_id)
        .where(ItemVersionFile.file_id == file_id)
    )
    pictured = (
        select(Declaration.id)
        .join(Person, Person.id == Declaration.person_id)
        .where(Person.photo_file_id == file_id)
    )
    sent = select(SentFile.declaration_id).where(SentFile.file_id == file_id)
    ids = attached.union(vouched, titled, imported, pictured, sent)
    return list(db.session.scalars(select(Declaration).where(Declaration.id.in_(ids))))


def _was_sent_with(declaration: Declaration, file_id: int) -> bool:
    """Tell whether it had the file when it was sent up last: it may have lost it since."""
    return db.session.get(SentFile, (file_id, declaration.id)) is not None
