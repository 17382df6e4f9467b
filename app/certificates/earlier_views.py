"""往年证书: those that an issuing office has entered, and taking one back."""

from flask import flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.certificates import earlier
from app.certificates.models import EarlierCertificate
from app.certificates.web import bp
from app.core.clock import now
from app.core.db import db
from app.core.errors import NotFound
from app.core.faults import shown_on
from app.core.http import grants, page_of, see_other
from app.core.menu import add_entry
from app.core.permissions import authorize, requires


def _certificate(earlier_id: int) -> EarlierCertificate:
    found = db.session.get(EarlierCertificate, earlier_id)
    if found is None:
        raise NotFound("证书不存在")
    authorize("certificate.withdraw", current_user, found, now())
    return found


@bp.get("/certificates/earlier")
@requires("certificate.earlier")
def earlier_list() -> str:
    """What the office has entered of certificates from before the platform."""
    units = sorted({g.scope_id for g in grants() if g.role == "issuer" and g.scope_id})
    page = page_of(earlier.kept_by(units, request.args.get("q", "")))
    return render_template("certificates/earlier_list.html", page=page)


@bp.get("/certificates/earlier/<int:earlier_id>")
@requires("certificate.withdraw")
def earlier_one(earlier_id: int) -> str:
    """One of them, and the form that takes it back."""
    return render_template("certificates/earlier_one.html", certificate=_certificate(earlier_id))


@bp.post("/certificates/earlier/<int:earlier_id>")
@requires("certificate.withdraw")
@shown_on(earlier_one)
def withdraw_earlier(earlier_id: int) -> Response:
    """Take back what was entered wrongly."""
    found = _certificate(earlier_id)
    reason = request.form.get("reason", "")
    earlier.withdraw(found, reason, actor=current_user, now=now())
    flash(f"已撤下{found.name}的往年证书 {found.number}", "success")
    return see_other(url_for("certificates.earlier_list"))


add_entry(
    "证书", "往年证书", "archive", "certificates.earlier_list", "certificate.earlier", order=70
)
