"""The expert pool (专家库): listed, entered and changed by who organises committees."""

from typing import Any

from flask import Blueprint, flash, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import Select, select
from werkzeug.wrappers import Response
from wtforms import Form, SelectField, StringField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import DataRequired, Length, Optional

from app.accounts.handing_out import hand_out
from app.accounts.models import Person
from app.committees.models import Committee
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid, NotFound
from app.core.faults import show_faults, shown_on
from app.core.http import page_of, see_other
from app.core.menu import add_entry
from app.core.permissions import authorize, requires
from app.experts import operations, queries
from app.experts.models import ExpertProfile

bp = Blueprint("experts", __name__)


class ExpertForm(Form):
    """An expert's entry (专家入库)."""

    name = StringField("姓名", [DataRequired("请填写姓名"), Length(max=60)])
    id_number = StringField(
        "居民身份证号码",
        [DataRequired("请填写证件号码"), Length(max=30)],
        description="平台上已有此人时，为其原有账号增加专家身份",
    )
    phone = StringField("手机号码", [Optional(), Length(max=20)])
    unit_name = StringField("工作单位", [DataRequired("请填写工作单位"), Length(max=100)])
    specialty = StringField("专业", [DataRequired("请填写专业"), Length(max=60)])
    committee_id = SelectField("所属评委会", validate_choice=False)


class ProfileForm(Form):
    """What changes of an expert (修改专家资料)."""

    unit_name = StringField("工作单位", [DataRequired("请填写工作单位"), Length(max=100)])
    specialty = StringField("专业", [DataRequired("请填写专业"), Length(max=60)])
    committee_id = SelectField("所属评委会", validate_choice=False)


def _offer(form: Any, kept: int | None = None) -> Any:
    offered = queries.committees_of(queries.organised_units(current_user.id, now()))
    known = {committee.id for committee in offered}
    if kept is not None and kept not in known:
        other = db.session.get(Committee, kept)
        offered = [*offered, other] if other else offered
    form.committee_id.choices = [
        SelectChoice("", "不限"),
        *(SelectChoice(str(each.id), each.name) for each in offered),
    ]
    return form


def _expertise(form: Any) -> operations.Expertise:
    chosen = form.committee_id.data or ""
    if chosen not in {choice.value for choice in form.committee_id.choices}:
        raise Invalid("请选择评委会", field="committee_id")
    return operations.Expertise(
        unit_name=form.unit_name.data.strip(),
        specialty=form.specialty.data.strip(),
        committee_id=int(chosen) if chosen else None,
    )


def _search() -> Select[tuple[ExpertProfile]]:
    args = request.args
    found = select(ExpertProfile).join(ExpertProfile.person)
    for column, value in (
        (Person.name, args.get("q", "")),
        (ExpertProfile.unit_name, args.get("unit", "")),
        (ExpertProfile.specialty, args.get("specialty", "")),
    ):
        if value.strip():
            found = found.where(column.contains(value.strip(), autoescape=True))
    return found.order_by(ExpertProfile.specialty, Person.name, ExpertProfile.id)


@bp.get("/experts")
@requires("expert.list")
def index() -> str:
    """The pool, searched by name, unit and specialty."""
    page = page_of(_search())
    kept = {each.id for each in page.items if queries.keeps_expert(current_user, each, now())}
    return render_template(
        "experts/index.html", page=page, kept=kept, members=queries.in_pool(now())
    )


@bp.get("/experts/new")
@requires("expert.create")
def new() -> str:
    """The form of a new expert."""
    return render_template("experts/form.html", form=_offer(ExpertForm()), profile=None)


@bp.post("/experts/new")
@requires("expert.create")
def enter() -> Response | tuple[str, int]:
    """Enter an expert; a new account's one-time secret is shown this once."""
    form = _offer(ExpertForm(request.form))
    if form.validate():
        try:
            person, secret = operations.enter_expert(
                name=form.name.data,
                id_number=form.id_number.data,
                phone=form.phone.data or "",
                expertise=_expertise(form),
                actor=current_user,
                now=now(),
            )
        except Invalid as error:
            show_faults(form, error)
        else:
            return _entered(person, secret)
    return render_template("experts/form.html", form=form, profile=None), 422


def _entered(person: Person, secret: str) -> Response:
    if not secret:
        flash(f"{person.name}已入库，使用原有账号登录", "success")
        return see_other(url_for("experts.index"))
    return hand_out(person.id, secret, back=url_for("experts.index"))


def _profile(profile_id: int) -> ExpertProfile:
    profile = db.session.get(ExpertProfile, profile_id)
    if profile is None:
        raise NotFound
    authorize("expert.manage", current_user, profile, now())
    return profile


def _entry(profile: ExpertProfile, form: Form) -> str:
    member = profile.person_id in queries.in_pool(now())
    return render_template("experts/form.html", form=form, profile=profile, member=member)


@bp.get("/experts/<int:profile_id>/edit")
@requires("expert.manage")
def edit(profile_id: int) -> str:
    """The form of an expert in the pool."""
    profile = _profile(profile_id)
    form = _offer(ProfileForm(obj=profile), profile.committee_id)
    form.committee_id.data = str(profile.committee_id or "")
    return _entry(profile, form)


@bp.post("/experts/<int:profile_id>/edit")
@requires("expert.manage")
def change(profile_id: int) -> Response | tuple[str, int]:
    """Change where an expert works, the specialty, the committee."""
    profile = _profile(profile_id)
    form = _offer(ProfileForm(request.form), profile.committee_id)
    if form.validate():
        try:
            operations.change_expert(profile, _expertise(form), actor=current_user, now=now())
        except Invalid as error:
            show_faults(form, error)
        else:
            flash("专家资料已保存", "success")
            return see_other(url_for("experts.index"))
    return _entry(profile, form), 422


@bp.post("/experts/<int:profile_id>/remove")
@requires("expert.manage")
@shown_on(edit)
def remove(profile_id: int) -> Response:
    """Let an expert leave the pool (退库)."""
    profile = _profile(profile_id)
    reason = request.form.get("reason", "")[:300]
    operations.remove_expert(profile, reason, actor=current_user, now=now())
    flash(f"{profile.person.name}已退库", "success")
    return see_other(url_for("experts.index"))


add_entry("评审组织", "专家库", "mortarboard", "experts.index", "expert.list", order=60)
