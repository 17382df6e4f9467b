"""An identity of another name is nobody's way in: it is refused, logged, and its person told."""

from typing import Any

import pytest

from app.accounts.models import Notification, Person
from app.core.db import db, transaction
from app.openid.models import LinkedIdentity, Provider
from tests.app.openid.conftest import Unlinked, a_member
from tests.app.openid.kit import ACCOUNT, button, count, events, is_in, number_of
from tests.builders.openid import IdentityOffice, sign_on
from tests.builders.people import PASSWORD, an_id_number

REFUSED = ("account:identity_refused", "政务服务网")


def refusals(person: Person) -> list[tuple[str, str]]:
    return [(tag, d["provider"]) for tag, d in events(person) if tag.endswith("_refused")]


def messages(person: Person) -> list[str]:
    with transaction(write=False):
        found = db.session.query(Notification.text).filter_by(person_id=person.id)
        return [text for (text,) in found]


def test_a_number_of_somebody_of_another_name_is_refused_at_once(
    office: IdentityOffice, provider: Provider, applicant: Person, client_for: Any
) -> None:
    office.tell("impostor", name="王冒", id_number=number_of(applicant))
    browser = client_for(None)
    answer = sign_on(browser, office, "impostor", button(provider))
    assert (answer.status_code, "姓名与平台登记的不一致" in answer.text) == (403, True)
    assert "苏晓禾" not in answer.text
    assert browser.post(ACCOUNT, {"password": PASSWORD}).status_code == 400
    assert (count(LinkedIdentity), is_in(browser)) == (0, False)
    assert refusals(applicant) == [REFUSED]
    assert ["要关联您的账号，姓名与您登记的不一致" in text for text in messages(applicant)] == [
        True
    ]


def test_a_name_without_a_number_is_compared_with_the_account(
    provider: Provider, applicant: Person, unlinked: Unlinked
) -> None:
    browser = unlinked("nameless", button(provider), name="王冒")
    answer = browser.post(ACCOUNT, {"login": "su", "password": PASSWORD})
    assert (answer.status_code, "姓名与平台登记的不一致" in answer.text) == (403, True)
    assert (count(LinkedIdentity), is_in(browser)) == (0, False)
    assert refusals(applicant) == [REFUSED]


@pytest.mark.parametrize("told", ["买买提·艾力", "买买提•艾力", "买买提．艾力", " 买买提 · 艾力"])
def test_dots_and_widths_make_no_other_name(
    provider: Provider, unlinked: Unlinked, told: str
) -> None:
    with transaction():
        number = an_id_number()
        a_member("买买提·艾力", "ai", id_number=number)
    browser = unlinked("dotted", button(provider), name=told, id_number=number)
    assert browser.post(ACCOUNT, {"password": PASSWORD}).location == "/home"
    assert count(LinkedIdentity) == 1


def test_who_is_not_named_is_not_refused(
    provider: Provider, applicant: Person, unlinked: Unlinked
) -> None:
    browser = unlinked("unnamed", button(provider), id_number=number_of(applicant))
    assert browser.post(ACCOUNT, {"password": PASSWORD}).location == "/home"
    assert refusals(applicant) == []
