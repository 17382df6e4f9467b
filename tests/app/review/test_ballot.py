"""Casting and closing: who may, once, and nothing by halves."""

from random import Random, SystemRandom

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from app.review import operations, queries
from app.review.ballots import Ballot, BallotBox, BallotRoll, KeyShare, Tally
from tests.builders.review import (
    Held,
    a_meeting,
    case_ids,
    cast_as,
    check_in,
    close,
    collect_codes,
    play,
    recuse_a_listener,
)
from tests.builders.threads import together


def rows(model: type) -> int:
    with transaction(write=False):
        return db.session.scalar(select(func.count()).select_from(model)) or 0


def everybody_casts(held: Held, choice: str = "y") -> list[int]:
    order = case_ids(held)
    for person_id in held.member_ids:
        cast_as(held, person_id, dict.fromkeys(order, choice), Random(person_id))
    return order


def test_the_roll_needs_two_thirds_of_the_members(app: Flask) -> None:
    held = a_meeting(at="prepare_roll")
    check_in(held, 5)
    with transaction(), pytest.raises(Conflict, match="至少 6 人"):
        operations.prepare_roll(
            held.meeting, clerk_id=held.clerk_id, supervisor_id=held.supervisor_id, now=now()
        )
    check_in(held, 6)
    with transaction():
        shares = operations.prepare_roll(
            held.meeting, clerk_id=held.clerk_id, supervisor_id=held.supervisor_id, now=now()
        )
        assert {share.post for share in shares} == {"director", "meeting_clerk", "supervisor"}
        with pytest.raises(Conflict, match="票源已生成"):
            operations.check_in(
                held.meeting, held.meeting.members[8], present=True, actor_id=1, now=now()
            )


def test_the_three_keys_lie_with_three_people(app: Flask) -> None:
    held = a_meeting(at="prepare_roll")
    check_in(held)
    with transaction(), pytest.raises(Invalid, match="三个人"):
        operations.prepare_roll(
            held.meeting, clerk_id=held.clerk_id, supervisor_id=held.clerk_id, now=now()
        )


def test_the_ballot_opens_only_when_every_holder_has_a_code(app: Flask) -> None:
    held = a_meeting(at="open_ballot")
    with transaction(), pytest.raises(Conflict, match="尚未领取密钥码"):
        operations.open_ballot(
            held.meeting, actor_id=held.director_id, random=SystemRandom(), now=now()
        )
    collect_codes(held)
    with transaction(), pytest.raises(Forbidden):
        operations.open_ballot(
            held.meeting, actor_id=held.clerk_id, random=SystemRandom(), now=now()
        )
    with transaction(), pytest.raises(NotFound):
        operations.collect_key(
            held.meeting, actor_id=held.member_ids[4], random=Random(1), now=now()
        )


def test_no_code_is_given_out_once_the_box_is_locked(app: Flask) -> None:
    held = a_meeting(at="close_ballot")
    with transaction(), pytest.raises(Conflict, match="不能再领取"):
        operations.collect_key(held.meeting, actor_id=held.clerk_id, random=Random(1), now=now())


def test_codes_are_kept_nowhere(app: Flask) -> None:
    held = a_meeting(at="close_ballot")
    with transaction(write=False):
        stored = " ".join(
            f"{share.sealed} {share.public_key}" for share in db.session.scalars(select(KeyShare))
        )
        events = " ".join(str(e.data) for e in db.session.scalars(select(AuditEvent)))
    for code in held.codes.values():
        assert code not in stored + events
        assert code.replace("-", "").encode().hex() not in stored


def test_a_ballot_answers_every_case_and_no_other(app: Flask) -> None:
    held = a_meeting(at="close_ballot")
    order = case_ids(held)
    voter = held.member_ids[3]
    for wrong in (
        {order[0]: "y"},
        {**dict.fromkeys(order, "y"), order[0]: "r"},
        {**dict.fromkeys(order, "y"), 999_999: "y"},
    ):
        with pytest.raises(Invalid):
            cast_as(held, voter, wrong, Random(1))
    assert rows(BallotBox) == 0


def test_nobody_casts_twice_and_no_absent_member_or_stranger_casts(app: Flask) -> None:
    held = a_meeting(at="close_ballot", present=7)
    full = dict.fromkeys(case_ids(held), "y")
    cast_as(held, held.member_ids[1], full, Random(1))
    with pytest.raises(Conflict, match="已投票"):
        cast_as(held, held.member_ids[1], full, Random(1))
    for outsider in (held.member_ids[8], held.clerk_id):
        with pytest.raises(Forbidden, match="票源名单"):
            cast_as(held, outsider, full, Random(1))
    assert rows(BallotBox) == 1


def status(failure: Exception | None) -> int:
    """How an act ended: 0, or the status of its refusal."""
    assert failure is None or isinstance(failure, DomainError), failure
    return failure.status if failure else 0


def test_of_two_ballots_cast_at_once_one_counts(app: Flask) -> None:
    held = a_meeting(at="close_ballot")
    full = dict.fromkeys(case_ids(held), "y")

    def vote() -> None:
        cast_as(held, held.member_ids[2], full, SystemRandom())

    results = [status(failure) for failure in together(app, vote, vote)]
    assert sorted(results) == [0, 409]
    assert rows(BallotBox) == 1


def test_a_vote_and_the_close_at_once_leave_no_ballot_behind(app: Flask) -> None:
    held = a_meeting(at="close_ballot")
    order = case_ids(held)
    for person_id in held.member_ids[1:]:
        cast_as(held, person_id, dict.fromkeys(order, "y"), Random(person_id))

    def vote() -> None:
        cast_as(held, held.director_id, dict.fromkeys(order, "y"), SystemRandom())

    voted, closed = (status(each) for each in together(app, vote, lambda: close(held)))
    assert closed == 0
    assert voted in {0, 409}
    with transaction(write=False):
        tally = db.session.scalars(select(Tally)).first()
        assert tally is not None
        assert tally.yes == 9 - (voted == 409)
        assert tally.yes + tally.blank == 9
    assert rows(BallotBox) == 0


def test_a_recused_member_votes_on_the_other_cases_only(app: Flask) -> None:
    held = a_meeting(at="score_case")
    recused_case, recused = recuse_a_listener(held)
    for node in ("score_case", "confirm_by_deputy", "confirm_by_leader", "confirm_by_director"):
        play(held, node)
    check_in(held)
    play(held, "prepare_roll")
    play(held, "open_ballot")
    order = case_ids(held)
    for person_id in held.member_ids:
        # What the recused member says on the case is not heard.
        cast_as(held, person_id, dict.fromkeys(order, "n"), Random(person_id))
    close(held)
    with transaction(write=False):
        counts = queries.tallies(held.meeting)
        assert (counts[recused_case].no, counts[recused_case].recused) == (8, 1)
        others = [counts[case_id] for case_id in order if case_id != recused_case]
        assert {(tally.no, tally.recused) for tally in others} == {(9, 0)}
    assert recused in held.member_ids


def test_the_recusal_list_is_fixed_once_the_ballot_is_open(app: Flask) -> None:
    held = a_meeting(at="close_ballot")
    with transaction():
        meeting = held.meeting
        case, seat = meeting.cases[0], meeting.members[0]
        with pytest.raises(Conflict):
            operations.recuse(meeting, case, seat, "晚了", actor_id=1, now=now())


def test_the_box_opens_with_any_two_codes(app: Flask) -> None:
    held = a_meeting(at="close_ballot")
    order = everybody_casts(held)
    close(held, {holder: held.codes[holder] for holder in (held.supervisor_id, held.clerk_id)})
    with transaction(write=False):
        assert {tally.yes for tally in queries.tallies(held.meeting).values()} == {9}
    assert rows(Ballot) == 9 * len(order)


def test_one_code_or_a_wrong_one_opens_nothing(app: Flask) -> None:
    held = a_meeting(at="close_ballot")
    everybody_casts(held)
    right = held.codes[held.director_id]
    with pytest.raises(Invalid, match="2 位持有人"):
        close(held, {held.director_id: right})
    with pytest.raises(Invalid, match="会议经办人的密钥码不正确"):
        close(held, {held.director_id: right, held.clerk_id: right})
    assert rows(BallotBox) == 9
    assert rows(Tally) == rows(Ballot) == 0


def test_a_ballot_is_closed_once(app: Flask) -> None:
    held = a_meeting(at="close_ballot")
    everybody_casts(held)
    close(held)
    with pytest.raises(Conflict):
        close(held)
    with pytest.raises(Conflict, match="不在投票时间"):
        cast_as(held, held.director_id, dict.fromkeys(case_ids(held), "y"), Random(1))


def test_a_box_that_does_not_match_the_roll_is_not_counted(app: Flask) -> None:
    held = a_meeting(at="close_ballot")
    everybody_casts(held)
    with transaction():
        db.session.delete(db.session.scalars(select(BallotBox)).first())
    with pytest.raises(Conflict, match="票箱内 8 票与已投票 9 人不符"):
        close(held)
    assert rows(Tally) == 0
    assert rows(BallotRoll) == 9


def test_a_ballot_that_was_given_back_can_be_checked_in_again(app: Flask) -> None:
    held = a_meeting(at="open_ballot", present=6)
    play(held, "open_ballot", decision="return", opinion="有专家迟到")
    check_in(held, 8)
    play(held, "prepare_roll")
    with transaction(write=False):
        assert queries.turnout(held.meeting).present == 8
