"""A declaration that came back and is not sent again in time counts as given up (逾期视为放弃)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.models import Notification
from app.core.audit import AuditEvent
from app.core.clock import ZONE, now
from app.core.db import db, transaction
from app.core.errors import Conflict, Invalid
from app.core.invariants import check_all
from app.declarations import operations, queries
from app.declarations.models import Declaration, Status
from app.engine import deadlines
from app.engine.models import ProcessInstance, Timer
from tests.builders.declarations import a_declaration
from tests.builders.flow import do, drain, open_items
from tests.builders.golden_case import CLOSES, RETURN

Clock = Callable[[datetime], None]
Clients = Callable[..., Any]
# Returned on Wednesday 2 December, after the plan's deadline: five working days end on the 9th.
RETURNED = datetime(2026, 12, 2, 10, tzinfo=ZONE)
LAST = datetime(2026, 12, 9, 23, 59, 59, tzinfo=ZONE)


def a_returned_one(at: Clock) -> Declaration:
    declaration = a_declaration()
    at(RETURNED)
    do(("declaration", declaration.id), "vet_declaration", RETURN)
    return declaration


def status(declaration: Declaration) -> str:
    with transaction(write=False):
        return queries.get_declaration(declaration.id).status


def test_it_is_given_up_when_its_days_for_mending_are_over(
    app: Flask, at: Clock, client_for: Clients
) -> None:
    declaration = a_returned_one(at)
    at(LAST)
    drain()
    assert status(declaration) == Status.RETURNED
    at(LAST + timedelta(seconds=1))
    drain()
    assert status(declaration) == Status.GIVEN_UP
    with transaction(write=False):
        assert open_items(("declaration", declaration.id)) == []
        told = select(Notification.text).where(Notification.person_id == declaration.person_id)
        assert (
            "未在补正期限（2026-12-09 23:59）内重新提交，视为放弃"
            in db.session.scalars(told.order_by(Notification.id.desc())).first()
        )
        noted = select(AuditEvent).where(AuditEvent.tag == "declaration:given_up")
        assert db.session.scalars(noted).one().subject_id == declaration.id
    page = client_for(declaration.person).get(f"/declarations/{declaration.id}")
    assert "视为放弃" in page.text
    assert "已放弃" in client_for(declaration.person).get("/declarations").text


def test_the_return_says_until_when_it_can_be_mended(app: Flask, at: Clock) -> None:
    declaration = a_returned_one(at)
    with transaction(write=False):
        told = select(Notification.text).where(Notification.person_id == declaration.person_id)
        text = db.session.scalars(told.order_by(Notification.id.desc())).first()
    assert "请在 2026-12-09 23:59 前修改并重新提交，逾期视为放弃" in text


def test_the_list_and_the_pages_say_until_when_it_can_be_mended(
    app: Flask, at: Clock, client_for: Clients
) -> None:
    declaration = a_returned_one(at)
    client = client_for(declaration.person)
    assert "在 2026-12-09 23:59 前修改并重新提交" in client.get("/declarations").text
    page = client.get(f"/declarations/{declaration.id}/fill/basics").text
    assert "补正截止 2026-12-09 23:59" in page


def test_one_that_was_mended_in_time_goes_on(app: Flask, at: Clock) -> None:
    declaration = a_returned_one(at)
    at(LAST - timedelta(minutes=1))
    do(("declaration", declaration.id), "fill_declaration")
    at(LAST + timedelta(days=30))
    drain()
    assert status(declaration) == Status.IN_REVIEW


def test_a_draft_that_was_never_sent_is_closed_with_its_plan(
    app: Flask, at: Clock, client_for: Clients
) -> None:
    declaration = a_declaration(at="fill_declaration")
    at(CLOSES)
    drain()
    assert status(declaration) == Status.DRAFT
    at(CLOSES + timedelta(seconds=1))
    drain()
    assert status(declaration) == Status.GIVEN_UP
    with transaction(write=False):
        assert open_items(("declaration", declaration.id)) == []
        assert check_all() == []
    browser = client_for(declaration.person)
    page = f"/declarations/{declaration.id}"
    assert browser.get(f"{page}/fill/basics").status_code == 303
    assert (
        browser.post(f"{page}/autosave", {"name": "birth_place", "value": "甲"}).status_code == 409
    )
    shown = browser.get(page).text
    assert "未提交（已截止）" in shown
    assert f"未在申报截止时间（{CLOSES:%Y-%m-%d %H:%M}）前提交" in shown
    assert "可直接导入新的申报" in shown
    assert "填报</a>" not in shown
    listed = browser.get("/declarations").text
    assert "未提交（已截止）" in listed
    assert "填报</a>" not in listed
    assert "申报填报" not in browser.get("/tasks").text


def test_a_draft_lives_on_when_its_plan_is_extended(app: Flask, at: Clock) -> None:
    declaration = a_declaration(at="fill_declaration")
    later = CLOSES + timedelta(days=7)
    with transaction():
        queries.get_declaration(declaration.id).plan.closes_at = later
    at(CLOSES + timedelta(seconds=1))
    drain()
    assert status(declaration) == Status.DRAFT
    do(("declaration", declaration.id), "fill_declaration")
    assert status(declaration) == Status.IN_REVIEW


def test_a_deadline_that_was_put_off_is_kept_to(app: Flask, at: Clock) -> None:
    declaration = a_returned_one(at)
    later = LAST + timedelta(days=10)
    with transaction():
        queries.get_declaration(declaration.id).plan.closes_at = later
    at(LAST + timedelta(days=1))
    drain()
    assert status(declaration) == Status.RETURNED
    with transaction(write=False):
        assert [i.node for i in open_items(("declaration", declaration.id))] == [
            "fill_declaration"
        ]
    at(later + timedelta(seconds=1))
    drain()
    assert status(declaration) == Status.GIVEN_UP


def moved(declaration: Declaration, until: datetime) -> int:
    """Move the timer of a declaration; the id of its instance."""
    of_it = select(Timer).join(ProcessInstance, ProcessInstance.id == Timer.instance_id)
    named = of_it.where(
        ProcessInstance.business_type == "declaration",
        ProcessInstance.business_id == declaration.id,
    )
    with transaction():
        timer = db.session.scalars(named).one()
        deadlines.move_timer(timer.id, until, reason="住院", actor_id=None, now=now())
        return timer.instance_id


def test_who_is_given_more_days_mends_until_then(
    app: Flask, at: Clock, client_for: Clients
) -> None:
    declaration = a_returned_one(at)
    until = datetime(2026, 12, 18, 17, 30, tzinfo=ZONE)
    with pytest.raises(Invalid, match="不能早于规定的 2026-12-09 23:59"):
        moved(declaration, LAST - timedelta(days=3))
    moved(declaration, until)
    browser = client_for(declaration.person)
    assert "在 2026-12-18 17:30 前修改并重新提交" in browser.get("/declarations").text
    page = browser.get(f"/declarations/{declaration.id}/fill/basics").text
    assert "补正截止 2026-12-18 17:30" in page
    with transaction(write=False):
        told = select(Notification.text).where(Notification.person_id == declaration.person_id)
        text = db.session.scalars(told.order_by(Notification.id.desc())).first()
        assert "您的补正期限改为 2026-12-18 17:30" in str(text)
        noted = select(AuditEvent).where(AuditEvent.tag == "declaration:mending_prolonged")
        assert db.session.scalars(noted).one().subject_id == declaration.id
    at(until - timedelta(minutes=1))
    drain()
    assert status(declaration) == Status.RETURNED
    do(("declaration", declaration.id), "fill_declaration")
    said = take_back(client_for(declaration.person), declaration)
    assert f"须在 {until:%Y-%m-%d %H:%M} 前" in said
    at(until + timedelta(seconds=1))
    drain()
    assert status(declaration) == Status.GIVEN_UP


def test_the_days_of_a_draft_are_those_of_its_plan(app: Flask, at: Clock) -> None:
    declaration = a_declaration(at="fill_declaration")
    with pytest.raises(Conflict, match="由评审计划决定"):
        moved(declaration, CLOSES + timedelta(days=3))


def test_who_gave_up_may_declare_again(app: Flask, at: Clock) -> None:
    declaration = a_returned_one(at)
    at(LAST + timedelta(seconds=1))
    drain()
    with transaction():
        found = queries.get_declaration(declaration.id)
        reasons = operations.reasons_not_to_start(found.person, found.plan, now=now())
    assert not any("本年度已有申报" in reason for reason in reasons)


def take_back(browser: Any, declaration: Declaration) -> str:
    """Take a declaration back on its page; what the page said before."""
    page = f"/declarations/{declaration.id}"
    said = str(browser.get(page).text)
    assert browser.post(f"{page}/withdraw").status_code == 303
    return said


def test_one_taken_back_in_time_is_given_up_when_the_window_closes(
    app: Flask, at: Clock, client_for: Clients
) -> None:
    declaration = a_declaration()
    browser = client_for(declaration.person)
    said = take_back(browser, declaration)
    assert f"须在 {CLOSES:%Y-%m-%d %H:%M} 前重新提交，逾期视为放弃" in said
    at(CLOSES)
    drain()
    assert status(declaration) == Status.DRAFT
    at(CLOSES + timedelta(seconds=1))
    drain()
    assert status(declaration) == Status.GIVEN_UP
    # Nobody stays signed in that long.
    page = client_for(declaration.person).get(f"/declarations/{declaration.id}").text
    assert f"未在撤回后的提交期限（{CLOSES:%Y-%m-%d %H:%M}）内重新提交，视为放弃" in page


def test_who_takes_it_back_too_late_is_told_what_it_costs(
    app: Flask, at: Clock, client_for: Clients
) -> None:
    declaration = a_declaration()
    at(CLOSES + timedelta(hours=1))
    browser = client_for(declaration.person)
    said = take_back(browser, declaration)
    assert "撤回后不能再提交，本次申报视为放弃" in said
    drain()
    assert status(declaration) == Status.GIVEN_UP
    with transaction(write=False):
        assert queries.unsettled_at(declaration.unit_id) == 0


def test_one_taken_back_and_sent_again_goes_on(app: Flask, at: Clock, client_for: Clients) -> None:
    declaration = a_declaration()
    take_back(client_for(declaration.person), declaration)
    do(("declaration", declaration.id), "fill_declaration")
    at(CLOSES + timedelta(days=30))
    drain()
    assert status(declaration) == Status.IN_REVIEW


def test_a_mended_one_taken_back_keeps_its_days_for_mending(
    app: Flask, at: Clock, client_for: Clients
) -> None:
    declaration = a_returned_one(at)
    do(("declaration", declaration.id), "fill_declaration")
    said = take_back(client_for(declaration.person), declaration)
    assert f"须在 {LAST:%Y-%m-%d %H:%M} 前重新提交" in said
    at(LAST + timedelta(seconds=1))
    drain()
    assert status(declaration) == Status.GIVEN_UP
