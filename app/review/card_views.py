"""Cards of one-time codes for a closed meeting (评审验证卡): made, printed once, voided."""

import json
from typing import Any

from flask import render_template, request, session, url_for
from flask_login import current_user
from sqlalchemy import select

from app.accounts import cards
from app.accounts.factor_models import CodeCard
from app.accounts.handing_out import opened
from app.accounts.models import Credential
from app.accounts.one_time_codes import COUNT, fresh_seed
from app.core.clock import now
from app.core.crypto import mask_name, seal
from app.core.db import db
from app.core.permissions import requires
from app.review import operations
from app.review.models import Meeting
from app.review.web import Answer, attempt, bp, ids, meeting_for, page

KEPT = "meeting_cards"


def _cards_page(meeting: Meeting, faults: list[str] | None = None) -> str:
    return page(
        "cards",
        meeting,
        faults=faults or [],
        held=cards.last_cards(meeting.id),
        moment=now(),
        term=operations.term_of(meeting),
        is_over=not meeting.is_active or operations.term_of(meeting).valid_until <= now(),
        ticked=set(ids("id")),
        count=COUNT,
    )


@bp.get("/meetings/<int:meeting_id>/cards")
@requires("meeting.cards")
def code_cards(meeting_id: int) -> str:
    """Who of the meeting has a card, and how many of its codes are left."""
    return _cards_page(meeting_for("meeting.cards", meeting_id))


@bp.post("/meetings/<int:meeting_id>/cards")
@requires("meeting.cards")
def give_cards(meeting_id: int) -> Answer:
    """Make cards for the ticked members; the page that prints them shows them once.

    What the codes are drawn from waits sealed in the session of whoever makes them, like every
    secret that is shown once.
    """
    meeting = meeting_for("meeting.cards", meeting_id)

    def work() -> None:
        seed = fresh_seed()
        made = operations.give_cards(meeting, ids("id"), seed, actor=current_user, now=now())
        waiting = [meeting.id, seed.hex(), [card.id for card in made]]
        session[KEPT] = seal(json.dumps(waiting))

    return attempt(
        work,
        done="验证卡已制成，请现在打印：离开本页后不再显示",
        to=url_for("review.print_cards", meeting_id=meeting_id),
        again=lambda faults: _cards_page(meeting, faults),
    )


@bp.get("/meetings/<int:meeting_id>/cards/print")
@requires("meeting.cards")
def print_cards(meeting_id: int) -> str:
    """The cards that were just made, this once, each to be cut out and handed over."""
    meeting = meeting_for("meeting.cards", meeting_id)
    made_for, seed, wanted = json.loads(opened(session.get(KEPT, "")) or '[0, "", []]')
    known = cards.cards_of(meeting.id, now()).values() if made_for == meeting.id else ()
    if made_for == meeting.id:
        session.pop(KEPT)
    fresh = {each.card.person_id: each.card for each in known if each.card.id in wanted}
    return render_template(
        "review/cards_print.html",
        meeting=meeting,
        term=operations.term_of(meeting),
        printed=_printed(meeting, fresh, bytes.fromhex(seed)),
    )


def _printed(meeting: Meeting, fresh: dict[int, CodeCard], seed: bytes) -> list[dict[str, Any]]:
    """Return what stands on each card: its own number, no whole name, the codes."""
    accounts = select(Credential.person_id, Credential.login)
    of_cards = accounts.where(Credential.person_id.in_(fresh))
    logins = {row.person_id: row.login for row in db.session.execute(of_cards)}
    return [
        {
            "no": fresh[seat.person_id].id,
            "name": mask_name(seat.person.name),
            "login": logins.get(seat.person_id, ""),
            "codes": cards.codes_on(fresh[seat.person_id], seed),
        }
        for seat in meeting.members
        if seat.person_id in fresh
    ]


@bp.post("/meetings/<int:meeting_id>/cards/void")
@requires("meeting.cards")
def void_card(meeting_id: int) -> Answer:
    """Void the card of a member who lost it."""
    meeting = meeting_for("meeting.cards", meeting_id)

    def work() -> None:
        seat_id = request.form.get("seat_id", 0, type=int)
        operations.take_card(meeting, seat_id, actor_id=current_user.id, now=now())

    return attempt(
        work,
        done="验证卡已作废，此人的登录已退出；须制发新卡，或用本人的动态验证码登录",
        to=url_for("review.code_cards", meeting_id=meeting_id),
        again=lambda faults: _cards_page(meeting, faults),
    )
