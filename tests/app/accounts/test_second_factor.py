"""The second factor: asked after the password, enrolled by its person, required by roles."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import factor_views, operations, second_factor, signing_in
from app.accounts.factor_models import OneTimeCode, SecondFactor
from app.accounts.models import Credential, LoginSession, Notification, Person, SignInAttempt
from app.core import clock
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from tests.builders.devices import STEP, Device, a_device
from tests.builders.people import a_person
from tests.builders.secrets import activated
from tests.conftest import START

PASSWORD = "Qinghe-2026"


@pytest.fixture(autouse=True)
def telephones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices tell the instance's time here: tests move both together."""
    monkeypatch.setattr(factor_views, "device_time", now)


@pytest.fixture
def person(app: Flask) -> Person:
    with transaction():
        person = a_person("苏晓禾", roles=[("applicant", "all", None)])
        account = account_of(person)
        account.login = "qinghe"
        operations.set_password(account, signing_in.hash_password(PASSWORD), now=now())
        return person


@pytest.fixture
def device(person: Person) -> Device:
    with transaction():
        return a_device(person)[0]


def account_of(person: Person) -> Credential:
    return db.session.query(Credential).filter_by(person_id=person.id).one()


def tags() -> list[str]:
    with transaction(write=False):
        return list(db.session.scalars(sa.select(AuditEvent.tag).order_by(AuditEvent.id)))


def password(browser: Any, to: str = "") -> Any:
    return browser.post(f"/login{to}", {"login": "qinghe", "password": PASSWORD})


def test_after_the_password_the_code_is_asked_and_nobody_is_signed_in(
    client_for: Any, device: Device
) -> None:
    browser = client_for(None)
    answer = password(browser, "?next=/notifications")
    assert answer.location == "/login/code?next=/notifications"
    assert browser.get("/home").location.startswith("/login")
    with transaction(write=False):
        assert db.session.scalars(sa.select(LoginSession)).all() == []
    assert "动态验证码" in browser.get(answer.location).text
    done = browser.post(answer.location, {"code": device.code(START)})
    assert (done.status_code, done.location) == (303, "/notifications")
    assert browser.get("/home").status_code == 200
    assert tags()[-1] == "account:signed_in"


def test_signing_in_by_both_steps_leaves_nothing_of_the_sessions_before(
    client_for: Any, device: Device
) -> None:
    browser = client_for(None)
    with browser.client.session_transaction() as session:
        session["planted"] = "x"
    password(browser)
    with browser.client.session_transaction() as session:
        assert "planted" not in session
        session["planted"] = "y"
    browser.post("/login/code", {"code": device.code(START)})
    with browser.client.session_transaction() as session:
        assert {"planted", "half"} & set(session) == set()


def test_a_code_opens_once(client_for: Any, device: Device, at: Callable[..., None]) -> None:
    first, second = client_for(None), client_for(None)
    for browser in (first, second):
        password(browser)
    code = device.code(START)
    assert first.post("/login/code", {"code": code}).status_code == 303
    again = second.post("/login/code", {"code": code})
    assert (again.status_code, "6 位数字，或一个未用过的恢复码" in again.text) == (401, True)
    at(START + STEP)
    assert second.post("/login/code", {"code": device.code(START + STEP)}).status_code == 303


def test_an_older_step_than_the_last_is_not_taken(app: Flask, person: Person) -> None:
    with transaction():
        device, _ = a_device(person)
        spend = second_factor.spend_code
        newer, older = device.code(START + STEP), device.code(START)
        assert spend(person.id, newer, moment=START, now=now()) == "device"
        assert spend(person.id, older, moment=START, now=now()) == ""


def test_a_device_may_be_half_a_minute_off_but_not_more(app: Flask, person: Person) -> None:
    with transaction():
        device, _ = a_device(person)
        at = START.replace(second=5) + timedelta(minutes=10)
        spend = second_factor.spend_code
        assert spend(person.id, device.code(at - 2 * STEP), moment=at, now=now()) == ""
        assert spend(person.id, device.code(at + 2 * STEP), moment=at, now=now()) == ""
        assert spend(person.id, device.code(at - STEP), moment=at, now=now()) == "device"


def test_wrong_codes_lock_the_account_although_the_password_is_right(
    client_for: Any, person: Person, device: Device
) -> None:
    for _ in range(5):
        browser = client_for(None)
        password(browser)
        assert browser.post("/login/code", {"code": "000000"}).status_code == 401
    locked = password(client_for(None))
    assert (locked.status_code, "已锁定" in locked.text) == (401, True)
    right = browser.post("/login/code", {"code": device.code(START)})
    assert (right.status_code, "已锁定" in right.text) == (401, True)
    with transaction(write=False):
        failed = db.session.query(AuditEvent).filter_by(tag="account:sign_in_failed")
        reasons = [each.data["why"] for each in failed.order_by(AuditEvent.id)]
        assert reasons == ["code"] * 5 + ["locked"] * 2
        assert db.session.query(SignInAttempt).one().failures == 7


def test_the_time_for_the_code_ends(
    client_for: Any, device: Device, at: Callable[..., None]
) -> None:
    browser = client_for(None)
    password(browser)
    late = START + timedelta(minutes=6)
    at(late)
    answer = browser.post("/login/code", {"code": device.code(late)})
    assert answer.location == "/login"
    assert "登录已超时" in browser.get("/login").text


def test_a_password_that_was_changed_meanwhile_is_asked_again(
    client_for: Any, person: Person, device: Device
) -> None:
    browser = client_for(None)
    password(browser)
    with transaction():
        hashed = signing_in.hash_password("Yunqiao#88")
        operations.set_password(account_of(person), hashed, now=now())
    answer = browser.post("/login/code", {"code": device.code(START)})
    assert (answer.status_code, "请重新登录" in answer.text) == (401, True)


def test_the_page_of_the_code_opens_after_the_password_only(app: Flask, client_for: Any) -> None:
    assert client_for(None).get("/login/code").location == "/login"
    assert client_for(None).post("/login/code", {"code": "123456"}).location == "/login"


def test_an_empty_code_is_named_at_its_field(client_for: Any, device: Device) -> None:
    browser = client_for(None)
    password(browser)
    answer = browser.post("/login/code", {"code": ""})
    assert (answer.status_code, "请填写动态验证码或恢复码" in answer.text) == (422, True)


def test_a_recovery_code_opens_once_and_its_person_is_told(
    app: Flask, client_for: Any, person: Person
) -> None:
    with transaction():
        _, codes = a_device(person)
    assert len(set(codes)) == 10
    first, second = client_for(None), client_for(None)
    for browser in (first, second):
        password(browser)
    assert first.post("/login/code", {"code": codes[3].lower()}).status_code == 303
    assert second.post("/login/code", {"code": codes[3]}).status_code == 401
    with transaction(write=False):
        told = db.session.scalars(sa.select(Notification.text)).all()
        assert "还剩 9 个" in told[-1]
        assert all(
            code not in str(db.session.scalars(sa.select(OneTimeCode.code_hash)).all())
            for code in codes
        )


def test_neither_secret_nor_code_stands_in_the_database_in_clear(
    app: Flask, person: Person, device: Device
) -> None:
    with transaction(write=False):
        kept = db.session.scalars(sa.select(SecondFactor)).one()
        assert device.secret not in kept.secret_sealed


def secret_on(page: str) -> str:
    return re.search(r'factor-secret">([A-Z2-7]+)<', page)[1]  # type: ignore[index]


def test_a_person_enrols_a_device_and_sees_the_recovery_codes_once(
    client_for: Any, person: Person, at: Callable[..., None]
) -> None:
    here, there = client_for(person), client_for(person)
    page = here.get("/account/factor").text
    assert "<svg" in page
    device = Device(secret_on(page))
    assert secret_on(here.get("/account/factor").text) == device.secret
    answer = here.post("/account/factor", {"current": PASSWORD, "code": device.code(START)})
    assert answer.location == "/account/factor/codes"
    shown = here.get(answer.location).text
    assert len(re.findall(r"<code>(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}</code>", shown)) == 10
    assert ("会议经办人另发评审验证卡" in shown, "data-print" in shown) == (True, True)
    assert "已经显示过" in here.get(answer.location).text
    assert "已启用" in here.get("/account/factor").text
    assert there.get("/home").location.startswith("/login")
    assert "account:factor_enrolled" in tags()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"current": "Wrong-2026"}, "当前密码不正确"),
        ({"code": "000000"}, "验证码不正确"),
        ({"current": ""}, "请填写当前密码"),
        ({"code": ""}, "请填写动态验证码"),
    ],
)
def test_a_device_is_not_enrolled_without_password_and_code(
    client_for: Any, person: Person, change: dict[str, str], words: str
) -> None:
    browser = client_for(person)
    device = Device(secret_on(browser.get("/account/factor").text))
    form = {"current": PASSWORD, "code": device.code(START), **change}
    answer = browser.post("/account/factor", form)
    assert (answer.status_code, words in answer.text) == (422, True)
    assert secret_on(answer.text) == device.secret
    with transaction(write=False):
        assert db.session.scalars(sa.select(SecondFactor)).all() == []


def test_nobody_enrols_a_second_device_beside_the_first(
    client_for: Any, person: Person, device: Device
) -> None:
    browser = client_for(person)
    with browser.client.session_transaction() as session:
        from app.core.crypto import seal

        other = Device(second_factor.fresh_secret())
        session["factor_secret"] = seal(other.secret)
    form = {"current": PASSWORD, "code": other.code(START)}
    assert browser.post("/account/factor", form).status_code == 409


def test_turning_off_asks_for_password_and_code(
    client_for: Any, person: Person, device: Device
) -> None:
    browser = client_for(person)
    wrong = browser.post("/account/factor/off", {"current": PASSWORD, "code": "000000"})
    assert (wrong.status_code, "验证码不正确" in wrong.text) == (422, True)
    form = {"current": "Wrong-2026", "code": device.code(START)}
    assert browser.post("/account/factor/off", form).status_code == 422
    with transaction(write=False):
        assert account_of(person).failures == 2
    answer = browser.post("/account/factor/off", {**form, "current": PASSWORD})
    assert answer.location == "/account/factor"
    assert password(client_for(None)).location == "/home"


def test_guessing_codes_of_an_open_session_locks_the_account(
    client_for: Any, person: Person, device: Device
) -> None:
    browser = client_for(person)
    for _ in range(5):
        browser.post("/account/factor/off", {"current": PASSWORD, "code": "000000"})
    answer = browser.post("/account/factor/off", {"current": PASSWORD, "code": device.code(START)})
    assert (answer.status_code, "已锁定" in answer.text) == (422, True)


def test_new_recovery_codes_make_the_old_ones_void(
    app: Flask, client_for: Any, person: Person
) -> None:
    with transaction():
        device, old = a_device(person)
    browser = client_for(person)
    form = {"current": PASSWORD, "code": device.code(START)}
    fresh = re.findall(
        r"<code>([A-Z2-7-]{19})</code>",
        browser.get(browser.post("/account/factor/codes", form).location).text,
    )
    with transaction():
        spend = second_factor.spend_code
        assert [spend(person.id, c, moment=now(), now=now()) for c in (old[0], fresh[0])] == [
            "",
            "recovery",
        ]


def test_who_gets_a_new_password_by_a_secret_is_asked_for_the_code_too(
    client_for: Any, person: Person, device: Device
) -> None:
    with transaction():
        secret = operations.reset_credential(account_of(person), actor=None, now=now())
    browser = client_for(None)
    assert activated(browser, secret, "Yunqiao#88").location == "/login/code"
    assert browser.get("/home").location.startswith("/login")
    assert browser.post("/login/code", {"code": device.code(START)}).location == "/home"


def test_changing_the_password_goes_on_without_another_code(
    client_for: Any, person: Person, device: Device
) -> None:
    browser = client_for(person)
    form = {"current": PASSWORD, "password": "Yunqiao#88", "again": "Yunqiao#88"}
    assert browser.post("/account/password", form).location == "/home"
    assert browser.get("/home").status_code == 200


def test_devices_tell_the_time_without_the_instances_offset(
    app: Flask, at: Callable[..., None]
) -> None:
    with transaction(write=False):
        before = clock.device_time()
    at(START + timedelta(days=400))
    with transaction(write=False):
        assert clock.device_time() - before < timedelta(minutes=5)


def test_each_lock_lasts_twice_as_long_until_somebody_gets_in(
    client_for: Any, person: Person, at: Callable[..., None]
) -> None:
    def guess(count: int) -> None:
        for _ in range(count):
            client_for(None).post("/login", {"login": "qinghe", "password": "Wrong-2026"})

    guess(5)
    at(START + timedelta(minutes=16))
    guess(5)
    with transaction(write=False):
        until = account_of(person).locked_until
        assert until is not None
        assert timedelta(minutes=29) < until - now() <= timedelta(minutes=30)
    at(START + timedelta(minutes=47))
    assert password(client_for(None)).status_code == 303
    with transaction(write=False):
        assert (account_of(person).locks, account_of(person).locked_until) == (0, None)
