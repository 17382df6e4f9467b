"""A new password by mail: one answer for everybody, one-time links, the second factor asked."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app import worker
from app.accounts import (
    addresses,
    mail_links,
    mail_views,
    operations,
    signing_in,
)
from app.accounts.models import Credential, MailLink, Person, ResetRequest
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.jobs import Job
from tests.builders.devices import a_device
from tests.builders.mail import PostOffice, post_office
from tests.builders.people import a_person, an_id_number
from tests.builders.statements import statements_sent
from tests.conftest import START

PASSWORD, NEW = "Qinghe-2026", "Yunqiao#88"
ADDRESS = "su@example.cn"
NUMBER = an_id_number()


@pytest.fixture
def office(app: Flask, tmp_path: Path) -> Iterator[PostOffice]:
    app.config["PUBLIC_URL"] = "https://zhiping.example.cn"
    app.config["SITE_NAME"] = "云桥平台"
    with post_office(tmp_path) as running:
        app.config["MAIL_SERVER"] = running.server
        yield running


@pytest.fixture
def person(app: Flask) -> Person:
    """Somebody called qinghe who proved a mail address."""
    with transaction():
        person = a_person("苏晓禾", id_number=NUMBER, roles=[("applicant", "all", None)])
        account = account_of(person)
        account.login = "qinghe"
        operations.set_password(account, signing_in.hash_password(PASSWORD), now=now())
        person.email, person.email_verified_at = ADDRESS, now()
        return person


def account_of(person: Person) -> Credential:
    return db.session.query(Credential).filter_by(person_id=person.id).one()


def forgot(browser: Any, name: str = "qinghe", **values: Any) -> Any:
    answer = browser.post("/forgotten", {"login": name}, **values)
    worker.drain()
    return answer


def link_in(office: PostOffice) -> str:
    """The path and query of the link in the last letter."""
    found = re.search(r"(https?://[^/\s]+)(/\S+)", office.letters()[-1].get_content())
    assert found
    assert found[1] == "https://zhiping.example.cn"
    return found[2]


def reset(browser: Any, link: str, **change: str) -> Any:
    secret = link.partition("secret=")[2]
    form = {"secret": secret, "password": NEW, "again": NEW, **change}
    return browser.post("/reset", form)


def sign_in(browser: Any, password: str) -> Any:
    return browser.post("/login", {"login": "qinghe", "password": password})


@pytest.mark.parametrize("name", ["qinghe", " QingHe ", NUMBER])
def test_a_letter_leads_to_a_new_password(
    client_for: Any, person: Person, office: PostOffice, name: str
) -> None:
    elsewhere = client_for(person)
    browser = client_for(None)
    assert forgot(browser, name).location == "/forgotten/asked"
    assert office.letters()[0]["To"] == ADDRESS
    link = link_in(office)
    assert "云桥平台（自动发送" in office.letters()[0].get_content()
    assert "重置密码" in browser.get(link).text
    assert reset(browser, link).location == "/home"
    assert browser.get("/home").status_code == 200
    assert elsewhere.get("/home").location.startswith("/login")
    assert sign_in(client_for(None), PASSWORD).status_code == 401
    assert sign_in(client_for(None), NEW).status_code == 303
    with transaction(write=False):
        tags = db.session.scalars(sa.select(AuditEvent.tag)).all()
        assert {"account:reset_mailed", "account:reset_by_mail"} <= set(tags)
        # By the link, and by the new password.
        assert tags.count("account:signed_in") == 2


def test_every_name_gets_the_same_answer_by_the_same_statements(
    app: Flask, client_for: Any, person: Person, office: PostOffice
) -> None:
    answers, statements = [], []
    client_for(None).post("/forgotten", {"login": "somebody"})
    for name in ("qinghe", "nobody", NUMBER, "' OR 1=1 --"):
        browser = client_for(None)
        browser.get("/forgotten")
        with statements_sent() as sent:
            answer = browser.post("/forgotten", {"login": name})
        answers.append((answer.status_code, answer.location, answer.text))
        statements.append(sent)
    assert len(set(answers)) == 1
    assert all(each == statements[0] for each in statements[1:])
    assert not any("person" in text or "credential" in text for text in statements[0])


def test_what_was_typed_waits_sealed_and_is_forgotten(
    client_for: Any, person: Person, office: PostOffice
) -> None:
    client_for(None).post("/forgotten", {"login": NUMBER})
    with transaction(write=False):
        asked = db.session.scalars(sa.select(ResetRequest)).one()
        assert NUMBER not in asked.name_sealed
        assert NUMBER not in str(db.session.scalars(sa.select(Job.payload)).all())
    worker.drain()
    with transaction(write=False):
        assert db.session.scalars(sa.select(ResetRequest)).all() == []


def test_nobody_is_written_to_who_is_unknown_disabled_or_proved_no_address(
    client_for: Any, person: Person, office: PostOffice
) -> None:
    browser = client_for(None)
    forgot(browser, "nobody")
    with transaction():
        account_of(person).is_enabled = False
    forgot(browser)
    with transaction():
        account_of(person).is_enabled = True
        db.session.get_one(Person, person.id).email_verified_at = None
    forgot(browser)
    assert office.letters() == []


def test_the_host_that_a_request_names_plays_no_part(
    client_for: Any, person: Person, office: PostOffice
) -> None:
    browser = client_for(None)
    there: dict[str, Any] = {
        "base_url": "http://evil.example",
        "headers": {"X-Forwarded-Host": "evil.example"},
    }
    page = browser.get("/forgotten", **there).text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]  # type: ignore[index]
    browser.forget()
    form = {"login": "qinghe", "csrf_token": token}
    assert browser.client.post("/forgotten", data=form, **there).status_code == 303
    worker.drain()
    link_in(office)
    assert "evil" not in office.letters()[0].get_content()


def test_a_link_opens_once(client_for: Any, person: Person, office: PostOffice) -> None:
    forgot(client_for(None))
    link = link_in(office)
    assert reset(client_for(None), link).status_code == 303
    again = reset(client_for(None), link, password="Another-1", again="Another-1")
    assert (again.status_code, "链接无效" in again.text) == (422, True)
    assert client_for(None).get(link).status_code == 422
    with transaction(write=False):
        kept = db.session.scalars(sa.select(MailLink)).one()
        assert link.partition("secret=")[2] not in kept.token_hash


def test_a_link_lasts_half_an_hour(
    client_for: Any, person: Person, office: PostOffice, at: Callable[..., None]
) -> None:
    forgot(client_for(None))
    at(START + timedelta(minutes=31))
    assert reset(client_for(None), link_in(office)).status_code == 422
    assert sign_in(client_for(None), PASSWORD).status_code == 303


def test_a_mailbox_is_not_flooded_and_a_new_link_makes_the_old_one_void(
    client_for: Any, person: Person, office: PostOffice, at: Callable[..., None]
) -> None:
    for _ in range(3):
        forgot(client_for(None))
    assert len(office.letters()) == 1
    first = link_in(office)
    at(START + timedelta(minutes=6))
    forgot(client_for(None))
    assert len(office.letters()) == 2
    assert reset(client_for(None), first).status_code == 422
    assert reset(client_for(None), link_in(office)).status_code == 303


def test_requests_count_as_tries_of_their_address(
    client_for: Any, person: Person, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "CHALLENGE_FROM", 1)
    browser = client_for(None)
    assert forgot(browser, "nobody").status_code == 303
    with transaction():
        for _ in range(6):
            addresses.count_address(addresses.asking("127.0.0.1"), now())
    refused = forgot(browser)
    assert (refused.status_code, "安全验证" in refused.text) == (429, True)
    assert "data-proof" in browser.get("/forgotten").text
    assert office.letters() == []


def change(person: Person) -> None:
    hashed = signing_in.hash_password("Another-1")
    operations.set_password(account_of(person), hashed, now=now())


def give_out(person: Person) -> None:
    operations.reset_credential(account_of(person), actor=person, now=now())


def void(person: Person) -> None:
    operations.void_credential(account_of(person), actor=person, now=now())


def move(person: Person) -> None:
    secret = mail_links.ask_to_verify(person, "new@example.cn", now=now())
    mail_links.verify_address(secret, now=now())


@pytest.mark.parametrize("act", [change, give_out, void, move])
def test_what_takes_the_old_way_in_takes_its_mailed_link(
    client_for: Any, person: Person, office: PostOffice, act: Callable[[Person], None]
) -> None:
    forgot(client_for(None))
    with transaction():
        act(db.session.get_one(Person, person.id))
    answer = reset(client_for(None), link_in(office))
    assert (answer.status_code, "链接无效" in answer.text) == (422, True)


def test_asking_for_links_keeps_nobody_at_the_address_from_signing_in(
    client_for: Any, person: Person, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "ADDRESS_FAILURES", 2)
    for _ in range(3):
        forgot(client_for(None), "nobody")
    refused = forgot(client_for(None)).text
    assert ("网络地址尝试次数过多" in refused, "连续登录失败" in refused) == (True, False)
    assert sign_in(client_for(None), PASSWORD).status_code == 303


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"password": "weak", "again": "weak"}, "8-20 位"),
        ({"again": "Other-2026"}, "不一致"),
        ({"password": "", "again": ""}, "请填写新密码"),
    ],
)
def test_a_password_that_cannot_be_leaves_the_link_as_it_was(
    client_for: Any, person: Person, office: PostOffice, change: dict[str, str], words: str
) -> None:
    forgot(client_for(None))
    answer = reset(client_for(None), link_in(office), **change)
    assert (answer.status_code, words in answer.text) == (422, True)
    assert reset(client_for(None), link_in(office)).status_code == 303


def test_an_empty_name_is_told_at_its_field(client_for: Any, office: PostOffice) -> None:
    answer = client_for(None).post("/forgotten", {"login": " "})
    assert (answer.status_code, "请填写登录名或证件号码" in answer.text) == (422, True)


def test_the_second_factor_is_asked_and_guesses_are_counted(
    client_for: Any, person: Person, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_views, "device_time", now)
    with transaction():
        device, _ = a_device(person)
    forgot(client_for(None))
    link = link_in(office)
    assert "动态验证码" in client_for(None).get(link).text
    for code in ("", "000000"):
        answer = reset(client_for(None), link, code=code)
        assert (answer.status_code, "验证码不正确" in answer.text) == (422, True)
    with transaction(write=False):
        assert db.session.scalars(sa.select(MailLink.tries)).one() == 2
        assert account_of(person).failures == 0
    assert reset(client_for(None), link, code=device.code(START)).status_code == 303


def test_a_link_works_although_the_account_is_locked(
    client_for: Any, person: Person, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_views, "device_time", now)
    with transaction():
        device, _ = a_device(person)
    for _ in range(5):
        sign_in(client_for(None), "Wrong-2026")
    told = sign_in(client_for(None), PASSWORD).text
    assert ("已锁定" in told, "用已验证的邮箱重置密码" in told) == (True, True)
    forgot(client_for(None))
    code = device.code(START)
    assert reset(client_for(None), link_in(office), code=code).status_code == 303
    assert sign_in(client_for(None), NEW).status_code == 303


def test_guessing_the_code_behind_a_link_uses_it_up_for_an_hour(
    client_for: Any,
    person: Person,
    office: PostOffice,
    monkeypatch: pytest.MonkeyPatch,
    at: Callable[..., None],
) -> None:
    monkeypatch.setattr(mail_views, "device_time", now)
    with transaction():
        device, _ = a_device(person)
    forgot(client_for(None))
    for _ in range(5):
        reset(client_for(None), link_in(office), code="000000")
    answer = reset(client_for(None), link_in(office), code=device.code(START))
    assert (answer.status_code, "链接无效" in answer.text) == (422, True)
    for minutes, letters in ((50, 1), (70, 2)):
        at(START + timedelta(minutes=minutes))
        forgot(client_for(None))
        assert len(office.letters()) == letters


def test_a_mailbox_alone_opens_no_administrators_office(
    client_for: Any, person: Person, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction():
        operations.grant_role(
            person, "audit_admin", scope_kind="all", scope_id=None, actor_id=None, now=now()
        )
    forgot(client_for(None))
    assert office.letters() == []
    with transaction():
        a_device(person)
    forgot(client_for(None))
    assert len(office.letters()) == 1


def test_a_link_of_before_opens_no_administrators_office(
    client_for: Any, person: Person, office: PostOffice
) -> None:
    forgot(client_for(None))
    with transaction():
        operations.grant_role(
            person, "audit_admin", scope_kind="all", scope_id=None, actor_id=None, now=now()
        )
    answer = reset(client_for(None), link_in(office))
    assert (answer.status_code, "链接" in answer.text) == (422, True)
    assert sign_in(client_for(None), NEW).status_code == 401


def test_without_a_mail_server_the_page_says_whom_to_ask(
    app: Flask, client_for: Any, person: Person
) -> None:
    browser = client_for(None)
    page = browser.get("/forgotten").text
    assert "未开通邮件找回" in page
    assert "单位管理员" in page
    assert 'name="login"' not in page
    assert browser.post("/forgotten", {"login": "qinghe"}).status_code == 404
    mine = client_for(person)
    assert "未开通邮件找回" in mine.get("/account/mail").text
    assert mine.post("/account/mail", {"address": ADDRESS}).status_code == 404


def ask_to_verify(browser: Any, address: str = "new@example.cn", **change: str) -> Any:
    answer = browser.post("/account/mail", {"address": address, "current": PASSWORD, **change})
    worker.drain()
    return answer


def test_an_address_counts_when_its_letter_was_answered(
    client_for: Any, person: Person, office: PostOffice
) -> None:
    browser = client_for(person)
    assert ask_to_verify(browser).location == "/account/mail"
    with transaction(write=False):
        assert db.session.get_one(Person, person.id).email == ADDRESS
    link = link_in(office)
    assert office.letters()[-1]["To"] == "new@example.cn"
    visitor = client_for(None)
    assert "new@example.cn" in visitor.get(link).text
    secret = link.partition("secret=")[2]
    assert visitor.post("/mail/verify", {"secret": secret}).location == "/login"
    with transaction(write=False):
        kept = db.session.get_one(Person, person.id)
        assert (kept.email, kept.email_verified_at is not None) == ("new@example.cn", True)
    worker.drain()
    assert [(m["To"], m["Subject"]) for m in office.letters()][-1] == (ADDRESS, "邮箱已更换")
    assert visitor.post("/mail/verify", {"secret": secret}).status_code == 422
    assert visitor.get(link).status_code == 422


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"address": "nobody"}, "请填写有效的邮箱地址"),
        ({"address": "a@b.cn, c@d.cn"}, "请填写有效的邮箱地址"),
        ({"address": "a@b.cn\r\nBcc: x@y.cn"}, "请填写有效的邮箱地址"),
        ({"address": ""}, "请填写邮箱地址"),
        ({"current": "Wrong-2026"}, "当前密码不正确"),
    ],
)
def test_an_address_that_cannot_be_is_refused_at_its_field(
    client_for: Any, person: Person, office: PostOffice, change: dict[str, str], words: str
) -> None:
    answer = ask_to_verify(client_for(person), **change)
    assert (answer.status_code, words in answer.text) == (422, True)
    assert office.letters() == []


def test_verifying_is_asked_for_once_in_five_minutes(
    client_for: Any, person: Person, office: PostOffice
) -> None:
    browser = client_for(person)
    ask_to_verify(browser)
    again = ask_to_verify(browser, "other@example.cn")
    assert (again.status_code, "刚刚发送过" in again.text) == (422, True)
    assert len(office.letters()) == 1


def test_a_link_to_verify_is_none_to_reset(
    client_for: Any, person: Person, office: PostOffice
) -> None:
    ask_to_verify(client_for(person))
    assert reset(client_for(None), link_in(office)).status_code == 422


@pytest.mark.parametrize(
    ("typed", "words"), [("", "请填写当前密码"), ("Wrong-2026", "当前密码不正确")]
)
def test_an_address_is_not_taken_back_without_the_password(
    client_for: Any, person: Person, office: PostOffice, typed: str, words: str
) -> None:
    answer = client_for(person).post("/account/mail/forget", {"current": typed})
    assert (answer.status_code, words in answer.text) == (422, True)
    with transaction(write=False):
        assert db.session.get_one(Person, person.id).email == ADDRESS


def test_taking_an_address_back_ends_no_rest(
    client_for: Any, person: Person, office: PostOffice
) -> None:
    browser = client_for(person)
    ask_to_verify(browser)
    assert browser.post("/account/mail/forget", {"current": PASSWORD}).status_code == 303
    assert "刚刚发送过" in ask_to_verify(browser).text
    assert client_for(None).get(link_in(office)).status_code == 422


def test_an_address_can_be_taken_back(client_for: Any, person: Person, office: PostOffice) -> None:
    answer = client_for(person).post("/account/mail/forget", {"current": PASSWORD})
    assert answer.status_code == 303
    forgot(client_for(None))
    assert office.letters() == []
    with transaction(write=False):
        assert db.session.get_one(Person, person.id).email == ""
