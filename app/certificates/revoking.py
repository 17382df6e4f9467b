"""Revoking certificates (撤销证书): one person proposes, another confirms, both in writing."""

from dataclasses import dataclass
from datetime import datetime

from app.accounts.hands import able_at
from app.accounts.models import Person
from app.accounts.operations import bar_person, notify
from app.accounts.queries import works_at
from app.certificates.models import (
    Certificate,
    CertificateStatus,
    Ground,
    Revocation,
    RevocationStatus,
)
from app.certificates.queries import living_revocation
from app.core import audit
from app.core.db import db
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.instants import years_after
from app.results.operations import revoke_result

YEARS_BARRED = 3
"""How long who got a title by fraud stays in the integrity file (诚信档案)."""


@dataclass(frozen=True)
class Case:
    """Why, by what law, and what was found."""

    ground: Ground
    legal_basis: str
    reason: str


def _record(verb: str, revocation: Revocation, actor_id: int | None, now: datetime) -> None:
    audit.record(
        f"certificate:{verb}",
        subject=("certificate", revocation.certificate_id),
        actor_id=actor_id,
        now=now,
        revocation=revocation.id,
        ground=revocation.ground,
    )


def check_revocable(certificate: Certificate, *, actor_id: int, now: datetime) -> None:
    """Conflict unless it is active, nobody proposed it, and a second issuer could confirm."""
    if certificate.person_id == actor_id:
        raise Forbidden("不能办理本人的证书")
    if certificate.state is not CertificateStatus.ACTIVE:
        raise Conflict("只有有效的证书可以撤销")
    if living_revocation(certificate.id) is not None:
        raise Conflict("该证书已在办理撤销，请等待复核")
    issuers = able_at("issuer", certificate.issuer_unit_id, now)
    if not issuers - {actor_id, certificate.person_id}:
        raise Conflict("撤销证书须由另一人复核，本机关目前没有其他发证人员，请先增设")


def propose_revocation(
    certificate: Certificate, case: Case, *, actor: Person, now: datetime
) -> Revocation:
    """Propose to revoke a certificate. Conflict as check_revocable says, Invalid at the field."""
    db.session.refresh(certificate, with_for_update=True)
    check_revocable(certificate, actor_id=actor.id, now=now)
    blank = {
        field: ["此项必填"]
        for field, text in (("legal_basis", case.legal_basis), ("reason", case.reason))
        if not text.strip()
    }
    if blank:
        raise Invalid(errors=blank)
    revocation = Revocation(
        certificate_id=certificate.id,
        ground=case.ground,
        legal_basis=case.legal_basis.strip(),
        reason=case.reason.strip(),
        status=RevocationStatus.PROPOSED,
        proposed_by=actor.id,
        proposed_at=now,
    )
    db.session.add(revocation)
    db.session.flush()
    _record("revocation_proposed", revocation, actor.id, now)
    return revocation


def decide_revocation(
    revocation: Revocation, *, confirm: bool, opinion: str, actor_id: int, now: datetime
) -> None:
    """Confirm or refuse what another person proposed; Forbidden for who proposed or holds it.

    Raises Conflict for a proposal of somebody who is no issuer any more: two in office sign.
    """
    if revocation.proposed_by == actor_id:
        raise Forbidden("撤销由您提出，须由另一人复核")
    if revocation.certificate.person_id == actor_id:
        raise Forbidden("不能办理本人的证书")
    if revocation.state is not RevocationStatus.PROPOSED:
        raise Conflict("该撤销已有结论")
    if confirm and not _still_issues(revocation, now):
        raise Conflict(
            "提出人已不是本机关的发证人员，不能据此撤销；请写明理由不予撤销，再由在任人员提出"
        )
    if not confirm and not opinion.strip():
        raise Invalid("请填写不予撤销的理由", field="opinion")
    revocation.status = RevocationStatus.CONFIRMED if confirm else RevocationStatus.REFUSED
    revocation.opinion = opinion.strip()[:500]
    revocation.decided_by, revocation.decided_at = actor_id, now
    db.session.flush()
    _record(f"revocation_{revocation.status}", revocation, actor_id, now)


def _still_issues(revocation: Revocation, now: datetime) -> bool:
    unit_id = revocation.certificate.issuer_unit_id
    return works_at(revocation.proposed_by, unit_id, {"issuer"}, now)


def withdraw_revocation(revocation: Revocation, *, actor_id: int, now: datetime) -> None:
    """Take back one's own proposal before the second word (撤回提议); the certificate stands.

    Raises Forbidden for who did not propose it, Conflict once it was decided.
    """
    if revocation.proposed_by != actor_id:
        raise Forbidden("只有提出人可以撤回提议")
    if revocation.state is not RevocationStatus.PROPOSED:
        raise Conflict("该撤销已有结论")
    revocation.status, revocation.decided_at = RevocationStatus.WITHDRAWN, now
    db.session.flush()
    _record("revocation_withdrawn", revocation, actor_id, now)


def cancel_revocation(
    revocation: Revocation, reason: str, *, actor_id: int | None, now: datetime
) -> None:
    """Drop a proposal since its process is cancelled (流程作废); the certificate stands.

    Raises Conflict once it was decided.
    """
    if revocation.state is not RevocationStatus.PROPOSED:
        raise Conflict("该撤销已有结论，流程不能作废")
    revocation.status, revocation.decided_at = RevocationStatus.WITHDRAWN, now
    revocation.opinion = f"流程已作废：{reason}"[:500]
    db.session.flush()
    _record("revocation_withdrawn", revocation, actor_id, now)


def revoke_certificate(revocation: Revocation, *, now: datetime) -> None:
    """Take a certificate back as confirmed: it, its result, and for fraud the right to declare.

    Raises Conflict for one that was not confirmed, or is not active any more.
    """
    if revocation.state is not RevocationStatus.CONFIRMED:
        raise Conflict("撤销尚未复核同意")
    certificate = revocation.certificate
    db.session.refresh(certificate, with_for_update=True)
    if certificate.state is not CertificateStatus.ACTIVE:
        raise Conflict("该证书已失效，不能撤销")
    certificate.status = CertificateStatus.REVOKED
    if certificate.result is not None:
        reason = f"职称证书 {certificate.number} 已撤销：{revocation.ground_text}"
        revoke_result(certificate.result, reason, now=now)
    if revocation.ground == Ground.FRAUD:
        bar_person(
            certificate.person,
            since=now.date(),
            until=years_after(now.date(), YEARS_BARRED),
            reason=f"职称证书 {certificate.number} 被撤销：{revocation.ground_text}",
            actor_id=revocation.decided_by,
            now=now,
        )
    db.session.flush()
    _record("revoked", revocation, revocation.decided_by or 0, now)
    notify(
        certificate.person_id,
        f"您的职称证书 {certificate.number} 已撤销：{revocation.ground_text}。"
        "对撤销决定不服的，可依法申请行政复议或提起行政诉讼",
        url=f"/certificates/{certificate.id}",
        now=now,
    )
