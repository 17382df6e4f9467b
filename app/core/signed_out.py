"""Requests of nobody: led to the sign-in page and back, and nothing sent vanishes on the way."""

from urllib.parse import urlencode

from flask import Response, redirect, request, session
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from app.core.errors import SignedOut
from app.core.permissions import role_allows

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def wants_json() -> bool:
    """Tell whether the caller is a script that reads JSON."""
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json"


def lacks_session(action: str) -> bool:
    """Tell whether an action asks for somebody who is signed in, and nobody is."""
    return not current_user.is_authenticated and not role_allows(action, set(), signed_in=False)


def ask_to_sign_in() -> BaseResponse:
    """Lead to the sign-in page and back (登录已失效).

    SignedOut where something was being sent: a redirect would lose it without a word.
    """
    if request.method not in SAFE_METHODS or wants_json():
        raise SignedOut
    ended = {"ended": "1"} if "_user_id" in session else {}
    target = f"/login?{urlencode({'next': request.full_path.rstrip('?'), **ended})}"
    if "HX-Request" in request.headers:
        # A part of a page would be swapped for the sign-in page.
        return Response(headers={"HX-Redirect": target})
    return redirect(target)
