"""After the ballot: publicity, certificates, verification, replacement."""

from datetime import timedelta

from sqlalchemy import select

from app.accounts.models import Person
from app.certificates import operations, signing
from app.certificates.models import Certificate
from app.certificates.process import REPLACEMENT
from app.certificates.queries import certificate_of_result
from app.core.clock import now
from app.core.db import db, transaction
from app.core.storage import StoredFile, read_bytes
from app.demo.paperwork import upload
from app.demo.stage import Stage
from app.engine import runtime
from app.results.models import Result
from app.results.process import PUBLICITY, RESULT
from app.results.queries import publicity_of_meeting


def wait_out_publicity(stage: Stage, meeting_id: int) -> int:
    """Let the working days of the publicity pass, and have it confirmed; its id."""
    with transaction(write=False):
        publicity = publicity_of_meeting(meeting_id)
        if publicity is None:
            msg = "the result was not published"
            raise LookupError(msg)
        publicity_id, ends_at, starts_at = publicity.id, publicity.ends_at, publicity.starts_at
    stage.note(f"公示 {starts_at:%Y-%m-%d} 至 {ends_at:%Y-%m-%d}（到期自动结束）")
    stage.at(ends_at.date() + timedelta(days=1))
    stage.act((PUBLICITY, publicity_id), "confirm_publicity", {"decision": "confirm"})
    return publicity_id


def result_of(declaration_id: int) -> int:
    """Return the result of a declaration."""
    with transaction(write=False):
        wanted = select(Result.id).where(Result.declaration_id == declaration_id)
        return db.session.scalars(wanted).one()


def issue(stage: Stage, declaration_id: int) -> int:
    """The issuer issues the certificate; returns its id."""
    result_id = result_of(declaration_id)
    stage.act((RESULT, result_id), "issue_certificate", {"decision": "issue"})
    return certificate_id_of(result_id)


def certificate_id_of(result_id: int) -> int:
    """Return the newest certificate of a result."""
    with transaction(write=False):
        found = certificate_of_result(result_id)
        if found is None:
            msg = "no certificate was prepared"
            raise LookupError(msg)
        return found.id


def paper_of(certificate_id: int) -> tuple[str, bytes, bool]:
    """Return a certificate's number, its paper, and whether its signature holds."""
    with transaction(write=False):
        found = db.session.get_one(Certificate, certificate_id)
        file = db.session.get(StoredFile, found.pdf_file_id or 0)
        genuine = signing.is_genuine(found.signature or "", found.number or "", found.facts)
        return found.number or "", read_bytes(file) if file else b"", genuine


def ask_replacement(stage: Stage, certificate_id: int, employer: str) -> int:
    """The holder asks for a certificate with the right employer; the request's id."""
    with transaction():
        certificate = db.session.get_one(Certificate, certificate_id)
        person = db.session.get_one(Person, certificate.person_id)
        made = operations.request_replacement(
            certificate,
            reason="证书上取得资格时所在单位有误，申请更正",
            changes={"employer": employer},
            evidence=[upload(person, "单位更名批复")],
            person=person,
            now=now(),
        )
        runtime.start(
            "certificate_replacement",
            business=(REPLACEMENT, made.id),
            jurisdiction=certificate.jurisdiction,
            actor_id=person.id,
            now=now(),
        )
        request_id = made.id
    stage.settle()
    return request_id


def replace(stage: Stage, request_id: int) -> None:
    """The unit passes the request on and the issuer replaces the certificate."""
    business = (REPLACEMENT, request_id)
    stage.act(business, "vet_replacement", {"decision": "pass", "opinion": "情况属实"})
    stage.act(business, "decide_replacement", {"decision": "pass", "opinion": "同意换发"})
