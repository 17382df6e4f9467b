"""One-time secrets (激活码、恢复码): from the act that makes them to the page that shows them."""

import json

from flask import render_template, session, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from app.accounts.models import Credential
from app.accounts.sessions import activation_link
from app.core.crypto import BrokenKey, seal, unseal
from app.core.db import db
from app.core.http import see_other

KEPT = "handed_out"
CODES = "recovery_codes"


def hand_out(person_id: int, secret: str, *, back: str) -> Response:
    """Redirect to the page that shows a secret once.

    It waits sealed in the session of whoever made it: the answer to a write is a redirect, so that
    a repeated form makes nothing twice.
    """
    session[KEPT] = seal(json.dumps([person_id, secret, back]))
    return see_other(url_for("accounts.secret"))


def show_once() -> str:
    """Render the secret that waits in this session, and forget it; say so when there is none."""
    waiting = opened(session.pop(KEPT, ""))
    if not waiting:
        return render_template("accounts/secret.html", account=None)
    person_id, secret, back = json.loads(waiting)
    mine = select(Credential).where(Credential.person_id == person_id)
    return render_template(
        "accounts/secret.html",
        account=db.session.scalars(mine).one(),
        secret=secret,
        link=activation_link(secret),
        back=back,
    )


def hand_out_codes(codes: list[str]) -> Response:
    """Redirect to the page that shows recovery codes once; they wait like a secret."""
    session[CODES] = seal(json.dumps(codes))
    return see_other(url_for("accounts.recovery_codes"))


def codes_once() -> list[str]:
    """Return the recovery codes that wait in this session, and forget them."""
    return list(json.loads(opened(session.pop(CODES, "")) or "[]"))


def opened(sealed: str) -> str:
    """Return what was sealed into this session; nothing when its key was retired meanwhile."""
    try:
        return unseal(sealed) if sealed else ""
    except BrokenKey:
        return ""
