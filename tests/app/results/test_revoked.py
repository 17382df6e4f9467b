"""A result that is taken back: its declaration is 已撤销 everywhere, and counts nowhere."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Person
from app.certificates import revoking
from app.certificates.models import Ground
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict
from app.core.invariants import check_all
from app.declarations import operations as declarations
from app.declarations.course import steps_of
from app.declarations.models import Status
from app.papers.decisions import approval_of, vote_on
from app.results.models import ResultStatus
from tests.builders import results as build
from tests.builders.people import a_person

Enter = Callable[..., Any]


def revoked_by_objection(cases: int = 2) -> build.Published:
    published = build.a_publicity(cases=cases)
    objection_id = build.object_to(published)
    build.investigate(objection_id)
    build.decide(objection_id, "uphold")
    return published


def test_an_upheld_objection_takes_the_pass_back(app: Flask, client_for: Enter) -> None:
    published = revoked_by_objection()
    with transaction(write=False):
        lost, kept = (published.result(place).declaration for place in (0, 1))
        assert (lost.status, kept.status) == (Status.REVOKED, Status.PASSED)
        assert steps_of(lost).done
        vote = vote_on(lost)
        assert vote is not None
        assert vote.passed
        assert [label for label, _text in approval_of(lost)] == ["撤销情况", "撤销时间"]
        assert "公示期异议成立" in approval_of(lost)[0][1]
        told = db.session.query(AuditEvent).filter_by(tag="declaration:revoked").one()
        assert told.subject_id == lost.id
        assert check_all() == []
        applicant, address = lost.person, f"/declarations/{lost.id}"
    page = client_for(applicant).get(address).text
    assert "已撤销" in page
    assert "公示期异议成立，评审结果已撤销" in page
    assert "评审通过" not in page
    assert "已撤销" in client_for(applicant).get("/declarations").text


def test_a_revoked_certificate_takes_the_pass_back(app: Flask) -> None:
    published, certificate_id = build.an_issued_certificate()
    with transaction():
        second = a_person("发证复核", roles=[("issuer", "org", published.unit_id)])
        certificate = build.certificate(certificate_id)
        case = revoking.Case(Ground.FRAUD, "职称评审管理暂行规定", "获奖证书系伪造")
        issuer = db.session.get_one(Person, published.issuer_id)
        made = revoking.propose_revocation(certificate, case, actor=issuer, now=now())
        revoking.decide_revocation(made, confirm=True, opinion="", actor_id=second.id, now=now())
        revoking.revoke_certificate(made, now=now())
        declaration = published.result().declaration
        assert declaration.status == Status.REVOKED
        assert str(certificate.number) in declaration.ended_reason
        labels = ["审批结果", "批准文号", "取得资格时间", "撤销情况", "撤销时间"]
        assert [label for label, _text in approval_of(declaration)] == labels


def test_the_list_of_who_passed_leaves_the_revoked_out(app: Flask, client_for: Enter) -> None:
    published = revoked_by_objection()
    with transaction(write=False):
        names = [published.applicant(place).name for place in (0, 1)]
        clerk = published.held.person(published.held.clerk_id)
    browser = client_for(clerk)
    lists = f"/meetings/{published.held.id}/lists"
    passed = browser.get(f"{lists}/passed.csv").get_data(as_text=True)
    failed = browser.get(f"{lists}/failed.csv").get_data(as_text=True)
    assert [name in passed for name in names] == [False, True]
    assert [name in failed for name in names] == [True, False]
    assert "表决通过，结果已撤销" in failed


def test_only_a_pass_is_taken_back(app: Flask) -> None:
    published = revoked_by_objection(cases=1)
    with transaction(), pytest.raises(Conflict, match="不在评审通过状态"):
        declarations.revoke_declaration(published.result().declaration, "再次", now=now())


def test_the_law_finds_a_pass_without_its_result(app: Flask) -> None:
    published = build.a_publicity()
    with transaction():
        result = published.result()
        result.status, result.decided_at = ResultStatus.REVOKED, now()
    with transaction(write=False):
        assert any("状态与评审结果不符" in broken for broken in check_all())
