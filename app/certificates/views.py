"""我的职称, the issuer's list, replacement, and the public page that verifies a certificate."""

from typing import Any

from flask import Response, flash, make_response, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from app.accounts.addresses import TooManyTries
from app.accounts.public_forms import PublicForm
from app.certificates import earlier, earlier_views, issuing_views, operations, queries, signing
from app.certificates.facts import CHANGEABLE, DECIDED, disagreeing
from app.certificates.models import Certificate, CertificateStatus, ReplacementRequest
from app.certificates.process import REPLACEMENT, replacement_record
from app.certificates.revocation_process import issues_certificate
from app.certificates.web import bp, certificate_for
from app.core.brought import brings_files
from app.core.clock import now
from app.core.db import db
from app.core.errors import Conflict, Invalid, NotFound
from app.core.http import grants, see_other, writes_late
from app.core.menu import add_entry
from app.core.numbers import ids_in
from app.core.panels import Line, Panel
from app.core.permissions import authorize, requires
from app.core.storage import StoredFile, read_bytes
from app.engine import runtime
from app.results.process import RESULT
from app.results.tasks import task_for_me
from app.site.blocks import register_block
from app.units import asking
from app.units.flow import flow_log, open_items

__all__ = ["bp", "earlier_views", "issuing_views"]

LOOK_UPS = PublicForm("certificate", free=10)
NOT_ISSUED = "证书尚未签发，签发后才有电子证书"
PAPER_WAITS = "电子证书正在生成，请稍后再试"
PAPER_FAILED = "电子证书暂时未能生成，发证机关处理后即可下载，证书本身已生效"
FORGED = {
    "tone": "danger",
    "word": "签名不符",
    "text": "二维码中的签名与本证书不符，请勿采信。如有疑问，请按编号查询或联系发证机构。",
}
SIGNED = {
    "active": ("success", "本证书真实有效，内容与平台记录一致。"),
    "replaced": ("warning", "本证书由发证机构签发，但已换发新证书，不再有效。"),
    "revoked": ("danger", "本证书由发证机构签发，但已撤销，不再有效。"),
}
"""What a genuine code says of a certificate, by its status: the tone and the words."""


@bp.get("/certificates")
@requires("certificate.mine")
def index() -> str | BaseResponse:
    """The person's titles (我的职称); who only issues them is led to those."""
    if all(grant.role != "applicant" for grant in grants()):
        return see_other(url_for("certificates.issued"))
    mine = queries.certificates_of(current_user.id)
    return render_template(
        "certificates/index.html",
        certificates=mine,
        requests=queries.latest_requests(mine),
        earlier=earlier.of_person(current_user.id),
        failed=queries.failed_papers(mine),
    )


@bp.get("/certificates/<int:certificate_id>")
@requires("certificate.show")
def show(certificate_id: int) -> str:
    """A certificate with its facts, its paper and its course."""
    certificate = certificate_for(certificate_id)
    business = (RESULT, certificate.result_id or 0)
    photo_tasks = [i for i in open_items(business) if i.node == "provide_photo"]
    return render_template(
        "certificates/show.html",
        certificate=certificate,
        photo=db.session.get(StoredFile, current_user.photo_file_id or 0),
        photo_task=photo_tasks[0] if photo_tasks else None,
        task=task_for_me(business),
        requests=queries.requests_of(certificate.id),
        can_replace=_can_replace(certificate),
        paper_failed=_has_failed(certificate),
        is_issuer=issues_certificate(current_user, certificate, now()),
        revocations=queries.revocations_of(certificate.id),
        log=flow_log(business),
    )


def _has_failed(certificate: Certificate) -> bool:
    return bool(queries.failed_papers([certificate]))


def _can_replace(certificate: Certificate) -> bool:
    mine = certificate.person_id == current_user.id
    active = certificate.state is CertificateStatus.ACTIVE
    if not mine or not active or queries.living_revocation(certificate.id):
        return False
    return queries.open_request(certificate.id) is None


@bp.post("/certificates/<int:certificate_id>/photo")
@requires("certificate.replace")
def provide_photo(certificate_id: int) -> BaseResponse:
    """Go on with the photo that the person has uploaded."""
    certificate = queries.own_certificate(certificate_id, current_user.id)
    waiting = [
        item
        for item in open_items((RESULT, certificate.result_id or 0))
        if item.node == "provide_photo"
    ]
    if not waiting:
        raise Conflict("该证书不需要补充照片")
    runtime.complete(waiting[0], {}, actor_id=current_user.id, now=now())
    flash("照片已提交，等待发证机关发证", "success")
    return see_other(url_for("certificates.show", certificate_id=certificate.id))


@bp.get("/certificates/<int:certificate_id>/file")
@requires("certificate.show")
def paper(certificate_id: int) -> Response:
    """The certificate as a PDF (电子证书)."""
    certificate = certificate_for(certificate_id)
    if certificate.state is CertificateStatus.REVOKED:
        raise Conflict("该证书已撤销，不再提供电子证书")
    if not certificate.is_issued:
        raise Conflict(NOT_ISSUED)
    if certificate.pdf is None:
        raise Conflict(PAPER_FAILED if _has_failed(certificate) else PAPER_WAITS)
    answer = make_response(read_bytes(certificate.pdf))
    answer.headers["Content-Type"] = "application/pdf"
    kind = "attachment" if "download" in request.args else "inline"
    answer.headers["Content-Disposition"] = f'{kind}; filename="{certificate.number}.pdf"'
    answer.headers["Content-Security-Policy"] = "default-src 'self'; object-src 'self'"
    return answer


@bp.get("/certificates/<int:certificate_id>/replace")
@requires("certificate.replace")
def replace(certificate_id: int) -> str:
    """The form of a replacement request (补换证)."""
    certificate = _replaceable(certificate_id)
    return _replace(certificate, queries.open_request(certificate.id), {})


def _replaceable(certificate_id: int) -> Certificate:
    certificate = queries.own_certificate(certificate_id, current_user.id)
    operations.check_replaceable(certificate)
    return certificate


def _replace(
    certificate: Certificate, made: ReplacementRequest | None, errors: dict[str, list[str]]
) -> str:
    typed = request.form if request.method == "POST" else None
    changes = made.changes if made else {}
    values = {
        field: (typed.get(field, "") if typed is not None else changes.get(field, ""))
        for field in CHANGEABLE
    }
    ticked = typed.getlist("changes") if typed is not None else list(changes)
    evidence = (
        typed.getlist("evidence")
        if typed is not None
        else [file.file_id for file in (made.evidence if made else [])]
    )
    return render_template(
        "certificates/replace.html",
        certificate=certificate,
        changeable=CHANGEABLE,
        decided=DECIDED,
        disagreeing=disagreeing(certificate),
        values=values,
        ticked=ticked,
        evidence=evidence,
        reason=typed.get("reason", "") if typed is not None else (made.reason if made else ""),
        errors=errors,
    )


def _typed(certificate_id: int) -> str:
    """The form of a request with what was typed into it."""
    return _replace(_replaceable(certificate_id), None, {})


@bp.post("/certificates/<int:certificate_id>/replace")
@requires("certificate.replace")
@brings_files(_typed, of=_replaceable)
def request_replacement(certificate_id: int) -> BaseResponse | tuple[str, int]:
    """Send the request to the unit; after a return, send it again."""
    waiting = queries.open_request(certificate_id)
    if waiting is not None and waiting.person_id == current_user.id:
        asking.hold((REPLACEMENT, waiting.id), waiting)
    certificate = queries.own_certificate(certificate_id, current_user.id, for_update=True)
    operations.check_replaceable(certificate)
    form = request.form
    typed: dict[str, Any] = {
        "reason": form.get("reason", ""),
        "changes": {field: form.get(field, "") for field in form.getlist("changes")},
        "evidence": ids_in(form.getlist("evidence")),
    }
    faults = operations.faults_of_request(certificate, **typed)
    if form.get("is_true") != "yes":
        faults["is_true"] = ["请勾选真实性声明"]
    if faults:
        return _replace(certificate, None, faults), Invalid.status
    made = operations.request_replacement(certificate, **typed, person=current_user, now=now())
    _send(made, certificate)
    flash("补换证申请已提交，等待单位审核", "success")
    return see_other(url_for("certificates.replacement", request_id=made.id))


def _send(made: ReplacementRequest, certificate: Certificate) -> None:
    asking.send(
        "certificate_replacement",
        (REPLACEMENT, made.id),
        "mend_replacement",
        jurisdiction=certificate.jurisdiction,
        actor_id=current_user.id,
        now=now(),
    )


@bp.get("/replacements/<int:request_id>")
@requires("replacement.show")
def replacement(request_id: int) -> str:
    """A replacement request and its course (流程)."""
    made = db.session.get(ReplacementRequest, request_id)
    if made is None:
        raise NotFound
    authorize("replacement.show", current_user, made, now())
    return render_template(
        "certificates/replacement.html",
        record=replacement_record(made.id, current_user),
        log=flow_log((REPLACEMENT, made.id)),
    )


@bp.get("/verify")
@requires("certificate.verify")
def verify() -> str:
    """The form by which a certificate is looked up (证书查询)."""
    return _verify_page({}, "")


def _verify_page(errors: dict[str, str], message: str) -> str:
    return render_template(
        "certificates/verify.html",
        name=request.form.get("name", ""),
        number=request.form.get("number", ""),
        errors=errors,
        message=message,
        challenge=LOOK_UPS.challenge(),
    )


@bp.post("/verify")
@requires("certificate.verify")
def look_up() -> str | BaseResponse | tuple[str, int]:
    """Look a certificate up by name and number, which no address carries.

    What is not found counts: nobody tries numbers through without proving work.
    """
    name, number = request.form.get("name", ""), request.form.get("number", "")
    errors = {
        field: f"请填写{label}"
        for field, label in (("name", "姓名"), ("number", "证书编号"))
        if not request.form.get(field, "").strip()
    }
    if errors:
        return _verify_page(errors, ""), Invalid.status
    try:
        LOOK_UPS.prove()
    except TooManyTries as refusal:
        return _verify_page({}, refusal.message), refusal.status
    found = queries.certificate_by_number(name, number)
    if found is not None:
        return see_other(url_for("certificates.public", public_id=found.public_id))
    before = earlier.public_by_number(name, number)
    if before is not None:
        return render_template("certificates/earlier.html", certificate=before)
    LOOK_UPS.count()
    return _verify_page({}, "没有查到与姓名和证书编号都相符的证书，请核对后重试"), 404


def _public(public_id: str) -> Certificate:
    certificate = queries.certificate_by_public_id(public_id)
    if certificate is None:
        raise NotFound("没有这份证书，请核对二维码或证书编号")
    return certificate


@bp.get("/v/<public_id>")
@requires("certificate.verify")
def public(public_id: str) -> str:
    """What a scanned QR code shows: whether the certificate holds, and its facts."""
    certificate = _public(public_id)
    return render_template(
        "certificates/public.html",
        certificate=certificate,
        revocation=queries.living_revocation(certificate.id),
        genuine=_signed_by_us(certificate.signature or "", certificate),
    )


def _signed_by_us(token: str, certificate: Certificate) -> bool:
    return signing.is_genuine(token, certificate.number or "", certificate.facts)


@bp.post("/v/<public_id>/signature")
@writes_late
@requires("certificate.verify")
def check_signature(public_id: str) -> dict[str, str | bool]:
    """What to tell of the signature in a printed code: posted, so that no log keeps it.

    It writes nothing; checking costs less than the page itself, so that nobody is limited.
    """
    certificate = _public(public_id)
    if not _signed_by_us(request.form.get("token", ""), certificate):
        return {"genuine": False, **FORGED}
    tone, text = SIGNED[certificate.status]
    return {"genuine": True, "tone": tone, "word": "签名有效", "text": text}


@bp.get("/v/<public_id>/photo")
@requires("certificate.verify")
def public_photo(public_id: str) -> Response:
    """The photo of a certificate, for who holds its code."""
    certificate = _public(public_id)
    if certificate.photo is None:
        raise NotFound
    answer = make_response(read_bytes(certificate.photo))
    answer.headers["Content-Type"] = certificate.photo.media_type
    return answer


@register_block(90)
def verify_block(_moment: object) -> Panel:
    """The public home page's way to the verification."""
    lines = [Line("输入姓名和证书编号查询，或扫描证书上的二维码", url_for("certificates.verify"))]
    return Panel("证书查询", lines)


add_entry(
    "个人申报", "我的职称", "award", "certificates.index", "certificate.mine", roles=("applicant",)
)
