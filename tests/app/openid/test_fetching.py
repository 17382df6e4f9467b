"""What is fetched from providers: only from where it may be, a little, without detours."""

import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask

from app.openid import fetching, protocol
from app.openid.addresses import BadAddress, check_address
from app.openid.faults import ProviderDown
from app.openid.protocol import Settings, try_connection
from tests.builders.openid import IdentityOffice

Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def strict(app: Flask) -> None:
    app.config["OPENID_LOCAL"] = False


@pytest.mark.parametrize(
    "address",
    [
        "http://login.example.cn/",
        "ftp://login.example.cn/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://[fe80::1]/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://user:word@93.184.215.14/",
        "https://93.184.215.14/#part",
        "https:///nowhere",
        "https://93.184.215.14:99999/",
        "http://127.0.0.1:9400",
        "login.example.cn",
    ],
)
def test_addresses_that_are_never_asked(strict: None, address: str) -> None:
    with pytest.raises(BadAddress):
        check_address(address)


@pytest.mark.parametrize("address", ["https://93.184.215.14/", "https://10.1.2.3:8443/realms/x"])
def test_offices_stand_in_private_networks_too(strict: None, address: str) -> None:
    check_address(address)


def test_a_name_that_leads_to_this_machine_is_not_asked(
    strict: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lead(*_: Any, **__: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 443)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443)),
        ]

    monkeypatch.setattr(socket, "getaddrinfo", lead)
    with pytest.raises(BadAddress, match="本机"):
        check_address("https://login.example.cn/")


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], str]]:
    """Give a function that serves what a handler answers, and returns the address."""
    running = []

    def begin(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        running.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield begin
    for server in running:
        server.shutdown()
        server.server_close()


def said(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **more: str) -> None:
    handler.send_response(status)
    for name, value in more.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def tried(issuer: str) -> Any:
    return try_connection(Settings(issuer, "client", "secret", "openid"))


def test_a_trial_tells_what_was_found(app: Flask, office: IdentityOffice) -> None:
    found = tried(office.issuer)
    assert found.token == f"{office.issuer}/oauth2/token"
    assert found.keys == 1
    assert found.algorithms == ("RS256",)
    assert found.has_userinfo
    assert not found.says_pkce


def test_a_detour_is_not_followed(app: Flask, serve: Any, office: IdentityOffice) -> None:
    place = serve(lambda h: said(h, b"", 302, Location=f"{office.issuer}/jwks"))
    with pytest.raises(ProviderDown, match="转到其他地址"):
        tried(place)


def test_a_long_answer_is_not_read_to_its_end(app: Flask, serve: Any) -> None:
    place = serve(lambda h: said(h, b" " * (fetching.MOST_BYTES + 1)))
    with pytest.raises(ProviderDown, match="过长"):
        tried(place)


def test_a_slow_answer_is_not_waited_for(
    app: Flask, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "LONGEST", -1)
    with pytest.raises(ProviderDown, match="过慢"):
        tried(serve(lambda h: said(h, b"{}")))


def test_an_answer_that_drips_is_not_waited_for(
    app: Flask, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "LONGEST", 0.3)

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "60")
        handler.end_headers()
        with suppress(OSError):
            for _ in range(60):
                handler.wfile.write(b" ")
                time.sleep(0.1)

    place, began = serve(drip), time.monotonic()
    with pytest.raises(ProviderDown, match="过慢"):
        tried(place)
    assert time.monotonic() - began < 2


def test_an_answer_in_chunks_is_read_to_its_end(app: Flask, serve: Any) -> None:
    told: dict[str, Any] = {}

    def chunks(handler: BaseHTTPRequestHandler) -> None:
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        body = json.dumps(told).encode()
        for part in (body[:7], body[7:], b""):
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))

    place = serve(chunks)
    told.update(discovery(place, keys=[]))
    assert tried(place).token == f"{place}/t"


def test_an_answer_that_breaks_off_is_told(
    app: Flask, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "TIMEOUT", (1, 0.2))

    def stop(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "60")
        handler.end_headers()
        handler.wfile.write(b"{")
        time.sleep(1)

    with pytest.raises(ProviderDown, match="中断"):
        tried(serve(stop))


def test_a_provider_that_is_slow_stops_no_other(
    app: Flask, office: IdentityOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "PATIENCE", 0.01)
    slow = Settings("https://slow.example.cn", "client", "", "openid")
    with ExitStack() as waiting:
        for _ in range(protocol.TALKS_WITH_ONE):
            waiting.enter_context(protocol._talk(slow))
        with pytest.raises(ProviderDown, match="正在登录的人较多"):
            tried(slow.issuer)
        assert tried(office.issuer).keys == 1


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"not json", 200, "不符合约定"),
        (b"[1]", 200, "不符合约定"),
        (b"{}", 200, "issuer"),
        (b"{}", 500, "对方返回错误 500"),
        (b"{}", 404, "对方返回错误 404"),
    ],
)
def test_what_is_no_discovery_document_is_told_in_words(
    app: Flask, serve: Any, body: bytes, status: int, words: str
) -> None:
    place = serve(lambda h: said(h, body, status))
    with pytest.raises(ProviderDown, match=words):
        tried(place)


def discovery(issuer: str, **more: Any) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/a",
        "token_endpoint": f"{issuer}/t",
        "jwks_uri": f"{issuer}/keys",
        **more,
    }


def test_a_document_that_names_forbidden_places_is_refused(app: Flask, serve: Any) -> None:
    told: dict[str, Any] = {}
    place = serve(lambda h: said(h, json.dumps(told).encode()))
    told.update(discovery(place, token_endpoint="https://169.254.169.254/token"))
    with pytest.raises(ProviderDown, match="链路本地"):
        tried(place)
    told.pop("jwks_uri")
    with pytest.raises(ProviderDown, match="没有提供 jwks_uri"):
        tried(place)


def test_no_token_without_a_signature_of_a_key_of_the_provider(app: Flask, serve: Any) -> None:
    told: dict[str, Any] = {}
    place = serve(lambda h: said(h, json.dumps(told).encode()))
    algorithms = ["none", "HS256", "ES256"]
    told.update(discovery(place, id_token_signing_alg_values_supported=algorithms, keys=[]))
    assert tried(place).algorithms == ("ES256",)


@pytest.mark.parametrize(
    ("offered", "secret", "method"),
    [
        (None, "s", "client_secret_basic"),
        (["client_secret_post"], "s", "client_secret_post"),
        (["client_secret_post", "client_secret_basic"], "s", "client_secret_basic"),
        (["client_secret_basic"], "", "none"),
    ],
)
def test_a_client_proves_itself_as_the_provider_wants_it(
    app: Flask, serve: Any, offered: list[str] | None, secret: str, method: str
) -> None:
    told: dict[str, Any] = {}
    place = serve(lambda h: said(h, json.dumps(told).encode()))
    more = {"token_endpoint_auth_methods_supported": offered} if offered else {}
    told.update(discovery(place, **more))
    client = protocol._client(Settings(place, "client", secret, "openid"))
    assert client.server_metadata["token_endpoint_auth_method"] == method


def test_documents_are_not_asked_again_for_a_while(app: Flask, serve: Any) -> None:
    asked = []
    told: dict[str, Any] = {}

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        said(handler, json.dumps(told).encode())

    place = serve(answer)
    told.update(discovery(place))
    settings = Settings(place, "client", "", "openid")
    for _ in range(3):
        protocol.depart(settings, "http://127.0.0.1:8000/back")
    assert asked == ["/.well-known/openid-configuration"]


def test_a_certificate_has_to_hold(app: Flask, tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own_certificate(tmp_path / "own.pem"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        with pytest.raises(ProviderDown, match="证书不可信"):
            tried(f"https://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()


def own_certificate(path: Path) -> Path:
    """A certificate that its server signed itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    here = [x509.IPAddress(ip_address("127.0.0.1"))]
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(here), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(built.public_bytes(pem) + key.private_bytes(pem, *plain))
    return path


def test_the_protocol_is_loaded_when_somebody_first_signs_in_by_it(tmp_path: Path) -> None:
    code = (
        "import sys; from app.factory import create_app; create_app(sys.argv[1]); "
        "sys.exit(' '.join({'authlib', 'requests', 'joserfc'} & set(sys.modules)) or 0)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
