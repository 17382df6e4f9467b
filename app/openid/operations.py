"""Writes of signing in by a provider: letting in, linking, opening an account."""

import re
import secrets
from datetime import datetime, timedelta
from urllib.parse import urlencode

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from app.accounts.grants import holds_an_office
from app.accounts.models import Credential, Person
from app.accounts.operations import (
    create_credential,
    create_person,
    grant_role,
    notify,
    register_forgetting,
)
from app.accounts.queries import asks_code, hash_of
from app.accounts.signing_in import admit, lock_account_row, refuse_locked
from app.core import audit, crypto
from app.core.db import db
from app.core.errors import Conflict, Forbidden
from app.core.numbers import birth_and_gender, checked_id_number
from app.core.search import normalise
from app.openid.claims import Told
from app.openid.faults import AnswerUsed, NameDiffers, SignOnRefused
from app.openid.models import UNIT, LinkedIdentity, Provider, SpentAnswer
from app.openid.queries import (
    account_of,
    identities_of,
    identity_of,
    may_open_account,
    offices_at,
    opening_identities,
    person_told,
    provider_of,
    subject_of,
    unit_told,
)

ANSWER_LASTS = timedelta(minutes=10)
WAYS = "/account/ways"
REGISTRATION = "/unit/register"
DOTS = re.compile("[•‧∙⋅・･．.]")
"""What people write between the parts of a name of a minority, instead of ·."""


def spend_answer(state: str, *, now: datetime) -> None:
    """Use an answer up; AnswerUsed when it was taken before, were it at the same moment."""
    spent = SpentAnswer(state_hash=hash_of(state), expires_at=now + ANSWER_LASTS)
    db.session.add(spent)
    try:
        db.session.flush()
    except IntegrityError as error:
        raise AnswerUsed from error


def sweep_answers(now: datetime) -> None:
    """Forget answers that are too old to be given again."""
    db.session.execute(delete(SpentAnswer).where(SpentAnswer.expires_at < now))


def check_fit(person: Person, told: Told, *, now: datetime) -> None:
    """SignOnRefused unless what a provider tells may be this person's way in.

    Administrators come in by password and code only: whoever enters a provider could otherwise
    become any of them. One identity number is one person. A unit's identity lets in who works
    there, as long as they do.
    """
    if holds_an_office(person.id, now):
        raise SignOnRefused(
            "管理员账号不能使用统一身份认证", "请用本平台的登录名、密码和动态验证码登录。"
        )
    known = person.id_number_hash
    others = person_told(told)
    differs = known and told.id_number and known not in crypto.hashes_of(told.id_number)
    if differs or (others is not None and others.id != person.id):
        raise SignOnRefused(
            "统一身份认证的证件号码与该账号登记的不一致",
            "请核对登录的是不是本人的账号；平台登记有误的，用密码登录后在“个人信息”中申请更正。",
        )
    if told.audience == UNIT:
        _check_office(person, told, now)


def check_name(person: Person, told: Told) -> None:
    """NameDiffers when a provider calls this person otherwise than the platform does.

    One identity number is one name. What a unit's identity is called need not be a person.
    """
    is_about_them = told.audience != UNIT or told.id_number
    if is_about_them and told.name and _folded(told.name) != _folded(person.name):
        raise NameDiffers(person.id, _name_of_provider(told))


def check_name_of_number(told: Told) -> None:
    """NameDiffers when the told number is somebody's of another name: nobody is asked more."""
    known = person_told(told)
    if known is not None:
        check_name(known, told)


def _folded(name: str) -> str:
    return DOTS.sub("·", normalise(name))


def _name_of_provider(told: Told) -> str:
    return db.session.get_one(Provider, told.provider_id).name


def note_other_name(refusal: NameDiffers, *, now: datetime) -> None:
    """Log that an identity of another name was not linked, and tell whose account it would be."""
    audit.record(
        "account:identity_refused",
        subject=("person", refusal.person_id),
        actor_id=None,
        now=now,
        provider=refusal.provider,
        reason=refusal.message,
    )
    text = (
        f"有人从“{refusal.provider}”登录，要关联您的账号，姓名与您登记的不一致，没有关联。"
        "如非本人操作，请修改密码并告知系统管理员；本人已改名的，请先申请更正"
    )
    notify(refusal.person_id, text, url=WAYS, now=now)


def check_unit(told: Told) -> None:
    """SignOnRefused when nobody can come in for this unit, since the platform has none such."""
    if told.audience == UNIT and unit_told(told) is None:
        raise SignOnRefused(
            f"统一社会信用代码 {told.credit_code} 的单位还没有在本平台登记",
            "请先在“单位注册”提交注册申请，审核通过后再登录；已注册的，请核对登记的信用代码。",
            (f"{REGISTRATION}?{urlencode({'credit_code': told.credit_code})}", "单位注册"),
        )


def _check_office(person: Person, told: Told, now: datetime) -> None:
    check_unit(told)
    unit = unit_told(told)
    if unit is not None and not offices_at(person.id, unit, now):
        raise SignOnRefused(
            f"您在{unit.name}没有任职",
            f"请{unit.name}的单位管理员在“账号管理”中为您开通经办人等身份，再从这里登录。",
        )


def enter(told: Told, *, address: str, now: datetime) -> Credential | None:
    """Return the account that an identity is linked to, None where it is nobody's any more.

    SignOnRefused or SignInRefused say why somebody does not get in. Who has a second factor is not
    in yet: the code comes next.
    """
    identity = _identity_held(told)
    if identity is None or _has_left(identity, told, now):
        return None
    credential = account_of(identity.person_id)
    if credential is None or not credential.is_enabled:
        raise SignOnRefused("您在本平台的账号已停用", "如需恢复，请联系系统管理员。")
    refuse_locked(credential, now, address=address)
    check_fit(identity.person, told, now=now)
    identity.last_used_at = now
    let_through(credential, identity.provider, address=address, now=now)
    return credential


def _identity_held(told: Told) -> LinkedIdentity | None:
    """Return whose way in this is, their account locked: it may be taken away until it is."""
    known = identity_of(told)
    account = account_of(known.person_id) if known else None
    lock_account_row(account.id if account else None)
    return identity_of(told)


def _has_left(identity: LinkedIdentity, told: Told, now: datetime) -> bool:
    """Take a unit's identity away from who works there no more: it is for who comes after them."""
    unit = unit_told(told)
    if told.audience != UNIT or unit is None or offices_at(identity.person_id, unit, now):
        return False
    text = f"您在{unit.name}已没有任职，“{identity.provider.name}”的法人登录已解除关联"
    notify(identity.person_id, text, url=WAYS, now=now)
    _take_away(identity, now, actor_id=None)
    return True


def let_through(
    credential: Credential, provider: Provider, *, address: str, now: datetime
) -> None:
    """Note by which provider somebody got in, or came as far as the second factor."""
    if asks_code(credential.person_id, now):
        _note("account:provider_confirmed", credential.person_id, provider, now)
    else:
        admit(credential, now=now, address=address, provider=provider.name)


def link_identity(person: Person, told: Told, *, now: datetime) -> LinkedIdentity:
    """Make an identity a person's way in, after they proved both (关联); the person is told.

    Conflict when it is somebody's already; NameDiffers for another name; NotFound, WrongAnswer
    when the provider was switched off or led elsewhere meanwhile.
    """
    provider = provider_of(told, is_held=True)
    check_fit(person, told, now=now)
    known = identity_of(told)
    if known is not None and not _has_left(known, told, now):
        raise Conflict("该统一身份认证账号已经关联了平台账号")
    check_name(person, told)
    places = {(each.provider_id, each.audience) for each in identities_of(person.id)}
    if (provider.id, told.audience) in places:
        raise Conflict(f"您已关联了“{provider.name}”的另一账号，请先在“登录方式”中解除")
    unit = unit_told(told) if told.audience == UNIT else None
    identity = LinkedIdentity(
        provider_id=provider.id,
        subject_sealed=crypto.seal(subject_of(told)),
        subject_hash=crypto.keyed_hash(subject_of(told)),
        person_id=person.id,
        audience=told.audience,
        unit_id=unit.id if unit else None,
        linked_at=now,
        last_used_at=now,
    )
    db.session.add(identity)
    db.session.flush()
    _note("account:identity_linked", person.id, provider, now)
    text = f"您的账号已关联“{provider.name}”，以后可以由此登录。如非本人操作，请立即解除并修改密码"
    notify(person.id, text, url=WAYS, now=now)
    return identity


def unlink_identity(identity: LinkedIdentity, credential: Credential, *, now: datetime) -> None:
    """Take a way in away (解除关联); Conflict for the last one that is left."""
    others = set(opening_identities(credential.person_id, now)) - {identity.id}
    if credential.password_hash is None and not others:
        raise Conflict("这是您唯一的登录方式，请先设置密码，再解除关联")
    _take_away(identity, now, actor_id=credential.person_id)


def _take_away(identity: LinkedIdentity, now: datetime, *, actor_id: int | None) -> None:
    audit.record(
        "account:identity_unlinked",
        subject=("person", identity.person_id),
        actor_id=actor_id,
        now=now,
        provider=identity.provider.name,
    )
    db.session.delete(identity)
    db.session.flush()


def open_account(told: Told, *, address: str, now: datetime) -> Credential:
    """Enter somebody new whom a provider vouches for, as an applicant (注册).

    Forbidden where the jurisdiction opens no accounts so, Conflict for an identity that is
    somebody's already, Invalid for a child. There is no password yet; a secret that nobody has
    stands in its place.
    """
    provider = provider_of(told)
    if identity_of(told) is not None:
        raise Conflict("该统一身份认证账号已经关联了平台账号")
    if not may_open_account(told):
        raise Forbidden("不能由统一身份认证开通账号")
    checked_id_number(told.id_number, now)
    born, gender = birth_and_gender(told.id_number)
    person = create_person(
        name=told.name, id_number=told.id_number, gender=gender, birth_date=born, now=now
    )
    credential, _ = create_credential(person, now=now, actor_id=person.id)
    credential.activation_hash = hash_of(secrets.token_urlsafe(32))
    credential.activation_expires_at = now
    grant_role(person, "applicant", scope_kind="all", scope_id=None, actor_id=person.id, now=now)
    _note("account:opened_by_provider", person.id, provider, now)
    link_identity(person, told, now=now)
    let_through(credential, provider, address=address, now=now)
    return credential


def forget_identities(person_id: int, now: datetime) -> None:
    """Take every way in by providers away: the account is given back to its person by others."""
    for identity in db.session.scalars(
        select(LinkedIdentity).where(LinkedIdentity.person_id == person_id)
    ).all():
        _take_away(identity, now, actor_id=person_id)


def _note(tag: str, person_id: int, provider: Provider, now: datetime) -> None:
    audit.record(
        tag, subject=("person", person_id), actor_id=person_id, now=now, provider=provider.name
    )


register_forgetting(forget_identities)
