"""What a page shows of refused input: every fault at its field, and nothing typed lost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import Flask, Response, g, request, session
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from werkzeug.datastructures import MultiDict

from app.core.db import db
from app.core.errors import Invalid, gathered
from app.core.signed_out import SAFE_METHODS, wants_json


def show_faults(form: Any, error: Invalid) -> None:
    """Put the messages of a refusal at their fields; those without a field stand above them."""
    loose = [] if error.errors else [error.message]
    for name, messages in error.errors.items():
        if name in form:
            form[name].errors = [*form[name].errors, *messages]
        else:
            loose.extend(messages)
    form.form_errors = [*form.form_errors, *loose]


def judged(form: Any, *checks: Callable[[], object]) -> bool:
    """Tell whether a form and what is judged beside it hold; all faults are shown in one round.

    What the form itself refused of a field is said there already.
    """
    holds = form.validate()
    told = gathered(*checks)
    beside = {name: texts for name, texts in told.items() if name not in form.errors}
    if beside:
        show_faults(form, Invalid(errors=beside))
    return bool(holds) and not told


@dataclass(frozen=True)
class Refused:
    """A small form that comes back: what was typed into it, and what is wrong with it."""

    values: MultiDict[str, str]
    error: Invalid | None

    @property
    def errors(self) -> Mapping[str, Sequence[str]]:
        """What is wrong, by field."""
        return self.error.errors if self.error else {}


def shown_on(
    page: Callable[..., Any], *, at: Callable[..., str] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare the page on which a small form stands, one that no Form class draws.

    What the view refuses as Invalid is shown there, at the form's fields: the macro `f.line`
    asks `refused` for it. The page is given what the view was given. `at` returns the address of
    a page that the form is not sent to: its list is turned over and searched there.
    """

    def declare(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def answer(**values: Any) -> Any:
            try:
                return view(**values)
            except Invalid as error:
                if wants_json():
                    raise
                db.session.rollback()
                g.page_path = at(**values) if at else request.path
                return refused_on(page, error, **values)

        return answer

    return declare


def refused_on(page: Callable[..., Any], error: Invalid, **values: Any) -> tuple[Any, int]:
    """Show a refusal on the page of its form; what was written before it is kept."""
    return typed_on(page, error, **values), error.status


def typed_on(page: Callable[..., Any], error: Invalid | None = None, /, **values: Any) -> Any:
    """Return the page of a form with what was typed, and with what is wrong if anything is."""
    g.refused_form = request.path, Refused(request.form, error)
    return page(**values)


def refused(action: str) -> Refused | None:
    """Return what this request refused of the form that is sent to `action`."""
    path, found = g.get("refused_form", ("", None))
    return found if action.partition("?")[0] == path else None


def page_path() -> str:
    """Return where the page that is drawn stands: of a refused form, not where that was sent."""
    return str(g.get("page_path") or request.path)


# Neither is written into a page: what opens something, and files, which no page can hand back.
SECRETS = {"password", "current", "again", "secret", "code"}


def comes_from_here() -> bool:
    """Tell whether a page of our own sent this request.

    A form of another site comes without our cookie, as if nobody were signed in. Offered to be
    sent again, it would go with all that protects our own forms. Browsers say where a request
    comes from; with those that do not, the cookie does.
    """
    told = request.headers.get("Sec-Fetch-Site")
    return told == "same-origin" if told else "_user_id" in session


def sent_fields() -> list[tuple[str, str]]:
    """Return what our page was to save, so that it can be sent again after signing in."""
    if not comes_from_here():
        return []
    fields = list(request.form.items(multi=True))
    has_files = any(sent.filename for sent in request.files.values())
    if has_files or any(name in SECRETS or name.startswith("code-") for name, _ in fields):
        return []
    return [(name, value) for name, value in fields if name != "csrf_token"]


class KeptSessions(SecureCookieSessionInterface):
    """Sessions that no refused form of another site replaces.

    Such a form comes without our cookie: what its refusal wrote into an empty session, such as
    a token, would be the new cookie of whoever is signed in.
    """

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Save the session, except with what is refused and does not come from here."""
        is_refused = request.method not in SAFE_METHODS and response.status_code >= 400
        if not is_refused or comes_from_here():
            super().save_session(app, session, response)


def init_faults(app: Flask) -> None:
    """Let the macros ask what was refused, and no refusal end a session."""
    app.session_interface = KeptSessions()
    app.jinja_env.globals.update(refused=refused, page_path=page_path)
