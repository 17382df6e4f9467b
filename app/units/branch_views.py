"""次级机构管理: the units below one's own, and opening another (HB-U-04)."""

from flask import render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.handing_out import hand_out
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid, NotFound
from app.core.faults import show_faults
from app.core.http import page_of
from app.core.menu import add_entry
from app.core.permissions import requires
from app.units import areas, branches, tree
from app.units.code_lists import AREA_OFFICES, TYPES
from app.units.forms import BranchForm
from app.units.models import Unit
from app.units.web import administered, bp


def _superior() -> Unit:
    return administered("unit.branches")


@bp.get("/unit/branches")
@requires("unit.branches")
def branch_list() -> str:
    """The units below one's own."""
    unit = _superior()
    chosen = request.args.get("type", "")
    moment = now()
    page = page_of(branches.branches_of(unit.id, text=request.args.get("q", ""), type_=chosen))
    accounts = branches.administrators_of([each.id for each in page.items], moment)
    return render_template(
        "units/branches.html",
        unit=unit,
        page=page,
        types=[(name, name) for name in TYPES],
        accounts=accounts,
        renewable={
            unit_id
            for unit_id, held in accounts.items()
            if branches.renewable(unit_id, held, moment)
        },
    )


@bp.get("/unit/branches/new")
@requires("unit.branches")
def new_branch() -> str:
    """The form of a new unit below one's own."""
    unit = _superior()
    started = {"area_code": areas.current(unit.area_code), "kind": unit.kind, "type": "用人单位"}
    return _branch_page(BranchForm(data=started), unit)


def _branch_page(form: BranchForm, unit: Unit) -> str:
    form.offer(area_code=unit.area_code, serves_area=unit.type in AREA_OFFICES)
    return render_template("units/new_branch.html", form=form, unit=unit)


@bp.post("/unit/branches/new")
@requires("unit.branches")
def open_branch() -> Response | tuple[str, int]:
    """Open a unit below one's own; its first administrator's secret is shown this once."""
    unit, form = _superior(), BranchForm(request.form)
    if form.validate():
        try:
            _, person, secret = branches.open_branch(
                unit, _facts(form, unit), _first(form), actor=current_user, now=now()
            )
        except Invalid as error:
            show_faults(form, error)
        else:
            return hand_out(person.id, secret, back=url_for("units.branch_list", unit=unit.id))
    return _branch_page(form, unit), 422


def _facts(form: BranchForm, unit: Unit) -> tree.UnitFacts:
    return tree.UnitFacts(
        name=form.name.data or "",
        type=form.type.data,
        kind=form.kind.data,
        area_code=form.area_code.data,
        jurisdiction=unit.jurisdiction,
        credit_code=form.credit_code.data or "",
        has_leader=bool(form.has_leader.data),
    )


def _first(form: BranchForm) -> branches.FirstAdministrator:
    return branches.FirstAdministrator(form.admin_name.data or "", form.login.data or "")


@bp.post("/unit/branches/<int:branch_id>/activation")
@requires("unit.branches")
def renew_activation(branch_id: int) -> Response:
    """Make the activation of a branch's administrator anew, while it was not used."""
    unit, branch = _superior(), db.session.get(Unit, branch_id)
    if branch is None:
        raise NotFound
    person_id, secret = branches.renew_activation(unit, branch, actor=current_user, now=now())
    return hand_out(person_id, secret, back=url_for("units.branch_list", unit=unit.id))


add_entry("单位审核", "次级机构", "diagram-2", "units.branch_list", "unit.branches", order=70)
