"""What came after the session had ended is offered to be sent again, and only to its own page."""

from typing import Any

import pytest
from flask import Flask

from app.accounts import operations
from app.accounts.models import Person
from app.core.clock import now
from app.core.db import transaction
from tests.builders.people import a_person

FORM = {"note": "别处写的", "csrf_token": "stale"}


@pytest.fixture
def person(app: Flask) -> Person:
    with transaction():
        return a_person("苏晓禾", roles=[("applicant", "all", None)])


def offers(answer: Any) -> bool:
    return "data-send-again" in answer.text and "别处写的" in answer.text


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", None])
def test_what_another_site_sends_is_never_offered_to_be_sent_again(
    client_for: Any, site: str | None
) -> None:
    visitor = client_for(None)  # the cookie of who is signed in does not come with it
    headers = {"Sec-Fetch-Site": site} if site else {}
    answer = visitor.client.post("/binding", data=FORM, headers=headers)
    assert (answer.status_code, offers(answer)) == (401, False)


def test_what_an_own_page_sends_without_a_session_is_offered(client_for: Any) -> None:
    own = {"Sec-Fetch-Site": "same-origin"}
    answer = client_for(None).client.post("/binding", data=FORM, headers=own)
    assert (answer.status_code, offers(answer)) == (401, True)


@pytest.mark.parametrize(("site", "is_ours"), [("same-origin", True), ("cross-site", False)])
def test_a_page_of_an_earlier_session_loses_nothing_either(
    client_for: Any, person: Person, site: str, is_ours: bool
) -> None:
    browser = client_for(person)
    browser.forget()
    answer = browser.client.post("/binding", data=FORM, headers={"Sec-Fetch-Site": site})
    assert (answer.status_code, offers(answer)) == (400, is_ours)
    assert ("没有保存" in answer.text) == is_ours


def test_an_ended_session_is_known_by_its_cookie_where_the_browser_says_nothing(
    client_for: Any, person: Person
) -> None:
    browser = client_for(person)
    with transaction():
        operations.end_sessions(person.id, now=now())
    answer = browser.post("/binding", {"note": "别处写的"})
    assert (answer.status_code, offers(answer)) == (401, True)


@pytest.mark.parametrize("url", ["/binding", "/login", "/", "/nowhere"])
@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", None])
def test_a_refused_form_of_another_site_leaves_the_session_alone(
    client_for: Any, site: str | None, url: str
) -> None:
    visitor = client_for(None)  # the cookie of who is signed in does not come with it
    headers = {"Sec-Fetch-Site": site} if site else {}
    answer = visitor.client.post(url, data=FORM, headers=headers)
    assert answer.status_code >= 400
    assert "Set-Cookie" not in answer.headers


def test_a_refused_form_of_our_own_keeps_its_session(client_for: Any) -> None:
    own = {"Sec-Fetch-Site": "same-origin"}
    answer = client_for(None).client.post("/login", data=FORM, headers=own)
    assert "zhiping=" in answer.headers["Set-Cookie"]
