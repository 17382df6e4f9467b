"""管理设置: what a unit's administrator keeps of the own unit (FJ-U-20, FJ-U-21)."""

from flask import flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.core.clock import now
from app.core.errors import Invalid
from app.core.faults import show_faults
from app.core.http import see_other
from app.core.menu import add_entry
from app.core.permissions import requires
from app.units import history, own_data
from app.units.forms import OwnDataForm
from app.units.models import Unit
from app.units.web import administered, bp


@bp.get("/unit")
@requires("unit.settings")
def settings() -> str:
    """The unit's own data: what is locked, and what it keeps up to date (单位信息)."""
    unit = administered("unit.settings")
    return _settings_page(unit, OwnDataForm(obj=unit))


def _settings_page(unit: Unit, form: OwnDataForm) -> str:
    return render_template(
        "units/settings.html",
        unit=unit,
        form=form,
        periods=history.told_periods(unit.id),
        endings=history.endings_of(unit),
    )


@bp.post("/unit")
@requires("unit.settings")
def save_settings() -> Response | tuple[str, int]:
    """完善单位信息; what identifies the unit is changed by a process only."""
    unit, form = administered("unit.settings"), OwnDataForm(request.form)
    if form.validate():
        try:
            said = own_data.OwnData(**form.data)
            own_data.complete_data(unit, said, actor_id=current_user.id, now=now())
        except Invalid as error:
            show_faults(form, error)
        else:
            flash("单位信息已保存", "success")
            return see_other(url_for("units.settings", unit=unit.id))
    return _settings_page(unit, form), 422


add_entry("单位审核", "管理设置", "building-gear", "units.settings", "unit.settings", order=80)
