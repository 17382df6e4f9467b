"""核验: the signature of a certificate, and what anybody learns of it by its code or number."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask import Flask

from app.certificates import signing
from app.core.db import transaction
from tests.builders import results as build

pytestmark = pytest.mark.database
Enter = Callable[..., Any]
FACTS = {"name": "苏晓禾", "title": "高级教师", "number": "9342026990001000001"}
NUMBER = FACTS["number"]


def test_a_genuine_signature_holds_for_exactly_its_facts(app: Flask) -> None:
    token = signing.sign(NUMBER, FACTS, date(2026, 12, 1))
    assert len(token) == 112
    assert signing.is_genuine(token, NUMBER, FACTS)
    assert signing.is_genuine(token, NUMBER, dict(reversed(FACTS.items()))), "order is nothing"
    assert not signing.is_genuine(token, NUMBER, {**FACTS, "title": "正高级教师"})
    assert not signing.is_genuine(token, NUMBER, {**FACTS, "more": ""})
    assert not signing.is_genuine(token, NUMBER[:-1] + "2", FACTS)


@pytest.mark.parametrize("place", [0, 2, 10, 27, 30, 111])
def test_a_changed_token_is_not_genuine(app: Flask, place: int) -> None:
    token = signing.sign(NUMBER, FACTS, date(2026, 12, 1))
    other = "A" if token[place] != "A" else "Q"
    assert not signing.is_genuine(token[:place] + other + token[place + 1 :], NUMBER, FACTS)


@pytest.mark.parametrize("token", ["", "A", "非法", "A" * 112, "A" * 5000, "=" * 40])
def test_rubbish_is_not_genuine(app: Flask, token: str) -> None:
    assert not signing.is_genuine(token, NUMBER, FACTS)


def test_name_and_number_together_find_a_certificate(app: Flask, client_for: Enter) -> None:
    published, certificate_id = build.an_issued_certificate()
    with transaction(write=False):
        made = build.certificate(certificate_id)
        number, public_id = made.number, made.public_id
    visitor = client_for()
    assert visitor.get("/verify").status_code == 200
    found = visitor.get(f"/verify?name= 申报人01 &number={number} ")
    assert (found.status_code, found.location) == (303, f"/v/{public_id}")
    for name, wanted in (("申报人02", number), ("申报人01", "9342026990001999999"), ("", number)):
        answer = visitor.get(f"/verify?name={name}&number={wanted}")
        assert answer.status_code == 404
        assert "没有查到" in answer.text
        assert f'value="{wanted}"' in answer.text
        assert public_id not in answer.text
    assert published.id


def test_the_page_behind_the_code_says_valid_and_shows_the_facts(
    app: Flask, client_for: Enter
) -> None:
    published, certificate_id = build.an_issued_certificate()
    with transaction():
        person = published.applicant()
        made = build.certificate(certificate_id)
        public_id, number, facts = made.public_id, made.number, dict(made.facts)
    visitor = client_for()
    page = visitor.get(f"/v/{public_id}")
    assert page.status_code == 200
    assert "<strong>有效</strong>" in page.text
    for value in (number, facts["name"], facts["title"], facts["employer"], facts["issuer"]):
        assert value in page.text
    photo = visitor.get(f"/v/{public_id}/photo")
    assert (photo.status_code, photo.headers["Content-Type"]) == (200, "image/jpeg")
    assert visitor.get("/v/unknown").status_code == 404
    assert visitor.get("/v/unknown/photo").status_code == 404
    assert visitor.get(f"/v/{certificate_id}").status_code == 404, "not by counting ids"
    assert person.id


def test_one_that_was_not_issued_cannot_be_verified(app: Flask, client_for: Enter) -> None:
    published = build.a_publicity()
    build.confirm(published)
    with transaction(write=False):
        public_id = build.certificate(
            build.certificate_of_result(published.result_ids[0]).id
        ).public_id
    assert client_for().get(f"/v/{public_id}").status_code == 404
    assert client_for().get(f"/v/{public_id}/photo").status_code == 404
    assert client_for().get("/verify?name=申报人01&number=").status_code == 404


@pytest.mark.parametrize(
    ("status", "word"), [("active", "有效"), ("replaced", "已换发"), ("revoked", "已撤销")]
)
def test_the_page_states_how_a_certificate_stands(
    app: Flask, client_for: Enter, status: str, word: str
) -> None:
    _, certificate_id = build.an_issued_certificate()
    with transaction():
        made = build.certificate(certificate_id)
        made.status = status
        public_id = made.public_id
    page = client_for().get(f"/v/{public_id}").text
    assert f"<strong>{word}</strong>" in page
    assert page.count("<strong>有效</strong>") == (status == "active")


@pytest.mark.parametrize("status", ["active", "replaced", "revoked"])
def test_facts_changed_behind_the_platforms_back_show(
    app: Flask, client_for: Enter, status: str
) -> None:
    _, certificate_id = build.an_issued_certificate()
    with transaction():
        made = build.certificate(certificate_id)
        made.facts = {**made.facts, "title": "正高级教师"}
        made.status = status
        public_id = made.public_id
    page = client_for().get(f"/v/{public_id}").text
    assert "<strong>签名不符</strong>" in page
    assert "<strong>有效</strong>" not in page
