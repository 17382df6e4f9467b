"""Processes that could not start: whom and what their incidents name, and what they never may."""

from typing import Any

import pytest
import sqlalchemy as sa

from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import NotFound
from app.engine import handlers, incidents, runtime, walk
from app.engine.incidents import StepFailed
from app.engine.models import Incident, WorkItem
from app.units.models import Employment, Unit
from app.units.operations import request_binding
from app.units.process import BINDING
from tests.app.inbox.conftest import Desk, asked
from tests.builders.people import a_person


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let no process be found until the test undoes it."""

    def lost(_instance: Any) -> Any:
        raise NotFound("流程定义已丢失")

    monkeypatch.setattr(walk, "bundle_of", lost)
    return monkeypatch


def recorded(caught: pytest.ExceptionInfo[StepFailed]) -> Incident:
    with transaction():
        return incidents.record(caught.value, now())


def school() -> Unit:
    return db.session.scalars(sa.select(Unit).where(Unit.name == "云桥区青禾小学")).one()


def refused(name: str) -> Incident:
    """Somebody new asks for what cannot start: they, their request and its process are undone."""
    with pytest.raises(StepFailed) as caught, transaction():
        asked(school(), name)
    return recorded(caught)


def refused_of(person: Person) -> Incident:
    """Somebody known asks for what cannot start."""
    with pytest.raises(StepFailed) as caught, transaction():
        begin(bound(person), person.id)
    return recorded(caught)


def bound(person: Person) -> int:
    return request_binding(db.session.get_one(Person, person.id), school(), "", now=now()).id


def begin(number: int, actor_id: int) -> None:
    runtime.start(
        "unit_binding",
        business=(BINDING, number),
        jurisdiction="anhui",
        actor_id=actor_id,
        now=now(),
    )


def begin_and_go_on(person: Person, clerk: Person) -> None:
    number = bound(person)
    begin(number, person.id)
    waiting = sa.select(WorkItem).where(WorkItem.business_id == number, WorkItem.status == "open")
    item = db.session.scalars(waiting).one()
    runtime.complete(item, {"decision": "pass"}, actor_id=clerk.id, now=now())


def applicant(name: str) -> Person:
    with transaction():
        return a_person(name, roles=[("applicant", "all", None)])


def test_what_was_undone_with_a_failed_start_is_never_named(
    browser: Any, desk: Desk, broken: pytest.MonkeyPatch
) -> None:
    """The ids are free again: the next request takes them, and the incident must not name it."""
    incident = refused("沈未明")
    assert (incident.instance_id, incident.business_id, incident.actor_id) == (None, None, None)
    broken.undo()
    with transaction():
        asked(school(), "路过之")
    for path in ("/studio/incidents", f"/studio/incidents/{incident.id}"):
        page = browser.get(path).text
        assert "人员注册审核" in page
        assert "路过之" not in page
        assert "沈未明" not in page
    assert "新登记或未登录的人员" in page
    assert "当次新建的记录也已一并撤销" in page


def test_a_record_that_stood_before_is_named(
    browser: Any, desk: Desk, broken: pytest.MonkeyPatch
) -> None:
    person = applicant("沈未明")
    with transaction():
        number = bound(person)
    with pytest.raises(StepFailed) as caught, transaction():
        begin(number, person.id)
    incident = recorded(caught)
    assert (incident.business_id, incident.actor_id) == (number, person.id)
    assert incident.instance_id is None
    assert "启动流程：沈未明 申请绑定" in browser.get("/studio/incidents").text


def test_each_person_whose_start_failed_has_an_incident_of_their_own(
    browser: Any, desk: Desk, broken: pytest.MonkeyPatch
) -> None:
    people = [applicant("沈未明"), applicant("顾长亭")]
    found = [refused_of(person).id for person in (*people, people[0])]
    assert found[0] == found[2] != found[1]
    page = browser.get("/studio/incidents").text
    for person in people:
        assert f"启动流程（{person.name}办理）" in page
    with transaction(write=False):
        assert sorted(db.session.scalars(sa.select(Incident.times))) == [1, 2]


def test_newcomers_whose_starts_failed_are_counted(
    browser: Any, desk: Desk, broken: pytest.MonkeyPatch
) -> None:
    found = {refused(name).id for name in ("沈未明", "顾长亭", "秦晚")}
    assert len(found) == 1
    assert (
        "同一原因已发生 3 次，可能涉及多人" in browser.get(f"/studio/incidents/{found.pop()}").text
    )


def test_a_step_of_an_instance_that_is_undone_with_it_is_recorded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started and gone on with in one transaction: the incident must not refer to the instance."""
    person = applicant("沈未明")

    def failing(_step: handlers.Step, _answers: Any) -> None:
        raise LookupError("编号规则缺失")

    monkeypatch.setitem(handlers.save._functions, "vet_binding", failing)
    with pytest.raises(StepFailed) as caught, transaction():
        begin_and_go_on(person, desk.clerk)
    incident = recorded(caught)
    assert (incident.instance_id, incident.business_id) == (None, None)
    with transaction(write=False):
        assert db.session.scalar(sa.select(sa.func.count(Employment.id))) == 1
