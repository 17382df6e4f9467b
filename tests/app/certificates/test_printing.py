"""电子证书 that cannot be made: said to its issuer with a way on, calmly to its holder."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.certificates import operations
from app.core import jobs
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict
from app.engine.models import Incident
from app.papers import certificate as paper
from app.papers.fonts import MissingGlyph
from tests.builders import results as build
from tests.builders.played import anew
from tests.conftest import START

Enter = Callable[..., Any]
Move = Callable[..., None]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A typeface lacks a character of the holder's name."""

    def fail(_paper: Any) -> bytes:
        raise MissingGlyph("𠅤")

    monkeypatch.setattr(paper, "render_certificate", fail)
    return monkeypatch


def given_up(at: Move) -> tuple[build.Published, int]:
    """An issued certificate whose printing was tried and given up."""
    published, certificate_id = anew(build.an_issued_certificate)()
    with transaction(write=False):
        moment = now()
    for minute in range(1, jobs.MAX_ATTEMPTS + 2):
        at(moment + timedelta(minutes=minute))
        jobs.run_due_jobs()
    assert moment > START
    return published, certificate_id


def test_the_issuer_sees_the_failure_and_has_it_made_again(
    app: Flask, client_for: Enter, at: Move, broken: pytest.MonkeyPatch
) -> None:
    published, certificate_id = given_up(at)
    address = f"/certificates/{certificate_id}"
    issuer = client_for(build.person(published.issuer_id))
    page = issuer.get(address).text
    assert "电子证书生成失败" in page
    assert "正在生成" not in page
    assert "电子证书生成失败" in issuer.get("/certificates/issued").text
    home = issuer.get("/home").text
    assert "电子证书生成失败" in home
    for figure in ("待签发", "有效证书", "status=active"):
        assert figure in home
    broken.undo()
    assert issuer.post(f"{address}/print").status_code == 303
    assert "正在生成" in issuer.get(address).text
    jobs.run_due_jobs()
    assert "下载电子证书" in issuer.get(address).text
    assert issuer.get(f"{address}/file").status_code == 200
    with transaction(write=False):
        again = select(AuditEvent.actor_id).where(AuditEvent.tag == "certificate:printed_again")
        assert db.session.scalars(again).one() == published.issuer_id


def test_the_holder_is_told_calmly_and_has_nothing_to_do(
    app: Flask, client_for: Enter, at: Move, broken: pytest.MonkeyPatch
) -> None:
    published, certificate_id = given_up(at)
    with transaction(write=False):
        holder = published.applicant()
    browser, address = client_for(holder), f"/certificates/{certificate_id}"
    page = browser.get(address).text
    assert "您的证书已生效" in page
    assert "您无需操作" in page
    for alarming in ("失败", "重新生成", "正在生成", "𠅤"):
        assert alarming not in page
    assert "待发证机关处理" in browser.get("/certificates").text
    refused = browser.get(f"{address}/file")
    assert refused.status_code == 409
    assert "发证机关处理后即可下载" in refused.text
    assert browser.post(f"{address}/print").status_code == 403


def test_the_failure_is_an_incident_that_names_the_certificate_and_the_cause(
    app: Flask, at: Move, broken: pytest.MonkeyPatch
) -> None:
    _, certificate_id = given_up(at)
    with transaction(write=False):
        number = build.certificate(certificate_id).number
        incident = db.session.scalars(select(Incident)).one()
        assert incident.status == "open"
        assert str(number) in incident.message
        assert "U+20164" in incident.message
        assert "MissingGlyph" in incident.detail


def test_the_incident_closes_by_whoever_had_the_paper_made_once_it_is_there(
    app: Flask, client_for: Enter, at: Move, broken: pytest.MonkeyPatch
) -> None:
    published, certificate_id = given_up(at)
    issuer, address = (
        client_for(build.person(published.issuer_id)),
        f"/certificates/{certificate_id}",
    )
    assert issuer.post(f"{address}/print").status_code == 303
    jobs.run_due_jobs()

    def incident() -> Incident:
        with transaction(write=False):
            return db.session.scalars(select(Incident)).one()

    # Asked for, but it failed once more.
    assert (incident().status, incident().resolved_by) == ("open", None)
    broken.undo()
    with transaction(write=False):
        moment = now() + timedelta(minutes=1)
    at(moment)
    jobs.run_due_jobs()
    closed = incident()
    assert (closed.status, closed.resolved_by) == ("resolved", published.issuer_id)
    assert closed.resolved_at is not None
    assert closed.resolved_at >= moment


def test_only_what_failed_is_made_again(app: Flask) -> None:
    published, certificate_id = build.an_issued_certificate()
    with transaction(), pytest.raises(Conflict, match="没有生成失败"):
        operations.print_again(
            build.certificate(certificate_id), actor_id=published.issuer_id, now=now()
        )
