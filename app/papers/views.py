"""Papers that are printed on demand."""

from urllib.parse import quote

from flask import Blueprint, Response, make_response, request
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from app.core.clock import now
from app.core.permissions import authorize, requires
from app.declarations.access import visible_declaration
from app.declarations.models import Declaration
from app.papers.evaluation_form import (
    check_available,
    check_submitted,
    form_of,
    render_evaluation_form,
)
from app.papers.item_list import render_listing
from app.papers.kind_form import kind_form_of, kind_of, render_kind_form
from app.portfolio.listing import PRINTED, Listing
from app.portfolio.listing_views import archive_list, note_taken, own_list

bp = Blueprint("papers", __name__)


@bp.get("/declarations/<int:declaration_id>/evaluation-form")
@requires("declaration.export")
def evaluation_form(declaration_id: int) -> Response:
    """The evaluation form of a declaration as a PDF (职称评审表)."""
    declaration = visible_declaration(declaration_id, current_user, now())
    authorize("declaration.export", current_user, declaration, now())
    check_available(declaration)
    return _pdf(
        render_evaluation_form(form_of(declaration)), f"evaluation-form-{declaration.number}.pdf"
    )


@bp.get("/declarations/<int:declaration_id>/kind-form")
@requires("declaration.export")
def kind_form(declaration_id: int) -> Response:
    """破格审批表 or 转评申报表 of a declaration of that kind, as a PDF."""
    declaration = visible_declaration(declaration_id, current_user, now())
    authorize("declaration.export", current_user, declaration, now())
    paper = kind_form_of(declaration)
    check_submitted(declaration, paper.title)
    return _pdf(render_kind_form(paper), f"kind-form-{declaration.number}.pdf")


@bp.get("/portfolio/list.pdf")
@requires("portfolio.list")
def portfolio_list() -> BaseResponse:
    """个人业绩清单 as a PDF."""
    return _listed(own_list(PRINTED))


@bp.get("/portfolio/archive/list.pdf")
@requires("portfolio.archive")
def archive_list_paper() -> BaseResponse:
    """业绩档案清单 as a PDF."""
    return _listed(archive_list(PRINTED))


def _listed(listing: Listing) -> BaseResponse:
    return note_taken(listing, _pdf(render_listing(listing), f"{listing.title}.pdf"))


def _pdf(content: bytes, name: str) -> Response:
    answer = make_response(content)
    answer.headers["Content-Type"] = "application/pdf"
    kind = "attachment" if "download" in request.args else "inline"
    answer.headers["Content-Disposition"] = f"{kind}; filename*=UTF-8''{quote(name, safe='')}"
    return answer


@bp.app_template_global("kind_form_title")
def kind_form_title(declaration: Declaration) -> str:
    """Return what the paper of a declaration's kind is called; nothing for an ordinary one."""
    kind = kind_of(declaration)
    return kind.title.removeprefix("专业技术资格") if kind else ""
