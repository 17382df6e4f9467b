"""How a meeting ends: after the publicity it is reported, then closed, by its clerk."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from flask import Flask

from app.accounts.operations import grant_role
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict, Forbidden
from app.review import operations
from app.review.models import Meeting
from tests.builders.flow import do, open_items
from tests.builders.people import person
from tests.builders.results import APPROVAL, Published, a_publicity, confirm
from tests.builders.review import Held, a_meeting, case_ids, cast_as, nodes, play

Sign = Callable[..., Any]
REPORT, APPROVE, CLOSE = "report_meeting", "approve_report", "close_meeting"


def task(held: Held) -> str:
    with transaction(write=False):
        return f"/tasks/{open_items(held.business)[0].id}"


def confirmed() -> Published:
    published = a_publicity(cases=2, passed=1)
    confirm(published)
    return published


def test_the_clerk_reports_after_the_publicity_and_then_closes(
    app: Flask, client_for: Sign
) -> None:
    published = a_publicity(cases=1)
    held, clerk = published.held, client_for(person(published.held.clerk_id))
    assert nodes(held) == []
    assert "公示结果确认后，由会议经办人上报评审结果" in clerk.get(f"/meetings/{held.id}").text
    confirm(published)
    assert nodes(held) == [REPORT]
    clerk = client_for(person(held.clerk_id))
    shown = clerk.get(f"/meetings/{held.id}").text
    assert "上报评审结果" in shown
    assert task(held) in shown
    assert "导出通过名单" in clerk.get(task(held)).text
    assert clerk.post(task(held), {"decision": "pass", "opinion": "无异议"}).status_code == 303
    assert nodes(held) == [APPROVE]
    issuer = client_for(person(published.issuer_id))
    assert issuer.post(task(held), APPROVAL).status_code == 303
    assert nodes(held) == [CLOSE]
    clerk = client_for(person(held.clerk_id))
    assert f"/meetings/{held.id}" in clerk.get("/meetings").text
    assert clerk.post(task(held), {"decision": "pass", "opinion": ""}).status_code == 303
    assert nodes(held) == []
    with transaction(write=False):
        assert held.meeting.status == "closed"
        told = [
            e.tag
            for e in db.session.query(AuditEvent)
            .filter(AuditEvent.tag.like("meeting:%"))
            .order_by(AuditEvent.id)
        ]
        assert told[-2:] == ["meeting:reported", "meeting:closed"]
    assert f"/meetings/{held.id}" not in clerk.get("/meetings?tab=active").text
    assert f"/meetings/{held.id}" in clerk.get("/meetings?tab=past").text


def test_where_nobody_passed_there_is_no_publicity_to_wait_for(app: Flask) -> None:
    held = a_meeting(at="close_ballot", members=5, cases=1, groups=1)
    for voter in held.member_ids:
        cast_as(held, voter, dict.fromkeys(case_ids(held), "n"), Random(voter))
    play(held, "close_ballot")
    play(held, "confirm_result")
    assert nodes(held) == [REPORT]
    do(held.business, REPORT, {"decision": "pass"}, person=person(held.clerk_id))
    assert nodes(held) == [CLOSE], "there is nothing to approve"


def test_nothing_is_reported_before_the_result_nor_closed_before_the_report(app: Flask) -> None:
    held = a_meeting(at="set_up_meeting")
    with transaction():
        for act in (operations.report_meeting, operations.close_meeting):
            with pytest.raises(Conflict, match="筹备中"):
                act(held.meeting, "", actor_id=held.clerk_id, now=now())


def test_an_expert_of_the_meeting_does_not_end_it(app: Flask, client_for: Sign) -> None:
    held = confirmed().held
    with transaction():
        meeting: Meeting = held.meeting
        grant_role(
            held.person(held.member_ids[1]),
            "meeting_clerk",
            scope_kind="org",
            scope_id=meeting.organiser_unit_id,
            actor_id=None,
            now=now(),
        )
        with pytest.raises(Forbidden):
            operations.report_meeting(meeting, "", actor_id=held.member_ids[1], now=now())
    seated = client_for(person(held.member_ids[1]))
    assert seated.post(task(held), {"decision": "pass"}).status_code == 403
