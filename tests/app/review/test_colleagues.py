"""Who works where the applicant works does not judge; who runs a meeting does not sit in it."""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from app.accounts.operations import grant_role
from app.accounts.queries import live_grants
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict, Forbidden, Invalid
from app.review import interests, operations
from app.review.ballots import Ballot
from app.review.models import Meeting, MeetingCase
from app.review.operations.reviewers import eligible_reviewers
from tests.builders.people import a_unit, employ, person
from tests.builders.review import (
    Held,
    a_meeting,
    a_meeting_called,
    an_accepted_declaration,
    an_expert,
    case_ids,
    cast_as,
    check_in,
    close,
    play,
)

Sign = Callable[..., Any]
SCHOOL = "淮城市青禾小学"


def recused(held: Held, person_id: int) -> set[int]:
    with transaction(write=False):
        return interests.recused_cases(held.id, person_id)


def test_an_expert_of_the_applicants_unit_is_recused_on_joining(app: Flask) -> None:
    held = a_meeting(cases=2)
    with transaction():
        meeting = held.meeting
        group = meeting.groups[0]
        group.size += 1
        expert = an_expert("同校专家", unit_name=SCHOOL)
        operations.add_member(meeting, expert, group, actor_id=held.clerk_id, now=now())
        expert_id = expert.id
    assert recused(held, expert_id) == {case.id for case in _cases(held)}
    with transaction():
        seat = next(s for s in held.meeting.members if s.person_id == expert_id)
        operations.remove_member(held.meeting, seat, actor_id=held.clerk_id, now=now())
    assert recused(held, expert_id) == set()


def _cases(held: Held) -> list[MeetingCase]:
    with transaction(write=False):
        return list(held.meeting.cases)


def test_a_case_that_joins_recuses_the_applicants_colleagues(app: Flask) -> None:
    held = a_meeting(cases=1)
    with transaction():
        meeting = held.meeting
        unit = a_unit("淮城市第九小学")
        employ(held.person(held.member_ids[3]), unit)
        fresh = an_accepted_declaration(meeting.plan, unit, name="新来的")
        made = operations.add_case(meeting, fresh, actor_id=held.clerk_id, now=now())
        assert interests.recusals_of(held.id)[made.id] == {held.member_ids[3]: "与申报人同单位"}


def test_taking_an_expert_out_ends_their_role_and_leaves_a_trace(app: Flask) -> None:
    held = a_meeting(cases=1)
    expert_id = held.member_ids[3]

    def roles() -> list[str]:
        grants = live_grants(expert_id, now() + timedelta(minutes=1))
        return [g.role for g in grants if (g.scope_kind, g.scope_id) == ("meeting", held.id)]

    with transaction():
        meeting = held.meeting
        seat = next(s for s in meeting.members if s.person_id == expert_id)
        group = seat.group
        assert roles() == ["expert"]
        operations.remove_member(meeting, seat, actor_id=held.clerk_id, now=now())
        assert roles() == []
        (ended,) = db.session.query(AuditEvent).filter_by(tag="role:ended", subject_id=expert_id)
        assert ended.actor_id == held.clerk_id
        assert ended.data["scope"] == f"meeting:{held.id}"
        expert = held.person(expert_id)
        operations.add_member(meeting, expert, group, actor_id=held.clerk_id, now=now())
        assert roles() == ["expert"]


def test_people_of_another_unit_of_the_same_name_judge(app: Flask) -> None:
    held = a_meeting(cases=1)
    with transaction():
        meeting = held.meeting
        group = meeting.groups[0]
        group.size += 1
        expert = an_expert("异校专家", unit_name=SCHOOL)
        employ(expert, a_unit(SCHOOL))
        group.cases.append(meeting.cases[0])
        operations.add_member(meeting, expert, group, actor_id=held.clerk_id, now=now())
        assert expert.id in eligible_reviewers(group, meeting.cases[0])
        assert interests.colleagues_by_case(meeting) == {}
        expert_id = expert.id
    assert recused(held, expert_id) == set()


def test_a_colleague_stays_on_the_list_and_reads_nothing(app: Flask, client_for: Sign) -> None:
    held = a_meeting(cases=1)
    colleague = held.member_ids[2]
    with transaction():
        meeting = held.meeting
        employ(held.person(colleague), meeting.cases[0].declaration.unit)
        operations.recuse_colleagues(meeting, actor_id=held.clerk_id, now=now())
        with pytest.raises(Conflict, match="必须回避"):
            operations.lift_recusal(
                meeting, meeting.cases[0], colleague, actor_id=held.clerk_id, now=now()
            )
    listed = client_for(person(held.clerk_id)).get(f"/meetings/{held.id}/set-up?part=recusals")
    assert "与申报人同单位" in listed.text
    assert "移出回避名单？" not in listed.text


def test_reviewers_who_became_colleagues_are_replaced_before_the_reading(app: Flask) -> None:
    held = a_meeting(at="assign_reviewers", cases=1)
    with transaction():
        case = held.meeting.cases[0]
        group = case.group
        assert group is not None
        leader = group.leader_id or 0
        operations.assign_evenly(held.meeting, group, actor_id=leader, now=now())
        employ(held.person(case.main_reviewer_id or 0), case.declaration.unit)
        with pytest.raises(Invalid, match="须回避，请重新分配"):
            operations.finish_assignment(held.meeting, group, actor_id=leader, now=now())


def test_whoever_joined_the_unit_before_the_roll_has_no_vote_on_the_case(
    app: Flask, client_for: Sign
) -> None:
    held = a_meeting(at="prepare_roll", cases=2)
    with transaction():
        case = held.meeting.cases[0]
        reviewer, case_id = case.main_reviewer_id or 0, case.id
        employ(held.person(reviewer), case.declaration.unit)
    check_in(held)
    for step in ("prepare_roll", "open_ballot"):
        play(held, step)
    assert "按回避名单" in client_for(person(reviewer)).get(f"/meetings/{held.id}/ballot").text
    for voter in held.member_ids:
        cast_as(held, voter, dict.fromkeys(case_ids(held), "y"), Random(voter))
    close(held)
    with transaction(write=False):
        slips = db.session.query(Ballot).filter_by(case_id=case_id)
        assert sorted(slip.choice for slip in slips) == ["r", *"y" * 8]


@pytest.mark.parametrize("role", ["meeting_clerk", "organiser", "organiser_leader", "supervisor"])
def test_staff_of_the_meeting_do_not_sit_in_it(app: Flask, role: str) -> None:
    with transaction():
        held = a_meeting_called()
        unit_id = held.meeting.organiser_unit_id
        staff = an_expert("经办专家")
        grant_role(staff, role, scope_kind="org", scope_id=unit_id, actor_id=None, now=now())
        with pytest.raises(Invalid, match="不能同时担任评委"):
            operations.add_member(held.meeting, staff, None, actor_id=held.clerk_id, now=now())


def test_an_expert_who_is_made_clerk_runs_nothing_in_their_own_meeting(
    app: Flask, client_for: Sign
) -> None:
    held = a_meeting()
    with transaction():
        expert = held.person(held.member_ids[0])
        scope = {"scope_kind": "org", "scope_id": held.meeting.organiser_unit_id}
        grant_role(expert, "meeting_clerk", **scope, actor_id=None, now=now())
    browser = client_for(person(held.member_ids[0]))
    assert browser.get(f"/meetings/{held.id}/set-up").status_code == 403
    assert browser.get(f"/meetings/{held.id}").status_code == 200


def test_an_expert_who_is_made_leader_does_not_decide_on_the_scheme(app: Flask) -> None:
    held = a_meeting(at="approve_scheme")
    with transaction(), pytest.raises(Forbidden, match="评委和参评的申报人不能审核"):
        operations.approve_scheme(
            held.meeting, "pass", "同意", actor_id=held.member_ids[3], now=now()
        )


def test_an_expert_who_is_made_supervisor_holds_no_key(app: Flask) -> None:
    held = a_meeting()
    with transaction():
        scope = {"scope_kind": "org", "scope_id": held.meeting.organiser_unit_id}
        expert = held.person(held.member_ids[3])
        grant_role(expert, "supervisor", **scope, actor_id=None, now=now())
        found = operations.supervisors_for(held.meeting, now())
        assert [each.id for each in found] == [held.supervisor_id]


def _second_meeting(meeting: Meeting, clerk_id: int) -> Meeting:
    facts = operations.MeetingFacts("第二次会议", "会场", meeting.starts_at, meeting.ends_at)
    return operations.create_meeting(
        meeting.plan, [meeting.committee], facts, actor_id=clerk_id, now=now()
    )


def test_the_database_keeps_a_declaration_before_one_living_meeting(app: Flask) -> None:
    held = a_meeting(cases=1)
    with transaction():
        meeting = held.meeting
        taken, second = meeting.cases[0].declaration_id, _second_meeting(meeting, held.clerk_id)
        twice = insert(MeetingCase).values(
            meeting_id=second.id, declaration_id=taken, status="waiting", is_vetoed=False
        )
        with pytest.raises(IntegrityError), db.session.begin_nested():
            db.session.execute(twice)
        first = meeting.cases[0]
        first.main_reviewer_id, first.deputy_reviewer_id = held.member_ids[1:3]
        first.status, first.total_score = "failed", 50
        db.session.flush()
        db.session.execute(twice)


def test_the_clerk_reads_which_meeting_has_the_declaration(app: Flask, client_for: Sign) -> None:
    held = a_meeting(cases=1)
    with transaction():
        second = _second_meeting(held.meeting, held.clerk_id)
        taken, address = held.meeting.cases[0].declaration_id, f"/meetings/{second.id}/cases"
    refused = client_for(person(held.clerk_id)).post(address, {"id": str(taken)})
    assert refused.status_code == 409
    assert "已列入“2026年高级评审会议”，一份申报同时只能参加一次评审会议" in refused.text
