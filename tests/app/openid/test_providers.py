"""Providers as their administrators keep them: entered by one, put into use by another."""

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Person
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.crypto import seal, unseal
from app.core.db import db, transaction
from app.core.errors import Forbidden
from app.openid import keeping
from app.openid.models import LinkedIdentity, Provider
from tests.app.openid.kit import ACCOUNT, button, count, number_of
from tests.builders.openid import IdentityOffice, sign_on
from tests.builders.people import PASSWORD
from tests.conftest import Browser
from tests.sweep.routes import lets_in

PROVIDERS = "/admin/providers"
SECRET = "a-secret-of-the-client"
FORM = {
    "jurisdiction": "anhui",
    "name": "政务服务网",
    "for_persons": "y",
    "issuer": "https://login.example.cn/realms/people",
    "client_id": "zhiping",
    "secret": SECRET,
    "scopes": "profile",
    "name_claim": "name",
    "number_claim": "id_number",
    "verified_claim": "",
    "code_claim": "",
}


@pytest.fixture
def system(keepers: tuple[Person, Person], client_for: Any) -> Browser:
    browser: Browser = client_for(keepers[0])
    return browser


@pytest.fixture
def security(keepers: tuple[Person, Person], client_for: Any) -> Browser:
    browser: Browser = client_for(keepers[1])
    return browser


def entry() -> Provider:
    return db.session.scalars(sa.select(Provider)).one()


def state() -> dict[str, Any]:
    with transaction(write=False):
        return {c.key: getattr(entry(), c.key) for c in sa.inspect(Provider).columns}


def last_event() -> tuple[str, dict[str, Any]]:
    with transaction(write=False):
        found = db.session.scalars(sa.select(AuditEvent).order_by(AuditEvent.id.desc())).first()
        assert found
        return found.tag, found.data


def confirm(security: Browser) -> Any:
    seen = state()["changed_at"].isoformat()
    return security.post(f"{PROVIDERS}/{state()['id']}/confirm", {"seen": seen})


def test_one_administrator_enters_a_provider_and_another_puts_it_into_use(
    system: Browser, security: Browser, client_for: Any
) -> None:
    assert "还没有登记统一身份认证" in system.get(PROVIDERS).text
    assert "登记统一身份认证" in system.get(f"{PROVIDERS}/new").text
    answer = system.post(f"{PROVIDERS}/new", FORM)
    assert answer.status_code == 303, answer.text
    page = system.get(answer.location).text
    assert "由安全管理员核对后启用" in page
    assert f"/login/openid/{state()['id']}/answer" in page
    assert last_event()[0] == "provider:added"
    kept = state()
    assert kept["scopes"] == "openid profile"
    assert not kept["is_enabled"]
    # A secret is in the database sealed, and on no page.
    assert SECRET not in str(kept)
    assert unseal(kept["secret_sealed"]) == SECRET
    assert SECRET not in page + system.get(PROVIDERS).text
    assert SECRET not in str(last_event()[1])
    assert "政务服务网" not in client_for(None).get("/login").text
    assert "https://login.example.cn/realms/people" in security.get(f"{PROVIDERS}/confirm").text
    assert confirm(security).status_code == 303
    assert state()["is_enabled"]
    assert last_event()[0] == "provider:put_into_use"
    assert "政务服务网 · 个人登录" in client_for(None).get("/login").text
    assert confirm(security).status_code == 409


def test_nobody_puts_into_use_what_they_entered(
    app: Flask, provider: Provider, keepers: tuple[Person, Person]
) -> None:
    with transaction():
        kept = entry()
        kept.is_enabled, kept.changed_by = False, keepers[1].id
        with pytest.raises(Forbidden, match="不能启用"):
            keeping.put_into_use(kept, actor=keepers[1], now=now())
    moved = sa.update(Provider).values(is_enabled=True, confirmed_by=keepers[1].id)
    with pytest.raises(sa.exc.IntegrityError, match="another_person"), transaction():
        db.session.execute(moved)


def asked_while(act: Callable[[], Any], request: Callable[[], Any]) -> Any:
    """Act, and let a thread ask before that is committed; what it was answered then."""
    answers: list[Any] = []
    thread = Thread(target=lambda: answers.append(request()))
    with transaction():
        act()
        thread.start()
        thread.join(1)
        assert not answers
    thread.join(30)
    return answers[0]


def move(keepers: tuple[Person, Person]) -> None:
    """Lead a provider elsewhere, in the transaction that is open."""
    kept = entry()
    facts = {name: getattr(kept, name) for name in FORM if name not in {"secret", "for_persons"}}
    moved = keeping.ProviderFacts(**{**facts, "issuer": "https://elsewhere.example.cn"})
    keeping.keep_provider(kept, moved, actor=keepers[0], now=now())


def test_what_is_being_changed_is_not_put_into_use(
    system: Browser, security: Browser, keepers: tuple[Person, Person]
) -> None:
    system.post(f"{PROVIDERS}/new", FORM)
    kept = state()
    seen = {"seen": kept["changed_at"].isoformat(), "csrf_token": security.token()}
    path = f"{PROVIDERS}/{kept['id']}/confirm"
    asked_while(lambda: move(keepers), lambda: security.client.post(path, data=seen))
    assert "刚刚有修改" in security.get(f"{PROVIDERS}/confirm").text
    assert not state()["is_enabled"]


def test_nothing_is_linked_by_a_provider_that_is_being_led_elsewhere(
    office: IdentityOffice,
    provider: Provider,
    applicant: Person,
    keepers: tuple[Person, Person],
    client_for: Any,
) -> None:
    office.tell("moving", name="苏晓禾", id_number=number_of(applicant))
    browser = client_for(None)
    sign_on(browser, office, "moving", button(provider))
    form = {"password": PASSWORD, "csrf_token": browser.token()}
    answer = asked_while(lambda: move(keepers), lambda: browser.client.post(ACCOUNT, data=form))
    assert answer.status_code == 404
    assert count(LinkedIdentity) == 0


@pytest.mark.parametrize("who", ["system", "security"])
def test_each_administrator_has_their_own_part(
    who: str, request: pytest.FixtureRequest, provider: Provider
) -> None:
    browser = request.getfixturevalue(who)
    mine = {"system": 303, "security": 403}[who]
    theirs = {"system": 403, "security": 303}[who]
    path = f"{PROVIDERS}/{provider.id}"
    assert browser.post(f"{path}/stop").status_code == theirs
    assert browser.post(f"{path}/confirm", {"seen": "x"}).status_code == theirs
    with transaction():
        entry().is_enabled = True
    assert browser.post(f"{path}/off").status_code == mine
    assert browser.get(path).status_code == (200 if mine == 303 else 403)


@pytest.mark.parametrize(
    ("changes", "stays"),
    [
        ({"name": "省政务服务网"}, True),
        ({"secret": "another"}, True),
        ({"number_claim": "cert_no"}, False),
        ({"verified_claim": "real"}, False),
        ({"for_units": "y", "code_claim": "uscc"}, False),
        ({"client_id": "other"}, False),
    ],
)
def test_a_change_of_whose_word_counts_waits_for_confirmation_again(
    system: Browser, security: Browser, changes: dict[str, str], stays: bool
) -> None:
    system.post(f"{PROVIDERS}/new", FORM)
    confirm(security)
    seen = state()["changed_at"].isoformat()
    path = f"{PROVIDERS}/{state()['id']}"
    answer = system.post(path, {**FORM, "secret": "", **changes})
    assert answer.status_code == 303, answer.text
    assert state()["is_enabled"] == stays
    assert last_event()[0] == "provider:changed"
    assert last_event()[1]["fields"] == sorted(changes)
    if not stays:
        # What was confirmed is what was looked at.
        security.post(f"{path}/confirm", {"seen": f"{seen}x"})
        assert not state()["is_enabled"]
        assert "刚刚有修改" in security.get(f"{PROVIDERS}/confirm").text
        confirm(security)
        assert state()["is_enabled"]


def test_a_form_that_changes_nothing_writes_nothing(system: Browser, security: Browser) -> None:
    system.post(f"{PROVIDERS}/new", FORM)
    confirm(security)
    before = last_event()
    kept = {**FORM, "secret": ""}
    assert system.post(f"{PROVIDERS}/{state()['id']}", kept).status_code == 303
    assert state()["is_enabled"]
    assert unseal(state()["secret_sealed"]) == SECRET
    assert last_event() == before


def test_a_secret_is_never_sent_to_another_place(system: Browser) -> None:
    system.post(f"{PROVIDERS}/new", FORM)
    path = f"{PROVIDERS}/{state()['id']}"
    moved = {**FORM, "secret": "", "issuer": "https://elsewhere.example.cn"}
    assert system.post(path, moved).status_code == 303
    assert state()["secret_sealed"] is None
    assert "没有保存密钥" in system.get(path).text


def test_a_provider_whose_identities_are_linked_stays_where_it_is(
    system: Browser, provider: Provider, applicant: Person
) -> None:
    with transaction():
        db.session.add(
            LinkedIdentity(
                provider_id=provider.id,
                person_id=applicant.id,
                subject_sealed=seal("x"),
                subject_hash="x" * 64,
                audience="person",
                linked_at=now(),
                last_used_at=now(),
            )
        )
    path = f"{PROVIDERS}/{provider.id}"
    assert "已有 1 人关联" in system.get(path).text
    kept = {**FORM, "issuer": state()["issuer"], "client_id": state()["client_id"]}
    for moved in ({"issuer": "https://elsewhere.example.cn"}, {"client_id": "other"}):
        answer = system.post(path, {**kept, **moved})
        assert answer.status_code == 422
        assert "不能更改" in answer.text
        assert all(f'value="{typed}"' in answer.text for typed in moved.values())
    assert state()["is_enabled"]
    assert system.post(path, {**kept, "scopes": "openid email"}).status_code == 303


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": " "}, "请填写名称"),
        ({"jurisdiction": "atlantis"}, "请选择所属地区"),
        ({"jurisdiction": ""}, "请选择所属地区"),
        ({"issuer": "login.example.cn"}, "地址应形如"),
        ({"issuer": "https://login.example.cn/?a=1"}, "不能带有问号"),
        ({"issuer": "https://me:word@login.example.cn"}, "地址应形如"),
        ({"issuer": "https://login.example.cn:x"}, "地址有误"),
        ({"issuer": "http://login.example.cn"}, "https://"),
        ({"for_persons": ""}, "请选择个人登录或法人登录"),
        ({"for_units": "y"}, "法人登录须填写统一社会信用代码"),
        ({"number_claim": "证件号码"}, "声明名称由字母"),
        ({"scopes": "openid,profile"}, "以空格分开"),
        ({"client_id": "x" * 201}, "200"),
    ],
)
def test_wrong_entries_are_told_at_their_fields_and_nothing_is_lost(
    system: Browser, app: Flask, changes: dict[str, str], words: str
) -> None:
    app.config["OPENID_LOCAL"] = False
    data = {k: v for k, v in {**FORM, **changes}.items() if v or k != "for_persons"}
    answer = system.post(f"{PROVIDERS}/new", data)
    assert answer.status_code == 422
    assert words in answer.text
    assert 'value="id_number"' in answer.text or "number_claim" in changes
    assert SECRET not in answer.text
    with transaction(write=False):
        assert db.session.scalar(sa.select(sa.func.count(Provider.id))) == 0


def test_a_jurisdiction_has_each_name_once(system: Browser, provider: Provider) -> None:
    answer = system.post(f"{PROVIDERS}/new", FORM)
    assert answer.status_code == 422
    assert "已有同名" in answer.text
    elsewhere = {**FORM, "jurisdiction": "fujian"}
    assert system.post(f"{PROVIDERS}/new", elsewhere).status_code == 303


def test_a_trial_says_what_was_found_or_what_is_amiss(
    system: Browser, office: IdentityOffice, provider: Provider
) -> None:
    path = f"{PROVIDERS}/{provider.id}"
    answer = system.post(f"{path}/try")
    assert answer.status_code == 200
    assert "连接正常" in answer.text
    assert f"{office.issuer}/oauth2/token" in answer.text
    assert last_event() == ("provider:tried", {"name": "政务服务网", "outcome": "连接正常"})
    with transaction():
        entry().issuer = "http://127.0.0.1:9"
    answer = system.post(f"{path}/try")
    assert answer.status_code == 502
    assert "连接不上" in answer.text
    assert "请核对 issuer 地址" in answer.text


def test_a_trial_that_finds_no_provider_was_for_who_may_try(
    system: Browser, security: Browser, provider: Provider
) -> None:
    """What is counted when everybody tries every door: 502 tells of another's server."""
    path = f"{PROVIDERS}/{provider.id}/try"
    with transaction():
        entry().issuer = "http://127.0.0.1:9"
    assert system.post(path).status_code == 502
    assert lets_in(system.post(path), path)
    assert not lets_in(security.post(path), path)


def test_buttons_stand_below_the_names_of_their_jurisdictions(
    provider: Provider, client_for: Any
) -> None:
    page = client_for(None).get("/login?next=/plans").text
    assert "安徽省" not in page
    assert f'href="{button(provider)}'.split("?", maxsplit=1)[0] in page
    with transaction():
        kept = entry()
        values = {c.key: getattr(kept, c.key) for c in sa.inspect(Provider).columns}
        values.pop("id")
        db.session.add(Provider(**{**values, "jurisdiction": "fujian"}))
    page = client_for(None).get("/login?next=/plans").text
    assert page.index("安徽省") < page.index("福建省")
    assert "next=/plans" in page


def test_without_providers_the_sign_in_page_is_as_it_was(app: Flask, client_for: Any) -> None:
    assert "统一身份认证" not in client_for(None).get("/login").text
