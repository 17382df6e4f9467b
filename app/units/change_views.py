"""单位变更: the unit's page of what it wants changed of its locked data."""

from datetime import datetime

from flask import flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.core.brought import brings_files
from app.core.clock import now
from app.core.errors import Conflict, Invalid
from app.core.faults import show_faults
from app.core.http import page_of, see_other
from app.core.permissions import requires
from app.units import asking, changing, evidence, queries, tree
from app.units.code_lists import AREA_OFFICES
from app.units.flow import flow_log
from app.units.forms import ChangeForm
from app.units.models import RETURNED, Unit, UnitChange
from app.units.request_process import CHANGE
from app.units.vetting import AGAIN
from app.units.web import administered, bp

PAGE = "mend_unit_change"
STATES = {
    "pending": ("待审核", "warning"),
    "returned": ("已退回", "danger"),
    "approved": ("已变更", "success"),
    "dropped": ("已放弃", "secondary"),
}


@bp.get("/unit/change")
@requires("unit.settings")
def changing_form() -> str:
    """The form of a change, or how the one that was asked for stands."""
    unit = administered("unit.settings")
    asked = changing.open_change(unit.id)
    shown = asked if asked is not None and asked.status == RETURNED else unit
    return _page(ChangeForm(data=_said(shown)), unit)


def _said(shown: Unit | UnitChange) -> dict[str, str]:
    """Return what stands of a unit, or was asked for, as the form gives it."""
    names = ("name", "type", "kind", "area_code", "credit_code", "reason")
    parent = queries.label_of(shown.parent) if shown.parent else ""
    return {**{name: getattr(shown, name, "") for name in names}, "parent": parent}


def _page(form: ChangeForm, unit: Unit) -> str:
    near = {unit.type, unit.parent.type if unit.parent else ""}
    provinces = {*queries.provinces(), unit.area_code[:2]}
    form.offer(provinces, serves_area=bool(near & set(AREA_OFFICES)))
    asked = changing.open_change(unit.id)
    return render_template(
        "units/change.html",
        unit=unit,
        form=form,
        asked=asked,
        lines_of=changing.lines_of,
        evidence=_evidence(asked),
        sent=evidence.files_of((CHANGE, asked.id)) if asked else [],
        log=flow_log((CHANGE, asked.id)) if asked else [],
        page=page_of(changing.changes_of(unit.id), size=5),
        states=STATES,
    )


def _evidence(asked: UnitChange | None) -> list[int]:
    if request.method == "POST":
        return evidence.numbers(request.form.getlist(evidence.FIELD))
    return [file.id for file in evidence.files_of((CHANGE, asked.id))] if asked else []


def _facts(form: ChangeForm, unit: Unit) -> tree.UnitFacts:
    try:
        parent = queries.unit_called(form.parent.data or "")
    except Invalid as error:
        raise Invalid(error.message, field="parent") from error
    moves = (parent.id if parent else None) != unit.parent_id
    return tree.UnitFacts(
        name=form.name.data or "",
        type=form.type.data,
        kind=form.kind.data,
        area_code=form.area_code.data,
        jurisdiction=parent.jurisdiction if parent else unit.jurisdiction,
        parent=parent,
        reports_to=parent if moves else unit.reports_to,
        credit_code=form.credit_code.data or "",
        has_leader=unit.has_leader,
    )


@bp.post("/unit/change")
@requires("unit.settings")
@brings_files(
    lambda: _page(ChangeForm(request.form), administered("unit.settings")),
    of=lambda: administered("unit.settings"),
)
def request_change() -> Response | tuple[str, int]:
    """Ask for a change; after a return, ask again."""
    unit, form, moment = administered("unit.settings"), ChangeForm(request.form), now()
    known = changing.open_change(unit.id)
    if known is not None:
        asking.hold((CHANGE, known.id), known)
    if form.validate():
        try:
            files = evidence.numbers(request.form.getlist(evidence.FIELD))
            evidence.check(files, current_user.id, (CHANGE, known.id) if known else None)
            asked = changing.request_change(
                unit, _facts(form, unit), form.reason.data or "", actor=current_user, now=moment
            )
            evidence.attach((CHANGE, asked.id), files, current_user.id)
        except Invalid as error:
            show_faults(form, error)
        else:
            _send(asked, moment)
            flash(f"已提交变更申请，等待{asked.office.name}审核", "success")
            return see_other(url_for("units.changing_form", unit=unit.id))
    return _page(form, unit), 422


def _send(asked: UnitChange, moment: datetime) -> None:
    asking.send(
        "unit_change",
        (CHANGE, asked.id),
        PAGE,
        again={"decision": AGAIN},
        jurisdiction=asked.unit.jurisdiction,
        actor_id=current_user.id,
        now=moment,
    )


@bp.post("/unit/change/drop")
@requires("unit.settings")
def drop_change() -> Response:
    """Give a returned change up (放弃变更)."""
    unit = administered("unit.settings")
    asked = changing.open_change(unit.id)
    given_up = asked is not None and asking.give_up(
        (CHANGE, asked.id), asked, PAGE, actor_id=current_user.id, now=now()
    )
    if not given_up:
        raise Conflict("没有被退回的变更申请")
    flash("已放弃变更申请", "success")
    return see_other(url_for("units.changing_form", unit=unit.id))
