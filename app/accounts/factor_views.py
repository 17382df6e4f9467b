"""The second factor: the code after the password, the person's own device, recovery codes."""

from collections.abc import Callable

from flask import Response, flash, g, render_template, request, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from app.accounts import queries, second_factor, sessions
from app.accounts.addresses import SignInRefused
from app.accounts.forms import CardCodeForm, CodeForm, FactorForm
from app.accounts.handing_out import codes_once, hand_out_codes, opened
from app.accounts.models import Credential
from app.accounts.qr import qr_square
from app.accounts.views import bp, let_in, own_account, password_confirmed, visitor_address
from app.core.clock import device_time, now
from app.core.crypto import seal
from app.core.db import db
from app.core.errors import Forbidden, Invalid
from app.core.faults import show_faults
from app.core.http import action_of, see_other, writes_late
from app.core.permissions import ACTIONS, PUBLIC, requires
from app.core.signed_out import SAFE_METHODS, wants_json

SECRET = "factor_secret"  # noqa: S105 - the name of a value in the cookie
# Who was let in by a provider may have to set a password before a second factor.
OPEN_BEFORE = {"account.factor", "account.ways", "account.sign_out"}


@bp.before_app_request
def lead_to_enrolment() -> BaseResponse | None:
    """Open nothing before the second factor that a person's role asks for is set up."""
    if request.endpoint in {None, "static"} or not current_user.is_authenticated:
        return None
    action = action_of(str(request.endpoint))
    if not g.must_enrol or action in OPEN_BEFORE or PUBLIC in ACTIONS[action].roles:
        return None
    if request.method not in SAFE_METHODS or wants_json():
        raise Forbidden("您的角色须使用动态验证码，请先在“动态验证码”页面设置")
    target = url_for("accounts.factor")
    if "HX-Request" in request.headers:
        return Response(headers={"HX-Redirect": target})
    return see_other(target)


@bp.get("/login/code")
@requires("account.sign_in")
def code() -> str | BaseResponse:
    """The page that asks for the code after the password (动态验证码)."""
    half = sessions.half_signed_in(now())
    if half is None:
        return _password_again()
    return _code_page(_form_of(half)())


def _form_of(half: second_factor.HalfSignedIn) -> type[CodeForm | CardCodeForm]:
    """Return the form of the codes that a person can have: who has no device has a card."""
    account = db.session.get_one(Credential, half.credential_id)
    return CodeForm if queries.has_factor(account.person_id) else CardCodeForm


def _code_page(form: CodeForm | CardCodeForm) -> str:
    by_card = isinstance(form, CardCodeForm)
    return render_template("accounts/code.html", form=form, by_card=by_card)


def _password_again() -> BaseResponse:
    flash("登录已超时，请重新登录", "warning")
    return see_other(url_for("accounts.login", next=request.args.get("next")))


@bp.post("/login/code")
@requires("account.sign_in")
def confirm_code() -> BaseResponse | tuple[str, int]:
    """Let in whose second code is right too; wrong ones count as wrong passwords do."""
    half = sessions.half_signed_in(now())
    if half is None:
        return _password_again()
    form = _form_of(half)(request.form)
    if not form.validate():
        return _code_page(form), 422
    try:
        account = second_factor.confirm_sign_in(
            half,
            form.code.data or "",
            address=visitor_address(),
            moment=device_time(),
            now=now(),
        )
    except SignInRefused as refusal:
        form.form_errors.append(refusal.message)
        return _code_page(form), refusal.status
    return let_in(account, request.args.get("next"), sessions.half_via())


@bp.get("/account/factor")
@requires("account.factor")
def factor() -> str:
    """The person's own device: how to set it up, or what can be done with it."""
    return _factor_page(FactorForm())


def _factor_page(form: FactorForm) -> str:
    held = queries.factor_of(current_user.id)
    if held is not None:
        return render_template(
            "accounts/factor.html",
            form=form,
            factor=held,
            left=queries.recovery_codes_left(current_user.id),
            is_required=not queries.factor_roles().isdisjoint(
                grant.role for grant in queries.live_grants(current_user.id, now())
            ),
        )
    secret = opened(session.get(SECRET, ""))
    if not secret:
        secret = second_factor.fresh_secret()
        session[SECRET] = seal(secret)
    address = second_factor.enrolment_address(secret, own_account().login)
    return render_template(
        "accounts/enrol.html", form=form, secret=secret, qr=qr_square(address), due=g.must_enrol
    )


def _act(act: Callable[[Credential, str], BaseResponse]) -> BaseResponse | tuple[str, int]:
    """Do what changes how one signs in, after the password; refusals stand at their fields."""
    form = FactorForm(request.form)
    if form.validate():
        try:
            repeated = password_confirmed(form.current.data or "")
            return repeated or act(own_account(), form.code.data or "")
        except Invalid as error:
            show_faults(form, error)
    return _factor_page(form), 422


@bp.post("/account/factor")
@requires("account.factor")
@writes_late
def enrol() -> BaseResponse | tuple[str, int]:
    """Keep the device that showed a right code; a session of before it ends."""

    def keep(account: Credential, code: str) -> BaseResponse:
        secret = opened(session.get(SECRET, ""))
        if not secret:
            raise Invalid("页面已过期，请用手机重新扫描下面的二维码")
        codes = second_factor.enrol(account, secret, code, moment=device_time(), now=now())
        sessions.begin_session(account, now())
        return hand_out_codes(codes)

    return _act(keep)


@bp.post("/account/factor/codes")
@requires("account.factor")
@writes_late
def renew_codes() -> BaseResponse | tuple[str, int]:
    """Give new recovery codes; the old ones open nothing any more."""

    def renew(account: Credential, code: str) -> BaseResponse:
        second_factor.confirm_code(
            account, code, address=visitor_address(), moment=device_time(), now=now()
        )
        return hand_out_codes(second_factor.renew_codes(account, now=now()))

    return _act(renew)


@bp.post("/account/factor/off")
@requires("account.factor")
@writes_late
def turn_off() -> BaseResponse | tuple[str, int]:
    """Ask for no code any more; whose role needs one sets up another device at once."""

    def stop(account: Credential, code: str) -> BaseResponse:
        second_factor.confirm_code(
            account, code, address=visitor_address(), moment=device_time(), now=now()
        )
        second_factor.turn_off(account, now=now())
        sessions.begin_session(account, now())
        flash("动态验证码已停用", "success")
        return see_other(url_for("accounts.factor"))

    return _act(stop)


@bp.get("/account/factor/codes")
@requires("account.factor")
def recovery_codes() -> str:
    """The recovery codes that were just made, this once (恢复码)."""
    return render_template("accounts/recovery_codes.html", codes=codes_once())
