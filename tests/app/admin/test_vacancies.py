"""空缺: a unit that loses the only holder of a role is told, and nothing waits there unseen."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.accounts.hands import LeftBehind, left_behind
from app.accounts.models import Notification, Person, RoleGrant
from app.accounts.operations import grant_role
from app.admin import ending
from app.core.clock import now
from app.core.db import db, transaction
from app.units.models import Unit
from tests.builders.people import a_person, a_unit, slip_in_role, staff
from tests.builders.statements import statements_sent
from tests.conftest import START, Browser


@dataclass
class Case:
    """A school far below an office, both administered, and a task of the school's clerk."""

    unit: Unit
    clerk: Person
    admin: Person
    above: Person


@pytest.fixture
def case(app: Flask, client_for: Any) -> Case:
    with transaction():
        office = a_unit("云桥区教育局", type_="主管部门")
        # Nobody administers the unit between them.
        between = a_unit("云桥区学区", parent=office, clerk=False, leader=False)
        unit = a_unit("云桥区青禾小学", parent=between)
        made = Case(
            unit,
            staff(unit, "unit_clerk"),
            a_person("敖正言", roles=[("unit_admin", "org", unit.id)]),
            a_person("柏小满", roles=[("unit_admin", "org", office.id)]),
        )
        applicant = a_person("苏晓禾", roles=[("applicant", "all", None)])
    client_for(applicant).post("/binding", {"unit_id": unit.id})
    return made


def end_role(security: Browser, person: Person) -> Any:
    with transaction(write=False):
        grant = db.session.query(RoleGrant).filter_by(person_id=person.id).one()
    return security.post(f"/admin/grants/{grant.id}/end", {"reason": "调离"})


def told_to(person: Person) -> list[tuple[str, str]]:
    with transaction(write=False):
        found = db.session.query(Notification.text, Notification.url)
        return [(n.text, n.url) for n in found.filter_by(person_id=person.id)]


def test_who_ends_the_only_clerks_role_sees_it_and_the_units_are_told(
    case: Case, security: Browser, client_for: Any
) -> None:
    process_admin = a_process_admin(client_for)
    page = security.get(f"/admin/grants/people/{case.clerk.id}").text
    warning = "云桥区青禾小学没有其他单位经办人，1 项待办任务将无人办理"
    assert page.count(warning) == 2  # Beside the role and in the question.
    [listed] = re.findall(r'href="(/admin/grants/\d+/tasks)"', page)
    tasks = security.get(listed).text
    # The task, and the process that is called like it.
    assert (tasks.count("<td>人员注册审核"), "11-23 09:00" in tasks) == (1, True)
    assert "或已转办给" in tasks
    assert "苏晓禾" not in tasks, "what a task is about is for who may do it"
    assert "本单位没有" not in client_for(case.admin).get("/home").text
    assert end_role(security, case.clerk).status_code == 303
    vacancy, url = "没有单位经办人，1 项待办无人办理", f"/staff?unit={case.unit.id}"
    assert told_to(case.admin) == [(f"云桥区青禾小学{vacancy}，请尽快设置", url)]
    home = client_for(case.admin).get("/home").text
    assert f"本单位{vacancy}" in home
    assert url in home
    assert told_to(case.above) == []
    health = process_admin.get("/studio/health").text
    assert "苏晓禾 申请绑定" in health.split('id="idle"')[1]
    assert "无人可办理的任务" in process_admin.get("/home").text

    assert end_role(security, case.admin).status_code == 303
    alone = "云桥区青禾小学没有单位管理员，请尽快安排人员，由安全管理员授予角色"
    assert told_to(case.above) == [(alone, "/unit/branches")]
    assert f"云桥区青禾小学{vacancy}" in client_for(case.above).get("/home").text
    with transaction():
        a_person("卜文", roles=[("unit_clerk", "org", case.unit.id)])
    assert vacancy not in client_for(case.above).get("/home").text
    idle = process_admin.get("/studio/health").text.split('id="idle"')[1].split("</section>")[0]
    assert "暂无" in idle


def a_process_admin(client_for: Any) -> Browser:
    with transaction():
        person = a_person("卜全", roles=[("process_admin", "all", None)])
    browser: Browser = client_for(person)
    return browser


def test_a_disabled_account_leaves_a_unit_without_its_clerk_as_well(
    case: Case, system: Browser
) -> None:
    account = f"/admin/accounts/{case.clerk.id}"
    assert "没有其他单位经办人，1 项待办任务将无人办理" in system.get(account).text
    assert system.post(f"{account}/lock").status_code == 303
    assert [text for text, _ in told_to(case.admin)] == [
        "云桥区青禾小学没有单位经办人，1 项待办无人办理，请尽快设置"
    ]
    page = system.get(f"/admin/units/{case.unit.id}").text
    assert "本单位没有单位经办人，1 项待办无人办理" in page


def test_what_several_roles_leave_behind_is_asked_at_once(case: Case) -> None:
    with transaction():
        clerk, unit_id = case.clerk, case.unit.id
        slip_in_role(clerk, "unit_admin", unit_id)
        grant_role(clerk, "expert", scope_kind="all", scope_id=None, actor_id=None, now=now())
        grants = db.session.query(RoleGrant).filter_by(person_id=clerk.id).all()
        db.session.flush()
        with statements_sent() as sent:
            found = left_behind(grants, now())
    told = {grant.role: found.get(grant.id) for grant in grants}
    assert told == {
        "unit_clerk": LeftBehind(1, is_last=True),
        "unit_admin": LeftBehind(0, is_last=False),
        "expert": None,
    }
    assert len(sent) == 1, sent


def test_a_term_that_runs_out_leaves_a_vacancy_that_is_told_once(
    case: Case, at: Callable[[datetime], None]
) -> None:
    with transaction():
        grant = db.session.query(RoleGrant).filter_by(person_id=case.clerk.id).one()
        grant.valid_to = now() + timedelta(hours=1)
    at(START + timedelta(hours=2))
    for _ in range(2):
        ending.warn_of_ends(START.date())
    assert [text for text, _ in told_to(case.admin) if "没有" in text] == [
        "云桥区青禾小学没有单位经办人，1 项待办无人办理，请尽快设置"
    ]
