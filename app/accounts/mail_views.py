"""Mail: an address that its person proves, and a new password for who forgot theirs (忘记密码).

Links begin with the configured PUBLIC_URL; what a request calls the server plays no part.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import current_app, flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import mail_links, queries, sessions, signing_in
from app.accounts.addresses import (
    SignInRefused,
    asking,
    challenge_for,
    count_address,
    use_address,
)
from app.accounts.forms import CARD_CODE, ForgetMailForm, ForgottenForm, MailForm, ResetForm
from app.accounts.models import RESET, VERIFY, Person
from app.accounts.views import HOME, bp, password_confirmed, visitor_address
from app.core import jobs
from app.core.clock import device_time, now
from app.core.db import begin_writing, db, transaction
from app.core.errors import Invalid, NotFound
from app.core.faults import show_faults
from app.core.http import see_other, writes_late
from app.core.mail import mail_folder, mail_server, post
from app.core.permissions import requires

bp.add_app_template_global(mail_folder, "mail_folder")


def _link(path: str, secret: str) -> str:
    return f"{current_app.config['PUBLIC_URL']}{path}?{urlencode({'secret': secret})}"


def _write(address: str, subject: str, letter: str, **words: Any) -> None:
    """Put a letter into the outbox: templates/mail/<letter>.txt."""
    body = current_app.jinja_env.get_template(f"mail/{letter}.txt").render(words)
    post(address, subject, body, now=now())


@bp.get("/forgotten")
@requires("account.reset")
def forgotten() -> str:
    """Who forgot a password asks for a link here; without a mail server it says whom to ask."""
    return _forgotten_page(ForgottenForm())


def _forgotten_page(form: ForgottenForm) -> str:
    challenge = challenge_for(asking(visitor_address()), now())
    return render_template(
        "accounts/forgotten.html", form=form, challenge=challenge, has_mail=mail_server()
    )


@bp.post("/forgotten")
@requires("account.reset")
def ask_for_reset() -> Response | tuple[str, int]:
    """Write the request down: one answer for every name; each counts as a try to ask."""
    if mail_server() is None:
        raise NotFound
    form = ForgottenForm(request.form)
    if not form.validate():
        return _forgotten_page(form), 422
    address = asking(visitor_address())
    try:
        use_address(address, request.form.get("proof", ""), now=now())
    except SignInRefused as refusal:
        form.form_errors.append(refusal.message)
        return _forgotten_page(form), refusal.status
    count_address(address, now())
    mail_links.ask_for_reset(form.login.data or "", now=now())
    return see_other(url_for("accounts.asked_for_reset"))


@bp.get("/forgotten/asked")
@requires("account.reset")
def asked_for_reset() -> str:
    """What happens next, the same for everybody."""
    return render_template("accounts/asked_for_reset.html")


@jobs.register_job(mail_links.ANSWER)
def answer_request(payload: Mapping[str, Any]) -> None:
    """Write to whoever asked for a new password, if there is somebody."""
    with transaction():
        found = mail_links.answer_request(payload["request"], now=now())
        if found is not None:
            person, secret = found
            link = _link("/reset", secret)
            _write(person.email, "重置密码", "reset", name=person.name, link=link)


@bp.get("/reset")
@requires("account.reset")
def reset() -> str | tuple[str, int]:
    """The page for a new password behind the link of a letter (重置密码)."""
    form = ResetForm(data={"secret": request.args.get("secret", "")})
    return _reset_page(form)


def _reset_page(form: ResetForm, status: int = 200) -> str | tuple[str, int]:
    try:
        link = mail_links.find_link(form.secret.data or "", RESET, now=now())
    except Invalid as error:
        return render_template("accounts/bad_link.html", message=error.message), 422
    asks_code = queries.asks_code(link.person_id, now())
    if not queries.has_factor(link.person_id):
        form.code.label.text = CARD_CODE
    page = render_template("accounts/reset.html", form=form, asks_code=asks_code)
    return (page, status) if status != 200 else page


@bp.post("/reset")
@requires("account.reset")
@writes_late
def set_new_password() -> Response | str | tuple[str, int]:
    """Set a new password by a link; every session of the account ends, a fresh one begins."""
    form = ResetForm(request.form)
    if form.validate():
        try:
            mail_links.find_link(form.secret.data or "", RESET, now=now())
            password = signing_in.hash_password(form.password.data or "")
            begin_writing()
            account = mail_links.reset_by_mail(
                form.secret.data or "",
                password,
                form.code.data or "",
                address=visitor_address(),
                moment=device_time(),
                now=now(),
            )
        except Invalid as error:
            show_faults(form, error)
        else:
            sessions.begin_session(account, now())
            flash("密码已重置，其他设备上的登录已退出", "success")
            return see_other(HOME)
    return _reset_page(form, 422)


@bp.get("/account/mail")
@requires("account.mail")
def mail() -> str:
    """The person's mail address: whether it was proved, and the form of another one (邮箱)."""
    return _mail_page(MailForm())


def _mail_page(form: MailForm, leaving: ForgetMailForm | None = None) -> str:
    return render_template(
        "accounts/mail.html",
        form=form,
        leaving=leaving or ForgetMailForm(),
        person=current_user,
        has_mail=mail_server(),
    )


@bp.post("/account/mail")
@requires("account.mail")
@writes_late
def ask_to_verify() -> Response | tuple[str, int]:
    """Send a letter to an address, whose link proves that it is the person's."""
    if mail_server() is None:
        raise NotFound
    form = MailForm(request.form)
    if form.validate():
        try:
            repeated = password_confirmed(form.current.data or "")
            if repeated is not None:
                return repeated
            person = db.session.get_one(Person, current_user.id)
            address = form.address.data or ""
            secret = mail_links.ask_to_verify(person, address, now=now())
        except Invalid as error:
            show_faults(form, error)
        else:
            link = _link("/mail/verify", secret)
            _write(address.strip(), "验证邮箱", "verify", name=person.name, link=link)
            flash(f"验证邮件已发往 {address.strip()}，请在 24 小时内打开其中的链接", "success")
            return see_other(url_for("accounts.mail"))
    return _mail_page(form), 422


@bp.post("/account/mail/forget")
@requires("account.mail")
@writes_late
def forget_mail() -> Response | tuple[str, int]:
    """Keep no address of this person, who gives the password."""
    form = ForgetMailForm(request.form)
    if form.validate():
        try:
            repeated = password_confirmed(form.current.data or "")
            if repeated is not None:
                return repeated
            person = db.session.get_one(Person, current_user.id)
            mail_links.forget_address(person, now=now())
        except Invalid as error:
            show_faults(form, error)
        else:
            flash("邮箱已移除，忘记密码时请联系管理员重置", "success")
            return see_other(url_for("accounts.mail"))
    return _mail_page(MailForm(), form), 422


@bp.get("/mail/verify")
@requires("account.verify_mail")
def verification() -> str | tuple[str, int]:
    """The page behind the link of a letter: one button, since looking at it proves nothing."""
    secret = request.args.get("secret", "")
    try:
        link = mail_links.find_link(secret, VERIFY, now=now())
    except Invalid as error:
        return render_template("accounts/bad_link.html", message=error.message), 422
    return render_template("accounts/verify_mail.html", secret=secret, address=link.address)


@bp.post("/mail/verify")
@requires("account.verify_mail")
def verify_mail() -> Response | tuple[str, int]:
    """Keep the address that the letter went to, and tell the one of before."""
    try:
        person, before = mail_links.verify_address(request.form.get("secret", ""), now=now())
    except Invalid as error:
        return render_template("accounts/bad_link.html", message=error.message), 422
    if before and before != person.email:
        _write(before, "邮箱已更换", "moved", name=person.name)
    flash("邮箱已验证，忘记密码时可以用它重置", "success")
    return see_other(
        url_for("accounts.mail" if current_user.is_authenticated else "accounts.login")
    )
