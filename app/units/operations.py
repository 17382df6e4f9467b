"""Writes about units: binding people, and accounts of staff."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, not_, select

from app.accounts.grants import lock_roles_of
from app.accounts.logins import free_login
from app.accounts.mail_links import check_kept_address
from app.accounts.models import WAITING, Credential, GrantRequest, Person, RoleGrant
from app.accounts.operations import (
    create_credential,
    create_person,
    grant_role,
    notify,
    reset_credential,
)
from app.accounts.queries import lasts, person_by_id_number
from app.accounts.renewing import close_outrun, hold_lasting, lock_grants, renew_grant
from app.accounts.terms import end_of_term, ends_soon, is_longer, usual_day, usual_end
from app.core import audit
from app.core.crypto import fold_id
from app.core.db import db
from app.core.errors import Conflict, Forbidden, Invalid, NotFound, gathered
from app.core.numbers import checked_id_number, checked_phone
from app.core.permissions import ADMINISTRATORS
from app.units.code_lists import AREA_OFFICES
from app.units.enrolling import Entrant, enrol
from app.units.models import (
    ACTIVE,
    CANCELLED,
    ENDED,
    PENDING,
    RETURNED,
    WITHDRAWN,
    Employment,
    Unit,
)
from app.units.moving import staying, tell_who_loses
from app.units.queries import employment_of, open_binding, own_unit_id, staff_grants
from app.units.tree import hold_open

MAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
STAFF_ROLES = ("unit_admin", "unit_clerk", "unit_leader")


@dataclass(frozen=True)
class Contact:
    """What a person says of themselves with a request; empty leaves what is known."""

    phone: str = ""
    email: str = ""
    politics: str = ""


def request_binding(
    person: Person,
    unit: Unit,
    note: str,
    *,
    now: datetime,
    freelancer: bool = False,
    contact: Contact | None = None,
) -> Employment:
    """Ask a unit to take a person as its own (绑定单位, FJ-P-07, AH-P-07).

    A freelancer asks the personnel department of an area (AH-P-08). Raises Conflict while an
    earlier request waits; Invalid at the field, so for the unit that is the person's already, and
    for a unit that closes in this moment.
    """
    hold_open(unit)
    if freelancer and unit.type not in AREA_OFFICES:
        raise Invalid("自由职业者请选择所在县（市、区）的人社部门", field="unit_id")
    _keep_contact(person, contact or Contact())
    waiting = open_binding(person.id)
    if waiting is not None and waiting.status == PENDING:
        raise Conflict("您已提交绑定申请，请等待单位审核")
    if unit.id == own_unit_id(person.id, freelancer=freelancer):
        raise Invalid("您已绑定该单位，无需重复申请", field="unit_id")
    binding = waiting or Employment(person_id=person.id, requested_at=now)
    binding.unit_id, binding.note, binding.status = unit.id, note.strip(), PENDING
    binding.is_freelancer = freelancer
    db.session.add(binding)
    db.session.flush()
    audit.record(
        "binding:requested", subject=("employment", binding.id), actor_id=person.id, now=now
    )
    return binding


def _keep_contact(person: Person, contact: Contact) -> None:
    phone = checked_phone(contact.phone, "phone")
    if contact.email and not MAIL.fullmatch(contact.email):
        raise Invalid("邮箱格式有误", field="email")
    if contact.email:
        check_kept_address(person, contact.email)
    if phone:
        person.phone = phone
    if contact.email:
        person.email = contact.email
    if contact.politics:
        person.profile = {**person.profile, "politics": contact.politics}


def decide_binding(
    binding: Employment, *, approve: bool, opinion: str, actor_id: int, now: datetime
) -> None:
    """Approve or return a request; the person's earlier unit ends with the approval.

    Raises Forbidden for one's own, Conflict for a decided one and for a unit that was closed
    meanwhile, Invalid for a silent return.
    """
    if actor_id == binding.person_id:
        raise Forbidden("不能审核本人的申请")
    if binding.status != PENDING:
        raise Conflict("该申请已处理")
    left = ""
    if approve:
        db.session.refresh(binding.unit, with_for_update={"read": True})
        if binding.unit.closed_at is not None:
            raise Conflict("该单位已关闭，请退回申请")
        left = _end_current(binding, actor_id, now)
    elif not opinion.strip():
        raise Invalid("退回时请填写意见", field="opinion")
    binding.status = ACTIVE if approve else RETURNED
    binding.opinion, binding.decided_by, binding.decided_at = opinion.strip(), actor_id, now
    db.session.flush()
    tag = "binding:approved" if approve else "binding:returned"
    audit.record(tag, subject=("employment", binding.id), actor_id=actor_id, now=now)
    word = f"已通过{left}" if approve else f"被退回：{binding.opinion}"
    notify(binding.person_id, f"绑定{binding.unit.name}的申请{word}", url="/binding", now=now)


def cancel_binding(
    binding: Employment, reason: str, *, actor_id: int | None, now: datetime
) -> None:
    """End a request since its process is cancelled (流程作废); the person may ask anew.

    Raises Conflict for one that was decided.
    """
    if binding.status not in {PENDING, RETURNED}:
        raise Conflict("该申请已处理，流程不能作废")
    binding.status, binding.opinion = CANCELLED, reason
    binding.decided_by, binding.decided_at = actor_id, now
    db.session.flush()
    audit.record(
        "binding:cancelled", subject=("employment", binding.id), actor_id=actor_id, now=now
    )
    text = f"绑定{binding.unit.name}的申请已作废：{reason}。可以重新申请"
    notify(binding.person_id, text, url="/binding", now=now)


def withdraw_binding(binding: Employment, *, now: datetime) -> None:
    """End a request that its person took back (撤回); Conflict for one that was decided."""
    if binding.status not in {PENDING, RETURNED}:
        raise Conflict("该申请已处理，不能撤回")
    binding.status, binding.opinion = WITHDRAWN, "本人撤回"
    binding.decided_by, binding.decided_at = binding.person_id, now
    db.session.flush()
    subject = ("employment", binding.id)
    audit.record("binding:withdrawn", subject=subject, actor_id=binding.person_id, now=now)


def _end_current(binding: Employment, actor_id: int, now: datetime) -> str:
    """End what binds a person elsewhere; that unit is told. Returns what goes on there, in words.

    Who only becomes a freelancer, or is none any more, stays with their unit.
    """
    former = employment_of(binding.person_id)
    if former is None:
        return ""
    former.status, former.decided_at, former.decided_by = ENDED, now, actor_id
    db.session.flush()
    if former.unit_id == binding.unit_id:
        return ""
    tell_who_loses(former, binding.unit, now=now)
    left = staying(former.person_id, former.unit)
    return f"；{left}仍由原单位{former.unit.name}办理" if left else ""


def create_staff(
    unit: Unit,
    *,
    name: str,
    login: str,
    role: str,
    until: date | None,
    actor: Person,
    now: datetime,
) -> tuple[Person, str]:
    """Open an account for the unit's staff; returns it with its one-time activation secret.

    Invalid at the field, and for a unit that closes in this moment.
    """
    hold_open(unit)
    if role not in STAFF_ROLES:
        raise Invalid("请选择角色", field="role")
    end = end_of_term(role, until, now)
    free_login(login)
    person = create_person(name=name.strip(), now=now)
    _, secret = create_credential(person, login, now=now, actor_id=actor.id)
    scope: dict[str, Any] = {"scope_kind": "org", "scope_id": unit.id}
    grant_role(person, role, **scope, actor_id=actor.id, now=now, until=end)
    return person, secret


def renew_staff(unit: Unit, person: Person, *, actor: Person, now: datetime) -> date:
    """Let what somebody does for the unit last the usual term from now (续期); returns its end.

    Raises Conflict for oneself, and where it lasts as long already; NotFound for no staff.
    """
    if person.id == actor.id:
        raise Conflict("不能给本人续期，请由其他单位管理员或安全管理员办理")
    lock_roles_of(person.id)
    held = [
        grant
        for each, grant in staff_grants(unit.id, now)
        if each.id == person.id and grant.role in STAFF_ROLES
    ]
    if not held:
        raise NotFound
    short = [g for g in held if is_longer(usual_end(g.role, now), g.valid_to)]
    if not short:
        raise Conflict(f"截止日期已是 {usual_day(now)} 或更晚，暂不需要续期")
    for grant in sorted(short, key=lambda each: each.id):
        hold_lasting(grant, now)
    for grant in short:
        renew_grant(grant, usual_end(grant.role, now), actor_id=actor.id, now=now)
        close_outrun(grant, actor_id=actor.id, now=now)
    return usual_day(now)


def renew_ending_staff(
    unit: Unit, *, actor: Person, now: datetime
) -> tuple[int, list[tuple[str, str]]]:
    """Renew everybody whose term ends soon (全部续期); Conflict for nobody.

    Returns how many, and who not and why: their roles ended while this waited for the lock.
    """
    ending = ending_staff(unit, actor, now)
    if not ending:
        raise Conflict("没有即将到期的工作人员，暂不需要续期")
    lock_roles_of(*ending)
    held = [grant for person, grant in staff_grants(unit.id, now) if person.id in ending]
    lock_grants(grant.id for grant in held)
    for grant in held:
        db.session.refresh(grant)
    refused: list[tuple[str, str]] = []
    for person_id in sorted(ending):
        person = db.session.get_one(Person, person_id)
        try:
            renew_staff(unit, person, actor=actor, now=now)
        except NotFound:
            refused.append((person.name, "已不在本单位任职"))
        except Conflict as error:
            refused.append((person.name, error.message))
    return len(ending) - len(refused), refused


def ending_staff(unit: Unit, actor: Person, now: datetime) -> set[int]:
    """Return who of a unit's staff, but oneself, has a term of the unit's that ends soon."""
    return {
        person.id
        for person, grant in staff_grants(unit.id, now)
        if grant.role in STAFF_ROLES and ends_soon(grant.valid_to, now) and person.id != actor.id
    }


def open_applicant(
    unit: Unit, *, name: str, id_number: str, phone: str, actor: Person, now: datetime
) -> tuple[Person, str]:
    """Open the account of one of the unit's own people, bound to it at once (HB-U-06).

    They sign in with their identity number. Returns the person and the one-time secret. Invalid
    for who has an account already, and for a unit that closes in this moment.
    """
    hold_open(unit)
    check_applicant(id_number, phone, now)
    entrant = Entrant(unit.id, name.strip(), fold_id(id_number), checked_phone(phone))
    ((person_id, secret),) = enrol([entrant], actor_id=actor.id, now=now)
    return db.session.get_one(Person, person_id), secret


def check_applicant(id_number: str, phone: str, now: datetime) -> None:
    """Raise Invalid, at every field, for whom a unit opens no account for."""
    number = fold_id(id_number)
    faults = gathered(lambda: _check_free(number, now), lambda: checked_phone(phone))
    if faults:
        raise Invalid(errors=faults)


def _check_free(number: str, now: datetime) -> None:
    if person_by_id_number(checked_id_number(number, now)) is not None:
        raise Invalid("此人已有账号，请本人登录后申请绑定本单位", field="id_number")


def working_elsewhere(unit: Unit, person_ids: Collection[int], now: datetime) -> set[int]:
    """Return which people do more than this unit and their own applications, or are to.

    Whoever gives out the secret of their account could act beyond the unit.
    """
    of_unit = and_(
        RoleGrant.scope_kind == "org",
        RoleGrant.scope_id == unit.id,
        RoleGrant.role.in_(STAFF_ROLES),
    )
    held = select(RoleGrant.person_id).where(
        RoleGrant.person_id.in_(person_ids),
        RoleGrant.role != "applicant",
        lasts(now),
        not_(of_unit),
    )
    asked = select(GrantRequest.person_id).where(
        GrantRequest.person_id.in_(person_ids),
        GrantRequest.status == WAITING,
        GrantRequest.role.in_(ADMINISTRATORS),
    )
    return {*db.session.scalars(held), *db.session.scalars(asked)}


def reset_staff(unit: Unit, person: Person, *, actor: Person, now: datetime) -> str:
    """Give a member of the unit, or an applicant bound to it, a new activation secret.

    Whoever has the secret can act as the person. Forbidden where that would reach beyond the unit
    and the person's own applications: a system administrator does it then.
    """
    lock_roles_of(person.id)
    if working_elsewhere(unit, [person.id], now):
        raise Forbidden("此人还在其他单位或评审中任职，请联系系统管理员重置")
    account = db.session.query(Credential).filter_by(person_id=person.id).first()
    if account is None:
        raise Conflict("此人尚未开通账号")
    audit.record("unit:account_reset", subject=("unit", unit.id), actor_id=actor.id, now=now)
    return reset_credential(account, actor=actor, now=now)
