"""What somebody with the database in hand can learn of who voted how: nothing."""

from random import Random

import pytest
from flask import Flask
from sqlalchemy import inspect, select, text

from app.core.audit import AuditEvent
from app.core.db import db, transaction
from app.engine.models import StepLog
from app.review.ballots import Ballot, BallotBox, BallotRoll, KeyShare
from tests.builders.review import Held, a_meeting, case_ids, cast_as, close, recuse_a_listener


@pytest.fixture(autouse=True)
def fresh_pages(app: Flask) -> None:
    """Rows go where a page has room: what earlier tests left free would hide their order."""
    if is_postgres():
        with transaction():
            db.session.execute(text("TRUNCATE ballot_roll, ballot_box, ballot CASCADE"))


def an_election(seed: int = 11) -> tuple[Held, dict[int, str], list[int]]:
    """Eleven people vote in a random order; returns what each of them really chose."""
    held = a_meeting(at="close_ballot", members=11, cases=1, groups=1)
    random = Random(seed)
    case_id = case_ids(held)[0]
    voters = list(held.member_ids)
    random.shuffle(voters)
    truth = {person_id: random.choice("yna") for person_id in voters}
    for person_id in voters:
        cast_as(held, person_id, {case_id: truth[person_id]}, Random(person_id))
    return held, truth, voters


def is_postgres() -> bool:
    return db.engine.dialect.name == "postgresql"


def hidden_order(table: str, column: str) -> list[object]:
    """Rows in the order in which the database keeps them."""
    place = "ctid" if is_postgres() else column
    return list(db.session.scalars(text(f"SELECT {column} FROM {table} ORDER BY {place}")))


def test_no_table_of_the_ballot_has_a_time_or_a_row_number(app: Flask) -> None:
    for model in (BallotRoll, BallotBox, Ballot):
        columns = inspect(model).columns
        assert not [c.name for c in columns if c.name.endswith("_at") or c.name == "at"]
        with transaction(write=False):
            if not is_postgres():
                with pytest.raises(Exception, match="rowid"):
                    db.session.execute(text(f"SELECT rowid FROM {model.__tablename__}"))


def test_the_open_box_shows_no_choice_and_no_difference(app: Flask) -> None:
    held, _, _ = an_election()
    with transaction(write=False):
        sealed = list(db.session.scalars(select(BallotBox.sealed)))
        assert len({len(each) for each in sealed}) == 1
        assert len(set(sealed)) == 11
        assert db.session.scalars(select(Ballot)).all() == []
    assert held.id


def test_after_the_close_no_order_links_voters_with_choices(app: Flask) -> None:
    hits = []
    for seed in (11, 12, 13):
        held, truth, voters = an_election(seed)
        close(held, seed=seed)
        with transaction(write=False):
            assert db.session.scalars(select(BallotBox)).all() == []
            slips = {
                slip.id: slip.choice
                for slip in db.session.scalars(select(Ballot).where(Ballot.meeting_id == held.id))
            }
            kept = [slips[str(i)] for i in hidden_order("ballot", "id") if str(i) in slips]
        assert sorted(kept) == sorted(truth.values())
        hits.append([truth[v] for v in voters] == kept)
        hits.append([truth[v] for v in sorted(voters)] == kept)
    assert not any(hits)


def test_the_roll_is_kept_in_order_of_persons_not_of_votes(app: Flask) -> None:
    held, _, voters = an_election()
    close(held)
    with transaction(write=False):
        kept = hidden_order("ballot_roll", "person_id")
    assert kept == sorted(voters)


def test_every_row_of_a_closed_ballot_was_written_by_one_transaction(app: Flask) -> None:
    held, _, _ = an_election()
    close(held)
    if not is_postgres():
        return
    with transaction(write=False):
        writers = set(
            db.session.scalars(
                text(
                    "SELECT xmin::text FROM ballot_roll UNION ALL SELECT xmin::text FROM ballot"
                    " UNION ALL SELECT xmin::text FROM tally"
                )
            )
        )
    assert len(writers) == 1
    assert held.id


def test_the_log_says_that_ballots_were_cast_and_not_whose(app: Flask) -> None:
    held, _, voters = an_election()
    close(held)
    with transaction(write=False):
        casts = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "ballot:cast")).all()
        assert len(casts) == 11
        assert {(event.actor_id, str(event.data)) for event in casts} == {(None, "{}")}
        steps = db.session.scalars(select(StepLog).where(StepLog.node == "close_ballot")).all()
        assert steps == []
    assert voters


def test_the_shares_of_the_key_are_destroyed_at_the_close(app: Flask) -> None:
    held, _, _ = an_election()
    close(held)
    with transaction(write=False):
        assert {share.sealed for share in db.session.scalars(select(KeyShare))} == {None}
    assert held.id


def test_a_recused_member_leaves_no_signature(app: Flask) -> None:

    held = a_meeting(at="prepare_roll", cases=3)
    from tests.builders.review import check_in, play

    case_id, _recused = recuse_a_listener(held)
    check_in(held)
    play(held, "prepare_roll")
    play(held, "open_ballot")
    order = case_ids(held)
    for person_id in held.member_ids:
        cast_as(held, person_id, dict.fromkeys(order, "y"), Random(person_id))
    close(held)
    with transaction(write=False):
        slips = db.session.scalars(select(Ballot)).all()
    # One slip a case: nothing joins the recused member's slip with their other votes.
    assert len(slips) == 9 * 3
    assert len({slip.id for slip in slips}) == 27
    assert [slip.case_id for slip in slips if slip.choice == "r"] == [case_id]
