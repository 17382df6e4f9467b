"""Signing in by a provider (统一身份认证): to it, back from it, and whose account that is."""

from typing import Any

from flask import flash, render_template, request, session, url_for
from werkzeug.wrappers import Response

from app.accounts import operations as accounts
from app.accounts import sessions, signing_in
from app.accounts.addresses import (
    SignInRefused,
    TooManyTries,
    asking,
    challenge_for,
    check_address,
    count_address,
)
from app.accounts.forms import ActivationForm
from app.accounts.models import Credential
from app.accounts.queries import asks_code, has_factor
from app.accounts.second_factor import HalfSignedIn, confirm_sign_in
from app.accounts.views import go_on, let_in, visitor_address
from app.core.clock import device_time, now
from app.core.crypto import mask_id
from app.core.db import begin_writing, db
from app.core.errors import DomainError, Invalid
from app.core.faults import show_faults
from app.core.http import see_other, writes_late
from app.core.permissions import requires
from app.openid import operations, own_views, protocol, queries, web
from app.openid.claims import Told, told_by, wanted_claims
from app.openid.faults import AnswerUsed, NotAnew, TooManyAnswers, WrongAnswer
from app.openid.forms import LinkForm
from app.openid.models import Provider
from app.openid.web import Journey, asked_audience, bp, depart, refused

__all__ = ["bp", "own_views"]

DETAILS = "/account/details"
bp.app_template_global("sign_on_doors")(queries.doors)
bp.app_template_filter("masked")(mask_id)


@bp.get("/login/openid/<int:provider_id>")
@requires("account.sign_in")
def start(provider_id: int) -> Response | tuple[str, int]:
    """Lead a browser to a provider."""
    provider = queries.provider_in_use(provider_id, asked_audience())
    return depart(provider, asked_audience(), is_proof="prove" in request.args)


@bp.get("/login/openid/<int:provider_id>/answer")
@requires("account.sign_in")
@writes_late
def answer(provider_id: int) -> Response | tuple[str, int]:
    """Take the answer that a browser brings from a provider, once."""
    try:
        _check_source()
        queries.provider_in_use(provider_id)
        journey = web.taken_journey(provider_id)
        told = _ask(journey)
        begin_writing()
        operations.spend_answer(journey.departure.state, now=now())
        queries.provider_of(told)
        return _receive(journey, told)
    except DomainError as refusal:
        page = refused(refusal)
        if isinstance(refusal, WrongAnswer | AnswerUsed):
            begin_writing()
            count_address(_source(), now())
        return page


def _source() -> str:
    return asking(visitor_address(), "answer")


def _check_source() -> None:
    """TooManyAnswers for an address that has brought many wrong ones; passwords count apart."""
    try:
        check_address(_source(), "", now=now())
    except TooManyTries as error:
        raise TooManyAnswers from error


def _ask(journey: Journey) -> Told:
    """Return what the provider tells of whoever brings its answer; nothing is locked meanwhile."""
    provider = queries.provider_in_use(journey.provider_id, journey.audience)
    settings = protocol.Settings.of(provider)
    if request.args.get("iss", settings.issuer) != settings.issuer:
        raise WrongAnswer
    wanted, place = wanted_claims(provider, journey.audience), provider.place
    back = web.callback(provider.id)
    web.end_reading()
    claims = protocol.claims_of(settings, journey.departure, request.args["code"], back, wanted)
    provider = queries.provider_in_use(journey.provider_id, journey.audience)
    since = journey.began - protocol.LEEWAY
    told = told_by(provider, journey.audience, claims, place=place, since=since)
    if journey.is_proof and not told.is_fresh:
        raise NotAnew
    return told


def _receive(journey: Journey, told: Told) -> Response:
    """Let in whose identity this is, link it for who asked for that, else ask whose it is."""
    if journey.link_for is not None:
        return own_views.link(journey.link_for, told)
    account = operations.enter(told, address=visitor_address(), now=now())
    if account is None:
        operations.check_unit(told)
        operations.check_name_of_number(told)
        web.keep_told(told, journey.target)
        return see_other(url_for("openid.unlinked"))
    return _in_by(account, told, journey.target)


def _in_by(account: Credential, told: Told, target: str, *, is_whole: bool = False) -> Response:
    """Begin a session, after the second factor where there is one; `is_whole` had it before."""
    name = db.session.get_one(Provider, told.provider_id).name
    onward = (let_in if is_whole else go_on)(account, target, name)
    if sessions.TOKEN in session and (is_whole or told.is_fresh):
        web.prove()
    return onward


@bp.get("/login/openid/account")
@requires("account.sign_in")
def unlinked() -> str | tuple[str, int]:
    """The page that asks whose account an identity is: one there is, or a new one (关联账号)."""
    try:
        told, _ = web.told_before()
        return _unlinked_page(told, LinkForm())
    except DomainError as refusal:
        return refused(refusal)


def _unlinked_page(told: Told, form: LinkForm | ActivationForm) -> str:
    person = queries.person_told(told)
    account = queries.account_of(person.id) if person else None
    may_open = queries.may_open_account(told)
    return render_template(
        "openid/unlinked.html",
        form=form if isinstance(form, LinkForm) else LinkForm(),
        activation=form if isinstance(form, ActivationForm) else ActivationForm(),
        told=told,
        provider=queries.provider_of(told),
        person=person,
        account=account,
        asks_code=account is None or asks_code(account.person_id, now()),
        unit=queries.unit_told(told),
        may_open=may_open,
        too_young=queries.too_young(told, now()) if may_open else "",
        challenge=challenge_for(visitor_address(), now()),
    )


@bp.post("/login/openid/account")
@requires("account.sign_in")
@writes_late
def confirm_link() -> Response | tuple[str, int]:
    """Link an identity to the account whose password its person gives, and let them in."""
    try:
        told, target = web.told_before()
        form = LinkForm(_completed(told))
        if not form.validate():
            return _unlinked_page(told, form), 422
        try:
            account = _signed_in(form, told)
        except SignInRefused as wrong:
            form.form_errors.append(wrong.message)
            return _unlinked_page(told, form), wrong.status
        return _in_by(account, told, target, is_whole=True)
    except DomainError as refusal:
        return refused(refusal)


def _completed(told: Told) -> Any:
    """Return what was typed, with the account that the told number names: no other is meant."""
    typed = request.form.copy()
    person = queries.person_told(told)
    account = queries.account_of(person.id) if person else None
    if account is not None:
        typed["login"] = account.login
    return typed


def _signed_in(form: LinkForm, told: Told) -> Credential:
    """Sign in by password, and code where there is one, and link; SignInRefused counts a guess."""
    address, proof = visitor_address(), request.form.get("proof", "")
    name, password = form.login.data or "", form.password.data or ""
    judgement = signing_in.judge(name, password, address=address, proof=proof, now=now())
    begin_writing()
    account = signing_in.sign_in(judgement, address=address, proof=proof, now=now())
    operations.check_fit(account.person, told, now=now())
    if asks_code(account.person_id, now()):
        half, code = HalfSignedIn.of(account), form.code.data or ""
        account = confirm_sign_in(half, code, address=address, moment=device_time(), now=now())
    operations.link_identity(account.person, told, now=now())
    return account


@bp.post("/login/openid/activate")
@requires("account.sign_in")
@writes_late
def activate_link() -> Response | tuple[str, int]:
    """Activate the account that the told number names, and link it (激活并关联)."""
    try:
        told, target = web.told_before()
        form = ActivationForm(request.form)
        if not form.validate():
            return _unlinked_page(told, form), 422
        try:
            account = _activated(form, told)
        except Invalid as wrong:
            show_faults(form, wrong)
            return _unlinked_page(told, form), wrong.status
        is_whole = not asks_code(account.person_id, now())
        return _in_by(account, told, target, is_whole=is_whole)
    except DomainError as refusal:
        return refused(refusal)


def _activated(form: ActivationForm, told: Told) -> Credential:
    """Set the first password by a one-time secret and link; Invalid for another's secret.

    Who was given a card for a meeting is not in yet: a code of it comes next.
    """
    secret = form.secret.data or ""
    accounts.find_activation(secret, now=now())
    password = signing_in.hash_password(form.password.data or "")
    begin_writing()
    account = accounts.find_activation(secret, now=now())
    person = queries.person_told(told)
    if person is None or account.person_id != person.id or has_factor(person.id):
        raise Invalid("激活码不是该账号的，请核对", field="secret")
    operations.check_fit(account.person, told, now=now())
    accounts.set_password(account, password, now=now())
    if not asks_code(person.id, now()):
        signing_in.admit(account, address=visitor_address(), now=now())
    operations.link_identity(account.person, told, now=now())
    return account


@bp.post("/login/openid/new")
@requires("account.sign_in")
def open_account() -> Response | tuple[str, int]:
    """Open an account for somebody new whom a provider vouches for; their details come next."""
    try:
        told, _ = web.told_before()
        account = operations.open_account(told, address=visitor_address(), now=now())
    except DomainError as refusal:
        return refused(refusal)
    onward = _in_by(account, told, DETAILS)
    flash("账号已开通，请先完善个人信息", "success")
    return onward
