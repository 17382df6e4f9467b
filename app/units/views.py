"""A unit's accounts: of its staff, and of its own people."""

from flask import flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import unmasking
from app.accounts.handing_out import hand_out
from app.accounts.models import Person, RoleGrant
from app.accounts.states import accounts_of, states_of
from app.accounts.terms import usual_day, usual_end
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid, NotFound
from app.core.faults import judged, show_faults, shown_on
from app.core.http import page_of, see_other
from app.core.menu import add_entry
from app.core.permissions import ROLES, authorize, requires
from app.engine import care
from app.engine.care import Halt
from app.units import (
    binding_views,
    branch_views,
    change_views,
    handover,
    joining_views,
    operations,
    own_views,
    panels,
    post_views,
    queries,
    registration_views,
)
from app.units.forms import ApplicantForm, StaffForm
from app.units.models import Unit
from app.units.process import administers_unit as keeps_staff
from app.units.web import administered, bp, own_unit


@bp.app_template_global("halt_of")
def halt_of(business_type: str, business_id: int) -> Halt | None:
    """Return why a record cannot be worked on now; its page says it and offers nothing."""
    return care.halt_of((business_type, business_id))


@bp.get("/staff")
@requires("unit.staff")
def staff() -> str:
    """The unit's staff accounts (工作人员账号管理, HB-U-05)."""
    unit = administered()
    held: dict[Person, list[RoleGrant]] = {}
    for person, grant in queries.staff_grants(unit.id, now()):
        held.setdefault(person, []).append(grant)
    accounts = accounts_of(held)
    return render_template(
        "units/staff.html",
        unit=unit,
        staff=held,
        own=set(operations.STAFF_ROLES),
        words=ROLES,
        accounts=accounts,
        states=states_of(accounts, held, now()),
        elsewhere=operations.working_elsewhere(unit, [p.id for p in held], now()),
        renewal=usual_end("unit_clerk", now()),
        ending=operations.ending_staff(unit, current_user, now()),
    )


@bp.get("/staff/new")
@requires("unit.staff")
def new_staff() -> str:
    """The form of a new staff account."""
    return _staff_form(StaffForm(data={"until": usual_day(now())}), administered())


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


@bp.post("/staff/<int:person_id>/renew")
@requires("unit.staff")
def renew(person_id: int) -> Response:
    """Let what somebody does for the unit last the usual term from now (续期)."""
    unit, person = administered(), _person(person_id)
    until = operations.renew_staff(unit, person, actor=current_user, now=now())
    flash(f"{person.name}在本单位的角色已续期至 {until}", "success")
    return see_other(url_for("units.staff", unit=unit.id))


@bp.post("/staff/renew")
@requires("unit.staff")
def renew_all() -> Response:
    """Let the terms of all staff that end soon last the usual term from now (全部续期)."""
    unit = administered()
    count, refused = operations.renew_ending_staff(unit, actor=current_user, now=now())
    for name, why in refused:
        flash(f"{name}没有续期：{why}", "warning")
    if count:
        flash(f"{count} 名工作人员的角色已续期至 {usual_day(now())}", "success")
    return see_other(url_for("units.staff", unit=unit.id))


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
    return render_template(
        "units/applicants.html",
        unit=unit,
        page=page,
        may_reset=keeps_staff(current_user, unit, now()),
        accounts=accounts_of(page.items),
        elsewhere=operations.working_elsewhere(unit, [p.id for p in page.items], now()),
    )


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
    told, moment = form.data, now()
    number, phone = told["id_number"] or "", told["phone"] or ""
    if judged(form, lambda: operations.check_applicant(number, phone, moment)):
        try:
            person, secret = operations.open_applicant(
                unit, **told, actor=current_user, now=moment
            )
        except Invalid as error:
            show_faults(form, error)
        else:
            return hand_out(person.id, secret, back=url_for("units.applicants", unit=unit.id))
    return _applicant_form(form, unit), 422


def _masked_person(person_id: int) -> Person:
    person = db.session.get(Person, person_id)
    if person is None:
        raise NotFound
    authorize("unit.unmask", current_user, person, now())
    return person


@bp.get("/staff/applicants/<int:person_id>/number")
@requires("unit.unmask")
def number(person_id: int) -> str:
    """The identity number of one of the unit's people, in full after a reason was given."""
    person, unit = _masked_person(person_id), queries.unit_of(person_id)
    back = url_for("units.applicants", unit=unit.id if unit else None)
    return unmasking.number_page(person, back=back, origin="申报人账号")


@bp.post("/staff/applicants/<int:person_id>/number")
@requires("unit.unmask")
@shown_on(number)
def unmask(person_id: int) -> Response:
    """Show the number in full, once."""
    return unmasking.unmask(_masked_person(person_id))


def _is_bound(person: Person, unit: Unit) -> bool:
    bound = queries.unit_of(person.id)
    return bound is not None and bound.id == unit.id


__all__ = [
    "binding_views",
    "bp",
    "branch_views",
    "change_views",
    "joining_views",
    "own_views",
    "panels",
    "post_views",
    "registration_views",
]

add_entry("单位审核", "申报人账号", "person-vcard", "units.applicants", "unit.applicants")
add_entry("单位审核", "账号管理", "people", "units.staff", "unit.staff")
