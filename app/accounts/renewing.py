"""Ends of roles that are held: later ones (续期), where a term is moved, and at once (终止)."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import joinedload

from app.accounts.apart import apart_from
from app.accounts.models import LAPSED, WAITING, WITHDRAWN, GrantRequest, RoleGrant
from app.accounts.opening import chunks
from app.accounts.operations import note_role, note_roles, notify, notify_each
from app.accounts.queries import forget_grants, roles_in
from app.accounts.terms import is_longer, last_day
from app.core.db import db
from app.core.errors import Conflict
from app.core.permissions import ROLES

TERM_OVER = "该角色已到期终止，仍需任职的请重新提出授权"


def hold_lasting(grant: RoleGrant, now: datetime) -> None:
    """Lock a role that is held; Conflict for one that ended, were it a moment after `now`."""
    db.session.refresh(grant, with_for_update={"of": RoleGrant})
    if grant.ended_at is not None or (grant.valid_to is not None and grant.valid_to <= now):
        raise Conflict("该授权已终止")


def lock_grants(grant_ids: Iterable[int]) -> None:
    """Lock several roles in the one order in which all do who lock more than one."""
    for some in chunks(sorted(grant_ids)):
        place = select(RoleGrant.id).where(RoleGrant.id.in_(some)).order_by(RoleGrant.id)
        db.session.execute(place.with_for_update())


def lock_held(*whose: ColumnElement[bool]) -> Sequence[RoleGrant]:
    """Lock the roles that nobody has ended, in that one order, and read them as they are then."""
    held = select(RoleGrant).where(RoleGrant.ended_at.is_(None), *whose).order_by(RoleGrant.id)
    locked = held.with_for_update(of=RoleGrant).execution_options(populate_existing=True)
    return db.session.scalars(locked).all()


def renew_grant(grant: RoleGrant, until: datetime | None, *, actor_id: int, now: datetime) -> None:
    """Let a role that is held last until later (续期): its term is moved, not doubled.

    Conflict for one that ended meanwhile, and beside one that nobody holds together with it. What
    the person holds is locked by the caller.
    """
    hold_lasting(grant, now)
    _refuse_both(grant, now)
    before, grant.valid_to, grant.warned_at = last_day(grant.valid_to), until, None
    db.session.flush()
    forget_grants()
    note_role(
        "role:renewed", grant, actor_id, now, before=str(before), until=str(last_day(until) or "")
    )
    word = f"至 {last_day(until)}" if until else "，不再有截止日期"
    notify(grant.person_id, f"您的角色{ROLES[grant.role]}已续期{word}", url="/home", now=now)


def _refuse_both(grant: RoleGrant, now: datetime) -> None:
    """Conflict while somebody holds two roles that are kept apart: one of them ends first."""
    held = roles_in(grant.person_id, grant.scope_kind, grant.scope_id, now)
    for other in apart_from(grant.role, held):
        raise Conflict(
            f"此人在该单位同时有“{ROLES[other]}”与“{ROLES[grant.role]}”角色，"
            "不能由同一人担任：请先终止其中一个再续期"
        )


def end_grant(grant: RoleGrant, *, actor_id: int, now: datetime, reason: str = "") -> None:
    """Take a role away that the caller has locked (终止授权); what waits to renew it lapses."""
    _end([grant], actor_id, now, reason)


def end_held(*whose: ColumnElement[bool], actor_id: int, now: datetime, reason: str = "") -> None:
    """Take all such roles away from now on, as `end_grant` does one.

    However many they are, it asks no more of the database. Where a proposal may wait to renew
    one, the caller has locked what its holder holds: who decides on it locks that first.
    """
    _end(lock_held(*whose), actor_id, now, reason)


def _end(grants: Sequence[RoleGrant], actor_id: int, now: datetime, reason: str) -> None:
    for grant in grants:
        # A grant that began in this very moment still has a term of some length, and one whose
        # term was over did not last until now.
        end = max(now, grant.valid_from + timedelta(milliseconds=1))
        grant.valid_to = end if grant.valid_to is None else min(grant.valid_to, end)
        grant.ended_at = now
    db.session.flush()
    forget_grants()
    note_roles("role:ended", grants, actor_id, now, reason=reason)
    why = "该角色已终止" + (f"（{reason}）" if reason else "")
    lapse_renewals([grant.id for grant in grants], why, now=now)


def lapse_renewals(grant_ids: Iterable[int], why: str, *, now: datetime) -> None:
    """Close what waits to renew roles that are over (失效): it would propose them as new ones.

    Its proposer is told. What the person holds is locked by the caller.
    """
    waiting = select(GrantRequest).where(
        GrantRequest.renews_id.in_(list(grant_ids)), GrantRequest.status == WAITING
    )
    # With who proposed: a name each would be a question each.
    waiting = waiting.options(joinedload(GrantRequest.person)).order_by(GrantRequest.id)
    lapsed = db.session.scalars(waiting.with_for_update(of=GrantRequest)).all()
    for request in lapsed:
        request.status, request.opinion, request.decided_at = LAPSED, why[:300], now
    db.session.flush()
    note_roles("role:lapsed", lapsed, None, now)
    told = (
        (each.proposed_by, f"您提出的{each.person.name}的{ROLES[each.role]}续期已失效：{why}")
        for each in lapsed
    )
    notify_each(told, url="/admin/grants", now=now)


def lapse_over(person_id: int, now: datetime) -> None:
    """Close what waits to renew roles of a person whose term ran out meanwhile."""
    over = select(RoleGrant.id).where(RoleGrant.person_id == person_id, RoleGrant.valid_to <= now)
    lapse_renewals(db.session.scalars(over), TERM_OVER, now=now)


def close_outrun(grant: RoleGrant, *, actor_id: int, now: datetime) -> None:
    """Close the proposal to renew a role that lasts as long already, for its unit renewed it.

    It would wait for ever: to confirm it would move nothing. Its proposer is told.
    """
    waiting = select(GrantRequest).where(
        GrantRequest.person_id == grant.person_id,
        GrantRequest.role == grant.role,
        GrantRequest.scope_kind == grant.scope_kind,
        GrantRequest.scope_id == grant.scope_id,
        GrantRequest.status == WAITING,
    )
    for request in db.session.scalars(waiting.with_for_update(of=GrantRequest)):
        if is_longer(request.valid_to, grant.valid_to):
            continue
        why = f"单位已续期至 {last_day(grant.valid_to)}，无需再复核"
        request.status, request.opinion = WITHDRAWN, why
        request.decided_by, request.decided_at = actor_id, now
        db.session.flush()
        note_role("role:withdrawn", request, actor_id, now)
        text = f"您提出的{request.person.name}的{ROLES[request.role]}续期已撤回：{why}"
        notify(request.proposed_by, text, url="/admin/grants", now=now)
