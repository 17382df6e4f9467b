"""Signing in by a real provider: to it, through its form, and back."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import factor_views, operations, second_factor, signing_in
from app.accounts.models import Credential, LoginSession, Person
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.openid import operations as sign_on_operations
from app.openid.models import LinkedIdentity, Provider
from tests.app.openid.conftest import a_member
from tests.app.openid.kit import ACCOUNT, button, count, events, is_in, number_of
from tests.builders.devices import STEP, a_device
from tests.builders.openid import (
    IdentityOffice,
    a_provider,
    asked,
    sign_on,
    to_provider,
    way_back,
)
from tests.builders.people import PASSWORD, an_id_number
from tests.conftest import START


def test_a_browser_is_sent_with_pkce_state_and_nonce(provider: Provider, client_for: Any) -> None:
    first, second = (asked(to_provider(client_for(None), button(provider))) for _ in range(2))
    assert first["code_challenge_method"] == "S256"
    assert first["response_type"] == "code"
    assert first["redirect_uri"] == f"http://127.0.0.1:8000/login/openid/{provider.id}/answer"
    assert "openid" in first["scope"].split()
    for name in ("code_challenge", "state", "nonce"):
        assert len(first[name]) >= 20
        assert first[name] != second[name]


def test_the_number_names_the_account_and_its_password_links_it(
    office: IdentityOffice, provider: Provider, applicant: Person, client_for: Any
) -> None:
    office.tell("first-time", name="苏晓禾", id_number=number_of(applicant))
    browser = client_for(None)
    answer = sign_on(browser, office, "first-time", button(provider, more="&next=/portfolio"))
    assert answer.location == ACCOUNT
    page = browser.get(ACCOUNT).text
    assert "该证件号码在本平台已有账号" in page
    assert number_of(applicant) not in page
    assert 'name="login"' not in page
    assert not is_in(browser)
    # Whatever name is sent along, the password is that of the account of the number.
    wrong = browser.post(ACCOUNT, {"login": "yu", "password": "Wrong-2026"})
    assert wrong.status_code == 401
    assert "账号或密码不正确" in wrong.text
    assert count(LinkedIdentity) == 0
    answer = browser.post(ACCOUNT, {"password": PASSWORD})
    assert answer.location == "/portfolio"
    assert is_in(browser)
    assert ("account:identity_linked", {"provider": "政务服务网"}) in events(applicant)
    assert "您的账号已关联" in browser.get("/notifications").text


def test_who_is_linked_comes_in_at_once_in_a_fresh_session(
    office: IdentityOffice, provider: Provider, linked: Person, client_for: Any
) -> None:
    browser = client_for(None)
    browser.get("/login")
    with browser.client.session_transaction() as session:
        session["left"] = "by somebody before"
    answer = sign_on(browser, office, "su-at-office", button(provider, more="&next=/plans"))
    assert answer.location == "/plans"
    assert is_in(browser)
    with browser.client.session_transaction() as session:
        assert "left" not in session
        assert session["via"] == "政务服务网"
    assert events(linked)[-1] == ("account:signed_in", {"provider": "政务服务网"})
    assert count(LoginSession) == 2
    # A provider is not signed out of, and whoever shares a computer is told.
    browser.post("/logout")
    assert "可能仍是登录状态" in browser.get("/").text


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_nobody_is_led_to_another_site(
    office: IdentityOffice, provider: Provider, linked: Person, client_for: Any, target: str
) -> None:
    answer = sign_on(
        client_for(None), office, "su-at-office", button(provider, more=f"&next={target}")
    )
    assert answer.location == "/home"


def test_a_provider_that_is_down_is_told_on_a_page_of_its_own(
    app: Flask, provider: Provider, linked: Person, client_for: Any
) -> None:
    with transaction():
        db.session.get_one(Provider, provider.id).issuer = "http://127.0.0.1:9"
    answer = client_for(None).get(button(provider))
    assert answer.status_code == 502
    assert "统一身份认证暂时无法使用" in answer.text
    assert "用本平台的登录名和密码登录" in answer.text


def test_a_provider_that_was_switched_off_lets_nobody_in(
    office: IdentityOffice, provider: Provider, linked: Person, client_for: Any
) -> None:
    browser = client_for(None)
    assert "政务服务网 · 个人登录" in browser.get("/login").text
    back = way_back(browser, office, "su-at-office", button(provider))
    with transaction():
        db.session.get_one(Provider, provider.id).is_enabled = False
    assert browser.get(back).status_code == 404
    answer = browser.get(button(provider))
    assert answer.status_code == 404
    assert "已经停用" in answer.text
    assert "政务服务网" not in browser.get("/login").text
    assert not is_in(browser)


def test_an_account_that_was_locked_or_closed_stays_so(
    office: IdentityOffice, provider: Provider, linked: Person, client_for: Any
) -> None:
    def account() -> Credential:
        return db.session.query(Credential).filter_by(person_id=linked.id).one()

    browser = client_for(None)
    with transaction():
        account().locked_until = now() + timedelta(minutes=15)
    answer = sign_on(browser, office, "su-at-office", button(provider))
    assert answer.status_code == 401
    assert "账号已锁定" in answer.text
    with transaction():
        failed = db.session.query(AuditEvent).filter_by(tag="account:sign_in_failed").one()
        assert (failed.subject_id, failed.data["why"]) == (linked.id, "locked")
        account().locked_until = None
        account().is_enabled = False
    answer = sign_on(browser, office, "su-at-office", button(provider))
    assert answer.status_code == 403
    assert "账号已停用" in answer.text
    assert not is_in(browser)


def test_a_second_factor_is_asked_after_the_provider(
    office: IdentityOffice,
    provider: Provider,
    linked: Person,
    client_for: Any,
    at: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(factor_views, "device_time", now)
    with transaction():
        device, _ = a_device(linked)
    browser = client_for(None)
    answer = sign_on(browser, office, "su-at-office", button(provider, more="&next=/plans"))
    assert answer.location == "/login/code?next=/plans"
    assert not is_in(browser)
    assert events(linked)[-1][0] == "account:provider_confirmed"
    assert "第一步已通过" in browser.get(answer.location).text
    at(START + STEP)
    assert browser.post(answer.location, {"code": device.code(START + STEP)}).location == "/plans"
    assert is_in(browser)
    browser.post("/logout")
    assert "您在“政务服务网”可能仍是登录状态" in browser.get("/").text


def test_a_role_that_needs_a_second_factor_sets_it_up_first(
    office: IdentityOffice, provider: Provider, linked: Person, client_for: Any
) -> None:
    with transaction():
        second_factor.ask_factor_of({"applicant"}, actor_id=None, now=now())
    browser = client_for(None)
    sign_on(browser, office, "su-at-office", button(provider))
    assert browser.get("/home").location == "/account/factor"


def test_an_administrator_never_comes_in_by_a_provider(
    office: IdentityOffice, provider: Provider, linked: Person, client_for: Any
) -> None:
    with transaction():
        person = db.session.get_one(Person, linked.id)
        operations.grant_role(
            person, "audit_admin", scope_kind="all", scope_id=None, actor_id=None, now=now()
        )
    browser = client_for(None)
    answer = sign_on(browser, office, "su-at-office", button(provider))
    assert answer.status_code == 403
    assert "管理员账号不能使用统一身份认证" in answer.text
    assert not is_in(browser)


def test_an_identity_whose_number_is_anothers_by_now_is_refused(
    office: IdentityOffice, provider: Provider, linked: Person, client_for: Any
) -> None:
    office.tell("su-at-office", name="苏晓禾", id_number=an_id_number())
    browser = client_for(None)
    answer = sign_on(browser, office, "su-at-office", button(provider))
    assert answer.status_code == 403
    assert "与该账号登记的不一致" in answer.text
    assert not is_in(browser)


def test_a_reset_takes_linked_identities_away(
    office: IdentityOffice, provider: Provider, linked: Person, client_for: Any
) -> None:
    with transaction():
        account = db.session.query(Credential).filter_by(person_id=linked.id).one()
        operations.reset_credential(account, actor=None, now=now())
    assert count(LinkedIdentity) == 0
    answer = sign_on(client_for(None), office, "su-at-office", button(provider))
    assert answer.location == ACCOUNT


def test_an_identity_that_is_taken_away_meanwhile_is_nobodys(
    office: IdentityOffice,
    provider: Provider,
    linked: Person,
    client_for: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lock = signing_in.lock_account_row

    def lock_after_others(account_id: int | None) -> Credential | None:
        db.session.execute(
            sa.delete(LinkedIdentity), execution_options={"synchronize_session": False}
        )
        return lock(account_id)

    browser = client_for(None)
    back = way_back(browser, office, "su-at-office", button(provider))
    monkeypatch.setattr(sign_on_operations, "lock_account_row", lock_after_others)
    assert browser.get(back).location == ACCOUNT
    assert not is_in(browser)


def test_claims_are_asked_of_the_user_info_too(
    office: IdentityOffice,
    provider: Provider,
    applicant: Person,
    client_for: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from authlib.integrations.base_client import OpenIDMixin

    office.tell("elsewhere", id_number=number_of(applicant))
    parse = OpenIDMixin.parse_id_token

    def bare(*args: Any, **values: Any) -> dict[str, Any]:
        return {"sub": parse(*args, **values)["sub"]}

    monkeypatch.setattr(OpenIDMixin, "parse_id_token", bare)
    browser = client_for(None)
    sign_on(browser, office, "elsewhere", button(provider))
    assert "该证件号码在本平台已有账号" in browser.get(ACCOUNT).text


def test_what_a_provider_did_not_verify_counts_as_not_told(
    office: IdentityOffice,
    keepers: tuple[Person, Person],
    applicant: Person,
    client_for: Any,
) -> None:
    with transaction():
        provider = a_provider(office, *keepers, verified_claim="real_name")
    office.tell("unverified", name="苏晓禾", id_number=number_of(applicant), real_name=False)
    browser = client_for(None)
    sign_on(browser, office, "unverified", button(provider))
    page = browser.get(ACCOUNT).text
    assert "该证件号码在本平台已有账号" not in page
    assert "开通账号" not in page
    office.tell("unverified", name="苏晓禾", id_number=number_of(applicant), real_name=True)
    sign_on(browser, office, "unverified", button(provider))
    assert "该证件号码在本平台已有账号" in browser.get(ACCOUNT).text


def test_two_people_never_share_an_identity(
    office: IdentityOffice, provider: Provider, linked: Person, client_for: Any
) -> None:
    with transaction():
        a_member("柏小满", "bai", roles=[("applicant", "all", None)])
        held = db.session.scalars(sa.select(LinkedIdentity)).one()
        values = {c.key: getattr(held, c.key) for c in sa.inspect(LinkedIdentity).columns}
    values.pop("id")
    with pytest.raises(sa.exc.IntegrityError, match=r"subject|provider_id"), transaction():
        db.session.add(LinkedIdentity(**{**values, "person_id": values["person_id"] + 1}))
