"""Papers that are printed on demand."""

from flask import Blueprint, Response, make_response, request
from flask_login import current_user

from app.core.clock import now
from app.core.permissions import authorize, requires
from app.declarations.access import visible_declaration
from app.papers.evaluation_form import check_available, form_of, render_evaluation_form

bp = Blueprint("papers", __name__)


@bp.get("/declarations/<int:declaration_id>/evaluation-form")
@requires("declaration.export")
def evaluation_form(declaration_id: int) -> Response:
    """The evaluation form of a declaration as a PDF (职称评审表)."""
    declaration = visible_declaration(declaration_id, current_user, now())
    authorize("declaration.export", current_user, declaration, now())
    check_available(declaration)
    answer = make_response(render_evaluation_form(form_of(declaration)))
    answer.headers["Content-Type"] = "application/pdf"
    kind = "attachment" if "download" in request.args else "inline"
    name = f"evaluation-form-{declaration.number}.pdf"
    answer.headers["Content-Disposition"] = f'{kind}; filename="{name}"'
    return answer
