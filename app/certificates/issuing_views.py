"""The issuer's pages: the list and its export, papers that failed, revocation (证书管理)."""

from typing import Any

from flask import Response, flash, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import Select
from werkzeug.wrappers import Response as BaseResponse
from wtforms import Form

from app.accounts.models import Person
from app.certificates import operations, queries, revoking
from app.certificates.models import Certificate, CertificateStatus, Ground, Revocation
from app.certificates.revocation_process import REVOCATION, WITHDRAW
from app.certificates.web import bp, certificate_for
from app.core.clock import now
from app.core.db import db
from app.core.errors import Conflict, Invalid, NotFound
from app.core.http import grants, marks_viewed, page_of, see_other
from app.core.menu import add_entry
from app.core.panels import Line, Panel, register_panel
from app.core.permissions import authorize, requires
from app.core.tables import cut_words, note_export, table_answer
from app.engine import runtime
from app.results.tasks import task_for_me
from app.units.flow import flow_log, open_items
from forms import build, load

FORM = "propose_revocation"
EXPORTED = 5000
HEADS = (
    *("序号", "姓名", "证件号码", "证书编号", "系列", "专业", "资格名称", "职称级别"),
    *("取得资格时间", "发证日期", "取得资格时所在单位", "状态"),
)


def _units() -> list[int]:
    return sorted({g.scope_id for g in grants() if g.role == "issuer" and g.scope_id})


def _listed() -> Select[tuple[Certificate]]:
    args = request.args
    return queries.issued_by_units(_units(), args.get("q", ""), args.get("status", ""))


@bp.get("/certificates/issued")
@requires("certificate.issued")
def issued() -> str:
    """What the issuer has issued or is about to (证书管理)."""
    page = page_of(_listed())
    return render_template(
        "certificates/issued.html",
        page=page,
        states=list(CertificateStatus),
        failed=queries.failed_papers(page.items),
        cut=cut_words(page.total, EXPORTED),
    )


@bp.get("/certificates/issued.csv")
@marks_viewed
@requires("certificate.export")
def export() -> Response:
    """导出证书名单, as it is filtered; who took it is kept."""
    found = page_of(_listed(), page=1, size=EXPORTED)
    subject = ("person", current_user.id)
    note_export("certificate:exported", subject=subject, rows=len(found.items), units=_units())
    rows = [_cells(number, each) for number, each in enumerate(found.items, 1)]
    return table_answer("证书名单", HEADS, rows, total=found.total)


def _cells(number: int, found: Certificate) -> tuple[object, ...]:
    facts = found.facts
    return (
        number,
        facts["name"],
        facts["id_number"],
        found.number,
        facts["series"],
        facts["specialty"],
        facts["title"],
        facts["level"],
        found.obtained_on,
        found.issued_on,
        facts["employer"],
        found.state.label,
    )


@bp.post("/certificates/<int:certificate_id>/print")
@requires("certificate.print")
def print_again(certificate_id: int) -> BaseResponse:
    """Have a paper that failed tried again (重新生成)."""
    certificate = certificate_for(certificate_id, "certificate.print")
    operations.print_again(certificate, actor_id=current_user.id, now=now())
    flash("已重新安排生成电子证书，请稍后刷新查看", "success")
    return see_other(url_for("certificates.show", certificate_id=certificate.id))


def _form(data: Any = None) -> Form:
    return build(load(FORM))(data)


def _revoke_page(certificate: Certificate, form: Form) -> str:
    return render_template(
        "certificates/revoke.html", certificate=certificate, form=form, spec=load(FORM)
    )


@bp.get("/certificates/<int:certificate_id>/revoke")
@requires("certificate.revoke")
def revoke(certificate_id: int) -> str:
    """Ask why a certificate is to be revoked, and by what law (撤销证书)."""
    certificate = certificate_for(certificate_id, "certificate.revoke")
    revoking.check_revocable(certificate, actor_id=current_user.id, now=now())
    return _revoke_page(certificate, _form())


@bp.post("/certificates/<int:certificate_id>/revoke")
@requires("certificate.revoke")
def propose_revocation(certificate_id: int) -> BaseResponse | tuple[str, int]:
    """Send the proposal to the second person."""
    certificate = certificate_for(certificate_id, "certificate.revoke")
    form = _form(request.form)
    if not form.validate():
        return _revoke_page(certificate, form), Invalid.status
    answers = form.answers()  # type: ignore[attr-defined]
    case = revoking.Case(Ground(answers["ground"]), answers["legal_basis"], answers["reason"])
    made = revoking.propose_revocation(certificate, case, actor=current_user, now=now())
    runtime.start(
        "certificate_revocation",
        business=(REVOCATION, made.id),
        jurisdiction=certificate.jurisdiction,
        actor_id=current_user.id,
        now=now(),
    )
    flash("撤销已提交，等待本机关另一人复核；复核前证书仍然有效", "success")
    return see_other(url_for("certificates.revocation", revocation_id=made.id))


@bp.get("/revocations/<int:revocation_id>")
@requires("revocation.show")
def revocation(revocation_id: int) -> str:
    """A revocation and its course."""
    made = _revocation(revocation_id)
    authorize("revocation.show", current_user, made, now())
    return render_template(
        "certificates/revocation.html",
        record={"revocation": made, "certificate": made.certificate},
        log=flow_log((REVOCATION, made.id)),
        task=task_for_me((REVOCATION, made.id)),
    )


def _revocation(revocation_id: int) -> Revocation:
    made = db.session.get(Revocation, revocation_id)
    if made is None:
        raise NotFound
    return made


@bp.post("/revocations/<int:revocation_id>/withdraw")
@requires("certificate.revoke")
def withdraw_revocation(revocation_id: int) -> BaseResponse:
    """Take one's own proposal back, whether or not anybody is left to confirm it (撤回提议)."""
    made = _revocation(revocation_id)
    authorize("certificate.revoke", current_user, made.certificate, now())
    task = next(iter(open_items((REVOCATION, made.id))), None)
    if task is None:
        raise Conflict("该撤销已有结论")
    runtime.complete(task, {"decision": WITHDRAW}, actor_id=current_user.id, now=now())
    flash("提议已撤回，证书继续有效", "success")
    return see_other(url_for("certificates.revocation", revocation_id=made.id))


@register_panel(12)
def issuing(_person: Person, roles: set[str], _moment: object) -> Panel | None:
    """What waits for an issuing office, and what it has issued."""
    if "issuer" not in roles:
        return None
    found, url = queries.figures_of(_units()), url_for("certificates.issued")

    def figure(text: str, status: CertificateStatus, tone: str) -> Line:
        count = found.get(status, 0)
        return Line(
            text, f"{url}?status={status}", status=str(count), tone=tone if count else "secondary"
        )

    return Panel(
        "证书",
        [
            figure("待签发", CertificateStatus.AWAITING_ISSUE, "warning"),
            figure("待本人补照片", CertificateStatus.AWAITING_PHOTO, "info"),
            figure("有效证书", CertificateStatus.ACTIVE, "success"),
            figure("已撤销", CertificateStatus.REVOKED, "danger"),
        ],
    )


@register_panel(18)
def failed_papers(_person: Person, roles: set[str], _moment: object) -> Panel | None:
    """Papers that could not be printed, on the issuer's home page."""
    if "issuer" not in roles:
        return None
    unprinted = list(db.session.scalars(queries.unprinted(_units()).limit(50)))
    failed = queries.failed_papers(unprinted)
    lines = [
        Line(
            f"{c.facts['name']} · {c.name}",
            url_for("certificates.show", certificate_id=c.id),
            c.number or "",
            "生成失败",
            "danger",
        )
        for c in unprinted
        if c.id in failed
    ]
    return Panel("电子证书生成失败", lines) if lines else None


add_entry("证书", "证书管理", "patch-check", "certificates.issued", "certificate.issued")
