"""Later ends of roles that are held (续期): a term is moved, never doubled."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select

from app.accounts.models import WAITING, WITHDRAWN, GrantRequest, RoleGrant
from app.accounts.opening import chunks
from app.accounts.operations import notify
from app.accounts.queries import forget_grants
from app.accounts.terms import is_longer, last_day
from app.core import audit
from app.core.db import db
from app.core.errors import Conflict
from app.core.permissions import ROLES


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


def renew_grant(grant: RoleGrant, until: datetime | None, *, actor_id: int, now: datetime) -> None:
    """Let a role that is held last until later (续期): its term is moved, not doubled.

    Conflict for one that ended meanwhile. What the person holds is locked by the caller.
    """
    hold_lasting(grant, now)
    before, grant.valid_to, grant.warned_at = last_day(grant.valid_to), until, None
    db.session.flush()
    forget_grants()
    audit.record(
        "role:renewed",
        subject=("person", grant.person_id),
        actor_id=actor_id,
        now=now,
        role=grant.role,
        scope=f"{grant.scope_kind}:{grant.scope_id}",
        before=str(before),
        until=str(last_day(until) or ""),
    )
    word = f"至 {last_day(until)}" if until else "，不再有截止日期"
    notify(grant.person_id, f"您的角色{ROLES[grant.role]}已续期{word}", url="/home", now=now)


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
        audit.record(
            "role:withdrawn",
            subject=("person", request.person_id),
            actor_id=actor_id,
            now=now,
            role=request.role,
            scope=f"{request.scope_kind}:{request.scope_id}",
            request=request.id,
        )
        text = f"您提出的{request.person.name}的{ROLES[request.role]}续期已撤回：{why}"
        notify(request.proposed_by, text, url="/admin/grants", now=now)
