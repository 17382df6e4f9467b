"""个人中心: a person's own data, completing it, the photo."""

from collections.abc import Collection
from datetime import datetime
from functools import partial
from typing import Any

from flask import flash, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from app.accounts.models import Credential, Person
from app.accounts.queries import factor_of
from app.core.brought import brings_files
from app.core.clock import now, today
from app.core.db import db
from app.core.errors import Invalid
from app.core.faults import judged, show_faults, shown_on
from app.core.http import grants, safe_next, see_other
from app.core.mail import mail_server
from app.core.menu import add_entry
from app.core.overtaken import Disputes, differing, disputes, overtaken
from app.core.panels import Line, Panel, register_panel
from app.core.permissions import requires
from app.core.storage import StoredFile
from app.people import correction_views, data_views, operations, queries, registration_views
from app.people.web import bp
from app.units import choosing, keepers
from app.units.forms import FirstUnitForm
from app.units.queries import employment_of, open_binding, unit_of
from forms import build

__all__ = ["bp", "correction_views", "data_views", "registration_views"]

NEEDED = "还没有确认个人信息。确认后才能申报；在此之前可以查看各个页面、绑定单位、录入业绩"


def _roles() -> set[str]:
    return {grant.role for grant in grants()}


@bp.get("/account")
@requires("account.profile")
def profile() -> str:
    """A person's own data (个人信息, FJ-P-57..59, AH-P-53)."""
    person: Person = db.session.get_one(Person, current_user.id)
    account = select(Credential.login).where(Credential.person_id == person.id)
    return render_template(
        "people/profile.html",
        person=person,
        login=db.session.scalar(account) or "",
        photo=db.session.get(StoredFile, person.photo_file_id or 0),
        photo_fault=queries.photo_fault(person.id),
        told=queries.told_of(person),
        employment=employment_of(person.id),
        keeper=keepers.name_of(person.id),
        binding=open_binding(person.id),
        is_applicant="applicant" in _roles(),
        must_complete=queries.must_complete(person, _roles()),
        factor=factor_of(person.id),
        has_mail=mail_server(),
    )


def _form(person: Person) -> Any:
    spec = queries.profile_form(person).at(today(), person.birth_date)
    made = build(spec, choices={"series": queries.series_choices()})
    if request.method == "POST":
        return made(request.form)
    return made(data=queries.profile_values(person))


@bp.route("/account/details", methods=["GET", "POST"])
@requires("account.profile")
def details() -> str | Response | tuple[str, int]:
    """完善信息: entered once, confirmed at the first sign-in, changed whenever it changes."""
    person = _own(writes=request.method == "POST")
    form, first_unit = _form(person), _first_unit(person)
    if request.method == "GET":
        return _details_page(person, form, first_unit)
    if "look" in request.form:
        return _details_page(person, form, first_unit, looks=True)
    holds = _holds(person, form, first_unit)
    said = _disputes(person, form, holds=holds)
    if holds and said.are_open:
        seen = queries.profile_mark(person)
        return _details_page(person, form, first_unit, seen=seen), 422
    if holds:
        is_first = person.profile_confirmed_at is None
        try:
            told = _save(person, form, first_unit, said.given_up)
        except Invalid as error:
            # Both or none: what was saved before the fault was found is undone.
            db.session.rollback()
            of_unit = first_unit is not None and any(name in first_unit for name in error.errors)
            show_faults(first_unit if of_unit else form, error)
        else:
            flash(told, "success")
            return see_other(_next_step(first_unit) if is_first else url_for("people.profile"))
    return _details_page(person, form, first_unit), 422


def _own(*, writes: bool) -> Person:
    """Return who is signed in, locked for what they write: another page may save meanwhile."""
    person: Person = db.session.get_one(
        Person, current_user.id, with_for_update=writes or None, populate_existing=writes
    )
    return person


def _holds(person: Person, form: Any, first_unit: FirstUnitForm | None) -> bool:
    """Judge the details and the unit together, so that all is told in one round."""
    told = {name: form[name].data for name in ("email", "series") if name in form}
    of_person = judged(form, lambda: operations.check_profile(person, told, now()))
    wish = first_unit.wish if first_unit else None
    of_unit = (partial(choosing.chosen, wish), partial(choosing.keeper_of, wish)) if wish else ()
    return of_person & (first_unit is None or judged(first_unit, *of_unit))


def _disputes(person: Person, form: Any, *, holds: bool) -> Disputes:
    """Return what was saved elsewhere meanwhile, and say so once the rest of the form holds.

    The answer to a page that was overtaken carries the new mark: what is chosen holds for that.
    """
    is_stale = request.form.get("seen", "") not in {"", queries.profile_mark(person)}
    if is_stale and not holds:
        return Disputes()
    choices = {"series": queries.series_choices()}
    differ = differing(form.spec, queries.profile_values(person), form.answers(), choices)
    said = disputes(differ, request.form, is_stale=is_stale)
    said.show_on(form)
    if said.are_open:
        form.form_errors = [*form.form_errors, overtaken("个人信息")]
    return said


def _first_unit(person: Person) -> FirstUnitForm | None:
    """Return the form of a newcomer's unit, which stands below the details (FJ-P-07, AH-P-07)."""
    has_unit = unit_of(person.id) is not None or open_binding(person.id) is not None
    if has_unit or not queries.must_complete(person, _roles()):
        return None
    return FirstUnitForm(request.form)


def _save(
    person: Person, form: Any, first_unit: FirstUnitForm | None, but: Collection[str]
) -> str:
    """Keep the details and ask the unit that was chosen; returns what is told of it."""
    kept = queries.profile_values(person)
    answers = {**form.answers(), **{name: kept.get(name) for name in but}}
    wish, is_first = first_unit.wish if first_unit else None, person.profile_confirmed_at is None
    unit = choosing.chosen(wish) if wish else None
    keeper = choosing.keeper_of(wish) if wish else None
    changed = operations.save_profile(person, answers, now=now())
    if wish is None or unit is None:
        return "个人信息已保存" if changed or is_first else "内容没有变化"
    choosing.ask_first_unit(person, unit, keeper, wish, now=now())
    return f"个人信息已保存，绑定申请已提交，等待{unit.name}审核"


def _details_page(
    person: Person,
    form: Any,
    first_unit: FirstUnitForm | None,
    *,
    looks: bool = False,
    seen: str = "",
) -> str:
    wish = first_unit.wish if first_unit else None
    found = choosing.fitting(wish) if wish and first_unit else []
    if first_unit:
        first_unit.offer(found)
    return render_template(
        "people/details.html",
        form=form,
        person=person,
        must_complete=queries.must_complete(person, _roles()),
        first_unit=first_unit,
        looks=looks,
        seen=seen or request.form.get("seen", "") or queries.profile_mark(person),
    )


def _next_step(first_unit: FirstUnitForm | None) -> str:
    """Return where a person goes after the first confirmation: to what waits, if anything."""
    if first_unit is None:
        return url_for("people.profile")
    return "/binding" if first_unit.wish else "/home"


@bp.post("/account/photo")
@requires("account.profile")
@brings_files(profile)
@shown_on(profile)
def set_photo() -> Response:
    """Keep the certificate photo that was uploaded and cropped (证件照片)."""
    chosen = request.form.get("photo", type=int)
    if not chosen:
        raise Invalid("请先选择并裁剪照片", field="photo")
    operations.change_photo(_own(writes=False), chosen, now=now())
    flash("证件照片已更新", "success")
    return see_other(safe_next(request.form.get("next"), url_for("people.profile")))


@bp.post("/account/photo/remove")
@requires("account.profile")
def remove_photo() -> Response:
    """Take the photo away."""
    operations.remove_photo(_own(writes=True), now=now())
    flash("证件照片已删除，申报前请重新上传", "success")
    return see_other(url_for("people.profile"))


@register_panel(1)
def complete_first(person: Any, roles: set[str], _moment: datetime) -> Panel | None:
    """完善个人信息: the very first step of a new applicant, until it is done (AH-P-06)."""
    if not queries.must_complete(person, roles):
        return None
    url = url_for("people.details")
    return Panel("请先完善个人信息", [], NEEDED, action_label="完善信息", action_url=url)


@register_panel(8)
def about_me(person: Any, roles: set[str], _moment: datetime) -> Panel | None:
    """个人基本信息 on the home page of an applicant (FJ-P-10, AH-P-10)."""
    if "applicant" not in roles:
        return None
    unit = unit_of(person.id)
    series = "、".join(each.name for each in queries.series_of(person.id))
    home = url_for("people.profile")
    # What is there is read; what is missing leads to where it is given.
    lines = [
        Line(f"{label}：{text or missing}", "" if text else url)
        for label, text, missing, url in (
            ("证件号码", person.masked_id_number, "未登记", home),
            ("手机号码", person.phone, "未填写", home),
            ("工作单位", unit.name if unit else "", "尚未绑定单位", "/binding"),
            ("所在职称系列", series, "未选择", url_for("people.details")),
        )
    ]
    photo = person.photo_file_id
    picture = url_for("site.file", file_id=photo) if photo else ""
    return Panel("个人基本信息", lines, more_url=home, picture=picture)


add_entry("工作台", "个人信息", "person", "people.profile", "account.profile")
