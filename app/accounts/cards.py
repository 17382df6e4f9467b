"""Cards of one-time codes for closed meetings (评审验证卡): issued, moved, voided.

In a closed meeting nobody has a telephone: a printed card stands for it as second factor, and for
nothing else. Who has none of the two codes of an own device is asked for the card's.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select

from app.accounts import one_time_codes
from app.accounts.factor_models import CodeCard, OneTimeCode
from app.accounts.grants import is_administrator, lock_roles_of
from app.accounts.models import Credential, Person
from app.accounts.one_time_codes import CARD_LENGTH, note_card, void_cards
from app.accounts.opening import chunks
from app.accounts.operations import end_sessions, notify
from app.accounts.queries import CARD_ROLE, factor_roles, live_grants
from app.core.db import db
from app.core.errors import Conflict, Forbidden
from app.core.permissions import ROLES


@dataclass(frozen=True)
class Term:
    """For which meeting cards are, what people call it, and from when until when they open."""

    meeting_id: int
    name: str
    valid_from: datetime
    valid_until: datetime


@dataclass(frozen=True)
class Standing:
    """The last card of a person for a meeting, and how many of its codes nobody has used."""

    card: CodeCard
    left: int
    # It has no codes at all, not even used ones: it was lost (作废).
    is_lost: bool

    def is_over(self, now: datetime) -> bool:
        """Tell whether it was voided with its meeting, or its days have passed."""
        return self.card.voided_at is not None or self.card.valid_until <= now


def issue_cards(
    people: Collection[Person], term: Term, seed: bytes, *, actor: Person, now: datetime
) -> list[CodeCard]:
    """Give each of these people a card; one of before for the same meeting is void (制发).

    Sessions of theirs end, so that who is in has shown a code. Conflict once the term is over, and
    for administrators and whose other role asks for an own device: others have held what signs
    them in. Forbidden for one's own.
    """
    if term.valid_until <= now:
        raise Conflict("会议时间已过，不能再制发验证卡")
    lock_roles_of(*(person.id for person in people))
    _lock_accounts(person.id for person in people)
    return [_issue(person, term, seed, actor, now) for person in people]


def _lock_accounts(person_ids: Iterable[int]) -> None:
    """Let nobody of these people come in meanwhile: who signs in holds the row of the account.

    Where roles are locked too, they are locked before, as all do who lock both.
    """
    for some in chunks(sorted(set(person_ids))):
        place = select(Credential.id).where(Credential.person_id.in_(some))
        db.session.execute(place.order_by(Credential.id).with_for_update(of=Credential))


def _issue(person: Person, term: Term, seed: bytes, actor: Person, now: datetime) -> CodeCard:
    if person.id == actor.id:
        raise Forbidden("不能为本人制发验证卡")
    _refuse_device_holders(person, now)
    is_his = CodeCard.person_id == person.id
    void_cards(is_his, CodeCard.meeting_id == term.meeting_id, actor_id=actor.id, now=now)
    card = CodeCard(
        person_id=person.id,
        meeting_id=term.meeting_id,
        valid_from=term.valid_from,
        valid_until=term.valid_until,
        issued_by=actor.id,
        issued_at=now,
    )
    db.session.add(card)
    db.session.flush()
    one_time_codes.keep(_drawn(card, seed), card_id=card.id)
    end_sessions(person.id, now=now)
    note_card("account:card_issued", card, actor.id, now)
    text = f"“{term.name}”已为您制发验证卡，由会议经办人当面交给您；此前制发的作废"
    notify(person.id, text, url=f"/meetings/{term.meeting_id}", now=now)
    return card


def _refuse_device_holders(person: Person, now: datetime) -> None:
    if is_administrator(person.id, now):
        raise Conflict(
            f"{person.name}是系统、安全、审计管理员，须使用本人的动态验证码，不制发验证卡"
        )
    held = {grant.role for grant in live_grants(person.id, now)} & factor_roles() - {CARD_ROLE}
    if held:
        names = "、".join(name for role, name in ROLES.items() if role in held)
        raise Conflict(f"{person.name}是{names}，须使用本人的动态验证码，不制发验证卡")


def _drawn(card: CodeCard, seed: bytes) -> list[str]:
    return one_time_codes.drawn(seed, f"card {card.id}", CARD_LENGTH)


def codes_on(card: CodeCard, seed: bytes) -> list[str]:
    """Return what is printed on a card that was drawn from this seed."""
    return one_time_codes.written(_drawn(card, seed))


def end_cards(
    meeting_id: int,
    *,
    now: datetime,
    actor_id: int | None,
    people: Iterable[int] | None = None,
) -> int:
    """Void the cards of a meeting, all or those of some people; returns how many there were."""
    conditions = [CodeCard.meeting_id == meeting_id]
    if people is not None:
        conditions.append(CodeCard.person_id.in_(list(people)))
    _lock_accounts(db.session.scalars(select(CodeCard.person_id).where(*conditions)))
    return len(void_cards(*conditions, actor_id=actor_id, now=now))


def lose_card(meeting_id: int, person_id: int, *, actor_id: int, now: datetime) -> bool:
    """Void the codes of a card that was lost (作废); tells whether there was one.

    Its person is out, and in again by a new card only: for the term of the meeting the empty card
    goes on asking for a code, so that the password alone opens nothing.
    """
    _lock_accounts([person_id])
    lost = cards_of(meeting_id, now).get(person_id)
    if lost is None:
        return False
    db.session.execute(delete(OneTimeCode).where(OneTimeCode.card_id == lost.card.id))
    end_sessions(person_id, now=now)
    note_card("account:card_voided", lost.card, actor_id, now)
    return True


def move_cards(term: Term, *, now: datetime) -> None:
    """Let the cards of a meeting open when it is held now; their people are told the new days.

    Who has lost theirs is told nothing: the empty card only goes on asking for a code.
    Whose card opens from this moment on, and did not before, is out: they may have come in by the
    password alone, and nobody was asked for a code.
    """
    lives = (CodeCard.meeting_id == term.meeting_id, CodeCard.voided_at.is_(None))
    _lock_accounts(db.session.scalars(select(CodeCard.person_id).where(*lives)))
    wanted = select(CodeCard).where(*lives).order_by(CodeCard.id)
    cards = list(db.session.scalars(wanted.with_for_update(of=CodeCard)))
    days = f"{term.valid_from:%Y-%m-%d} 至 {term.valid_until - timedelta(days=1):%Y-%m-%d}"
    text = f"“{term.name}”改期，您的验证卡改为 {days} 有效，卡面所印日期作废"
    with_codes = select(OneTimeCode.card_id).where(OneTimeCode.card_id.in_(c.id for c in cards))
    held = set(db.session.scalars(with_codes))
    for card in cards:
        if (card.valid_from, card.valid_until) == (term.valid_from, term.valid_until):
            continue
        was_open = card.valid_from <= now < card.valid_until
        card.valid_from, card.valid_until = term.valid_from, term.valid_until
        if card.valid_from <= now < card.valid_until and not was_open:
            end_sessions(card.person_id, now=now)
        if card.id in held:
            notify(card.person_id, text, url=f"/meetings/{term.meeting_id}", now=now)
    db.session.flush()


def cards_of(meeting_id: int, now: datetime) -> dict[int, Standing]:
    """Return by person the cards of a meeting that are neither void, lost nor over."""
    last = last_cards(meeting_id)
    return {who: each for who, each in last.items() if not (each.is_lost or each.is_over(now))}


def last_cards(meeting_id: int) -> dict[int, Standing]:
    """Return by person the last card that was made for a meeting, whatever became of it."""
    codes = (
        select(
            OneTimeCode.card_id, func.count().filter(OneTimeCode.used_at.is_(None)).label("left")
        )
        .where(OneTimeCode.card_id.is_not(None))
        .group_by(OneTimeCode.card_id)
        .subquery()
    )
    found = (
        select(CodeCard, codes.c.left)
        .join(codes, codes.c.card_id == CodeCard.id, isouter=True)
        .where(CodeCard.meeting_id == meeting_id)
        .order_by(CodeCard.id)
    )
    rows = db.session.execute(found)
    return {card.person_id: Standing(card, left or 0, left is None) for card, left in rows}
