"""A meeting happens at its time: no presence before its day, no vote before it begins."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import SystemRandom
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.models import Notification, Person, RoleGrant
from app.core.audit import AuditEvent
from app.core.clock import ZONE, now
from app.core.db import db, transaction
from app.core.errors import Conflict, Invalid
from app.review import operations
from app.review.operations import seats
from tests.builders.locks import locks_on
from tests.builders.review import Held, a_meeting, check_in, collect_codes, play
from tests.builders.statements import statements_sent

Clock = Callable[[datetime], None]
STARTS = datetime(2026, 11, 23, 8, 30, tzinfo=ZONE)


def move(held: Held, starts_at: datetime, reason: str = "场地调整") -> None:
    with transaction():
        operations.change_time(
            held.meeting,
            starts_at,
            starts_at + timedelta(hours=9),
            reason,
            actor_id=held.clerk_id,
            now=now(),
        )


def test_nobody_signs_in_before_the_day_of_the_meeting(app: Flask, at: Clock) -> None:
    held = a_meeting(at="score_case", cases=1)
    for node in ("score_case", "confirm_by_deputy", "confirm_by_leader", "confirm_by_director"):
        play(held, node)
    at(datetime(2026, 11, 22, 17, tzinfo=ZONE))
    with pytest.raises(Conflict, match="会议定于 2026-11-23 08:30 开始，当天起方可签到"):
        check_in(held)
    at(datetime(2026, 11, 23, 7, 50, tzinfo=ZONE))
    check_in(held)


def test_no_ballot_opens_before_the_meeting_begins(app: Flask, at: Clock) -> None:
    held = a_meeting(at="open_ballot", cases=1)
    collect_codes(held)
    at(STARTS - timedelta(minutes=1))
    with transaction(), pytest.raises(Conflict, match="开始后方可发起投票"):
        operations.open_ballot(
            held.meeting, actor_id=held.director_id, random=SystemRandom(), now=now()
        )
    at(STARTS)
    play(held, "open_ballot")
    with transaction(write=False):
        assert held.meeting.status == "voting"


def test_a_moved_meeting_tells_its_experts_and_asks_them_to_sign_in_anew(app: Flask) -> None:
    held = a_meeting(at="prepare_roll", cases=1)
    check_in(held)
    move(held, datetime(2026, 11, 27, 9, tzinfo=ZONE))
    with transaction(write=False):
        assert not any(seat.present for seat in held.meeting.members)
        told = db.session.scalars(
            select(Notification.person_id).where(Notification.text.contains("2026-11-27 09:00"))
        )
        assert set(told) == set(held.member_ids)
        event = db.session.scalars(
            select(AuditEvent).where(AuditEvent.tag == "meeting:time_changed")
        ).one()
        assert (event.actor_id, event.data["reason"]) == (held.clerk_id, "场地调整")
        assert event.data["before"][0] == STARTS.isoformat()
    with pytest.raises(Conflict, match="当天起方可签到"):
        check_in(held)


def test_a_meeting_is_moved_only_to_when_one_may_be_called(app: Flask) -> None:
    held = a_meeting(cases=1)
    with pytest.raises(Invalid, match="不能早于今天"):
        move(held, datetime(2026, 11, 20, 9, tzinfo=ZONE))
    with pytest.raises(Invalid, match="备案有效期"):
        move(held, datetime(2028, 1, 10, 9, tzinfo=ZONE))
    with pytest.raises(Invalid, match="变更原因"):
        move(held, datetime(2026, 11, 27, 9, tzinfo=ZONE), reason=" ")
    with pytest.raises(Invalid) as refusal:
        move(held, datetime(2020, 1, 10, 9, tzinfo=ZONE), reason=" ")
    assert list(refusal.value.errors) == ["reason", "starts_at"]
    assert len(refusal.value.errors["starts_at"]) > 1


def test_who_is_on_the_roll_is_not_moved_to_another_day(app: Flask) -> None:
    held = a_meeting(at="open_ballot", cases=1)
    with pytest.raises(Conflict, match="票源已生成，不能变更会议时间"):
        move(held, datetime(2026, 11, 27, 9, tzinfo=ZONE))


def test_the_clerk_moves_the_meeting_on_its_page(
    app: Flask, client_for: Callable[..., Any]
) -> None:
    held = a_meeting(at="prepare_roll", cases=1)
    move(held, datetime(2026, 11, 27, 9, tzinfo=ZONE))
    with transaction(write=False):
        person = db.session.get_one(Person, held.clerk_id)
    clerk = client_for(person)
    base = f"/meetings/{held.id}"
    roll = clerk.get(f"{base}/roll").text
    assert "会议定于 2026-11-27 09:00 开始，当天起方可签到" in roll
    assert "全部签到" not in roll
    assert 'value="2026-11-27"' in clerk.get(f"{base}/time").text
    times = {"starts_on": "2026-11-23", "starts_time": "09:30", "ends_time": "17:30"}
    refused = clerk.post(f"{base}/time", {**times, "ends_on": "2026-11-22", "reason": "提前"})
    assert refused.status_code == 422
    assert "结束时间须晚于开始时间" in refused.text
    # All of it in one round: an unreadable reason hides no fault of the time.
    form = {**times, "starts_on": "2026-11-20", "ends_on": "2026-11-19", "reason": ""}
    refused = clerk.post(f"{base}/time", form)
    assert refused.status_code == 422
    for words in ("请填写变更原因", "开始时间不能早于今天", "结束时间须晚于开始时间"):
        assert words in refused.text
    unreadable = clerk.post(f"{base}/time", {**form, "starts_time": "9点"})
    assert (unreadable.status_code, "不能早于今天" in unreadable.text) == (422, False)
    moved = clerk.post(f"{base}/time", {**times, "ends_on": "2026-11-23", "reason": "提前"})
    assert moved.status_code == 303
    assert "全部签到" in clerk.get(f"{base}/roll").text


def seats_of(held: Held) -> list[RoleGrant]:
    found = select(RoleGrant).filter_by(scope_kind="meeting", scope_id=held.id)
    return list(db.session.scalars(found.order_by(RoleGrant.id)))


def test_roles_move_with_a_meeting_that_stalled_and_end_together(app: Flask, at: Clock) -> None:
    held = a_meeting(cases=1)
    gone = held.member_ids[-1]
    at(datetime(2027, 6, 1, 9, tzinfo=ZONE))
    with transaction():
        # Its term was over before: to be taken out does not make it longer.
        over = [each.valid_to for each in seats_of(held)]
        seats.end_seat(held.meeting, gone, actor_id=held.clerk_id, now=now())
    with locks_on("role_grant") as locks:
        move(held, datetime(2027, 6, 8, 9, tzinfo=ZONE))
    assert locks == ["UPDATE"]
    with transaction():
        lasting = [each for each in seats_of(held) if each.ended_at is None]
        assert [each.person_id for each in seats_of(held) if each.ended_at] == [gone]
        assert {each.valid_to for each in lasting} == {datetime(2027, 9, 7, tzinfo=ZONE)}
        assert [each.valid_to for each in seats_of(held) if each.ended_at] == [over[-1]]
        meeting, moment = held.meeting, now()
        with locks_on("role_grant") as locks, statements_sent() as sent:
            seats.end_seats(meeting, actor_id=held.clerk_id, now=moment)
            db.session.flush()
        assert locks == ["UPDATE"]
        assert len(sent) <= 4, sent
        events = select(AuditEvent).where(AuditEvent.tag == "role:ended")
        ended = list(db.session.scalars(events.where(AuditEvent.actor_id == held.clerk_id)))
        assert len(ended) == len(held.member_ids)
        assert all(each.ended_at for each in seats_of(held))
