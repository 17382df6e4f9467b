"""A provider of identities in use, people with accounts, and the provider's process."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Person
from app.core.db import transaction
from app.openid.models import Provider
from app.openid.protocol import forget_clients
from tests.app.openid.kit import ACCOUNT, button, number_of
from tests.builders.openid import IdentityOffice, a_provider, identity_office, sign_on
from tests.builders.people import (
    PASSWORD,
    a_person,
    an_id_number,
    keepers_of_accounts,
    with_password,
)
from tests.conftest import Browser

Unlinked = Callable[..., Browser]


@pytest.fixture(scope="session")
def office() -> Iterator[IdentityOffice]:
    with identity_office() as running:
        yield running


@pytest.fixture(autouse=True)
def local_providers(app: Flask) -> None:
    """Let providers stand on this machine, and know none from another test."""
    app.config["OPENID_LOCAL"] = True
    forget_clients()


def a_member(name: str, login: str, **values: Any) -> Person:
    """A person who has set a password."""
    person = a_person(name, **values)
    with_password(person, login)
    return person


@pytest.fixture
def keepers(app: Flask) -> tuple[Person, Person]:
    """The system administrator and the security administrator."""
    with transaction():
        return keepers_of_accounts()


@pytest.fixture
def provider(office: IdentityOffice, keepers: tuple[Person, Person]) -> Provider:
    """A provider of persons, which tells identity numbers."""
    with transaction():
        return a_provider(office, *keepers)


@pytest.fixture
def applicant(app: Flask) -> Person:
    """An applicant with a password and an identity number."""
    with transaction():
        number = an_id_number()
        return a_member("苏晓禾", "su", id_number=number, roles=[("applicant", "all", None)])


@pytest.fixture
def unlinked(office: IdentityOffice, client_for: Any) -> Unlinked:
    """Sign on as somebody whose identity is nobody's way in: the browser is asked whose it is."""

    def sign_on_as(subject: str, where: str, **claims: Any) -> Browser:
        office.tell(subject, **claims)
        browser: Browser = client_for(None)
        assert sign_on(browser, office, subject, where).location == ACCOUNT
        return browser

    return sign_on_as


@pytest.fixture
def linked(provider: Provider, applicant: Person, unlinked: Unlinked) -> Person:
    """The applicant, who linked the identity `su-at-office` before."""
    number = number_of(applicant)
    browser = unlinked("su-at-office", button(provider), name="苏晓禾", id_number=number)
    assert browser.post(ACCOUNT, {"password": PASSWORD}).location == "/home"
    return applicant
