"""工作交接: who leaves names who takes over, and nothing that waits is left to nobody."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from threading import Event
from time import sleep
from typing import Any

import pytest
from flask import Flask

from app.accounts.grants import lock_roles_of
from app.accounts.models import Person, RoleGrant
from app.accounts.queries import people_with_role
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid
from app.core.instants import end_of
from app.core.invariants import check_all
from app.engine import care
from app.engine.handlers import Scope
from app.engine.models import StepLog, WorkItem
from app.units import handover
from app.units.models import Employment, Unit
from app.units.process import BINDING
from tests.builders.flow import open_items
from tests.builders.locks import locks_on
from tests.builders.people import a_person, a_unit, employ, staff
from tests.builders.threads import WAIT, together, together_inside
from tests.conftest import START

APPLICANT = [("applicant", "all", None)]


@dataclass
class Case:
    """A unit with its administrator, clerk and leader, and a task that waits for the clerk."""

    unit: Unit
    admin: Person
    clerk: Person
    leader: Person
    applicant: Person


@pytest.fixture
def case(app: Flask, client_for: Any) -> Case:
    with transaction():
        unit = a_unit("云桥区青禾小学")
        made = Case(
            unit,
            a_person("敖正言", roles=[("unit_admin", "org", unit.id)]),
            staff(unit, "unit_clerk"),
            staff(unit, "unit_leader"),
            a_person("苏晓禾", roles=APPLICANT),
        )
    client_for(made.applicant).post("/binding", {"unit_id": unit.id})
    return made


def the_task() -> WorkItem:
    with transaction(write=False):
        return open_items((BINDING, db.session.query(Employment).one().id))[0]


def another(case: Case, *roles: str) -> Person:
    with transaction():
        return a_person("卜文", roles=[(role, "org", case.unit.id) for role in roles])


def test_the_last_clerk_leaves_only_to_a_successor(case: Case, client_for: Any) -> None:
    browser, url = client_for(case.admin), f"/staff/{case.clerk.id}/end"
    page = browser.get(url).text
    assert ("1 项" in page, "苏晓禾 申请绑定" in page, "敖正言" in page) == (True, True, True)
    assert "单位领导不能接任单位经办人" in page
    refused = browser.post(url)
    assert (refused.status_code, "本单位没有其他单位经办人" in refused.text) == (422, True)
    apart = browser.post(url, {"successor": case.leader.id})
    assert (apart.status_code, "不能接任单位经办人" in apart.text) == (422, True)
    for foreign in (case.applicant.id, case.clerk.id):
        assert "请选择本单位的其他工作人员" in browser.post(url, {"successor": foreign}).text
    assert browser.post(url, {"successor": 999999}).status_code == 422
    assert browser.post(url, {"successor": case.admin.id}).status_code == 303
    with transaction(write=False):
        holding = people_with_role("unit_clerk", "org", case.unit.id, now())
        assert [p.id for p in holding] == [case.admin.id]
        event = db.session.query(AuditEvent).filter_by(tag="unit:handed_over").one()
        assert event.data["successor"] == case.admin.id
        assert event.data["tasks"] == [the_number()]
        assert check_all() == []
    task = f"/tasks/{the_task().id}"
    assert client_for(case.clerk).get(task).status_code == 403
    assert "项待办任务转由您办理" in client_for(case.admin).get("/notifications").text
    assert client_for(case.admin).post(task, {"decision": "pass"}).status_code == 303


def the_number() -> int:
    return db.session.query(WorkItem).one().id


def test_where_others_hold_the_role_no_successor_is_asked_for(case: Case, client_for: Any) -> None:
    another(case, "unit_clerk")
    browser, url = client_for(case.admin), f"/staff/{case.clerk.id}/end"
    assert "不指定，由本单位其他同角色人员办理" in browser.get(url).text
    assert browser.post(url).status_code == 303
    assert the_task().scope_kind == "org"


@pytest.mark.parametrize("named", [True, False])
def test_a_task_that_was_given_to_who_leaves_is_given_on(
    case: Case, client_for: Any, named: bool
) -> None:
    successor = another(case, "unit_clerk")
    with transaction():
        item = db.session.get_one(WorkItem, the_task_id())
        to = Scope("person", case.clerk.id)
        care.reassign(item, to, reason="专人办理", actor_id=None, now=now())
    form = {"successor": successor.id} if named else {}
    assert client_for(case.admin).post(f"/staff/{case.clerk.id}/end", form).status_code == 303
    item = the_task()
    assert item.assignee_id == (successor.id if named else None)
    assert (item.scope_kind, item.scope_id) == (
        ("person", successor.id) if named else ("org", case.unit.id)
    )
    task = f"/tasks/{item.id}"
    assert client_for(successor).post(task, {"decision": "pass"}).status_code == 303
    with transaction(write=False):
        told = [s.note for s in db.session.query(StepLog).filter_by(name="工作交接")]
        assert len(told) == 1


def test_nobody_is_named_who_would_take_nothing_over(case: Case, client_for: Any) -> None:
    second = another(case, "unit_clerk")
    browser, url = client_for(case.admin), f"/staff/{case.clerk.id}/end"
    page = browser.get(url).text
    assert ("待办任务</dt><dd>1 项" in squeezed(page), "不是单位经办人" in page) == (True, True)
    assert "仍由本单位其他同角色人员办理的任务" in page
    for nobody in (case.leader, case.admin):
        answer = browser.post(url, {"successor": nobody.id})
        assert (answer.status_code, "不能接办" in answer.text) == (422, True)
    assert browser.post(url, {"successor": second.id}).status_code == 303
    told = client_for(second).get("/notifications").text
    assert "由您接续单位经办人的工作；0 项待办任务转由您办理；本单位共同的待办任务 1 项" in told


def squeezed(page: str) -> str:
    return re.sub(r">\s+<", "><", re.sub(r"<(dt|dd)[^>]*>", r"<\1>", page))


def test_who_holds_no_role_any_more_is_told_so_at_home(case: Case, client_for: Any) -> None:
    another(case, "unit_clerk")
    assert "您的角色" not in client_for(case.clerk).get("/home").text
    client_for(case.admin).post(f"/staff/{case.clerk.id}/end")
    page = client_for(case.clerk).get("/home").text
    assert ("您的角色" in page, "云桥区青禾小学　单位经办人" in page) == (True, True)


def test_a_role_whose_term_is_over_ended_on_its_last_day(
    case: Case, client_for: Any, at: Any
) -> None:
    with transaction():
        grant = db.session.query(RoleGrant).filter_by(person_id=case.clerk.id).one()
        grant.valid_to = end_of(date(2026, 12, 1))
    at(START + timedelta(days=30))
    assert "2026-12-01</span> 终止" in client_for(case.clerk).get("/home").text


def the_task_id() -> int:
    return open_items((BINDING, db.session.query(Employment).one().id))[0].id


def test_nobody_takes_over_the_case_about_themself(case: Case, client_for: Any) -> None:
    with transaction():
        db.session.get_one(WorkItem, the_task_id()).about_id = case.admin.id
    url = f"/staff/{case.clerk.id}/end"
    answer = client_for(case.admin).post(url, {"successor": case.admin.id})
    assert (answer.status_code, "当事人" in answer.text) == (422, True)


def test_a_leader_of_a_unit_without_that_step_needs_no_successor(
    case: Case, client_for: Any
) -> None:
    with transaction():
        db.session.get_one(Unit, case.unit.id).has_leader = False
    assert client_for(case.admin).post(f"/staff/{case.leader.id}/end").status_code == 303


def test_only_the_units_administrator_ends_roles(case: Case, client_for: Any) -> None:
    with transaction():
        other = a_unit("云桥区第二小学")
        stranger = a_person("他校管理员", roles=[("unit_admin", "org", other.id)])
    url = f"/staff/{case.clerk.id}/end"
    for way in ("get", "post"):
        assert getattr(client_for(stranger), way)(url).status_code == 404
        assert getattr(client_for(case.clerk), way)(url).status_code == 403
        assert getattr(client_for(case.admin), way)("/staff/999999/end").status_code == 404
    assert client_for(case.admin).post(f"/staff/{case.admin.id}/end").status_code == 409


def test_two_clerks_who_leave_at_once_do_not_rely_on_each_other(case: Case, app: Flask) -> None:
    leavers = [case.clerk.id, another(case, "unit_clerk").id]
    unit_id, actor_id = case.unit.id, case.admin.id

    def end(leaver: int) -> None:
        unit, actor = db.session.get_one(Unit, unit_id), db.session.get_one(Person, actor_id)
        person = db.session.get_one(Person, leaver)
        handover.end_staff(unit, person, None, actor=actor, now=now())

    failures = together_inside(app, lambda: end(leavers[0]), lambda: end(leavers[1]))
    assert [type(each) for each in failures if each] == [Invalid]
    with transaction(write=False):
        assert len(people_with_role("unit_clerk", "org", unit_id, now())) == 1


def test_a_unit_that_somebody_leaves_can_still_be_joined(case: Case, app: Flask) -> None:
    """What refers to the unit passes: who holds a leaver and enters people is not waited for."""
    another(case, "unit_clerk")
    unit_id, leaver, joiner = case.unit.id, case.clerk.id, case.applicant.id
    actor_id, held = case.admin.id, Event()

    def join() -> None:
        with transaction():
            lock_roles_of(leaver)
            held.set()
            sleep(0.5)
            employ(db.session.get_one(Person, joiner), db.session.get_one(Unit, unit_id))

    def leave() -> None:
        held.wait(WAIT)
        with transaction(), locks_on("unit") as locks:
            people = [db.session.get_one(Person, each) for each in (leaver, actor_id)]
            unit = db.session.get_one(Unit, unit_id)
            handover.end_staff(unit, people[0], None, actor=people[1], now=now())
        assert locks == ["NO KEY UPDATE"]

    assert together(app, join, leave) == [None, None]
