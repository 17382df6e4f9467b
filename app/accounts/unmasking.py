"""An identity number in full, for who must compare it with a document (查看完整证件号码).

The rooms whose pages lead here say who may: a unit's administrator for the unit's people, the
system administrator for everybody.
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


def number_page(person: Person, *, back: str) -> str:
    """Render the page that asks for the reason, and shows the number once after it was given."""
    whose, full = json.loads(opened(session.pop(SHOWN, "")) or '[0, ""]')
    number = full if whose == person.id else ""
    return render_template("accounts/number.html", person=person, number=number, back=back)


def unmask(person: Person) -> Response:
    """Show a number in full on the page at this address; Invalid without a reason."""
    reason = request.form.get("reason", "")
    full = unmask_id_number(person, reason, actor=current_user, now=now())
    session[SHOWN] = seal(json.dumps([person.id, full]))
    return see_other(request.path)
