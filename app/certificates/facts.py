"""What a certificate states, and what of it the review decided."""

from collections.abc import Mapping
from typing import Any

from app.catalogue import jurisdictions
from app.certificates.models import Certificate
from app.results.models import Result
from app.results.queries import issuing_unit

CHANGEABLE = {
    "employer": "取得资格时所在单位",
    "nature": "资格性质",
    "series": "系列名称",
    "specialty": "专业名称",
    "title": "资格名称",
}
"""What a replacement may put right (AH-P-66)."""
DECIDED = ("nature", "series", "specialty", "title")
"""Of these, what the review decided: it can only be made to agree with the result."""


def decided_by(result: Result) -> dict[str, str]:
    """Return what the review decided: its series, specialty, title and level belong together."""
    declaration = result.declaration
    return {
        "nature": result.publicity.plan.kind,
        "series": declaration.title.series.name,
        "specialty": declaration.specialty.name,
        "title": declaration.title.name,
        "level": declaration.title.level,
    }


def facts_of(result: Result) -> dict[str, Any]:
    """Return what the certificate of a result states."""
    declaration, plan = result.declaration, result.publicity.plan
    person = declaration.person
    settings = jurisdictions.get(plan.jurisdiction)
    return {
        "name": person.name,
        "gender": person.gender,
        "id_type": person.id_type,
        "id_number": person.masked_id_number,
        "birth_date": person.birth_date.isoformat() if person.birth_date else "",
        **decided_by(result),
        "obtained_on": result.obtained_on.isoformat(),
        "approval_no": result.publicity.approval_no,
        "issuer": issuing_unit(plan.organiser_unit).name,
        "committee": plan.committee.name,
        "employer": declaration.unit_as_sent.name,
        "validity_area": settings.certificate.validity_area,
    }


def reviewed(certificate: Certificate) -> dict[str, str]:
    """Return what the review behind a certificate decided; nothing for one without a review."""
    return decided_by(certificate.result) if certificate.result else {}


def disagreeing(certificate: Certificate) -> dict[str, str]:
    """Return the decided items that the certificate states otherwise, as the review has them."""
    decided = reviewed(certificate)
    return {
        field: decided[field]
        for field in DECIDED
        if field in decided and decided[field] != certificate.facts.get(field)
    }


def fault_of_change(certificate: Certificate, field: str, value: str) -> str:
    """Return what is wrong with one change that a replacement asks for; nothing when it may be."""
    if not value:
        return f"请填写正确的{CHANGEABLE[field]}"
    if field in DECIDED and value != reviewed(certificate).get(field):
        return f"{CHANGEABLE[field]}由评审决定，只能更正为评审结果所载的内容"
    if value == certificate.facts.get(field):
        return "与现证书相同，无需更正，请取消勾选或填写正确内容"
    return ""


def corrected(certificate: Certificate, changes: Mapping[str, str]) -> dict[str, Any]:
    """Return the facts with the changes made; a title brings its level along."""
    facts = {**certificate.facts, **changes}
    if "title" in changes:
        facts["level"] = reviewed(certificate)["level"]
    return facts
