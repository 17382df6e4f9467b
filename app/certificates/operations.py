"""Writes of certificates: prepared from a confirmed result, issued once, replaced by a new one."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.accounts.models import Person
from app.accounts.operations import notify
from app.catalogue import jurisdictions
from app.certificates import signing
from app.certificates.facts import CHANGEABLE, corrected, facts_of, fault_of_change
from app.certificates.models import (
    Certificate,
    CertificateStatus,
    NumberSeries,
    ReplacementFile,
    ReplacementRequest,
    ReplacementStatus,
)
from app.certificates.queries import (
    RENDER_JOB,
    certificate_of_result,
    living_revocation,
    open_request,
    paper_job,
)
from app.core import audit, jobs
from app.core.db import db, insert_into
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.storage import link, owned_file
from app.results.models import Result, ResultStatus
from app.results.queries import issuing_unit
from rules import numbering

EVIDENCE_LIMIT = 10


def _public_id() -> str:
    return secrets.token_urlsafe(9)


def prepare_certificate(result: Result, *, now: datetime) -> Certificate:
    """Lay down the facts of a confirmed result's certificate; the same one when called again.

    Raises Conflict for a result that is not confirmed, since an objection is open, or that the
    issuing office has not approved.
    """
    if result.status != ResultStatus.CONFIRMED:
        raise Conflict("评审结果尚未确认，不能发证")
    if not result.publicity.is_approved:
        raise Conflict("评审结果尚未上报审核，不能发证")
    known = certificate_of_result(result.id)
    if known is not None:
        return known
    person = result.declaration.person
    plan = result.publicity.plan
    certificate = Certificate(
        public_id=_public_id(),
        jurisdiction=plan.jurisdiction,
        person_id=person.id,
        result_id=result.id,
        status=CertificateStatus.AWAITING_PHOTO,
        facts=facts_of(result),
        photo_file_id=person.photo_file_id,
        obtained_on=result.obtained_on,
        issuer_unit_id=issuing_unit(plan.organiser_unit).id,
    )
    if person.photo_file_id:
        certificate.status = CertificateStatus.AWAITING_ISSUE
    db.session.add(certificate)
    db.session.flush()
    _record("prepared", certificate, None, now)
    if not person.photo_file_id:
        text = "您的职称证书需要证件照片，请上传后继续办理"
        notify(person.id, text, url=f"/certificates/{certificate.id}", now=now)
    return certificate


def _record(
    verb: str, certificate: Certificate, actor_id: int | None, now: datetime, **data: Any
) -> None:
    audit.record(
        f"certificate:{verb}",
        subject=("certificate", certificate.id),
        actor_id=actor_id,
        now=now,
        **data,
    )


def provide_photo(certificate: Certificate, person: Person, *, now: datetime) -> None:
    """Take the person's certificate photo; Conflict while there is none."""
    if certificate.person_id != person.id:
        raise Forbidden
    if person.photo_file_id is None:
        raise Conflict("请先上传证件照片")
    if certificate.state is not CertificateStatus.AWAITING_PHOTO:
        raise Conflict("该证书不需要补充照片")
    if certificate.photo_file_id == person.photo_file_id:
        raise Conflict("这张照片已被退回，请先更换证件照片")
    certificate.photo_file_id = person.photo_file_id
    certificate.status = CertificateStatus.AWAITING_ISSUE
    _record("photo_provided", certificate, person.id, now)


def next_serial(jurisdiction: str, year: int, code: str) -> int:
    """Return the next serial of a series, under a lock until the transaction ends.

    One statement makes the row or counts it up, so that two first issues do not collide.
    """
    first = insert_into(NumberSeries).values(
        jurisdiction=jurisdiction, year=year, code=code, last=1
    )
    counted = first.on_conflict_do_update(
        index_elements=["jurisdiction", "year", "code"], set_={"last": NumberSeries.last + 1}
    )
    return int(db.session.execute(counted.returning(NumberSeries.last)).scalar_one())


def _number(certificate: Certificate) -> str:
    settings = jurisdictions.get(certificate.jurisdiction).certificate
    result = certificate.result
    code = f"{990000 + (result.publicity.plan.committee_id if result else 0):06d}"
    year = certificate.obtained_on.year
    serial = next_serial(certificate.jurisdiction, year, code)
    return numbering.certificate_number(
        settings.number_pattern, region=settings.region, year=year, code=code, serial=serial
    )


def check_issue(certificate: Certificate, *, actor_id: int | None) -> None:
    """Forbidden for one's own certificate, Conflict unless it waits to be issued."""
    if certificate.person_id == actor_id:
        raise Forbidden("不能为本人发证")
    if certificate.state is not CertificateStatus.AWAITING_ISSUE:
        raise Conflict("该证书当前不能发证")


def return_photo(certificate: Certificate, reason: str, *, actor_id: int, now: datetime) -> None:
    """Give a bad photo back to its owner, with the reason (退回照片).

    The certificate keeps it until another comes, so that the same one is not sent again. Raises
    as check_issue does, and Invalid without a reason.
    """
    _hold(certificate, "photo_returned", reason, actor_id, now)
    certificate.status = CertificateStatus.AWAITING_PHOTO
    text = f"您的证件照片被退回：{reason.strip()}。请更换照片后重新提交"
    notify(certificate.person_id, text, url=f"/certificates/{certificate.id}", now=now)


def postpone_issue(certificate: Certificate, reason: str, *, actor_id: int, now: datetime) -> None:
    """Wait with a certificate while something is looked into (暂缓发证); raises as above."""
    _hold(certificate, "postponed", reason, actor_id, now)
    text = f"您的{certificate.name}证书暂缓发证：{reason.strip()}"
    notify(certificate.person_id, text, url=f"/certificates/{certificate.id}", now=now)


def _hold(certificate: Certificate, verb: str, reason: str, actor_id: int, now: datetime) -> None:
    check_issue(certificate, actor_id=actor_id)
    if not reason.strip():
        raise Invalid("请写明原因，原因会告知本人", field="opinion")
    _record(verb, certificate, actor_id, now)


def issue_certificate(certificate: Certificate, *, actor_id: int | None, now: datetime) -> None:
    """Give a certificate its number, day and signature, and have its paper rendered.

    The title is held since the day of the ballot, whenever the paper is made. Raises Conflict
    without a photo or when it was issued before; nobody issues their own.
    """
    check_issue(certificate, actor_id=actor_id)
    certificate.number = _number(certificate)
    certificate.issued_on = now.date()
    certificate.issued_by = actor_id
    certificate.facts = {
        **certificate.facts,
        "number": certificate.number,
        "issued_on": now.date().isoformat(),
    }
    certificate.signature = signing.sign(certificate.number, certificate.facts, now.date())
    certificate.status = CertificateStatus.ACTIVE
    db.session.flush()
    _record("issued", certificate, actor_id, now, number=certificate.number)
    jobs.enqueue(
        RENDER_JOB, {"certificate_id": certificate.id}, key=paper_job(certificate), now=now
    )
    notify(
        certificate.person_id,
        f"{certificate.name}证书已{'补换发' if certificate.replaces_id else '生成'}",
        url=f"/certificates/{certificate.id}",
        now=now,
    )


def print_again(certificate: Certificate, *, actor_id: int, now: datetime) -> None:
    """Have a paper tried again whose printing was given up; Conflict when it was not.

    The incident that tells of it closes once the paper is there.
    """
    if not jobs.ask_again(paper_job(certificate), now=now, actor_id=actor_id):
        raise Conflict("电子证书没有生成失败，不需要重新生成")
    _record("printed_again", certificate, actor_id, now)


def keep_paper(certificate: Certificate, file_id: int) -> None:
    """Keep the rendered paper of a certificate."""
    certificate.pdf_file_id = file_id


def _faults_of_changes(
    certificate: Certificate, changes: Mapping[str, str]
) -> dict[str, list[str]]:
    if not changes.keys() <= CHANGEABLE.keys():
        return {"changes": ["只能更正证书上列出的项目"]}
    found = {f: fault_of_change(certificate, f, value.strip()) for f, value in changes.items()}
    return {field: [fault] for field, fault in found.items() if fault}


def faults_of_request(
    certificate: Certificate, *, reason: str, changes: Mapping[str, str], evidence: Sequence[int]
) -> dict[str, list[str]]:
    """Return what is wrong with a replacement request, all at once, by field."""
    faults = _faults_of_changes(certificate, changes)
    if not reason.strip():
        faults["reason"] = ["请填写申请补（换）发事由"]
    if not evidence or len(evidence) > EVIDENCE_LIMIT:
        faults["evidence"] = [f"请上传佐证材料，最多 {EVIDENCE_LIMIT} 个"]
    return faults


def check_replaceable(certificate: Certificate) -> None:
    """Conflict while a request waits, or for a certificate that is not active."""
    if certificate.state is not CertificateStatus.ACTIVE:
        raise Conflict("只有有效的证书可以申请补换")
    _check_unquestioned(certificate)
    made = open_request(certificate.id)
    if made is not None and made.state is ReplacementStatus.PENDING:
        raise Conflict("该证书的补换证申请正在审核")


def request_replacement(
    certificate: Certificate,
    *,
    reason: str,
    changes: Mapping[str, str],
    evidence: Sequence[int],
    person: Person,
    now: datetime,
) -> ReplacementRequest:
    """Ask for a new certificate, or send a returned request again (AH-P-62..66).

    Raises Invalid at the field, Conflict while a request waits or for one that is not active.
    """
    if certificate.person_id != person.id:
        raise Forbidden
    check_replaceable(certificate)
    faults = faults_of_request(certificate, reason=reason, changes=changes, evidence=evidence)
    if faults:
        raise Invalid(errors=faults)
    right = {field: value.strip()[:100] for field, value in changes.items()}
    made = open_request(certificate.id) or ReplacementRequest(
        certificate_id=certificate.id, person_id=person.id
    )
    made.reason, made.changes, made.requested_at = reason.strip()[:500], right, now
    made.status = ReplacementStatus.PENDING
    files = [owned_file(file_id, person.id) for file_id in dict.fromkeys(evidence)]
    made.evidence = []
    db.session.add(made)
    db.session.flush()
    made.evidence = [
        ReplacementFile(file_id=link(file).id, position=place) for place, file in enumerate(files)
    ]
    db.session.flush()
    _record("replacement_requested", certificate, person.id, now, changes=sorted(right))
    return made


def _check_unquestioned(certificate: Certificate) -> None:
    if living_revocation(certificate.id) is not None:
        raise Conflict("该证书正在办理撤销，暂不能补换")


def _check_active(certificate: Certificate) -> None:
    db.session.refresh(certificate, with_for_update=True)
    if certificate.state is not CertificateStatus.ACTIVE:
        raise Conflict("原证书已失效，不能换发")
    _check_unquestioned(certificate)


def _check_changes(request: ReplacementRequest) -> None:
    """Conflict for changes that the review does not bear out, as it stands now."""
    faults = _faults_of_changes(request.certificate, request.changes)
    if faults:
        said = "；".join(text for texts in faults.values() for text in texts)
        raise Conflict(f"更正内容不能采纳，请退回或不予换发：{said}")


def decide_request(
    request: ReplacementRequest,
    status: ReplacementStatus,
    opinion: str,
    *,
    actor_id: int,
    now: datetime,
) -> None:
    """Return or refuse a request with the reason, or note that an office passed it on."""
    if request.person_id == actor_id:
        raise Forbidden("不能审核本人的申请")
    if request.state is not ReplacementStatus.PENDING:
        raise Conflict("该申请已处理")
    stops = status in {ReplacementStatus.RETURNED, ReplacementStatus.REFUSED}
    if not stops:
        _check_active(request.certificate)
        _check_changes(request)
    if stops and not opinion.strip():
        raise Invalid("请填写意见", field="opinion")
    request.status, request.opinion = status, opinion.strip()[:500]
    verb = f"replacement_{status.value}"
    _record(verb, request.certificate, actor_id, now)
    if stops:
        notify(
            request.person_id,
            f"补换证申请{status.label}：{request.opinion}",
            url=f"/replacements/{request.id}",
            now=now,
        )


def cancel_request(
    request: ReplacementRequest, reason: str, *, actor_id: int | None, now: datetime
) -> None:
    """Refuse a request since its process is cancelled (流程作废); the person may ask anew.

    Raises Conflict for one that was decided.
    """
    if request.state not in {ReplacementStatus.PENDING, ReplacementStatus.RETURNED}:
        raise Conflict("该申请已处理，流程不能作废")
    request.status, request.opinion = ReplacementStatus.REFUSED, f"流程已作废：{reason}"[:500]
    _record("replacement_refused", request.certificate, actor_id, now)
    text = f"补换证申请的{request.opinion}。可以重新申请"
    notify(request.person_id, text, url=f"/replacements/{request.id}", now=now)


def replace_certificate(
    request: ReplacementRequest, *, actor_id: int | None, now: datetime
) -> Certificate:
    """Issue a new certificate with the right facts; the old one shows as replaced (已换发)."""
    old = request.certificate
    _check_active(old)
    _check_changes(request)
    facts = corrected(old, request.changes)
    old.status = CertificateStatus.REPLACED
    db.session.flush()
    fresh = Certificate(
        public_id=_public_id(),
        jurisdiction=old.jurisdiction,
        person_id=old.person_id,
        result_id=old.result_id,
        status=CertificateStatus.AWAITING_ISSUE,
        facts=facts,
        photo_file_id=old.person.photo_file_id or old.photo_file_id,
        obtained_on=old.obtained_on,
        issuer_unit_id=old.issuer_unit_id,
        replaces_id=old.id,
    )
    db.session.add(fresh)
    request.status = ReplacementStatus.APPROVED
    db.session.flush()
    issue_certificate(fresh, actor_id=actor_id, now=now)
    _record("replaced", old, actor_id, now, by=fresh.number)
    return fresh
