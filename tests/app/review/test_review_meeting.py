"""The meeting as a process: from its call to its result, and every way back."""

from random import Random

import pytest
from flask import Flask
from sqlalchemy import select

from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict, Forbidden
from app.engine.models import QueueRow, StepLog
from app.review import operations
from tests.builders.flow import open_items
from tests.builders.review import NODES, Held, a_meeting, case_ids, cast_as, nodes, play


def queued(name: str) -> list[QueueRow]:
    with transaction(write=False):
        return list(db.session.scalars(select(QueueRow).where(QueueRow.name == name)))


def a_counted_meeting(yes: int) -> Held:
    held = a_meeting(at="close_ballot")
    order = case_ids(held)
    for place, person_id in enumerate(held.member_ids):
        choice = "y" if place < yes else "n"
        cast_as(held, person_id, dict.fromkeys(order, choice), Random(person_id))
    play(held, "close_ballot")
    return held


@pytest.mark.parametrize(("yes", "outcome"), [(6, "passed"), (5, "failed")])
def test_a_meeting_runs_from_its_call_to_its_result(app: Flask, yes: int, outcome: str) -> None:
    held = a_counted_meeting(yes)
    assert nodes(held) == ["confirm_result"]
    play(held, "confirm_result")
    with transaction(write=False):
        meeting = held.meeting
        assert meeting.status == "confirmed"
        assert {case.status for case in meeting.cases} == {outcome}
        declarations = {case.declaration_id for case in meeting.cases}
    told = queued("review_finished")
    assert {row.business_id for row in told} == declarations
    assert {row.payload["outcome"] for row in told} == {outcome}
    published = ["publicity"] if outcome == "passed" else []
    assert [row.business_type for row in queued("publicity")] == published


def test_each_group_with_cases_gets_its_own_task(app: Flask) -> None:
    held = a_meeting(at="assign_reviewers", members=12, groups=3, cases=2)
    with transaction(write=False):
        items = open_items(held.business)
        leaders = {group.leader_id for group in held.meeting.groups if group.cases}
        assert {item.assignee_id for item in items} == leaders
        assert len(items) == 2
    play(held, "assign_reviewers")
    with transaction(write=False):
        assert {case.status for case in held.meeting.cases} == {"scoring"}
        assert {c.declaration.status for c in held.meeting.cases} == {"in_meeting"}


@pytest.mark.parametrize(
    ("node", "back_to"),
    [
        ("approve_scheme", "set_up_meeting"),
        ("confirm_standard", "set_up_meeting"),
        ("open_ballot", "prepare_roll"),
    ],
)
def test_a_return_leads_back_and_on_again(app: Flask, node: str, back_to: str) -> None:
    held = a_meeting(at=node)
    play(held, node, decision="return", opinion="请修改")
    assert nodes(held) == [back_to]
    for step in NODES[NODES.index(back_to) : NODES.index(node) + 1]:
        play(held, step)
    assert nodes(held) == [_after(node)]


def _after(node: str) -> str:
    return {
        "approve_scheme": "appoint_directors",
        "confirm_standard": "appoint_leaders",
        "open_ballot": "close_ballot",
    }[node]


def test_a_standard_returned_twice_still_reaches_the_groups(app: Flask) -> None:
    held = a_meeting(at="confirm_standard")
    for _ in range(2):
        play(held, "confirm_standard", decision="return", opinion="权重不妥")
        for step in ("set_up_meeting", "approve_scheme", "appoint_directors"):
            play(held, step)
    for step in ("confirm_standard", "appoint_leaders", "assign_reviewers"):
        play(held, step)
    with transaction(write=False):
        assert held.meeting.status == "scoring"


def test_only_the_director_confirms_and_only_once(app: Flask) -> None:
    held = a_counted_meeting(9)
    with transaction(), pytest.raises(Forbidden):
        operations.confirm_result(held.meeting, "", actor_id=held.clerk_id, now=now())
    play(held, "confirm_result")
    with transaction(), pytest.raises(Conflict):
        operations.confirm_result(held.meeting, "", actor_id=held.director_id, now=now())


def test_a_confirmed_meeting_is_reported_then_closed(app: Flask) -> None:
    held = a_counted_meeting(9)
    with transaction(), pytest.raises(Conflict):
        operations.report_meeting(held.meeting, "", actor_id=held.clerk_id, now=now())
    play(held, "confirm_result")
    with transaction():
        operations.report_meeting(held.meeting, "", actor_id=held.clerk_id, now=now())
        assert held.meeting.is_active
        operations.close_meeting(held.meeting, "", actor_id=held.clerk_id, now=now())
        assert not held.meeting.is_active
        assert held.meeting.status == "closed"


def test_the_flow_log_tells_the_course_and_no_votes(app: Flask) -> None:
    held = a_counted_meeting(7)
    with transaction(write=False):
        log = [
            (step.node, step.outcome)
            for step in db.session.scalars(select(StepLog).order_by(StepLog.id))
        ]
    assert ("prepare_roll", "到会 9/9") in log
    assert ("open_ballot", "已发起") in log
    assert log[-1] == ("close_ballot", "已计票")
    assert not [node for node, _ in log if "cast" in node]
    assert held.id
