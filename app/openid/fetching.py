"""What the platform fetches from providers: little, soon, without detours, from where it may.

A certificate has to hold, so that a name which leads elsewhere after it was looked at leads to
nobody who could answer.
"""

import os
import time
from typing import Any

from authlib.integrations.requests_client import OAuth2Session
from requests import PreparedRequest, Response
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from app.openid.addresses import BadAddress, check_address

TIMEOUT = (5, 5)
"""For how many seconds a connection, and each piece of an answer, is waited for."""
LONGEST = 15
"""For how many seconds a whole answer is."""
MOST_BYTES = 256 * 1024
CHUNK = 8192


class Unfetchable(RequestException):
    """An address that is not asked, or an answer that is not read to its end. In Chinese."""


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
        try:
            check_address(str(request.url))
        except BadAddress as error:
            raise Unfetchable(str(error)) from error
        values.update(allow_redirects=False, timeout=TIMEOUT, stream=True)
        until = time.monotonic() + LONGEST
        answer: Response = super().send(request, **values)
        with answer:
            if answer.is_redirect:
                raise Unfetchable("对方要求转到其他地址")
            answer._content = _read(answer, until)  # noqa: SLF001 - what `content` gives from here
        return answer


def _read(answer: Response, until: float) -> bytes:
    """Read what comes as it comes: who sends a byte now and then is not waited for either."""
    body = b""
    while chunk := _next(answer):
        body += chunk
        if len(body) > MOST_BYTES:
            raise Unfetchable("对方返回的内容过长")
        if time.monotonic() > until:
            raise Unfetchable("对方响应过慢")
    return body


def _next(answer: Response) -> bytes:
    try:
        chunk: bytes = answer.raw.read1(CHUNK)
    except HTTPError as error:
        raise Unfetchable("对方的应答中断") from error
    return chunk
