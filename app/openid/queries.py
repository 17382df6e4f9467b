"""Reads about providers and linked identities."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select

from app.accounts.models import Credential, Person, RoleGrant
from app.accounts.queries import is_live, live_grants, person_by_id_number
from app.accounts.states import register_other_ways
from app.catalogue import jurisdictions
from app.core import crypto
from app.core.db import db
from app.core.errors import Invalid, NotFound
from app.core.numbers import checked_id_number
from app.core.permissions import ROLES
from app.openid.claims import Told
from app.openid.faults import WrongAnswer
from app.openid.models import PERSON, UNIT, LinkedIdentity, Provider
from app.units.models import Unit

AUDIENCES = {PERSON: "个人登录", UNIT: "法人登录"}


@dataclass(frozen=True)
class Door:
    """A button of the sign-in page."""

    provider: Provider
    audience: str

    @property
    def label(self) -> str:
        """What stands on the button."""
        return f"{self.provider.name} · {AUDIENCES[self.audience]}"


def providers() -> list[Provider]:
    """Return every provider, by jurisdiction and name."""
    return list(
        db.session.scalars(select(Provider).order_by(Provider.jurisdiction, Provider.name))
    )


def doors() -> list[tuple[str, list[Door]]]:
    """Return the buttons of the sign-in page below the names of their jurisdictions."""
    found: dict[str, list[Door]] = {}
    for provider in providers():
        if not provider.is_enabled:
            continue
        name = jurisdictions.get(provider.jurisdiction).name
        served = [Door(provider, each) for each in AUDIENCES if provider.serves(each)]
        found.setdefault(name, []).extend(served)
    return list(found.items())


def provider_in_use(
    provider_id: int, audience: str | None = None, *, is_held: bool = False
) -> Provider:
    """Return a provider that people may sign in by; NotFound for another, or one switched off.

    One that is held stays as it is until the transaction ends; others may hold it too.
    """
    share = {"read": True} if is_held else None
    found = db.session.get(Provider, provider_id, with_for_update=share, populate_existing=is_held)
    serves = found is not None and (audience is None or found.serves(audience))
    if found is None or not found.is_enabled or not serves:
        raise NotFound("这种登录方式不存在，或已经停用")
    return found


def provider_of(told: Told, *, is_held: bool = False) -> Provider:
    """Return the provider that told of somebody, as long as it is in use and at the same place.

    WrongAnswer when it was led to another issuer or client since: there the subject is another's.
    """
    found = provider_in_use(told.provider_id, told.audience, is_held=is_held)
    if found.place != told.place:
        raise WrongAnswer("统一身份认证的设置刚刚更改过", "请重新登录。")
    return found


def subject_of(told: Told) -> str:
    """Return what stands for a subject; a provider's person and unit of one name are two."""
    return f"{told.provider_id}:{told.audience}:{told.subject}"


def identity_of(told: Told) -> LinkedIdentity | None:
    """Return whose way in this is, if it is anybody's."""
    wanted = select(LinkedIdentity).where(
        LinkedIdentity.provider_id == told.provider_id,
        crypto.is_hash_of(LinkedIdentity.subject_hash, subject_of(told)),
    )
    return db.session.scalars(wanted).first()


def identities_of(person_id: int) -> list[LinkedIdentity]:
    """Return the ways in that a person has linked, the oldest first."""
    mine = select(LinkedIdentity).where(LinkedIdentity.person_id == person_id)
    return list(db.session.scalars(mine.order_by(LinkedIdentity.id)))


@register_other_ways
def linked_people(person_ids: Iterable[int]) -> set[int]:
    """Return which of several people have a way in by a provider."""
    wanted = LinkedIdentity.person_id.in_(list(person_ids))
    return set(db.session.scalars(select(LinkedIdentity.person_id).where(wanted)))


def account_of(person_id: int) -> Credential | None:
    """Return a person's account, if there is one."""
    mine = select(Credential).where(Credential.person_id == person_id)
    return db.session.scalars(mine).first()


def person_told(told: Told) -> Person | None:
    """Return whose identity number a provider has told."""
    return person_by_id_number(told.id_number) if told.id_number else None


def unit_told(told: Told) -> Unit | None:
    """Return the open unit whose credit code a provider has told."""
    wanted = select(Unit).where(Unit.credit_code == told.credit_code, Unit.closed_at.is_(None))
    return db.session.scalars(wanted).first() if told.credit_code else None


def offices_at(person_id: int, unit: Unit, now: datetime) -> list[str]:
    """Return what a person is at a unit, in words: 单位管理员, 单位经办人 ..."""
    held = live_grants(person_id, now)
    return [ROLES[g.role] for g in held if (g.scope_kind, g.scope_id) == ("org", unit.id)]


def _stands(now: datetime) -> ColumnElement[bool]:
    """Return the condition that an identity did not end: a unit's does when its person leaves."""
    works = select(RoleGrant.id).where(
        RoleGrant.person_id == LinkedIdentity.person_id,
        RoleGrant.scope_kind == "org",
        RoleGrant.scope_id == LinkedIdentity.unit_id,
        is_live(now),
    )
    is_open = select(Unit.id).where(Unit.id == LinkedIdentity.unit_id, Unit.closed_at.is_(None))
    return or_(LinkedIdentity.unit_id.is_(None), and_(is_open.exists(), works.exists()))


def opening_identities(person_id: int, now: datetime) -> list[int]:
    """Return which identities let a person in now."""
    mine = select(LinkedIdentity.id).join(Provider)
    mine = mine.where(LinkedIdentity.person_id == person_id, Provider.is_enabled, _stands(now))
    return list(db.session.scalars(mine))


def may_open_account(told: Told) -> bool:
    """Tell whether somebody whom the platform does not know gets an account by this (注册).

    Only a person whose verified number is told, and where the jurisdiction opens accounts so.
    """
    provider = db.session.get_one(Provider, told.provider_id)
    opens = jurisdictions.get(provider.jurisdiction).opens_accounts_by_sign_on
    knows = bool(told.id_number and told.name) and told.audience == PERSON
    return opens and knows and person_told(told) is None


def too_young(told: Told, now: datetime) -> str:
    """Return why somebody gets no account yet, in words; empty for who is old enough."""
    try:
        checked_id_number(told.id_number, now)
    except Invalid as refusal:
        return refusal.message
    return ""


def only_way_in(provider_id: int, now: datetime) -> int:
    """Count the people who come in by a provider and have no password and no other in use."""
    others = (
        select(LinkedIdentity.id)
        .join(Provider)
        .where(
            LinkedIdentity.person_id == Credential.person_id,
            LinkedIdentity.provider_id != provider_id,
            Provider.is_enabled,
            _stands(now),
        )
        .exists()
    )
    held = select(LinkedIdentity.person_id).where(
        LinkedIdentity.provider_id == provider_id, _stands(now)
    )
    wanted = select(func.count(Credential.id)).where(
        Credential.person_id.in_(held), Credential.password_hash.is_(None), ~others
    )
    return db.session.scalar(wanted) or 0


def links_by_provider() -> dict[int, int]:
    """Count the linked identities of each provider."""
    counted = select(LinkedIdentity.provider_id, func.count()).group_by(LinkedIdentity.provider_id)
    return {row[0]: row[1] for row in db.session.execute(counted)}
