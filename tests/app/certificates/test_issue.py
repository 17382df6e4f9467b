"""发证: from a confirmed result to a numbered, signed certificate, one person after another."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.models import Notification
from app.certificates import operations
from app.certificates.models import Certificate
from app.core import jobs
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.jobs import Job
from app.engine.models import StepLog
from app.results.process import RESULT
from tests.builders import results as build
from tests.builders.flow import do, open_items
from tests.builders.people import a_person, a_unit

Enter = Callable[..., Any]


def test_there_is_no_certificate_while_the_result_is_not_confirmed(app: Flask) -> None:
    published = build.a_publicity()

    def prepare() -> None:
        with transaction():
            operations.prepare_certificate(published.result(), now=now())

    with pytest.raises(Conflict, match="尚未确认"):
        prepare()
    objection_id = build.object_to(published)
    build.approve(published)
    with pytest.raises(Conflict, match="尚未确认"):
        prepare()
    build.investigate(objection_id)
    build.decide(objection_id, "uphold")
    with pytest.raises(Conflict, match="尚未确认"):
        prepare()
    with transaction(write=False):
        assert db.session.scalars(select(Certificate)).all() == []


def test_its_facts_are_those_of_the_result(app: Flask) -> None:
    published = build.a_publicity()
    build.approve(published)
    certificate_id = build.certificate_of(published)
    with transaction(write=False):
        made = build.certificate(certificate_id)
        result = published.result()
        declaration, plan = result.declaration, published.publicity.plan
        assert made.facts["name"] == declaration.person.name
        assert made.facts["id_number"] == declaration.person.masked_id_number
        assert made.facts["employer"] == declaration.unit.name
        assert made.facts["series"] == declaration.title.series.name
        assert made.facts["title"] == "高级教师"
        assert made.facts["level"] == "副高级"
        assert made.facts["committee"] == plan.committee.name
        assert made.facts["approval_no"] == "核准〔2026〕18号" != plan.committee.filing_no
        assert made.facts["nature"] == "评审"
        assert made.facts["validity_area"] == "安徽省"
        # The title is held since the ballot, whenever its paper is made.
        assert made.obtained_on == date(2026, 11, 23)
        assert made.facts["obtained_on"] == "2026-11-23"
        assert made.number is None
        assert "number" not in made.facts
        assert made.status == "awaiting_issue"


def test_the_same_certificate_comes_of_a_result_twice(app: Flask) -> None:
    published = build.a_publicity()
    build.approve(published)
    with transaction():
        first = build.certificate_of_result(published.result_ids[0])
        assert operations.prepare_certificate(published.result(), now=now()) == first


def test_a_bad_photo_goes_back_to_its_owner_and_another_is_issued(
    app: Flask, client_for: Enter
) -> None:
    published = build.a_publicity()
    build.approve(published)
    certificate_id, business = build.certificate_of(published), (RESULT, published.result_ids[0])
    with transaction(write=False):
        owner, task = published.applicant(), open_items(business)[0].id
    issuer = client_for(build.person(published.issuer_id))
    assert issuer.post(f"/tasks/{task}", {"decision": "return"}).status_code == 422
    returned = {"decision": "return", "opinion": "照片背景不是白色"}
    assert issuer.post(f"/tasks/{task}", returned).status_code == 303
    with transaction(write=False):
        assert build.certificate(certificate_id).status == "awaiting_photo"
        assert [i.node for i in open_items(business)] == ["provide_photo"]
        told = select(Notification.text).where(Notification.person_id == owner.id)
        assert any("照片背景不是白色" in text for text in db.session.scalars(told))
    mine = client_for(owner)
    page = mine.get(f"/certificates/{certificate_id}").text
    assert ("原照片已被发证机关退回" in page, "提交照片</button>" in page) == (True, False)
    assert "您的证件照片被退回：照片背景不是白色" in mine.get("/account").text
    same = mine.post(f"/certificates/{certificate_id}/photo")
    assert (same.status_code, "已被退回" in same.text) == (409, True)
    with transaction():
        build.give_photo(published.applicant())
    mine = client_for(owner)
    assert mine.post(f"/certificates/{certificate_id}/photo").status_code == 303
    build.issue(published)
    with transaction(write=False):
        made = build.certificate(certificate_id)
        assert made.status == "active"
        assert made.photo_file_id == published.applicant().photo_file_id
    assert "照片被退回" not in mine.get("/account").text


def test_a_postponed_certificate_waits_with_its_reason(app: Flask) -> None:
    published = build.a_publicity()
    build.approve(published)
    business, issuer = (RESULT, published.result_ids[0]), build.person(published.issuer_id)
    for opinion in ("", " "):
        postponed = {"decision": "postpone", "opinion": opinion}
        with pytest.raises(Invalid):
            do(business, "issue_certificate", postponed, person=issuer)
    postponed = {"decision": "postpone", "opinion": "身份证号待核"}
    do(business, "issue_certificate", postponed, person=issuer)
    with transaction(write=False):
        assert [i.node for i in open_items(business)] == ["issue_certificate"]
        words = select(StepLog.outcome, StepLog.note).where(StepLog.node == "issue_certificate")
        assert list(map(tuple, db.session.execute(words))) == [("暂缓发证", "身份证号待核")]
        told = select(Notification.text).where(Notification.person_id == published.applicant().id)
        assert any("暂缓发证：身份证号待核" in text for text in db.session.scalars(told))
    certificate_id = build.issue(published)
    with transaction(write=False):
        assert build.certificate(certificate_id).status == "active"


def test_the_root_of_the_organisers_tree_issues(app: Flask) -> None:
    published = build.a_publicity()
    with transaction():
        province = a_unit("省人力资源和社会保障厅", kind="机关", clerk=False, leader=False)
        published.publicity.plan.organiser_unit.parent_id = province.id
        root = province.id
    db.session.expire_all()
    build.approve(published)
    certificate_id = build.certificate_of(published)
    with transaction(write=False):
        made = build.certificate(certificate_id)
        assert made.issuer_unit_id == root
        assert made.facts["issuer"] == "省人力资源和社会保障厅"
        (item,) = open_items((RESULT, published.result_ids[0]))
        assert item.scope_id == root


def test_the_issuer_issues_it_in_the_inbox(app: Flask, client_for: Enter) -> None:
    published = build.a_publicity()
    build.approve(published)
    certificate_id = build.certificate_of(published)
    with transaction(write=False):
        task = open_items((RESULT, published.result_ids[0]))[0].id
        photo = build.certificate(certificate_id).photo_file_id
    issuer = client_for(build.person(published.issuer_id))
    page = issuer.get(f"/tasks/{task}")
    assert page.status_code == 200
    assert "淮城市青禾小学" in page.text
    assert f"/files/{photo}" in page.text
    assert issuer.get(f"/files/{photo}").status_code == 200, "the issuer looks at the photo"
    assert issuer.get(f"/certificates/{certificate_id}/file").status_code == 409
    assert issuer.post(f"/tasks/{task}", {"decision": "issue"}).status_code == 303
    with transaction(write=False):
        made = build.certificate(certificate_id)
        assert (made.status, made.issued_on) == ("active", date(2026, 12, 1))
        assert made.number == "9342026" + f"{990000 + published.publicity.plan.committee_id}000001"
        assert made.facts["number"] == made.number
        assert made.issued_by == published.issuer_id, "the log says who issued it"
        acts = select(AuditEvent.actor_id).where(AuditEvent.tag == "certificate:issued")
        assert list(db.session.scalars(acts)) == [published.issuer_id]
    assert issuer.post(f"/tasks/{task}", {"decision": "issue"}).status_code == 409


def test_the_paper_is_made_afterwards_and_the_page_says_so(app: Flask, client_for: Enter) -> None:
    published = build.a_publicity()
    build.approve(published)
    certificate_id = build.certificate_of(published)
    with transaction():
        made = build.certificate(certificate_id)
        operations.issue_certificate(made, actor_id=published.issuer_id, now=now())
    issuer = client_for(build.person(published.issuer_id))
    with transaction(write=False):
        waiting = db.session.scalars(select(Job).where(Job.name == operations.RENDER_JOB)).one()
        assert waiting.status == "waiting"
    answer = issuer.get(f"/certificates/{certificate_id}/file")
    assert answer.status_code == 409
    assert "正在生成" in answer.text
    assert "正在生成" in issuer.get(f"/certificates/{certificate_id}").text
    jobs.run_due_jobs()
    assert issuer.get(f"/certificates/{certificate_id}/file").status_code == 200
    assert "下载电子证书" in issuer.get(f"/certificates/{certificate_id}").text


def test_an_issuer_of_another_place_is_not_asked(app: Flask, client_for: Enter) -> None:
    published = build.a_publicity()
    build.approve(published)
    with transaction():
        elsewhere = a_unit("别省厅", kind="机关", clerk=False, leader=False)
        stranger = a_person("别省发证", roles=[("issuer", "org", elsewhere.id)])
        task = open_items((RESULT, published.result_ids[0]))[0].id
        certificate_id = build.certificate_of_result(published.result_ids[0]).id
    browser = client_for(stranger)
    assert browser.get(f"/tasks/{task}").status_code in {403, 404}
    assert browser.post(f"/tasks/{task}", {"decision": "issue"}).status_code in {403, 404}
    assert browser.get(f"/certificates/{certificate_id}").status_code == 403
    assert f"/certificates/{certificate_id}" not in browser.get("/certificates/issued").text


def test_without_a_photo_the_person_is_asked_for_it(app: Flask, client_for: Enter) -> None:
    published = build.a_publicity(photo=False)
    build.approve(published)
    certificate_id = build.certificate_of(published)
    with transaction(write=False):
        assert build.certificate(certificate_id).status == "awaiting_photo"
        (item,) = open_items((RESULT, published.result_ids[0]))
        person = published.applicant()
        assert (item.node, item.assignee_id) == ("provide_photo", person.id)
        told = select(Notification.text).where(Notification.person_id == person.id)
        assert any("需要证件照片" in text for text in db.session.scalars(told))
    browser, page = client_for(person), f"/certificates/{certificate_id}"
    assert browser.get(f"/tasks/{item.id}").location == page
    early = browser.get(f"{page}/file")
    assert (early.status_code, "证书尚未签发" in early.text) == (409, True)


def test_the_photo_is_sent_and_the_issuer_is_next(app: Flask, client_for: Enter) -> None:
    published = build.a_publicity(photo=False)
    build.approve(published)
    certificate_id = build.certificate_of(published)
    with transaction(write=False):
        person = published.applicant()
    browser = client_for(person)
    assert "上传证件照片" in browser.get(f"/certificates/{certificate_id}").text
    assert "上传照片" in browser.get("/certificates").text
    early = browser.post(f"/certificates/{certificate_id}/photo")
    assert early.status_code == 409
    assert "请先上传证件照片" in early.text
    with transaction():
        build.give_photo(db.session.merge(person))
    assert browser.post(f"/certificates/{certificate_id}/photo").status_code == 303
    assert browser.post(f"/certificates/{certificate_id}/photo").status_code == 409
    with transaction(write=False):
        (item,) = open_items((RESULT, published.result_ids[0]))
        assert item.node == "issue_certificate"
        made = build.certificate(certificate_id)
        assert (made.status, made.photo_file_id) == ("awaiting_issue", person.photo_file_id)
    build.issue(published)
    with transaction(write=False):
        steps = ("provide_photo", "issue_certificate")
        nodes = select(StepLog.node).where(StepLog.node.in_(steps))
        assert tuple(db.session.scalars(nodes.order_by(StepLog.id))) == steps


def test_nobody_sends_a_photo_for_somebody_else(app: Flask, client_for: Enter) -> None:
    published = build.a_publicity(cases=2, photo=False)
    build.approve(published)
    certificate_id = build.certificate_of(published)
    with transaction():
        other = published.applicant(1)
        build.give_photo(other)
        found = build.certificate(certificate_id)
        with pytest.raises(Forbidden):
            operations.provide_photo(found, other, now=now())
    assert client_for(other).post(f"/certificates/{certificate_id}/photo").status_code == 404


def test_nothing_is_issued_without_a_photo(app: Flask) -> None:
    published = build.a_publicity(photo=False)
    build.approve(published)
    with transaction(), pytest.raises(Conflict):
        operations.issue_certificate(
            build.certificate_of_result(published.result_ids[0]), actor_id=1, now=now()
        )


def test_nobody_issues_their_own(app: Flask) -> None:
    published = build.a_publicity()
    build.approve(published)
    with transaction():
        own = published.applicant()
        build.make_issuer(own, published.unit_id)
    with pytest.raises(Forbidden, match="不能为本人发证"):
        do((RESULT, published.result_ids[0]), "issue_certificate", {}, person=own)
    with transaction(write=False):
        assert (
            build.certificate(build.certificate_of_result(published.result_ids[0]).id).number
            is None
        )
    build.issue(published)


def test_my_titles_and_the_issuers_list(app: Flask, client_for: Enter) -> None:
    published, certificate_id = build.an_issued_certificate(cases=2)
    with transaction(write=False):
        number = build.certificate(certificate_id).number
        own, other = published.applicant(0), published.applicant(1)
    mine = client_for(own).get("/certificates").text
    assert number in mine
    assert "电子证书" in mine
    assert number not in client_for(other).get("/certificates").text
    issuer = client_for(build.person(published.issuer_id))
    assert number in issuer.get("/certificates/issued").text
    assert number in issuer.get(f"/certificates/issued?q={number[-6:]}").text
    assert number in issuer.get("/certificates/issued?q=申报人01&status=active").text
    assert number not in issuer.get("/certificates/issued?status=revoked").text
    waiting = issuer.get("/certificates/issued?status=awaiting_issue").text
    assert "申报人02" in waiting
    assert number not in waiting
    assert client_for(own).get("/certificates/issued").status_code == 403
    # Who issues and holds none is led to what they issued, and sees no list of their own.
    led = issuer.get("/certificates")
    assert (led.status_code, led.location) == (303, "/certificates/issued")
    assert 'href="/certificates"' not in issuer.get("/certificates/issued").text
    assert 'href="/certificates"' in client_for(own).get("/certificates").text


def test_the_paper_is_for_its_holder_and_its_issuer(app: Flask, client_for: Enter) -> None:
    published, certificate_id = build.an_issued_certificate(cases=2)
    with transaction(write=False):
        made = build.certificate(certificate_id)
        number, file_id = made.number, made.pdf_file_id
        own, other = published.applicant(0), published.applicant(1)
    address = f"/certificates/{certificate_id}/file"
    for person in (own, build.person(published.issuer_id)):
        answer = client_for(person).get(address)
        assert answer.status_code == 200
        assert answer.data.startswith(b"%PDF-")
        assert answer.headers["Content-Type"] == "application/pdf"
        assert answer.headers["Content-Disposition"] == f'inline; filename="{number}.pdf"'
    saved = client_for(own).get(f"{address}?download=1")
    assert saved.headers["Content-Disposition"].startswith("attachment")
    for stranger in (other, build.person(published.organiser_id)):
        assert client_for(stranger).get(address).status_code in {403, 404}
        assert client_for(stranger).get(f"/files/{file_id}").status_code == 404
    assert client_for().get(address).status_code == 302
    assert client_for(own).get("/certificates/999/file").status_code == 404
