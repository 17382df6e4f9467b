"""Codes, proofs and links count once, also when two use them in the same moment."""

import html
import json
import re
import threading
from datetime import timedelta
from typing import Any

import altcha
import pytest
from flask import Flask

from app.accounts import (
    addresses,
    cards,
    factor_views,
    mail_links,
    operations,
    second_factor,
    signing_in,
)
from app.accounts.factor_models import CodeCard
from app.accounts.models import Credential, LoginSession, MailLink, Person
from app.accounts.one_time_codes import folded, spend_card_code
from app.accounts.queries import hash_of
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid
from tests.builders.devices import a_device
from tests.builders.locks import locks_on
from tests.builders.people import a_person
from tests.builders.threads import WAIT, together, together_inside
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


def cards_for(person_id: int, seed: bytes) -> list[str]:
    """Give somebody a card for a meeting that is on; returns its codes."""
    hour, here = timedelta(hours=1), db.session.get_one(Person, person_id)
    term = cards.Term(7, "2026年高级评审会议", now() - hour, now() + hour)
    clerk = db.session.query(Person).filter_by(name="经办人").one()
    (card,) = cards.issue_cards([here], term, seed, actor=clerk, now=now())
    return cards.codes_on(card, seed)


def test_of_two_cards_made_at_once_one_is_good(app: Flask, person: Person) -> None:
    with transaction():
        a_person("经办人")
        person_id = person.id
    made: list[list[str]] = []
    make = [lambda seed=seed: made.append(cards_for(person_id, seed)) for seed in (b"1", b"2")]
    assert together_inside(app, *make) == [None, None]
    with transaction():
        assert db.session.query(CodeCard).filter_by(voided_at=None).count() == 1
        firsts = [folded(codes[0]) for codes in made]
        good = [bool(spend_card_code(person_id, code, now())) for code in firsts]
        assert sorted(good) == [False, True]


def test_who_is_signing_in_while_a_card_is_made_is_out(app: Flask, person: Person) -> None:
    """Who was asked for no code yet has no session left once there is a card."""
    with transaction():
        a_person("经办人")
        person_id = person.id
    is_in, is_made = threading.Event(), threading.Event()

    def sign_in() -> None:
        with transaction():
            judgement = signing_in.judge("qinghe", PASSWORD, address="127.0.0.1", now=now())
            signing_in.sign_in(judgement, address="127.0.0.1", now=now())
            is_in.set()
            is_made.wait(1)
            operations.open_session(person_id, address="127.0.0.1", agent="", now=now())

    def make() -> None:
        is_in.wait(WAIT)
        with transaction():
            cards_for(person_id, b"seed")
        is_made.set()

    assert together(app, sign_in, make) == [None, None]
    with transaction(write=False):
        (session,) = db.session.query(LoginSession).filter_by(person_id=person_id)
        assert session.ended_at is not None


def test_cards_end_with_the_accounts_locked(app: Flask, person: Person) -> None:
    with transaction():
        a_person("经办人")
        cards_for(person.id, b"seed")
    with transaction(), locks_on("credential") as locks:
        assert cards.end_cards(7, actor_id=None, now=now()) == 1
    assert locks == ["UPDATE"]


@pytest.mark.parametrize("kind", ["device", "recovery", "card"])
def test_a_code_that_two_type_at_once_opens_once(app: Flask, person: Person, kind: str) -> None:
    with transaction():
        device, codes = a_device(person)
        a_person("经办人")
        person_id = person.id
        of_kind = {
            "device": device.code(START),
            "recovery": codes[0],
            "card": cards_for(person_id, b"seed")[0],
        }
    code = of_kind[kind]
    spent: list[str] = []

    def spend() -> None:
        told = second_factor.spend_any_code(person_id, code, moment=START, now=now())
        spent.append(str(told.get("factor", "")))

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
        mail_links.reset_by_mail(secret, hashed, "", address="", moment=START, now=now())

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
