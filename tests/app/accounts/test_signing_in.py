"""Signing in and out, activation, passwords: what is refused, and what ends a session."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask

from app.accounts import addresses, operations, signing_in
from app.accounts.models import Credential, Person, SignInAttempt, UnknownName
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid
from tests.builders.people import a_person, an_id_number
from tests.conftest import START

PASSWORD = "Qinghe-2026"
NEW_PASSWORD = "Yunqiao#88"


@pytest.fixture
def person(app: Flask) -> Person:
    """Somebody with an account called qinghe and a password."""
    with transaction():
        person = a_person("苏晓禾", roles=[("applicant", "all", None)])
        account = account_of(person)
        account.login = "qinghe"
        operations.set_password(account, signing_in.hash_password(PASSWORD), now=now())
        return person


def account_of(person: Person) -> Credential:
    return db.session.query(Credential).filter_by(person_id=person.id).one()


def sign_in(browser: Any, login: str = "qinghe", password: str = PASSWORD, to: str = "") -> Any:
    return browser.post(f"/login{to}", {"login": login, "password": password})


def test_the_right_password_opens_the_home_page(client_for: Any, person: Person) -> None:
    browser = client_for(None)
    answer = sign_in(browser)
    assert (answer.status_code, answer.location) == (303, "/home")
    assert "苏晓禾" in browser.get("/home").text


@pytest.mark.parametrize("typed", [" QingHe ", "ｑｉｎｇｈｅ", "qing he", "Ｑing　he"])
def test_a_login_is_found_however_it_is_typed(client_for: Any, person: Person, typed: str) -> None:
    assert sign_in(client_for(None), typed).status_code == 303


@pytest.mark.parametrize("name", ["qinghe", "nobody"])
def test_a_name_locks_under_all_its_spellings_whether_somebody_has_it_or_not(
    client_for: Any, person: Person, name: str
) -> None:
    browser = client_for(None)
    for _ in range(5):
        sign_in(browser, f"{name[:2]} {name[2:]}", "Wrong-2026")
    assert "已锁定" in sign_in(browser, name, "Wrong-2026").text


@pytest.mark.parametrize(("login", "password"), [("qinghe", "Wrong-2026"), ("nobody", PASSWORD)])
def test_a_wrong_password_and_an_unknown_account_read_alike(
    client_for: Any, person: Person, login: str, password: str
) -> None:
    answer = sign_in(client_for(None), login, password)
    assert answer.status_code == 401
    assert "账号或密码不正确" in answer.text
    assert f'value="{login}"' in answer.text


def test_an_empty_form_says_what_is_missing(client_for: Any, person: Person) -> None:
    answer = sign_in(client_for(None), "", "")
    assert answer.status_code == 422
    assert "请填写登录名或证件号码" in answer.text
    assert "请填写密码" in answer.text


def test_five_wrong_passwords_lock_the_account_for_a_quarter_of_an_hour(
    client_for: Any, person: Person, at: Callable[..., None]
) -> None:
    browser = client_for(None)
    for _ in range(5):
        sign_in(browser, password="Wrong-2026")
    locked = sign_in(browser)
    assert (locked.status_code, "已锁定" in locked.text) == (401, True)
    at(START + timedelta(minutes=16))
    assert sign_in(browser).status_code == 303


def test_locks_grow_to_an_hour_and_fade_in_a_day(
    client_for: Any, person: Person, at: Callable[..., None]
) -> None:
    def lock() -> None:
        with transaction():
            for _ in range(signing_in.FAILURES_BEFORE_LOCK):
                signing_in.count_failure(account_of(person), now(), why="code", address="")

    told = []
    for hours in (0, 2, 4, 6, 40):
        at(START + timedelta(hours=hours))
        lock()
        told += re.findall(r"已锁定，请 (\d+) 分钟", sign_in(client_for(None)).text)
    assert told == ["15", "30", "60", "60", "15"]


@pytest.mark.parametrize("name", ["nobody", "340000198503129020"])
def test_a_name_that_nobody_has_locks_as_an_account_does(
    app: Flask, client_for: Any, at: Callable[..., None], name: str
) -> None:
    browser = client_for(None)
    answers = [sign_in(browser, name, PASSWORD) for _ in range(6)]
    assert [a.status_code for a in answers] == [401] * 6
    assert ["已锁定，请 15 分钟" in a.text for a in answers] == [False] * 5 + [True]
    with transaction(write=False):
        assert name not in str(db.session.query(UnknownName.name_hash).all())
    at(START + timedelta(minutes=16))
    assert "账号或密码不正确" in sign_in(browser, f" {name.upper()} ", PASSWORD).text
    with transaction(write=False):
        assert db.session.query(UnknownName).count() == 1
    at(START + timedelta(days=31))
    with transaction():
        signing_in.sweep_names(now())
        assert db.session.query(UnknownName).count() == 0


def test_failures_are_kept_although_the_page_refuses(client_for: Any, person: Person) -> None:
    """With the name that was tried, masked, and why; a name that nobody has may be a password."""
    number = an_id_number()
    with transaction():
        db.session.get_one(Person, person.id).set_id_number(number)
    for name in ("QingHe", number, "Wrong-2026"):
        sign_in(client_for(None), name, password="Wrong-2026")
    with transaction():
        assert account_of(person).failures == 2
        account_of(person).is_enabled = False
    sign_in(client_for(None))
    with transaction():
        account_of(person).is_enabled = True
        auditor = a_person("郎书恒", roles=[("audit_admin", "all", None)])
        kept = db.session.query(AuditEvent).filter_by(tag="account:sign_in_failed")
        about = [(each.subject_type, each.subject_id) for each in kept.order_by(AuditEvent.id)]
        own = ("person", person.id)
        assert about == [own, own, ("account", 0), own]
    log = client_for(auditor).get("/admin/audit?q=sign_in_failed").text
    for words in (
        "填写的账号：q****e；失败原因：密码不正确",
        f"填写的账号：{number[:6]}********{number[-4:]}；失败原因：密码不正确",
        "未知账号",
        "失败原因：没有这个账号",
        "失败原因：账号已停用",
    ):
        assert words in log
    assert not [word for word in ("Wrong-2026", number, "qinghe") if word in log.lower()]
    own_log = client_for(person).get("/account/log").text
    assert own_log.count("密码不正确") == 2


def test_tries_on_a_locked_name_are_logged_and_count_against_the_address(
    client_for: Any, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Be the password right or wrong, and the name somebody's or nobody's: the page tells none."""
    monkeypatch.setattr(signing_in, "FAILURES_BEFORE_LOCK", 1)
    browser = client_for(None)
    for name in ("qinghe", "nobody"):
        sign_in(browser, name, "Wrong-2026")
    tries = [("qinghe", PASSWORD), ("qinghe", "Wrong-2026"), ("nobody", PASSWORD)]
    told = [re.findall("账号已锁定[^<]*", sign_in(browser, *each).text) for each in tries]
    assert told == [["账号已锁定，请 15 分钟后再试，或联系管理员重置"]] * 3
    with transaction():
        auditor = a_person("郎书恒", roles=[("audit_admin", "all", None)])
        assert db.session.query(SignInAttempt).one().failures == 5
        kept = db.session.query(AuditEvent).filter_by(tag="account:sign_in_failed")
        about = [(each.subject_type, each.data) for each in kept.order_by(AuditEvent.id)]
        own = ("person", {"tried": "q****e", "why": "locked"})
        assert about[2:] == [own, own, ("account", {"why": "locked"})]
        locks = db.session.query(AuditEvent).filter_by(tag="account:locked_by_failures")
        assert {each.subject_type for each in locks} == {"person", "account"}
    log = client_for(auditor).get("/admin/audit?q=127.0.0.1").text
    assert (log.count("因多次登录失败被锁定"), log.count("127.0.0.1</span>")) == (2, 7)
    assert "截止：2026-11-23 09:15" in log
    own_log = client_for(person).get("/account/log").text
    assert own_log.count("127.0.0.1") == own_log.count("登录失败</td>") + 1 == 4
    csv = client_for(auditor).post("/admin/audit/export", {"q": "127.0.0.1"}).text
    assert csv.count(",127.0.0.1,") == 7
    log = client_for(auditor).get("/admin/audit?q=sign_in_failed").text
    assert "填写的账号：q****e；失败原因：账号锁定期间再次尝试" in log
    monkeypatch.setattr(addresses, "ADDRESS_FAILURES", 6)
    sign_in(browser)
    assert "网络地址尝试次数过多" in sign_in(browser).text


def test_an_address_that_guesses_many_accounts_is_slowed_down(
    app: Flask, client_for: Any, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "ADDRESS_FAILURES", 3)
    browser = client_for(None)
    for number in range(3):
        sign_in(browser, f"nobody{number}")
    assert "网络地址尝试次数过多" in sign_in(browser).text


def test_a_disabled_account_cannot_be_entered(client_for: Any, person: Person) -> None:
    with transaction():
        account_of(person).is_enabled = False
    assert sign_in(client_for(None)).status_code == 401


@pytest.mark.parametrize(
    ("target", "goes_to"),
    [
        ("/notifications", "/notifications"),
        ("https://evil.example/x", "/home"),
        ("//e.e", "/home"),
        ("/%5Ce.e", "/home"),
        ("/%09%5Ce.e", "/home"),
        ("/x%0Ay", "/home"),
    ],
)
def test_after_signing_in_one_goes_on_within_the_site_only(
    client_for: Any, person: Person, target: str, goes_to: str
) -> None:
    assert sign_in(client_for(None), to=f"?next={target}").location == goes_to


def test_who_is_signed_in_already_goes_on(client_for: Any, person: Person) -> None:
    answer = client_for(person).get("/login?next=/notifications")
    assert (answer.status_code, answer.location) == (303, "/notifications")


def test_signing_in_starts_a_session_of_its_own(client_for: Any, person: Person) -> None:
    browser = client_for(None)
    with browser.client.session_transaction() as session:
        session["planted"] = "x"
    sign_in(browser)
    with browser.client.session_transaction() as session:
        assert "planted" not in session


def test_signing_out_ends_the_session(client_for: Any, person: Person) -> None:
    browser = client_for(person)
    assert browser.post("/logout").location == "/"
    assert browser.get("/home").location.startswith("/login")


def test_a_session_ends_after_an_idle_hour(
    client_for: Any, person: Person, at: Callable[..., None]
) -> None:
    browser = client_for(person)
    at(START + timedelta(minutes=50))
    assert browser.get("/home").status_code == 200
    at(START + timedelta(minutes=100))
    assert browser.get("/home").status_code == 200
    at(START + timedelta(minutes=165))
    assert browser.get("/home").location.startswith("/login")


def test_a_reset_ends_every_session_and_takes_the_password(
    client_for: Any, person: Person
) -> None:
    browser = client_for(person)
    assert browser.get("/home").status_code == 200
    with transaction():
        operations.reset_credential(account_of(person), actor=person, now=now())
    assert browser.get("/home").location.startswith("/login")
    assert sign_in(client_for(None)).status_code == 401


def test_changing_the_password_keeps_this_session_and_ends_the_others(
    client_for: Any, person: Person
) -> None:
    here, elsewhere = client_for(person), client_for(person)
    form = {"current": PASSWORD, "password": NEW_PASSWORD, "again": NEW_PASSWORD}
    assert here.post("/account/password", form).status_code == 303
    assert here.get("/home").status_code == 200
    assert elsewhere.get("/home").location.startswith("/login")
    assert sign_in(client_for(None), password=NEW_PASSWORD).status_code == 303


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"current": "Wrong-2026"}, "当前密码不正确"),
        ({"password": PASSWORD, "again": PASSWORD}, "不能与当前密码相同"),
        ({"password": "short-1", "again": "short-1"}, "8-20 位"),
        ({"again": "Other-2026"}, "不一致"),
    ],
)
def test_a_password_that_cannot_be_is_refused_at_its_field(
    client_for: Any, person: Person, change: dict[str, str], words: str
) -> None:
    form = {"current": PASSWORD, "password": NEW_PASSWORD, "again": NEW_PASSWORD, **change}
    answer = client_for(person).post("/account/password", form)
    assert answer.status_code == 422
    assert words in answer.text
    assert sign_in(client_for(None)).status_code == 303


@pytest.mark.parametrize(
    ("password", "holds"),
    [
        ("Abc-1234", True),
        ("Abc-12345678901234567", False),
        ("Abc-123", False),
        ("Abcd-efgh", False),
        ("12345-678", False),
        ("Abcd12345", False),
        ("密码Ab-1234", True),
    ],
)
def test_the_password_rule(password: str, holds: bool) -> None:
    if holds:
        signing_in.check_password_rule(password)
        return
    with pytest.raises(Invalid, match="8-20 位"):
        signing_in.check_password_rule(password)


def test_a_hash_of_less_work_is_made_anew_at_the_next_sign_in(
    client_for: Any, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    weak = signing_in.hash_password(PASSWORD).text
    monkeypatch.setattr(signing_in, "_hasher", PasswordHasher())
    with transaction():
        account_of(person).password_hash = weak
    assert sign_in(client_for(None), password="Wrong-2026").status_code == 401
    with transaction(write=False):
        assert account_of(person).password_hash == weak
    assert sign_in(client_for(None)).status_code == 303
    with transaction(write=False):
        kept = account_of(person).password_hash
        assert kept is not None
        assert not PasswordHasher().check_needs_rehash(kept)
        assert kept.startswith("$argon2id$")
    assert sign_in(client_for(None)).status_code == 303


def an_activation(app: Flask) -> str:
    with transaction():
        person = operations.create_person(name="卜文", now=now())
        _, secret = operations.create_credential(person, "bowen", now=now())
        return secret


def activate(browser: Any, secret: str) -> Any:
    form = {"secret": secret, "password": NEW_PASSWORD, "again": NEW_PASSWORD}
    return browser.post("/activate", form)


def test_an_account_is_activated_once(app: Flask, client_for: Any) -> None:
    secret = an_activation(app)
    browser = client_for(None)
    assert secret in browser.get(f"/activate?secret={secret}").text
    assert activate(browser, secret).location == "/login"
    # With the password of one's own choice one signs in anew (CZ-02).
    assert browser.get("/home").location.startswith("/login")
    form = {"login": "bowen", "password": NEW_PASSWORD}
    assert "登录名：bowen" in browser.get("/login").text
    assert browser.post("/login", form).location == "/home"
    with transaction(write=False):
        assert db.session.query(AuditEvent).filter_by(tag="account:signed_in").count() == 1
    assert browser.get("/home").status_code == 200
    again = activate(client_for(None), secret)
    assert (again.status_code, "激活码无效" in again.text) == (422, True)


def test_a_weak_password_and_its_false_repetition_are_named_at_once(
    app: Flask, client_for: Any
) -> None:
    form = {"secret": an_activation(app), "password": "weak", "again": "other"}
    answer = client_for(None).post("/activate", form)
    assert answer.status_code == 422
    assert "两次输入的密码不一致" in answer.text
    assert "8-20" in answer.text


def test_an_activation_expires_after_thirty_days(
    app: Flask, client_for: Any, at: Callable[..., None]
) -> None:
    secret = an_activation(app)
    at(START + timedelta(days=30, minutes=1))
    assert activate(client_for(None), secret).status_code == 422


def test_an_account_that_is_not_activated_cannot_be_entered(app: Flask, client_for: Any) -> None:
    secret = an_activation(app)
    assert sign_in(client_for(None), "bowen", secret).status_code == 401


def test_who_must_sign_in_first_comes_back_to_the_whole_address(
    client_for: Any, person: Person
) -> None:
    browser = client_for(None)
    ask = browser.get("/tasks?q=禾&step=b").location
    answer = browser.post(ask, {"login": "qinghe", "password": PASSWORD})
    assert answer.location == "/tasks?q=%E7%A6%BE&step=b"


def test_who_was_signed_out_is_told_so_and_comes_back(client_for: Any, person: Person) -> None:
    browser = client_for(person)
    with transaction():
        operations.end_sessions(person.id, now=now())
    ask = browser.get("/notifications?show=unread").location
    assert "登录已失效，请重新登录" in browser.get(ask).text
    answer = browser.post(ask, {"login": "qinghe", "password": PASSWORD})
    assert answer.location == "/notifications?show=unread"
    assert "登录已失效" not in client_for(None).get("/login?next=/notifications").text


def test_a_part_of_a_page_is_not_swapped_for_the_sign_in_page(client_for: Any) -> None:
    answer = client_for(None).get("/tasks?q=x", headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == "/login?next=%2Ftasks%3Fq%3Dx"


def test_what_was_sent_after_the_end_can_be_sent_again(client_for: Any, person: Person) -> None:
    browser = client_for(person)
    with transaction():
        operations.end_sessions(person.id, now=now())
    answer = browser.post("/binding", {"unit_id": "7", "note": "第一行\n“第二行”"})
    assert (answer.status_code, "没有保存" in answer.text) == (401, True)
    assert "data-send-again" in answer.text
    assert "第一行\n“第二行”</textarea>" in answer.text
    told = browser.post("/tasks/5/draft", {"name": "x"}, headers={"Accept": "application/json"})
    assert (told.status_code, told.json["error"][:5]) == (401, "登录已失效")


def test_a_password_sent_after_the_end_is_not_written_into_a_page(
    client_for: Any, person: Person
) -> None:
    browser = client_for(person)
    with transaction():
        operations.end_sessions(person.id, now=now())
    form = {"current": PASSWORD, "password": NEW_PASSWORD, "again": NEW_PASSWORD}
    answer = browser.post("/account/password", form)
    assert (answer.status_code, NEW_PASSWORD in answer.text) == (401, False)
    assert "data-send-again" not in answer.text


def test_an_account_of_ones_own_does_not_buy_more_guesses(
    client_for: Any, person: Person, monkeypatch: pytest.MonkeyPatch, at: Callable[..., None]
) -> None:
    monkeypatch.setattr(addresses, "ADDRESS_FAILURES", 3)
    browser = client_for(None)
    for number in range(2):
        sign_in(browser, f"nobody{number}")
    assert sign_in(client_for(None)).status_code == 303
    sign_in(browser, "nobody2")
    assert "网络地址尝试次数过多" in sign_in(client_for(None)).text
    at(START + timedelta(minutes=6))
    assert sign_in(client_for(None)).status_code == 303


def test_the_old_password_cannot_be_guessed_from_an_open_session(
    client_for: Any, person: Person
) -> None:
    browser = client_for(person)
    guess = {"current": "Wrong-2026", "password": NEW_PASSWORD, "again": NEW_PASSWORD}
    for _ in range(5):
        assert browser.post("/account/password", guess).status_code == 422
    answer = browser.post("/account/password", {**guess, "current": PASSWORD})
    assert (answer.status_code, "15 分钟" in answer.text) == (422, True)


def test_disabling_an_account_ends_its_sessions(client_for: Any, person: Person) -> None:
    browser = client_for(person)
    with transaction():
        account_of(person).is_enabled = False
    assert browser.get("/home").location.startswith("/login")
