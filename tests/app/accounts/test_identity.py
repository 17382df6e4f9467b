"""Identity numbers: people sign in with them, and they are nowhere in clear."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import operations, signing_in
from app.accounts.models import Credential, Person
from app.core.clock import now
from app.core.db import current_transaction, db, transaction
from app.core.errors import Invalid
from tests.builders.people import a_person, an_id_number

NUMBER = "34000019850812945X"
PASSWORD = "Qinghe-2026"


@pytest.fixture
def applicant(app: Flask) -> Person:
    """An applicant whose account has no name of its own."""
    with transaction():
        person = operations.create_person(name="卓逸尘", id_number=NUMBER, now=now())
        operations.grant_role(
            person, "applicant", scope_kind="all", scope_id=None, actor_id=None, now=now()
        )
        account, _ = operations.create_credential(person, now=now())
        operations.set_password(account, signing_in.hash_password(PASSWORD), now=now())
        return person


def sign_in(browser: Any, name: str, password: str = PASSWORD) -> Any:
    return browser.post("/login", {"login": name, "password": password})


@pytest.mark.parametrize(
    "typed",
    [NUMBER, NUMBER.lower(), f" {NUMBER} ", "３４００００19850812945x", "340000 19850812 945X"],
)
def test_an_applicant_signs_in_with_the_identity_number(
    client_for: Any, applicant: Person, typed: str
) -> None:
    assert sign_in(client_for(None), typed).status_code == 303


def test_the_neutral_login_opens_the_same_account(client_for: Any, applicant: Person) -> None:
    with transaction(write=False):
        login = db.session.scalars(sa.select(Credential.login)).one()
    assert not any(part in login for part in (NUMBER, NUMBER[6:14], NUMBER[-4:].lower()))
    assert sign_in(client_for(None), login.upper()).status_code == 303


def test_failures_count_for_the_account_whichever_name_was_typed(
    client_for: Any, applicant: Person
) -> None:
    with transaction(write=False):
        login = db.session.scalars(sa.select(Credential.login)).one()
    browser = client_for(None)
    for name in (NUMBER, login, NUMBER, login, NUMBER):
        assert sign_in(browser, name, "Wrong-2026").status_code == 401
    assert "已锁定" in sign_in(browser, login).text
    told = sign_in(browser, NUMBER).text
    assert ("已锁定" in told, "邮箱重置" in told) == (True, False), "no mail is set up"


def words_of(answer: Any, *typed: str) -> tuple[int, str]:
    text = answer.text
    for word in typed:
        text = text.replace(word, "…")
    start = text.index("有内容需要修改")
    return answer.status_code, text[start : start + 200]


def test_a_number_nobody_has_reads_like_a_wrong_password(
    client_for: Any, applicant: Person
) -> None:
    unknown = an_id_number()
    known = words_of(sign_in(client_for(None), NUMBER, "Wrong-2026"), NUMBER)
    assert words_of(sign_in(client_for(None), unknown), unknown) == known
    assert words_of(sign_in(client_for(None), "nobody"), "nobody") == known


def test_every_sign_in_does_the_same_work(
    client_for: Any, applicant: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    real = signing_in.judge_account

    def counting(credential: Credential | None, password: str) -> signing_in.Judgement:
        hashed.append(password)
        return real(credential, password)

    monkeypatch.setattr(signing_in, "judge_account", counting)
    for name in (NUMBER, an_id_number(), "nobody"):
        sign_in(client_for(None), name, "Wrong-2026")
    assert len(hashed) == 3


def everything_kept() -> Iterator[str]:
    with transaction(write=False):
        for table in db.metadata.sorted_tables:
            for row in db.session.execute(sa.select(table)):
                yield json.dumps([str(value) for value in row], ensure_ascii=False)


def test_the_number_is_in_no_table_in_clear(
    client_for: Any, applicant: Person, caplog: pytest.LogCaptureFixture
) -> None:
    browser = client_for(None)
    sign_in(browser, NUMBER, "Wrong-2026")
    assert sign_in(browser, NUMBER).status_code == 303
    browser.get("/account")
    browser.post("/logout")
    assert [row for row in everything_kept() if NUMBER in row.upper()] == []
    assert NUMBER not in caplog.text


def test_no_login_is_an_identity_number(app: Flask) -> None:
    with transaction():
        person = operations.create_person(name="卜文", now=now())
        for name in (an_id_number(), "340000850812945", "张三", "a", "a b", "x" * 41):
            with pytest.raises(Invalid) as refused:
                operations.create_credential(person, name, now=now())
            assert "login" in refused.value.errors


@pytest.mark.parametrize("name", ["QingHe", "qinghe ", "QINGHE"])
def test_a_login_is_given_once_whatever_its_case(app: Flask, name: str) -> None:
    with transaction():
        first, second = (operations.create_person(name=n, now=now()) for n in ("甲一", "乙二"))
        operations.create_credential(first, "qinghe", now=now())
        with pytest.raises(Invalid, match="已被使用"):
            operations.create_credential(second, name, now=now())


def test_the_database_knows_no_two_cases_of_a_login(app: Flask) -> None:
    with transaction():
        ids = [a_person(name).id for name in ("甲一", "乙二")]
    rows = sa.update(Credential)
    for person_id, login in zip(ids, ("qinghe", "QingHe"), strict=True):
        changed = rows.where(Credential.person_id == person_id).values(login=login)
        if login.islower():
            with transaction():
                db.session.execute(changed)
        else:
            with pytest.raises(sa.exc.IntegrityError), transaction():
                db.session.execute(changed)


@pytest.mark.parametrize("scope", [("all", 1), ("org", None), ("meeting", None)])
def test_a_scope_has_an_id_unless_it_is_everything(
    app: Flask, scope: tuple[str, int | None]
) -> None:
    with pytest.raises(sa.exc.IntegrityError), transaction():
        a_person("甲一", roles=[("expert", *scope)])


class Recorder:
    """A hasher that notes whether the transaction that calls it writes."""

    def __init__(self, hasher: Any) -> None:
        self.hasher, self.writing = hasher, []  # type: ignore[var-annotated]

    def hash(self, password: str) -> str:
        self.writing.append(current_transaction().write)
        return str(self.hasher.hash(password))

    def verify(self, known: str, password: str) -> bool:
        self.writing.append(current_transaction().write)
        return bool(self.hasher.verify(known, password))

    def check_needs_rehash(self, known: str) -> bool:
        return bool(self.hasher.check_needs_rehash(known))


def test_no_password_is_hashed_while_the_transaction_writes(
    client_for: Any, applicant: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction():
        fresh = operations.create_person(name="卜文", now=now())
        _, secret = operations.create_credential(fresh, now=now())
    recorder = Recorder(signing_in._hasher)
    monkeypatch.setattr(signing_in, "_hasher", recorder)
    signing_in._decoys.clear()
    chosen = {"password": "Yunqiao#88", "again": "Yunqiao#88"}
    assert sign_in(client_for(None), "nobody").status_code == 401
    browser = client_for(None)
    assert sign_in(browser, NUMBER).status_code == 303
    changed = browser.post("/account/password", {"current": PASSWORD, **chosen})
    assert changed.status_code == 303
    assert client_for(None).post("/activate", {"secret": secret, **chosen}).status_code == 303
    assert len(recorder.writing) >= 6
    assert not any(recorder.writing)


def test_a_password_changed_while_it_was_judged_opens_nothing(
    app: Flask, applicant: Person
) -> None:
    with transaction(write=False):
        judged = signing_in.judge(NUMBER, PASSWORD, address="10.0.0.1", now=now())
    assert judged.is_right
    changed = signing_in.hash_password("Yunqiao#88")
    with transaction():
        account = db.session.scalars(sa.select(Credential)).one()
        operations.set_password(account, changed, now=now())
    with transaction(), pytest.raises(signing_in.SignInRefused):
        signing_in.sign_in(judged, address="10.0.0.1", now=now())
