"""An identity number in full, for who must compare it with a document (查看完整证件号码).

The rooms whose pages lead here say who may: a unit's administrator for the unit's people, the
system administrator for everybody, who handles a correction for the number that it asks for.
"""

import json

from flask import render_template, request, session
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.handing_out import opened
from app.accounts.models import Person
from app.accounts.operations import unmask_id_number
from app.core.clock import now
from app.core.crypto import seal
from app.core.http import see_other

SHOWN = "unmasked"


def number_page(person: Person, *, back: str, origin: str, masked: str = "") -> str:
    """Render the page that asks for the reason, and shows the number once after it was given.

    `back` leads to the page called `origin`, from which one came. `masked` stands for a number
    that is not the person's yet.
    """
    where, full = json.loads(opened(session.pop(SHOWN, "")) or '["", ""]')
    return render_template(
        "accounts/number.html",
        person=person,
        number=full if where == request.path else "",
        masked=masked or person.masked_id_number,
        back=back,
        origin=origin,
    )


def unmask(person: Person, *, sealed: str = "", **about: int) -> Response:
    """Show a number in full on the page at this address; Invalid without a reason.

    `sealed` is a number that is not the person's yet; the log tells what the rest is `about`.
    """
    reason = request.form.get("reason", "")
    full = unmask_id_number(
        person, reason, sealed=sealed, actor=current_user, now=now(), about=about
    )
    session[SHOWN] = seal(json.dumps([request.path, full]))
    return see_other(request.path)
