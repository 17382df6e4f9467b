"""The example of the handbook: its mail server and provider, with what it says to enter."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from app import worker
from app.accounts.models import Person
from app.core import mail
from app.core.clock import now
from app.core.crypto import seal
from app.core.db import db, transaction
from app.core.mail import server_of
from app.openid.models import Provider
from tests.app.openid.kit import ACCOUNT
from tests.builders.mail import free_port
from tests.builders.openid import IdentityOffice, sign_on

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "trial.sh"
HANDBOOK = EXAMPLE.parents[1] / "handbooks" / "operations.zh-CN.md"
PATIENCE = 30


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[tuple[Path, dict[str, int]]]:
    """The example, running; where its terminal is kept, and its ports."""
    ports = {"MAIL_PORT": free_port(), "PROVIDER_PORT": free_port()}
    terminal = tmp_path / "terminal"
    given = os.environ | {name: str(port) for name, port in ports.items()} | {"PY": sys.executable}
    with terminal.open("w") as out:
        running = subprocess.Popen(["sh", str(EXAMPLE)], stdout=out, stderr=out, env=given)
    try:
        _wait_for(ports["PROVIDER_PORT"])
        yield terminal, ports
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(10)
    with pytest.raises(requests.ConnectionError):
        _discovery(ports["PROVIDER_PORT"])


def _discovery(port: int) -> requests.Response:
    return requests.get(f"http://127.0.0.1:{port}/.well-known/openid-configuration", timeout=5)


def _wait_for(port: int) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            _discovery(port).raise_for_status()
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the provider of the example did not start")


def _entered(issuer: str, keeper: Person, confirmer: Person) -> int:
    """Enter the provider of the example as the handbook says; its number."""
    with transaction():
        provider = Provider(
            jurisdiction="anhui",
            name="试用认证",
            issuer=issuer,
            client_id="zhiping",
            secret_sealed=seal("trial"),
            number_claim="id_number",
            for_units=True,
            code_claim="uscc",
            changed_by=keeper.id,
            changed_at=now(),
            confirmed_by=confirmer.id,
            confirmed_at=now(),
            is_enabled=True,
        )
        db.session.add(provider)
        db.session.flush()
        return provider.id


def test_the_example_of_the_handbook_takes_letters_and_tells_of_people(
    app: Flask,
    trial: tuple[Path, dict[str, int]],
    keepers: tuple[Person, Person],
    client_for: Any,
) -> None:
    terminal, ports = trial
    text = HANDBOOK.read_text(encoding="utf-8")
    (line,) = [row for row in text.splitlines() if row.startswith("    make run SMTP_HOST")]
    server = server_of(dict(word.split("=") for word in line.split()[2:]))
    assert server
    app.config["MAIL_SERVER"] = replace(server, port=ports["MAIL_PORT"])
    with transaction():
        mail.post("bai@example.cn", "trial", "hello", now=now())
    worker.drain()
    assert "To: bai@example.cn" in terminal.read_text()
    issuer = f"http://127.0.0.1:{ports['PROVIDER_PORT']}"
    path = f"/login/openid/{_entered(issuer, *keepers)}"
    browser, office = client_for(None), IdentityOffice(issuer)
    assert sign_on(browser, office, "bai", path).location == ACCOUNT
    assert "柏小满" in browser.get(ACCOUNT).text
    assert browser.post("/login/openid/new").location == "/account/details"
    assert "还没有在本平台登记" in sign_on(browser, office, "school", f"{path}?as=unit").text
