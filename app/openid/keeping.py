"""The entries of providers: an administrator makes them, another one puts them into use.

Who enters a provider says whose word counts for an identity. So nothing that says it is in use
before the security administrator has confirmed it, and every change of it waits again.
"""

import re
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import func, select

from app.accounts.models import Person
from app.catalogue import jurisdictions
from app.core import audit
from app.core.crypto import seal
from app.core.db import db
from app.core.errors import Conflict, Forbidden, Invalid, gathered
from app.openid.addresses import BadAddress, check_shape
from app.openid.models import LinkedIdentity, Provider

CLAIMS = ("name_claim", "number_claim", "verified_claim", "code_claim")
CLAIM = re.compile(r"[A-Za-z0-9_.:/-]{1,60}")
SCOPES = re.compile(r"[\w.:/-]+( [\w.:/-]+)*", re.ASCII)
# What these say may change without asking whose word counts.
HARMLESS = {"name", "secret"}
# A linked identity is one of this very place.
PLACE = ("issuer", "client_id")


@dataclass(frozen=True)
class ProviderFacts:
    """What an administrator enters of a provider; an empty secret keeps the one there is."""

    jurisdiction: str
    name: str
    issuer: str
    client_id: str
    secret: str = ""
    scopes: str = "openid profile"
    for_persons: bool = True
    for_units: bool = False
    name_claim: str = "name"
    number_claim: str = ""
    verified_claim: str = ""
    code_claim: str = ""


def keep_provider(
    provider: Provider | None, facts: ProviderFacts, *, actor: Person, now: datetime
) -> Provider:
    """Enter or change a provider; Invalid with every fault.

    What is new, and what says something else of whose word counts, waits for confirmation.
    """
    _check(provider, facts)
    values = {k: v for k, v in asdict(facts).items() if k != "secret"}
    values["scopes"] = " ".join(dict.fromkeys(["openid", *facts.scopes.split()]))
    kept = provider or Provider(**values, changed_by=actor.id, changed_at=now)
    changed = [k for k, v in values.items() if provider is None or getattr(kept, k) != v]
    changed += ["secret"] if facts.secret else []
    if not changed:
        return kept
    _forget_secret_of_another_place(kept, changed)
    for name, value in values.items():
        setattr(kept, name, value)
    if facts.secret:
        kept.secret_sealed = seal(facts.secret)
    if set(changed) - HARMLESS:
        kept.is_enabled, kept.confirmed_by, kept.confirmed_at = False, None, None
        kept.changed_by, kept.changed_at = actor.id, now
    db.session.add(kept)
    db.session.flush()
    tag = "provider:changed" if provider else "provider:added"
    _note(tag, kept, actor, now, fields=sorted(changed))
    return kept


def _forget_secret_of_another_place(kept: Provider, changed: list[str]) -> None:
    """A secret is for the place that it was given for: no other is ever sent it."""
    if "issuer" in changed:
        kept.secret_sealed = None


def _check(provider: Provider | None, facts: ProviderFacts) -> None:
    faults = gathered(
        lambda: _check_name(provider, facts),
        lambda: _check_issuer(facts.issuer),
        lambda: _check_audience(facts),
        lambda: _check_terms(facts),
        lambda: _check_place(provider, facts),
    )
    if faults:
        raise Invalid(errors=faults)


def _check_name(provider: Provider | None, facts: ProviderFacts) -> None:
    if facts.jurisdiction not in jurisdictions.all_ids():
        raise Invalid("请选择所属地区", field="jurisdiction")
    same = select(Provider.id).where(
        Provider.jurisdiction == facts.jurisdiction, Provider.name == facts.name
    )
    taken = db.session.scalar(same)
    if taken is not None and (provider is None or taken != provider.id):
        raise Invalid("该地区已有同名的统一身份认证", field="name")


def _check_issuer(issuer: str) -> None:
    """Invalid unless it looks like an issuer; whether it answers is tried apart."""
    try:
        parts = check_shape(issuer)
    except BadAddress as error:
        raise Invalid(str(error), field="issuer") from error
    if parts.query:
        raise Invalid("issuer 地址不能带有问号", field="issuer")


def _check_place(provider: Provider | None, facts: ProviderFacts) -> None:
    """Invalid where identities are linked and would be sought at another place."""
    links = links_of(provider) if provider else 0
    moved = [name for name in PLACE if links and getattr(provider, name) != getattr(facts, name)]
    if moved:
        words = f"已有 {links} 人关联，issuer 和客户端编号不能更改；请停用后另行登记"
        raise Invalid(errors={name: [words] for name in moved})


def _check_audience(facts: ProviderFacts) -> None:
    if not (facts.for_persons or facts.for_units):
        raise Invalid("请选择个人登录或法人登录", field="for_persons")
    if facts.for_units and not facts.code_claim:
        raise Invalid("法人登录须填写统一社会信用代码的声明名称", field="code_claim")


def _check_terms(facts: ProviderFacts) -> None:
    faults = {
        name: ["声明名称由字母、数字和 _ . : / - 组成"]
        for name in CLAIMS
        if getattr(facts, name) and not CLAIM.fullmatch(getattr(facts, name))
    }
    if not SCOPES.fullmatch(facts.scopes):
        faults["scopes"] = ["授权范围写成以空格分开的名称，例如 openid profile"]
    if faults:
        raise Invalid(errors=faults)


def links_of(provider: Provider) -> int:
    """Count the identities that are linked by a provider."""
    counted = select(func.count(LinkedIdentity.id)).where(
        LinkedIdentity.provider_id == provider.id
    )
    return db.session.scalar(counted) or 0


def put_into_use(provider: Provider, *, actor: Person, now: datetime) -> None:
    """Confirm a provider as it stands (启用); Forbidden for who entered it."""
    if provider.changed_by == actor.id:
        raise Forbidden("登记或修改的人不能启用，须由另一位管理员核对后启用")
    if provider.is_enabled:
        raise Conflict("该统一身份认证已经启用")
    provider.confirmed_by, provider.confirmed_at = actor.id, now
    provider.is_enabled = True
    db.session.flush()
    _note("provider:put_into_use", provider, actor, now)


def switch_off(provider: Provider, *, actor: Person, now: datetime) -> None:
    """Let nobody in by a provider any more (停用); sessions that are open go on."""
    if not provider.is_enabled:
        raise Conflict("该统一身份认证没有启用")
    provider.is_enabled = False
    db.session.flush()
    _note("provider:switched_off", provider, actor, now)


def note_trial(provider: Provider, outcome: str, *, actor: Person, now: datetime) -> None:
    """Note that the platform asked an address that an administrator had entered (测试连接)."""
    _note("provider:tried", provider, actor, now, outcome=outcome)


def _note(tag: str, provider: Provider, actor: Person, now: datetime, **data: object) -> None:
    audit.record(
        tag,
        subject=("provider", provider.id),
        actor_id=actor.id,
        now=now,
        name=provider.name,
        **data,
    )
