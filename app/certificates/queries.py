"""Reads of certificates."""

from collections.abc import Sequence

from sqlalchemy import Select, func, select

from app.accounts.models import Person
from app.certificates.models import (
    Certificate,
    CertificateStatus,
    ReplacementFile,
    ReplacementRequest,
    Revocation,
    RevocationStatus,
)
from app.core import jobs
from app.core.db import db
from app.core.errors import NotFound
from app.results.models import Result

OPEN_REQUESTS = ("pending", "returned")
RENDER_JOB = "render_certificate"


def paper_job(certificate: Certificate) -> str:
    """Return the key of the job that prints a certificate."""
    return f"pdf:{certificate.id}"


def failed_papers(certificates: Sequence[Certificate]) -> dict[int, str]:
    """Return the certificates whose printing was given up, each with the error."""
    keys = {paper_job(c): c.id for c in certificates if c.is_issued and not c.pdf_file_id}
    found = jobs.failed_of(keys) if keys else {}
    return {keys[key]: error for key, error in found.items()}


def certificates_of(person_id: int) -> list[Certificate]:
    """Return a person's certificates (我的职称), the newest first."""
    mine = select(Certificate).where(Certificate.person_id == person_id)
    return list(db.session.scalars(mine.order_by(Certificate.id.desc())))


def own_certificate(
    certificate_id: int, person_id: int, *, for_update: bool = False
) -> Certificate:
    """Return a person's own certificate, locked when asked; NotFound for a foreign one."""
    found = db.session.get(Certificate, certificate_id, with_for_update=for_update or None)
    if found is None or found.person_id != person_id:
        raise NotFound("证书不存在")
    return found


def certificate_of_result(result_id: int) -> Certificate | None:
    """Return the certificate that came of a result and was not replaced."""
    return db.session.scalars(
        select(Certificate)
        .where(Certificate.result_id == result_id)
        .order_by(Certificate.id.desc())
    ).first()


def is_certified(declaration_id: int) -> bool:
    """Tell whether a declaration has led to a certificate that was issued."""
    issued = (
        select(Certificate.id)
        .join(Result, Result.id == Certificate.result_id)
        .where(Result.declaration_id == declaration_id, Certificate.number.is_not(None))
    )
    return db.session.scalar(issued.limit(1)) is not None


def certificate_by_public_id(public_id: str) -> Certificate | None:
    """Return the issued certificate behind a QR code."""
    found = db.session.scalars(
        select(Certificate).where(Certificate.public_id == public_id)
    ).first()
    return found if found and found.is_issued else None


def certificate_by_number(name: str, number: str) -> Certificate | None:
    """Return the issued certificate with this number if it belongs to this name."""
    found = db.session.scalars(
        select(Certificate).where(Certificate.number == number.strip())
    ).first()
    return found if found and found.facts["name"] == name.strip() else None


def issued_by_units(
    unit_ids: list[int], text: str = "", status: str = ""
) -> Select[tuple[Certificate]]:
    """Select the certificates of issuing units, by number or name, newest first."""
    found = select(Certificate).where(Certificate.issuer_unit_id.in_(unit_ids))
    if status:
        found = found.where(Certificate.status == status)
    if text.strip():
        wanted = text.strip()
        found = found.join(Certificate.person).where(
            Certificate.number.contains(wanted, autoescape=True)
            | Person.name.contains(wanted, autoescape=True)
        )
    return found.order_by(Certificate.id.desc())


def figures_of(unit_ids: list[int]) -> dict[str, int]:
    """Count the certificates of issuing units by where they stand."""
    counted = select(Certificate.status, func.count(Certificate.id)).where(
        Certificate.issuer_unit_id.in_(unit_ids)
    )
    rows = db.session.execute(counted.group_by(Certificate.status))
    return {row.status: row[1] for row in rows}


def open_request(certificate_id: int) -> ReplacementRequest | None:
    """Return the replacement request that waits or was returned."""
    return db.session.scalars(
        select(ReplacementRequest).where(
            ReplacementRequest.certificate_id == certificate_id,
            ReplacementRequest.status.in_(OPEN_REQUESTS),
        )
    ).first()


def living_revocation(certificate_id: int) -> Revocation | None:
    """Return the revocation that waits for the second person, or the one that took effect."""
    return db.session.scalars(
        select(Revocation).where(
            Revocation.certificate_id == certificate_id,
            Revocation.status.in_((RevocationStatus.PROPOSED, RevocationStatus.CONFIRMED)),
        )
    ).first()


def revocations_of(certificate_id: int) -> list[Revocation]:
    """Return every proposal to revoke a certificate, the newest first."""
    made = select(Revocation).where(Revocation.certificate_id == certificate_id)
    return list(db.session.scalars(made.order_by(Revocation.id.desc())))


def latest_requests(certificates: Sequence[Certificate]) -> dict[int, ReplacementRequest]:
    """Return the newest replacement request of each certificate that has one."""
    ids = [certificate.id for certificate in certificates]
    made = select(ReplacementRequest).where(ReplacementRequest.certificate_id.in_(ids))
    found = db.session.scalars(made.order_by(ReplacementRequest.id))
    return {request.certificate_id: request for request in found}


def unprinted(unit_ids: list[int]) -> Select[tuple[Certificate]]:
    """Select the certificates of issuing units that are issued and have no paper, newest first."""
    return (
        select(Certificate)
        .where(
            Certificate.issuer_unit_id.in_(unit_ids),
            Certificate.number.is_not(None),
            Certificate.pdf_file_id.is_(None),
        )
        .order_by(Certificate.id.desc())
    )


def requests_of(certificate_id: int) -> list[ReplacementRequest]:
    """Return all replacement requests of a certificate, newest first."""
    made = select(ReplacementRequest).where(ReplacementRequest.certificate_id == certificate_id)
    return list(db.session.scalars(made.order_by(ReplacementRequest.id.desc())))


def requests_with_file(file_id: int) -> list[ReplacementRequest]:
    """Return the requests that a file is evidence for."""
    return list(
        db.session.scalars(
            select(ReplacementRequest)
            .join(ReplacementFile, ReplacementFile.request_id == ReplacementRequest.id)
            .where(ReplacementFile.file_id == file_id)
        )
    )


def certificates_with_photo(file_id: int) -> list[Certificate]:
    """Return the certificates that print a photo."""
    return list(
        db.session.scalars(select(Certificate).where(Certificate.photo_file_id == file_id))
    )


def certificate_without_photo(person_id: int) -> Certificate | None:
    """Return the certificate of a person that waits for a photo."""
    waiting = select(Certificate).where(
        Certificate.person_id == person_id, Certificate.status == CertificateStatus.AWAITING_PHOTO
    )
    return db.session.scalars(waiting.order_by(Certificate.id.desc())).first()


def certificates_awaiting(unit_id: int) -> int:
    """Count the certificates that an office has still to issue."""
    waiting = (CertificateStatus.AWAITING_PHOTO, CertificateStatus.AWAITING_ISSUE)
    found = select(func.count(Certificate.id)).where(
        Certificate.issuer_unit_id == unit_id, Certificate.status.in_(waiting)
    )
    return db.session.scalar(found) or 0
