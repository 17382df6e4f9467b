"""Public pages of publicity, objections to it, and the organiser's list of them."""

from datetime import datetime
from typing import Any

from flask import Blueprint, flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.flow import flow_log
from app.accounts.models import Person
from app.accounts.queries import works_at
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid, NotFound
from app.core.http import grants, page_of, see_other
from app.core.menu import add_entry
from app.core.panels import Line, Panel
from app.core.permissions import ORGANISERS, authorize, register_predicate, requires
from app.engine import runtime
from app.results import operations, queries
from app.results.models import Objection, Publicity, Result
from app.results.process import OBJECTION
from app.site.blocks import register_block

bp = Blueprint("results", __name__)
# Who looks into objections, for the organiser they are appointed at.
LOOKERS = frozenset({*ORGANISERS, "supervisor"})
STATES = {
    "open": ("公示中", "info"),
    "ended": ("公示结束", "warning"),
    "confirmed": ("已确认", "success"),
}


def state_of(publicity: Publicity, moment: datetime) -> tuple[str, str]:
    """Return the word and tone of a publicity; the period is over when its time is."""
    over = publicity.status == "open" and moment > publicity.ends_at
    return STATES["ended" if over else publicity.status]


@bp.get("/publicity")
@requires("publicity.read")
def index() -> str:
    """Everything published, the newest first (公示)."""
    page = page_of(queries.publicities(request.args.get("q", "")))
    return render_template("results/index.html", page=page, state_of=state_of)


@bp.get("/publicity/<int:publicity_id>")
@requires("publicity.read")
def show(publicity_id: int) -> str:
    """A published list: names and units only, and where to object."""
    return _show(queries.get_publicity(publicity_id), {}, {})


def _show(publicity: Publicity, values: dict[str, Any], errors: dict[str, list[str]]) -> str:
    return render_template(
        "results/show.html",
        publicity=publicity,
        state=state_of(publicity, now()),
        is_open=publicity.accepts_objections(now()),
        values=values,
        errors=errors,
    )


@bp.post("/publicity/<int:publicity_id>/objections")
@requires("publicity.object")
def object_to(publicity_id: int) -> Response | tuple[str, int]:
    """Take in an objection under a real name."""
    publicity = queries.get_publicity(publicity_id)
    moment = now()
    try:
        objection = operations.file_objection(
            publicity,
            db.session.get(Result, request.form.get("result_id", type=int) or 0),
            name=request.form.get("name", ""),
            contact=request.form.get("contact", ""),
            text=request.form.get("text", ""),
            now=moment,
        )
    except Invalid as error:
        return _show(publicity, request.form.to_dict(), error.errors), error.status
    runtime.start(
        "objection",
        business=(OBJECTION, objection.id),
        jurisdiction=publicity.plan.jurisdiction,
        actor_id=current_user.id if current_user.is_authenticated else None,
        now=moment,
    )
    flash("异议已受理，处理结果将通过您留下的联系方式告知", "success")
    return see_other(url_for("results.show", publicity_id=publicity.id))


@register_predicate("organises_objection")
def organises_objection(person: Person, objection: Objection, moment: datetime) -> bool:
    """Staff of the organiser whose result is objected to."""
    unit = objection.result.publicity.plan.organiser_unit_id
    return works_at(person.id, unit, LOOKERS, moment)


@bp.get("/objections")
@requires("objection.list")
def objections() -> str:
    """Objections to the organiser's results (异议处理)."""
    units = [
        g.scope_id for g in grants() if g.role in LOOKERS and g.scope_kind == "org" and g.scope_id
    ]
    return render_template("results/objections.html", page=page_of(queries.objections_at(units)))


@bp.get("/objections/<int:objection_id>")
@requires("objection.show")
def objection(objection_id: int) -> str:
    """One objection with what was found and decided."""
    found = db.session.get(Objection, objection_id)
    if found is None:
        raise NotFound
    authorize("objection.show", current_user, found, now())
    return render_template(
        "results/objection.html", record={"objection": found}, log=flow_log((OBJECTION, found.id))
    )


@register_block(20)
def publicity_block(moment: datetime) -> Panel:
    """The public home page's box of what is open to objections, else the latest."""
    latest = db.session.scalars(queries.publicities().limit(6)).all()
    lines = [
        Line(
            p.title,
            url_for("results.show", publicity_id=p.id),
            f"{p.starts_at:%Y-%m-%d} 至 {p.ends_at:%Y-%m-%d}",
            *state_of(p, moment),
        )
        for p in latest
    ]
    return Panel("公示", lines, "暂无公示", url_for("results.index"))


add_entry("评审组织", "公示", "megaphone", "results.index", "publicity.read", roles=ORGANISERS)
add_entry("评审组织", "异议处理", "chat-left-text", "results.objections", "objection.list")
