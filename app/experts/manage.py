"""The expert pool (专家库): listed, entered and changed by who organises committees."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import Select, select
from werkzeug.wrappers import Response
from wtforms import Form, SelectField, StringField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import DataRequired, Length, Optional

from app.accounts.models import Credential, Person
from app.accounts.operations import create_credential, create_person, grant_role, notify
from app.accounts.queries import live_grants, person_by_id_number
from app.accounts.sessions import activation_link
from app.committees.models import Committee
from app.core import audit
from app.core.clock import now
from app.core.crypto import fold_id
from app.core.db import db
from app.core.errors import Invalid, NotFound
from app.core.http import grants, page_of, see_other
from app.core.menu import add_entry
from app.core.numbers import birth_and_gender, checked_id_number
from app.core.permissions import requires
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


@dataclass(frozen=True)
class Expertise:
    """What the pool keeps of an expert."""

    unit_name: str
    specialty: str
    committee_id: int | None


def enter_expert(
    *,
    name: str,
    id_number: str,
    phone: str,
    expertise: Expertise,
    actor: Person,
    now: datetime,
) -> tuple[Person, str]:
    """Enter an expert; returns the person, and a one-time secret when the account is new.

    Somebody whom the platform knows already keeps their account. Invalid when the number is
    wrong, belongs to another name, or is in the pool.
    """
    number = checked_id_number(fold_id(id_number))
    person = person_by_id_number(number)
    if person is not None and person.name != name.strip():
        raise Invalid("证件号码与姓名不符，请核对", field="id_number")
    if person is None:
        born, gender = birth_and_gender(number)
        person = create_person(
            name=name.strip(),
            id_number=number,
            gender=gender,
            birth_date=born,
            phone=phone.strip(),
            now=now,
        )
    elif db.session.query(ExpertProfile).filter_by(person_id=person.id).first():
        raise Invalid("此人已在专家库中", field="id_number")
    secret = ""
    if db.session.query(Credential).filter_by(person_id=person.id).first() is None:
        _, secret = create_credential(person, now=now, actor_id=actor.id)
    else:
        notify(person.id, "您已入选评审专家库", url="/home", now=now)
    if not any(grant.role == "expert" for grant in live_grants(person.id, now)):
        grant_role(person, "expert", scope_kind="all", scope_id=None, actor_id=actor.id, now=now)
    profile = ExpertProfile(person_id=person.id, **vars(expertise))
    db.session.add(profile)
    db.session.flush()
    audit.record("expert:entered", subject=("expert", profile.id), actor_id=actor.id, now=now)
    return person, secret


def _organised() -> set[int]:
    return {g.scope_id or 0 for g in grants() if g.role == "organiser" and g.scope_kind == "org"}


def _committees() -> list[Committee]:
    """Return the committees that the person of this request organises."""
    mine = select(Committee).where(Committee.organiser_unit_id.in_(_organised()))
    return list(db.session.scalars(mine.order_by(Committee.name, Committee.id)))


def _offer(form: Any, kept: int | None = None) -> Any:
    offered = _committees()
    known = {committee.id for committee in offered}
    if kept is not None and kept not in known:
        other = db.session.get(Committee, kept)
        offered = [*offered, other] if other else offered
    form.committee_id.choices = [
        SelectChoice("", "不限"),
        *(SelectChoice(str(each.id), each.name) for each in offered),
    ]
    return form


def _expertise(form: Any) -> Expertise:
    chosen = form.committee_id.data or ""
    if chosen not in {choice.value for choice in form.committee_id.choices}:
        raise Invalid("请选择评委会", field="committee_id")
    return Expertise(
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
@requires("expert.manage")
def index() -> str:
    """The pool, searched by name, unit and specialty."""
    return render_template("experts/index.html", page=page_of(_search()))


@bp.get("/experts/new")
@requires("expert.manage")
def new() -> str:
    """The form of a new expert."""
    return render_template("experts/form.html", form=_offer(ExpertForm()), profile=None)


@bp.post("/experts/new")
@requires("expert.manage")
def enter() -> str | Response | tuple[str, int]:
    """Enter an expert; a new account's one-time secret is shown this once."""
    form = _offer(ExpertForm(request.form))
    if form.validate():
        try:
            person, secret = enter_expert(
                name=form.name.data,
                id_number=form.id_number.data,
                phone=form.phone.data or "",
                expertise=_expertise(form),
                actor=current_user,
                now=now(),
            )
        except Invalid as error:
            _show(form, error)
        else:
            return _entered(person, secret)
    return render_template("experts/form.html", form=form, profile=None), 422


def _entered(person: Person, secret: str) -> str | Response:
    if not secret:
        flash(f"{person.name}已入库，使用原有账号登录", "success")
        return see_other(url_for("experts.index"))
    account = db.session.query(Credential).filter_by(person_id=person.id).one()
    return render_template(
        "accounts/secret.html",
        person=person,
        secret=secret,
        login=account.login,
        link=activation_link(secret),
        back=url_for("experts.index"),
    )


def _show(form: Form, error: Invalid) -> None:
    for name, messages in error.errors.items():
        form[name].errors = [*form[name].errors, *messages]


def _profile(profile_id: int) -> ExpertProfile:
    profile = db.session.get(ExpertProfile, profile_id)
    if profile is None:
        raise NotFound
    return profile


@bp.get("/experts/<int:profile_id>/edit")
@requires("expert.manage")
def edit(profile_id: int) -> str:
    """The form of an expert in the pool."""
    profile = _profile(profile_id)
    form = _offer(ProfileForm(obj=profile), profile.committee_id)
    form.committee_id.data = str(profile.committee_id or "")
    return render_template("experts/form.html", form=form, profile=profile)


@bp.post("/experts/<int:profile_id>/edit")
@requires("expert.manage")
def change(profile_id: int) -> Response | tuple[str, int]:
    """Change where an expert works, the specialty, the committee."""
    profile = _profile(profile_id)
    form = _offer(ProfileForm(request.form), profile.committee_id)
    if form.validate():
        try:
            for name, value in vars(_expertise(form)).items():
                setattr(profile, name, value)
        except Invalid as error:
            _show(form, error)
        else:
            audit.record(
                "expert:changed",
                subject=("expert", profile.id),
                actor_id=current_user.id,
                now=now(),
            )
            flash("专家资料已保存", "success")
            return see_other(url_for("experts.index"))
    return render_template("experts/form.html", form=form, profile=profile), 422


add_entry("评审组织", "专家库", "mortarboard", "experts.index", "expert.manage", order=60)
