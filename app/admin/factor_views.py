"""The security administrator's second factor: which roles need one, and who lost theirs."""

from flask import flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.models import Person
from app.accounts.queries import factor_roles
from app.accounts.second_factor import FIRST_FACTOR_ROLES, ask_factor_of, reset_factor
from app.admin import queries
from app.admin.grant_views import grants_of_person
from app.admin.views import bp
from app.core.clock import now
from app.core.db import db
from app.core.errors import NotFound
from app.core.faults import shown_on
from app.core.http import see_other
from app.core.menu import add_entry
from app.core.permissions import ROLES, requires


@bp.get("/factors")
@requires("permission.factors")
def factors() -> str:
    """Which roles must use a second factor, and how far their holders are (动态验证码)."""
    return render_template(
        "admin/factors.html",
        roles=ROLES,
        asked=factor_roles(),
        usual=FIRST_FACTOR_ROLES,
        enrolled=queries.enrolled_by_role(now()),
    )


@bp.post("/factors")
@requires("permission.factors")
@shown_on(factors)
def ask_for_factors() -> Response:
    """Say which roles must use a second factor."""
    ask_factor_of(request.form.getlist("roles"), actor_id=current_user.id, now=now())
    flash("设定已保存，持有所选角色而未设置的人员，下一步操作时须先设置", "success")
    return see_other(url_for("admin.factors"))


@bp.post("/grants/people/<int:person_id>/factor")
@requires("permission.factors")
@shown_on(grants_of_person)
def reset_factor_of(person_id: int) -> Response:
    """Take the second factor of a person away who lost it (重置动态验证码)."""
    person = db.session.get(Person, person_id)
    if person is None:
        raise NotFound
    reset_factor(person, request.form.get("reason", ""), actor=current_user, now=now())
    flash(f"{person.name}的动态验证码已重置", "success")
    return see_other(url_for("admin.grants_of_person", person_id=person.id))


add_entry("系统管理", "动态验证码", "shield-lock", "admin.factors", "permission.factors", order=55)
