"""Papers for tests: issued certificates, and ways to read what a PDF shows."""

import io
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import cv2
import pypdf

from app.certificates.models import Certificate, CertificateStatus
from app.certificates.operations import issue_certificate
from app.core import storage
from app.core.clock import now
from app.core.db import db
from tests.builders.people import a_person, a_unit
from tests.builders.portfolio import a_portrait

FACTS: dict[str, Any] = {
    "name": "苏晓禾",
    "gender": "女",
    "id_type": "居民身份证",
    "id_number": "340000********9020",
    "birth_date": "1985-03-12",
    "series": "中小学教师",
    "specialty": "小学语文",
    "level": "副高级",
    "title": "高级教师",
    "obtained_on": "2026-11-20",
    "approval_no": "演示备案〔2025〕12号",
    "nature": "评审",
    "issuer": "淮城市人力资源和社会保障局",
    "committee": "淮城市中小学教师系列高级职称评审委员会",
    "employer": "云桥区青禾小学",
    "validity_area": "安徽省",
}


def an_issued_certificate(**facts: Any) -> Certificate:
    """A certificate just issued: its paper waits to be rendered."""
    person = a_person(facts.get("name", FACTS["name"]))
    photo = storage.keep(a_portrait(), "证件照.jpg", "image/jpeg", owner_id=person.id, now=now())
    certificate = Certificate(
        public_id=f"public{person.id:06d}",
        jurisdiction="anhui",
        person_id=person.id,
        status=CertificateStatus.AWAITING_ISSUE,
        facts={**FACTS, **facts},
        photo_file_id=storage.link(photo).id,
        obtained_on=date(2026, 11, 20),
        issuer_unit_id=a_unit("淮城市人社局", kind="机关", clerk=False, leader=False).id,
    )
    db.session.add(certificate)
    db.session.flush()
    issue_certificate(certificate, actor_id=None, now=now())
    return certificate


def text_of(pdf: bytes) -> str:
    """What somebody copies out of a PDF, without spaces."""
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return "".join("".join(page.extract_text() for page in pages).split())


def pages_of(pdf: bytes) -> int:
    """How many pages a PDF has."""
    return len(pypdf.PdfReader(io.BytesIO(pdf)).pages)


def fonts_of(pdf: bytes) -> set[str]:
    """The typefaces that the first page embeds, without the marks of their subsets."""
    fonts: Any = pypdf.PdfReader(io.BytesIO(pdf)).pages[0]["/Resources"]["/Font"]  # type: ignore[index]
    return {str(f.get_object()["/BaseFont"]).split("+")[-1] for f in fonts.values()}


def code_on(pdf: bytes, folder: Path, dpi: int) -> str:
    """What a reader finds on the whole first page; like any reader it tries more than once."""
    source = folder / "page.pdf"
    source.write_bytes(pdf)
    target = folder / f"page{dpi}"
    subprocess.run(
        ["pdftoppm", "-r", str(dpi), "-png", "-singlefile", str(source), str(target)], check=True
    )
    image = cv2.imread(f"{target}.png")
    assert image is not None
    large = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    readers = (cv2.QRCodeDetectorAruco(), cv2.QRCodeDetector())
    read = (reader.detectAndDecode(view)[0] for view in (image, large) for reader in readers)
    return next(filter(None, read), "")
