"""An identity number in full, for who must compare it with a document (查看完整证件号码)."""

import json

from flask import render_template, request, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.handing_out import opened
from app.accounts.models import Person
from app.accounts.operations import unmask_id_number
from app.core.clock import now
from app.core.crypto import seal
from app.core.db import db
from app.core.errors import NotFound
from app.core.faults import shown_on
from app.core.http import safe_next, see_other
from app.core.permissions import authorize, requires
from app.units.views import bp

SHOWN = "unmasked"


def _person(person_id: int) -> Person:
    person = db.session.get(Person, person_id)
    if person is None:
        raise NotFound
    authorize("person.unmask", current_user, person, now())
    return person


@bp.get("/people/<int:person_id>/number")
@requires("person.unmask")
def number(person_id: int) -> str:
    """The page that asks for the reason, and shows the number once after it was given."""
    person = _person(person_id)
    whose, full = json.loads(opened(session.pop(SHOWN, "")) or '[0, ""]')
    return render_template(
        "units/number.html",
        person=person,
        number=full if whose == person.id else "",
        back=safe_next(request.args.get("next"), url_for("inbox.home")),
    )


@bp.post("/people/<int:person_id>/number")
@requires("person.unmask")
@shown_on(number)
def unmask(person_id: int) -> Response:
    """Show a number in full, once; who looked and why stands in the person's own log."""
    person = _person(person_id)
    reason = request.form.get("reason", "")
    full = unmask_id_number(person, reason, actor=current_user, now=now())
    session[SHOWN] = seal(json.dumps([person.id, full]))
    back = request.args.get("next")
    return see_other(url_for("units.number", person_id=person.id, next=back))
