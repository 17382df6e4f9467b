"""更正身份信息: the request of a person, and its page for who handles it."""

from typing import Any

from flask import flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.models import Person
from app.accounts.unmasking import number_page, unmask
from app.core.brought import brings_files
from app.core.clock import now
from app.core.db import db
from app.core.errors import Conflict, Forbidden, NotFound
from app.core.faults import refused_on, shown_on
from app.core.http import noted, see_other
from app.core.numbers import ids_in
from app.core.permissions import authorize, requires
from app.core.uploads import register_policy
from app.engine import runtime
from app.people import corrections, queries
from app.people.models import CORRECTION_WORDS, CorrectionStatus, IdentityCorrection
from app.people.process import CORRECTION, record, was_taken
from app.people.web import bp
from app.units import asking
from app.units.flow import flow_log

PAGE = "mend_correction"
register_policy({"correction": corrections.POLICY}.get)


@bp.app_template_global()
def correction_state(made: IdentityCorrection) -> tuple[str, str]:
    """Return the word and tone of a request's state."""
    return CORRECTION_WORDS[CorrectionStatus(made.status)]


@bp.get("/account/correction")
@requires("account.profile")
def correction() -> str:
    """The request that waits, the form of a new one, and what was asked before."""
    person: Person = db.session.get_one(Person, current_user.id)
    waiting = queries.open_correction(person.id)
    return render_template(
        "people/correction.html",
        person=person,
        waiting=waiting,
        record=record(waiting.id, person) if waiting else {},
        may_withdraw=_may_withdraw(waiting),
        log=flow_log((CORRECTION, waiting.id)) if waiting else [],
        earlier=[each for each in queries.corrections_of(person.id) if not each.is_open],
        evidence=_evidence(waiting),
    )


def _may_withdraw(waiting: IdentityCorrection | None) -> bool:
    """Tell whether nobody who handles a request has opened it since it was sent (撤回)."""
    if waiting is None or waiting.status != CorrectionStatus.PENDING:
        return False
    return runtime.may_withdraw((CORRECTION, waiting.id), waiting.person_id)


def _evidence(waiting: IdentityCorrection | None) -> list[Any]:
    if request.method == "POST":
        return request.form.getlist("evidence")
    return [file.file_id for file in waiting.files] if waiting else []


def _held() -> IdentityCorrection | None:
    """Return the person's open request, its process locked before it."""
    waiting = queries.open_correction(current_user.id)
    if waiting is not None:
        asking.hold((CORRECTION, waiting.id), waiting)
    return waiting


@bp.post("/account/correction")
@requires("account.profile")
@brings_files(correction)
@shown_on(correction)
def request_correction() -> Response | tuple[str, int]:
    """Send a request, or a returned one again; with 放弃 it ends."""
    waiting, moment = _held(), now()
    if "give_up" in request.form:
        return _give_up(waiting)
    person = db.session.get_one(Person, current_user.id)
    try:
        made = corrections.request_correction(person, _entry(), now=moment)
    except corrections.NumberTaken as taken:
        return refused_on(correction, taken)
    asking.send(
        CORRECTION,
        (CORRECTION, made.id),
        PAGE,
        jurisdiction=queries.home_of(made.person_id),
        actor_id=current_user.id,
        now=moment,
    )
    flash("更正申请已提交，办理结果会通知您", "success")
    return see_other(url_for("people.correction"))


def _entry() -> corrections.Entry:
    form = request.form
    return corrections.Entry(
        name=form.get("name", ""),
        id_number=form.get("id_number", ""),
        reason=form.get("reason", ""),
        evidence=ids_in(form.getlist("evidence")),
        is_true=form.get("is_true") == "yes",
    )


def _give_up(waiting: IdentityCorrection | None) -> Response:
    returned = asking.task_of_page((CORRECTION, waiting.id), PAGE) if waiting else None
    if returned is None:
        raise Conflict("只有被退回的申请可以放弃")
    runtime.complete(returned, {"mending": "give_up"}, actor_id=current_user.id, now=now())
    flash("已放弃更正申请", "success")
    return see_other(url_for("people.correction"))


@bp.post("/account/correction/withdraw")
@requires("account.profile")
def withdraw_correction() -> Response:
    """Take back a request that nobody who handles it has opened yet (撤回)."""
    waiting = queries.open_correction(current_user.id)
    if waiting is None or waiting.status != CorrectionStatus.PENDING:
        raise Conflict("没有可以撤回的更正申请")
    runtime.withdraw((CORRECTION, waiting.id), actor_id=current_user.id, now=now())
    flash("更正申请已撤回，身份信息保持不变", "success")
    return see_other(url_for("people.correction"))


@bp.get("/corrections/<int:correction_id>")
@requires("correction.show")
def show_correction(correction_id: int) -> str:
    """A request and its course, for its person and for who handles it."""
    made = _made("correction.show", correction_id)
    page = render_template(
        "people/show_correction.html",
        record=record(made.id, current_user),
        log=flow_log((CORRECTION, made.id)),
    )
    return noted(page, CORRECTION, correction_id)


def _made(action: str, correction_id: int) -> IdentityCorrection:
    made = db.session.get(IdentityCorrection, correction_id)
    if made is None:
        raise NotFound
    try:
        authorize(action, current_user, made, now())
    except Forbidden as refusal:
        if was_taken(current_user, made, now()):
            raise Forbidden(
                "该更正申请已撤回或作废，材料不再向您开放", hint="无需办理。"
            ) from refusal
        raise
    return made


@bp.get("/corrections/<int:correction_id>/number")
@requires("correction.unmask")
def requested_number(correction_id: int) -> str:
    """The number that a request asks for, in full after a reason was given."""
    made = _made("correction.unmask", correction_id)
    back = url_for("people.show_correction", correction_id=made.id)
    return number_page(made.person, back=back, origin="身份信息更正", masked=made.id_number_tail)


@bp.post("/corrections/<int:correction_id>/number")
@requires("correction.unmask")
@shown_on(requested_number)
def unmask_requested_number(correction_id: int) -> Response:
    """Show the number of a request in full, once."""
    made = _made("correction.unmask", correction_id)
    return unmask(made.person, sealed=made.id_number_sealed or "", request=made.id)
