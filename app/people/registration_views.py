"""个人注册: the public page of who wants an account, and the one behind the letter's link."""

from urllib.parse import urlencode

from flask import current_app, flash, render_template, request, url_for
from werkzeug.wrappers import Response

from app.accounts import signing_in
from app.accounts.addresses import TooManyTries
from app.accounts.forms import ActivationForm
from app.accounts.public_forms import PublicForm
from app.accounts.views import visitor_address
from app.catalogue import jurisdictions
from app.core.clock import now
from app.core.crypto import keyed_hash
from app.core.db import begin_writing
from app.core.errors import Invalid, NotFound
from app.core.faults import judged, show_faults
from app.core.http import see_other, writes_late
from app.core.mail import mail_server, post
from app.core.permissions import requires
from app.people import registering
from app.people.forms import RegistrationForm
from app.people.web import bp
from app.units.queries import jurisdictions_in_use

PROOF = PublicForm("person", free=3)


@bp.get("/register")
@requires("account.register")
def registration() -> str:
    """The form of who wants an account, or whom to ask for one where nobody opens their own."""
    return _page(RegistrationForm())


def _page(form: RegistrationForm) -> str:
    used = [jurisdictions.get(each) for each in jurisdictions_in_use()]
    open_here = [each for each in used if each.opens_accounts_by_registration]
    form.offer((each.id, each.name) for each in open_here)
    return render_template(
        "people/register.html",
        form=form,
        challenge=PROOF.challenge(),
        is_open=bool(open_here) and mail_server() is not None,
        closed=[each.name for each in used if each not in open_here],
    )


@bp.post("/register")
@requires("account.register")
def register() -> Response | tuple[str, int]:
    """Write a registration down and send its letter: one answer for every number and address."""
    if mail_server() is None:
        raise NotFound
    form, moment = RegistrationForm(request.form), now()
    if not judged(form, lambda: registering.checked_entry(form.entry, moment)):
        return _page(form), 422
    try:
        PROOF.take()
        sender = keyed_hash(f"address:{visitor_address()}")
        secret = registering.ask_for_account(form.entry, sender=sender, now=moment)
    except Invalid as error:
        show_faults(form, error)
        return _page(form), error.status
    except (TooManyTries, registering.TooManyRegistrations) as refusal:
        form.form_errors = [*form.form_errors, refusal.message]
        return _page(form), refusal.status
    if secret is not None:
        _write(form.entry.address, secret)
    return see_other(url_for("people.registered"))


def _write(mailbox: str, secret: str) -> None:
    """Write the letter, in which stands nothing that was typed: it may go to anybody."""
    address = f"{current_app.config['PUBLIC_URL']}/register/activate"
    link = f"{address}?{urlencode({'secret': secret})}"
    body = render_template("mail/register.txt", link=link)
    post(mailbox.strip(), "激活账号", body, now=now())


@bp.get("/register/asked")
@requires("account.register")
def registered() -> str:
    """What happens next, the same for everybody."""
    return render_template("people/registered.html")


@bp.get("/register/activate")
@requires("account.register")
def registration_link() -> str | tuple[str, int]:
    """The page behind the link of a letter: who it is for, and the first password."""
    return _link_page(ActivationForm(data={"secret": request.args.get("secret", "")}))


def _link_page(form: ActivationForm) -> str | tuple[str, int]:
    try:
        asked = registering.find(form.secret.data or "", now=now())
    except Invalid as error:
        return render_template("people/bad_link.html", message=error.message), error.status
    return render_template("people/open_account.html", form=form, asked=asked)


@bp.post("/register/activate")
@requires("account.register")
@writes_late
def open_account() -> Response | str | tuple[str, int]:
    """Open the account with a password of one's own; one signs in with it afterwards (CZ-02)."""
    form = ActivationForm(request.form)
    if not form.validate():
        page = _link_page(form)
        return (page, 422) if isinstance(page, str) else page
    try:
        registering.find(form.secret.data or "", now=now())
        password = signing_in.hash_password(form.password.data or "")
        begin_writing()
        account = registering.open_account(form.secret.data or "", password, now=now())
    except Invalid:
        return _link_page(form)
    if account is None:
        return render_template("people/known_already.html"), 409
    flash(f"注册完成，请用身份证号和新密码登录。登录名：{account.login}", "success")
    return see_other(url_for("accounts.login"))
