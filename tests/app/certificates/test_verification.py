"""核验: the signature of a certificate, and what anybody learns of it by its code or number."""

from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import parse_qsl

import pytest
from flask import Flask

from app.accounts import addresses
from app.certificates import signing, views
from app.certificates.process import REPLACEMENT
from app.core.db import transaction
from tests.app.accounts.test_addresses import solved
from tests.builders import results as build
from tests.builders.flow import do

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
    found = visitor.post("/verify", {"name": " 申报人01 ", "number": f"{number} "})
    assert (found.status_code, found.location) == (303, f"/v/{public_id}")
    for name, wanted in (("申报人02", number), ("申报人01", "9342026990001999999")):
        answer = visitor.post("/verify", {"name": name, "number": wanted})
        assert answer.status_code == 404
        assert "没有查到" in answer.text
        assert f'value="{wanted}"' in answer.text
        assert public_id not in answer.text
    assert published.id


@pytest.mark.parametrize(
    ("typed", "missing"),
    [
        ("name=&number=", ["请填写姓名", "请填写证书编号"]),
        ("name=&number=1", ["请填写姓名"]),
        ("name=申报人01&number= ", ["请填写证书编号"]),
        ("name=申报人01", ["请填写证书编号"]),
    ],
)
def test_an_empty_field_is_said_at_its_place(
    app: Flask, client_for: Enter, typed: str, missing: list[str]
) -> None:
    answer = client_for().post("/verify", dict(parse_qsl(typed, keep_blank_values=True)))
    assert answer.status_code == 422
    for text in ("请填写姓名", "请填写证书编号"):
        assert (text in answer.text) == (text in missing)


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
    build.approve(published)
    with transaction(write=False):
        public_id = build.certificate(
            build.certificate_of_result(published.result_ids[0]).id
        ).public_id
    assert client_for().get(f"/v/{public_id}").status_code == 404
    assert client_for().get(f"/v/{public_id}/photo").status_code == 404
    answer = client_for().post("/verify", {"name": "申报人01", "number": "1"})
    assert answer.status_code == 404


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
    assert "<strong>未核对签名</strong>" in page, "the printed code was not looked at"
    assert "真实有效" not in page
    assert "alert-success" not in page


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


def _token(certificate_id: int) -> tuple[str, str]:
    with transaction(write=False):
        made = build.certificate(certificate_id)
        assert made.signature is not None
        return made.public_id, made.signature


def test_the_signature_in_a_printed_code_is_checked(app: Flask, client_for: Enter) -> None:
    published, certificate_id = build.an_issued_certificate(cases=2)
    public_id, token = _token(certificate_id)
    _, foreign = _token(build.issue(published, 1))
    visitor = client_for()

    def said(token: str) -> dict[str, Any]:
        answer = visitor.post_form(f"/v/{public_id}/signature", {"token": token})
        assert answer.status_code == 200
        told: dict[str, Any] = answer.json
        return told

    assert said(token) == {
        "genuine": True,
        "tone": "success",
        "word": "签名有效",
        "text": "本证书真实有效，内容与平台记录一致。",
    }
    changed = ("B" if token[40] != "B" else "C").join((token[:40], token[41:]))
    for forged in (foreign, token[:-1], token[:60], changed, "随便写的", "", token + "A"):
        answer = said(forged)
        assert (answer["genuine"], answer["word"], answer["tone"]) == (False, "签名不符", "danger")
        assert "真实有效" not in answer["text"]
    unknown = visitor.post_form("/v/unknown/signature", {"token": token})
    assert unknown.status_code == 404


def test_a_token_is_written_in_one_way_only(app: Flask) -> None:
    token = signing.sign(NUMBER, FACTS, date(2026, 12, 1))
    for other in (f"{token[:50]}\n{token[50:]}", f"{token}=", f"{token[:8]}!{token[8:]}"):
        assert not signing.is_genuine(other, NUMBER, FACTS)


def test_the_code_of_a_replaced_certificate_is_genuine_for_that_one_alone(
    app: Flask, client_for: Enter
) -> None:
    published, certificate_id = build.an_issued_certificate()
    old_id, old_token = _token(certificate_id)
    request_id = build.a_request(certificate_id)
    business = (REPLACEMENT, request_id)
    do(business, "vet_replacement", {"decision": "pass"})
    issuer = build.person(published.issuer_id)
    do(business, "decide_replacement", {"decision": "pass"}, person=issuer)
    new_id, _ = _token(build.certificate_of(published))
    visitor = client_for()
    old = visitor.post_form(f"/v/{old_id}/signature", {"token": old_token}).json
    assert (old["word"], old["tone"]) == ("签名有效", "warning")
    assert "已换发" in old["text"]
    on_new = visitor.post_form(f"/v/{new_id}/signature", {"token": old_token}).json
    assert (on_new["word"], on_new["tone"]) == ("签名不符", "danger")


def test_who_tries_numbers_through_proves_work(
    app: Flask, client_for: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "PREFIX", "00")
    _, certificate_id = build.an_issued_certificate()
    with transaction(write=False):
        number = build.certificate(certificate_id).number
    visitor, right = client_for(), {"name": "申报人01", "number": number}
    for place in range(views.LOOK_UPS.free):
        wrong = {"name": "申报人01", "number": f"934202699000199{place:04d}"}
        assert visitor.post("/verify", wrong).status_code == 404
    refused = visitor.post("/verify", right)
    assert (refused.status_code, "安全验证" in refused.text) == (429, True)
    assert f'value="{number}"' in refused.text
    proof = solved(visitor.get("/verify").text)
    assert visitor.post("/verify", {**right, "proof": proof}).status_code == 303
    assert visitor.post("/verify", {**right, "proof": proof}).status_code == 429
