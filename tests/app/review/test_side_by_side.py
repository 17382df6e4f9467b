"""People who act on a meeting at once: the one who comes later sees what the other did."""

import threading
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import RoleGrant
from app.accounts.renewing import end_grant
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict, DomainError, Invalid
from app.core.invariants import check_all
from app.declarations.operations import cancel_declaration
from app.declarations.queries import get_declaration
from app.engine import runtime
from app.review import interests, operations, queries
from app.review.models import Meeting, MeetingStatus
from app.review.operations.reviewers import eligible_reviewers
from app.review.operations.status import require_status
from tests.builders.flow import open_items
from tests.builders.review import (
    Held,
    a_meeting,
    an_accepted_declaration,
    an_expert,
    collect_codes,
    play,
)
from tests.builders.threads import together_inside

Act = Callable[[Meeting], object]


def queues() -> bool:
    """On SQLite writers come one after the other."""
    return db.engine.dialect.name == "sqlite"


def at_once(app: Flask, held: Held, *acts: Act) -> list[str]:
    """Let everybody act on a meeting that they all have read; returns what was refused."""

    def read() -> Meeting:
        meeting = held.meeting
        assert [*meeting.members, *meeting.cases]
        return meeting

    bound = [lambda act=act: act(held.meeting) for act in acts]
    failures = [each for each in together_inside(app, *bound, look=read) if each]
    assert all(isinstance(each, DomainError) for each in failures), failures
    return [str(each) for each in failures]


def in_context(app: Flask, act: Callable[[], object]) -> Callable[[], None]:
    """Return the act as a thread of its own does it."""

    def run() -> None:
        with app.app_context():
            act()
            db.session.remove()

    return run


def act_late(app: Flask, held: Held, meanwhile: Callable[[], object], act: Act) -> None:
    """Act on a meeting that was read before somebody else changed it."""
    other = threading.Thread(target=in_context(app, meanwhile))
    if queues():
        other.start()
        other.join(30)
    with transaction():
        meeting = held.meeting
        assert [*meeting.members, *meeting.cases]
        if not queues():
            other.start()
            other.join(30)
        act(meeting)


def test_nobody_becomes_judge_and_applicant_at_once(app: Flask) -> None:
    held = a_meeting(cases=1)
    with transaction():
        meeting = held.meeting
        meeting.groups[0].size += 1
        expert = an_expert("又评又报")
        declaration = an_accepted_declaration(
            meeting.plan, meeting.cases[0].declaration.unit, name="申报人"
        )
        declaration.person_id = expert.id
        expert_id, declaration_id = expert.id, declaration.id

    def seat(meeting: Meeting) -> None:
        expert, group = held.person(expert_id), meeting.groups[0]
        operations.add_member(meeting, expert, group, actor_id=held.clerk_id, now=now())

    def take_up(meeting: Meeting) -> None:
        declaration = db.session.get_one(type(meeting.cases[0].declaration), declaration_id)
        operations.add_case(meeting, declaration, actor_id=held.clerk_id, now=now())

    refused = at_once(app, held, seat, take_up)
    with transaction(write=False):
        assert check_all() == []
    assert len(refused) == 1


def cancelled(declaration_id: int) -> None:
    found = get_declaration(declaration_id, for_update=True)
    cancel_declaration(found, "重复申报", actor_id=None, now=now())


def test_a_listed_declaration_is_not_cancelled_before_it_is_taken_out(app: Flask) -> None:
    held = a_meeting(cases=1)
    with transaction(write=False):
        declaration_id = held.meeting.cases[0].declaration_id
    with transaction(), pytest.raises(Conflict, match="已列入会议“2026年高级评审会议”，请先移出"):
        cancelled(declaration_id)
    with transaction():
        meeting = held.meeting
        operations.remove_case(meeting, meeting.cases[0], actor_id=held.clerk_id, now=now())
        cancelled(declaration_id)
        assert get_declaration(declaration_id).status == "cancelled"


def test_a_declaration_is_listed_or_cancelled_but_not_both(app: Flask) -> None:
    held = a_meeting(cases=1)
    with transaction():
        meeting = held.meeting
        unit = meeting.cases[0].declaration.unit
        declaration_id = an_accepted_declaration(meeting.plan, unit, name="又一人").id

    def take_up(meeting: Meeting) -> None:
        declaration = get_declaration(declaration_id)
        operations.add_case(meeting, declaration, actor_id=held.clerk_id, now=now())

    refused = at_once(app, held, take_up, lambda _meeting: cancelled(declaration_id))
    with transaction(write=False):
        is_listed = queries.meeting_of_declaration(declaration_id) is not None
        status = get_declaration(declaration_id).status
    assert (is_listed, status) in {(True, "accepted"), (False, "cancelled")}
    assert len(refused) == 1


def test_a_page_that_read_it_before_it_was_cancelled_does_not_list_it(app: Flask) -> None:
    held = a_meeting(cases=1)
    with transaction():
        meeting = held.meeting
        unit = meeting.cases[0].declaration.unit
        declaration_id = an_accepted_declaration(meeting.plan, unit, name="又一人").id

    def meanwhile() -> None:
        with transaction():
            cancelled(declaration_id)

    read = []

    def take_up(meeting: Meeting) -> None:
        with pytest.raises(Conflict, match="已受理的申报材料"):
            operations.add_case(meeting, read[0], actor_id=held.clerk_id, now=now())

    if queues():
        meanwhile()
    with transaction():
        read.append(get_declaration(declaration_id))
        if not queues():
            other = threading.Thread(target=in_context(app, meanwhile))
            other.start()
            other.join(30)
        take_up(held.meeting)


def test_the_director_is_told_which_case_is_no_longer_accepted(app: Flask) -> None:
    held = a_meeting(at="confirm_standard", cases=1)
    with transaction():
        held.meeting.cases[0].declaration.status = "cancelled"
    with pytest.raises(Conflict, match="须由会议经办人移出：申报人01（已作废）"):
        play(held, "confirm_standard")
    with transaction(), pytest.raises(Conflict, match="申报人01（已作废）"):
        operations.start_material_reviews(held.meeting, now=now())


def test_the_law_finds_a_judge_who_is_judged(app: Flask) -> None:
    held = a_meeting(cases=1)
    with transaction():
        held.meeting.cases[0].declaration.person_id = held.member_ids[2]
    with transaction(write=False):
        assert any("同一次会议中评委不是申报人" in broken for broken in check_all())


@pytest.mark.parametrize("act", ["recuse", "lift", "check_in", "recall"])
def test_nothing_changes_once_the_ballot_is_open(app: Flask, act: str) -> None:
    held = a_meeting(at="open_ballot", cases=1)
    absent, struck = held.member_ids[4], held.member_ids[5]
    with transaction():
        meeting = held.meeting
        who = {"actor_id": held.clerk_id, "now": now()}
        seats = {seat.person_id: seat for seat in meeting.members}
        operations.recuse(meeting, meeting.cases[0], seats[struck], "亲属", **who)
    collect_codes(held)

    def open_it() -> None:
        with transaction():
            operations.open_ballot(
                held.meeting, actor_id=held.director_id, random=Random(5), now=now()
            )

    def change(meeting: Meeting) -> None:
        case = meeting.cases[0]
        seat = next(seat for seat in meeting.members if seat.person_id == absent)
        changes = {
            "recuse": lambda: operations.recuse(meeting, case, seat, "亲属", **who),
            "lift": lambda: operations.lift_recusal(meeting, case, struck, **who),
            "check_in": lambda: operations.check_in(meeting, seat, present=False, **who),
            "recall": lambda: operations.recall_roll(meeting, **who),
        }
        changes[act]()

    with pytest.raises(Conflict, match="投票中"):
        act_late(app, held, open_it, change)
    with transaction(write=False):
        recused = interests.recusals_of(held.id)[held.meeting.cases[0].id]
        assert set(recused) == {struck}
        assert queries.turnout(held.meeting).present == len(held.member_ids)


def test_whoever_is_named_reviewer_meanwhile_is_not_recused(app: Flask) -> None:
    held = a_meeting(at="assign_reviewers", cases=1)
    with transaction(write=False):
        group = held.meeting.cases[0].group
        assert group is not None
        leader, group_id = group.leader_id or 0, group.id

    def assign() -> None:
        with transaction():
            group = queries.group(group_id)
            operations.assign_evenly(held.meeting, group, actor_id=leader, now=now())

    def recuse(meeting: Meeting) -> None:
        main = _first_reader(held, group_id)
        seat = next(seat for seat in meeting.members if seat.person_id == main)
        case = meeting.cases[0]
        operations.recuse(meeting, case, seat, "亲属", actor_id=held.clerk_id, now=now())

    with pytest.raises(Conflict, match="已是该材料的主审或副审"):
        act_late(app, held, assign, recuse)


def _first_reader(held: Held, group_id: int) -> int:
    """Who comes first in the group, without its leader and the director."""
    group = queries.group(group_id)
    heads = {group.leader_id, held.director_id}
    return next(seat.person_id for seat in group.members if seat.person_id not in heads)


def test_whoever_is_checked_in_meanwhile_is_on_the_roll(app: Flask) -> None:
    held = a_meeting(at="confirm_by_director", cases=1)
    play(held, "confirm_by_director")
    late = held.member_ids[-1]
    with transaction():
        for seat in held.meeting.members:
            seat.present = seat.person_id != late

    def arrive() -> None:
        with transaction():
            meeting = held.meeting
            seat = next(seat for seat in meeting.members if seat.person_id == late)
            operations.check_in(meeting, seat, present=True, actor_id=held.clerk_id, now=now())

    def prepare(meeting: Meeting) -> None:
        operations.prepare_roll(
            meeting, clerk_id=held.clerk_id, supervisor_id=held.supervisor_id, now=now()
        )

    act_late(app, held, arrive, prepare)
    with transaction(write=False):
        assert queries.turnout(held.meeting).present == len(held.member_ids)


def test_a_group_takes_no_more_than_it_has_room_for(app: Flask) -> None:
    held = a_meeting(cases=1)
    with transaction():
        held.meeting.groups[0].size += 1
        found = [an_expert("先到").id, an_expert("后到").id]

    def seat(person_id: int) -> Act:
        def act(meeting: Meeting) -> None:
            expert, group = held.person(person_id), meeting.groups[0]
            assert group.members
            operations.add_member(meeting, expert, group, actor_id=held.clerk_id, now=now())

        return act

    refused = at_once(app, held, *(seat(each) for each in found))
    assert [text.startswith("第1组已满") for text in refused] == [True]


def test_an_applicant_is_not_seated_after_their_case_joined(app: Flask) -> None:
    held = a_meeting(cases=1)
    with transaction():
        meeting = held.meeting
        expert = an_expert("申报的专家")
        declaration = an_accepted_declaration(
            meeting.plan, meeting.cases[0].declaration.unit, name="申报人"
        )
        declaration.person_id = expert.id
        expert_id, model, declaration_id = expert.id, type(declaration), declaration.id

    def take_up() -> None:
        with transaction():
            declaration = db.session.get_one(model, declaration_id)
            operations.add_case(held.meeting, declaration, actor_id=held.clerk_id, now=now())

    def seat(meeting: Meeting) -> None:
        expert = held.person(expert_id)
        operations.add_member(meeting, expert, None, actor_id=held.clerk_id, now=now())

    with pytest.raises(Invalid, match="本人参评"):
        act_late(app, held, take_up, seat)


def test_readers_are_not_recused_while_their_leader_closes_the_assignment(app: Flask) -> None:
    held = a_meeting(at="assign_reviewers", cases=1)
    with transaction():
        group = held.meeting.cases[0].group
        assert group is not None
        leader, group_id = group.leader_id or 0, group.id
        operations.assign_evenly(held.meeting, group, actor_id=leader, now=now())
        other = next(
            each
            for each in eligible_reviewers(group, group.cases[0])
            if each not in {group.cases[0].main_reviewer_id, group.cases[0].deputy_reviewer_id}
        )

    def swap_and_recuse() -> None:
        """The leader names another main reviewer in a second window; the first is recused."""
        with transaction():
            meeting, group = held.meeting, queries.group(group_id)
            case, who = meeting.cases[0], {"actor_id": leader, "now": now()}
            former, deputy = case.main_reviewer_id, case.deputy_reviewer_id or 0
            operations.assign_reviewers(group, case, main_id=other, deputy_id=deputy, **who)
            seat = next(seat for seat in meeting.members if seat.person_id == former)
            operations.recuse(meeting, case, seat, "亲属", actor_id=held.clerk_id, now=now())

    def close(meeting: Meeting) -> None:
        group = queries.group(group_id)
        operations.finish_assignment(meeting, group, actor_id=leader, now=now())

    act_late(app, held, swap_and_recuse, close)
    with transaction(write=False):
        assert held.meeting.cases[0].main_reviewer_id == other


def test_a_meeting_that_goes_on_meanwhile_is_not_assigned_again(app: Flask) -> None:
    held = a_meeting(at="assign_reviewers", cases=1)
    with transaction():
        group = held.meeting.cases[0].group
        assert group is not None
        leader, group_id = group.leader_id or 0, group.id

    def close(meeting: Meeting) -> None:
        group = queries.group(group_id)
        operations.finish_assignment(meeting, group, actor_id=leader, now=now())

    with pytest.raises(Conflict, match="材料评审"):
        act_late(app, held, lambda: play(held, "assign_reviewers"), close)


def test_a_leader_who_names_and_closes_takes_the_locks_as_every_step_does(
    app: Flask, client_for: Callable[..., Any]
) -> None:
    held = a_meeting(at="assign_reviewers", cases=1)
    with transaction(write=False):
        group = held.meeting.cases[0].group
        assert group is not None
        case, person = group.cases[0], held.person(group.leader_id or 0)
        main, deputy = eligible_reviewers(group, case)[:2]
        chosen = {f"main-{case.id}": str(main), f"deputy-{case.id}": str(deputy), "do": "finish"}
        instance_id = open_items(held.business)[0].instance_id
    answers: list[int] = []
    window = client_for(person)

    def send() -> None:
        with app.app_context():
            answers.append(window.post(f"/meetings/{held.id}/assign", chosen).status_code)
            db.session.remove()

    leader = threading.Thread(target=send)
    with transaction():
        # A step of the meeting is under way: it holds the process, and then takes the meeting.
        runtime.locked(instance_id)
        leader.start()
        leader.join(1)
        require_status(held.meeting, MeetingStatus.PREPARING)
    leader.join(30)
    assert answers == [303]


def test_a_role_that_is_taken_while_the_meeting_is_moved_stays_taken(app: Flask) -> None:
    held = a_meeting(cases=1)

    def of_first() -> RoleGrant:
        scope = {"scope_kind": "meeting", "scope_id": held.id}
        return db.session.query(RoleGrant).filter_by(person_id=held.director_id, **scope).one()

    def take() -> None:
        with transaction():
            end_grant(of_first(), actor_id=held.supervisor_id, now=now())

    def move(meeting: Meeting) -> None:
        starts, ends = (each + timedelta(days=3) for each in (meeting.starts_at, meeting.ends_at))
        operations.change_time(meeting, starts, ends, "调整", actor_id=held.clerk_id, now=now())

    act_late(app, held, take, move)
    with transaction(write=False):
        taken = of_first()
        assert taken.valid_to == taken.ended_at
