"""Binding oneself to a unit, and a unit's staff accounts."""

from flask import Blueprint, flash, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from app.accounts.flow import flow_log, open_items
from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid, NotFound
from app.core.http import grants, page_of, see_other
from app.core.menu import add_entry
from app.core.permissions import authorize, requires
from app.engine import runtime
from app.units import operations, queries
from app.units.models import Employment, Unit
from app.units.process import BINDING

bp = Blueprint("units", __name__)


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


@bp.post("/binding")
@requires("unit.bind")
def request_binding() -> Response:
    """Send a request to a unit; after a return, send it again."""
    unit = db.session.get(Unit, request.form.get("unit_id", type=int) or 0)
    if unit is None:
        raise Invalid("请先选择单位", field="unit_id")
    moment = now()
    note = request.form.get("note", "")[:500]
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


def _administered() -> Unit:
    held = [g.scope_id for g in grants() if g.role == "unit_admin" and g.scope_kind == "org"]
    wanted = request.args.get("unit", type=int) or (held[0] if held else None)
    unit = db.session.get(Unit, wanted or 0)
    if unit is None:
        raise NotFound
    authorize("unit.staff", current_user, unit, now())
    return unit


@bp.get("/staff")
@requires("unit.staff")
def staff() -> str:
    """The unit's staff accounts (工作人员账号管理, HB-U-05)."""
    unit = _administered()
    return render_template(
        "units/staff.html",
        unit=unit,
        staff=queries.staff_of(unit.id),
        form=request.form,
        errors={},
    )


@bp.post("/staff")
@requires("unit.staff")
def create_staff() -> str | tuple[str, int]:
    """Open an account; its one-time activation secret is shown this once."""
    unit = _administered()
    try:
        person, secret = operations.create_staff(
            unit,
            name=_text("name", "请填写姓名"),
            login=_text("login", "请填写登录名"),
            role=request.form.get("role", ""),
            actor=current_user,
            now=now(),
        )
    except Invalid as error:
        page = render_template(
            "units/staff.html",
            unit=unit,
            staff=queries.staff_of(unit.id),
            form=request.form,
            errors=error.errors,
        )
        return page, 422
    return render_template("units/secret.html", unit=unit, person=person, secret=secret)


def _text(name: str, message: str) -> str:
    value = request.form.get(name, "").strip()
    if not value or len(value) > 60:
        raise Invalid(message if not value else "不能超过 60 个字", field=name)
    return value


@bp.post("/staff/<int:person_id>/reset")
@requires("unit.staff")
def reset(person_id: int) -> str:
    """Give somebody of the unit a new activation secret (密码重置, HB-U-17)."""
    unit = _administered()
    person = db.session.get(Person, person_id)
    members = {p.id for p, _ in queries.staff_of(unit.id)}
    if person is None or (person.id not in members and not _is_bound(person, unit)):
        raise NotFound
    secret = operations.reset_staff(unit, person, actor=current_user, now=now())
    return render_template("units/secret.html", unit=unit, person=person, secret=secret)


def _is_bound(person: Person, unit: Unit) -> bool:
    bound = queries.unit_of(person.id)
    return bound is not None and bound.id == unit.id


add_entry("个人申报", "绑定单位", "building", "units.binding", "unit.bind", order=90)
add_entry("单位审核", "人员审核", "person-check", "units.requests", "unit.review_bindings")
add_entry("单位审核", "账号管理", "people", "units.staff", "unit.staff", roles=("unit_admin",))
