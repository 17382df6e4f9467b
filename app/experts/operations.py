"""Writes about the expert pool: entering experts and changing what it keeps of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.accounts.grants import lock_roles_of
from app.accounts.models import Credential, Person, RoleGrant
from app.accounts.operations import create_credential, create_person, grant_role, notify
from app.accounts.queries import lasts, person_by_id_number
from app.accounts.renewing import end_held
from app.committees.models import Committee
from app.core import audit
from app.core.crypto import fold_id
from app.core.db import db
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.numbers import birth_and_gender, checked_id_number, checked_phone
from app.experts.models import ExpertProfile
from app.experts.queries import EXPERT, in_pool, is_expert, organised_units, profile_of

OTHER_NAME = "证件号码与姓名不符，请核对"


@dataclass(frozen=True)
class Expertise:
    """What the pool keeps of an expert."""

    unit_name: str
    specialty: str
    committee_id: int | None


def enter_expert(
    *,
    name: str,
    id_number: str,
    phone: str,
    expertise: Expertise,
    actor: Person,
    now: datetime,
) -> tuple[Person, str]:
    """Enter an expert (专家入库); returns the person, and a one-time secret of a new account.

    Somebody whom the platform knows already keeps their account. Invalid when the number is
    wrong, belongs to another name, or is in the pool; Forbidden for who organises nothing.
    """
    keeper_id = _keeper(expertise, actor, now)
    person = _person(name.strip(), id_number, checked_phone(phone, "phone"), now)
    lock_roles_of(person.id)
    known = profile_of(person.id)
    if known is not None and person.id in in_pool(now):
        raise Invalid("此人已在专家库中", field="id_number")
    return person, admit(person, known, expertise, keeper_id=keeper_id, actor=actor, now=now)


def admit(
    person: Person,
    known: ExpertProfile | None,
    expertise: Expertise,
    *,
    keeper_id: int | None,
    actor: Person,
    now: datetime,
) -> str:
    """Enter somebody who is not in the pool, with the entry of before where there is one.

    Returns the one-time secret of a new account, empty for who has one. What the person holds is
    locked by the caller.
    """
    profile = known or ExpertProfile(person_id=person.id)
    profile.keeper_unit_id = keeper_id
    _apply(profile, expertise)
    db.session.add(profile)
    secret = _account_for(person, actor, now)
    if not is_expert(person.id, now):
        grant_role(person, EXPERT, scope_kind="all", scope_id=None, actor_id=actor.id, now=now)
    db.session.flush()
    audit.record(
        "expert:entered",
        subject=("expert", profile.id),
        actor_id=actor.id,
        now=now,
        after=vars(expertise),
    )
    return secret


def _person(name: str, id_number: str, phone: str, now: datetime) -> Person:
    """Return who has this number: known already by this name, or new on the platform."""
    number = checked_id_number(fold_id(id_number), now)
    known = person_by_id_number(number)
    if known is not None and known.name != name:
        raise Invalid(OTHER_NAME, field="id_number")
    if known is not None:
        return known
    born, gender = birth_and_gender(number)
    return create_person(
        name=name, id_number=number, gender=gender, birth_date=born, phone=phone, now=now
    )


def _keeper(expertise: Expertise, actor: Person, now: datetime) -> int:
    """Return the office that answers for the entry: the committee's, or one the actor is of."""
    offices = organised_units(actor.id, now)
    if not offices:
        raise Forbidden
    committee = db.session.get(Committee, expertise.committee_id or 0)
    if committee is not None and committee.organiser_unit_id in offices:
        return committee.organiser_unit_id
    return min(offices)


def _account_for(person: Person, actor: Person, now: datetime) -> str:
    if db.session.query(Credential).filter_by(person_id=person.id).first() is None:
        return create_credential(person, now=now, actor_id=actor.id)[1]
    notify(person.id, "您已入选评审专家库", url="/home", now=now)
    return ""


def _apply(profile: ExpertProfile, expertise: Expertise) -> None:
    for name, value in vars(expertise).items():
        setattr(profile, name, value)


def change_expert(
    profile: ExpertProfile, expertise: Expertise, *, actor: Person, now: datetime
) -> None:
    """Change where an expert works, the specialty, the committee.

    The workplace decides who keeps out of which case, so the log keeps what stood before.
    """
    said = vars(expertise)
    before: dict[str, Any] = {
        name: getattr(profile, name) for name in said if getattr(profile, name) != said[name]
    }
    if not before:
        return
    _apply(profile, expertise)
    db.session.flush()
    audit.record(
        "expert:changed",
        subject=("expert", profile.id),
        actor_id=actor.id,
        now=now,
        before=before,
        after={name: said[name] for name in before},
    )


def remove_expert(profile: ExpertProfile, reason: str, *, actor: Person, now: datetime) -> None:
    """End an expert's membership of the pool (专家退库); the entry stays for what they reviewed.

    A seat they have keeps the role that it gave them in its meeting; the meeting's clerk decides
    on it. Invalid without a reason; Conflict when they left already.
    """
    if not reason.strip():
        raise Invalid("请填写退库理由", field="reason")
    lock_roles_of(profile.person_id)
    if profile.person_id not in in_pool(now):
        raise Conflict("该专家已退库")
    held = (
        RoleGrant.person_id == profile.person_id,
        RoleGrant.role == EXPERT,
        RoleGrant.scope_kind == "all",
        lasts(now),
    )
    end_held(*held, actor_id=actor.id, now=now, reason=reason.strip())
    audit.record(
        "expert:removed",
        subject=("expert", profile.id),
        actor_id=actor.id,
        now=now,
        reason=reason.strip(),
    )
    notify(profile.person_id, f"您已退出评审专家库：{reason.strip()}", url="/home", now=now)
