"""Guessing by network address: a proof of work, waiting, and blocks that grow."""

import html
import json
import re
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import altcha
import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import addresses, operations, signing_in
from app.accounts.models import Credential, SignInAttempt, SpentProof
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from tests.builders.people import a_person
from tests.conftest import START

PASSWORD = "Qinghe-2026"


@pytest.fixture(autouse=True)
def account(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account called qinghe; three failures ask for a proof, of little work."""
    monkeypatch.setattr(addresses, "CHALLENGE_FROM", 3)
    monkeypatch.setattr(addresses, "PREFIX", "00")
    with transaction():
        person = a_person("苏晓禾", roles=[("applicant", "all", None)])
        account = db.session.query(Credential).filter_by(person_id=person.id).one()
        account.login = "qinghe"
        operations.set_password(account, signing_in.hash_password(PASSWORD), now=now())


def fail(browser: Any, times: int) -> Any:
    answer = None
    for number in range(times):
        answer = browser.post("/login", {"login": f"nobody{number}", "password": PASSWORD})
    return answer


def suspected(browser: Any) -> str:
    """Fail so often that one has to wait for minutes; returns the page that says so."""
    fail(browser, 3)
    count(6)
    return str(browser.get("/login").text)


def count(times: int) -> None:
    with transaction():
        for _ in range(times):
            addresses.count_address("127.0.0.1", now())


def waits(page: str) -> int:
    """The seconds that a page names."""
    return int(re.search(r"(\d+) 秒后再试", page)[1])  # type: ignore[index]


def sign_in(browser: Any, proof: str = "") -> Any:
    form = {"login": "qinghe", "password": PASSWORD, "proof": proof}
    return browser.post("/login", form)


def solved(page: str) -> str:
    """What the script of a page hands in."""
    found = re.search(r'data-proof="([^"]+)"', page)
    assert found, page
    challenge = altcha.Challenge.from_dict(json.loads(html.unescape(found[1])))
    solution = altcha.solve_challenge(challenge)
    assert solution
    return str(altcha.Payload(challenge, solution).to_base64())


def test_a_few_failures_ask_for_nothing(client_for: Any) -> None:
    browser = client_for(None)
    fail(browser, 2)
    assert "data-proof" not in browser.get("/login").text
    assert sign_in(browser).status_code == 303


def test_after_some_failures_a_proof_of_work_lets_one_in(client_for: Any) -> None:
    browser = client_for(None)
    page = suspected(browser)
    assert 'role="status"' in page
    refused = sign_in(browser)
    assert (refused.status_code, "安全验证" in refused.text) == (429, True)
    assert sign_in(browser, solved(page)).status_code == 303


def test_a_proof_counts_once(client_for: Any) -> None:
    browser, other = client_for(None), client_for(None)
    proof = solved(suspected(browser))
    assert sign_in(browser, proof).status_code == 303
    assert sign_in(other, proof).status_code == 429


def test_a_proof_expires(client_for: Any, at: Callable[..., None]) -> None:
    browser = client_for(None)
    proof = solved(suspected(browser))
    at(START + timedelta(minutes=11))
    suspected(browser)
    assert sign_in(browser, proof).status_code == 429


def test_neither_a_forged_proof_nor_one_without_work_counts(client_for: Any) -> None:
    browser = client_for(None)
    challenge = json.loads(
        html.unescape(re.search(r'data-proof="([^"]+)"', suspected(browser))[1])  # type: ignore[index]
    )
    idle = {"challenge": challenge, "solution": {"counter": 0, "derivedKey": "00" * 32}}
    easier = {**challenge, "parameters": {**challenge["parameters"], "keyPrefix": ""}}
    eased = {"challenge": easier, "solution": {"counter": 0, "derivedKey": "00" * 32}}
    for forged in (json.dumps(idle), json.dumps(eased), "[]", "no json"):
        proof = b64encode(forged.encode()).decode()
        assert sign_in(browser, proof).status_code == 429
    assert sign_in(browser, "§").status_code == 429


def test_without_scripts_one_waits_longer_after_each_failure(
    client_for: Any, at: Callable[..., None]
) -> None:
    browser = client_for(None)
    page = suspected(browser)
    assert 'role="status"' in page
    first = waits(sign_in(browser).text)
    count(1)
    second = waits(sign_in(browser).text)
    assert (100 < first <= 128, 228 < second <= 256) == (True, True)
    at(START + timedelta(minutes=5))
    assert sign_in(browser).status_code == 303


def test_each_block_lasts_twice_as_long(
    client_for: Any, monkeypatch: pytest.MonkeyPatch, at: Callable[..., None]
) -> None:
    monkeypatch.setattr(addresses, "ADDRESS_FAILURES", 2)
    browser = client_for(None)
    fail(browser, 2)
    blocked = sign_in(browser)
    assert (blocked.status_code, "5 分钟后再试" in blocked.text) == (429, True)
    at(START + timedelta(minutes=6))
    fail(browser, 1)
    assert "10 分钟后再试" in sign_in(browser).text
    assert "10 分钟后再试" in sign_in(browser, "x").text
    at(START + timedelta(minutes=17))
    assert sign_in(browser).status_code == 303
    with transaction(write=False):
        told = db.session.query(AuditEvent).filter_by(tag="account:address_blocked").all()
        assert {(each.subject_type, each.address) for each in told} == {("address", "127.0.0.1")}
        assert len(told) == 2


def test_a_block_asks_for_harder_work_and_shuts_nobody_out(
    client_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "ADDRESS_FAILURES", 4)
    browser = client_for(None)
    fail(browser, 3)
    easy = solved(browser.get("/login").text)
    count(1)
    assert sign_in(browser, easy).status_code == 429
    hard = solved(browser.get("/login").text)
    assert addresses._parameters(hard)["cost"] == addresses.HARD_ROUNDS > addresses.ROUNDS
    assert sign_in(browser, hard).status_code == 303
    assert sign_in(client_for(None), hard).status_code == 429


def test_failures_within_a_block_make_it_no_longer_and_blocks_fade_in_a_day(
    client_for: Any, monkeypatch: pytest.MonkeyPatch, at: Callable[..., None]
) -> None:
    monkeypatch.setattr(addresses, "ADDRESS_FAILURES", 2)
    browser = client_for(None)
    count(5)
    assert "5 分钟后再试" in sign_in(browser).text
    at(START + timedelta(minutes=20))
    count(2)
    assert "10 分钟后再试" in sign_in(browser).text
    for hours in (20, 40):
        at(START + timedelta(hours=hours))
        count(1)
    count(1)
    assert "5 分钟后再试" in sign_in(browser).text


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113.7", "203.0.113.7"),
        ("-", "-"),
    ],
)
def test_an_address_of_ipv6_counts_by_its_network(
    client_for: Any, address: str, counted: str
) -> None:
    browser = client_for(None)
    browser.client.environ_base["REMOTE_ADDR"] = address
    fail(browser, 1)
    with transaction(write=False):
        assert db.session.scalars(sa.select(SignInAttempt.address)).all() == [counted]


def test_a_block_ends_no_other_address(
    app: Flask, client_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "ADDRESS_FAILURES", 2)
    fail(client_for(None), 2)
    other = client_for(None)
    other.client.environ_base["REMOTE_ADDR"] = "10.1.2.3"
    assert sign_in(other).status_code == 303


def test_quiet_addresses_and_old_proofs_are_forgotten(
    client_for: Any, at: Callable[..., None]
) -> None:
    browser = client_for(None)
    assert sign_in(browser, solved(suspected(browser))).status_code == 303
    at(START + timedelta(days=1, minutes=1))
    with transaction():
        addresses.sweep_attempts(now())
        assert db.session.scalars(sa.select(SignInAttempt)).all() == []
        assert db.session.scalars(sa.select(SpentProof)).all() == []
