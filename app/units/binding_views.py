"""绑定单位: the person's page (FJ-P-07..09, AH-P-07, AH-P-08)."""

from datetime import datetime
from typing import Any

from flask import flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.core.brought import brings_files
from app.core.clock import now
from app.core.db import db
from app.core.errors import Conflict, Invalid
from app.core.faults import show_faults
from app.core.http import page_of, see_other
from app.core.menu import add_entry
from app.core.panels import Line, Panel, register_panel
from app.core.permissions import requires
from app.engine import care, runtime
from app.engine.models import ProcessInstance
from app.units import asking, evidence, keepers, moving, operations, queries
from app.units.flow import flow_log, open_items
from app.units.forms import BindingForm, KeeperForm
from app.units.models import PENDING, RETURNED, Employment, Unit
from app.units.process import BINDING, can_be_taken_back
from app.units.vetting import DROP
from app.units.web import bp

STANDING = {
    PENDING: "正等待单位审核，通过后才能提交业绩和申报",
    RETURNED: "已被单位退回，请修改后重新提交",
}


@bp.get("/binding")
@requires("unit.bind")
def binding() -> str:
    """Which unit the person belongs to, and the request that waits (绑定单位)."""
    return _binding_page(_known(), _known_keeper())


def _known() -> BindingForm:
    """Return the form of a request with what is known already."""
    waiting = queries.open_binding(current_user.id)
    return BindingForm(
        data={
            "note": waiting.note if waiting else "",
            "phone": current_user.phone,
            "email": current_user.email,
            "politics": current_user.profile.get("politics", ""),
        }
    )


def _known_keeper() -> KeeperForm:
    return KeeperForm(data={"keeper": keepers.name_of(current_user.id)})


def _binding_page(form: BindingForm, keeper: KeeperForm) -> str:
    waiting = queries.open_binding(current_user.id)
    returned = waiting.unit.name if waiting and waiting.status == RETURNED else ""
    wanted, freelancer = request.args.get("q", returned), _says_freelancer(waiting)
    found = None
    if wanted.strip():
        offices = queries.search_offices(wanted)
        found = page_of(offices if freelancer else queries.search_units(None, wanted), size=8)
    unit = queries.unit_of(current_user.id)
    return render_template(
        "units/binding.html",
        unit=unit,
        may_withdraw=_may_withdraw(waiting),
        staying=moving.staying(current_user.id, unit),
        employment=queries.employment_of(current_user.id),
        waiting=waiting,
        freelancer=freelancer,
        found=found,
        own=queries.own_unit_id(current_user.id, freelancer=freelancer),
        wanted=wanted,
        chosen=request.form.get("unit_id", type=int) or (waiting.unit_id if waiting else 0),
        form=form,
        evidence=_evidence(waiting),
        keeper=keeper,
        log=flow_log((BINDING, waiting.id)) if waiting else [],
        due=next((i.due_at for i in open_items((BINDING, waiting.id))), None) if waiting else None,
    )


def _may_withdraw(waiting: Employment | None) -> bool:
    """Tell whether a request can be taken back: one returned, or opened by nobody yet (撤回)."""
    if waiting is None or waiting.status == RETURNED:
        return waiting is not None
    return runtime.may_withdraw((BINDING, waiting.id), waiting.person_id)


def _evidence(waiting: Employment | None) -> list[int]:
    """Return the files that the page offers to send: those just chosen, else those sent."""
    if request.method == "POST":
        return evidence.numbers(request.form.getlist(evidence.FIELD))
    return [file.id for file in evidence.files_of((BINDING, waiting.id))] if waiting else []


def _says_freelancer(waiting: Employment | None) -> bool:
    """Tell which of the two ways the page shows: of freelancers, or of a unit's people."""
    said = request.args.get("freelancer", "")
    return said == "yes" if said else bool(waiting and waiting.is_freelancer)


@register_panel(5)
def binding_panel(person: Any, roles: set[str], _moment: datetime) -> Panel | None:
    """绑定单位: what a new applicant does first, until a unit has taken them in."""
    if "applicant" not in roles or queries.unit_of(person.id) is not None:
        return None
    waiting = queries.open_binding(person.id)
    lines = [Line(waiting.unit.name, "/binding", STANDING[waiting.status])] if waiting else []
    return Panel(
        "第一步：绑定单位",
        lines,
        empty="您还没有绑定单位。现在可以录入业绩；单位审核通过绑定后，才能提交业绩审核和申报",
        action_label="查看绑定申请" if waiting else "去绑定单位",
        action_url="/binding",
    )


@bp.post("/binding")
@requires("unit.bind")
@brings_files(lambda: _binding_page(BindingForm(request.form), _known_keeper()))
def request_binding() -> Response | tuple[str, int]:
    """Send a request to a unit; after a return, send it again."""
    form, moment = BindingForm(request.form), now()
    valid = form.validate()
    try:
        unit = _chosen_unit()
        if valid:
            bound = _ask(form, unit, moment)
    except Invalid as error:
        show_faults(form, error)
        valid = False
    if not valid:
        return _binding_page(form, _known_keeper()), 422
    asking.send(
        "unit_binding",
        (BINDING, bound.id),
        "mend_binding",
        jurisdiction=unit.jurisdiction,
        actor_id=current_user.id,
        now=moment,
    )
    flash(f"已提交绑定申请，等待{unit.name}审核", "success")
    return see_other(url_for("units.binding"))


def _chosen_unit() -> Unit:
    unit = db.session.get(Unit, request.form.get("unit_id", type=int) or 0)
    if unit is None or unit.closed_at is not None:
        raise Invalid("请先选择单位", field="unit_id")
    return unit


def _ask(form: BindingForm, unit: Unit, moment: datetime) -> Employment:
    waiting = queries.open_binding(current_user.id)
    if waiting is not None:
        asking.hold((BINDING, waiting.id), waiting)
    contact = operations.Contact(
        phone=form.phone.data or "",
        email=form.email.data or "",
        politics=form.politics.data or "",
    )
    files = evidence.numbers(request.form.getlist(evidence.FIELD))
    evidence.check(files, current_user.id, (BINDING, waiting.id) if waiting else None)
    bound = operations.request_binding(
        current_user,
        unit,
        form.note.data or "",
        freelancer=form.freelancer.data == "yes",
        contact=contact,
        now=moment,
    )
    evidence.attach((BINDING, bound.id), files, current_user.id)
    return bound


@bp.post("/binding/withdraw")
@requires("unit.bind")
def withdraw_binding() -> Response:
    """Take back a request that nobody has opened yet, or that was returned (撤回)."""
    waiting = queries.open_binding(current_user.id)
    if waiting is None:
        raise Conflict("没有可以撤回的绑定申请")
    returned = asking.task_of_page((BINDING, waiting.id), "mend_binding")
    if returned is not None and can_be_taken_back(returned):
        runtime.complete(returned, {"decision": DROP}, actor_id=current_user.id, now=now())
    elif returned is not None:
        ended = db.session.get_one(ProcessInstance, returned.instance_id)
        care.cancel(ended, reason="本人撤回", actor_id=current_user.id, now=now())
    else:
        runtime.withdraw((BINDING, waiting.id), actor_id=current_user.id, now=now())
    flash("绑定申请已撤回，可以重新选择单位", "success")
    return see_other(url_for("units.binding"))


@bp.get("/binding/keeper")
@requires("unit.bind")
def keeper() -> Response:
    """Lead to the page: a refused name leaves this address in the browser."""
    return see_other(url_for("units.binding"))


@bp.post("/binding/keeper")
@requires("unit.bind")
def choose_keeper() -> Response | tuple[str, int]:
    """Say who keeps one's personnel file (人事档案主管, FJ-P-05)."""
    form = KeeperForm(request.form)
    if form.validate():
        try:
            found = queries.unit_called(form.keeper.data or "")
            keepers.choose_keeper(current_user, found, now=now())
        except Invalid as error:
            show_faults(form, error if error.errors else Invalid(error.message, field="keeper"))
        else:
            flash("人事档案主管已保存", "success")
            return see_other(url_for("units.binding"))
    return _binding_page(_known(), form), 422


add_entry("个人申报", "绑定单位", "building", "units.binding", "unit.bind", order=90)
