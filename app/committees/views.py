"""Pages of committees: the list, a committee, and entering one (新增评委会)."""

from datetime import date
from typing import Any

from flask import Blueprint, flash, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from app.accounts.models import Person
from app.catalogue.models import Series
from app.committees import queries
from app.committees.models import LEVELS
from app.committees.operations import (
    Filing,
    authorise_committee,
    confirm_filing,
    may_confirm,
    refuse_filing,
)
from app.core.clock import now, today
from app.core.db import db
from app.core.errors import Forbidden, Invalid
from app.core.faults import show_faults, shown_on
from app.core.http import grants, page_of, see_other
from app.core.menu import add_entry
from app.core.permissions import requires
from app.units.models import Unit
from forms import build, load

bp = Blueprint("committees", __name__)
PAGE_SIZE = 10
FORM = "committee/authorise"


@bp.get("/committees")
@requires("committee.list")
def index() -> str:
    """The committees and until when their filings hold (评委会)."""
    args = request.args
    valid_on = today() if args.get("valid") else None
    series_id = args.get("series", type=int)
    found = queries.search_committees(
        args.get("q", ""), args.get("level", ""), series_id, valid_on
    )
    return render_template(
        "committees/index.html",
        page=page_of(found, size=PAGE_SIZE),
        series=_all_series(),
        levels=LEVELS,
        today=today(),
        may_authorise=bool(_organised()),
    )


def _all_series() -> list[tuple[int, str]]:
    found = db.session.scalars(select(Series).order_by(Series.id))
    return [(series.id, series.name) for series in found]


def _organised() -> set[int]:
    """Return the units for which the person of this request enters committees."""
    return {
        grant.scope_id
        for grant in grants()
        if grant.role == "organiser" and grant.scope_kind == "org" and grant.scope_id is not None
    }


@bp.get("/committees/<int:committee_id>")
@requires("committee.list")
def show(committee_id: int) -> str:
    """A committee with its filing."""
    committee = queries.get_committee(committee_id)
    return render_template(
        "committees/show.html",
        committee=committee,
        today=today(),
        may_confirm=may_confirm(current_user, committee, now()),
        enterer=db.session.get(Person, committee.entered_by),
        confirmer=db.session.get(Person, committee.confirmed_by or 0),
    )


@bp.post("/committees/<int:committee_id>/confirm")
@requires("committee.confirm")
@shown_on(show)
def confirm(committee_id: int) -> Response:
    """Confirm the filing, or send the entry back (备案核对)."""
    committee = queries.get_committee(committee_id)
    if request.form.get("decision") == "return":
        reason = request.form.get("reason", "")[:300]
        refuse_filing(committee, reason, actor=current_user, now=now())
        flash("已退回，录入人已收到理由", "success")
        return see_other(url_for("committees.index"))
    confirm_filing(committee, actor=current_user, now=now())
    flash("备案已核对，可以用于计划和会议", "success")
    return see_other(url_for("committees.show", committee_id=committee.id))


def _form() -> Any:
    units = db.session.scalars(select(Unit).where(Unit.id.in_(_organised())).order_by(Unit.name))
    organisers = [(unit.id, unit.name) for unit in units]
    choices = {"organisers": organisers, "series": _all_series()}
    form = build(load(FORM), choices=choices)
    only = organisers[0][0] if len(organisers) == 1 else None
    return (
        form(request.form) if request.method == "POST" else form(data={"organiser_unit_id": only})
    )


@bp.get("/committees/authorise")
@requires("committee.authorise")
def authorise() -> str:
    """The form for a filed committee."""
    return render_template("committees/authorise.html", form=_form())


@bp.post("/committees/authorise")
@requires("committee.authorise")
def save() -> str | Response | tuple[str, int]:
    """Enter a filed committee; every fault is shown at its field."""
    form = _form()
    if form.validate():
        values = form.answers()
        unit = db.session.get_one(Unit, int(values.pop("organiser_unit_id")))
        series = db.session.get_one(Series, int(values.pop("series_id")))
        if unit.id not in _organised():
            raise Forbidden
        try:
            committee = authorise_committee(
                _filing(values),
                series=series,
                organiser_unit=unit,
                actor=current_user,
                now=now(),
            )
            flash("评委会已录入，待上级主管部门核对备案", "success")
            return see_other(url_for("committees.show", committee_id=committee.id))
        except Invalid as error:
            show_faults(form, error)
    return render_template("committees/authorise.html", form=form), 422


def _filing(values: dict[str, Any]) -> Filing:
    days = {name: date.fromisoformat(values[name]) for name in ("filed_from", "filed_until")}
    return Filing(**{**values, **days})


add_entry("评审组织", "评委会", "people", "committees.index", "committee.list")
