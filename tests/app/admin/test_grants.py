"""Roles: one administrator proposes, another confirms; nobody is judge in their own case."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.accounts.grants import ADMINISTRATORS, EVERYWHERE
from app.accounts.models import GrantRequest, Notification, Person, RoleGrant
from app.accounts.operations import grant_role
from app.accounts.queries import live_grants
from app.admin.words import CONDITIONS, VERBS, action_word, area_of
from app.core.clock import now
from app.core.db import db, transaction
from app.core.permissions import ACTIONS, ROLES, STAFF
from tests.builders.locks import locks_on
from tests.builders.people import a_person, a_unit
from tests.builders.refusals import is_told_in_place
from tests.builders.review import a_meeting_called
from tests.builders.statements import statements_sent
from tests.conftest import START, Browser

FORM = {"role": "unit_admin", "unit": "青禾小学", "until": "2027-11-30", "reason": "学校来函"}


@pytest.fixture
def person(app: Flask) -> Person:
    with transaction():
        a_unit("青禾小学")
        return a_person("卜文")


def roles_of(person: Person) -> set[str]:
    with transaction(write=False):
        return {grant.role for grant in live_grants(person.id, now())}


def propose(security: Browser, person: Person, **change: str) -> Any:
    return security.post(f"/admin/grants/people/{person.id}", {**FORM, **change})


def last_request() -> GrantRequest:
    with transaction(write=False):
        return db.session.query(GrantRequest).order_by(GrantRequest.id.desc()).first()


def decide(system: Browser, decision: str, opinion: str = "") -> Any:
    url = f"/admin/grants/requests/{last_request().id}"
    return system.post(url, {"decision": decision, "opinion": opinion})


def test_a_role_counts_once_another_administrator_confirmed_it(
    security: Browser, system: Browser, person: Person, client_for: Any
) -> None:
    assert propose(security, person).status_code == 303
    assert roles_of(person) == set()
    assert "学校来函" in system.get("/admin/grants/requests").text
    assert decide(system, "confirm").status_code == 303
    assert roles_of(person) == {"unit_admin"}
    browser = client_for(person)
    assert browser.get("/staff").status_code == 200
    assert "您已获得角色：单位管理员（青禾小学）" in browser.get("/notifications").text
    page = security.get("/admin/grants?q=卜文").text
    assert "阚双全" in page
    assert "庾一鸣" in page


def test_a_unit_at_which_a_role_is_confirmed_can_still_be_joined(
    security: Browser, system: Browser, person: Person
) -> None:
    propose(security, person)
    with locks_on("unit") as locks:
        decide(system, "confirm")
    assert locks == ["NO KEY UPDATE"]


def test_a_refusal_says_why_and_gives_nothing(
    security: Browser, system: Browser, person: Person
) -> None:
    propose(security, person)
    assert decide(system, "refuse").status_code == 422
    assert decide(system, "refuse", "没有来函").status_code == 303
    assert roles_of(person) == set()
    assert decide(system, "confirm").status_code == 409
    assert "没有来函" in security.get("/notifications").text


def test_a_term_ends_with_its_last_day(
    security: Browser, system: Browser, person: Person, at: Any
) -> None:
    propose(security, person, until="2026-11-30")
    decide(system, "confirm")
    assert "2026-11-30" in security.get("/admin/grants?state=expiring").text
    at(START.replace(day=30, hour=23))
    assert roles_of(person) == {"unit_admin"}
    at(START.replace(month=12, day=1, hour=0))
    assert roles_of(person) == set()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"role": ""}, "请选择角色"),
        ({"unit": ""}, "须指定单位"),
        ({"unit": "不存在"}, "没有名称含"),
        ({"role": "expert"}, "请清空单位"),
        ({"reason": " "}, "请填写授权理由"),
        ({"until": "2026-11-01"}, "截止日期应晚于今天"),
        ({"role": "group_leader"}, "Not a valid choice"),
    ],
)
def test_what_does_not_hold_is_said_at_its_field(
    security: Browser, person: Person, change: dict[str, str], words: str
) -> None:
    answer = propose(security, person, **change)
    assert answer.status_code == 422
    assert words in answer.text or "不是有效的选择" in answer.text


def test_a_unit_told_by_a_part_of_its_name_is_shown_before_it_counts(
    security: Browser, person: Person
) -> None:
    page = propose(security, person, unit="青禾")
    assert page.status_code == 422
    assert "按“青禾”已找到并填入青禾小学，请核对后再提交" in page.text
    assert 'value="青禾小学"' in page.text
    assert last_request() is None
    done = propose(security, person)
    assert done.status_code == 303
    told = security.get(done.location).text
    assert "已提出授权：卜文的单位管理员（青禾小学），等待系统管理员复核" in told


def test_a_long_list_to_confirm_asks_no_more_of_the_database(
    security: Browser, system: Browser, person: Person
) -> None:
    propose(security, person)
    system.get("/admin/grants/requests")
    with statements_sent() as few:
        system.get("/admin/grants/requests")
    with transaction():
        others = [a_person(f"卜{sign}") for sign in "一二三四五"]
    for other in others:
        propose(security, other)
    with statements_sent() as many:
        page = system.get("/admin/grants/requests").text
    assert page.count("卜") > 5
    assert len(many) == len(few)


def test_the_same_role_is_asked_for_once(
    security: Browser, system: Browser, person: Person
) -> None:
    propose(security, person)
    assert "等待复核" in propose(security, person).text
    decide(system, "confirm")
    assert "此人已有该角色" in propose(security, person).text


def test_nobody_is_two_of_the_three_administrators(security: Browser, person: Person) -> None:
    assert propose(security, person, role="audit_admin", unit="").status_code == 303
    answer = propose(security, person, role="system_admin", unit="")
    assert (answer.status_code, "不能由同一人兼任" in answer.text) == (422, True)


def test_nobody_gives_themself_a_role(security: Browser, person: Person) -> None:
    with transaction(write=False):
        me = db.session.query(Person).filter_by(name="阚双全").one()
    answer = propose(security, me)
    assert (answer.status_code, "不能给本人授权" in answer.text) == (422, True)
    assert "不能给本人授权" in security.get(f"/admin/grants/people/{me.id}").text


def test_nobody_confirms_their_own_role(
    app: Flask, security: Browser, system: Browser, person: Person
) -> None:
    with transaction(write=False):
        me = db.session.query(Person).filter_by(name="庾一鸣").one()
    propose(security, me, role="expert", unit="")
    assert decide(system, "confirm").status_code == 403


def test_to_propose_and_to_confirm_are_two_offices(
    security: Browser, system: Browser, auditor: Browser, person: Person
) -> None:
    assert propose(system, person).status_code == 403
    propose(security, person)
    assert decide(security, "confirm").status_code == 403
    assert decide(auditor, "confirm").status_code == 403


def test_a_role_is_taken_at_once_with_a_reason(
    security: Browser, system: Browser, person: Person
) -> None:
    propose(security, person)
    decide(system, "confirm")
    with transaction(write=False):
        grant_id = db.session.query(RoleGrant.id).filter_by(person_id=person.id).scalar()
    refused = security.post(f"/admin/grants/{grant_id}/end")
    assert is_told_in_place(refused, "请填写终止理由", "凭现有角色可以办理")
    assert security.post(f"/admin/grants/{grant_id}/end", {"reason": "调离"}).status_code == 303
    assert roles_of(person) == set()
    with transaction(write=False):
        told = db.session.query(Notification.text).filter_by(person_id=person.id)
        assert [text for (text,) in told if "终止" in text] == [
            "您的角色单位管理员（青禾小学）已由安全管理员终止：调离"
        ]
    assert security.post(f"/admin/grants/{grant_id}/end", {"reason": "调离"}).status_code == 409


def test_a_refusal_without_an_opinion_is_told_at_its_field(
    security: Browser, system: Browser, person: Person
) -> None:
    propose(security, person)
    answer = decide(system, "refuse", "  ")
    assert is_told_in_place(answer, "不同意时请填写意见", 'value="  "', "autofocus")
    assert last_request().status == "waiting"


def test_the_list_under_a_refused_form_is_turned_over_on_its_own_page(
    security: Browser, system: Browser, person: Person
) -> None:
    for number in range(21):
        with transaction():
            unit = a_unit(f"第{number}小学")
        propose(security, person, unit=unit.name)
    url = f"/admin/grants/requests/{last_request().id}?page=1"
    answer = system.post(url, {"decision": "refuse", "opinion": ""})
    assert answer.status_code == 422
    assert 'href="/admin/grants/requests?page=2"' in answer.text
    assert f"{last_request().id}?page=2" not in answer.text
    assert system.get("/admin/grants/requests?page=2").status_code == 200


def test_the_last_administrator_stays(security: Browser, system: Browser) -> None:
    with transaction(write=False):
        grant_id = db.session.query(RoleGrant.id).filter_by(role="system_admin").scalar()
    answer = security.post(f"/admin/grants/{grant_id}/end", {"reason": "试试"})
    assert (answer.status_code, "至少保留一名" in answer.text) == (409, True)


def test_the_page_of_permissions_is_the_table_itself(security: Browser) -> None:
    page = security.get("/admin/permissions").text
    assert [name for name in ACTIONS if f'title="{name}"' not in page] == []
    only = security.get("/admin/permissions?role=audit_admin").text
    assert "audit.read" in only
    assert "unit.manage" not in only
    found = security.get("/admin/permissions?q=附件").text
    assert ('title="file.read"' in found, 'title="plan.create"' in found) == (True, False)


def test_the_page_of_a_person_says_what_their_roles_allow(app: Flask, security: Browser) -> None:
    with transaction():
        clerk = a_person("邬小棠", roles=[("unit_clerk", "org", a_unit("青禾小学").id)])
    page = security.get(f"/admin/grants/people/{clerk.id}").text
    assert "portfolio.vet" in page
    assert "plan.create" not in page
    assert "单位经办人" in page


def test_where_a_role_is_held_is_called_by_its_name(system: Browser, security: Browser) -> None:
    with transaction():
        held = a_meeting_called(members=3, cases=1, groups=1)
        expert_id, name = held.member_ids[0], held.meeting.name
        scope = {"scope_kind": "meeting", "scope_id": held.id}
        expert = db.session.get_one(Person, expert_id)
        grant_role(expert, "expert", **scope, actor_id=None, now=now())
    pages = (
        security.get(f"/admin/grants/people/{expert_id}").text,
        system.get(f"/admin/accounts/{expert_id}").text,
    )
    assert [name in page for page in pages] == [True, True]


def test_every_action_and_condition_has_a_name() -> None:
    unnamed = {a for a in ACTIONS if a.split(".")[1] not in VERBS or area_of(a) == a.split(".")[0]}
    assert unnamed == set()
    assert {a.predicate for a in ACTIONS.values() if a.predicate} - set(CONDITIONS) == set()
    assert action_word("plan.manage") == "管理"


def test_the_three_administrators_share_no_action() -> None:
    shared = {name for name, action in ACTIONS.items() if len(action.roles & ADMINISTRATORS) > 1}
    assert shared == set()
    for role in ADMINISTRATORS:
        own = {name for name, action in ACTIONS.items() if role in action.roles}
        # What the public reads is published by offices for their place, or for all by this one.
        own -= {"article.manage", "article.edit"}
        # The pages of imports are one for all; what each office imports is a line of its own.
        own -= {"import.list", "import.start", "import.view", "import.act"}
        assert own
        assert all(ACTIONS[name].roles == {role} for name in own)


def test_every_role_can_be_given_here_or_by_a_meeting() -> None:
    of_a_meeting = {"main_reviewer", "deputy_reviewer", "group_leader", "director"}
    assert {*STAFF, *EVERYWHERE} | of_a_meeting == set(ROLES)


def test_a_term_that_ended_while_it_waited_is_not_given(
    app: Flask, security: Browser, client_for: Any, person: Person, at: Any
) -> None:
    propose(security, person, until="2026-11-24")
    at(START + timedelta(days=2))
    with transaction():
        other = a_person("庾一鸣", roles=[("system_admin", "all", None)])
    answer = decide(client_for(other), "confirm")
    assert (answer.status_code, "期限已过" in answer.text) == (409, True)


def test_all_that_is_wrong_is_told_in_one_round(security: Browser, person: Person) -> None:
    page = propose(security, person, role="unit_admin", unit="", reason="").text
    assert ("该角色须指定单位" in page, "请填写授权理由" in page) == (True, True)
    page = propose(security, person, unit="没有的单位", reason="").text
    assert ("没有名称含" in page, "请填写授权理由" in page) == (True, True)


def test_what_waits_is_taken_back_by_security_until_it_is_decided(
    security: Browser, system: Browser, person: Person, client_for: Any
) -> None:
    propose(security, person, role="audit_admin", unit="")
    url = f"/admin/grants/requests/{last_request().id}/withdraw"
    assert url in security.get(f"/admin/grants/people/{person.id}").text
    assert system.post(url).status_code == 403
    assert security.post(url).status_code == 303
    assert last_request().status == "withdrawn"
    assert url not in security.get(f"/admin/grants/people/{person.id}").text
    assert security.post(url).status_code == 409
    assert decide(system, "confirm").status_code == 409
    assert "已撤回" in system.get("/admin/grants/requests?status=withdrawn").text
    assert propose(security, person, role="system_admin", unit="").status_code == 303
    assert security.post("/admin/grants/requests/999/withdraw").status_code == 404


def test_the_proposer_is_told_who_took_it_back_and_nobody_takes_back_their_own(
    security: Browser, person: Person, client_for: Any
) -> None:
    with transaction():
        other = a_person("阚三全", roles=[("security_admin", "all", None)])
    propose(security, other, role="expert", unit="")
    url = f"/admin/grants/requests/{last_request().id}/withdraw"
    assert client_for(other).post(url).status_code == 403
    propose(security, person)
    url = f"/admin/grants/requests/{last_request().id}/withdraw"
    assert client_for(other).post(url).status_code == 303
    assert "已由阚三全撤回" in security.get("/notifications").text
