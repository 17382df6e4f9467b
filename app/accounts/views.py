"""Signing in and out, activation, passwords, messages."""

from flask import Blueprint, flash, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from app.accounts import operations, queries
from app.accounts.forms import ActivationForm, PasswordForm, SignInForm
from app.accounts.messages import bundles
from app.accounts.models import Credential, Person
from app.accounts.sessions import begin_session, end_session
from app.core.clock import now
from app.core.db import current_transaction, db
from app.core.errors import Invalid
from app.core.http import marks_viewed, page_of, safe_next, see_other
from app.core.menu import add_entry
from app.core.permissions import requires
from app.core.storage import StoredFile, link, owned_file, read_bytes
from app.core.uploads import is_photo

bp = Blueprint("accounts", __name__)
MESSAGES_A_PAGE = 50
HOME = "/home"


@bp.get("/login")
@requires("account.sign_in")
def login() -> str | Response:
    """The sign-in page (登录)."""
    if current_user.is_authenticated:
        return see_other(safe_next(request.args.get("next"), HOME))
    return render_template("accounts/login.html", form=SignInForm())


@bp.post("/login")
@requires("account.sign_in")
def sign_in() -> Response | tuple[str, int]:
    """Sign in; a refusal says why and keeps the account name."""
    form = SignInForm(request.form)
    if not form.validate():
        return render_template("accounts/login.html", form=form), 422
    moment = now()
    address = request.remote_addr or "-"
    try:
        account = operations.sign_in(
            form.login.data or "", form.password.data or "", address=address, now=moment
        )
    except operations.SignInRefused as refusal:
        form.form_errors.append(refusal.message)
        return render_template("accounts/login.html", form=form), refusal.status
    begin_session(account, moment)
    if account.must_change:
        flash("首次登录，请先修改密码", "warning")
        return see_other(url_for("accounts.password"))
    return see_other(safe_next(request.args.get("next"), HOME))


@bp.post("/logout")
@requires("account.sign_out")
def logout() -> Response:
    """Sign out (退出)."""
    end_session()
    return see_other("/")


@bp.get("/activate")
@requires("account.activate")
def activation() -> str:
    """The page where an account gets its first password (激活账号)."""
    form = ActivationForm(data={"secret": request.args.get("secret", "")})
    return render_template("accounts/activate.html", form=form)


@bp.post("/activate")
@requires("account.activate")
def activate() -> Response | tuple[str, int]:
    """Set the first password with a one-time secret."""
    form = ActivationForm(request.form)
    moment = now()
    if not form.validate():
        return render_template("accounts/activate.html", form=form), 422
    try:
        account = operations.find_activation(form.secret.data or "", now=moment)
        operations.set_password(account, form.password.data or "", now=moment)
    except Invalid as error:
        _show(form, error)
        return render_template("accounts/activate.html", form=form), 422
    begin_session(account, moment)
    flash("账号已激活，欢迎使用", "success")
    return see_other(HOME)


def _show(form: ActivationForm | PasswordForm, error: Invalid) -> None:
    for name, messages in error.errors.items():
        form[name].errors = [*form[name].errors, *messages]


def _account() -> Credential:
    mine = select(Credential).where(Credential.person_id == current_user.id)
    return db.session.scalars(mine).one()


@bp.get("/account/password")
@requires("account.change_password")
def password() -> str:
    """The page for a new password (修改密码)."""
    return render_template("accounts/password.html", form=PasswordForm())


@bp.post("/account/password")
@requires("account.change_password")
def change_password() -> Response | tuple[str, int]:
    """Change the password; other sessions of the account end."""
    form = PasswordForm(request.form)
    moment = now()
    account = _account()
    if form.validate():
        try:
            operations.confirm_password(account, form.current.data or "", now=moment)
            operations.set_password(account, form.password.data or "", now=moment)
        except Invalid as error:
            _show(form, error)
        else:
            begin_session(account, moment)
            flash("密码已修改，其他设备上的登录已退出", "success")
            return see_other(HOME)
    return render_template("accounts/password.html", form=form), 422


@bp.get("/account")
@requires("account.profile")
def profile() -> str:
    """What the platform knows of the person (个人信息)."""
    photo = db.session.get(StoredFile, current_user.photo_file_id or 0)
    return render_template("accounts/profile.html", person=current_user, photo=photo)


@bp.post("/account/photo")
@requires("account.profile")
def set_photo() -> Response:
    """Keep the certificate photo that was uploaded and cropped (证件照片)."""
    chosen = request.form.get("photo", type=int)
    if not chosen:
        raise Invalid("请先选择并裁剪照片", field="photo")
    person: Person = db.session.get_one(Person, current_user.id)
    file = owned_file(chosen, person.id)
    if not is_photo(read_bytes(file)):
        raise Invalid("请上传并裁剪证件照片，不能使用其他文件", field="photo")
    operations.set_photo(person, link(file).id, now=now())
    flash("证件照片已更新", "success")
    return see_other(safe_next(request.form.get("next"), url_for("accounts.profile")))


@bp.get("/notifications")
@requires("account.notifications")
def notifications() -> str:
    """What the person was told (消息), many of one day about one matter folded."""
    only_unread = request.args.get("show") == "unread"
    found = queries.notifications_of(current_user.id, only_unread=only_unread)
    page = page_of(found, size=MESSAGES_A_PAGE)
    return render_template(
        "accounts/notifications.html",
        page=page,
        bundles=bundles(page.items),
        only_unread=only_unread,
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


add_entry("工作台", "个人信息", "person", "accounts.profile", "account.profile")
