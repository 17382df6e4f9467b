"""更正身份信息: the request of a person, and its page for who handles it."""

from typing import Any

from flask import flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db
from app.core.errors import Conflict, Invalid, NotFound
from app.core.faults import shown_on
from app.core.http import see_other
from app.core.permissions import authorize, requires
from app.core.uploads import Policy
from app.engine import runtime
from app.people import corrections, queries
from app.people.models import CORRECTION_WORDS, CorrectionStatus, IdentityCorrection
from app.people.process import CORRECTION
from app.people.web import bp
from app.site.views import register_policy
from app.units.flow import flow_log, open_items

POLICIES = {"correction": Policy(max_count=corrections.MOST_FILES)}
register_policy(POLICIES.get)


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
        log=flow_log((CORRECTION, waiting.id)) if waiting else [],
        earlier=[each for each in queries.corrections_of(person.id) if not each.is_open],
        evidence=_evidence(waiting),
    )


def _evidence(waiting: IdentityCorrection | None) -> list[Any]:
    if request.method == "POST":
        return request.form.getlist("evidence")
    return [file.file_id for file in waiting.files] if waiting else []


def _held() -> IdentityCorrection | None:
    """Return the person's open request, its process locked before it."""
    waiting = queries.open_correction(current_user.id)
    if waiting is not None:
        runtime.hold((CORRECTION, waiting.id))
        db.session.refresh(waiting, with_for_update={"of": IdentityCorrection})
    return waiting


@bp.post("/account/correction")
@requires("account.profile")
@shown_on(correction)
def request_correction() -> Response:
    """Send a request, or a returned one again; with 放弃 it ends."""
    waiting, moment = _held(), now()
    if "give_up" in request.form:
        return _give_up(waiting)
    form = request.form
    if form.get("is_true") != "yes":
        raise Invalid("请勾选真实性声明", field="is_true")
    made = corrections.request_correction(
        db.session.get_one(Person, current_user.id),
        name=form.get("name", ""),
        id_number=form.get("id_number", ""),
        reason=form.get("reason", ""),
        evidence=[int(each) for each in form.getlist("evidence") if each.isdecimal()],
        now=moment,
    )
    _send(made)
    flash("更正申请已提交，办理结果会通知您", "success")
    return see_other(url_for("people.correction"))


def _send(made: IdentityCorrection) -> None:
    business = (CORRECTION, made.id)
    mending = [item for item in open_items(business) if item.node == "mend_correction"]
    if mending:
        runtime.complete(mending[0], {}, actor_id=current_user.id, now=now())
        return
    runtime.start(
        CORRECTION,
        business=business,
        jurisdiction=queries.home_of(made.person_id),
        actor_id=current_user.id,
        now=now(),
    )


def _give_up(waiting: IdentityCorrection | None) -> Response:
    items = open_items((CORRECTION, waiting.id)) if waiting else []
    mending = [item for item in items if item.node == "mend_correction"]
    if not mending:
        raise Conflict("只有被退回的申请可以放弃")
    runtime.complete(mending[0], {"mending": "give_up"}, actor_id=current_user.id, now=now())
    flash("已放弃更正申请", "success")
    return see_other(url_for("people.correction"))


@bp.get("/corrections/<int:correction_id>")
@requires("correction.show")
def show_correction(correction_id: int) -> str:
    """A request and its course, for its person and for who handles it."""
    made = db.session.get(IdentityCorrection, correction_id)
    if made is None:
        raise NotFound
    authorize("correction.show", current_user, made, now())
    return render_template(
        "people/show_correction.html",
        record={"correction": made},
        log=flow_log((CORRECTION, made.id)),
    )
