"""现有职称情况: the titles held already, each with its appointments and papers."""

from flask import flash, render_template, request, url_for
from werkzeug.wrappers import Response

from app.core.brought import brings_files
from app.core.clock import now
from app.core.errors import NotFound
from app.core.http import see_other
from app.core.permissions import requires
from app.declarations import operations, overview, queries, specs
from app.declarations.fill_pages import address
from app.declarations.models import Declaration, PriorTitle
from app.declarations.operations.common import refuse_unless_editable
from app.declarations.web import bp, own
from forms import AnswersForm, FormSpec, build

STEPS = {"up": -1, "down": 1}


def _title(found: Declaration, prior_id: int) -> PriorTitle:
    for row in queries.prior_titles_of(found.id):
        if row.id == prior_id:
            return row
    raise NotFound("该职称记录不存在，请刷新页面")


def _spec(found: Declaration, row: PriorTitle | None) -> FormSpec:
    return specs.held_to(specs.typed_form(found, row), found, now())


def _page(found: Declaration, form: AnswersForm, row: PriorTitle | None) -> str:
    return render_template(
        "declarations/title.html",
        declaration=found,
        spec=specs.typed_form(found, row),
        form=form,
        row=row,
        given=overview.given_pairs(found, row) if row else [],
        posts=specs.given_by(row).get("appointments") if row else [],
    )


@bp.get("/declarations/<int:declaration_id>/titles/new")
@requires("declaration.fill")
def new_title(declaration_id: int) -> str:
    """An empty form for a title."""
    found = own(declaration_id)
    start = {"series": found.specialty.series.name, "specialty": found.specialty.name}
    return _page(found, build(_spec(found, None))(data=start), None)


@bp.get("/declarations/<int:declaration_id>/titles/<int:prior_id>")
@requires("declaration.fill")
def edit_title(declaration_id: int, prior_id: int) -> str:
    """A title to be changed."""
    found = own(declaration_id)
    row = _title(found, prior_id)
    taken = {file.file_id for file in row.version.files} if row.version else set()
    own_files = [file.file_id for file in row.files if file.file_id not in taken]
    return _page(found, build(_spec(found, row))(data={**row.data, "files": own_files}), row)


def _typed(declaration_id: int, prior_id: int | None = None) -> str:
    """The form of a title with what was typed into it."""
    found = own(declaration_id)
    refuse_unless_editable(found)
    row = _title(found, prior_id) if prior_id is not None else None
    return _page(found, build(_spec(found, row))(request.form), row)


@bp.post("/declarations/<int:declaration_id>/titles/new")
@requires("declaration.fill")
@brings_files(_typed, of=lambda declaration_id, **_: own(declaration_id))
def add_title(declaration_id: int) -> str | Response | tuple[str, int]:
    """Add a title."""
    return _save(declaration_id, None)


@bp.post("/declarations/<int:declaration_id>/titles/<int:prior_id>")
@requires("declaration.fill")
@brings_files(_typed, of=lambda declaration_id, **_: own(declaration_id))
def save_title(declaration_id: int, prior_id: int) -> str | Response | tuple[str, int]:
    """Change a title."""
    return _save(declaration_id, prior_id)


def _save(declaration_id: int, prior_id: int | None) -> str | Response | tuple[str, int]:
    found = own(declaration_id, lock=True)
    row = _title(found, prior_id) if prior_id is not None else None
    form = build(_spec(found, row))(request.form)
    if not form.validate():
        return _page(found, form, row), 422
    operations.save_prior_title(found, form.answers(), prior_id=prior_id, now=now())
    flash("已保存", "success")
    return see_other(address(found, "basics", "titles"))


@bp.post("/declarations/<int:declaration_id>/titles/<int:prior_id>/<verb>")
@requires("declaration.fill")
def change_title(declaration_id: int, prior_id: int, verb: str) -> Response:
    """Delete a title, or move it up or down."""
    found = own(declaration_id, lock=True)
    if verb == "delete":
        operations.delete_prior_title(found, prior_id, now=now())
        flash("已删除", "success")
    elif verb in STEPS:
        operations.move_prior_title(found, prior_id, STEPS[verb], now=now())
    else:
        raise NotFound
    return see_other(url_for("declarations.section", declaration_id=found.id, section="basics"))
