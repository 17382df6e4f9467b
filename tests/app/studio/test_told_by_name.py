"""What process admins read of failures and of tasks that others have moved: names, never ids."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db, transaction
from app.engine import definitions, incidents
from app.engine.incidents import StepFailed
from app.engine.models import Incident, ProcessInstance, WorkItem
from tests.app.inbox.conftest import Desk
from tests.builders.people import a_person


def failed(desk: Desk, node: str = "vet_binding") -> int:
    with transaction():
        instance = db.session.scalars(sa.select(ProcessInstance)).one()
        error = StepFailed(LookupError("编号规则缺失"), incidents.place_of(instance), node=node)
        return incidents.record(error, now()).id


def moved_on() -> int:
    """Move the instance to a version that calls its task otherwise; returns its number."""
    with transaction():
        instance = db.session.scalars(sa.select(ProcessInstance)).one()
        bundle = definitions.bundle_of(instance)
        renamed = {
            name: text.replace('name="人员注册审核"', 'name="核对注册"').encode()
            for name, text in bundle.files.items()
        }
        newer = definitions.publish_version(
            "unit_binding", "", renamed, bundle.forms, actor_id=None, now=now()
        )
        instance.version_id = newer.id
        return instance.id


def test_an_incident_keeps_the_name_of_its_step_after_a_migration(
    browser: Any, desk: Desk
) -> None:
    number = failed(desk)
    instance = moved_on()
    assert "人员注册审核" in browser.get(f"/studio/incidents/{number}").text
    assert "环节“人员注册审核”出现异常" in browser.get(f"/studio/instances/{instance}").text


def test_the_command_tells_incidents_by_their_names(app: Flask, desk: Desk) -> None:
    number = failed(desk)
    result = app.test_cli_runner().invoke(args=["incidents"])
    line = result.output.splitlines()[0]
    assert line.startswith(f"{number}\t")
    for words in (
        "苏晓禾 申请绑定",
        "人员注册审核，第 1 版",
        "环节“人员注册审核”",
        "编号规则缺失",
    ):
        assert words in line
    assert "vet_binding" not in line
    assert "unit_binding" not in line


@pytest.mark.parametrize("is_open", [True, False])
def test_a_process_that_ended_as_failed_says_why_and_leads_to_its_incident(
    browser: Any, desk: Desk, *, is_open: bool
) -> None:
    number = failed(desk)
    with transaction():
        instance = db.session.scalars(sa.select(ProcessInstance)).one()
        instance.status, instance.ended_at, url = "failed", now(), instance.id
        if not is_open:
            incident = db.session.get_one(Incident, number)
            incident.status, incident.resolved_at = "resolved", now()
    page = browser.get(f"/studio/instances/{url}").text
    assert "流程已出错结束，停在“人员注册审核”：编号规则缺失" in page
    assert page.count(f'href="/studio/incidents/{number}"') == 1
    assert "停在原处" not in page


def test_receivers_are_told_apart_by_what_they_are_at_each_place(browser: Any, desk: Desk) -> None:
    with transaction():
        own = db.session.get_one(WorkItem, desk.items[0]).scope_id
        roles = [("unit_clerk", "org", own), ("unit_admin", "org", own)]
        a_person("卜文", roles=[*roles, ("expert", "all", None)])
    page = browser.get(f"/studio/tasks/{desk.items[0]}?q=卜文").text
    assert "云桥区青禾小学：单位经办人、单位管理员；评审专家" in page


@pytest.fixture
def given(desk: Desk, browser: Any) -> tuple[str, dict[str, str]]:
    """The address of a task and the form of a page that was opened before somebody moved it."""
    with transaction():
        item = db.session.get_one(WorkItem, desk.items[0])
        own = item.scope_id
        receiver = a_person("卜文", roles=[("unit_clerk", "org", own)])
        other = a_person("袁野", roles=[("unit_clerk", "org", own)])
    url = f"/studio/tasks/{desk.items[0]}"
    assert f'name="seen" value="org:{own}"' in browser.get(url).text
    form = {"to": f"person:{receiver.id}", "reason": "经办人出差", "seen": f"org:{own}"}
    assert browser.post(url, form).status_code == 303
    return url, {**form, "to": f"person:{other.id}"}


def test_who_gives_a_task_away_after_somebody_else_is_told_who_has_it(
    given: tuple[str, dict[str, str]], client_for: Callable[..., Any]
) -> None:
    url, form = given
    with transaction():
        second: Person = a_person("方以智", roles=[("process_admin", "all", None)])
    browser = client_for(second)
    answer = browser.post(url, form)
    assert answer.status_code == 409
    assert "任务刚刚已转给卜文，请核对后再决定" in answer.text
    assert "经办人出差</textarea>" in answer.text
    # Having read that, they may.
    seen = answer.text.split('name="seen" value="')[1].split('"')[0]
    assert seen.startswith("person:")
    assert browser.post(url, {**form, "seen": seen}).status_code == 303


def test_a_task_that_was_given_away_long_ago_tells_when(
    given: tuple[str, dict[str, str]], client_for: Callable[..., Any], at: Callable[..., None]
) -> None:
    url, form = given
    with transaction(write=False):
        moment = now()
    at(moment + timedelta(hours=2))
    said = f"任务已于 {moment:%Y-%m-%d %H:%M} 转给卜文"
    with transaction():
        second: Person = a_person("方以智", roles=[("process_admin", "all", None)])
    assert said in client_for(second).post(url, form).text
