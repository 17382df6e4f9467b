"""登录方式: a person's own ways in, the password and the identities that they linked."""

from flask import flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import operations as accounts
from app.accounts import sessions, signing_in
from app.accounts.grants import holds_an_office
from app.accounts.models import Credential
from app.accounts.views import own_account, password_confirmed
from app.core.clock import now
from app.core.db import begin_writing, db
from app.core.errors import Conflict, Forbidden, Invalid, NotFound, SignedOut
from app.core.faults import comes_from_here, show_faults
from app.core.http import grants, see_other, writes_late
from app.core.permissions import requires
from app.openid import operations, queries, web
from app.openid.claims import Told
from app.openid.faults import WrongAnswer
from app.openid.forms import ConfirmForm, FirstPasswordForm
from app.openid.models import PERSON, LinkedIdentity, Provider
from app.openid.web import bp

PROVE_FIRST = "请先验证身份，再更改登录方式"
LINKED_NOTHING = ("登录已失效，没有关联", "请重新登录后，在“登录方式”中再次关联。")


@bp.get("/account/ways")
@requires("account.ways")
def ways() -> str:
    """How the person signs in (登录方式)."""
    return _ways_page(ConfirmForm(), FirstPasswordForm())


def _ways_page(form: ConfirmForm, first: FirstPasswordForm) -> str:
    linked = queries.identities_of(current_user.id)
    taken = {(each.provider_id, each.audience) for each in linked}
    works = any(grant.scope_kind == "org" for grant in grants())
    doors = [
        door
        for _, group in queries.doors()
        for door in group
        if (door.provider.id, door.audience) not in taken and (works or door.audience == PERSON)
    ]
    return render_template(
        "openid/ways.html",
        form=form,
        first=first,
        account=own_account(),
        linked=linked,
        audiences=queries.AUDIENCES,
        doors=doors,
        proved=web.has_proved(),
        is_administrator=holds_an_office(current_user.id, now()),
    )


@bp.post("/account/ways")
@requires("account.ways")
@writes_late
def confirm() -> Response | tuple[str, int]:
    """Prove by the password who changes the ways in."""
    form = ConfirmForm(request.form)
    if form.validate():
        try:
            repeated = password_confirmed(form.current.data or "")
            if repeated is not None:
                return repeated
        except Invalid as error:
            show_faults(form, error)
        else:
            web.prove()
            return see_other(url_for("openid.ways"))
    return _ways_page(form, FirstPasswordForm()), 422


@bp.post("/account/ways/password")
@requires("account.ways")
@writes_late
def set_first_password() -> Response | tuple[str, int]:
    """Set the first password of an account that a provider opened; who just came in by it may."""
    form = FirstPasswordForm(request.form)
    if own_account().password_hash is not None:
        raise Conflict("账号已有密码，请在“修改密码”中更改")
    if not web.has_proved():
        raise Forbidden(PROVE_FIRST)
    if not form.validate():
        return _ways_page(ConfirmForm(), form), 422
    password = signing_in.hash_password(form.password.data or "")
    begin_writing()
    account = _account_held()
    if account.password_hash is not None:
        raise Conflict("账号已有密码，请在“修改密码”中更改")
    accounts.set_password(account, password, now=now())
    sessions.begin_session(account, now())
    web.prove()
    flash("密码已设置，其他设备上的登录已退出", "success")
    return see_other(url_for("openid.ways"))


@bp.get("/account/ways/link/<int:provider_id>")
@requires("account.ways")
def begin_link(provider_id: int) -> Response | tuple[str, int]:
    """Lead the person to a provider, to link the identity that they have there.

    It is a link, since browsers let no form lead to another site; no other site may send it.
    """
    audience = web.asked_audience()
    provider = queries.provider_in_use(provider_id, audience)
    if not comes_from_here():
        return see_other(url_for("openid.ways"))
    if not web.has_proved():
        flash(PROVE_FIRST, "warning")
        return see_other(url_for("openid.ways"))
    return web.depart(provider, audience, link_for=current_user.id, is_proof=True)


def _account_held() -> Credential:
    """Return the account of this request, locked; SignedOut when it was closed or reset meanwhile.

    Who the person is was read before others wrote. Whoever resets or closes an account writes its
    row, so that what they ended is seen once the row is ours.
    """
    account = signing_in.lock_account_row(own_account().id)
    if account is None or sessions.load_person(str(account.person_id)) is None:
        raise SignedOut
    return account


def link(person_id: int, told: Told) -> Response:
    """Link what a provider told to the person who set out from here, and still is here."""
    if not current_user.is_authenticated or current_user.id != person_id or not web.has_proved():
        raise WrongAnswer(*LINKED_NOTHING)
    try:
        account = _account_held()
    except SignedOut as error:
        raise WrongAnswer(*LINKED_NOTHING) from error
    known = queries.identity_of(told)
    if known is not None and known.person_id == person_id:
        flash("该统一身份认证账号已经关联", "warning")
        return see_other(url_for("openid.ways"))
    operations.link_identity(account.person, told, now=now())
    name = db.session.get_one(Provider, told.provider_id).name
    flash(f"已关联“{name}”，以后可以由此登录", "success")
    return see_other(url_for("openid.ways"))


@bp.post("/account/ways/<int:identity_id>/unlink")
@requires("account.ways")
def unlink(identity_id: int) -> Response:
    """Take a way in away (解除关联)."""
    account = _account_held()
    identity = db.session.get(LinkedIdentity, identity_id)
    if identity is None or identity.person_id != account.person_id:
        raise NotFound
    if not web.has_proved():
        raise Forbidden(PROVE_FIRST)
    name = identity.provider.name
    operations.unlink_identity(identity, account, now=now())
    flash(f"已解除与“{name}”的关联", "success")
    return see_other(url_for("openid.ways"))
