"""Cards of one-time codes for those who sit in a closed meeting (评审验证卡, CZ-02)."""

from collections.abc import Collection
from datetime import datetime, time, timedelta

from app.accounts.cards import Term, end_cards, issue_cards, lose_card, move_cards
from app.accounts.factor_models import CodeCard
from app.accounts.models import Person
from app.core.clock import ZONE
from app.core.errors import Conflict, Invalid, NotFound
from app.review.models import Meeting, MeetingMember, MeetingStatus

DAY = timedelta(days=1)


def term_of(meeting: Meeting) -> Term:
    """Return when cards of a meeting open: from the day it begins to the end of its last day."""
    first, last = meeting.starts_at.astimezone(ZONE), meeting.ends_at.astimezone(ZONE)
    midnight = time(tzinfo=ZONE)
    return Term(
        meeting.id,
        meeting.name,
        datetime.combine(first.date(), midnight),
        datetime.combine(last.date() + DAY, midnight),
    )


def give_cards(
    meeting: Meeting, seat_ids: Collection[int], seed: bytes, *, actor: Person, now: datetime
) -> list[CodeCard]:
    """Give members of the meeting a card each, drawn from a seed; earlier ones of theirs are void.

    Invalid where nobody was chosen, NotFound for who does not sit in it, Conflict once the meeting
    has ended or its time is over, and for an administrator.
    """
    _refuse_ended(meeting)
    if not seat_ids:
        raise Invalid("请先勾选专家")
    seats = [_seat(meeting, seat_id) for seat_id in seat_ids]
    people = [seat.person for seat in seats]
    return issue_cards(people, term_of(meeting), seed, actor=actor, now=now)


def take_card(meeting: Meeting, seat_id: int, *, actor_id: int, now: datetime) -> None:
    """Void the card of a member (作废), who lost it; Conflict where there is none.

    The member is out until there is a new one.
    """
    seat = _seat(meeting, seat_id)
    if not lose_card(meeting.id, seat.person_id, actor_id=actor_id, now=now):
        raise Conflict("没有可以作废的验证卡")


def take_cards(meeting: Meeting, *, actor_id: int, now: datetime) -> None:
    """Void all cards of a meeting that has ended."""
    end_cards(meeting.id, actor_id=actor_id, now=now)


def move_cards_of(meeting: Meeting, *, now: datetime) -> None:
    """Let the cards of a meeting that was moved open when it is held."""
    move_cards(term_of(meeting), now=now)


def _seat(meeting: Meeting, seat_id: int) -> MeetingMember:
    found = next((seat for seat in meeting.members if seat.id == seat_id), None)
    if found is None:
        raise NotFound
    return found


def _refuse_ended(meeting: Meeting) -> None:
    if meeting.state is MeetingStatus.CLOSED:
        raise Conflict("会议已结束，不能再制发验证卡")
