"""Sending a declaration up: the deadline, the check and the snapshot in one transaction."""

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta

from sqlalchemy import delete

from app.catalogue import jurisdictions
from app.catalogue.queries import workdays_after
from app.core.clock import ZONE
from app.core.db import db
from app.core.errors import Conflict, Invalid, StaleTask
from app.declarations import facts
from app.declarations.holdings import held_now
from app.declarations.models import Declaration, DeclarationSnapshot, Defect, SentFile, Status
from app.declarations.operations.common import record
from app.declarations.queries import defects_of, open_defects
from app.declarations.snapshots import content_of
from app.units.queries import reviewing_unit

NEVER = datetime(2999, 12, 31, tzinfo=ZONE)
"""When something ends that has no end; timers need a date."""

INCOMPLETE = "申报信息不完善，无法提交"


def last_moment(declaration: Declaration) -> datetime | None:
    """Return the last moment at which it may be sent up.

    A returned one has the correction days (补正) after its return, whatever the plan's deadline.
    """
    if declaration.status != Status.RETURNED:
        return declaration.plan.closes_at
    return _end_of_mending(declaration, open_defects(declaration.id))


def last_moment_once_withdrawn(declaration: Declaration) -> datetime | None:
    """Return until when one under review could be sent up again if it were taken back now."""
    return _end_of_mending(declaration, mended_last(declaration))


def mended_last(declaration: Declaration) -> list[Defect]:
    """Return the defects that the last submission mended."""
    defects = defects_of(declaration.id)
    return [each for each in defects if each.resolved_at == declaration.submitted_at]


def _end_of_mending(declaration: Declaration, defects: Sequence[Defect]) -> datetime | None:
    closes = declaration.plan.closes_at
    if not defects:
        return closes
    ends = [least_mending(declaration, defects), declaration.mended_until]
    return max(end for end in ends if end is not None)


def least_mending(declaration: Declaration, defects: Sequence[Defect]) -> datetime:
    """Return until when the rules let these defects be mended, at least."""
    closes = declaration.plan.closes_at
    days = jurisdictions.get(declaration.plan.jurisdiction).correction_workdays
    raised = max(defect.raised_at for defect in defects)
    last_day = workdays_after(raised.astimezone(ZONE).date(), days)
    mended_by = datetime.combine(last_day, time(23, 59, 59), ZONE)
    return max(mended_by, closes) if closes else mended_by


def mended_by(declaration: Declaration) -> datetime:
    """Return the moment at which one that lies with the person counts as given up.

    That is a first draft, one that was returned, or one that was taken back.
    """
    last = last_moment(declaration) if declaration.is_editable else None
    # At the last moment itself it may still be sent up.
    return last + timedelta(seconds=1) if last else NEVER


def check_deadline(declaration: Declaration, now: datetime) -> None:
    """Conflict, naming the deadline, when the declaration may no longer be sent up."""
    last = last_moment(declaration)
    if declaration.status == Status.RETURNED and last is not None:
        if now > last:
            raise Conflict(f"补正期限已过（{last:%Y-%m-%d %H:%M}），不能再提交")
    elif not declaration.plan.accepts_submissions(now):
        until = f"（{last:%Y-%m-%d %H:%M}）" if last else ""
        raise Conflict(f"已超过个人提交截止时间{until}，不能提交")


def _note_sent(declaration: Declaration, file_ids: Iterable[int]) -> None:
    known = SentFile.declaration_id == declaration.id
    db.session.execute(delete(SentFile).where(known))
    db.session.add_all(
        SentFile(declaration_id=declaration.id, file_id=file_id) for file_id in sorted(file_ids)
    )


def submit_declaration(declaration: Declaration, *, now: datetime) -> DeclarationSnapshot:
    """Send a declaration up (提交审核); the unit, or who reviews in its place, gets it.

    Raises StaleTask when it was sent up already, Conflict after the deadline and for a title that
    is held by now, Invalid with the failing rows when the check does not pass.
    """
    if not declaration.is_editable:
        raise StaleTask("该申报已提交，请勿重复提交")
    check_deadline(declaration, now)
    held = held_now(declaration)
    again = facts.faults_of_choice(declaration.person_id, declaration.plan, declaration.title)
    if again:
        raise Conflict("；".join(again))
    report = facts.check(declaration, held, now=now)
    if not report.passed:
        failing = {row.anchor: [row.text] for row in report.failures}
        raise Invalid(INCOMPLETE, errors=failing)
    snapshot = DeclarationSnapshot(
        declaration_id=declaration.id,
        no=declaration.round + 1,
        at=now,
        content=content_of(held),
    )
    db.session.add(snapshot)
    _note_sent(declaration, held.stored)
    declaration.round = snapshot.no
    for defect in open_defects(declaration.id):
        defect.resolved_at = now
    reviewer = reviewing_unit(declaration.unit, declaration.person_id, now)
    declaration.status, declaration.submitted_at = Status.IN_REVIEW, now
    declaration.current_unit_id, declaration.current_level = reviewer.id, 1
    declaration.updated_at = now
    db.session.flush()
    record("submitted", declaration, declaration.person_id, now, no=snapshot.no, unit=reviewer.id)
    return snapshot
