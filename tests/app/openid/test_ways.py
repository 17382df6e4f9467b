"""登录方式: linking another way in, taking one away, a first password."""

from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import factor_views, operations, renewing, second_factor
from app.accounts.grants import Proposal, propose_grant
from app.accounts.models import Credential, Person, RoleGrant
from app.accounts.terms import usual_day
from app.core.clock import now
from app.core.db import begin_writing, db, transaction
from app.openid import own_views, queries, views
from app.openid.models import LinkedIdentity, Provider
from app.units.models import Unit
from tests.app.openid.conftest import a_member
from tests.app.openid.kit import button, count, events, is_in, number_of
from tests.builders.devices import enrol
from tests.builders.openid import (
    IdentityOffice,
    a_provider,
    asked,
    path_of,
    sign_on,
    to_provider,
)
from tests.builders.people import PASSWORD, a_person, a_unit, an_id_number
from tests.conftest import START, Browser

WAYS = "/account/ways"
NEW_PASSWORD = {"password": PASSWORD, "again": PASSWORD}


def linking(provider: Provider) -> str:
    return f"{WAYS}/link/{provider.id}?as=person"


def identity() -> int:
    with transaction(write=False):
        return db.session.scalars(sa.select(LinkedIdentity.id)).one()


@pytest.fixture
def mine(applicant: Person, client_for: Any) -> Browser:
    """The browser of the applicant, who came in by password and has just given it again."""
    browser: Browser = client_for(applicant)
    assert browser.post(WAYS, {"current": PASSWORD}).location == WAYS
    return browser


@pytest.fixture
def newcomer(office: IdentityOffice, provider: Provider, client_for: Any) -> Browser:
    """The browser of somebody whose account a provider opened."""
    office.tell("newcomer", name="柏小满", id_number=an_id_number())
    browser: Browser = client_for(None)
    sign_on(browser, office, "newcomer", button(provider))
    assert browser.post("/login/openid/new").status_code == 303
    return browser


def test_another_way_in_is_linked_after_the_password(
    office: IdentityOffice, provider: Provider, applicant: Person, client_for: Any
) -> None:
    office.tell("mine", name="苏晓禾", id_number=number_of(applicant))
    browser = client_for(applicant)
    page = browser.get(WAYS).text
    assert "没有关联统一身份认证" in page
    assert "关联 政务服务网" not in page
    # Nothing leads to the provider before the password was given.
    assert browser.get(linking(provider)).location == WAYS
    wrong = browser.post(WAYS, {"current": "Wrong-2026"})
    assert wrong.status_code == 422
    assert "当前密码不正确" in wrong.text
    assert browser.post(WAYS, {"current": PASSWORD}).location == WAYS
    assert "关联 政务服务网 · 个人登录" in browser.get(WAYS).text
    assert sign_on(browser, office, "mine", linking(provider)).location == WAYS
    assert "已关联“政务服务网”" in browser.get(WAYS).text
    assert events(applicant)[-1] == ("account:identity_linked", {"provider": "政务服务网"})
    other = client_for(None)
    assert sign_on(other, office, "mine", button(provider)).location == "/home"


def test_the_password_holds_for_ten_minutes(
    provider: Provider, applicant: Person, mine: Browser, at: Any
) -> None:
    at(START + timedelta(minutes=11))
    assert "关联 政务服务网" not in mine.get(WAYS).text
    assert mine.get(linking(provider)).location == WAYS


def test_the_identity_of_somebody_else_is_not_linked(
    office: IdentityOffice, provider: Provider, applicant: Person, mine: Browser, client_for: Any
) -> None:
    office.tell("stranger", name="旁人", id_number=an_id_number())
    answer = sign_on(mine, office, "stranger", linking(provider))
    assert answer.status_code == 403
    assert "与该账号登记的不一致" in answer.text
    assert "返回登录方式" in answer.text
    with transaction():
        other = a_member("柏小满", "bai")
    office.tell("shared", name="柏小满")
    browser = client_for(other)
    browser.post(WAYS, {"current": PASSWORD})
    assert sign_on(browser, office, "shared", linking(provider)).location == WAYS
    answer = sign_on(mine, office, "shared", linking(provider))
    assert answer.status_code == 409
    assert "已经关联了平台账号" in answer.text
    assert count(LinkedIdentity) == 1


def test_an_answer_links_nothing_for_another_person_or_after_signing_out(
    office: IdentityOffice, provider: Provider, applicant: Person, mine: Browser
) -> None:
    office.tell("mine-too", name="苏晓禾")
    back = path_of(office.authorise(to_provider(mine, linking(provider)), "mine-too"))
    mine.client.delete_cookie(mine.client.application.config["SESSION_COOKIE_NAME"])
    assert mine.get(back).status_code == 400
    assert count(LinkedIdentity) == 0


END_OF_ACCOUNT = {
    "reset": lambda account: operations.reset_credential(account, actor=None, now=now()),
    "closed": lambda account: setattr(account, "is_enabled", False),
}


@pytest.mark.parametrize("how", END_OF_ACCOUNT)
def test_nothing_is_linked_to_an_account_that_ended_while_the_provider_was_asked(
    office: IdentityOffice,
    provider: Provider,
    applicant: Person,
    mine: Browser,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    def begin_after_the_end() -> None:
        begin_writing()
        account = db.session.query(Credential).filter_by(person_id=applicant.id).one()
        END_OF_ACCOUNT[how](account)
        db.session.flush()

    office.tell("meanwhile", name="苏晓禾")
    back = path_of(office.authorise(to_provider(mine, linking(provider)), "meanwhile"))
    monkeypatch.setattr(views, "begin_writing", begin_after_the_end)
    answer = mine.get(back)
    assert answer.status_code == 400
    assert "登录已失效，没有关联" in answer.text
    assert count(LinkedIdentity) == 0


@pytest.mark.parametrize("how", END_OF_ACCOUNT)
def test_no_first_password_for_an_account_that_ended_while_it_was_hashed(
    newcomer: Browser, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    def begin_after_the_end() -> None:
        begin_writing()
        held = db.session.scalars(sa.select(LinkedIdentity)).one()
        account = db.session.query(Credential).filter_by(person_id=held.person_id).one()
        END_OF_ACCOUNT[how](account)
        db.session.flush()

    monkeypatch.setattr(own_views, "begin_writing", begin_after_the_end)
    assert newcomer.post(f"{WAYS}/password", NEW_PASSWORD).status_code == 401
    with transaction(write=False):
        assert (
            not db.session.query(Credential)
            .filter(Credential.login.like("u%"), Credential.password_hash.isnot(None))
            .count()
        )


def test_linking_waits_for_a_reset_that_is_under_way(
    app: Flask,
    office: IdentityOffice,
    provider: Provider,
    applicant: Person,
    mine: Browser,
) -> None:
    office.tell("racing", name="苏晓禾")
    back = path_of(office.authorise(to_provider(mine, linking(provider)), "racing"))
    with transaction():
        account = db.session.query(Credential).filter_by(person_id=applicant.id).one()
        operations.reset_credential(account, actor=None, now=now())
        answers: list[Any] = []
        asking = Thread(target=lambda: answers.append(mine.client.get(back)))
        asking.start()
        asking.join(2)
        assert asking.is_alive()
    asking.join(30)
    assert answers[0].status_code == 400
    assert count(LinkedIdentity) == 0


def test_linking_the_same_again_changes_nothing(
    office: IdentityOffice, provider: Provider, applicant: Person, mine: Browser
) -> None:
    office.tell("same", name="苏晓禾", id_number=number_of(applicant))
    for _ in range(2):
        assert sign_on(mine, office, "same", linking(provider)).location == WAYS
    assert "已经关联" in mine.get(WAYS).text
    assert count(LinkedIdentity) == 1


def test_who_comes_after_somebody_links_the_identity_of_the_unit(
    office: IdentityOffice, keepers: tuple[Person, Person], client_for: Any
) -> None:
    code = "91110000802100433B"
    with transaction():
        school = a_unit("云桥区青禾小学", clerk=False, leader=False)
        school.credit_code = code
        provider = a_provider(
            office, *keepers, for_persons=False, for_units=True, code_claim="uscc"
        )
        people = [
            a_member(name, login, roles=[("unit_clerk", "org", school.id)])
            for name, login in (("邬小棠", "wu"), ("邬小梅", "mei"))
        ]
    office.tell("school-3", uscc=code)
    door = f"{WAYS}/link/{provider.id}?as=unit"
    first, second = (client_for(person) for person in people)
    for browser in (first, second):
        browser.post(WAYS, {"current": PASSWORD})
    assert sign_on(first, office, "school-3", door).location == WAYS
    assert sign_on(second, office, "school-3", door).status_code == 409
    with transaction():
        grant = db.session.query(RoleGrant).filter_by(person_id=people[0].id).one()
        renewing.end_grant(grant, actor_id=people[0].id, now=now())
    assert sign_on(second, office, "school-3", door).location == WAYS
    assert events(people[0])[-1][0] == "account:identity_unlinked"


def test_a_way_in_is_taken_away(
    office: IdentityOffice, provider: Provider, applicant: Person, mine: Browser, client_for: Any
) -> None:
    office.tell("leaving", name="苏晓禾", id_number=number_of(applicant))
    sign_on(mine, office, "leaving", linking(provider))
    path = f"{WAYS}/{identity()}/unlink"
    with transaction():
        other = a_member("旁人", "pang")
    assert client_for(other).post(path).status_code == 404
    assert client_for(applicant).post(path).status_code == 403
    assert mine.post(path).location == WAYS
    assert count(LinkedIdentity) == 0
    assert events(applicant)[-1][0] == "account:identity_unlinked"
    answer = sign_on(client_for(None), office, "leaving", button(provider))
    assert answer.location == "/login/openid/account"


def test_the_last_way_in_is_never_taken_away(
    office: IdentityOffice,
    provider: Provider,
    keepers: tuple[Person, Person],
    newcomer: Browser,
) -> None:
    answer = newcomer.post(f"{WAYS}/{identity()}/unlink")
    assert answer.status_code == 409
    assert "唯一的登录方式" in answer.text
    with transaction():
        other = a_provider(office, *keepers, name="另一个", is_enabled=False)
        held = db.session.scalars(sa.select(LinkedIdentity)).one()
        values = {c.key: getattr(held, c.key) for c in sa.inspect(LinkedIdentity).columns}
        values.pop("id")
        db.session.add(LinkedIdentity(**{**values, "provider_id": other.id}))
        first = held.id
    # A provider that is switched off is no way in.
    assert newcomer.post(f"{WAYS}/{first}/unlink").status_code == 409
    with transaction():
        db.session.get_one(Provider, other.id).is_enabled = True
    assert newcomer.post(f"{WAYS}/{first}/unlink").location == WAYS
    assert is_in(newcomer)


def test_a_units_identity_is_no_way_in_for_who_left(
    office: IdentityOffice,
    provider: Provider,
    keepers: tuple[Person, Person],
    newcomer: Browser,
) -> None:
    def only() -> list[int]:
        with transaction(write=False):
            return [queries.only_way_in(each.id, now()) for each in (provider, other)]

    with transaction():
        unit = a_unit("云桥区青禾小学", clerk=False, leader=False)
        other = a_provider(office, *keepers, name="法人网", for_units=True, code_claim="uscc")
        held = db.session.scalars(sa.select(LinkedIdentity)).one()
        values = {c.key: getattr(held, c.key) for c in sa.inspect(LinkedIdentity).columns}
        values.pop("id")
        values.update(provider_id=other.id, audience="unit", unit_id=unit.id)
        db.session.add(LinkedIdentity(**values))
    path = f"{WAYS}/{held.id}/unlink"
    assert only() == [1, 0]
    assert newcomer.post(path).status_code == 409
    with transaction():
        person = db.session.get_one(Person, held.person_id)
        operations.grant_role(
            person, "unit_clerk", scope_kind="org", scope_id=unit.id, actor_id=None, now=now()
        )
    assert only() == [0, 0]
    assert newcomer.post(path).location == WAYS
    assert only() == [0, 1]
    with transaction():
        db.session.get_one(Unit, unit.id).closed_at = now()
    assert only() == [0, 0]


def test_a_person_has_one_identity_at_a_provider(
    office: IdentityOffice, provider: Provider, applicant: Person, mine: Browser
) -> None:
    for subject in ("first-of-two", "second-of-two"):
        office.tell(subject, name="苏晓禾")
    assert sign_on(mine, office, "first-of-two", linking(provider)).location == WAYS
    answer = sign_on(mine, office, "second-of-two", linking(provider))
    assert answer.status_code == 409
    assert "请先在“登录方式”中解除" in answer.text
    with transaction(write=False):
        held = db.session.scalars(sa.select(LinkedIdentity)).one()
        values = {c.key: getattr(held, c.key) for c in sa.inspect(LinkedIdentity).columns}
    values.update(subject_hash="x" * 64)
    values.pop("id")
    with pytest.raises(sa.exc.IntegrityError), transaction():
        db.session.add(LinkedIdentity(**values))


def test_who_has_no_password_sets_one_after_coming_in_by_the_provider(
    office: IdentityOffice, provider: Provider, newcomer: Browser, at: Any
) -> None:
    page = newcomer.get(WAYS).text
    assert "未设置" in page
    assert "设置密码" in page
    at(START + timedelta(minutes=11))
    refused = newcomer.post(f"{WAYS}/password", NEW_PASSWORD)
    assert refused.status_code == 403
    assert "请先验证身份" in refused.text
    again = f"/login/openid/{provider.id}?next=/account/ways&amp;prove=1&amp;as=person"
    assert again in newcomer.get(WAYS).text
    assert sign_on(newcomer, office, "newcomer", again.replace("&amp;", "&")).location == WAYS
    short = newcomer.post(f"{WAYS}/password", {"password": "short", "again": "other"})
    assert short.status_code == 422
    assert "密码须为 8-20 位" in short.text
    assert "两次输入的密码不一致" in short.text
    assert newcomer.post(f"{WAYS}/password", NEW_PASSWORD).location == WAYS
    assert is_in(newcomer)
    assert newcomer.post(f"{WAYS}/password", NEW_PASSWORD).status_code == 409
    assert newcomer.post(f"{WAYS}/{identity()}/unlink").location == WAYS


@pytest.mark.parametrize("told", [1, 0], ids=["known still", "not told"])
def test_who_proves_who_they_are_signs_in_anew(
    office: IdentityOffice,
    provider: Provider,
    applicant: Person,
    mine: Browser,
    newcomer: Browser,
    at: Any,
    told: int,
) -> None:
    at(START + timedelta(minutes=5))
    proof = button(provider, more="&prove=1&next=/account/ways")
    for browser, path in ((newcomer, proof), (mine, linking(provider))):
        sent = asked(to_provider(browser, path))
        assert (sent["prompt"], sent["max_age"]) == ("login", "0")
    assert "prompt" not in asked(to_provider(mine, button(provider)))
    office.tell("long-ago", name="苏晓禾", auth_time=told)
    answer = sign_on(mine, office, "long-ago", linking(provider))
    assert answer.status_code == 403
    assert "没有让您重新登录" in answer.text
    assert count(LinkedIdentity) == 1
    office.tell("newcomer", name="柏小满", auth_time=told)
    at(START + timedelta(minutes=16))
    assert sign_on(newcomer, office, "newcomer", proof).status_code == 403
    # It is enough to come in by, and proves nothing.
    assert sign_on(newcomer, office, "newcomer", button(provider)).location == "/home"
    assert newcomer.post(f"{WAYS}/password", NEW_PASSWORD).status_code == 403


def test_no_other_site_sends_somebody_to_link_an_identity(
    provider: Provider, mine: Browser
) -> None:
    foreign = mine.get(linking(provider), headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.location == WAYS
    own = mine.get(linking(provider), headers={"Sec-Fetch-Site": "same-origin"})
    assert own.status_code == 302


def test_who_must_have_a_second_factor_and_has_no_password_sets_both(
    newcomer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(factor_views, "device_time", now)
    with transaction():
        second_factor.ask_factor_of({"applicant"}, actor_id=None, now=now())
    assert newcomer.get("/home").location == "/account/factor"
    page = newcomer.get("/account/factor").text
    assert "您的账号还没有密码" in page
    assert 'href="/account/ways"' in page
    assert newcomer.post(f"{WAYS}/password", NEW_PASSWORD).location == WAYS
    assert enrol(newcomer, PASSWORD).location == "/account/factor/codes"


@pytest.mark.parametrize("path", ["/account/factor", "/account/password"])
def test_pages_that_ask_for_the_password_say_that_there_is_none(
    newcomer: Browser, path: str
) -> None:
    page = newcomer.get(path).text
    assert "您的账号还没有密码" in page
    assert 'name="current"' not in page


def test_who_has_no_way_in_is_told_whom_to_ask(app: Flask, client_for: Any) -> None:
    with transaction():
        clerk = a_person("应含章")
    page = client_for(clerk).get(WAYS).text
    assert "请联系下列人员重新发放激活码" in page
    assert "本单位的单位管理员" in page
    assert "先在下面验证身份" not in page


def test_an_administrator_is_told_that_nothing_can_be_linked(
    provider: Provider, client_for: Any
) -> None:
    with transaction():
        admin = a_member("缪三省", "miao", roles=[("audit_admin", "all", None)])
    browser = client_for(admin)
    assert "管理员账号只用密码和动态验证码登录" in browser.get(WAYS).text
    assert browser.post(WAYS, {"current": PASSWORD}).location == WAYS
    assert "关联 政务服务网" not in browser.get(WAYS).text


def test_the_own_log_and_data_tell_of_the_ways_in(
    office: IdentityOffice, provider: Provider, applicant: Person, mine: Browser
) -> None:
    office.tell("told", name="苏晓禾", id_number=number_of(applicant))
    sign_on(mine, office, "told", linking(provider))
    page = mine.get("/account/log").text
    assert "关联统一身份认证" in page
    assert "政务服务网" in page
    assert "统一身份认证" in mine.get("/account/data").text


def test_a_password_is_no_way_in_before_it_was_set(newcomer: Browser, client_for: Any) -> None:
    with transaction(write=False):
        account = db.session.query(Credential).filter(Credential.password_hash.is_(None)).first()
        login = account.login
    answer = client_for(None).post("/login", {"login": login, "password": PASSWORD})
    assert answer.status_code == 401


def test_an_office_that_only_waits_keeps_nobody_out(
    office: IdentityOffice,
    provider: Provider,
    keepers: tuple[Person, Person],
    applicant: Person,
    mine: Browser,
) -> None:
    with transaction():
        security = db.session.get_one(Person, keepers[1].id)
        wanted = Proposal("security_admin", None, usual_day(now()), "任命文件")
        propose_grant(db.session.get_one(Person, applicant.id), wanted, actor=security, now=now())
    assert "管理员账号只用密码" not in mine.get(WAYS).text
    office.tell("waiting", name="苏晓禾", id_number=number_of(applicant))
    assert sign_on(mine, office, "waiting", linking(provider)).location == WAYS
    assert count(LinkedIdentity) == 1
