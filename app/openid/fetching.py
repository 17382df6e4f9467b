"""What the platform fetches from providers: little, soon, and only from where it may.

The addresses come from an administrator and from the provider's own documents, so each request is
held against the same rules: TLS with a certificate that holds, nothing of this very machine and no
link-local address (metadata of clouds), no redirects, an end to time and size. Private networks
are allowed: the providers of offices stand there.
"""

import os
import socket
import time
from ipaddress import IPv6Address, ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

from authlib.integrations.requests_client import OAuth2Session
from flask import current_app
from requests import PreparedRequest, Response
from requests.exceptions import RequestException

TIMEOUT = (5, 10)
LONGEST = 20
MOST_BYTES = 256 * 1024
CHUNK = 8192


class Unfetchable(RequestException):
    """An address that is not asked, or an answer that is not read to its end. In Chinese."""


def check_address(address: str) -> None:
    """Unfetchable unless the platform may ask this address."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise Unfetchable("地址有误") from error
    if not parts.hostname or parts.username is not None or parts.fragment:
        raise Unfetchable("地址有误")
    if _is_local(parts):
        return
    if parts.scheme != "https":
        raise Unfetchable("地址须以 https:// 开头")
    try:
        found = socket.getaddrinfo(parts.hostname, port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unfetchable(f"找不到主机 {parts.hostname}") from error
    if any(_is_forbidden(str(each[4][0])) for each in found):
        raise Unfetchable("地址指向本机或链路本地网络，不能使用")


def _is_local(parts: SplitResult) -> bool:
    """Tell whether this is a provider on this machine that the instance allows (trials, tests)."""
    return bool(current_app.config["OPENID_LOCAL"]) and parts.hostname in {
        "127.0.0.1",
        "localhost",
    }


def _is_forbidden(text: str) -> bool:
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    return (
        address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address.is_reserved
    )


class GuardedSession(OAuth2Session):  # type: ignore[misc]
    """Authlib's session, under the rules of this file."""

    def __init__(self, *args: Any, **values: Any) -> None:
        """Trust what the server trusts, and no settings of its environment for proxies."""
        super().__init__(*args, **values)
        self.trust_env = False
        self.verify = os.environ.get("SSL_CERT_FILE") or True
        # A short answer that unfolds to a long one is none.
        self.headers["Accept-Encoding"] = "identity"

    def send(self, request: PreparedRequest, **values: Any) -> Response:
        """Ask, and read what is answered; Unfetchable for what the rules do not allow."""
        check_address(str(request.url))
        values.update(allow_redirects=False, timeout=TIMEOUT, stream=True)
        until = time.monotonic() + LONGEST
        answer: Response = super().send(request, **values)
        with answer:
            if answer.is_redirect:
                raise Unfetchable("对方要求转到其他地址")
            answer._content = _read(answer, until)  # noqa: SLF001 - what `content` gives from here on
        return answer


def _read(answer: Response, until: float) -> bytes:
    body = b""
    for chunk in answer.iter_content(CHUNK):
        body += chunk
        if len(body) > MOST_BYTES:
            raise Unfetchable("对方返回的内容过长")
        if time.monotonic() > until:
            raise Unfetchable("对方响应过慢")
    return body
