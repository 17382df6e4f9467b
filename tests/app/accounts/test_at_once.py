"""Codes, proofs and links count once, also when two use them in the same moment."""

import html
import json
import re
from typing import Any

import altcha
import pytest
from flask import Flask

from app.accounts import addresses, factor_views, mail_links, operations, second_factor, signing_in
from app.accounts.models import Credential, MailLink, Person
from app.accounts.queries import hash_of
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid
from tests.builders.devices import a_device
from tests.builders.people import a_person
from tests.builders.threads import together, together_inside
from tests.conftest import START

PASSWORD = "Qinghe-2026"


@pytest.fixture
def person(app: Flask) -> Person:
    with transaction():
        person = a_person("苏晓禾", roles=[("applicant", "all", None)])
        account = db.session.query(Credential).filter_by(person_id=person.id).one()
        account.login = "qinghe"
        operations.set_password(account, signing_in.hash_password(PASSWORD), now=now())
        person.email, person.email_verified_at = "su@example.cn", now()
        return person


@pytest.mark.parametrize("kind", ["device", "recovery"])
def test_a_code_that_two_type_at_once_opens_once(app: Flask, person: Person, kind: str) -> None:
    with transaction():
        device, codes = a_device(person)
        person_id = person.id
    code = device.code(START) if kind == "device" else codes[0]
    spent: list[str] = []

    def spend() -> None:
        spent.append(second_factor.spend_code(person_id, code, moment=START, now=now()))

    assert together_inside(app, spend, spend) == [None, None]
    assert sorted(spent) == ["", kind]


def test_two_who_sign_in_by_one_code_at_once_are_one(
    app: Flask, client_for: Any, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(factor_views, "device_time", now)
    with transaction():
        device, _ = a_device(person)
    browsers = [client_for(None), client_for(None)]
    for browser in browsers:
        browser.post("/login", {"login": "qinghe", "password": PASSWORD})
    answers: list[int] = []
    code = device.code(START)
    tokens = [browser.token() for browser in browsers]

    def confirm(place: int) -> None:
        form = {"code": code, "csrf_token": tokens[place]}
        answers.append(browsers[place].client.post("/login/code", data=form).status_code)

    assert together(app, lambda: confirm(0), lambda: confirm(1)) == [None, None]
    assert sorted(answers) == [303, 401]


def test_two_letters_asked_for_at_once_hold_one_link_that_opens(
    app: Flask, person: Person
) -> None:
    with transaction():
        person_id = person.id
    secrets: list[str] = []

    def ask() -> None:
        asker = db.session.get_one(Person, person_id)
        secrets.append(mail_links.ask_to_verify(asker, "xin@example.cn", now=now()))

    failures = [each for each in together_inside(app, ask, ask) if each]
    # On SQLite the second sees that a letter was sent a moment ago.
    assert [type(each) for each in failures] == [Invalid] * len(failures)
    with transaction(write=False):
        lives = db.session.query(MailLink).filter_by(person_id=person_id, used_at=None)
        assert lives.one().token_hash in {hash_of(each) for each in secrets}


def test_a_link_that_two_open_at_once_sets_one_password(app: Flask, person: Person) -> None:
    with transaction():
        mail_links.ask_for_reset("qinghe", now=now())
        found = mail_links.answer_request(1, now=now())
        assert found is not None
        secret = found[1]
    hashed = signing_in.hash_password("Yunqiao#88")

    def reset() -> None:
        mail_links.reset_by_mail(secret, hashed, "", moment=START, now=now())

    failed = together_inside(app, reset, reset)
    assert sorted(type(each) for each in failed if each) == [Invalid]


def test_a_proof_that_two_hand_in_at_once_counts_once(
    app: Flask, client_for: Any, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "CHALLENGE_FROM", 1)
    monkeypatch.setattr(addresses, "PREFIX", "0")
    with transaction():
        for _ in range(8):
            addresses.count_address("127.0.0.1", now())
    page = client_for(None).get("/login").text
    found = re.search(r'data-proof="([^"]+)"', page)
    assert found
    challenge = altcha.Challenge.from_dict(json.loads(html.unescape(found[1])))
    solution = altcha.solve_challenge(challenge)
    assert solution
    proof = altcha.Payload(challenge, solution).to_base64()

    def use() -> None:
        addresses.use_address("127.0.0.1", proof, now=now())

    failed = together_inside(app, use, use)
    assert [type(each) for each in failed if each] == [addresses.TooManyTries]
