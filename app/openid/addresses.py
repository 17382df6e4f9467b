"""Which addresses of providers the platform asks.

They come from an administrator and from the provider's own documents, so each is held against the
same rules: TLS, nothing of this very machine and no link-local address (metadata of clouds).
Private networks are allowed: the providers of offices stand there.
"""

import socket
from ipaddress import IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

from flask import current_app

THIS_MACHINE = {"127.0.0.1", "localhost"}


class BadAddress(ValueError):
    """An address that is not asked, and why, in Chinese."""


def check_shape(address: str) -> SplitResult:
    """Return the parts of an address that may be asked by its looks; BadAddress for another."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError as error:
        raise BadAddress("地址有误") from error
    if not parts.hostname or parts.username is not None or parts.fragment:
        raise BadAddress("地址应形如 https://login.example.cn/realms/people")
    if parts.scheme != "https" and not _is_local(parts):
        raise BadAddress("地址须以 https:// 开头")
    return parts


def check_address(address: str) -> None:
    """BadAddress unless the platform may ask this address, whatever its name leads to."""
    parts = check_shape(address)
    if _is_local(parts):
        return
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise BadAddress(f"找不到主机 {parts.hostname}") from error
    if any(_is_forbidden(str(each[4][0])) for each in found):
        raise BadAddress("地址指向本机或链路本地网络，不能使用")


def _is_local(parts: SplitResult) -> bool:
    """Tell whether this is a provider on this machine that the instance allows (trials, tests)."""
    allowed: bool = current_app.config["OPENID_LOCAL"]
    return allowed and parts.scheme in {"http", "https"} and parts.hostname in THIS_MACHINE


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
