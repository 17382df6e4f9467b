"""What a browser brings back from a provider: taken once, soon, and only by who went there."""

import base64
import hashlib
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from app.accounts.addresses import CHALLENGE_FROM
from app.accounts.models import Person
from app.core.clock import now
from app.core.crypto import seal
from app.core.db import db, transaction
from app.openid import protocol, web
from app.openid.models import LinkedIdentity, Provider, SpentAnswer
from app.openid.operations import sweep_answers
from tests.app.openid.kit import ACCOUNT, button, count, is_in, number_of
from tests.builders.openid import (
    IdentityOffice,
    a_provider,
    asked,
    path_of,
    sign_on,
    to_provider,
    way_back,
)
from tests.builders.people import PASSWORD
from tests.conftest import START


def test_what_waits_in_the_browser_shows_nothing(
    office: IdentityOffice, provider: Provider, applicant: Person, client_for: Any
) -> None:
    office.tell("sealed", name="苏晓禾", id_number=number_of(applicant))
    browser = client_for(None)
    sent = asked(to_provider(browser, button(provider)))
    sign_on(browser, office, "sealed", button(provider))
    with browser.client.session_transaction() as session:
        kept = str(dict(session))
    assert number_of(applicant) not in kept
    assert sent["state"] not in kept


def test_an_answer_counts_once(
    office: IdentityOffice, provider: Provider, linked: Person, client_for: Any
) -> None:
    browser = client_for(None)
    url = to_provider(browser, button(provider))
    name = browser.client.application.config["SESSION_COOKIE_NAME"]
    cookie = browser.client.get_cookie(name).value
    back = path_of(office.authorise(url, "su-at-office"))
    assert browser.get(back).location == "/home"
    again = browser.get(back)
    assert again.status_code == 400
    assert "登录结果无效或已过期" in again.text
    # Neither does a copy of the browser as it was before.
    thief = client_for(None)
    thief.client.set_cookie(name, cookie)
    copied = thief.get(back)
    assert copied.status_code in {400, 409}
    assert not is_in(thief)


def test_an_answer_that_was_spent_is_refused_even_where_the_provider_gives_it_again(
    office: IdentityOffice,
    provider: Provider,
    linked: Person,
    client_for: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    browser = client_for(None)
    back = way_back(browser, office, "su-at-office", button(provider))
    state = asked(back)["state"]
    with transaction():
        from app.openid.operations import spend_answer

        spend_answer(state, now=now())
    answer = browser.get(back)
    assert answer.status_code == 409
    assert "已经使用过" in answer.text
    assert not is_in(browser)


def test_spent_answers_are_forgotten_when_they_could_not_be_given_again(
    linked: Person, at: Any
) -> None:
    assert count(SpentAnswer) == 1
    at(START + timedelta(hours=1))
    with transaction():
        sweep_answers(now())
    assert count(SpentAnswer) == 0


def test_a_wrong_state_and_another_browsers_answer_are_refused(
    office: IdentityOffice, provider: Provider, linked: Person, client_for: Any
) -> None:
    mine, other = client_for(None), client_for(None)
    back = way_back(mine, office, "su-at-office", button(provider))
    for browser, address in (
        (other, back),
        (mine, back.replace("state=", "state=x")),
        (mine, f"/login/openid/{provider.id}/answer?code=x"),
    ):
        answer = browser.get(address)
        assert answer.status_code == 400, address
        assert "请重新登录" in answer.text
        assert not is_in(browser)
    # What was refused took nothing away from who waits for the right one.
    assert mine.get(back).location == "/home"


def test_an_answer_of_another_provider_is_refused(
    office: IdentityOffice,
    provider: Provider,
    keepers: tuple[Person, Person],
    linked: Person,
    client_for: Any,
) -> None:
    with transaction():
        other = a_provider(office, *keepers, name="另一个")
    browser = client_for(None)
    back = way_back(browser, office, "su-at-office", button(provider))
    assert browser.get(f"{back}&iss=https%3A%2F%2Fother.example").status_code == 400
    back = way_back(browser, office, "su-at-office", button(provider))
    mixed = back.replace(f"/{provider.id}/", f"/{other.id}/")
    assert browser.get(mixed).status_code == 400


def test_an_answer_that_comes_too_late_is_refused(
    office: IdentityOffice, provider: Provider, linked: Person, client_for: Any, at: Any
) -> None:
    browser = client_for(None)
    back = way_back(browser, office, "su-at-office", button(provider))
    at(START + timedelta(minutes=11))
    answer = browser.get(back)
    assert answer.status_code == 400
    assert "已过期" in answer.text
    # Two tabs may be on their way at the same time.
    backs = [way_back(browser, office, "su-at-office", button(provider)) for _ in range(2)]
    assert browser.get(backs[0]).location == "/home"


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"aud": "another-client"},
        {"iss": "https://other.example"},
        {"exp": 1},
        {"iat": 9_999_999_999},
        {"azp": "another-client"},
    ],
    ids=["nonce", "audience", "issuer", "expired", "from the future", "party"],
)
def test_a_token_that_is_not_for_this_very_sign_in_is_refused(
    office: IdentityOffice,
    provider: Provider,
    linked: Person,
    client_for: Any,
    claims: dict[str, Any],
) -> None:
    # The provider signs what it is told to say: a token of another client, say.
    office.tell("su-at-office", name="苏晓禾", **claims)
    browser = client_for(None)
    answer = sign_on(browser, office, "su-at-office", button(provider))
    assert answer.status_code == 400
    assert "登录结果没有通过核验" in answer.text
    assert not is_in(browser)


def test_a_token_that_another_key_signed_is_refused(
    office: IdentityOffice,
    provider: Provider,
    linked: Person,
    client_for: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from authlib.integrations.base_client import OpenIDMixin
    from joserfc.jwk import KeySet, RSAKey

    foreign = KeySet([RSAKey.generate_key(2048, {"use": "sig"})]).as_dict()
    monkeypatch.setattr(OpenIDMixin, "fetch_jwk_set", lambda *_, **__: foreign)
    browser = client_for(None)
    answer = sign_on(browser, office, "su-at-office", button(provider))
    assert answer.status_code == 400
    assert "登录结果没有通过核验" in answer.text
    assert "Cookie" not in answer.text
    assert not is_in(browser)


def test_a_provider_that_changed_its_key_is_asked_for_the_new_one(
    office: IdentityOffice, provider: Provider, linked: Person, client_for: Any
) -> None:
    from joserfc.jwk import KeySet, RSAKey

    browser = client_for(None)
    back = office.authorise(to_provider(browser, button(provider)), "su-at-office")
    ((_, client),) = protocol._clients.values()
    known = client.fetch_jwk_set()["keys"][0]
    former = RSAKey.generate_key(2048, {k: known[k] for k in ("use", "kid") if k in known})
    client.server_metadata["jwks"] = KeySet([former]).as_dict()
    assert browser.get(path_of(back)).location == "/home"


def test_who_gives_up_at_the_provider_is_told_so(
    office: IdentityOffice, provider: Provider, client_for: Any
) -> None:
    browser = client_for(None)
    state = asked(to_provider(browser, button(provider)))["state"]
    answer = browser.get(f"/login/openid/{provider.id}/answer?error=access_denied&state={state}")
    assert answer.status_code == 403
    assert "取消了登录" in answer.text
    state = asked(to_provider(browser, button(provider)))["state"]
    answer = browser.get(f"/login/openid/{provider.id}/answer?error=server_error&state={state}")
    assert answer.status_code == 502
    assert "server_error" not in answer.text


def test_a_provider_that_goes_down_on_the_way_leaves_nothing_half_done(
    office: IdentityOffice,
    provider: Provider,
    linked: Person,
    client_for: Any,
) -> None:
    browser = client_for(None)
    back = way_back(browser, office, "su-at-office", button(provider))
    for _, client in protocol._clients.values():
        client.server_metadata["token_endpoint"] = "http://127.0.0.1:9/token"
    spent = count(SpentAnswer)
    answer = browser.get(back)
    assert answer.status_code == 502
    assert count(SpentAnswer) == spent
    assert not is_in(browser)


def test_what_was_told_waits_for_ten_minutes(
    office: IdentityOffice, provider: Provider, applicant: Person, client_for: Any, at: Any
) -> None:
    browser = client_for(None)
    assert browser.get(ACCOUNT).status_code == 400
    office.tell("slow", name="苏晓禾", id_number=number_of(applicant))
    sign_on(browser, office, "slow", button(provider))
    at(START + web.PROOF_LASTS + timedelta(minutes=1))
    assert browser.get(ACCOUNT).status_code == 400
    assert browser.post(ACCOUNT, {"password": PASSWORD}).status_code == 400
    assert count(LinkedIdentity) == 0


def test_a_secret_that_the_provider_does_not_know_is_the_platforms_fault(
    office: IdentityOffice, provider: Provider, linked: Person, client_for: Any
) -> None:
    with transaction():
        db.session.get_one(Provider, provider.id).secret_sealed = seal("wrong")
    browser = client_for(None)
    answer = sign_on(browser, office, "su-at-office", button(provider))
    assert answer.status_code == 502
    assert "不认可本平台的客户端编号或密钥" in answer.text
    assert not is_in(browser)


def test_those_who_wait_for_a_provider_stop_no_other_work(
    provider: Provider, client_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "PATIENCE", 0.01)
    held = [protocol._talks.acquire(blocking=False) for _ in range(protocol.TALKS_AT_ONCE)]
    try:
        answer = client_for(None).get(button(provider))
    finally:
        for _ in held:
            protocol._talks.release()
    assert all(held)
    assert answer.status_code == 502
    assert "正在登录的人较多" in answer.text
    assert client_for(None).get(button(provider)).status_code == 302


def test_an_address_that_brings_many_wrong_answers_has_to_wait(
    office: IdentityOffice, provider: Provider, linked: Person, client_for: Any
) -> None:
    browser = client_for(None)
    wrong = f"/login/openid/{provider.id}/answer?code=x&state=x"
    for _ in range(CHALLENGE_FROM):
        assert browser.get(wrong).status_code == 400
    back = way_back(browser, office, "su-at-office", button(provider))
    answer = browser.get(back)
    assert answer.status_code == 429
    assert "登录失败次数过多" in answer.text
    assert not is_in(browser)
    # A password is another matter.
    assert browser.post("/login", {"login": "su", "password": PASSWORD}).status_code == 303


def test_what_waits_in_the_browser_fits_into_a_cookie(
    office: IdentityOffice, provider: Provider, applicant: Person, client_for: Any
) -> None:
    with transaction():
        db.session.get_one(Person, applicant.id).name = "名" * 60
    office.tell("s" * 255, name="名" * 60, id_number=number_of(applicant))
    browser = client_for(None)
    browser.get("/login")
    browser.token()
    long = button(provider, more=f"&next=/plans?q={'x' * 190}")
    for _ in range(4):
        to_provider(browser, long)
    assert sign_on(browser, office, "s" * 255, long).location == ACCOUNT
    for _ in range(3):
        to_provider(browser, long)
    cookie = browser.client.get_cookie(browser.client.application.config["SESSION_COOKIE_NAME"])
    assert len(cookie.value) < 4000
    # Somewhere longer is not kept.
    longer = button(provider, more=f"&next=/plans?q={'x' * 300}")
    sign_on(browser, office, "s" * 255, longer)
    assert browser.post(ACCOUNT, {"password": PASSWORD}).location == "/home"


def test_the_code_is_redeemed_with_the_verifier_of_the_challenge(
    office: IdentityOffice,
    provider: Provider,
    linked: Person,
    client_for: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from app.openid.fetching import GuardedSession

    bodies = []
    send = GuardedSession.send

    def look(session: Any, request: Any, **values: Any) -> Any:
        bodies.append(request.body)
        return send(session, request, **values)

    monkeypatch.setattr(GuardedSession, "send", look)
    browser = client_for(None)
    url = to_provider(browser, button(provider))
    browser.get(path_of(office.authorise(url, "su-at-office")))
    (body,) = [parse_qs(str(body)) for body in bodies if body and "code_verifier" in str(body)]
    digest = hashlib.sha256(body["code_verifier"][0].encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert challenge == asked(url)["code_challenge"]
    assert is_in(browser)
