"""Pages of what a plan is made of: specialties, slots, categories, items, attachments."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.catalogue.models import Title
from app.core.brought import brings_files
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid, NotFound
from app.core.faults import show_faults
from app.core.http import see_other
from app.core.numbers import ids_in
from app.core.permissions import requires
from app.plans import manage, parts
from app.plans.models import (
    Plan,
    PlanAttachment,
    PlanSlot,
    PlanSpecialty,
    StandardCategory,
    StandardItem,
)
from app.plans.web import bp, form_named, plan_choices, plan_to_configure

SECTION_OF = {
    "specialty": "specialties",
    "slot": "slots",
    "category": "standard",
    "item": "standard",
    "attachment": "attachments",
}
MODELS: dict[str, type[parts.Part]] = {
    "specialty": PlanSpecialty,
    "slot": PlanSlot,
    "category": StandardCategory,
    "item": StandardItem,
    "attachment": PlanAttachment,
}
STEPS = {"up": -1, "down": 1}


def _back(plan: Plan, kind: str) -> Response:
    section = SECTION_OF[kind]
    return see_other(url_for("plans.edit", plan_id=plan.id, _anchor=f"section-{section}"))


def _part(plan: Plan, kind: str, part_id: int) -> Any:
    """Return a part of this very plan; NotFound otherwise."""
    part: Any = db.session.get(MODELS[kind], part_id)
    if part is None or parts.plan_of(part).id != plan.id:
        raise NotFound("该内容不存在，或已被移除")
    return part


@bp.post("/plans/<int:plan_id>/specialties")
@requires("plan.configure")
def add_specialties(plan_id: int) -> str | Response | tuple[str, int]:
    """Add one or many specialties that lead to a title."""
    plan = plan_to_configure(plan_id, for_update=True)
    form = form_named("plan/specialty", plan_choices(plan))
    if form.validate():
        values = form.answers()
        title = db.session.get_one(Title, int(values["title_id"]))
        names = re.split(r"[\s、，,；;]+", values["names"])
        try:
            added = parts.add_specialties(plan, title, names, actor=current_user, now=now())
            flash(f"已添加 {len(added)} 个申报专业", "success")
            return _back(plan, "specialty")
        except Invalid as error:
            show_faults(form, error)
    return _form_page(form, plan, "specialty"), 422


def _form_page(form: Any, plan: Plan, kind: str) -> str:
    section = SECTION_OF[kind]
    back = url_for("plans.edit", plan_id=plan.id, _anchor=f"section-{section}")
    return render_template(
        "plans/form.html",
        form=form,
        spec=form.spec,
        plan=plan,
        cancel_url=back,
        label="保存",
        is_blocked=False,
    )


@dataclass(frozen=True)
class Desk:
    """How the form of a kind of part is filled and saved."""

    shown: Callable[[Any], dict[str, Any]]
    saved: Callable[[Plan, dict[str, Any], Any], object]


def _columns(part: Any) -> dict[str, Any]:
    return {column.key: getattr(part, column.key) for column in part.__table__.columns}


def _slot_values(slot: PlanSlot) -> dict[str, Any]:
    size = slot.max_bytes // parts.MEGABYTE
    return {**_columns(slot), "max_mb": size, "template": slot.template_file_id}


def _save_slot(plan: Plan, values: dict[str, Any], slot: PlanSlot | None) -> object:
    return parts.save_slot(plan, values, slot=slot, actor=current_user, now=now())


def _save_category(
    plan: Plan, values: dict[str, Any], category: StandardCategory | None
) -> object:
    return parts.save_category(plan, values, category=category, actor=current_user, now=now())


def _save_item(plan: Plan, values: dict[str, Any], item: StandardItem | None) -> object:
    wanted = request.args.get("category", 0, type=int)
    category = item.category if item else _part(plan, "category", wanted)
    return parts.save_item(category, values, item=item, actor=current_user, now=now())


DESKS = {
    "slot": Desk(_slot_values, _save_slot),
    "category": Desk(_columns, _save_category),
    "item": Desk(_columns, _save_item),
}


def _typed(plan_id: int, kind: str, part_id: int | None = None) -> str:
    """The form of a part with what was typed into it."""
    plan = plan_to_configure(plan_id)
    if part_id is not None:
        _part(plan, kind, part_id)
    return _form_page(form_named(f"plan/{kind}", plan_choices(plan)), plan, kind)


@bp.route("/plans/<int:plan_id>/<any(slot, category, item):kind>/new", methods=["GET", "POST"])
@bp.route(
    "/plans/<int:plan_id>/<any(slot, category, item):kind>/<int:part_id>",
    methods=["GET", "POST"],
)
@requires("plan.configure")
@brings_files(_typed, of=lambda plan_id, **_: plan_to_configure(plan_id))
def part(plan_id: int, kind: str, part_id: int | None = None) -> str | Response | tuple[str, int]:
    """Add or change a slot, a category or an item."""
    plan = plan_to_configure(plan_id, for_update=request.method == "POST")
    known = _part(plan, kind, part_id) if part_id is not None else None
    desk = DESKS[kind]
    shown = desk.shown(known) if known is not None else _blank(kind)
    form = form_named(f"plan/{kind}", plan_choices(plan), shown)
    if request.method == "GET":
        return _form_page(form, plan, kind)
    if form.validate():
        try:
            desk.saved(plan, form.answers(), known)
            flash("已保存", "success")
            return _back(plan, kind)
        except Invalid as error:
            show_faults(form, error)
    return _form_page(form, plan, kind), 422


def _blank(kind: str) -> dict[str, Any]:
    """Return what a new part begins with; absent fields take the defaults of the form."""
    common = {"min_count": 1, "max_count": 1, "max_mb": 10, "types": ["jpg", "png", "pdf"]}
    slot = {**common, "required": True, "printed_in_check": True}
    return {"slot": slot, "category": {"min_count": 0, "count_by": "records"}}.get(
        kind, {"min_count": 0}
    )


@bp.post("/plans/<int:plan_id>/attachments")
@requires("plan.configure")
@brings_files(manage.edit, of=plan_to_configure)
def attach(plan_id: int) -> Response:
    """Attach the notices that were uploaded."""
    plan = plan_to_configure(plan_id, for_update=True)
    ids = ids_in(request.form.getlist("files"))
    for file_id in ids:
        parts.attach_file(plan, file_id, actor=current_user, now=now())
    told = (f"已添加 {len(ids)} 个附件", "success") if ids else ("请先选择要上传的文件", "warning")
    flash(*told)
    return _back(plan, "attachment")


@bp.post("/plans/<int:plan_id>/parts/<kind>/<int:part_id>/remove")
@requires("plan.configure")
def remove(plan_id: int, kind: str, part_id: int) -> Response:
    """Remove a part of a draft plan."""
    plan = plan_to_configure(plan_id, for_update=True)
    found = _part(plan, _known(kind), part_id)
    parts.remove_part(found, actor=current_user, now=now())
    flash("已移除", "success")
    return _back(plan, kind)


@bp.post("/plans/<int:plan_id>/parts/<kind>/<int:part_id>/<any(up, down):way>")
@requires("plan.configure")
def move(plan_id: int, kind: str, part_id: int, way: str) -> Response:
    """Move a part of a draft plan up or down among its like."""
    plan = plan_to_configure(plan_id, for_update=True)
    found = _part(plan, _known(kind), part_id)
    parts.move_part(found, STEPS[way], actor=current_user, now=now())
    return _back(plan, kind)


def _known(kind: str) -> str:
    if kind not in MODELS:
        raise NotFound
    return kind
