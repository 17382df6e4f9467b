"""A real OpenID provider in a process of its own, and browsers that go there and back."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import requests

from app.accounts.models import Person
from app.core.clock import now
from app.core.crypto import seal
from app.core.db import db
from app.openid.models import Provider
from tests.builders.mail import free_port

HOST = "http://127.0.0.1:8000"


@dataclass
class IdentityOffice:
    """A running provider: its people, its clients, and its form."""

    issuer: str

    def __post_init__(self) -> None:
        self.http = requests.Session()
        self.http.trust_env = False

    def tell(self, subject: str, **claims: Any) -> None:
        """Enter somebody with claims."""
        answer = self.http.put(f"{self.issuer}/users/{quote(subject)}", json=claims)
        assert answer.status_code == 204, answer.text

    def register(self, callback: str) -> tuple[str, str]:
        """Register a client; returns its id and secret."""
        body = {"redirect_uris": [callback]}
        answer = self.http.post(f"{self.issuer}/oauth2/clients", json=body).json()
        return answer["client_id"], answer["client_secret"]

    def authorise(self, url: str, subject: str = "", **form: str) -> str:
        """Fill the provider's form as somebody; returns the address that it sends back to."""
        page = self.http.get(url)
        assert "Authorize Client" in page.text, page.text
        answer = self.http.post(url, data={"sub": subject, **form}, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]


@contextmanager
def identity_office() -> Iterator[IdentityOffice]:
    """Start a provider that knows its clients and asks for a nonce, and stop it afterwards."""
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "-p", str(port), "-r", "true"]
    running = subprocess.Popen([*command, "-n", "true"], stderr=subprocess.DEVNULL)
    try:
        for _ in range(400):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield IdentityOffice(f"http://127.0.0.1:{port}")
    finally:
        running.terminate()
        running.wait(10)


def a_provider(
    office: IdentityOffice,
    keeper: Person,
    confirmer: Person,
    *,
    host: str = HOST,
    **values: Any,
) -> Provider:
    """A provider that is in use, registered at the office as a client."""
    settings = {
        "jurisdiction": "anhui",
        "name": "政务服务网",
        "issuer": office.issuer,
        "client_id": "",
        "number_claim": "id_number",
        "is_enabled": True,
        **values,
    }
    provider = Provider(
        **settings,
        changed_by=keeper.id,
        changed_at=now(),
        confirmed_by=confirmer.id,
        confirmed_at=now(),
    )
    db.session.add(provider)
    db.session.flush()
    callback = f"{host}/login/openid/{provider.id}/answer"
    provider.client_id, secret = office.register(callback)
    provider.secret_sealed = seal(secret)
    db.session.flush()
    return provider


def to_provider(browser: Any, path: str) -> str:
    """Press a button; returns the provider's address that the browser is sent to."""
    answer = browser.get(path)
    assert answer.status_code == 302, answer.text
    return str(answer.location)


def path_of(address: str) -> str:
    """An address of ours as a test client asks for it."""
    assert address.startswith(HOST), address
    return address.removeprefix(HOST)


def way_back(browser: Any, office: IdentityOffice, subject: str, path: str) -> str:
    """Press a button and fill the provider's form; returns where it sends the browser back to."""
    return path_of(office.authorise(to_provider(browser, path), subject))


def sign_on(browser: Any, office: IdentityOffice, subject: str, path: str) -> Any:
    """Press a button, fill the provider's form, come back."""
    return browser.get(way_back(browser, office, subject, path))


def asked(url: str) -> dict[str, str]:
    """What an address asks for."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
