"""The organiser's pages: plans of the unit, a new one, its configuration, its deadline."""

from typing import Any

from flask import flash, render_template, request, url_for
from flask_login import current_user
from markupsafe import Markup
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from app.committees.queries import get_committee
from app.core.clock import now, today
from app.core.db import db
from app.core.errors import Conflict, Forbidden, Invalid, StaleTask
from app.core.faults import show_faults
from app.core.http import page_of, see_other
from app.core.overtaken import Disputes, differing, disputes, overtaken
from app.core.permissions import requires
from app.engine import runtime
from app.plans import axis, operations, queries
from app.plans.models import Plan
from app.plans.process import BUSINESS, times_of
from app.plans.web import (
    bp,
    committee_choices,
    filters,
    form_named,
    moment_text,
    organised_units,
    plan_choices,
    plan_to_configure,
)
from app.units.flow import flow_log, open_items
from forms import build, load

PAGE_SIZE = 10
BASICS = "plan/basics"
NEVER_EMPTY = frozenset({"name", "year", "kind", "quota_mode"})
SECTIONS = (
    ("basics", "基本信息"),
    ("times", "时间安排"),
    ("specialties", "申报专业"),
    ("slots", "附件要求"),
    ("standard", "评审标准"),
    ("attachments", "相关附件"),
)


@bp.get("/plans/manage")
@requires("plan.manage")
def managed() -> str:
    """The plans of the person's organising units (计划管理)."""
    found = queries.organised_plans(organised_units(), filters(), request.args.get("status", ""))
    return render_template(
        "plans/manage.html",
        page=page_of(found, size=PAGE_SIZE),
        words=queries.WORDS,
        state_of=lambda plan: queries.state_of(plan, now()),
        may_create=bool(organised_units("organiser")),
    )


@bp.route("/plans/new", methods=["GET", "POST"])
@requires("plan.create")
def new() -> str | Response | tuple[str, int]:
    """Start a plan, and with it the process that carries it (新增计划)."""
    choices = committee_choices()
    form = form_named("plan/new", choices, {"year": today().year, "kind": "评审"})
    if request.method == "GET" or not form.validate():
        return _new_page(form, choices)
    values = form.answers()
    committee = get_committee(int(values["committee_id"]))
    if committee.organiser_unit_id not in organised_units("organiser"):
        raise Forbidden
    try:
        plan = operations.create_plan(committee, values, actor=current_user, now=now())
    except Invalid as error:
        show_faults(form, error)
        return _new_page(form, choices)
    _begin(plan)
    return see_other(url_for("plans.edit", plan_id=plan.id))


def _new_page(form: Any, choices: Any) -> str | tuple[str, int]:
    page = render_template(
        "plans/form.html",
        form=form,
        spec=form.spec,
        cancel_url=url_for("plans.managed"),
        label="创建并配置",
        is_blocked=not choices["committees"],
    )
    return page if request.method == "GET" else (page, 422)


def _begin(plan: Plan) -> None:
    runtime.start(
        "plan_window",
        business=(BUSINESS, plan.id),
        jurisdiction=plan.jurisdiction,
        actor_id=current_user.id,
        now=now(),
        data=times_of(plan),
    )


def _values(plan: Plan) -> dict[str, Any]:
    spec = load(BASICS)
    values = {field.name: getattr(plan, field.name) for field in spec.fields}
    for field, value in values.items():
        if field in axis.MOMENTS:
            values[field] = moment_text(value)
    return values


@bp.get("/plans/<int:plan_id>/edit")
@requires("plan.configure")
def edit(plan_id: int) -> str | Response:
    """Configure a plan section by section; every field is saved as it is typed."""
    plan = plan_to_configure(plan_id)
    if not plan.can_be_configured:
        return see_other(url_for("plans.show", plan_id=plan.id))
    form = build(load(BASICS), choices=plan_choices(plan))(data=_values(plan))
    return _edit_page(plan, form)


def _edit_page(plan: Plan, form: Any, faults: dict[str, list[str]] | None = None) -> str:
    return render_template(
        "plans/edit.html",
        plan=plan,
        form=form,
        sections=[{"id": key, "title": title} for key, title in SECTIONS],
        faults=_links(faults or {}),
        specialty_form=build(load("plan/specialty"), choices=plan_choices(plan))(),
        returned=[entry for entry in flow_log((BUSINESS, plan.id)) if entry.note],
    )


def _links(faults: dict[str, list[str]]) -> list[Markup]:
    """Return the faults of whole sections, each with a link to its section."""
    titles = dict(SECTIONS)
    line = Markup('<a href="#section-{}">{}</a>：{}')
    return [
        line.format(section, titles[section], message)
        for section, messages in faults.items()
        if section in titles
        for message in messages
    ]


@bp.post("/plans/<int:plan_id>/field")
@requires("plan.configure")
def save_field(plan_id: int) -> dict[str, Any]:
    """Save one field as it was typed (自动保存); 422 when it cannot be read."""
    plan = plan_to_configure(plan_id, for_update=True)
    version = request.form.get("row_version", type=int)
    if version is not None and version != plan.row_version:
        raise Conflict("计划已在别处修改，请刷新页面")
    name, values = request.form.get("name", ""), request.form.getlist("value")
    typed = MultiDict([(name, value) for value in values])
    _save_typed(plan, typed, {name})
    return {"saved": True, "row_version": plan.row_version}


def _names() -> set[str]:
    return {field.name for field in load(BASICS).fields}


def _save_typed(plan: Plan, typed: Any, names: set[str]) -> None:
    """Save the fields called `names` without asking whether the plan is complete."""
    spec = load(BASICS)
    if not names <= _names():
        raise Invalid("未知的字段")
    form = build(spec.optional(), choices=plan_choices(plan))(typed)
    form.validate()
    faults = {name: list(form[name].errors) for name in names if form[name].errors}
    answers = {name: form.answers()[name] for name in names}
    for name in NEVER_EMPTY & names - set(faults):
        if answers[name] in {None, ""}:
            faults[name] = [f"请填写{spec.field(name).label}"]
    if faults:
        raise Invalid(errors=faults)
    operations.save_plan(plan, answers, actor=current_user, now=now())


def _disputes(plan: Plan) -> Disputes:
    """Return what another page has saved otherwise since the posted one was filled."""
    spec, choices = load(BASICS).optional(), plan_choices(plan)
    kept: Any = build(spec, choices=choices)(data=_values(plan))
    typed: Any = build(spec, choices=choices)(request.form)
    differ = differing(spec, kept.answers(), typed.answers(), choices)
    is_stale = request.form.get("row_version", plan.row_version, type=int) != plan.row_version
    return disputes(differ, request.form, is_stale=is_stale)


def _overtaken_page(plan: Plan, form: Any) -> str:
    form.form_errors = [overtaken("这个计划"), *form.form_errors]
    return _edit_page(plan, form)


@bp.post("/plans/<int:plan_id>/edit")
@requires("plan.configure")
def save(plan_id: int) -> str | Response | tuple[str, int]:
    """Save the whole page, for browsers without scripts."""
    plan = plan_to_configure(plan_id, for_update=True)
    form = form_named(BASICS, plan_choices(plan))
    said = _disputes(plan)
    said.show_on(form)
    if said.are_open:
        return _overtaken_page(plan, form), 409
    try:
        _save_typed(plan, request.form, _names() - said.given_up)
    except Invalid as error:
        show_faults(form, error)
        return _edit_page(plan, form), 422
    flash("计划已保存", "success")
    return see_other(url_for("plans.edit", plan_id=plan.id))


@bp.post("/plans/<int:plan_id>/submit")
@requires("plan.configure")
def submit(plan_id: int) -> str | Response | tuple[str, int]:
    """Send the plan to its check; what is missing is told all at once (提交核对)."""
    plan = plan_to_configure(plan_id, for_update=True)
    form = form_named(BASICS, plan_choices(plan))
    said = _disputes(plan)
    said.show_on(form)
    if said.are_open:
        return _overtaken_page(plan, form), 409
    try:
        _save_typed(plan, request.form, _names() - said.given_up)
        settled: Any = build(load(BASICS), plan_choices(plan))(said.settled(request.form))
        settled.validate()
        faults = {**operations.problems(plan), **settled.errors}
    except Invalid as error:
        faults = error.errors
    if faults:
        _merge(form, faults)
        return _edit_page(plan, form, faults), 422
    _complete(plan)
    flash("已提交核对，由组建单位领导核对后按发布时间自动发布", "success")
    return see_other(url_for("plans.show", plan_id=plan.id))


def _merge(form: Any, faults: dict[str, list[str]]) -> None:
    """Show the domain's faults at fields that the form itself found nothing wrong with."""
    for name, messages in faults.items():
        if name in form and not form[name].errors:
            form[name].errors = messages


def _complete(plan: Plan) -> None:
    waiting = [i for i in open_items((BUSINESS, plan.id)) if i.node == "configure_plan"]
    if not waiting:
        raise StaleTask
    runtime.complete(waiting[0], {}, actor_id=current_user.id, now=now())


@bp.route("/plans/<int:plan_id>/copy", methods=["GET", "POST"])
@requires("plan.configure")
def copy(plan_id: int) -> str | Response | tuple[str, int]:
    """Start this year's plan from an earlier one (复制往年计划)."""
    source = plan_to_configure(plan_id)
    year = max(today().year, source.year + 1)
    name = source.name.replace(str(source.year), str(year))
    form = form_named("plan/copy", data={"year": year, "name": name})
    if request.method == "POST" and form.validate():
        try:
            values = form.answers()
            plan = operations.copy_plan(source, **values, actor=current_user, now=now())
            _begin(plan)
            flash("已复制，请填写时间安排后提交核对", "success")
            return see_other(url_for("plans.edit", plan_id=plan.id))
        except Invalid as error:
            show_faults(form, error)
    return _form_page(form, source, "复制为新计划")


def _form_page(form: Any, plan: Plan, label: str) -> str | tuple[str, int]:
    page = render_template(
        "plans/form.html",
        form=form,
        spec=form.spec,
        plan=plan,
        cancel_url=url_for("plans.show", plan_id=plan.id),
        label=label,
        is_blocked=False,
    )
    return page if request.method == "GET" else (page, 422)


@bp.route("/plans/<int:plan_id>/extension", methods=["GET", "POST"])
@requires("plan.configure")
def extension(plan_id: int) -> str | Response | tuple[str, int]:
    """Move the deadline of a published plan to a later moment (延长申报时间)."""
    plan = plan_to_configure(plan_id, for_update=request.method == "POST")
    now_given = {"closes_at": moment_text(plan.closes_at), "unit_due_on": plan.unit_due_on}
    form = form_named("plan/extension", data=now_given)
    if request.method == "POST" and form.validate():
        try:
            operations.extend_plan(plan, form.answers(), actor=current_user, now=now())
            flash("申报时间已延长", "success")
            return see_other(url_for("plans.show", plan_id=plan.id))
        except Invalid as error:
            db.session.rollback()
            show_faults(form, error)
            plan = queries.get_plan(plan_id)
    return _form_page(form, plan, "延长申报时间")


@bp.post("/plans/<int:plan_id>/archive")
@requires("plan.configure")
def archive(plan_id: int) -> Response:
    """Put a closed plan away (归档)."""
    plan = plan_to_configure(plan_id, for_update=True)
    operations.archive_plan(plan, actor=current_user, now=now())
    flash("计划已归档", "success")
    return see_other(url_for("plans.show", plan_id=plan.id))
