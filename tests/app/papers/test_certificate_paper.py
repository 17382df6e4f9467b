"""The certificate on paper: what it shows, what its code says, the job that prints it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.certificates import signing
from app.certificates.models import Certificate
from app.core import jobs
from app.core.db import current_transaction, db, transaction
from app.core.storage import LINKED, read_bytes
from app.papers import certificate as papers
from app.papers.fonts import MissingGlyph
from tests.builders.papers import an_issued_certificate, code_on, pages_of, text_of

LONG = "淮城市教育局中小学教师暨中等职业学校教师系列正高级专业技术资格评审委员会第二组"


def issued(**facts: Any) -> int:
    with transaction():
        return an_issued_certificate(**facts).id


def paper(certificate_id: int) -> papers.CertificatePaper:
    with transaction(write=False):
        return papers.read_paper(db.session.get_one(Certificate, certificate_id))


def printed(**facts: Any) -> bytes:
    return papers.render_certificate(paper(issued(**facts)))


@pytest.mark.parametrize("dpi", [150, 75])
def test_the_printed_code_proves_the_certificate(app: Flask, tmp_path: Path, dpi: int) -> None:
    app.config["PUBLIC_URL"] = "https://zhiping.example.gov.cn/"
    read = paper(issued())
    address, _, token = code_on(papers.render_certificate(read), tmp_path, dpi).partition("#")
    assert address == f"https://zhiping.example.gov.cn/v/{read.public_id}"
    assert signing.is_genuine(token, read.number, read.facts)
    assert not signing.is_genuine(token, read.number, {**read.facts, "title": "正高级教师"})


def test_every_fact_is_printed(app: Flask) -> None:
    read = paper(issued())
    text = text_of(papers.render_certificate(read))
    for row in papers.rows_of(read.facts):
        for label, value in row:
            assert label.replace("|", "") in text
            assert value in text
    assert "2026年11月20日" in text
    assert "扫码核验" in text


@pytest.mark.parametrize("name", ["阎𬭎", "束䶮", "左丘明珠", "阿卜杜热西提·买买提江"])
def test_rare_and_long_names_fit_on_the_one_page(app: Flask, name: str) -> None:
    pdf = printed(name=name, committee=LONG, employer=LONG)
    assert pages_of(pdf) == 1
    assert name in text_of(pdf)
    assert LONG in text_of(pdf)


def test_a_name_that_cannot_be_drawn_is_never_printed_wrongly(app: Flask) -> None:
    with pytest.raises(MissingGlyph):
        printed(name="苏\U000f0000")


def test_without_a_seal_it_says_so(app: Flask) -> None:
    text = text_of(printed())
    assert "未加盖电子印章" in text
    assert "演示章" not in text


def test_a_demonstration_prints_a_seal_that_says_what_it_is(app: Flask) -> None:
    app.config["DEMO_SEAL"] = True
    text = text_of(printed())
    assert "演示章" in text
    assert "未加盖电子印章" not in text


def test_issuing_has_the_paper_printed_outside_of_any_transaction(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate_id = issued()
    render = papers.render_certificate

    def watched(read: papers.CertificatePaper) -> bytes:
        with pytest.raises(LookupError):
            current_transaction()
        return render(read)

    monkeypatch.setattr(papers, "render_certificate", watched)
    assert jobs.run_due_jobs() == 1
    with transaction(write=False):
        certificate = db.session.get_one(Certificate, certificate_id)
        assert certificate.pdf is not None
        assert certificate.pdf.status == LINKED
        assert certificate.pdf.name == f"{certificate.number}.pdf"
        assert certificate.pdf.owner_id == certificate.person_id
        assert read_bytes(certificate.pdf).startswith(b"%PDF")


def test_a_repeated_job_prints_nothing_new(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    payload: Mapping[str, Any] = {"certificate_id": issued()}
    papers.make_certificate(payload)
    with transaction(write=False):
        first = db.session.get_one(Certificate, payload["certificate_id"]).pdf_file_id

    def never(_read: papers.CertificatePaper) -> bytes:
        raise AssertionError("rendered again")

    monkeypatch.setattr(papers, "render_certificate", never)
    papers.make_certificate(payload)
    with transaction(write=False):
        assert db.session.get_one(Certificate, payload["certificate_id"]).pdf_file_id == first


def test_a_certificate_that_is_not_issued_has_no_paper(app: Flask) -> None:
    certificate_id = issued()
    with transaction():
        certificate = db.session.get_one(Certificate, certificate_id)
        certificate.photo = None
        with pytest.raises(ValueError, match="not issued"), db.session.no_autoflush:
            papers.read_paper(certificate)
        db.session.rollback()
