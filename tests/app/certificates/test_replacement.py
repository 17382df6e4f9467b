"""补换证: asked with reason and evidence, vetted by the unit, decided by the issuer."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts.models import Notification, Person
from app.certificates import operations
from app.certificates.models import ReplacementRequest
from app.certificates.process import REPLACEMENT
from app.core.db import db, transaction
from app.core.errors import Conflict, Forbidden
from app.engine.models import StepLog
from tests.builders import results as build
from tests.builders.flow import do, open_items
from tests.builders.people import a_person, a_unit, staff
from tests.builders.portfolio import an_upload
from tests.builders.unscripted import chosen, form_on

Enter = Callable[..., Any]
NEW = "淮城市青禾小学（本部）"


def evidence_of(person: Person) -> str:
    with transaction():
        return str(an_upload(db.session.merge(person), "更名批复.png").id)


def a_form(person: Person, **changed: Any) -> dict[str, Any]:
    return {
        "changes": ["employer"],
        "employer": NEW,
        "reason": "单位名称有误",
        "evidence": [evidence_of(person)],
        "is_true": "yes",
        **changed,
    }


def made_requests() -> int:
    with transaction(write=False):
        return db.session.scalar(select(func.count(ReplacementRequest.id))) or 0


@pytest.fixture
def held(app: Flask) -> tuple[build.Published, int, Person]:
    """An issued certificate and its holder."""
    published, certificate_id = build.an_issued_certificate()
    with transaction(write=False):
        return published, certificate_id, published.applicant()


Held = tuple[build.Published, int, Person]


def clerk_of(published: build.Published) -> Person:
    with transaction(write=False):
        return staff(published.result().declaration.unit, "unit_clerk")


@pytest.mark.parametrize(
    ("changed", "field", "word"),
    [
        ({"reason": "  "}, "reason", "请填写申请补（换）发事由"),
        ({"evidence": []}, "evidence", "请上传佐证材料"),
        ({"employer": "淮城市青禾小学"}, "employer", "与现证书相同"),
        ({"employer": " "}, "employer", "请填写正确的取得资格时所在单位"),
        ({"changes": ["employer", "name"], "name": "别人"}, "changes", "只能更正"),
        ({"is_true": ""}, "is_true", "请勾选真实性声明"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost(
    held: Held, client_for: Enter, changed: dict[str, Any], field: str, word: str
) -> None:
    _, certificate_id, person = held
    form = a_form(person, **changed)
    answer = client_for(person).post(f"/certificates/{certificate_id}/replace", form)
    assert answer.status_code == 422
    assert word in answer.text
    assert f'href="#{field}"' in answer.text
    assert form["reason"].strip() in answer.text
    assert f'value="{form["employer"]}"' in answer.text
    assert 'value="employer" id="change-employer" checked' in answer.text
    for file_id in form["evidence"]:
        assert f'name="evidence" value="{file_id}"' in answer.text
    assert made_requests() == 0


def test_without_scripts_the_evidence_comes_with_the_request(
    held: Held, client_for: Enter
) -> None:
    _, certificate_id, person = held
    browser, url = client_for(person), f"/certificates/{certificate_id}/replace"
    proof = {"file-evidence": chosen("更名批复.png")}
    lacking = form_on(browser, url, "reason").to(browser, proof, changes=["employer"])
    assert lacking.status_code == 422
    form = form_on(browser, url, "reason", lacking)
    typed = {"employer": NEW, "reason": "单位名称有误", "is_true": "yes"}
    assert form.to(browser, **typed).status_code == 303
    with transaction(write=False):
        [made] = db.session.scalars(select(ReplacementRequest))
        assert [each.file.name for each in made.evidence] == ["更名批复.png"]


@pytest.mark.parametrize(
    ("field", "value"), [("title", "正高级教师"), ("specialty", "中学数学"), ("nature", "确认")]
)
def test_nothing_is_corrected_to_what_the_review_did_not_decide(
    held: Held, client_for: Enter, field: str, value: str
) -> None:
    _, certificate_id, person = held
    form = {**a_form(person), "changes": [field], field: value}
    answer = client_for(person).post(f"/certificates/{certificate_id}/replace", form)
    assert answer.status_code == 422
    assert "由评审决定，只能更正为评审结果所载的内容" in answer.text
    assert made_requests() == 0


def test_what_agrees_with_the_review_offers_nothing_to_tick(held: Held, client_for: Enter) -> None:
    page = client_for(held[2]).get(f"/certificates/{held[1]}/replace").text
    assert page.count("与评审结果一致，不能更正") == 4
    assert 'id="change-title"' not in page
    assert 'id="change-employer"' in page


@pytest.fixture
def misprinted(held: Held) -> Held:
    """The same, when the certificate states another title and level than the review decided."""
    with transaction():
        made = build.certificate(held[1])
        made.facts = {**made.facts, "title": "高级教师（误）", "level": "中级"}
    return held


def test_a_misprint_becomes_what_the_review_decided_with_its_level(
    misprinted: Held, client_for: Enter
) -> None:
    published, certificate_id, person = misprinted
    with transaction(write=False):
        title = published.result().declaration.title
        right, level = title.name, title.level
    mine = client_for(person)
    assert f'value="{right}" readonly' in mine.get(f"/certificates/{certificate_id}/replace").text
    form = {**a_form(person), "changes": ["title"], "title": right}
    address = mine.post(f"/certificates/{certificate_id}/replace", form).location
    business = (REPLACEMENT, int(address.rsplit("/", 1)[-1]))
    do(business, "vet_replacement", {"decision": "pass"})
    issuer = build.person(published.issuer_id)
    page = client_for(issuer).get(f"/tasks/{task_of(business[1])}").text
    for word in ("评审结果", "高级教师（误）", right, level):
        assert word in page
    do(business, "decide_replacement", {"decision": "pass"}, person=issuer)
    fresh_id = build.certificate_of(published)
    with transaction(write=False):
        facts = build.certificate(fresh_id).facts
        assert (facts["title"], facts["level"]) == (right, level)


def test_a_request_that_the_review_does_not_bear_out_cannot_be_passed(held: Held) -> None:
    published, certificate_id, _ = held
    business = (REPLACEMENT, build.a_request(certificate_id))
    with transaction():
        build.request(business[1]).changes = {"title": "正高级教师"}
    with pytest.raises(Conflict, match="更正内容不能采纳"):
        do(business, "vet_replacement", {"decision": "pass"})
    with transaction():
        build.request(business[1]).changes = {}
    do(business, "vet_replacement", {"decision": "pass"})
    with transaction():
        build.request(business[1]).changes = {"title": "正高级教师"}
    issuer = build.person(published.issuer_id)
    with pytest.raises(Conflict, match="更正内容不能采纳"):
        do(business, "decide_replacement", {"decision": "pass"}, person=issuer)
    with transaction(write=False):
        assert build.certificate(certificate_id).status == "active"


def test_everything_wrong_is_said_at_once(held: Held, client_for: Enter) -> None:
    _, certificate_id, person = held
    answer = client_for(person).post(f"/certificates/{certificate_id}/replace", {})
    assert answer.status_code == 422
    for word in ("请填写申请补（换）发事由", "请上传佐证材料", "请勾选真实性声明"):
        assert word in answer.text


def test_a_refused_request_names_no_foreign_file(held: Held, client_for: Enter) -> None:
    published, certificate_id, person = held
    own, foreign = evidence_of(person), evidence_of(build.person(published.organiser_id))
    form = a_form(person, evidence=[own, foreign, "²"], reason="")
    page = client_for(person).post(f"/certificates/{certificate_id}/replace", form).text
    assert f'value="{own}"' in page
    assert f'value="{foreign}"' not in page


def test_evidence_is_the_persons_own_upload(held: Held, client_for: Enter) -> None:
    published, certificate_id, person = held
    foreign = evidence_of(build.person(published.organiser_id))
    form = a_form(person, evidence=[foreign])
    answer = client_for(person).post(f"/certificates/{certificate_id}/replace", form)
    assert answer.status_code == 404
    assert made_requests() == 0


def task_of(request_id: int) -> int:
    with transaction(write=False):
        return open_items((REPLACEMENT, request_id))[0].id


def test_a_request_goes_to_the_unit_and_then_to_the_issuer(held: Held, client_for: Enter) -> None:
    published, certificate_id, person = held
    mine = client_for(person)
    assert mine.get(f"/certificates/{certificate_id}/replace").status_code == 200
    answer = mine.post(f"/certificates/{certificate_id}/replace", a_form(person))
    assert answer.status_code == 303
    assert "审核中" in mine.get(answer.location).text
    request_id = int(answer.location.rsplit("/", 1)[-1])

    clerk, task = client_for(clerk_of(published)), task_of(request_id)
    page = clerk.get(f"/tasks/{task}").text
    assert NEW in page
    assert "更名批复.png" in page
    assert clerk.post(f"/tasks/{task}", {"decision": "pass"}).status_code == 303

    issuer, task = client_for(build.person(published.issuer_id)), task_of(request_id)
    assert clerk.get(f"/tasks/{task}").status_code in {403, 404}
    assert NEW in issuer.get(f"/tasks/{task}").text
    assert issuer.post(f"/tasks/{task}", {"decision": "pass"}).status_code == 303
    with transaction(write=False):
        assert build.request(request_id).status == "approved"
        fresh = build.certificate(certificate_id).replaced_by
        assert fresh is not None
        assert fresh.issued_by == published.issuer_id


def replaced(held: Held) -> int:
    """Replace the certificate; the new one's id."""
    published, certificate_id, _ = held
    request_id = build.a_request(certificate_id, employer=NEW)
    do((REPLACEMENT, request_id), "vet_replacement", {"decision": "pass"})
    issuer = build.person(published.issuer_id)
    do((REPLACEMENT, request_id), "decide_replacement", {"decision": "pass"}, person=issuer)
    return build.certificate_of(published)


def test_the_old_certificate_stays_as_it_was_and_the_new_one_is_right(held: Held) -> None:
    fresh_id = replaced(held)
    with transaction(write=False):
        old, fresh = build.certificate(held[1]), build.certificate(fresh_id)
        assert (old.status, fresh.status) == ("replaced", "active")
        assert old.replaced_by == fresh
        assert fresh.number not in {None, old.number}
        assert fresh.facts["employer"] == NEW
        assert fresh.facts["number"] == fresh.number
        assert old.facts["employer"] == "淮城市青禾小学", "what was issued never changes"
        assert fresh.obtained_on == old.obtained_on


def test_both_certificates_say_what_became_of_them(held: Held, client_for: Enter) -> None:
    old_id, fresh_id = held[1], replaced(held)
    with transaction(write=False):
        old, fresh = build.certificate(old_id), build.certificate(fresh_id)
        numbers, codes = (old.number, fresh.number), (old.public_id, fresh.public_id)
    mine = client_for(held[2])
    assert "<strong>已换发</strong>" in client_for().get(f"/v/{codes[0]}").text
    assert "<strong>有效</strong>" in client_for().get(f"/v/{codes[1]}").text
    assert f"新证书编号 {numbers[1]}" in mine.get(f"/certificates/{old_id}").text
    assert f"本证书由 {numbers[0]} 换发" in mine.get(f"/certificates/{fresh_id}").text
    assert "证书已补换发" in mine.get("/notifications").text
    assert mine.get(f"/certificates/{fresh_id}/file").data.startswith(b"%PDF-")
    assert mine.get(f"/certificates/{old_id}/replace").status_code == 409
    assert mine.get(f"/certificates/{fresh_id}/replace").status_code == 200


def test_a_lost_certificate_is_reissued_with_the_same_facts(held: Held) -> None:
    published, certificate_id, _ = held
    request_id = build.a_request(certificate_id, employer="")
    do((REPLACEMENT, request_id), "vet_replacement", {"decision": "pass"})
    issuer = build.person(published.issuer_id)
    do((REPLACEMENT, request_id), "decide_replacement", {"decision": "pass"}, person=issuer)
    with transaction(write=False):
        old, fresh = build.certificate(certificate_id), build.certificate(certificate_id + 1)
        changed = {key for key in fresh.facts if fresh.facts[key] != old.facts[key]}
        assert changed <= {"number", "issued_on"}
        assert "number" in changed


def test_one_request_at_a_time(held: Held, client_for: Enter) -> None:
    _, certificate_id, person = held
    build.a_request(certificate_id)
    mine = client_for(person)
    address = f"/certificates/{certificate_id}/replace"
    assert mine.get(address).status_code == 409
    assert mine.post(address, {"files_alone": "1"}).status_code == 409
    answer = mine.post(address, a_form(person))
    assert answer.status_code == 409
    assert "正在审核" in answer.text
    assert f"{address}" not in mine.get(f"/certificates/{certificate_id}").text
    assert made_requests() == 1


def test_a_return_says_why_to_the_person(held: Held, client_for: Enter) -> None:
    published, certificate_id, person = held
    request_id = build.a_request(certificate_id)
    clerk, task = client_for(clerk_of(published)), task_of(request_id)
    silent = clerk.post(f"/tasks/{task}", {"decision": "return", "opinion": " "})
    assert silent.status_code == 422
    reason = "请补充更名批复第二页"
    returned = clerk.post(f"/tasks/{task}", {"decision": "return", "opinion": reason})
    assert returned.status_code == 303
    page = client_for(person).get(f"/replacements/{request_id}").text
    assert reason in page
    assert "修改后重新提交" in page
    with transaction(write=False):
        told = select(Notification.text).where(Notification.person_id == person.id)
        assert any(reason in text for text in db.session.scalars(told))


def test_a_returned_request_comes_again_mended(held: Held, client_for: Enter) -> None:
    _, certificate_id, person = held
    business = (REPLACEMENT, build.a_request(certificate_id))
    do(business, "vet_replacement", {"decision": "return", "opinion": "请补充"})
    with transaction(write=False):
        assert [i.node for i in open_items(business)] == ["mend_replacement"]
    mine = client_for(person)
    filled = mine.get(f"/certificates/{certificate_id}/replace").text
    assert 'value="青禾小学（本部）"' in filled
    assert "单位名称有误" in filled
    again = mine.post(f"/certificates/{certificate_id}/replace", a_form(person))
    assert (again.status_code, again.location) == (303, f"/replacements/{business[1]}")
    with transaction(write=False):
        made = build.request(business[1])
        assert (made.status, made.changes) == ("pending", {"employer": NEW})
        assert len(made.evidence) == 1
        assert [i.node for i in open_items(business)] == ["vet_replacement"]
    assert made_requests() == 1


def test_the_issuer_returns_too_and_the_unit_sees_it_again(held: Held) -> None:
    published, certificate_id, _ = held
    business = (REPLACEMENT, build.a_request(certificate_id))
    do(business, "vet_replacement", {"decision": "pass"})
    returned = {"decision": "return", "opinion": "批复不清晰"}
    issuer = build.person(published.issuer_id)
    do(business, "decide_replacement", returned, person=issuer)
    with transaction(write=False):
        assert build.request(business[1]).status == "returned"
        assert [i.node for i in open_items(business)] == ["mend_replacement"]


def test_a_refused_request_ends_and_another_may_be_made(held: Held, client_for: Enter) -> None:
    published, certificate_id, person = held
    business = (REPLACEMENT, build.a_request(certificate_id))
    do(business, "vet_replacement", {"decision": "pass"})
    issuer = client_for(build.person(published.issuer_id))
    with transaction(write=False):
        task = open_items(business)[0].id
    assert issuer.post(f"/tasks/{task}", {"decision": "refuse"}).status_code == 422
    refused = {"decision": "refuse", "opinion": "名称与批复不符"}
    assert issuer.post(f"/tasks/{task}", refused).status_code == 303
    with transaction(write=False):
        assert build.request(business[1]).status == "refused"
        assert build.certificate(certificate_id).status == "active"
        assert open_items(business) == []
        words = select(StepLog.outcome).where(StepLog.node == "decide_replacement")
        assert list(db.session.scalars(words)) == ["不予换发"]
    mine = client_for(person)
    assert "名称与批复不符" in mine.get(f"/replacements/{business[1]}").text
    again = mine.post(f"/certificates/{certificate_id}/replace", a_form(person))
    assert again.status_code == 303
    assert made_requests() == 2


def test_the_clerk_of_another_unit_is_refused(held: Held, client_for: Enter) -> None:
    _, certificate_id, _ = held
    request_id = build.a_request(certificate_id)
    with transaction():
        foreign = staff(a_unit("淮城市别家小学"), "unit_clerk")
        task = open_items((REPLACEMENT, request_id))[0].id
    browser = client_for(foreign)
    assert browser.get(f"/tasks/{task}").status_code in {403, 404}
    assert browser.post(f"/tasks/{task}", {"decision": "pass"}).status_code in {403, 404}
    assert browser.get(f"/replacements/{request_id}").status_code == 403
    with transaction(write=False):
        assert [i.node for i in open_items((REPLACEMENT, request_id))] == ["vet_replacement"]


def test_nobody_decides_on_their_own_request(held: Held) -> None:
    _, certificate_id, person = held
    request_id = build.a_request(certificate_id)
    for node in ("vet_replacement", "decide_replacement"):
        with pytest.raises(Forbidden, match="不能审核本人的申请"):
            do((REPLACEMENT, request_id), node, {"decision": "pass"}, person=person)
        if node == "vet_replacement":
            do((REPLACEMENT, request_id), node, {"decision": "pass"})


def test_evidence_is_read_by_those_who_review_it(held: Held, client_for: Enter) -> None:
    published, certificate_id, person = held
    request_id = build.a_request(certificate_id)
    with transaction():
        file_id = build.request(request_id).evidence[0].file_id
        unit = published.result().declaration.unit
        others = [
            staff(a_unit("淮城市别家小学"), "unit_clerk"),
            a_person("同事", unit=unit),
            a_person("别处发证", roles=[("issuer", "org", unit.id)]),
        ]
    readers = [person, clerk_of(published), build.person(published.issuer_id)]
    for reader in readers:
        assert client_for(reader).get(f"/files/{file_id}").status_code == 200
    for stranger in others:
        assert client_for(stranger).get(f"/files/{file_id}").status_code == 404
    assert client_for().get(f"/files/{file_id}").status_code == 302


def test_a_foreign_certificate_cannot_be_replaced(held: Held, client_for: Enter) -> None:
    published, certificate_id, person = held
    with transaction():
        other = a_person("同事", unit=published.result().declaration.unit)
    browser = client_for(other)
    assert browser.get(f"/certificates/{certificate_id}/replace").status_code == 404
    form = a_form(person)
    assert browser.post(f"/certificates/{certificate_id}/replace", form).status_code == 404
    assert browser.get(f"/certificates/{certificate_id}").status_code == 403


def test_what_was_revoked_meanwhile_is_not_replaced(held: Held) -> None:
    published, certificate_id, _ = held
    request_id = build.a_request(certificate_id)
    do((REPLACEMENT, request_id), "vet_replacement", {"decision": "pass"})
    with transaction():
        build.certificate(certificate_id).status = "revoked"
    issuer = build.person(published.issuer_id)
    with pytest.raises(Conflict, match="已失效"):
        do((REPLACEMENT, request_id), "decide_replacement", {"decision": "pass"}, person=issuer)
    with transaction(), pytest.raises(Conflict, match="只有有效的证书"):
        operations.check_replaceable(build.certificate(certificate_id))
