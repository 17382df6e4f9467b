"""单位注册: a unit asks to be registered, an office vets it, an administrator begins (FJ-U-02)."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func, select

from app.accounts.logins import checked_login, nearest_free_login
from app.accounts.models import Credential
from app.accounts.operations import (
    create_credential,
    create_person,
    grant_role,
    reset_credential,
)
from app.accounts.queries import hash_of, was_opened
from app.core import audit
from app.core.db import db
from app.core.errors import Conflict, DomainError, Invalid, NotFound
from app.core.numbers import checked_phone
from app.units import tree
from app.units.code_lists import AREA_OFFICES, PARTS
from app.units.models import (
    APPROVED,
    LAPSED,
    PENDING,
    RETURNED,
    Unit,
    UnitRegistration,
)
from app.units.offices import vetting_office
from app.units.placing import faults_of_place

ADDRESS_LIMIT, ADDRESS_PERIOD = 10, timedelta(days=1)
SIGNS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
SIGNS_OF_RECEIPT = 14
NO_OFFICE = "该属地的人社部门尚未开通，暂不能在线注册，请联系当地人社部门"


class TooManyRegistrations(DomainError):
    """One address sent more than anybody would in earnest."""

    status = 429
    default = (
        f"同一网络地址 24 小时内最多提交 {ADDRESS_LIMIT} 份注册申请，您填写的内容仍在本页，"
        "请稍后再提交，或直接联系当地人社部门"
    )


@dataclass(frozen=True)
class Entry:
    """What a registrant fills in: the unit, and who is to administer it."""

    facts: tree.UnitFacts
    legal_person: str
    admin_name: str
    admin_phone: str
    login: str
    note: str = ""


def _receipt(now: datetime) -> str:
    """Return a secret number that is read out on the telephone: no letter looks like a digit."""
    drawn = "".join(secrets.choice(SIGNS) for _ in range(SIGNS_OF_RECEIPT))
    return f"DW{now:%Y%m%d}-{drawn}"


def find(receipt: str) -> UnitRegistration | None:
    """Return the registration of a receipt, or None."""
    wanted = UnitRegistration.receipt_hash == hash_of(receipt.strip().upper())
    return db.session.scalars(select(UnitRegistration).where(wanted)).first()


def register_unit(entry: Entry, *, address: str, now: datetime) -> tuple[UnitRegistration, str]:
    """Ask for a unit to be registered; returns it with its receipt, which is shown once.

    Raises Invalid with every fault at its field, TooManyRegistrations for a flood from one
    address (of which only a keyed hash is kept).
    """
    _refuse_flood(address, now)
    asked = UnitRegistration(submitted_at=now, address_hash=address, status=PENDING)
    _fill(asked, entry, now)
    receipt = _receipt(now)
    asked.receipt_hash = hash_of(receipt)
    asked.person_id = create_person(name=entry.admin_name, phone=asked.admin_phone, now=now).id
    db.session.add(asked)
    db.session.flush()
    _record("registration:submitted", asked, asked.person_id, now)
    return asked, receipt


def _refuse_flood(address: str, now: datetime) -> None:
    sent = select(func.count(UnitRegistration.id)).where(
        UnitRegistration.address_hash == address,
        UnitRegistration.submitted_at > now - ADDRESS_PERIOD,
    )
    if (db.session.scalar(sent) or 0) >= ADDRESS_LIMIT:
        raise TooManyRegistrations


def mend(asked: UnitRegistration, entry: Entry, *, now: datetime) -> None:
    """Save what was mended of a returned registration; Conflict unless it was returned."""
    if asked.status != RETURNED:
        raise Conflict("该注册申请不在退回状态，不能修改")
    _fill(asked, entry, now)
    asked.status = PENDING
    asked.person.name, asked.person.phone = asked.admin_name, asked.admin_phone
    db.session.flush()
    _record("registration:mended", asked, asked.person_id, now)


def _fill(asked: UnitRegistration, entry: Entry, now: datetime) -> None:
    facts = entry.facts
    office = vetting_office(facts.parent, facts.area_code, now)
    faults = faults_of(asked, entry, now)
    if faults or office is None:
        raise Invalid(errors=faults)
    asked.name, asked.type, asked.kind = facts.name.strip(), facts.type, facts.kind
    asked.area_code = facts.area_code
    asked.credit_code = facts.code
    asked.superior_id = facts.parent.id if facts.parent else None
    asked.office_id = office.id
    asked.legal_person, asked.note = entry.legal_person, entry.note
    asked.admin_name, asked.login = entry.admin_name, checked_login(entry.login)
    asked.admin_phone = checked_phone(entry.admin_phone, "admin_phone")


def faults_of(asked: UnitRegistration, entry: Entry, now: datetime) -> tree.Faults:
    """Return by field everything that keeps a unit from being registered like this.

    Whether somebody has the login name is told to nobody who is not signed in: it is a wish.
    """
    office = vetting_office(entry.facts.parent, entry.facts.area_code, now)
    found = tree.faults_of(None, _placed(entry.facts, office))
    found |= faults_of_place(entry.facts)
    found |= {**_faults_of_second(asked, entry), **_faults_of_type(entry.facts)}
    if office is None:
        found.setdefault("area_code", [NO_OFFICE])
    for check, typed in ((checked_login, entry.login), (_phone, entry.admin_phone)):
        try:
            check(typed)
        except Invalid as fault:
            found |= {name: list(said) for name, said in fault.errors.items()}
    return found


def _faults_of_type(facts: tree.UnitFacts) -> tree.Faults:
    """Personnel departments are created from above; a part names what it is part of."""
    if facts.type in AREA_OFFICES:
        return {"type": [f"{facts.type}由上级{facts.type}建立，不在此注册"]}
    if facts.type in PARTS and facts.parent is None:
        return {"superior": [f"{facts.type}须填写所属的上级单位"]}
    return {}


def _phone(typed: str) -> str:
    return checked_phone(typed, "admin_phone")


def _placed(facts: tree.UnitFacts, office: Unit | None) -> tree.UnitFacts:
    """Return the facts as they will stand in the tree: below the superior, else the office."""
    above = facts.parent or office
    jurisdiction = above.jurisdiction if above else ""
    return replace(facts, jurisdiction=jurisdiction, parent=above, reports_to=above)


def _faults_of_second(asked: UnitRegistration, entry: Entry) -> tree.Faults:
    """Name what another registration that waits has asked for already."""
    facts, found = entry.facts, {}
    waiting = select(UnitRegistration.id).where(
        UnitRegistration.status.in_((PENDING, RETURNED)), UnitRegistration.id != (asked.id or 0)
    )
    same = waiting.where(
        UnitRegistration.name == facts.name.strip(), UnitRegistration.area_code == facts.area_code
    )
    if db.session.scalar(same.limit(1)) is not None:
        found["name"] = ["该单位的注册申请正在审核，请凭受理号查询，不要重复提交"]
    same = waiting.where(UnitRegistration.credit_code == facts.code)
    if facts.code and db.session.scalar(same.limit(1)) is not None:
        found["credit_code"] = ["该统一社会信用代码的注册申请正在审核，请凭受理号查询"]
    return found


def decide(
    asked: UnitRegistration, *, approve: bool, opinion: str, actor_id: int, now: datetime
) -> None:
    """Approve a registration, which makes it a unit, or return it (单位注册审核).

    Raises Conflict for a decided one, Invalid for a silent return and for a unit that cannot be
    entered any more, since its name or code was taken meanwhile.
    """
    if asked.status != PENDING:
        raise Conflict("该注册申请已处理")
    if approve:
        asked.unit_id = _enter(asked, actor_id, now).id
    elif not opinion.strip():
        raise Invalid("退回时请填写意见", field="opinion")
    asked.status = APPROVED if approve else RETURNED
    asked.opinion, asked.decided_by, asked.decided_at = opinion.strip(), actor_id, now
    db.session.flush()
    _record("registration:approved" if approve else "registration:returned", asked, actor_id, now)


def _enter(asked: UnitRegistration, actor_id: int, now: datetime) -> Unit:
    facts = tree.UnitFacts(
        name=asked.name,
        type=asked.type,
        kind=asked.kind,
        area_code=asked.area_code,
        jurisdiction=asked.office.jurisdiction,
        parent=asked.superior,
        credit_code=asked.credit_code or "",
        has_leader=False,
    )
    placed = _placed(facts, asked.office)
    unit = tree.create_unit(placed, actor_id=actor_id, now=now, cause="注册")
    unit.legal_person, unit.contact_name = asked.legal_person, asked.admin_name
    unit.contact_phone = asked.admin_phone
    person = asked.person
    create_credential(person, nearest_free_login(asked.login), now=now, actor_id=actor_id)
    grant_role(
        person, "unit_admin", scope_kind="org", scope_id=unit.id, actor_id=actor_id, now=now
    )
    return unit


def lapse(asked: UnitRegistration, reason: str, *, actor_id: int | None, now: datetime) -> None:
    """End a registration that nobody mended in time, or whose process was cancelled (作废)."""
    if asked.status not in {PENDING, RETURNED}:
        raise Conflict("该注册申请已处理，流程不能作废")
    asked.status, asked.opinion = LAPSED, reason
    asked.decided_by, asked.decided_at = actor_id, now
    db.session.flush()
    _record("registration:lapsed", asked, actor_id, now)


def hand_over_activation(asked: UnitRegistration, *, now: datetime) -> str:
    """Return a one-time secret to who holds the receipt of an approved registration.

    It goes past the office that vetted it. NotFound before the approval, Conflict once used.
    """
    if asked.status != APPROVED:
        raise NotFound
    account = db.session.scalars(
        select(Credential)
        .where(Credential.person_id == asked.person_id)
        .with_for_update(of=Credential)
    ).one()
    if was_opened(account.person_id) or not account.is_enabled:
        raise Conflict("管理员账号已激活，请直接登录；忘记密码的请联系系统管理员重置")
    return reset_credential(account, actor=None, now=now)


def login_of(asked: UnitRegistration) -> str:
    """Return the login of the first administrator, once there is an account; else nothing."""
    own = select(Credential.login).where(Credential.person_id == asked.person_id)
    return db.session.scalar(own) or ""


def login_told(asked: UnitRegistration) -> str:
    """Return which login was wished for and, where somebody has it, which is given instead.

    For the office alone: who is not signed in is not told whose names there are.
    """
    given = login_of(asked)
    if not given and asked.status in {PENDING, RETURNED}:
        given = nearest_free_login(asked.login)
    if given in {"", asked.login}:
        return asked.login
    verb = "已开通为" if asked.status == APPROVED else "通过后开通为"
    return f"{asked.login}（已有人使用，{verb} {given}）"


def is_activated(asked: UnitRegistration) -> bool:
    """Tell whether the first administrator of an approved registration has activated."""
    return was_opened(asked.person_id)


def _record(tag: str, asked: UnitRegistration, actor_id: int | None, now: datetime) -> None:
    audit.record(
        tag,
        subject=("unit_registration", asked.id),
        actor_id=actor_id,
        now=now,
        name=asked.name,
        credit_code=asked.credit_code,
        unit=asked.unit_id,
    )
