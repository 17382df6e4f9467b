"""Whose account an identity is: confirmed by password or activation, opened anew, or refused."""

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import cards, operations, renewing
from app.accounts.models import Credential, Person, RoleGrant
from app.accounts.queries import was_opened
from app.core.clock import now
from app.core.db import db, transaction
from app.openid import views
from app.openid.models import LinkedIdentity, Provider
from app.units.models import Unit
from tests.app.openid.conftest import Unlinked, a_member
from tests.app.openid.kit import ACCOUNT, button, count, events, is_in, number_of
from tests.builders.devices import STEP, a_device
from tests.builders.openid import IdentityOffice, a_provider, sign_on
from tests.builders.people import PASSWORD, a_person, a_unit, an_id_number
from tests.conftest import START

NEW = "/login/openid/new"
CODE = "91110000802100433B"


def account_of(person: Person) -> Credential:
    return db.session.query(Credential).filter_by(person_id=person.id).one()


def test_somebody_new_gets_an_account_and_completes_their_details(
    office: IdentityOffice, provider: Provider, client_for: Any, unlinked: Unlinked
) -> None:
    number = an_id_number()
    browser = unlinked("newcomer", button(provider), name="柏小满", id_number=number)
    page = browser.get(ACCOUNT).text
    assert "首次使用本平台" in page
    assert "柏小满" in page
    assert number not in page
    assert browser.post(NEW).location == "/account/details"
    details = browser.get("/account/details").text
    assert "账号已开通" in details
    assert "带 * 的必填，并选择单位。暂不填写也可以" in details
    with transaction(write=False):
        person = db.session.scalars(sa.select(Person).where(Person.name == "柏小满")).one()
        account = account_of(person)
        assert person.id_number == number
        assert person.gender == "女"
        assert person.profile_confirmed_at is None
        assert account.password_hash is None
        assert [g.role for g in db.session.query(RoleGrant).filter_by(person_id=person.id)] == [
            "applicant"
        ]
        # Nobody else may hand out a secret for it.
        assert was_opened(person.id)
    assert ("account:opened_by_provider", {"provider": "政务服务网"}) in events(person)
    with transaction():
        admin = a_person("庾二鸣", roles=[("system_admin", "all", None)])
    admin_page = client_for(admin).get(f"/admin/accounts/{person.id}").text
    assert "政务服务网" in admin_page
    assert "待激活" not in admin_page
    assert "柏小满" in client_for(admin).get("/admin/accounts?state=ready&q=柏小满").text
    assert "柏小满</a>" not in client_for(admin).get("/admin/accounts?state=waiting").text
    # The second time they come in at once, and nothing opens a second account.
    assert sign_on(client_for(None), office, "newcomer", button(provider)).location == "/home"
    assert browser.post(NEW).status_code == 400


@pytest.mark.parametrize(("born", "status"), [((2010, 11, 23), 303), ((2010, 11, 24), 422)])
def test_a_child_gets_no_account_by_a_provider_either(
    provider: Provider, unlinked: Unlinked, born: tuple[int, int, int], status: int
) -> None:
    number = an_id_number(date(*born))
    browser = unlinked("young", button(provider), name="柏小满", id_number=number)
    page = browser.get(ACCOUNT).text
    assert ("未满 16 周岁" in page) == (status == 422)
    assert ("开通申报人账号" in page) == (status == 303)
    answer = browser.post(NEW)
    assert (answer.status_code, "未满 16 周岁" in answer.text) == (status, status == 422)
    assert count(LinkedIdentity) == (status == 303)


def test_two_answers_open_one_account(provider: Provider, unlinked: Unlinked) -> None:
    told = {"name": "柏小满", "id_number": an_id_number()}
    first, second = (unlinked("twice", button(provider), **told) for _ in range(2))
    assert first.post(NEW).status_code == 303
    again = second.post(NEW)
    assert again.status_code == 409
    assert "已经关联" in again.text
    assert count(LinkedIdentity) == 1


def test_no_account_is_opened_where_the_jurisdiction_opens_none_so(
    office: IdentityOffice, keepers: tuple[Person, Person], unlinked: Unlinked
) -> None:
    with transaction():
        provider = a_provider(office, *keepers, jurisdiction="hebei")
    browser = unlinked("elsewhere-new", button(provider), name="柏小满", id_number=an_id_number())
    page = browser.get(ACCOUNT).text
    assert "首次使用本平台" not in page
    assert "请联系所在单位开通" in page
    assert browser.post(NEW).status_code == 403


@pytest.mark.parametrize("claims", [{}, {"id_number": "340102198503121234"}, {"id_number": 7}])
def test_no_account_is_opened_without_a_number_that_can_be_one(
    provider: Provider, claims: dict[str, Any], unlinked: Unlinked
) -> None:
    browser = unlinked("nameless", button(provider), name="柏小满", **claims)
    assert "首次使用本平台" not in browser.get(ACCOUNT).text
    assert browser.post(NEW).status_code == 403


def test_who_has_another_account_links_that_one(provider: Provider, unlinked: Unlinked) -> None:
    with transaction():
        clerk = a_member("解明德", "xie")
    browser = unlinked("clerk", button(provider), name="解明德", id_number=an_id_number())
    assert "已有其他账号" in browser.get(ACCOUNT).text
    empty = browser.post(ACCOUNT, {"login": ""})
    assert empty.status_code == 422
    assert "请填写登录名或证件号码" in empty.text
    assert browser.post(ACCOUNT, {"login": "xie", "password": PASSWORD}).location == "/home"
    assert ("account:identity_linked", {"provider": "政务服务网"}) in events(clerk)


def test_an_identity_is_never_linked_to_somebody_of_another_number(
    provider: Provider, applicant: Person, unlinked: Unlinked
) -> None:
    browser = unlinked("foreign", button(provider), name="柏小满", id_number=an_id_number())
    answer = browser.post(ACCOUNT, {"login": "su", "password": PASSWORD})
    assert answer.status_code == 403
    assert "与该账号登记的不一致" in answer.text
    assert count(LinkedIdentity) == 0
    assert not is_in(browser)


def test_nothing_is_linked_by_a_provider_that_was_switched_off_meanwhile(
    provider: Provider, applicant: Person, unlinked: Unlinked
) -> None:
    known = unlinked("late", button(provider), name="苏晓禾", id_number=number_of(applicant))
    new = unlinked("late-new", button(provider), name="柏小满", id_number=an_id_number())
    with transaction():
        db.session.get_one(Provider, provider.id).is_enabled = False
    assert known.post(ACCOUNT, {"password": PASSWORD}).status_code == 404
    assert new.post(NEW).status_code == 404
    assert count(LinkedIdentity) == 0
    assert not is_in(known)
    with transaction(write=False):
        assert not db.session.scalars(sa.select(Person).where(Person.name == "柏小满")).first()


@pytest.mark.parametrize("moved", ["issuer", "client_id"])
def test_what_waits_links_nothing_at_another_place(
    provider: Provider, applicant: Person, unlinked: Unlinked, moved: str
) -> None:
    known = unlinked("before", button(provider), name="苏晓禾", id_number=number_of(applicant))
    new = unlinked("before-new", button(provider), name="柏小满", id_number=an_id_number())
    with transaction():
        # Somebody leads it elsewhere, and another confirms it at once.
        setattr(db.session.get_one(Provider, provider.id), moved, "https://elsewhere.example.cn")
    for answer in (known.get(ACCOUNT), known.post(ACCOUNT, {"password": PASSWORD}), new.post(NEW)):
        assert answer.status_code == 400
        assert "统一身份认证的设置刚刚更改过" in answer.text
    assert count(LinkedIdentity) == 0
    assert not is_in(known)
    assert not is_in(new)


def test_an_administrator_links_nothing(provider: Provider, unlinked: Unlinked) -> None:
    with transaction():
        a_member("缪三省", "miao", roles=[("audit_admin", "all", None)])
    browser = unlinked("auditor", button(provider), name="缪三省")
    answer = browser.post(ACCOUNT, {"login": "miao", "password": PASSWORD})
    assert answer.status_code == 403
    assert "管理员账号不能使用统一身份认证" in answer.text
    assert count(LinkedIdentity) == 0
    assert not is_in(browser)


def test_guesses_at_linking_lock_the_account_as_elsewhere(
    provider: Provider, applicant: Person, unlinked: Unlinked
) -> None:
    browser = unlinked("guesser", button(provider), name="苏晓禾", id_number=number_of(applicant))
    for _ in range(5):
        assert browser.post(ACCOUNT, {"password": "Wrong-2026"}).status_code == 401
    answer = browser.post(ACCOUNT, {"password": PASSWORD})
    assert answer.status_code == 401
    assert "账号已锁定" in answer.text
    assert count(LinkedIdentity) == 0


def test_linking_asks_for_the_second_factor_too(
    provider: Provider,
    applicant: Person,
    at: Any,
    monkeypatch: pytest.MonkeyPatch,
    unlinked: Unlinked,
) -> None:
    monkeypatch.setattr(views, "device_time", now)
    with transaction():
        device, _ = a_device(applicant)
    browser = unlinked("careful", button(provider), name="苏晓禾", id_number=number_of(applicant))
    at(START + STEP)
    wrong = browser.post(ACCOUNT, {"password": PASSWORD, "code": ""})
    assert wrong.status_code == 401
    assert "验证码不正确" in wrong.text
    assert count(LinkedIdentity) == 0
    right = {"password": PASSWORD, "code": device.code(START + STEP)}
    assert browser.post(ACCOUNT, right).location == "/home"
    assert is_in(browser)


def test_an_account_that_waits_is_activated_and_linked_at_once(
    provider: Provider, unlinked: Unlinked
) -> None:
    number = an_id_number()
    with transaction():
        person = a_person("柏小满", id_number=number, roles=[("applicant", "all", None)])
        secret = operations.reset_credential(account_of(person), actor=None, now=now())
        other = a_person("旁人", roles=[("applicant", "all", None)])
        others = operations.reset_credential(account_of(other), actor=None, now=now())
    browser = unlinked("waiting", button(provider), name="柏小满", id_number=number)
    assert "激活并关联已有账号" in browser.get(ACCOUNT).text
    form = {"password": PASSWORD, "again": PASSWORD}
    path = "/login/openid/activate"
    assert browser.post(path, {**form, "secret": others}).status_code == 422
    wrong = browser.post(path, {**form, "secret": "no such secret"})
    assert wrong.status_code == 422
    assert "激活码无效" in wrong.text
    assert count(LinkedIdentity) == 0
    assert browser.post(path, {**form, "secret": secret}).location == "/home"
    assert is_in(browser)
    assert count(LinkedIdentity) == 1


def test_who_was_given_a_card_before_the_account_was_in_use_types_a_code_of_it(
    provider: Provider, unlinked: Unlinked
) -> None:
    number, hour = an_id_number(), timedelta(hours=1)
    with transaction():
        person = a_person("柏小满", id_number=number, roles=[("expert", "all", None)])
        secret = operations.reset_credential(account_of(person), actor=None, now=now())
        term = cards.Term(7, "2026年高级评审会议", now() - hour, now() + hour)
        clerk = a_person("经办人")
        (card,) = cards.issue_cards([person], term, b"seed", actor=clerk, now=now())
        code = cards.codes_on(card, b"seed")[0]
    browser = unlinked("waiting", button(provider), name="柏小满", id_number=number)
    form = {"password": PASSWORD, "again": PASSWORD, "secret": secret}
    answer = browser.post("/login/openid/activate", form)
    assert (answer.status_code, answer.location.split("?")[0]) == (303, "/login/code")
    assert not is_in(browser)
    assert browser.post("/login/code", {"code": code}).location == "/home"
    assert is_in(browser)
    assert count(LinkedIdentity) == 1


def test_who_has_no_account_or_a_closed_one_is_told_whom_to_ask(
    provider: Provider, applicant: Person, unlinked: Unlinked
) -> None:
    browser = unlinked("shut", button(provider), name="苏晓禾", id_number=number_of(applicant))
    with transaction():
        account_of(applicant).is_enabled = False
    page = browser.get(ACCOUNT).text
    assert "账号已停用" in page
    assert 'name="password"' not in page
    assert browser.post(ACCOUNT, {"password": PASSWORD}).status_code == 401
    with transaction():
        number = an_id_number()
        operations.create_person(name="旧人", id_number=number, now=now())
    page = unlinked("old", button(provider), name="旧人", id_number=number).get(ACCOUNT).text
    assert "还没有开通账号" in page
    assert "首次使用本平台" not in page


def test_whose_number_somebody_registered_is_told_what_to_do(
    provider: Provider, applicant: Person, unlinked: Unlinked
) -> None:
    browser = unlinked(
        "true-owner", button(provider), name="苏晓禾", id_number=number_of(applicant)
    )
    assert "可能有人误用了您的证件号码" not in browser.get(ACCOUNT).text
    with transaction():
        db.session.get_one(Person, applicant.id).self_registered_at = now()
    page = browser.get(ACCOUNT).text
    assert "可能有人误用了您的证件号码" in page
    assert 'name="password"' in page


@pytest.fixture
def school(app: Flask) -> Unit:
    with transaction():
        unit = a_unit("云桥区青禾小学", clerk=False, leader=False)
        unit.credit_code = CODE
        return unit


@pytest.fixture
def unit_provider(office: IdentityOffice, keepers: tuple[Person, Person]) -> Provider:
    with transaction():
        return a_provider(
            office, *keepers, name="法人网", for_persons=False, for_units=True, code_claim="uscc"
        )


def unit_button(provider: Provider) -> str:
    return f"/login/openid/{provider.id}?as=unit"


def test_a_units_identity_lets_in_who_works_there(
    office: IdentityOffice,
    unit_provider: Provider,
    school: Unit,
    client_for: Any,
    unlinked: Unlinked,
) -> None:
    with transaction():
        clerk = a_member("邬小棠", "wu", roles=[("unit_clerk", "org", school.id)])
    uscc = f" {CODE[:9]} {CODE[9:].lower()} "
    assert "法人网 · 法人登录" in client_for(None).get("/login").text
    assert client_for(None).get(button(unit_provider)).status_code == 404
    browser = unlinked("school", unit_button(unit_provider), uscc=uscc)
    assert "云桥区青禾小学" in browser.get(ACCOUNT).text
    assert browser.post(NEW).status_code == 403
    assert browser.post(ACCOUNT, {"login": "wu", "password": PASSWORD}).location == "/home"
    browser = client_for(None)
    assert sign_on(browser, office, "school", unit_button(unit_provider)).location == "/home"
    assert is_in(browser)
    # Who left does not come in for the unit any more; who comes after them does.
    with transaction():
        grant = db.session.query(RoleGrant).filter_by(person_id=clerk.id).one()
        renewing.end_grant(grant, actor_id=clerk.id, now=now())
        a_member("邬小梅", "mei", roles=[("unit_clerk", "org", school.id)])
    browser = unlinked("school", unit_button(unit_provider), uscc=uscc)
    assert not is_in(browser)
    assert events(clerk)[-1] == ("account:identity_unlinked", {"provider": "法人网"})
    assert "法人登录已解除关联" in client_for(clerk).get("/notifications").text
    answer = browser.post(ACCOUNT, {"login": "wu", "password": PASSWORD})
    assert answer.status_code == 403
    assert "您在云桥区青禾小学没有任职" in answer.text
    assert "账号管理" in answer.text
    assert browser.post(ACCOUNT, {"login": "mei", "password": PASSWORD}).location == "/home"
    assert sign_on(client_for(None), office, "school", unit_button(unit_provider)).location == (
        "/home"
    )


def test_who_works_elsewhere_links_no_unit(
    unit_provider: Provider, school: Unit, unlinked: Unlinked
) -> None:
    with transaction():
        # Ids of meetings and units overlap: a grant counts with the kind of its scope.
        a_member("旁人", "pang", roles=[("supervisor", "meeting", school.id)])
    browser = unlinked("school-2", unit_button(unit_provider), uscc=CODE)
    answer = browser.post(ACCOUNT, {"login": "pang", "password": PASSWORD})
    assert answer.status_code == 403
    assert "没有任职" in answer.text
    assert count(LinkedIdentity) == 0
    assert not is_in(browser)


def test_a_unit_that_the_platform_does_not_know_is_led_to_registration(
    office: IdentityOffice, unit_provider: Provider, school: Unit, client_for: Any
) -> None:
    browser = client_for(None)
    office.tell("unknown-unit", uscc="913400001492607893")
    answer = sign_on(browser, office, "unknown-unit", unit_button(unit_provider))
    assert answer.status_code == 403
    assert "还没有在本平台登记" in answer.text
    onward = "/unit/register?credit_code=913400001492607893"
    assert f'href="{onward}"' in answer.text
    assert 'value="913400001492607893"' in browser.get(onward).text
    office.tell("wrong-unit", uscc="91110000802100433C")
    answer = sign_on(browser, office, "wrong-unit", unit_button(unit_provider))
    assert answer.status_code == 400
    assert "没有给出有效的统一社会信用代码" in answer.text
    with transaction():
        db.session.get_one(Unit, school.id).closed_at = now() - timedelta(days=1)
    office.tell("closed-unit", uscc=CODE)
    answer = sign_on(browser, office, "closed-unit", unit_button(unit_provider))
    assert answer.status_code == 403
