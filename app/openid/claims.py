"""What a provider tells of somebody, in the platform's own terms."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from app.core.crypto import fold_id
from app.core.errors import Invalid
from app.core.numbers import checked_credit_code, folded_credit_code, genuine_id_number
from app.openid.faults import Unverified
from app.openid.models import UNIT, Provider

LONGEST_SUBJECT = 255
LONGEST_NAME = 60
YES = (True, 1, "1", "true", "True")


@dataclass(frozen=True)
class Told:
    """Who somebody is at a provider; an empty text where it does not say."""

    provider_id: int
    audience: str
    subject: str
    place: str
    """At which issuer and as which client they were asked (Provider.place)."""
    name: str = ""
    id_number: str = ""
    credit_code: str = ""
    is_fresh: bool = False
    """Whether the provider says that they signed in there for this very journey."""

    def kept(self) -> dict[str, Any]:
        """Return it as plain values, as `Told(**values)` takes them."""
        return asdict(self)


def wanted_claims(provider: Provider, audience: str) -> tuple[str, ...]:
    """Return the claims to ask for: those whose names the provider's entry gives."""
    names = [provider.name_claim, provider.number_claim, provider.verified_claim]
    names += [provider.code_claim] if audience == UNIT else []
    return tuple(name for name in names if name)


def told_by(
    provider: Provider, audience: str, claims: Mapping[str, Any], *, place: str, since: float
) -> Told:
    """Read claims that were told at a place.

    Unverified for a unit whose credit code is missing or wrong.
    Who signed in at the provider `since` then, in its seconds, is fresh from there. A number
    that cannot be one, or that the provider did not verify, counts as not told.
    """
    subject = str(claims["sub"])
    if len(subject) > LONGEST_SUBJECT:
        raise Unverified
    return Told(
        provider.id,
        audience,
        subject,
        place,
        name="".join(_text(claims, provider.name_claim).split())[:LONGEST_NAME],
        id_number=_number(provider, claims),
        credit_code=_code(provider, claims) if audience == UNIT else "",
        is_fresh=(claims.get("auth_time") or 0) >= since,
    )


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name) if name else None
    return re.sub(r"[\x00-\x1f\x7f]", "", value) if isinstance(value, str) else ""


def _number(provider: Provider, claims: Mapping[str, Any]) -> str:
    if provider.verified_claim and claims.get(provider.verified_claim) not in YES:
        return ""
    try:
        return genuine_id_number(fold_id(_text(claims, provider.number_claim)))
    except Invalid:
        return ""


def _code(provider: Provider, claims: Mapping[str, Any]) -> str:
    try:
        return checked_credit_code(folded_credit_code(_text(claims, provider.code_claim)))
    except Invalid as error:
        raise Unverified(
            "统一身份认证没有给出有效的统一社会信用代码",
            "请在统一身份认证核对本单位登记的统一社会信用代码；无误的，请告知系统管理员。",
        ) from error
