"""Public pages of publicity, objections to it, and the organiser's list of them."""

from datetime import datetime
from typing import Any

from flask import Blueprint, flash, render_template, request, url_for
from flask import Response as WebResponse
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.addresses import TooManyTries
from app.accounts.models import Person
from app.accounts.public_forms import PublicForm
from app.accounts.queries import works_at
from app.accounts.tasks import holds_task
from app.accounts.views import visitor_address
from app.core.clock import now
from app.core.crypto import keyed_hash
from app.core.db import db
from app.core.errors import Conflict, Invalid, NotFound
from app.core.http import grants, marks_viewed, page_of, see_other
from app.core.menu import add_entry
from app.core.panels import Line, Panel
from app.core.permissions import ORGANISERS, authorize, register_predicate, requires
from app.core.tables import cut_words, note_export, table_answer
from app.engine import runtime
from app.results import operations, queries
from app.results.models import Objection, Publicity, Result
from app.results.process import OBJECTION
from app.results.tables import (
    OBJECTION_HEADS,
    OBJECTION_WORDS,
    RESULT_HEADS,
    objection_rows,
    result_rows,
)
from app.results.tasks import task_for_me
from app.site.blocks import register_block
from app.units.flow import flow_log

bp = Blueprint("results", __name__)
PROOF = PublicForm("objection", free=5)
# Who looks into objections, for the organiser they are appointed at.
LOOKERS = frozenset({*ORGANISERS, "supervisor"})
EXPORTED = 5000
RECEIVED = "异议已受理，请记下受理号，凭受理号可以查询办理情况"
RECEIVED_BEFORE = "您提交过同样的异议，已在受理，无需重复提交"
NO_RECEIPT = "没有这个受理号，请核对后重试"
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
        can_export=current_user.is_authenticated
        and looks_after_publicity(current_user, publicity, now()),
        state=state_of(publicity, now()),
        is_open=publicity.accepts_objections(now()),
        challenge=PROOF.challenge(),
        values=values,
        errors=errors,
    )


@bp.post("/publicity/<int:publicity_id>/objections")
@requires("publicity.object")
def object_to(publicity_id: int) -> Response | tuple[str, int]:
    """Take in an objection under a real name; the same one again is answered as the first."""
    publicity = queries.get_publicity(publicity_id)
    try:
        PROOF.take()
        made, is_new = _receive(publicity, now())
    except (Invalid, Conflict, operations.TooManyObjections, TooManyTries) as error:
        if not publicity.accepts_objections(now()):
            raise
        errors = error.errors if isinstance(error, Invalid) else {"": [error.message]}
        return _show(publicity, request.form.to_dict(), errors), error.status
    flash(RECEIVED if is_new else RECEIVED_BEFORE, "success" if is_new else "info")
    return see_other(url_for("results.objection_state", number=made.receipt))


@bp.get("/objections/state")
@requires("publicity.read")
def objection_state() -> str | tuple[str, int]:
    """How an objection stands, for who has its number (异议办理情况查询)."""
    number = request.args.get("number", "").strip()
    found = queries.objection_of_receipt(number) if number else None
    message = NO_RECEIPT if number and found is None else ""
    page = render_template(
        "results/state.html",
        number=number,
        objection=found,
        message=message,
        words=OBJECTION_WORDS,
    )
    return (page, NotFound.status) if message else page


def _receive(publicity: Publicity, moment: datetime) -> tuple[Objection, bool]:
    """Take in what was typed; tells whether it is new."""
    typed = request.form
    words = {field: typed.get(field, "").strip() for field in operations.LONGEST}
    result_id, key = typed.get("result_id", 0, int), typed.get("request_key", "")[:40] or None
    operations.lock(publicity)
    sent = queries.objection_of_form(key) if key else None
    same = queries.same_objection(result_id, words)
    if sent is not None and sent != same:
        raise Conflict("此表单已提交过，内容有变化的，请核对后再次点击“提交异议”")
    if same is not None:
        return same, False
    objection = operations.file_objection(
        publicity,
        db.session.get(Result, result_id),
        **words,
        now=moment,
        sender=operations.Sender(key, keyed_hash(f"address:{visitor_address()}")),
    )
    runtime.start(
        "objection",
        business=(OBJECTION, objection.id),
        jurisdiction=publicity.plan.jurisdiction,
        actor_id=current_user.id if current_user.is_authenticated else None,
        now=moment,
    )
    return objection, True


bp.app_template_global("publicity_of_meeting")(queries.publicity_of_meeting)


@register_predicate("looks_after_publicity")
def looks_after_publicity(person: Person, publicity: Publicity, moment: datetime) -> bool:
    """Staff of the organiser that published."""
    return works_at(person.id, publicity.plan.organiser_unit_id, LOOKERS, moment)


@bp.get("/publicity/<int:publicity_id>/list.csv")
@marks_viewed
@requires("publicity.export")
def export(publicity_id: int) -> WebResponse:
    """导出公示名单 with how every result stands; who took it is kept."""
    publicity = queries.get_publicity(publicity_id)
    authorize("publicity.export", current_user, publicity, now())
    subject = ("publicity", publicity.id)
    note_export("publicity:exported", subject=subject, rows=len(publicity.results))
    return table_answer(publicity.title, RESULT_HEADS, result_rows(publicity))


@register_predicate("organises_objection")
def organises_objection(person: Person, objection: Objection, moment: datetime) -> bool:
    """Staff of the organiser, and whose task it is, but for who is objected to."""
    if objection.is_against(person.id):
        return False
    unit = objection.result.publicity.plan.organiser_unit_id
    looks = works_at(person.id, unit, LOOKERS, moment)
    return looks or holds_task(person.id, OBJECTION, [objection.id], moment)


@bp.get("/objections")
@requires("objection.list")
def objections() -> str:
    """Objections to the organiser's results (异议处理)."""
    page = page_of(queries.objections_at(_units(), reader_id=current_user.id))
    return render_template(
        "results/objections.html",
        page=page,
        words=OBJECTION_WORDS,
        cut=cut_words(page.total, EXPORTED),
    )


def _units() -> list[int]:
    posts = [g for g in grants() if g.role in LOOKERS and g.scope_kind == "org"]
    return sorted({post.scope_id for post in posts if post.scope_id})


@bp.get("/objections.csv")
@marks_viewed
@requires("objection.export")
def export_objections() -> WebResponse:
    """导出异议台账; who took it is kept."""
    units = _units()
    listed = queries.objections_at(units, reader_id=current_user.id)
    found = page_of(listed, page=1, size=EXPORTED)
    subject = ("person", current_user.id)
    note_export("objection:exported", subject=subject, rows=len(found.items), units=units)
    rows = objection_rows(found.items)
    return table_answer("异议台账", OBJECTION_HEADS, rows, total=found.total)


@bp.get("/objections/<int:objection_id>")
@requires("objection.show")
def objection(objection_id: int) -> str:
    """One objection with what was found and decided."""
    found = db.session.get(Objection, objection_id)
    if found is None:
        raise NotFound
    authorize("objection.show", current_user, found, now())
    return render_template(
        "results/objection.html",
        record={"objection": found},
        log=flow_log((OBJECTION, found.id)),
        task=task_for_me((OBJECTION, found.id)),
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
