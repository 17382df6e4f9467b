"""OpenID Connect as a relying party: authorization code with PKCE, an ID token that is checked.

Authlib speaks it, and is loaded when the first person signs in this way: it costs memory. What is
sent and what comes back is kept by the caller, since it belongs to a browser.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from app.core import crypto
from app.openid.addresses import BadAddress, check_address
from app.openid.faults import ProviderDown, Unverified
from app.openid.models import Provider

log = logging.getLogger(__name__)
# Signatures by a key that the provider alone has; "none" and shared secrets are no signatures.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
LEEWAY = 60
"""By how many seconds the provider's clock may differ."""
KNOWN_FOR = 600
"""For how many seconds documents and keys of a provider are not asked again."""
KNOWN_AT_MOST = 50
TALKS_AT_ONCE = 3
"""How many of the server's threads may wait for providers: one that hangs stops no other work."""
TALKS_WITH_ONE = 2
"""How many of them with one provider: while that is slow, others still let people in."""
PATIENCE = 2
# What a provider says of a client that it does not take for ours.
NOT_OURS = {"invalid_client", "unauthorized_client"}
NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True)
class Settings:
    """What the protocol needs of a provider, read before the network is asked."""

    issuer: str
    client_id: str
    secret: str = field(repr=False)
    scopes: str

    @classmethod
    def of(cls, provider: Provider) -> "Settings":
        """Return a provider's settings, the secret in clear."""
        secret = crypto.unseal(provider.secret_sealed) if provider.secret_sealed else ""
        return cls(provider.issuer, provider.client_id, secret, provider.scopes)


@dataclass(frozen=True)
class Departure:
    """Where a browser is sent, and what its answer must match."""

    url: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class Found:
    """What a trial of the connection found (测试连接)."""

    authorization: str
    token: str
    keys: int
    algorithms: tuple[str, ...]
    says_pkce: bool
    has_userinfo: bool


_clients: dict[Settings, tuple[float, Any]] = {}
_talks = threading.BoundedSemaphore(TALKS_AT_ONCE)
_talks_with: defaultdict[str, threading.BoundedSemaphore] = defaultdict(
    lambda: threading.BoundedSemaphore(TALKS_WITH_ONE)
)


@cache
def _client_class() -> Any:
    from authlib.integrations.base_client import (  # noqa: PLC0415 - see above
        BaseApp,
        OAuth2Mixin,
        OpenIDMixin,
    )

    from app.openid.fetching import GuardedSession  # noqa: PLC0415

    class Client(OAuth2Mixin, OpenIDMixin, BaseApp):  # type: ignore[misc]
        """Authlib's client, which fetches under our rules."""

        client_cls = GuardedSession

    return Client


def forget_clients() -> None:
    """Ask every provider anew."""
    _clients.clear()


@contextmanager
def _talk(settings: Settings) -> Iterator[None]:
    """Talk to a provider, a few at a time; ProviderDown when too many wait already."""
    with _turn(_talks_with[settings.issuer]), _turn(_talks), _told():
        yield


@contextmanager
def _turn(talks: threading.BoundedSemaphore) -> Iterator[None]:
    if not talks.acquire(timeout=PATIENCE):
        raise ProviderDown("统一身份认证响应缓慢，正在登录的人较多")
    try:
        yield
    finally:
        talks.release()


@contextmanager
def _told() -> Iterator[None]:
    """Turn what may go wrong between us and a provider into refusals."""
    from authlib.common.errors import AuthlibBaseError  # noqa: PLC0415
    from joserfc.errors import JoseError  # noqa: PLC0415
    from requests import exceptions as http  # noqa: PLC0415

    from app.openid.fetching import Unfetchable  # noqa: PLC0415

    try:
        yield
    except (Unfetchable, BadAddress) as error:
        raise ProviderDown(f"统一身份认证暂时无法使用：{error}") from error
    except http.HTTPError as error:
        code = error.response.status_code if error.response is not None else ""
        raise ProviderDown(f"统一身份认证暂时无法使用：对方返回错误 {code}") from error
    except (JoseError, AuthlibBaseError) as error:
        log.warning("an answer of a provider was refused: %s", error.error)
        if error.error in NOT_OURS:
            raise ProviderDown(
                "统一身份认证暂时无法使用：对方不认可本平台的客户端编号或密钥"
            ) from error
        raise Unverified from error
    except (http.ConnectionError, http.Timeout) as error:
        raise ProviderDown("统一身份认证暂时无法使用：连接不上，或证书不可信") from error
    except (http.RequestException, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ProviderDown("统一身份认证暂时无法使用：对方的应答不符合约定") from error


def _client(settings: Settings) -> Any:
    """Return the client of a provider that has told who it is; ProviderDown when it does not."""
    since, known = _clients.get(settings, (0.0, None))
    if known is not None and time.monotonic() - since < KNOWN_FOR:
        return known
    client = _client_class()(
        framework=None,
        name=None,
        client_id=settings.client_id,
        client_secret=settings.secret or None,
        server_metadata_url=f"{settings.issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={"scope": settings.scopes, "code_challenge_method": "S256"},
    )
    told = client.load_server_metadata()
    _check_discovery(told, settings)
    offered = told.get("id_token_signing_alg_values_supported") or ["RS256"]
    told["id_token_signing_alg_values_supported"] = [a for a in offered if a in ALGORITHMS]
    told["token_endpoint_auth_method"] = _auth_method(told, settings)
    if len(_clients) >= KNOWN_AT_MOST:
        _clients.clear()
    _clients[settings] = (time.monotonic(), client)
    return client


def _check_discovery(told: Mapping[str, Any], settings: Settings) -> None:
    """ProviderDown unless the document is this issuer's own and names what is needed."""
    if told.get("issuer") != settings.issuer:
        raise ProviderDown(
            "统一身份认证暂时无法使用：对方自称的 issuer 与登记的不一致"
            f"（{str(told.get('issuer'))[:200]}）"
        )
    missing = [name for name in NEEDED if not isinstance(told.get(name), str)]
    if missing:
        raise ProviderDown(f"统一身份认证暂时无法使用：对方没有提供 {'、'.join(missing)}")
    for name in NEEDED:
        check_address(told[name])


def _auth_method(told: Mapping[str, Any], settings: Settings) -> str:
    if not settings.secret:
        return "none"
    offered = told.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return "client_secret_basic" if "client_secret_basic" in offered else "client_secret_post"


def depart(settings: Settings, callback: str, *, anew: bool = False) -> Departure:
    """Return where to send a browser that signs in; ProviderDown when the provider is.

    Who proves who they are signs in `anew`, whether or not the provider knows them still; it has
    to say when they did (OpenID Connect Core 3.1.2.1).
    """
    more = {"prompt": "login", "max_age": "0"} if anew else {}
    with _talk(settings):
        made = _client(settings).create_authorization_url(callback, **more)
        return Departure(made["url"], made["state"], made["nonce"], made["code_verifier"])


def claims_of(
    settings: Settings, departure: Departure, code: str, callback: str, wanted: tuple[str, ...]
) -> dict[str, Any]:
    """Redeem a code; returns the claims of the ID token, and `wanted` ones from the user info.

    Unverified unless the token is signed by the provider for us, for this very sign-in and now;
    ProviderDown when it cannot be asked.
    """
    with _talk(settings):
        client = _client(settings)
        token = client.fetch_access_token(callback, code=code, code_verifier=departure.verifier)
        options = {
            "iss": {"essential": True, "value": settings.issuer},
            "aud": {"essential": True, "value": settings.client_id},
        }
        found = _parsed(client, token, departure.nonce, options)
        if not found or not found.get("sub"):
            raise Unverified
        return _completed(client, token, dict(found), wanted)


def _parsed(client: Any, token: Any, nonce: str, options: dict[str, Any]) -> Any:
    """Return the claims of an ID token, by keys fetched anew where the known ones do not fit.

    A provider may change its key under no name, or the same one: the library asks again only for
    a name that it does not know.
    """
    from joserfc.errors import BadSignatureError  # noqa: PLC0415

    told = {"claims_options": options, "leeway": LEEWAY}
    try:
        return client.parse_id_token(token, nonce, **told)
    except BadSignatureError:
        client.fetch_jwk_set(force=True)
        return client.parse_id_token(token, nonce, **told)


def _completed(
    client: Any, token: Any, claims: dict[str, Any], wanted: tuple[str, ...]
) -> dict[str, Any]:
    """Ask the user info for claims that the ID token lacks: many providers tell them there."""
    if all(name in claims for name in wanted) or "userinfo_endpoint" not in client.server_metadata:
        return claims
    more = client.userinfo(token=token)
    if more.get("sub") != claims["sub"]:
        raise Unverified
    # When somebody signed in is told by what is signed.
    return {**more, "auth_time": 0, **claims}


def try_connection(settings: Settings) -> Found:
    """Fetch the document and the keys of a provider anew; ProviderDown says what is amiss."""
    _clients.pop(settings, None)
    with _talk(settings):
        client = _client(settings)
        told = client.server_metadata
        keys = client.fetch_jwk_set(force=True)["keys"]
        return Found(
            authorization=told["authorization_endpoint"],
            token=told["token_endpoint"],
            keys=len(keys),
            algorithms=tuple(told["id_token_signing_alg_values_supported"]),
            says_pkce="S256" in (told.get("code_challenge_methods_supported") or ()),
            has_userinfo="userinfo_endpoint" in told,
        )
