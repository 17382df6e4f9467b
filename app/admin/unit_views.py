"""The system administrator's units (单位登记)."""

from collections.abc import Sequence

from flask import flash, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import Select, func, select
from werkzeug.wrappers import Response

from app.admin.forms import UnitChangeForm, UnitForm
from app.admin.views import bp
from app.catalogue import jurisdictions
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid, NotFound
from app.core.faults import show_faults, shown_on
from app.core.http import page_of, see_other
from app.core.menu import add_entry
from app.core.permissions import ROLES, requires
from app.engine.models import WorkItem
from app.units import areas, history, queries, tree, vacancies
from app.units import closing as closing_units
from app.units import merging as merging_units
from app.units.code_lists import KINDS, TYPES
from app.units.models import Unit

NAMED = 20
"""So many tasks are named that keep a unit open."""


def _unit(unit_id: int) -> Unit:
    unit = db.session.get(Unit, unit_id)
    if unit is None:
        raise NotFound
    return unit


@bp.get("/units")
@requires("unit.manage")
def units() -> str:
    """The unit tree, a level at a time, or what a search finds in it."""
    parent_id = request.args.get("parent", type=int)
    parent = _unit(parent_id) if parent_id else None
    text = request.args.get("q", "").strip()
    found = select(Unit).order_by(Unit.closed_at.is_not(None), Unit.name, Unit.id)
    chosen = {name: request.args.get(name, "") for name in ("type", "kind", "area_code")}
    searched = bool(text) or any(chosen.values())
    if searched:
        found = _filtered(found, text, chosen)
    else:
        found = found.where(Unit.parent_id == (parent.id if parent else None))
    page = page_of(found)
    return render_template(
        "admin/units.html",
        page=page,
        parent=parent,
        path=queries.path_of(parent) if parent else [],
        searched=searched,
        types=[(name, name) for name in TYPES],
        kinds=[(name, name) for name in KINDS],
        areas=[(code, areas.told(code)) for code in queries.areas_in_use()],
        below=_children([unit.id for unit in page.items]),
    )


def _filtered(
    found: Select[tuple[Unit]], text: str, chosen: dict[str, str]
) -> Select[tuple[Unit]]:
    if text:
        found = found.where(
            Unit.name.contains(text, autoescape=True) | (Unit.credit_code == text.upper())
        )
    for name, value in chosen.items():
        found = found.where(getattr(Unit, name) == value) if value else found
    return found


def _area(jurisdiction: str) -> str:
    return jurisdictions.get(jurisdiction).name


def _children(ids: list[int]) -> dict[int, int]:
    counted = (
        select(Unit.parent_id, func.count(Unit.id))
        .where(Unit.parent_id.in_(ids))
        .group_by(Unit.parent_id)
    )
    return {row[0]: row[1] for row in db.session.execute(counted)}


@bp.get("/units/new")
@requires("unit.manage")
def new_unit() -> str:
    """The form of a new unit, below the one whose page led here."""
    parent_id = request.args.get("parent", type=int)
    parent = _unit(parent_id) if parent_id else None
    name = queries.label_of(parent) if parent else ""
    form = UnitForm(
        data={
            "parent": name,
            "reports_to": name,
            "jurisdiction": parent.jurisdiction if parent else "",
            "type": "用人单位",
            "kind": "事业单位",
            "area_code": areas.current(parent.area_code) if parent else "",
            "has_leader": True,
        }
    )
    return _form_page(form, None)


def _form_page(form: UnitForm, unit: Unit | None) -> str:
    form.offer_jurisdictions()
    return render_template("admin/unit_form.html", form=form, unit=unit)


def _facts(form: UnitForm, unit: Unit | None = None) -> tree.UnitFacts:
    """Return what the form says; Invalid with everything that is wrong, by field."""
    superiors: dict[str, Unit | None] = {"parent": None, "reports_to": None}
    faults: tree.Faults = {}
    for field in (form.parent, form.reports_to):
        try:
            superiors[field.name] = queries.unit_called(field.data or "")
        except Invalid as error:
            faults[field.name] = [error.message]
    faults |= _faults_of_place(form)
    facts = tree.UnitFacts(
        name=form.name.data or "",
        type=form.type.data,
        kind=form.kind.data,
        area_code=form.area_code.data or "",
        jurisdiction=form.jurisdiction.data,
        credit_code=form.credit_code.data or "",
        has_leader=bool(form.has_leader.data),
        **superiors,
    )
    # What the form itself refused is said there already.
    form.validate()
    known = {**tree.faults_of(unit, facts), **faults}
    if form.errors or known:
        raise Invalid(errors={n: said for n, said in known.items() if n not in form.errors})
    return facts


def _faults_of_place(form: UnitForm) -> tree.Faults:
    """Return what is wrong with where a unit lies: 所属地区 and 属地 belong together."""
    if form.jurisdiction.data not in jurisdictions.all_ids():
        return {"jurisdiction": ["请选择所属地区"]}
    region = jurisdictions.get(form.jurisdiction.data).certificate.region
    code = form.area_code.data or ""
    outside = code in areas.names() and not code.startswith(region)
    return {"area_code": ["属地不在所属地区内"]} if outside else {}


@bp.post("/units/new")
@requires("unit.manage")
def create_unit() -> Response | tuple[str, int]:
    """Enter a unit."""
    form = UnitForm(request.form)
    form.offer_jurisdictions()
    try:
        unit = tree.create_unit(_facts(form), actor_id=current_user.id, now=now())
    except Invalid as error:
        show_faults(form, error)
    else:
        flash(f"已登记{unit.name}", "success")
        return see_other(url_for("admin.unit", unit_id=unit.id))
    return _form_page(form, None), 422


@bp.get("/units/<int:unit_id>")
@requires("unit.manage")
def unit(unit_id: int) -> str:
    """A unit: its place, its review chain, its staff."""
    found = _unit(unit_id)
    children = select(Unit).where(Unit.parent_id == found.id).order_by(Unit.name)
    return render_template(
        "admin/unit.html",
        unit=found,
        path=queries.path_of(found),
        chain=queries.reporting_chain(found),
        children=db.session.scalars(children.limit(200)).all(),
        staff=queries.staff_of(found.id, now()),
        members=tree.members(found),
        roles=ROLES,
        area=_area(found.jurisdiction),
        periods=history.told_periods(found.id),
        endings=history.endings_of(found),
        lacks=vacancies.vacancies_of([found], now()),
    )


@bp.get("/units/<int:unit_id>/edit")
@requires("unit.manage")
def edit_unit(unit_id: int) -> str:
    """The form of a unit that exists."""
    found = _unit(unit_id)
    form = UnitChangeForm(obj=found)
    form.parent.data = queries.label_of(found.parent) if found.parent else ""
    form.reports_to.data = queries.label_of(found.reports_to) if found.reports_to else ""
    return _form_page(form, found)


@bp.post("/units/<int:unit_id>/edit")
@requires("unit.manage")
def change_unit(unit_id: int) -> Response | tuple[str, int]:
    """Change a unit."""
    found = _unit(unit_id)
    form = UnitChangeForm(request.form)
    form.offer_jurisdictions()
    try:
        facts, told = _facts(form, found), form.reason.data or ""
        tree.change_unit(found, facts, actor_id=current_user.id, now=now(), reason=told)
    except Invalid as error:
        show_faults(form, error)
    else:
        flash("单位信息已保存", "success")
        return see_other(url_for("admin.unit", unit_id=found.id))
    return _form_page(form, found), 422


@bp.get("/units/<int:unit_id>/close")
@requires("unit.manage")
def closing(unit_id: int) -> str:
    """What closing a unit would do, and what stands against it."""
    found = _unit(unit_id)
    return render_template(
        "admin/unit_close.html",
        unit=found,
        obstacles=closing_units.obstacles(found, now()),
        tasks=_waiting(found),
        roles=ROLES,
        members=tree.members(found),
        staff=len({person.id for person, _ in queries.staff_of(found.id, now())}),
    )


def _waiting(unit: Unit) -> Sequence[WorkItem]:
    """Return the tasks that keep a unit open, as many as its page names."""
    return db.session.scalars(queries.open_tasks_at(unit).limit(NAMED)).all()


@bp.post("/units/<int:unit_id>/close")
@requires("unit.manage")
@shown_on(closing)
def close_unit(unit_id: int) -> Response:
    """Close a unit (关闭单位)."""
    found = _unit(unit_id)
    basis = request.form.get("basis", "")
    closing_units.close_unit(found, basis, actor_id=current_user.id, now=now())
    flash(f"{found.name}已关闭", "success")
    return see_other(url_for("admin.unit", unit_id=found.id))


@bp.get("/units/<int:unit_id>/merge")
@requires("unit.manage")
def merging(unit_id: int) -> str:
    """What merging a unit into another would do: first which one, then that one with its facts."""
    found = _unit(unit_id)
    into, faults = _target(found) if "into" in request.values else (None, [])
    return render_template(
        "admin/unit_merge.html",
        unit=found,
        into=into,
        path=queries.path_of(into) if into else [],
        label=queries.label_of(into) if into else request.values.get("into", ""),
        there=tree.members(into) if into else 0,
        faults=faults,
        obstacles=closing_units.unsettled(found, now()),
        tasks=_waiting(found),
        roles=ROLES,
        members=tree.members(found),
        below=_children([found.id]).get(found.id, 0),
        staff=len({person.id for person, _ in queries.staff_of(found.id, now())}),
    )


def _target(unit: Unit) -> tuple[Unit | None, list[str]]:
    """Return the unit that was typed, and why it is none that can take another over."""
    try:
        into = queries.unit_called(request.values["into"])
        if into is None:
            return None, ["请填写并入的单位"]
        merging_units.check_target(unit, into)
    except Invalid as error:
        return None, [error.message]
    return into, []


@bp.post("/units/<int:unit_id>/merge")
@requires("unit.manage")
@shown_on(merging)
def merge_unit(unit_id: int) -> Response:
    """Merge a unit into the one whose facts the page showed (单位合并)."""
    found, into = _unit(unit_id), db.session.get(Unit, request.form.get("into_id", 0, type=int))
    if into is None:
        raise Invalid("请先填写并核对并入的单位", field="into")
    basis = request.form.get("basis", "")
    merging_units.merge_unit(found, into, basis, actor_id=current_user.id, now=now())
    flash(f"{found.name}已并入{into.name}", "success")
    return see_other(url_for("admin.unit", unit_id=found.id))


add_entry("系统管理", "单位登记", "diagram-3", "admin.units", "unit.manage", order=10)
