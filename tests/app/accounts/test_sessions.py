"""Sessions live in the database: they end there, whoever copied the cookie."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import operations, sessions, signing_in
from app.accounts.devices import device_of
from app.accounts.models import Credential, LoginSession, Person
from app.core import audit
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from tests.builders.people import a_person
from tests.builders.statements import statements_sent
from tests.conftest import START, Browser

EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130 Edg/130"


@pytest.fixture
def person(app: Flask) -> Person:
    with transaction():
        return a_person("苏晓禾", roles=[("applicant", "all", None)])


def a_copy(browser: Browser) -> Browser:
    """Another browser with the same cookie."""
    thief = browser.client.application.test_client()
    with browser.client.session_transaction() as mine, thief.session_transaction() as theirs:
        theirs.update(mine)
    return Browser(thief)


def test_signing_out_ends_a_copied_cookie(client_for: Any, person: Person) -> None:
    browser = client_for(person)
    copy = a_copy(browser)
    assert copy.get("/home").status_code == 200
    browser.post("/logout")
    assert copy.get("/home").location.startswith("/login")


def test_a_cookie_without_its_token_opens_nothing(client_for: Any, person: Person) -> None:
    browser = client_for(person)
    with browser.client.session_transaction() as session:
        session["token"] = "guessed"
    assert browser.get("/home").location.startswith("/login")


def test_a_token_of_somebody_else_opens_nothing(client_for: Any, person: Person) -> None:
    with transaction():
        other = a_person("郎小川", roles=[("applicant", "all", None)])
    browser = client_for(person)
    with browser.client.session_transaction() as session:
        session["_user_id"] = str(other.id)
    assert browser.get("/home").location.startswith("/login")


def test_the_own_sessions_are_listed_and_one_can_be_ended(client_for: Any, person: Person) -> None:
    here, there = client_for(person), client_for(person)
    page = here.get("/account/sessions").text
    assert page.count("本次登录") >= 1
    with transaction(write=False):
        ids = list(db.session.scalars(sa.select(LoginSession.id).order_by(LoginSession.id)))
    assert here.post(f"/account/sessions/{ids[1]}/end").status_code == 303
    assert there.get("/home").location.startswith("/login")
    assert here.get("/home").status_code == 200
    assert here.post(f"/account/sessions/{ids[1]}/end").status_code == 404


def test_nobody_ends_the_session_of_another(client_for: Any, person: Person) -> None:
    with transaction():
        other = a_person("郎小川", roles=[("applicant", "all", None)])
    mine, theirs = client_for(person), client_for(other)
    with transaction(write=False):
        wanted = sa.select(LoginSession.id).where(LoginSession.person_id == other.id)
        foreign = db.session.scalars(wanted).one()
    assert mine.post(f"/account/sessions/{foreign}/end").status_code == 404
    assert theirs.get("/home").status_code == 200


def test_all_others_can_be_ended_at_once(client_for: Any, person: Person) -> None:
    here, there, elsewhere = (client_for(person) for _ in range(3))
    assert here.post("/account/sessions/end-others").status_code == 303
    assert here.get("/home").status_code == 200
    assert {b.get("/home").status_code for b in (there, elsewhere)} == {302}


def test_a_session_does_not_outlast_the_longest_time_although_it_is_used(
    app: Flask, client_for: Any, person: Person, at: Callable[..., None]
) -> None:
    app.config["PERMANENT_SESSION_LIFETIME"] = timedelta(hours=2)
    browser = client_for(person)
    for minutes in (45, 90):
        at(START + timedelta(minutes=minutes))
        assert browser.get("/home").status_code == 200
    at(START + timedelta(minutes=121))
    assert browser.get("/home").location.startswith("/login")


def test_the_idle_limit_is_a_setting(
    app: Flask, client_for: Any, person: Person, at: Callable[..., None]
) -> None:
    app.config["SESSION_IDLE_LIMIT"] = timedelta(minutes=10)
    browser = client_for(person)
    at(START + timedelta(minutes=11))
    assert browser.get("/home").location.startswith("/login")


def test_use_is_written_once_in_five_minutes(
    client_for: Any, person: Person, at: Callable[..., None]
) -> None:
    def seen() -> Any:
        with transaction(write=False):
            return db.session.scalars(sa.select(LoginSession.seen_at)).one()

    browser = client_for(person)
    begun = seen()
    at(START + timedelta(minutes=4))
    browser.get("/home")
    assert seen() == begun
    at(START + timedelta(minutes=6))
    browser.get("/home")
    assert seen() > begun + timedelta(minutes=5)


def test_the_person_of_a_request_takes_one_statement(app: Flask, person: Person) -> None:
    with transaction():
        person_id = person.id
        values = sessions.signed_in_values(person_id, now())
    with app.test_request_context(), transaction(write=False):
        from flask import session

        session.update(values)
        now()
        with statements_sent() as sent:
            assert sessions.load_person(str(person_id)) is not None
    assert len(sent) == 1


def test_old_sessions_and_addresses_are_forgotten(
    app: Flask, person: Person, at: Callable[..., None]
) -> None:
    with transaction():
        operations.open_session(person.id, address="127.0.0.1", agent="", now=now())
        own, moment = ("person", person.id), now()
        audit.record_from("10.0.0.1", "account:signed_in", subject=own, actor_id=None, now=moment)
        audit.seal_events()
    at(START + timedelta(days=185))
    with transaction():
        operations.sweep_sessions(now())
        assert db.session.scalars(sa.select(LoginSession)).all() == []
        kept = db.session.query(AuditEvent).filter_by(tag="account:signed_in").one()
        assert (kept.address, audit.broken_seals()) == (None, [])


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (EDGE, "Edge（Windows）"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0) MicroMessenger/8", "微信（iPhone）"),
        ("", "其他浏览器"),
    ],
)
def test_a_device_is_told_in_words(agent: str, device: str) -> None:
    assert device_of(agent) == device


def test_signing_out_and_ending_ones_sessions_stand_in_the_log(
    app: Flask, client_for: Callable[..., Any]
) -> None:
    with transaction():
        person = a_person("卜文", roles=[("expert", "all", None)])
    here, _there = client_for(person), client_for(person)
    here.post("/account/sessions/end-others")
    here.post("/logout")
    with transaction(write=False):
        mine = db.session.query(AuditEvent).filter_by(actor_id=person.id).order_by(AuditEvent.id)
        assert [e.tag for e in mine] == ["account:own_session_ended", "account:signed_out"]


def test_a_password_form_sent_twice_at_once_is_answered_once(
    app: Flask, client_for: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is through while the second still judges the password that was current."""
    with transaction():
        person = a_person("卜文", roles=[("expert", "all", None)])
        account = db.session.query(Credential).filter_by(person_id=person.id).one()
        operations.set_password(account, signing_in.hash_password("Qinghe-2026"), now=now())
    form = {"current": "Qinghe-2026", "password": "Qinghe-2027", "again": "Qinghe-2027"}
    form["request_key"] = "changed-once"
    first, second = client_for(person), client_for(person)
    judged = signing_in.judge_account
    answers: list[int] = []
    threads: list[threading.Thread] = []

    def send_the_first() -> None:
        with app.app_context():
            answers.append(first.post("/account/password", form).status_code)

    def judge(account: Credential, password: str) -> signing_in.Judgement:
        monkeypatch.setattr(signing_in, "judge_account", judged)
        judgement = judged(account, password)
        threads.append(threading.Thread(target=send_the_first))
        threads[0].start()
        # On PostgreSQL it waits for the second to end its reading.
        threads[0].join(2)
        return judgement

    monkeypatch.setattr(signing_in, "judge_account", judge)
    answers.append(second.post("/account/password", form).status_code)
    threads[0].join(30)
    assert answers == [303, 303]
    with transaction(write=False):
        failed = db.session.query(AuditEvent).filter_by(tag="account:sign_in_failed")
        assert failed.count() == 0
