"""撤销证书: one person proposes, another confirms; then the public, the holder and the result."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app.accounts.models import Notification, RoleGrant
from app.accounts.operations import grant_role
from app.accounts.queries import forget_grants, is_barred
from app.certificates import issuing_views, operations, revoking
from app.certificates.models import Ground, Revocation
from app.certificates.queries import living_revocation
from app.certificates.revocation_process import REVOCATION
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict, Forbidden
from app.core.invariants import check_all
from app.results.models import ResultStatus
from tests.builders import results as build
from tests.builders.flow import do, open_items
from tests.builders.people import a_person, a_unit

Enter = Callable[..., Any]
WORDS = {
    "ground": "fraud",
    "legal_basis": "职称评审管理暂行规定",
    "reason": "获奖证书系伪造，已向颁奖单位核实",
    "decision": "propose",
}
BUSINESS = tuple[str, int]


def second_issuer(published: build.Published) -> int:
    with transaction():
        return a_person("发证复核", roles=[("issuer", "org", published.unit_id)]).id


def proposed(client_for: Enter, **words: str) -> tuple[build.Published, int, int, BUSINESS]:
    """A certificate that one issuer proposed to revoke; who confirms, and the business."""
    published, certificate_id = build.an_issued_certificate()
    second = second_issuer(published)
    browser = client_for(build.person(published.issuer_id))
    answer = browser.post(f"/certificates/{certificate_id}/revoke", {**WORDS, **words})
    assert answer.status_code == 303, answer.text
    with transaction(write=False):
        made = db.session.scalars(select(Revocation)).one()
        return published, certificate_id, second, (REVOCATION, made.id)


def confirm(business: BUSINESS, second: int) -> None:
    do(business, "confirm_revocation", {"decision": "pass"}, person=build.person(second))


def test_one_proposes_another_confirms_and_all_that_hangs_on_it_follows(
    app: Flask, client_for: Enter
) -> None:
    published, certificate_id, second, business = proposed(client_for)
    with transaction(write=False):
        assert build.certificate(certificate_id).status == "active", "not before the second word"
        holder = published.applicant()
    confirm(business, second)
    with transaction(write=False):
        made = build.certificate(certificate_id)
        assert made.status == "revoked"
        assert published.result().status == ResultStatus.REVOKED
        assert is_barred(holder.id, now().date()) == date(2029, 12, 1)
        told = db.session.scalars(
            select(Notification.text).where(Notification.person_id == holder.id)
        ).all()
        assert any("已撤销" in text and "行政复议" in text for text in told)
        wanted = ("certificate:revocation_proposed", "certificate:revocation_confirmed")
        tags = (*wanted, "certificate:revoked", "result:revoked")
        kept = select(AuditEvent.tag, AuditEvent.actor_id).where(AuditEvent.tag.in_(tags))
        assert sorted((tag, actor) for tag, actor in db.session.execute(kept)) == sorted(
            [
                (wanted[0], published.issuer_id),
                (wanted[1], second),
                ("certificate:revoked", second),
                ("result:revoked", None),
            ],
            key=str,
        )
        assert check_all() == []


def test_the_public_page_says_when_why_and_by_what_law_and_no_more(
    app: Flask, client_for: Enter
) -> None:
    _, certificate_id, second, business = proposed(client_for)
    with transaction(write=False):
        public_id = build.certificate(certificate_id).public_id
    before = client_for().get(f"/v/{public_id}").text
    assert "<strong>有效</strong>" in before
    assert WORDS["legal_basis"] not in before
    confirm(business, second)
    page = client_for().get(f"/v/{public_id}").text
    assert "<strong>已撤销</strong>" in page
    for public in ("2026-12-01", Ground.FRAUD.label, WORDS["legal_basis"]):
        assert public in page
    for private in (WORDS["reason"], "发证经办", "发证复核"):
        assert private not in page


def test_the_holder_reads_it_and_keeps_no_paper(app: Flask, client_for: Enter) -> None:
    published, certificate_id, second, business = proposed(client_for)
    with transaction(write=False):
        holder = published.applicant()
    browser = client_for(holder)
    confirm(business, second)
    page = browser.get(f"/certificates/{certificate_id}").text
    assert "撤销，不再有效" in page
    assert "下载电子证书" not in page
    assert WORDS["reason"] not in page
    assert browser.get(f"/certificates/{certificate_id}/file").status_code == 409
    assert browser.get(f"/revocations/{business[1]}").status_code == 403
    assert browser.get(f"/certificates/{certificate_id}/replace").status_code == 409
    assert browser.get(f"/certificates/{certificate_id}/revoke").status_code == 403


def test_who_proposed_has_the_confirmation_neither_in_list_nor_in_count(
    app: Flask, client_for: Enter
) -> None:
    published, _, second, business = proposed(client_for)
    with transaction(write=False):
        item = open_items(business)[0].id
    task, badge = f'href="/tasks/{item}"', "side-badge"
    for address in ("/home", "/tasks"):
        page = client_for(build.person(second)).get(address).text
        assert task in page
        assert badge in page
        page = client_for(build.person(published.issuer_id)).get(address).text
        assert task not in page
        assert badge not in page
    assert client_for(build.person(published.issuer_id)).get(f"/tasks/{item}").status_code == 403


def test_who_proposed_does_not_confirm(app: Flask, client_for: Enter) -> None:
    published, certificate_id, second, business = proposed(client_for)
    with pytest.raises(Forbidden, match="另一人复核"):
        confirm(business, published.issuer_id)
    with transaction(write=False):
        item = open_items(business)[0].id
    refused = client_for(build.person(published.issuer_id)).post(
        f"/tasks/{item}", {"decision": "pass"}
    )
    assert refused.status_code == 403
    with transaction(write=False):
        assert build.certificate(certificate_id).status == "active"
    address = f"/revocations/{business[1]}"
    proposer, other = (
        client_for(build.person(published.issuer_id)),
        client_for(build.person(second)),
    )
    assert "等待本机关另一人复核" in proposer.get(address).text
    assert "去复核" not in proposer.get(address).text
    assert "去复核" in other.get(address).text
    seen = other.get(f"/tasks/{item}").text
    for told in (WORDS["reason"], WORDS["legal_basis"], "发证经办"):
        assert told in seen


def test_a_refused_one_leaves_the_certificate_as_it_was(app: Flask, client_for: Enter) -> None:
    published, certificate_id, second, business = proposed(client_for)
    browser = client_for(build.person(second))
    with transaction(write=False):
        item = open_items(business)[0].id
    assert browser.post(f"/tasks/{item}", {"decision": "refuse"}).status_code == 422
    answer = browser.post(f"/tasks/{item}", {"decision": "refuse", "opinion": "证据不足"})
    assert answer.status_code == 303
    with transaction(write=False):
        assert build.certificate(certificate_id).status == "active"
        assert published.result().status == ResultStatus.CONFIRMED
        assert living_revocation(certificate_id) is None
        assert open_items(business) == []
    page = browser.get(f"/revocations/{business[1]}").text
    assert "不予撤销" in page
    assert "证据不足" in page
    assert browser.get(f"/certificates/{certificate_id}/revoke").status_code == 200


def resign(person_id: int) -> None:
    with transaction():
        db.session.execute(
            update(RoleGrant)
            .where(RoleGrant.person_id == person_id, RoleGrant.role == "issuer")
            .values(valid_to=now())
        )
        forget_grants()


def test_who_proposed_takes_it_back_when_nobody_is_left_to_confirm(
    app: Flask, client_for: Enter
) -> None:
    published, certificate_id, second, business = proposed(client_for)
    address = f"/revocations/{business[1]}"
    stranger = client_for(build.person(second))
    assert "撤回提议" not in stranger.get(address).text
    assert stranger.post(f"{address}/withdraw").status_code == 403
    resign(second)
    browser = client_for(build.person(published.issuer_id))
    assert "撤回提议" in browser.get(address).text
    assert browser.post(f"{address}/withdraw").status_code == 303
    assert "提议已撤回" in browser.get(address).text
    assert browser.post(f"{address}/withdraw").status_code == 409
    with transaction(write=False):
        assert build.certificate(certificate_id).status == "active"
        assert living_revocation(certificate_id) is None, "nothing bars a replacement"
        assert open_items(business) == []
        kept = select(AuditEvent.actor_id).where(
            AuditEvent.tag == "certificate:revocation_withdrawn"
        )
        assert db.session.scalars(kept).all() == [published.issuer_id]
        assert check_all() == []


def test_a_proposal_of_who_has_left_is_not_confirmed_but_can_be_refused(
    app: Flask, client_for: Enter
) -> None:
    published, certificate_id, second, business = proposed(client_for)
    resign(published.issuer_id)
    with pytest.raises(Conflict, match="提出人已不是"):
        confirm(business, second)
    refused = {"decision": "refuse", "opinion": "提出人已离任"}
    do(business, "confirm_revocation", refused, person=build.person(second))
    with transaction(write=False):
        assert build.certificate(certificate_id).status == "active"


def test_what_is_not_fraud_bars_nobody(app: Flask, client_for: Enter) -> None:
    published, _, second, business = proposed(client_for, ground="mistake")
    confirm(business, second)
    with transaction(write=False):
        assert is_barred(published.applicant().id, now().date()) is None


def test_a_proposal_says_why_and_by_what_law(app: Flask, client_for: Enter) -> None:
    published, certificate_id = build.an_issued_certificate()
    second_issuer(published)
    browser = client_for(build.person(published.issuer_id))
    for field in ("ground", "legal_basis", "reason"):
        answer = browser.post(f"/certificates/{certificate_id}/revoke", {**WORDS, field: ""})
        assert answer.status_code == 422, field
        assert WORDS["reason" if field != "reason" else "legal_basis"] in answer.text
    with transaction(write=False):
        assert db.session.scalars(select(Revocation)).all() == []


def test_without_a_second_person_nothing_is_proposed(app: Flask, client_for: Enter) -> None:
    published, certificate_id = build.an_issued_certificate()
    browser = client_for(build.person(published.issuer_id))
    answer = browser.get(f"/certificates/{certificate_id}/revoke")
    assert answer.status_code == 409
    assert "须由另一人复核" in answer.text


def test_it_is_proposed_once_and_meanwhile_nothing_is_replaced(
    app: Flask, client_for: Enter
) -> None:
    published, certificate_id = build.an_issued_certificate()
    second_issuer(published)
    request_id = build.a_request(certificate_id)
    browser = client_for(build.person(published.issuer_id))
    address = f"/certificates/{certificate_id}/revoke"
    assert browser.post(address, WORDS).status_code == 303
    assert browser.post(address, WORDS).status_code == 409
    assert "撤销证书</a>" not in browser.get(f"/certificates/{certificate_id}").text
    with transaction(), pytest.raises(Conflict, match="正在办理撤销"):
        operations.replace_certificate(
            build.request(request_id), actor_id=published.issuer_id, now=now()
        )


def test_an_issuer_of_another_place_learns_nothing(app: Flask, client_for: Enter) -> None:
    _, certificate_id, _, business = proposed(client_for)
    with transaction():
        elsewhere = a_unit("别省厅", kind="机关", clerk=False, leader=False)
        stranger = a_person("别省发证", roles=[("issuer", "org", elsewhere.id)])
    browser = client_for(stranger)
    assert browser.get(f"/revocations/{business[1]}").status_code == 403
    assert browser.post(f"/certificates/{certificate_id}/revoke", WORDS).status_code == 403
    assert browser.get("/revocations/999").status_code == 404


def test_the_database_holds_the_second_person_to_be_another(app: Flask, client_for: Enter) -> None:
    published, *_, business = proposed(client_for)

    def decide_alone() -> None:
        with transaction():
            made = db.session.get_one(Revocation, business[1])
            made.status, made.decided_at, made.decided_by = "refused", now(), published.issuer_id

    with pytest.raises(IntegrityError, match="second_person"):
        decide_alone()


def test_nothing_is_revoked_without_the_second_word(app: Flask, client_for: Enter) -> None:
    *_, business = proposed(client_for)
    with transaction(), pytest.raises(Conflict, match="尚未复核"):
        revoking.revoke_certificate(db.session.get_one(Revocation, business[1]), now=now())


def test_the_issuer_takes_the_list_away_as_it_is_filtered(
    app: Flask, client_for: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    published, certificate_id = build.an_issued_certificate(cases=2)
    with transaction(write=False):
        number = str(build.certificate(certificate_id).number)
    browser = client_for(build.person(published.issuer_id))
    table = browser.get("/certificates/issued.csv?status=active").get_data(as_text=True)
    assert number in table
    assert "申报人02" not in table
    assert "申报人02" in browser.get("/certificates/issued.csv").get_data(as_text=True)
    monkeypatch.setattr(issuing_views, "EXPORTED", 1)
    cut = "名单共 2 条，导出文件只含前 1 条"
    assert cut in browser.get("/certificates/issued").text
    assert browser.get("/certificates/issued.csv").text.splitlines()[-1] == cut
    with transaction(write=False):
        kept = select(AuditEvent).where(AuditEvent.tag == "certificate:exported")
        for event in db.session.scalars(kept):
            assert event.actor_id == published.issuer_id
            assert event.data["units"] == [published.unit_id]
    assert client_for(published.applicant()).get("/certificates/issued.csv").status_code == 403


def test_a_holder_who_issues_is_offered_nothing_of_their_own_certificate(
    app: Flask, client_for: Enter
) -> None:
    published = build.a_publicity()
    with transaction():
        holder = published.applicant()
        place = {"scope_kind": "org", "scope_id": published.unit_id}
        grant_role(holder, "issuer", **place, actor_id=None, now=now())
        holder_id = holder.id
    build.approve(published)
    browser = client_for(build.person(holder_id))
    assert "签发证书" not in browser.get("/tasks").text
    build.issue(published)
    second = second_issuer(published)
    with transaction(write=False):
        certificate = build.certificate_of_result(published.result_ids[0])
        assert certificate is not None
        page = f"/certificates/{certificate.id}/revoke"
    client_for(build.person(published.issuer_id)).post(page, WORDS)
    with transaction(write=False):
        made = db.session.scalars(select(Revocation)).one()
        (item,) = open_items((REVOCATION, made.id))
    for person_id, sees in ((holder_id, False), (published.issuer_id, False), (second, True)):
        browser = client_for(build.person(person_id))
        assert (item.title in browser.get("/tasks").text) is sees
        assert ("去复核" in browser.get(f"/revocations/{made.id}").text) is sees
        assert (browser.get(f"/tasks/{item.id}").status_code == 200) is sees
