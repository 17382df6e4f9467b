"""Who keeps out of a meeting or of a case, and who stands in for them (回避)."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict, Forbidden, Invalid
from app.review import operations, queries
from app.review.access import may_see_case, reviews_declaration
from app.review.models import MeetingCase, MeetingMember
from tests.builders.flow import open_items
from tests.builders.people import a_person, person, slip_in_role
from tests.builders.review import (
    Held,
    a_meeting,
    a_meeting_called,
    case_ids,
    check_in,
    collect_codes,
    play,
)
from tests.builders.statements import statements_sent

Sign = Callable[..., Any]


def url(held: Held, part: str = "") -> str:
    return f"/meetings/{held.id}{part}"


def seat_of(held: Held, person_id: int | None) -> MeetingMember:
    return next(seat for seat in held.meeting.members if seat.person_id == person_id)


def recuse(held: Held, case: MeetingCase, person_id: int | None) -> None:
    seat = seat_of(held, person_id)
    operations.recuse(held.meeting, case, seat, "亲属", actor_id=held.clerk_id, now=now())


def assignee(case_id: int, node: str) -> int | None:
    with transaction(write=False):
        return open_items(("case", case_id), node)[0].assignee_id


def test_staff_whose_own_declaration_is_judged_see_nothing_of_the_meeting(
    app: Flask, client_for: Sign
) -> None:
    held = a_meeting(at="approve_scheme")
    with transaction():
        case = held.meeting.cases[0]
        case_id, applicant = case.id, case.declaration.person
        for role in ("organiser_leader", "supervisor"):
            slip_in_role(applicant, role, held.meeting.organiser_unit_id)
        with pytest.raises(Forbidden, match="参评"):
            operations.approve_scheme(
                held.meeting, "pass", "同意", actor_id=applicant.id, now=now()
            )
        assert applicant.id not in {
            each.id for each in operations.supervisors_for(held.meeting, now())
        }
    browser = client_for(person(applicant.id))
    for part in ("", "/set-up", "/roll", "/voted", "/results", f"/cases/{case_id}"):
        assert browser.get(url(held, part)).status_code == 403, part
    assert url(held) not in browser.get("/meetings").text
    assert browser.post(url(held, "/recusals"), {"do": "colleagues"}).status_code == 403


def test_only_a_supervisor_of_the_organiser_holds_the_third_key(
    app: Flask, client_for: Sign
) -> None:
    held = a_meeting(at="prepare_roll", cases=1)
    check_in(held)
    clerk = client_for(person(held.clerk_id))
    refused = clerk.post(url(held, "/roll"), {"supervisor_id": str(held.member_ids[3])})
    assert refused.status_code == 422
    assert "请从组建单位的监督员中指定" in refused.text
    with transaction(write=False):
        assert not queries.key_shares(held.meeting)


def test_only_experts_of_the_pool_are_seated(app: Flask) -> None:
    with transaction():
        held = a_meeting_called()
        stranger = a_person("路人")
        with pytest.raises(Invalid, match="不在评审专家库中"):
            operations.add_member(held.meeting, stranger, None, actor_id=held.clerk_id, now=now())


def test_a_declaration_comes_before_one_meeting_only(app: Flask) -> None:
    with transaction():
        held = a_meeting_called()
        meeting = held.meeting
        facts = operations.MeetingFacts("第二次会议", "会场", meeting.starts_at, meeting.ends_at)
        second = operations.create_meeting(
            meeting.plan, [meeting.committee], facts, actor_id=held.clerk_id, now=now()
        )
        with pytest.raises(Conflict, match="已列入“2026年高级评审会议”"):
            operations.add_case(second, meeting.cases[0].declaration, actor_id=1, now=now())


def test_others_confirm_for_a_recused_leader_and_a_recused_director(app: Flask) -> None:
    held = a_meeting(at="score_case", cases=1)
    with transaction():
        case = held.meeting.cases[0]
        assert case.group is not None
        case_id, leader = case.id, case.group.leader_id
        recuse(held, case, leader)
        recuse(held, case, held.director_id)
        readers = {case.main_reviewer_id, case.deputy_reviewer_id}
    play(held, "score_case")
    play(held, "confirm_by_deputy")
    stands_in = assignee(case_id, "confirm_by_leader")
    assert stands_in not in {leader, held.director_id, *readers}
    with transaction():
        case = queries.case(case_id)
        with pytest.raises(Forbidden, match="组长"):
            operations.confirm_case(
                case, "leader", "pass", "同意", actor_id=leader or 0, now=now()
            )
        with pytest.raises(Conflict, match="代为确认"):
            operations.lift_recusal(
                held.meeting, case, leader or 0, actor_id=held.clerk_id, now=now()
            )
    play(held, "confirm_by_leader")
    assert assignee(case_id, "confirm_by_director") not in {
        held.director_id,
        leader,
        stands_in,
        *readers,
    }
    play(held, "confirm_by_director")
    with transaction(write=False):
        assert queries.open_cases(held.id) == 0


def test_whoever_has_the_case_on_the_desk_returns_it_before_the_recusal(app: Flask) -> None:
    held = a_meeting(at="confirm_by_leader", cases=1)
    with transaction():
        case = held.meeting.cases[0]
        assert case.group is not None
        with pytest.raises(Conflict, match="先由其退回主审"):
            recuse(held, case, case.group.leader_id)


def test_a_recusal_that_leaves_nobody_to_confirm_is_refused(app: Flask) -> None:
    held = a_meeting(at="score_case", cases=1)
    with transaction():
        case = held.meeting.cases[0]
        assert case.group is not None
        readers = {case.main_reviewer_id, case.deputy_reviewer_id}
        heads = {case.group.leader_id, held.director_id}
        for each in set(held.member_ids) - readers - heads:
            recuse(held, case, each)
        with pytest.raises(Conflict, match="没有可以代为确认的专家"):
            recuse(held, case, held.director_id)


def test_striking_somebody_off_the_recusal_list_leaves_a_trace(app: Flask) -> None:
    held = a_meeting(at="set_up_meeting")
    with transaction():
        case = held.meeting.cases[0]
        recuse(held, case, held.member_ids[3])
        operations.lift_recusal(
            held.meeting, case, held.member_ids[3], actor_id=held.clerk_id, now=now()
        )
        lifted = db.session.query(AuditEvent).filter_by(tag="meeting:recusal_lifted").one()
        assert lifted.data == {"case": case.id, "member": held.member_ids[3]}


def test_experts_lose_sight_of_the_cases_when_the_meeting_closes(
    app: Flask, client_for: Sign
) -> None:
    held = a_meeting(at="open_ballot", cases=1)
    with transaction():
        case_id = held.meeting.cases[0].id
        held.meeting.status = "closed"
    page = url(held, f"/cases/{case_id}")
    assert client_for(person(held.member_ids[4])).get(page).status_code == 403
    assert client_for(person(held.clerk_id)).get(page).status_code == 200


@pytest.mark.parametrize("number", ["²", "٣x", "9" * 30])
def test_odd_numbers_in_a_form_are_refused_in_words(
    app: Flask, client_for: Sign, number: str
) -> None:
    held = a_meeting(at="appoint_directors", cases=1)
    clerk = client_for(person(held.clerk_id))
    answer = clerk.post(url(held, "/directors"), {"director_id": number})
    assert answer.status_code == 422


def test_a_ballot_that_would_leave_a_receipt_is_refused(app: Flask, client_for: Sign) -> None:
    held = a_meeting(at="close_ballot", cases=1)
    voter = client_for(person(held.member_ids[1]))
    ballot = {f"case-{case_ids(held)[0]}": "y", "request_key": "a-key-of-ones-own"}
    assert voter.post(url(held, "/ballot"), ballot).status_code == 422
    with transaction(write=False):
        assert queries.turnout(held.meeting).voted == 0


def test_odd_names_on_a_ballot_are_refused_in_words(app: Flask, client_for: Sign) -> None:
    held = a_meeting(at="close_ballot", cases=1)
    voter = client_for(person(held.member_ids[1]))
    assert voter.post(url(held, "/ballot"), {"case-²": "y"}).status_code == 422


def test_a_page_reads_its_cases_together(app: Flask, client_for: Sign) -> None:
    costs = []
    for cases in (2, 8):
        held = a_meeting(at="assign_reviewers", cases=cases, members=12)
        with transaction(write=False):
            leader = held.meeting.groups[0].leader_id
        browser = client_for(person(leader or 0))
        with statements_sent() as sent:
            for part in ("", "/assign"):
                assert browser.get(url(held, part)).status_code == 200
        costs.append(len(sent))
    assert costs[0] == costs[1]


def test_experts_lose_sight_of_the_material_once_the_result_stands(app: Flask) -> None:
    held = a_meeting(at="confirm_result", cases=1)
    with transaction(write=False):
        case = held.meeting.cases[0]
        expert, clerk = held.person(held.member_ids[1]), held.person(held.clerk_id)
        assert may_see_case(expert, case, now())
        assert reviews_declaration(expert, case.declaration, now())
    play(held, "confirm_result")
    with transaction(write=False):
        case = held.meeting.cases[0]
        assert not may_see_case(expert, case, now())
        assert not reviews_declaration(expert, case.declaration, now())
        assert may_see_case(clerk, case, now())


def test_a_key_waits_on_its_holders_home_page_until_it_is_taken(
    app: Flask, client_for: Any
) -> None:
    held = a_meeting(at="open_ballot", cases=1)
    with transaction(write=False):
        supervisor = held.person(held.supervisor_id)
    home = client_for(supervisor).get("/home").text
    assert "待领取密钥码" in home
    collect_codes(held)
    assert "待领取密钥码" not in client_for(supervisor).get("/home").text
