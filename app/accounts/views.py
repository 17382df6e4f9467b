"""Signing in and out, activation, passwords, messages."""

from dataclasses import replace
from datetime import datetime

from flask import Blueprint, flash, render_template, request, session, url_for
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from app.accounts import handing_out, operations, queries, sessions, signing_in
from app.accounts.addresses import SignInRefused, challenge_for, network_of
from app.accounts.devices import device_of
from app.accounts.event_words import ACCOUNT_EVENTS, FACTORS, WHY
from app.accounts.forms import ActivationForm, PasswordForm, SignInForm
from app.accounts.messages import bundles
from app.accounts.models import Credential
from app.accounts.terms import ends_soon, last_day
from app.core import audit
from app.core.clock import now
from app.core.db import begin_writing, current_transaction, db
from app.core.errors import Invalid, NotFound
from app.core.faults import show_faults
from app.core.http import marks_viewed, page_from, page_of, safe_next, see_other, writes_late
from app.core.menu import add_entry
from app.core.permissions import ROLES, requires
from app.core.repeats import answer_repeat

bp = Blueprint("accounts", __name__)
HOME = "/home"
BUNDLES_A_PAGE = 20
MOST_FOLDED = 5000
"""So many messages are read to fold them; whoever has more sees the latest."""
bp.teardown_app_request(sessions.note_use)
bp.app_template_filter("last_day")(last_day)


@bp.app_template_filter("ends_soon")
def _ends_soon(end: datetime | None) -> bool:
    return end is not None and now() < end and ends_soon(end, now())


@bp.get("/login")
@requires("account.sign_in")
def login() -> str | Response:
    """The sign-in page (登录)."""
    if current_user.is_authenticated:
        return see_other(safe_next(request.args.get("next"), HOME))
    return _login_page(SignInForm())


def visitor_address() -> str:
    """Return the network address that failures are counted by."""
    return network_of(request.remote_addr or "-")


def _login_page(form: SignInForm) -> str:
    challenge = challenge_for(visitor_address(), now())
    return render_template("accounts/login.html", form=form, challenge=challenge)


@bp.post("/login")
@requires("account.sign_in")
@writes_late
def sign_in() -> Response | tuple[str, int]:
    """Sign in; a refusal says why and keeps the account name."""
    form = SignInForm(request.form)
    if not form.validate():
        return _login_page(form), 422
    address, proof = visitor_address(), request.form.get("proof", "")
    name, password = form.login.data or "", form.password.data or ""
    try:
        judgement = signing_in.judge(name, password, address=address, proof=proof, now=now())
        begin_writing()
        account = signing_in.sign_in(judgement, address=address, proof=proof, now=now())
    except SignInRefused as refusal:
        form.form_errors.append(refusal.message)
        return _login_page(form), refusal.status
    return go_on(account, request.args.get("next"))


def go_on(account: Credential, target: str | None, via: str = "") -> Response:
    """Let somebody in who proved to be the person, or ask for the second factor first."""
    if queries.asks_code(account.person_id, now()):
        sessions.begin_half(account, now(), via)
        return see_other(url_for("accounts.code", next=target))
    return let_in(account, target, via)


def let_in(account: Credential, target: str | None = None, via: str = "") -> Response:
    """Begin a session and lead on, first to a new password where one is due."""
    sessions.begin_session(account, now(), via)
    if account.must_change:
        flash("首次登录，请先修改密码", "warning")
        return see_other(url_for("accounts.password"))
    return see_other(safe_next(target, HOME))


@bp.post("/logout")
@requires("account.sign_out")
def logout() -> Response:
    """Sign out (退出): the session ends, and with it every copy of its cookie.

    A provider by which somebody came in is not signed out of: that would close other offices'
    pages too. Who shares a computer is told.
    """
    provider = session.get(sessions.VIA)
    if current_user.is_authenticated:
        _note("account:signed_out")
    sessions.end_session(now())
    if provider:
        flash(f"已退出本平台。您在“{provider}”可能仍是登录状态，公用电脑请关闭浏览器", "warning")
    return see_other("/")


@bp.get("/activate")
@requires("account.activate")
def activation() -> str:
    """The page where an account gets its first password (激活账号)."""
    form = ActivationForm(data={"secret": request.args.get("secret", "")})
    return render_template("accounts/activate.html", form=form)


@bp.post("/activate")
@requires("account.activate")
@writes_late
def activate() -> Response | tuple[str, int]:
    """Set the first password with a one-time secret; one signs in with it afterwards (CZ-02)."""
    form = ActivationForm(request.form)
    if not form.validate():
        return render_template("accounts/activate.html", form=form), 422
    secret = form.secret.data or ""
    try:
        operations.find_activation(secret, now=now())
        password = signing_in.hash_password(form.password.data or "")
        begin_writing()
        account = operations.find_activation(secret, now=now())
        operations.set_password(account, password, now=now())
    except Invalid as error:
        show_faults(form, error)
        return render_template("accounts/activate.html", form=form), 422
    flash(f"账号已激活，请用新密码登录。登录名：{account.login}", "success")
    return see_other(url_for("accounts.login"))


def _note(tag: str, **data: int) -> None:
    person_id = current_user.id
    audit.record(tag, subject=("person", person_id), actor_id=person_id, now=now(), **data)


def own_account() -> Credential:
    """Return the account of the person of this request."""
    mine = select(Credential).where(Credential.person_id == current_user.id)
    return db.session.scalars(mine).one()


def password_confirmed(password: str) -> Response | None:
    """Judge one's own password and begin to write; the answer of before when this is a repeat.

    Raises Invalid at the field for a wrong one.
    """
    judgement = signing_in.judge_account(own_account(), password)
    begin_writing()
    repeated = answer_repeat()
    if repeated is None:
        signing_in.confirm_password(judgement, address=visitor_address(), now=now())
    return repeated


@bp.app_template_global()
def lacks_password() -> bool:
    """Tell whether the person of this request has no password: a provider opened the account."""
    return own_account().password_hash is None


@bp.get("/account/password")
@requires("account.change_password")
def password() -> str:
    """The page for a new password (修改密码)."""
    return render_template("accounts/password.html", form=PasswordForm())


@bp.post("/account/password")
@requires("account.change_password")
@writes_late
def change_password() -> Response | tuple[str, int]:
    """Change the password; other sessions of the account end."""
    form = PasswordForm(request.form)
    if form.validate():
        try:
            password = signing_in.hash_password(form.password.data or "")
            repeated = password_confirmed(form.current.data or "")
            if repeated is not None:
                return repeated
            account = own_account()
            operations.set_password(account, password, now=now())
        except Invalid as error:
            show_faults(form, error)
        else:
            sessions.begin_session(account, now())
            flash("密码已修改，其他设备上的登录已退出", "success")
            return see_other(HOME)
    return render_template("accounts/password.html", form=form), 422


@bp.get("/secret")
@requires("account.profile")
def secret() -> str:
    """The one-time secret of an account that was just opened or reset here (激活码)."""
    return handing_out.show_once()


@bp.get("/account/sessions")
@requires("account.sessions")
def own_sessions() -> str:
    """Where the person is signed in (我的登录)."""
    rows = [
        (row, device_of(row.agent), sessions.is_this(row))
        for row in sessions.live_sessions(current_user.id, now())
    ]
    return render_template("accounts/sessions.html", rows=rows)


@bp.post("/account/sessions/<int:session_id>/end")
@requires("account.sessions")
def end_own_session(session_id: int) -> Response:
    """End one of the person's sessions."""
    if not operations.end_sessions(current_user.id, now=now(), only=session_id):
        raise NotFound
    _note("account:own_session_ended", count=1)
    flash("该登录已退出", "success")
    return see_other(url_for("accounts.own_sessions"))


@bp.post("/account/sessions/end-others")
@requires("account.sessions")
def end_other_sessions() -> Response:
    """End all of the person's sessions but this one."""
    count = sessions.end_others(current_user.id, now())
    if count:
        _note("account:own_session_ended", count=count)
    flash(f"已退出其他 {count} 处登录" if count else "没有其他登录", "success")
    return see_other(url_for("accounts.own_sessions"))


@bp.get("/account/log")
@requires("account.log")
def own_log() -> str:
    """What was done with the person's account and identity, by whom (账号记录)."""
    page = page_of(queries.own_log(current_user.id))
    return render_template(
        "accounts/log.html",
        page=page,
        events=ACCOUNT_EVENTS,
        factors=FACTORS,
        whys=WHY,
        roles=ROLES,
        names=queries.names_of(event.actor_id for event in page.items),
    )


@bp.get("/notifications")
@requires("account.notifications")
def notifications() -> str:
    """What the person was told (消息), many of one day about one matter folded."""
    only_unread = request.args.get("show") == "unread"
    told = queries.notifications_of(current_user.id, only_unread=only_unread)
    placed = db.session.execute(queries.places_of(told).limit(MOST_FOLDED + 1)).all()
    page = page_from(bundles(placed[:MOST_FOLDED]), size=BUNDLES_A_PAGE)
    page = replace(page, more=len(placed) > MOST_FOLDED)
    return render_template(
        "accounts/notifications.html",
        page=page,
        bundles=bundles(queries.shown_among(told, page.items)),
        only_unread=only_unread,
        told=len(placed),
    )


@bp.get("/notifications/<int:message_id>")
@marks_viewed
@requires("account.notifications")
def open_notification(message_id: int) -> Response:
    """Go to what a message is about; it counts as read."""
    message = queries.notification(message_id, current_user.id)
    if current_transaction().write:
        message.read_at = message.read_at or now()
    return see_other(safe_next(message.url, url_for("accounts.notifications")))


@bp.post("/notifications/read")
@requires("account.notifications")
def read_notifications() -> Response:
    """Mark all messages as read."""
    operations.read_notifications(current_user.id, now=now())
    return see_other(url_for("accounts.notifications"))


add_entry("工作台", "我的登录", "laptop", "accounts.own_sessions", "account.sessions", order=60)

# The second factor and mail have files of their own, which add to the blueprint.
from app.accounts import factor_views, mail_views  # noqa: E402

__all__ = ["bp", "factor_views", "mail_views"]
