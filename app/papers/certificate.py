"""The certificate (职称证书) as a paper: what stands on it, and the job that makes it."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import current_app

from app.certificates.models import Certificate
from app.certificates.operations import keep_paper
from app.core.clock import now
from app.core.db import db, transaction
from app.core.storage import lay, link, read_bytes, store_known
from app.papers.ornament import demo_seal, ground
from app.papers.qr import qr_png
from app.papers.rendering import picture, render_pdf

TEMPLATE = "documents/certificate.html"
TITLE = "专业技术资格证书"
UNSEALED = "未加盖电子印章"
LOCAL_ADDRESS = "http://127.0.0.1:8000"
MEDIA_TYPE = "application/pdf"


class PaperFailed(RuntimeError):
    """A certificate that cannot be printed; says which, for the incident."""


@dataclass(frozen=True)
class CertificatePaper:
    """Everything that a certificate prints, read in one transaction."""

    public_id: str
    number: str
    signature: str
    facts: Mapping[str, Any]
    photo: bytes
    photo_type: str
    person_id: int


def read_paper(certificate: Certificate) -> CertificatePaper:
    """Return what an issued certificate prints; NotFound when its photo is lost."""
    photo = certificate.photo
    if photo is None or certificate.number is None or certificate.signature is None:
        msg = f"certificate {certificate.id} is not issued"
        raise ValueError(msg)
    return CertificatePaper(
        certificate.public_id,
        certificate.number,
        certificate.signature,
        dict(certificate.facts),
        read_bytes(photo),
        photo.media_type,
        certificate.person_id,
    )


def verification_url(paper: CertificatePaper) -> str:
    """Return the address in the QR code: the part after # verifies without the server."""
    address = current_app.config.get("PUBLIC_URL", LOCAL_ADDRESS).rstrip("/")
    return f"{address}/v/{paper.public_id}#{paper.signature}"


def chinese_day(iso: str) -> str:
    """Return 2026-11-20 as 2026年11月20日; an empty text stays empty."""
    if not iso:
        return ""
    day = date.fromisoformat(iso)
    return f"{day.year}年{day.month}月{day.day}日"


def rows_of(facts: Mapping[str, Any]) -> list[list[tuple[str, str]]]:
    """Return the labelled facts by line: two to a line, long ones alone (| breaks a label)."""
    return [
        [("姓名", facts["name"]), ("性别", facts["gender"])],
        [("证件类型", facts["id_type"]), ("证件号码", facts["id_number"])],
        [("出生日期", chinese_day(facts["birth_date"])), ("资格性质", facts["nature"])],
        [("系列", facts["series"]), ("专业", facts["specialty"])],
        [("资格名称", facts["title"]), ("职称级别", facts["level"])],
        [
            ("取得资格时间", chinese_day(facts["obtained_on"])),
            ("有效区域", facts["validity_area"]),
        ],
        [("证书编号", facts["number"]), ("批准文号", facts["approval_no"])],
        [("评委会名称", facts["committee"])],
        [("取得资格时|所在单位", facts["employer"])],
    ]


def render_certificate(paper: CertificatePaper) -> bytes:
    """Return the certificate as PDF; MissingGlyph when no font can draw a character of it."""
    seal = demo_seal(paper.facts["issuer"]) if current_app.config.get("DEMO_SEAL") else None
    return render_pdf(
        TEMPLATE,
        {
            "title": TITLE,
            "number": paper.number,
            "rows": rows_of(paper.facts),
            "issuer": paper.facts["issuer"],
            "issued_on": chinese_day(paper.facts["issued_on"]),
            "unsealed": UNSEALED,
            "ground": picture(ground(), "image/svg+xml"),
            "photo": picture(paper.photo, paper.photo_type),
            "qr": picture(qr_png(verification_url(paper))),
            "seal": picture(seal, "image/svg+xml") if seal else "",
        },
        strict=True,
    )


def make_certificate(payload: Mapping[str, Any]) -> None:
    """Print an issued certificate and keep it; nothing happens when it was printed before.

    Rendering takes a fraction of a second and holds no transaction.
    """
    with transaction(write=False):
        certificate = db.session.get_one(Certificate, payload["certificate_id"])
        paper = None if certificate.pdf_file_id else read_paper(certificate)
    if paper is None:
        return
    try:
        content = render_certificate(paper)
    except Exception as error:
        raise PaperFailed(f"证书 {paper.number} 的电子证书无法生成：{error}") from error
    kept = store_known(io.BytesIO(content), f"{paper.number}.pdf", MEDIA_TYPE)
    with transaction():
        certificate = db.session.get_one(
            Certificate, payload["certificate_id"], with_for_update=True
        )
        if certificate.pdf_file_id is None:
            file = lay(kept, owner_id=paper.person_id, now=now())
            keep_paper(certificate, link(file).id)
