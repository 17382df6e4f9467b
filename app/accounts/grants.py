"""Roles given by two administrators: one proposes, another confirms (授权与复核).

What units, committees and meetings give their own people is not asked for here.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select

from app.accounts.apart import refuse_both
from app.accounts.factor_models import CodeCard
from app.accounts.models import (
    CONFIRMED,
    REFUSED,
    WAITING,
    WITHDRAWN,
    Credential,
    GrantRequest,
    Person,
    RoleGrant,
)
from app.accounts.one_time_codes import void_cards
from app.accounts.opening import chunks
from app.accounts.operations import grant_role, note_role, notify, void_credential
from app.accounts.queries import forget_grants, is_live, lasts, live_grants, roles_in
from app.accounts.renewing import TERM_OVER, end_grant, hold_lasting, lapse_over, renew_grant
from app.accounts.second_factor import remove_factor
from app.accounts.terms import end_of_term, is_longer, last_day
from app.core.audit import AuditEvent
from app.core.db import db
from app.core.errors import Conflict, Forbidden, Invalid, gathered
from app.core.permissions import ADMINISTRATORS, ROLES, STAFF, role_allows

# Roles without a unit; STAFF have one, and those within a meeting are given by the meeting.
EVERYWHERE = (
    "applicant",
    "expert",
    "process_admin",
    "system_admin",
    "security_admin",
    "audit_admin",
)
# Who holds an office for less than this does not keep it filled.
KEEPS_AN_OFFICE = timedelta(days=1)
# Whose actor sees the one-time secret of an account.
GIVING_OUT = ("account:created", "account:reset")


@dataclass(frozen=True)
class Proposal:
    """A role for a person: at a unit, or everywhere; until a last day that every office has."""

    role: str
    unit_id: int | None
    until: date | None
    reason: str

    @property
    def scope(self) -> tuple[str, int | None]:
        """Return kind and id of the scope."""
        return ("org", self.unit_id) if self.role in STAFF else ("all", None)


def propose_grant(
    person: Person, proposal: Proposal, *, actor: Person, now: datetime
) -> GrantRequest:
    """Ask for a role, or for a later end of one that is held (续期).

    Invalid where it does not hold, Conflict when it is asked for already, or held for as long.
    """
    lock_roles_of(person.id)
    lapse_over(person.id, now)
    _check(person, proposal, actor, now)
    until = end_of_term(proposal.role, proposal.until, now)
    kind, scope_id = proposal.scope
    known = _same(proposal.role, kind, scope_id, _held(person.id, now))
    request = GrantRequest(
        renews_id=known.id if known else None,
        person_id=person.id,
        role=proposal.role,
        scope_kind=kind,
        scope_id=scope_id,
        valid_to=until,
        reason=proposal.reason.strip(),
        proposed_by=actor.id,
        proposed_at=now,
    )
    db.session.add(request)
    db.session.flush()
    note_role("role:proposed", request, actor.id, now)
    return request


def lock_roles_of(*person_ids: int) -> None:
    """Let what is decided about people's roles be decided one after another."""
    for some in chunks(sorted(person_ids)):
        place = select(Person.id).where(Person.id.in_(some)).order_by(Person.id)
        db.session.execute(place.with_for_update(key_share=True))
    forget_grants()


def _check(person: Person, proposal: Proposal, actor: Person, now: datetime) -> None:
    if person.id == actor.id:
        raise Forbidden("不能给本人授权")
    check_proposal(proposal, now)
    until = end_of_term(proposal.role, proposal.until, now)
    kind, scope_id = proposal.scope
    held = _held(person.id, now)
    _refuse_a_second(_same(proposal.role, kind, scope_id, held), until)
    waiting = _waiting_for(person)
    if (proposal.role, scope_id) in waiting:
        raise Conflict("该授权已提交，等待复核")
    _refuse_two_offices(proposal.role, {g.role for g in held} | {role for role, _ in waiting})
    at_unit = {role for role, unit_id in waiting if unit_id == scope_id}
    refuse_both(proposal.role, roles_in(person.id, kind, scope_id, now) | at_unit)


def check_proposal(proposal: Proposal, now: datetime) -> None:
    """Raise Invalid, at every field, for what does not hold whoever is to get the role."""
    faults: dict[str, list[str]] = {}
    if proposal.role not in (*STAFF, *EVERYWHERE):
        faults["role"] = ["请选择角色"]
    if proposal.role in STAFF and proposal.unit_id is None:
        faults["unit"] = ["该角色须指定单位"]
    if proposal.role in EVERYWHERE and proposal.unit_id is not None:
        faults["unit"] = ["该角色面向全平台，不限于某个单位：请清空单位，或另选角色"]
    faults |= gathered(lambda: end_of_term(proposal.role, proposal.until, now))
    if not proposal.reason.strip():
        faults["reason"] = ["请填写授权理由"]
    if faults:
        raise Invalid(errors=faults)


def _held(person_id: int, now: datetime) -> list[RoleGrant]:
    """Return the roles that have not ended.

    One may seem to begin, or to end, later than now: it was given or taken while this transaction
    waited for the lock.
    """
    mine = select(RoleGrant).where(
        RoleGrant.person_id == person_id, lasts(now), RoleGrant.ended_at.is_(None)
    )
    return list(db.session.scalars(mine))


def holds_an_office(person_id: int, now: datetime) -> bool:
    """Tell whether a person holds an administrators' office; one that waits is none yet."""
    return any(grant.role in ADMINISTRATORS for grant in _held(person_id, now))


def is_administrator(person_id: int, now: datetime) -> bool:
    """Tell whether a person holds an administrators' office, or one waits for them."""
    roles = {grant.role for grant in _held(person_id, now)}
    waiting = select(GrantRequest.role).where(
        GrantRequest.person_id == person_id, GrantRequest.status == WAITING
    )
    return bool(ADMINISTRATORS & {*roles, *db.session.scalars(waiting)})


def _same(role: str, kind: str, scope_id: int | None, held: list[RoleGrant]) -> RoleGrant | None:
    """Return the role of this scope that is held already."""
    wanted = (role, kind, scope_id)
    return next((g for g in held if (g.role, g.scope_kind, g.scope_id) == wanted), None)


def renewed_by(request: GrantRequest, now: datetime) -> RoleGrant | None:
    """Return the role held already whose term a proposal would move; None for a new one."""
    held = _held(request.person_id, now)
    return _same(request.role, request.scope_kind, request.scope_id, held)


def _refuse_a_second(known: RoleGrant | None, until: datetime | None) -> None:
    if known is not None and not is_longer(until, known.valid_to):
        end = last_day(known.valid_to)
        more = f"，截止日期 {end}；续期的截止日期须更晚" if end else ""
        raise Conflict(f"此人已有该角色{more}")


def _waiting_for(person: Person) -> set[tuple[str, int | None]]:
    asked = select(GrantRequest.role, GrantRequest.scope_id).where(
        GrantRequest.person_id == person.id, GrantRequest.status == WAITING
    )
    return {(row.role, row.scope_id) for row in db.session.execute(asked)}


def _refuse_two_offices(role: str, others: set[str]) -> None:
    if role in ADMINISTRATORS and (others - {role}) & ADMINISTRATORS:
        raise Invalid("系统、安全、审计管理员不能由同一人兼任", field="role")


def decide_grant(
    request: GrantRequest,
    *,
    confirm: bool,
    opinion: str,
    actor: Person,
    now: datetime,
    place: str = "",
) -> None:
    """Confirm or refuse a role that somebody else proposed (复核).

    `place` is what people call the unit where it is held, for the words to who gets it.
    """
    lock_roles_of(request.person_id)
    db.session.refresh(request, with_for_update={"of": GrantRequest})
    if request.status != WAITING:
        raise Conflict("该授权已复核")
    if actor.id in {request.proposed_by, request.person_id}:
        raise Forbidden("须由提出人和被授权人之外的管理员复核")
    if not confirm and not opinion.strip():
        raise Invalid("不同意时请填写意见", field="opinion")
    if confirm:
        request.grant_id = _give(request, actor, now, place).id
    request.status = CONFIRMED if confirm else REFUSED
    request.opinion, request.decided_by, request.decided_at = opinion.strip(), actor.id, now
    db.session.flush()
    note_role("role:confirmed" if confirm else "role:refused", request, actor.id, now)
    word = "已复核通过" if confirm else f"未通过复核：{request.opinion}"
    told = f"{request.person.name}的{ROLES[request.role]}授权{word}"
    notify(request.proposed_by, told, url="/admin/grants", now=now)


def withdraw_request(request: GrantRequest, *, actor: Person, now: datetime) -> None:
    """Take a proposed role back while nobody has decided on it (撤回).

    Conflict for a decided one; Forbidden for whom it is about.
    """
    lock_roles_of(request.person_id)
    db.session.refresh(request, with_for_update={"of": GrantRequest})
    if request.status != WAITING:
        raise Conflict("该授权已复核，不能撤回")
    if actor.id == request.person_id:
        raise Forbidden("不能撤回给本人的授权")
    request.status, request.decided_by, request.decided_at = WITHDRAWN, actor.id, now
    db.session.flush()
    note_role("role:withdrawn", request, actor.id, now)
    if actor.id != request.proposed_by:
        text = f"您提出的{request.person.name}的{ROLES[request.role]}授权已由{actor.name}撤回"
        notify(request.proposed_by, text, url="/admin/grants", now=now)


def _give(request: GrantRequest, actor: Person, now: datetime, place: str) -> RoleGrant:
    proposers = {grant.role for grant in live_grants(request.proposed_by, now)}
    if not role_allows("grant.propose", proposers, signed_in=True):
        raise Conflict("提出人已不能授权，请退回后由其他安全管理员重新提出")
    if request.valid_to is not None and request.valid_to <= now:
        raise Conflict("授权期限已过，请退回后重新提出")
    held = _held(request.person_id, now)
    known = _same(request.role, request.scope_kind, request.scope_id, held)
    if request.renews_id is not None and (known is None or known.id != request.renews_id):
        raise Conflict(f"{TERM_OVER}，本申请不再有效")
    _refuse_a_second(known, request.valid_to)
    if known is not None:
        renew_grant(known, request.valid_to, actor_id=actor.id, now=now)
        return known
    try:
        _refuse_two_offices(request.role, {grant.role for grant in held})
        given = grant_role(
            request.person,
            request.role,
            scope_kind=request.scope_kind,
            scope_id=request.scope_id,
            actor_id=request.proposed_by,
            now=now,
            until=request.valid_to,
            confirmed_by=actor.id,
        )
    except Invalid as error:
        raise Conflict(f"{error.message}，请退回该授权") from error
    if request.role in ADMINISTRATORS:
        _hand_over(request.person_id, actor, now)
    until = f"，截止日期 {last_day(request.valid_to)}" if request.valid_to else ""
    at = f"（{place}）" if place else ""
    text = f"您已获得角色：{ROLES[request.role]}{at}{until}"
    notify(request.person_id, text, url="/home", now=now)
    return given


def _hand_over(person_id: int, actor: Person, now: datetime) -> None:
    """Make sure that nobody else can sign in as a new administrator.

    Whoever gave the account's secret out may have kept it. Neither do they confirm, nor is any
    password, secret, link, device, mailbox or session of before good for the office: the server's
    operator gives a new secret out (`flask reset-account`).
    """
    given_out = (
        select(AuditEvent.actor_id)
        .where(
            AuditEvent.subject_type == "person",
            AuditEvent.subject_id == person_id,
            AuditEvent.tag.in_(GIVING_OUT),
        )
        .order_by(AuditEvent.id.desc())
    )
    if db.session.scalars(given_out.limit(1)).first() == actor.id:
        raise Forbidden(
            "该账号由您开通或重置，不能由您复核：请由其他系统管理员复核，或由运维人员先重置该账号"
        )
    account = db.session.scalars(
        select(Credential).where(Credential.person_id == person_id).with_for_update(of=Credential)
    ).first()
    if account is not None:
        void_credential(account, actor=actor, now=now)
        remove_factor(person_id)
        void_cards(CodeCard.person_id == person_id, actor_id=actor.id, now=now)
        account.person.email_verified_at = None


def take_role(
    grant: RoleGrant, reason: str, *, actor: Person, now: datetime, place: str = ""
) -> None:
    """End a role at once (终止授权): to take away needs no second person. Its holder is told.

    The last holder of an administrator's role keeps it: nobody could give it again. `place` is
    what people call where it is held.
    """
    if not reason.strip():
        raise Invalid("请填写终止理由", field="reason")
    lock_roles_of(grant.person_id)
    if grant.role in ADMINISTRATORS:
        _lock_office(grant.role)
    hold_lasting(grant, now)
    if grant.role in ADMINISTRATORS and not _others_in_office(grant, now):
        raise Conflict("至少保留一名" + ROLES[grant.role])
    end_grant(grant, actor_id=actor.id, now=now, reason=reason.strip())
    at = f"（{place}）" if place else ""
    text = f"您的角色{ROLES[grant.role]}{at}已由安全管理员终止：{reason.strip()}"
    notify(grant.person_id, text, url="/home", now=now)


def _lock_office(role: str) -> None:
    """Let the holders of an office leave one after another."""
    place = select(RoleGrant.id).where(RoleGrant.role == role).order_by(RoleGrant.id)
    db.session.execute(place.with_for_update())


def _others_in_office(grant: RoleGrant, now: datetime) -> int:
    """Count who else holds an office and can sign in.

    Whose term is as good as over does not count, nor who left while this transaction waited.
    """
    return len(in_office(grant.role, now, KEEPS_AN_OFFICE) - {grant.person_id})


def in_office(role: str, now: datetime, more: timedelta) -> set[int]:
    """Return who holds an administrators' office now, for some time more, and can sign in."""
    held = (
        select(RoleGrant.person_id)
        .join(Credential, Credential.person_id == RoleGrant.person_id)
        .where(
            RoleGrant.role == role,
            Credential.is_enabled,
            is_live(now),
            lasts(now + more),
        )
    )
    return set(db.session.scalars(held))
