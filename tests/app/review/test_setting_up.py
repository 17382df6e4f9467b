"""Calling a meeting, filling it, and naming who does what."""

from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from app.core.audit import AuditEvent
from app.core.clock import ZONE, now
from app.core.db import db, transaction
from app.core.errors import Conflict, Forbidden, Invalid
from app.declarations.models import Declaration
from app.review import interests, operations, queries
from app.review.operations import setup
from app.review.operations.reviewers import eligible_by_case, eligible_reviewers
from tests.builders.flow import open_items
from tests.builders.people import employ
from tests.builders.review import Held, a_meeting, an_accepted_declaration, an_expert, play
from tests.builders.statements import statements_sent


def facts(day: int = 23, year: int = 2026) -> operations.MeetingFacts:
    return operations.MeetingFacts(
        "会议",
        "会场",
        datetime(year, 11, day, 9, tzinfo=ZONE),
        datetime(year, 11, day, 18, tzinfo=ZONE),
    )


def test_no_meeting_is_held_outside_the_filing_of_its_committee(app: Flask) -> None:
    held = a_meeting()
    with transaction():
        plan, committee = held.meeting.plan, held.meeting.committee
        with pytest.raises(Invalid, match="备案有效期"):
            operations.create_meeting(plan, [committee], facts(year=2028), actor_id=1, now=now())
        with pytest.raises(Invalid, match="请选择评委会"):
            operations.create_meeting(plan, [], facts(), actor_id=1, now=now())


def test_no_meeting_is_held_in_the_past_or_before_the_deadline(app: Flask) -> None:
    held = a_meeting()
    with transaction():
        plan, committee = held.meeting.plan, held.meeting.committee
        with pytest.raises(Invalid, match="不能早于今天"):
            operations.create_meeting(plan, [committee], facts(22), actor_id=1, now=now())
        plan.closes_at = datetime(2026, 11, 23, 17, 30, tzinfo=ZONE)
        with pytest.raises(Invalid, match="2026-11-23 17:30，会议须在截止之后"):
            operations.create_meeting(plan, [committee], facts(23), actor_id=1, now=now())


def test_several_committees_sit_in_one_meeting(app: Flask) -> None:
    from tests.builders.review import a_committee

    held = a_meeting()
    with transaction():
        plan, first = held.meeting.plan, held.meeting.committee
        second = a_committee(held.meeting.organiser_unit, first.series)
        made = operations.create_meeting(
            plan, [first, second], facts(), actor_id=held.clerk_id, now=now()
        )
        assert made.committee_id == first.id


def test_an_applicant_of_the_meeting_does_not_judge_in_it(app: Flask) -> None:
    held = a_meeting()
    with transaction():
        meeting = held.meeting
        applicant = meeting.cases[0].declaration.person
        with pytest.raises(Invalid, match="本人参评"):
            operations.add_member(meeting, applicant, None, actor_id=1, now=now())


def test_an_expert_sits_once_and_a_full_group_takes_no_more(app: Flask) -> None:
    held = a_meeting()
    with transaction():
        meeting = held.meeting
        seat = meeting.members[0]
        with pytest.raises(Conflict, match="已在参会专家中"):
            operations.add_member(meeting, seat.person, None, actor_id=1, now=now())
        expert = an_expert("候补专家")
        with pytest.raises(Conflict, match="已满"):
            operations.add_member(meeting, expert, meeting.groups[0], actor_id=1, now=now())


def test_only_accepted_declarations_of_the_plan_come_before_the_meeting(app: Flask) -> None:
    held = a_meeting()
    with transaction():
        meeting = held.meeting
        unit = meeting.cases[0].declaration.unit
        fresh = an_accepted_declaration(meeting.plan, unit, name="新来的")
        assert [each.id for each in queries.available_declarations(meeting)] == [fresh.id]
        fresh.status = "returned"
        with pytest.raises(Conflict, match="已受理"):
            operations.add_case(meeting, fresh, actor_id=1, now=now())
        with pytest.raises(Conflict, match="已在本次会议"):
            operations.add_case(meeting, meeting.cases[0].declaration, actor_id=1, now=now())


def test_all_cases_go_where_their_specialty_is_known(app: Flask) -> None:
    held = a_meeting(cases=1, groups=3)
    with transaction():
        meeting = held.meeting
        unit = meeting.cases[0].declaration.unit
        for place in range(4):
            declaration = an_accepted_declaration(
                meeting.plan, unit, name=f"待分{place}", specialty=place % 3
            )
            operations.add_case(meeting, declaration, actor_id=1, now=now())
        assert operations.group_all(meeting, actor_id=1, now=now()) == 4
        assert all(case.group is not None for case in meeting.cases)
        sizes = [len(group.cases) for group in meeting.groups]
        assert max(sizes) - min(sizes) <= 1


def test_every_gap_of_the_set_up_is_named_at_once(app: Flask) -> None:
    held = a_meeting()
    with transaction():
        meeting = held.meeting
        who = {"actor_id": held.clerk_id, "now": now()}
        operations.remove_indicator(meeting, meeting.indicators[1], **who)
        operations.add_group(meeting, "空组", 3, **who)
        with pytest.raises(Invalid) as refused:
            operations.finish_set_up(meeting, " ", actor_id=held.clerk_id, now=now())
    assert refused.value.errors["scheme"] == [
        "评分指标权重合计应为 100，现为 40",
        "空组现有 0 名专家，不少于 3 名",
        "请填写评审方案",
    ]


def test_what_was_sent_up_stands_until_it_is_returned(app: Flask) -> None:
    held = a_meeting(at="approve_scheme")
    with transaction(), pytest.raises(Conflict, match="不能再修改"):
        operations.add_group(held.meeting, "加组", 3, actor_id=held.clerk_id, now=now())
    play(held, "approve_scheme", decision="return", opinion="请补充")
    with transaction():
        operations.add_group(held.meeting, "加组", 3, actor_id=held.clerk_id, now=now())


def test_nobody_approves_their_own_scheme(app: Flask) -> None:
    held = a_meeting(at="approve_scheme")
    with transaction(), pytest.raises(Forbidden, match="另一人"):
        operations.approve_scheme(held.meeting, "pass", "", actor_id=held.clerk_id, now=now())


def appoint(held: Held, director: int, deputies: list[int]) -> None:
    with transaction():
        operations.appoint_directors(
            held.meeting, director, deputies, actor_id=held.clerk_id, now=now()
        )


def test_one_director_and_at_most_two_deputies(app: Flask) -> None:
    held = a_meeting(at="appoint_directors")
    ids = held.member_ids
    with pytest.raises(Invalid, match="至多 2 名"):
        appoint(held, ids[0], ids[1:4])
    with pytest.raises(Invalid, match="不能同时"):
        appoint(held, ids[0], [ids[0]])
    with pytest.raises(Invalid, match="参会专家"):
        appoint(held, held.clerk_id, [])
    appoint(held, ids[0], ids[1:3])
    appoint(held, ids[1], ids[2:4])
    with transaction(write=False):
        posts = {seat.person_id: seat.post for seat in held.meeting.members}
    assert [posts[i] for i in ids[:4]] == [
        "member",
        "director",
        "deputy_director",
        "deputy_director",
    ]


def test_a_director_needs_a_group_that_can_do_without(app: Flask) -> None:
    held = a_meeting(at="appoint_directors", members=9, groups=3)
    with pytest.raises(Invalid, match="不足 3 名"):
        appoint(held, held.member_ids[0], [])


def test_a_leader_is_a_member_of_the_group_and_not_the_director(app: Flask) -> None:
    held = a_meeting(at="appoint_leaders")
    with transaction():
        meeting = held.meeting
        first, second = meeting.groups
        leaders = {first.id: held.director_id, second.id: second.members[0].person_id}
        with pytest.raises(Invalid, match="主任不兼任组长"):
            operations.appoint_leaders(meeting, leaders, actor_id=held.director_id, now=now())
        leaders[first.id] = second.members[1].person_id
        with pytest.raises(Invalid, match="组内专家"):
            operations.appoint_leaders(meeting, leaders, actor_id=held.director_id, now=now())
        leaders[first.id] = first.members[1].person_id
        with pytest.raises(Forbidden):
            operations.appoint_leaders(meeting, leaders, actor_id=held.clerk_id, now=now())


def test_main_deputy_and_leader_are_three_people_without_interest(app: Flask) -> None:
    held = a_meeting(at="assign_reviewers")
    with transaction():
        meeting = held.meeting
        group = meeting.groups[0]
        case, leader = group.cases[0], group.leader_id or 0
        free = [s for s in group.members if s.person_id not in {leader, held.director_id}]
        recused, colleague, *others = free
        operations.recuse(meeting, case, recused, "合作者", actor_id=held.clerk_id, now=now())
        employ(colleague.person, case.declaration.unit)
        allowed = eligible_reviewers(group, case)
        assert allowed == [seat.person_id for seat in others]
        for main, deputy in ((leader, allowed[0]), (allowed[0], recused.person_id)):
            with pytest.raises(Invalid):
                operations.assign_reviewers(
                    group, case, main_id=main, deputy_id=deputy, actor_id=leader, now=now()
                )
        with pytest.raises(Invalid, match="两人"):
            operations.assign_reviewers(
                group,
                case,
                main_id=allowed[0],
                deputy_id=allowed[0],
                actor_id=leader,
                now=now(),
            )
        with pytest.raises(Conflict, match="不足两人"):
            operations.assign_evenly(meeting, group, actor_id=leader, now=now())


def test_many_cases_are_assigned_in_as_many_statements_as_few(app: Flask) -> None:
    costs = []
    for cases in (3, 12):
        held = a_meeting(at="assign_reviewers", cases=cases)
        with transaction(write=False):
            group = held.meeting.groups[0]
            group_id, leader = group.id, group.leader_id or 0
            readers = [
                (case_id, *allowed[:2]) for case_id, allowed in eligible_by_case(group).items()
            ]
        with statements_sent() as sent, transaction():
            group, who = queries.group(group_id), {"actor_id": leader, "now": now()}
            operations.assign_all(group, readers, **who)
            operations.finish_assignment(queries.meeting(group.meeting_id), group, **who)
        with transaction(write=False):
            assert all(case.main_reviewer_id for case in queries.group(group_id).cases)
            named = db.session.query(AuditEvent).filter_by(tag="meeting:readers_named")
            assert len([each for each in named if each.subject_id == held.id]) == 1
        costs.append(len(sent))
    assert costs[0] == costs[1], "\n".join(sent)


def test_reviewers_take_turns(app: Flask) -> None:
    held = a_meeting(at="assign_reviewers", members=11, cases=8, groups=2)
    with transaction():
        meeting = held.meeting
        for group in meeting.groups:
            operations.assign_evenly(meeting, group, actor_id=group.leader_id or 0, now=now())
            loads = [
                sum(case.main_reviewer_id == seat.person_id for case in group.cases)
                for seat in group.members
                if seat.person_id not in {group.leader_id, held.director_id}
            ]
            assert max(loads) - min(loads) <= 1
            assert all(c.main_reviewer_id != c.deputy_reviewer_id for c in group.cases)


def test_colleagues_of_applicants_are_recused_in_one_go(app: Flask) -> None:
    held = a_meeting(cases=2)
    with transaction():
        meeting = held.meeting
        employ(meeting.members[0].person, meeting.cases[0].declaration.unit)
        found = operations.recuse_colleagues(meeting, actor_id=held.clerk_id, now=now())
        again = operations.recuse_colleagues(meeting, actor_id=held.clerk_id, now=now())
        assert (found, again) == (2, 0)
        assert interests.recused_cases(meeting.id, held.member_ids[0]) == {
            case.id for case in meeting.cases
        }


def test_experts_read_the_declarations_of_their_meeting_only(app: Flask) -> None:
    from app.declarations.access import is_seen_by

    held, other = a_meeting(at="score_case"), a_meeting(at="score_case")
    with transaction(write=False):
        ours = held.meeting.cases[0].declaration
        theirs = other.meeting.cases[0].declaration
        expert = held.person(held.member_ids[4])
        assert is_seen_by(expert, ours, now())
        assert not is_seen_by(expert, theirs, now())
        assert db.session.get(Declaration, ours.id) is ours
        assert open_items(held.business) == []


def test_a_scheme_is_kept_as_it_is_typed_and_no_stale_page_overwrites_it(app: Flask) -> None:
    held = a_meeting(at="set_up_meeting", cases=1)
    blank, typed = setup.scheme_mark(""), setup.scheme_mark("评审程序")
    with transaction():
        operations.keep_scheme(held.meeting, "评审程序", known=blank)
    with transaction():
        assert held.meeting.scheme == "评审程序"
        with pytest.raises(Conflict, match="已在别处修改"):
            operations.keep_scheme(held.meeting, "另一页的内容", known=blank)
        with pytest.raises(Invalid, match="不能超过 4000 个字，现有 4001 个字"):
            operations.keep_scheme(held.meeting, "字" * 4001, known=typed)
        with pytest.raises(Invalid, match="不能超过 4000 个字"):
            operations.finish_set_up(held.meeting, "字" * 4001, actor_id=held.clerk_id, now=now())
        assert held.meeting.scheme == "评审程序"
    play(held, "set_up_meeting")
    with transaction(), pytest.raises(Conflict, match="评审方案已提交"):
        operations.keep_scheme(held.meeting, "改过", known=typed)


def test_a_group_holds_no_more_experts_than_the_committee_has(app: Flask) -> None:
    held = a_meeting(cases=1)
    with transaction():
        who = {"actor_id": held.clerk_id, "now": now()}
        with pytest.raises(Invalid, match="评委会备案共 11 人"):
            operations.add_group(held.meeting, "大组", 99, **who)


def test_no_indicator_gives_more_than_a_hundred(app: Flask) -> None:
    held = a_meeting(cases=1)
    with transaction():
        who = {"actor_id": held.clerk_id, "now": now()}
        with pytest.raises(Invalid, match="不能超过 100 分"):
            operations.add_indicator(held.meeting, "能力", weight=30, max_score=99999, **who)
        line = operations.add_indicator(held.meeting, "能力", weight=30, max_score=100, **who)
        line.max_score = 101
        with pytest.raises(IntegrityError, match="an_indicator_gives_a_hundred_at_most"):
            db.session.flush()
        db.session.rollback()
