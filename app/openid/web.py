"""What a browser keeps while somebody signs in by a provider: sealed, for minutes, in its session.

A departure says which answer the browser waits for; what a provider told of somebody waits until
the person says whose account it is; a proof lets a person change their ways in.
"""

import hmac
import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from app.accounts.addresses import SignInRefused
from app.accounts.handing_out import opened
from app.core.clock import device_time, now
from app.core.crypto import seal
from app.core.db import begin_writing, db
from app.core.errors import DomainError
from app.core.http import safe_next
from app.openid import protocol
from app.openid.claims import Told
from app.openid.faults import Declined, NameDiffers, ProviderDown, SignOnRefused, WrongAnswer
from app.openid.models import PERSON, UNIT, Provider
from app.openid.operations import ANSWER_LASTS, note_other_name
from app.openid.protocol import Departure

bp = Blueprint("openid", __name__)
DEPARTURES, TOLD, PROVED = "departures", "told", "proved"
# Several tabs may be on their way at once.
MOST_DEPARTURES = 3
LONGEST_NEXT = 200
PROOF_LASTS = timedelta(minutes=10)


@dataclass(frozen=True)
class Journey:
    """A browser on its way to a provider, and what is to be done when it comes back."""

    provider_id: int
    audience: str
    departure: Departure
    since: str
    target: str
    link_for: int | None
    """The person who links another way in; none signs in."""
    began: int
    """When it began by the clocks of devices, in seconds."""
    is_proof: bool
    """Whether the person has to sign in at the provider anew."""


def callback(provider_id: int) -> str:
    """Return where a provider sends people back to; no Host header has a say."""
    place = url_for("openid.answer", provider_id=provider_id)
    return f"{str(current_app.config['PUBLIC_URL']).rstrip('/')}{place}"


def _read(name: str) -> Any:
    return json.loads(opened(session.get(name, "")) or "null")


def _age(since: str) -> timedelta:
    return now() - datetime.fromisoformat(since)


def remember(journey: Journey) -> None:
    """Keep a departure in this browser, beside the last ones; a cookie holds 4 KB."""
    bare = replace(journey, departure=replace(journey.departure, url=""))
    kept = [*(_read(DEPARTURES) or []), asdict(bare)][-MOST_DEPARTURES:]
    session[DEPARTURES] = seal(json.dumps(kept))


def journey_of(
    provider_id: int,
    audience: str,
    departure: Departure,
    link_for: int | None = None,
    *,
    is_proof: bool = False,
) -> Journey:
    """Return a journey that begins now; where it leads on to is a path of this site."""
    target = safe_next(request.args.get("next"), "")
    return Journey(
        provider_id,
        audience,
        departure,
        now().isoformat(),
        target if len(target) <= LONGEST_NEXT else "",
        link_for,
        began=int(device_time().timestamp()),
        is_proof=is_proof,
    )


def taken_journey(provider_id: int) -> Journey:
    """Return the journey whose answer this request brings, and wait for it no more.

    WrongAnswer for one that this browser does not wait for, or no longer; Declined or ProviderDown
    when the provider says no.
    """
    kept = _read(DEPARTURES) or []
    state = request.args.get("state", "").encode()
    mine = [k for k in kept if hmac.compare_digest(k["departure"]["state"].encode(), state)]
    session[DEPARTURES] = seal(json.dumps([k for k in kept if k not in mine]))
    if not mine or mine[0]["provider_id"] != provider_id:
        raise WrongAnswer
    if not timedelta() <= _age(mine[0]["since"]) <= ANSWER_LASTS:
        raise WrongAnswer("登录超过了 10 分钟，结果已过期", "请重新登录。")
    _refuse_errors()
    return Journey(**{**mine[0], "departure": Departure(**mine[0]["departure"])})


def _refuse_errors() -> None:
    error = request.args.get("error", "")
    if error == "access_denied":
        raise Declined
    if error:
        raise ProviderDown("统一身份认证没有完成登录")
    if not request.args.get("code"):
        raise WrongAnswer


def keep_told(told: Told, target: str) -> None:
    """Let wait what a provider told of somebody whom it is not linked to yet."""
    session[TOLD] = seal(json.dumps([told.kept(), target, now().isoformat()]))


def told_before() -> tuple[Told, str]:
    """Return what waits in this browser and where to go then; WrongAnswer when nothing does."""
    values, target, since = _read(TOLD) or (None, "", "")
    if values is None or not timedelta() <= _age(since) <= ANSWER_LASTS:
        raise WrongAnswer("统一身份认证的结果已过期", "请重新登录。")
    return Told(**values), target


def prove() -> None:
    """Note that the person of this session has just proved who they are."""
    session[PROVED] = now().isoformat()


def has_proved() -> bool:
    """Tell whether they did a moment ago."""
    since = session.get(PROVED)
    return since is not None and timedelta() <= _age(since) <= PROOF_LASTS


def end_reading() -> None:
    """Let go of the database before the network is waited for: nobody should wait for both."""
    db.session.rollback()


def asked_audience() -> str:
    """Return whether this request is about a person's way in or a unit's."""
    return UNIT if request.args.get("as") == UNIT else PERSON


def depart(
    provider: Provider, audience: str, link_for: int | None = None, *, is_proof: bool = False
) -> Response | tuple[str, int]:
    """Send the browser of this request to a provider; a page says so when that is down."""
    provider_id, settings = provider.id, protocol.Settings.of(provider)
    back = callback(provider_id)
    end_reading()
    try:
        departure = protocol.depart(settings, back, anew=is_proof)
    except SignOnRefused as refusal:
        return refused(refusal)
    remember(journey_of(provider_id, audience, departure, link_for, is_proof=is_proof))
    return redirect(departure.url)


def refused(refusal: DomainError) -> tuple[str, int]:
    """Undo what was written, and say why it goes no further and what to do.

    That the names differ is kept: it may be an attempt to take an account over. So is a try on a
    locked account, which has written nothing else.
    """
    if not isinstance(refusal, SignInRefused):
        db.session.rollback()
    if isinstance(refusal, NameDiffers):
        begin_writing()
        note_other_name(refusal, now=now())
    page = render_template("openid/refused.html", refusal=refusal, hint=refusal.hint)
    return page, refusal.status
