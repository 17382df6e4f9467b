"""What the system administrator does to accounts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.accounts import operations
from app.accounts.grants import (
    Proposal,
    decide_grant,
    is_administrator,
    lock_roles_of,
    propose_grant,
    renewed_by,
    take_role,
)
from app.accounts.logins import free_login
from app.accounts.models import Credential, GrantRequest, Person, RoleGrant
from app.accounts.queries import person_by_id_number
from app.accounts.renewing import hold_lasting, lock_grants
from app.accounts.terms import usual_day
from app.admin import queries
from app.core import audit
from app.core.crypto import fold_id
from app.core.db import db
from app.core.errors import Conflict, DomainError, Forbidden, Invalid, gathered
from app.core.numbers import birth_and_gender, checked_id_number, checked_phone
from app.inbox.queries import place_names
from app.units.models import Unit
from app.units.vacancies import tell_of_vacancy


@dataclass(frozen=True)
class NewAccount:
    """Whom an account is opened for, as it was typed; without a login a neutral one is drawn."""

    name: str
    id_number: str
    phone: str
    login: str
    is_applicant: bool


def open_account(entry: NewAccount, *, actor: Person, now: datetime) -> tuple[Person, str]:
    """Enter a person with an account; returns them with the one-time secret.

    To apply is no power over others, so it is given at once; every other role is proposed by a
    security administrator.
    """
    check_account(entry, now)
    number = fold_id(entry.id_number)
    born, gender = birth_and_gender(number) if number else (None, "")
    person = operations.create_person(
        name=entry.name.strip(),
        id_number=number,
        gender=gender,
        birth_date=born,
        phone=checked_phone(entry.phone),
        now=now,
    )
    login = entry.login.strip()
    _, secret = operations.create_credential(person, login, now=now, actor_id=actor.id)
    if entry.is_applicant:
        operations.grant_role(
            person, "applicant", scope_kind="all", scope_id=None, actor_id=actor.id, now=now
        )
    return person, secret


def check_account(entry: NewAccount, now: datetime) -> None:
    """Raise Invalid, at every field, for what an account cannot be opened with."""
    number, login = fold_id(entry.id_number), entry.login.strip()
    faults = gathered(
        lambda: _check_number(number, now, is_needed=entry.is_applicant),
        lambda: checked_phone(entry.phone),
        lambda: free_login(login) if login else None,
    )
    if faults:
        raise Invalid(errors=faults)


def _check_number(number: str, now: datetime, *, is_needed: bool) -> None:
    if is_needed and not number:
        raise Invalid("申报人须填写证件号码", field="id_number")
    if number and person_by_id_number(checked_id_number(number, now)) is not None:
        raise Invalid("该证件号码已存在", field="id_number")


def reset_account(account: Credential, *, actor: Person, now: datetime) -> str:
    """Return a new one-time secret for an account; its person is told.

    Whoever holds the secret can act as the person, so an administrator's account is none of them,
    nor one for which an office waits: one office would hold two. The server's operators reset
    those (`flask reset-account`).
    """
    lock_roles_of(account.person_id)
    if account.person_id == actor.id or is_administrator(account.person_id, now):
        raise Forbidden("管理员账号不能在此重置，请由运维人员在服务器上办理")
    operations.notify(
        account.person_id, "您的账号已由系统管理员重置", url="/account/sessions", now=now
    )
    return operations.reset_credential(account, actor=actor, now=now)


def lock_account(account: Credential, *, actor: Person, now: datetime) -> None:
    """Keep everybody out of an account (停用); Forbidden for administrators.

    The system administrator does not rid the platform of those who watch over them: a security
    administrator takes their roles.
    """
    lock_roles_of(account.person_id)
    if account.person_id != actor.id and is_administrator(account.person_id, now):
        raise Forbidden("不能在此停用管理员的账号，请由安全管理员先终止其角色")
    held = queries.grants_of(account.person_id, now)
    operations.lock_account(account, actor=actor, now=now)
    tell_of_vacancies(held, actor=actor, now=now)


def end_role(grant: RoleGrant, reason: str, *, actor: Person, now: datetime) -> None:
    """End a role at once (终止授权); who can fill it is told when a unit has nobody else.

    It goes on all the same: who has left loses the role in this moment.
    """
    place = place_names([(grant.scope_kind, grant.scope_id)]) if grant.scope_id else {}
    told = place.get((grant.scope_kind, grant.scope_id), "")
    take_role(grant, reason, actor=actor, now=now, place=told)
    tell_of_vacancies([grant], actor=actor, now=now)


def tell_of_vacancies(
    grants: Iterable[RoleGrant], *, now: datetime, actor: Person | None = None
) -> None:
    """Tell who can fill the roles of units that ended with these, where nobody else holds them."""
    for grant in grants:
        unit = db.session.get(Unit, grant.scope_id) if grant.scope_kind == "org" else None
        if unit is not None:
            tell_of_vacancy(unit, grant.role, actor_id=actor.id if actor else 0, now=now)


def decide_role(
    request: GrantRequest, *, confirm: bool, opinion: str, actor: Person, now: datetime
) -> None:
    """Confirm or refuse a proposed role; Conflict where its unit was closed meanwhile (复核)."""
    place = ""
    if confirm and request.scope_kind == "org":
        unit = db.session.get(
            Unit,
            request.scope_id,
            with_for_update={"of": Unit, "key_share": True},
            populate_existing=True,
        )
        if unit is None or unit.closed_at is not None:
            raise Conflict("单位已关闭，请退回该授权")
        place = unit.name
    decide_grant(request, confirm=confirm, opinion=opinion, actor=actor, now=now, place=place)


def propose_renewals(
    grants: Sequence[RoleGrant], reason: str, *, actor: Person, now: datetime
) -> tuple[int, dict[int, str]]:
    """Ask for the usual term from now for several roles (批量续期), each to be confirmed.

    Returns how many are asked for, and why others are not, by the grant. Invalid for none, and
    without a reason.
    """
    if not grants:
        raise Invalid("请勾选要续期的授权", field="id")
    if not reason.strip():
        raise Invalid("请填写授权理由", field="reason")
    lock_roles_of(*{grant.person_id for grant in grants})
    refused: dict[int, str] = {}
    for grant in sorted(grants, key=lambda each: each.id):
        unit_id = grant.scope_id if grant.scope_kind == "org" else None
        wanted = Proposal(grant.role, unit_id, usual_day(now), reason)
        try:
            if wanted.scope != (grant.scope_kind, grant.scope_id):
                raise Conflict("不在此续期")
            hold_lasting(grant, now)
            propose_grant(
                db.session.get_one(Person, grant.person_id), wanted, actor=actor, now=now
            )
        except DomainError as error:
            refused[grant.id] = error.message
    return len(grants) - len(refused), refused


def confirm_renewals(
    asked: Sequence[GrantRequest], *, actor: Person, now: datetime
) -> tuple[int, dict[int, str]]:
    """Confirm several later ends of roles that are held (批量同意续期); a new role is none.

    Returns how many were confirmed, and why others were not, by the request. Invalid for none.
    """
    if not asked:
        raise Invalid("请勾选要同意的续期", field="id")
    lock_roles_of(*{request.person_id for request in asked})
    known = (renewed_by(request, now) for request in asked)
    lock_grants(grant.id for grant in known if grant is not None)
    refused: dict[int, str] = {}
    for request in asked:
        try:
            if renewed_by(request, now) is None:
                raise Conflict("不是续期，请单独复核")
            decide_grant(request, confirm=True, opinion="", actor=actor, now=now)
        except DomainError as error:
            refused[request.id] = error.message
    return len(asked) - len(refused), refused


def end_all_sessions(person: Person, *, actor: Person, now: datetime) -> int:
    """End every session of a person; returns how many."""
    count = operations.end_sessions(person.id, now=now)
    audit.record(
        "account:sessions_ended",
        subject=("person", person.id),
        actor_id=actor.id,
        now=now,
        count=count,
    )
    return count
