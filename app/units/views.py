"""Binding oneself to a unit, and a unit's staff accounts."""

from datetime import datetime
from typing import Any

from flask import flash, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from app.accounts.handing_out import hand_out
from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid, NotFound
from app.core.faults import show_faults, shown_on
from app.core.http import grants, page_of, see_other
from app.core.menu import add_entry
from app.core.panels import Line, Panel, register_panel
from app.core.permissions import ROLES, requires
from app.engine import care, runtime
from app.engine.care import Halt
from app.units import (
    branch_views,
    change_views,
    handover,
    operations,
    own_views,
    queries,
    registration_views,
)
from app.units.flow import flow_log, open_items
from app.units.forms import ApplicantForm, StaffForm
from app.units.models import PENDING, RETURNED, Employment, Unit
from app.units.process import BINDING
from app.units.process import administers_unit as keeps_staff
from app.units.web import administered, bp, own_unit


@bp.app_template_global("halt_of")
def halt_of(business_type: str, business_id: int) -> Halt | None:
    """Return why a record cannot be worked on now; its page says it and offers nothing."""
    return care.halt_of((business_type, business_id))


@bp.get("/binding")
@requires("unit.bind")
def binding() -> str:
    """Which unit the person belongs to, and the request that waits (绑定单位)."""
    waiting = queries.open_binding(current_user.id)
    search = request.args.get("q", "")
    found = page_of(queries.search_units(None, search), size=8) if search.strip() else None
    return render_template(
        "units/binding.html",
        unit=queries.unit_of(current_user.id),
        waiting=waiting,
        found=found,
        log=flow_log((BINDING, waiting.id)) if waiting else [],
    )


STANDING = {
    PENDING: "正等待单位审核，通过后才能提交业绩和申报",
    RETURNED: "已被单位退回，请修改后重新提交",
}


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
@shown_on(binding)
def request_binding() -> Response:
    """Send a request to a unit; after a return, send it again."""
    unit = db.session.get(Unit, request.form.get("unit_id", type=int) or 0)
    if unit is None or unit.closed_at is not None:
        raise Invalid("请先选择单位", field="unit_id")
    moment = now()
    note = request.form.get("note", "")[:500]
    waiting = queries.open_binding(current_user.id)
    if waiting is not None:
        runtime.hold((BINDING, waiting.id))
        db.session.refresh(waiting, with_for_update={"of": Employment})
    bound = operations.request_binding(current_user, unit, note, now=moment)
    mending = [i for i in open_items((BINDING, bound.id)) if i.node == "mend_binding"]
    if mending:
        runtime.complete(mending[0], {}, actor_id=current_user.id, now=moment)
    else:
        runtime.start(
            "unit_binding",
            business=(BINDING, bound.id),
            jurisdiction=unit.jurisdiction,
            actor_id=current_user.id,
            now=moment,
        )
    flash(f"已提交绑定申请，等待{unit.name}审核", "success")
    return see_other(url_for("units.binding"))


@bp.get("/binding/requests")
@requires("unit.review_bindings")
def requests() -> str:
    """People who belong to the reviewer's units or want to (人员注册审核, FJ-U-18)."""
    reviews = ("unit_admin", "unit_clerk")
    units = [g.scope_id for g in grants() if g.scope_kind == "org" and g.role in reviews]
    status = request.args.get("status", "")
    found = select(Employment).where(Employment.unit_id.in_(units))
    if status:
        found = found.where(Employment.status == status)
    name = request.args.get("q", "").strip()
    if name:
        found = found.join(Employment.person).where(Person.name.contains(name, autoescape=True))
    page = page_of(found.order_by(Employment.requested_at.desc(), Employment.id.desc()))
    tasks = {e.id: next(iter(open_items((BINDING, e.id))), None) for e in page.items}
    return render_template("units/requests.html", page=page, tasks=tasks)


@bp.get("/staff")
@requires("unit.staff")
def staff() -> str:
    """The unit's staff accounts (工作人员账号管理, HB-U-05)."""
    unit = administered()
    held: dict[Person, list[str]] = {}
    for person, role in queries.staff_of(unit.id, now()):
        held.setdefault(person, []).append(ROLES.get(role, role))
    return render_template("units/staff.html", unit=unit, staff=held)


@bp.get("/staff/new")
@requires("unit.staff")
def new_staff() -> str:
    """The form of a new staff account."""
    return _staff_form(StaffForm(), administered())


def _staff_form(form: StaffForm, unit: Unit) -> str:
    return render_template("units/new_staff.html", form=form, unit=unit)


@bp.post("/staff/new")
@requires("unit.staff")
def create_staff() -> Response | tuple[str, int]:
    """Open an account; its one-time activation secret is shown this once."""
    unit, form = administered(), StaffForm(request.form)
    if form.validate():
        try:
            person, secret = operations.create_staff(
                unit, **form.data, actor=current_user, now=now()
            )
        except Invalid as error:
            show_faults(form, error)
        else:
            return hand_out(person.id, secret, back=url_for("units.staff", unit=unit.id))
    return _staff_form(form, unit), 422


@bp.post("/staff/<int:person_id>/reset")
@requires("unit.staff")
def reset(person_id: int) -> Response:
    """Give somebody of the unit a new activation secret (密码重置, HB-U-17)."""
    unit = administered()
    person = db.session.get(Person, person_id)
    members = {p.id for p, _ in queries.staff_of(unit.id, now())}
    if person is None or (person.id not in members and not _is_bound(person, unit)):
        raise NotFound
    secret = operations.reset_staff(unit, person, actor=current_user, now=now())
    return hand_out(person.id, secret, back=url_for("units.staff", unit=unit.id))


@bp.get("/staff/<int:person_id>/end")
@requires("unit.staff")
def leaving(person_id: int) -> str:
    """Who takes over from somebody who leaves, and what that is (工作交接)."""
    return _leaving_page(administered(), _person(person_id), "", "")


def _person(person_id: int) -> Person:
    person = db.session.get(Person, person_id)
    if person is None:
        raise NotFound
    return person


def _leaving_page(unit: Unit, person: Person, chosen: str, fault: str) -> str:
    return render_template(
        "units/end_staff.html",
        unit=unit,
        person=person,
        left=handover.leaving(unit, person, now()),
        successors=handover.successors(unit, person, now()),
        roles=ROLES,
        chosen=chosen,
        fault=fault,
    )


@bp.post("/staff/<int:person_id>/end")
@requires("unit.staff")
def end_staff(person_id: int) -> Response | tuple[str, int]:
    """End what somebody does for the unit; the account stays, the tasks go to the successor."""
    unit, person = administered(), _person(person_id)
    chosen = request.form.get("successor", "")
    successor = db.session.get(Person, int(chosen)) if chosen.isdecimal() else None
    try:
        handover.end_staff(unit, person, successor, actor=current_user, now=now())
    except Invalid as error:
        return _leaving_page(unit, person, chosen, error.message), error.status
    taken = f"，由{successor.name}接任" if successor else ""
    flash(f"{person.name}在本单位的角色已停用{taken}", "success")
    return see_other(url_for("units.staff", unit=unit.id))


def _own_people() -> Unit:
    return own_unit("unit.applicants", {"unit_admin", "unit_clerk"})


@bp.get("/staff/applicants")
@requires("unit.applicants")
def applicants() -> str:
    """The unit's own people and their accounts (申报人帐号管理, HB-U-06)."""
    unit = _own_people()
    page = page_of(queries.members_of(unit.id, request.args.get("q", "")))
    may_reset = keeps_staff(current_user, unit, now())
    return render_template("units/applicants.html", unit=unit, page=page, may_reset=may_reset)


@bp.get("/staff/applicants/new")
@requires("unit.applicants")
def new_applicant() -> str:
    """The form of a new account for one of the unit's people."""
    return _applicant_form(ApplicantForm(), _own_people())


def _applicant_form(form: ApplicantForm, unit: Unit) -> str:
    return render_template("units/new_applicant.html", form=form, unit=unit)


@bp.post("/staff/applicants/new")
@requires("unit.applicants")
def open_applicant() -> Response | tuple[str, int]:
    """Open an account for one of the unit's people; its secret is shown this once."""
    unit, form = _own_people(), ApplicantForm(request.form)
    if form.validate():
        try:
            person, secret = operations.open_applicant(
                unit, **form.data, actor=current_user, now=now()
            )
        except Invalid as error:
            show_faults(form, error)
        else:
            return hand_out(person.id, secret, back=url_for("units.applicants", unit=unit.id))
    return _applicant_form(form, unit), 422


def _is_bound(person: Person, unit: Unit) -> bool:
    bound = queries.unit_of(person.id)
    return bound is not None and bound.id == unit.id


__all__ = ["bp", "branch_views", "change_views", "own_views", "registration_views"]

add_entry("个人申报", "绑定单位", "building", "units.binding", "unit.bind", order=90)
add_entry("单位审核", "人员审核", "person-check", "units.requests", "unit.review_bindings")
add_entry("单位审核", "申报人账号", "person-vcard", "units.applicants", "unit.applicants")
add_entry("单位审核", "账号管理", "people", "units.staff", "unit.staff")
