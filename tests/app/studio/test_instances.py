"""流程实例: finding a running process, seeing where it stands, taking care of it."""

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa

from app.accounts.hands import without_hands
from app.accounts.models import Notification, Person
from app.accounts.queries import live_grants
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.engine import handlers, runtime
from app.engine.models import ProcessInstance, StepLog, Subscription, WorkItem
from app.studio import running
from app.units.models import CANCELLED, Employment
from tests.app.inbox.conftest import Desk
from tests.builders.declarations import a_declaration
from tests.builders.flow import open_items
from tests.builders.people import a_person, a_unit, staff
from tests.builders.review import a_meeting
from tests.builders.statements import statements_sent

Desks = Callable[..., Desk]


def only(table: Any) -> Any:
    with transaction(write=False):
        return db.session.scalars(sa.select(table)).one()


def ids() -> list[int]:
    with transaction(write=False):
        return list(db.session.scalars(sa.select(ProcessInstance.id).order_by(ProcessInstance.id)))


@pytest.fixture
def url(desk: Desk) -> str:
    """The page of the one instance there is."""
    return f"/studio/instances/{ids()[0]}"


def test_instances_are_found_by_record_number_process_version_and_state(
    browser: Any, desk_of: Desks
) -> None:
    desk_of("苏晓禾", "卜文")
    first, second = ids()
    with transaction(write=False):
        version = db.session.get_one(ProcessInstance, first).version_id
    page = browser.get("/studio/instances").text
    assert "苏晓禾 申请绑定" in page
    assert page.index(f"/studio/instances/{second}") < page.index(f"/studio/instances/{first}")
    assert "人员注册审核" in page
    for query in (
        "?q=苏晓禾",
        f"?q={first}",
        f"?version={version}&q=苏晓",
        "?state=running&q=晓禾",
        "?state=living&q=晓禾",
    ):
        assert f"/studio/instances/{first}" in browser.get(f"/studio/instances{query}").text
    assert f'/studio/instances/{second}"' not in browser.get("/studio/instances?q=苏晓禾").text
    for query in ("?state=cancelled", "?process=declaration", "?q=没有的人"):
        assert "没有符合条件的流程实例" in browser.get(f"/studio/instances{query}").text


def test_a_task_that_nobody_can_do_is_marked(browser: Any, desk: Desk, url: str) -> None:
    sign = 'status-danger">无人可办理'
    assert sign not in browser.get(url).text
    with transaction():
        db.session.get_one(WorkItem, desk.items[0]).excluded_id = desk.clerk.id
    page = browser.get(url).text
    assert sign in page
    assert "请点“转办”交给其他人员" in page
    with transaction():
        item = db.session.get_one(WorkItem, desk.items[0])
        item.excluded_id, item.assignee_id = None, desk.clerk.id
        item.scope_kind, item.scope_id = "person", desk.clerk.id
    assert sign not in browser.get(url).text


def test_who_can_do_tasks_is_asked_at_once_for_all(desk_of: Desks) -> None:
    desk = desk_of("苏晓禾", "卜文", "卜武", "卜全")
    with transaction():
        items = [db.session.get_one(WorkItem, each) for each in desk.items]
        items[0].excluded_id = items[1].about_id = desk.clerk.id
        items[2].role = "nobody"
        db.session.flush()
        moment = now()
        with statements_sent() as sent:
            idle = without_hands(items, moment)
    assert idle == set(desk.items[:3])
    assert len(sent) == 1


def test_words_are_looked_for_in_the_latest_tasks_only_and_the_page_says_so(
    browser: Any, desk_of: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk_of("苏晓禾", "卜文")
    old, new = ids()
    monkeypatch.setattr(running, "LOOKED_THROUGH", 1)
    page = browser.get("/studio/instances?q=卜文").text
    assert f'/studio/instances/{new}"' in page
    assert "按事项只在最近的 1 个任务中查找" in page
    page = browser.get("/studio/instances?q=苏晓禾").text
    assert "没有符合条件的流程实例" in page
    # A number is found however old it is, and without words nothing is left out.
    assert f'/studio/instances/{old}"' in browser.get(f"/studio/instances?q={old}").text
    assert "按事项只在最近" not in browser.get("/studio/instances").text
    assert "按事项只在最近的 1 个任务中查找" in browser.get("/studio/incidents?q=苏晓禾").text
    monkeypatch.setattr(running, "LOOKED_THROUGH", 2)
    assert "按事项只在最近" not in browser.get("/studio/instances?q=苏晓禾").text
    # Words that many records hold find the newest of them.
    assert f'/studio/instances/{old}"' in browser.get("/studio/instances?q=申请").text
    monkeypatch.setattr(running, "MOST_FOUND", 1)
    page = browser.get("/studio/instances?q=申请").text
    assert "符合的事项很多，只列出最近的 1 个" in page
    assert f'/studio/instances/{new}"' in page
    assert f'/studio/instances/{old}"' not in page


def test_a_declaration_is_found_by_its_whole_number(
    browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed = a_declaration(at="vet_declaration")
    with transaction(write=False):
        number, place = (
            filed.number,
            sa.select(ProcessInstance.id).where(
                ProcessInstance.business_type == "declaration",
                ProcessInstance.business_id == filed.id,
            ),
        )
        instance = db.session.scalars(place).one()
    monkeypatch.setattr(running, "LOOKED_THROUGH", 0)
    assert number
    page = browser.get(f"/studio/instances?q={number}").text
    assert f'/studio/instances/{instance}"' in page
    assert "没有符合条件" in browser.get(f"/studio/instances?q={number[:-1]}").text


def test_a_list_shows_what_it_was_searched_for(browser: Any) -> None:
    filed = a_declaration(at="vet_declaration")
    page = browser.get(f"/studio/instances?q={filed.number}").text
    assert page.count(f">{filed.number}</span>") == 1
    # Words that are in a task and in no column find nothing.
    assert filed.number
    assert "没有符合条件" in browser.get(f"/studio/instances?q={filed.number[:6]}").text


def test_without_instances_the_list_says_so(browser: Any) -> None:
    assert "还没有启动过流程" in browser.get("/studio/instances").text


def test_an_instance_shows_its_diagram_its_tasks_and_its_log(
    browser: Any, desk: Desk, url: str
) -> None:
    page = browser.get(url).text
    assert re.search(r"&#34;now&#34;: \[[^]]*&#34;vet_binding&#34;", page)
    for words in ("苏晓禾 申请绑定", "云桥区青禾小学", "转办", "流转日志", "暂停", "作废"):
        assert words in page
    assert "恢复</button>" not in page
    assert "撤销迁移" not in page


def test_an_instance_is_halted_goes_on_and_is_ended_with_its_record(
    browser: Any, admin: Person, url: str
) -> None:
    for act, word, gone in (
        ("suspend", "已暂停", 'value="suspend"'),
        ("resume", "已恢复", 'value="resume"'),
        ("cancel", "已作废", "作废后流程结束"),
    ):
        answer = browser.post(url, {"act": act, "reason": "重复申请"})
        assert answer.status_code == 303, answer.text
        page = browser.get(url).text
        assert word in page
        assert gone not in page
    with transaction(write=False):
        binding = db.session.scalars(sa.select(Employment)).one()
        told = db.session.scalars(
            sa.select(Notification.text).where(Notification.person_id == binding.person_id)
        ).all()
        steps = db.session.scalars(sa.select(StepLog).where(StepLog.kind == "care")).all()
        tags = db.session.scalars(
            sa.select(AuditEvent.tag).where(AuditEvent.tag.startswith("instance:"))
        ).all()
    assert (binding.status, binding.opinion) == (CANCELLED, "重复申请")
    for text in (
        "流程已暂停，恢复前不能办理。原因：重复申请",
        "流程已恢复",
        "的申请已作废：重复申请",
    ):
        assert any(text in each for each in told)
    assert [(s.actor_id, s.note) for s in steps] == [(admin.id, "重复申请")] * 3
    assert sorted(tags) == ["instance:cancelled", "instance:resumed", "instance:suspended"]


def test_a_refusal_is_shown_on_the_page_and_changes_nothing(browser: Any, url: str) -> None:
    for act, reason, status, words in (
        ("resume", "可以", 409, "流程没有暂停，不需要恢复"),
        ("suspend", " ", 422, "请填写原因"),
        ("undo", "有误", 409, "没有可撤销的迁移"),
    ):
        answer = browser.post(url, {"act": act, "reason": reason})
        assert answer.status_code == status
        assert words in answer.text
        assert "流转日志" in answer.text
    assert browser.post(url, {"act": "explode", "reason": "x"}).status_code == 404
    assert only(ProcessInstance).status == "running"


def test_what_is_missing_is_said_at_its_field_and_nothing_is_lost(
    browser: Any, desk: Desk, url: str
) -> None:
    place = f"/studio/tasks/{desk.items[0]}"
    answer = browser.post(place, {"to": "", "reason": " "})
    # Both faults in one round.
    assert answer.status_code == 422
    assert 'id="to-error" data-error>请选择转给谁</div>' in answer.text
    assert 'id="reason-error" data-error>请填写原因</div>' in answer.text
    answer = browser.post(
        place, {"to": f"person:{desk.stranger.id}", "reason": "", "elsewhere": "1"}
    )
    assert f'value="person:{desk.stranger.id}" required checked' in answer.text
    assert 'value="1" aria-describedby="elsewhere-error" checked' in answer.text
    long = "因" * 501
    for act, reason, words in (("suspend", "", "请填写原因"), ("cancel", long, "不能超过 500 字")):
        answer = browser.post(url, {"act": act, "reason": reason})
        assert answer.status_code == 422
        assert f'id="reason-error" data-error>{words}' in answer.text.replace("原因不能", "不能")
        assert f"{reason}</textarea>" in answer.text
    assert only(ProcessInstance).status == "running"


def test_what_is_under_way_is_listed_without_what_has_ended(browser: Any, desk_of: Desks) -> None:
    desk_of("苏晓禾", "卜文", "袁野")
    halted, ended, running = ids()
    with transaction():
        db.session.get_one(ProcessInstance, halted).status = "suspended"
        over = db.session.get_one(ProcessInstance, ended)
        over.status, over.ended_at, version = "cancelled", now(), over.version_id
    page = browser.get(f"/studio/processes/{version}").text
    assert f'href="/studio/instances?version={version}&amp;state=living">2</a>' in page
    page = browser.get(f"/studio/instances?version={version}&state=living").text
    listed = [f'/studio/instances/{each}"' in page for each in (halted, ended, running)]
    assert listed == [True, False, True]


def test_a_task_is_given_to_a_person_found_by_name(
    browser: Any, desk: Desk, client_for: Any, url: str
) -> None:
    own = own_unit(desk)
    with transaction():
        other = a_person("卜文", roles=[("unit_clerk", "org", own)])
        unable = a_person("卜武", roles=[("unit_admin", "org", own)])
    item = desk.items[0]
    assert f'value="person:{desk.stranger.id}"' in browser.get(f"/studio/tasks/{item}").text
    page = browser.get(f"/studio/tasks/{item}?q=卜").text
    assert f'value="person:{other.id}"' in page
    # Who does not hold the role of the task has no part in it.
    assert "卜武" not in page
    refused = browser.post(
        f"/studio/tasks/{item}", {"to": f"person:{unable.id}", "reason": "经办人出差"}
    )
    assert (refused.status_code, "没有办理此任务的角色" in refused.text) == (422, True)
    form = {"to": f"person:{other.id}", "reason": "经办人出差"}
    assert browser.post(f"/studio/tasks/{item}", form).status_code == 303
    assert client_for(other).get(desk.url).status_code == 200
    gone = client_for(desk.clerk).get(desk.url)
    assert gone.status_code == 409
    assert "“人员注册审核”已由流程管理员转办给卜文，您不需要再办理" in gone.text
    assert 'href="/tasks">返回待办任务</a>' in gone.text
    assert "查看待办任务" not in gone.text
    assert client_for(desk.stranger).get(desk.url).status_code == 403
    moved = "“人员注册审核”由云桥区青禾小学转给卜文。原因：经办人出差"
    assert moved in browser.get(url).text
    assert "现办理人（卜文）不能再办理" in browser.get(f"/studio/tasks/{item}").text
    answer = browser.post(f"/studio/tasks/{item}", form)
    assert (answer.status_code, "任务刚刚已转给卜文" in answer.text) == (409, True)


def own_unit(desk: Desk) -> int:
    """The unit whose task the first of the desk is."""
    with transaction(write=False):
        unit_id = db.session.get_one(WorkItem, desk.items[0]).scope_id
    assert unit_id is not None
    return unit_id


def test_a_task_is_given_to_a_unit_where_somebody_can_do_it(
    browser: Any, desk: Desk, client_for: Any
) -> None:
    with transaction():
        idle = a_unit("云桥区第三小学", clerk=False)
        third = a_unit("云桥区第四小学")
        clerk = staff(third, "unit_clerk")
    item = desk.items[0]
    page = browser.get(f"/studio/tasks/{item}?kind=org").text
    assert f'value="org:{third.id}"' in page
    assert f'value="org:{idle.id}"' not in page
    refused = browser.post(
        f"/studio/tasks/{item}?kind=org",
        {"to": f"org:{idle.id}", "reason": "归口有误", "elsewhere": "1"},
    )
    assert (refused.status_code, "没有人担任此任务的角色" in refused.text) == (422, True)
    form = {"to": f"org:{third.id}", "reason": "归口有误", "elsewhere": "1"}
    assert browser.post(f"/studio/tasks/{item}?kind=org", form).status_code == 303
    assert client_for(clerk).get(desk.url).status_code == 200


def test_a_task_stays_in_its_jurisdiction(browser: Any, desk: Desk) -> None:
    with transaction():
        far = a_unit("远方市第一小学", jurisdiction="fujian")
        clerk = staff(far, "unit_clerk")
        nowhere = a_person("卜文", roles=[("expert", "all", None)])
    url = f"/studio/tasks/{desk.items[0]}"
    for query in ("", "?q=远方", "?kind=org", "?kind=org&q=远方", "?q=卜文"):
        page = browser.get(f"{url}{query}").text
        assert f'value="person:{clerk.id}"' not in page
        assert f'value="org:{far.id}"' not in page
        assert f'value="person:{nowhere.id}"' not in page
    for to, words in (
        (f"org:{far.id}", "该单位不属于此任务所在的地区"),
        (f"person:{clerk.id}", "该人员不在此任务所在地区的单位任职"),
        (f"person:{nowhere.id}", "该人员不在此任务所在地区的单位任职"),
    ):
        answer = browser.post(url, {"to": to, "reason": "出差", "elsewhere": "1"})
        assert (answer.status_code, words in answer.text) == (422, True)
    assert own_unit(desk) != far.id


def test_what_leaves_its_unit_is_confirmed_as_such(
    browser: Any, desk: Desk, client_for: Any
) -> None:
    own = own_unit(desk)
    with transaction():
        colleague = a_person("凌云", roles=[("unit_clerk", "org", own)])
    url = f"/studio/tasks/{desk.items[0]}"
    page = browser.get(url).text
    # Its own unit first, the others with a warning.
    places = [
        page.index(words)
        for words in (
            "任务现在所在的单位",
            f'value="person:{colleague.id}"',
            "本地区其他单位",
            f'value="person:{desk.stranger.id}"',
            "现办理单位（云桥区青禾小学）不能再办理",
        )
    ]
    assert places == sorted(places)
    form = {"to": f"person:{desk.stranger.id}", "reason": "经办人出差"}
    answer = browser.post(url, form)
    assert (answer.status_code, "请核对后确认转给其他单位" in answer.text) == (422, True)
    assert f'value="person:{desk.stranger.id}" required checked' in answer.text
    assert "经办人出差</textarea>" in answer.text
    assert client_for(desk.stranger).get(desk.url).status_code == 403
    assert browser.post(url, {**form, "elsewhere": "1"}).status_code == 303
    assert client_for(desk.stranger).get(desk.url).status_code == 200
    # From a person it goes to their unit without a question, and to another with one.
    answer = browser.post(url, {"to": f"org:{own}", "reason": "退回原单位"})
    assert (answer.status_code, "请核对后确认转给其他单位" in answer.text) == (422, True)
    back = {"to": f"org:{own_unit_of(desk.stranger)}", "reason": "改由单位办理"}
    assert browser.post(url, back).status_code == 303


def own_unit_of(person: Person) -> int:
    with transaction(write=False):
        (grant,) = [each for each in live_grants(person.id, now()) if each.scope_kind == "org"]
    assert grant.scope_id is not None
    return grant.scope_id


def test_a_task_of_no_jurisdiction_may_go_anywhere(browser: Any, desk: Desk) -> None:
    with transaction():
        far = a_unit("远方市第一小学", jurisdiction="fujian")
        db.session.execute(sa.update(WorkItem).values(jurisdiction=""))
    url = f"/studio/tasks/{desk.items[0]}?kind=org"
    assert f'value="org:{far.id}"' in browser.get(url).text
    form = {"to": f"org:{far.id}", "reason": "归口有误", "elsewhere": "1"}
    assert browser.post(url, form).status_code == 303


@pytest.mark.parametrize("to", ["", "person:", "person:999", "org:0", "meeting:1", "person:1x"])
def test_nobody_is_not_given_a_task(browser: Any, desk: Desk, to: str) -> None:
    answer = browser.post(f"/studio/tasks/{desk.items[0]}", {"to": to, "reason": "出差"})
    assert (answer.status_code, "请选择转给谁" in answer.text) == (422, True)


@pytest.mark.parametrize("shut", ["excluded_id", "about_id"])
def test_a_task_is_not_offered_to_whom_it_is_shut_for(browser: Any, desk: Desk, shut: str) -> None:
    with transaction():
        db.session.execute(sa.update(WorkItem).values({shut: desk.stranger.id}))
    item = desk.items[0]
    assert f'value="person:{desk.stranger.id}"' not in browser.get(f"/studio/tasks/{item}").text
    form = {"to": f"person:{desk.stranger.id}", "reason": "出差", "elsewhere": "1"}
    answer = browser.post(f"/studio/tasks/{item}", form)
    assert (answer.status_code, "不能办理此任务" in answer.text) == (422, True)


def test_what_only_one_person_can_do_is_not_given_away(
    browser: Any, desk: Desk, url: str, client_for: Any
) -> None:
    client_for(desk.clerk).post(desk.url, {"decision": "return", "opinion": "请补充"})
    with transaction(write=False):
        (mending,) = db.session.scalars(sa.select(WorkItem).where(WorkItem.status == "open"))
    place = f"/studio/tasks/{mending.id}"
    assert place not in browser.get(url).text
    page = browser.get(place).text
    assert "该任务只能由本人办理，不能转办" in page
    assert 'name="to"' not in page
    form = {"to": f"person:{desk.stranger.id}", "reason": "出差", "elsewhere": "1"}
    answer = browser.post(place, form)
    assert (answer.status_code, "只能由本人办理" in answer.text) == (409, True)


def test_the_task_of_a_reviewer_points_to_the_replacement(browser: Any) -> None:
    held = a_meeting(at="score_case", cases=1)
    with transaction(write=False):
        (item,) = open_items(("case", held.meeting.cases[0].id))
    assert "由组长在评审会议中更换主审、副审" in browser.get(f"/studio/tasks/{item.id}").text


def test_a_task_that_is_done_is_not_offered(browser: Any, desk: Desk, client_for: Any) -> None:
    client_for(desk.clerk).post(desk.url, {"decision": "pass", "opinion": "同意"})
    page = browser.get(f"/studio/tasks/{desk.items[0]}").text
    assert "任务已办结或取消，不能转办" in page
    assert 'name="to"' not in page


def test_the_end_that_was_reached_is_marked_and_stands_in_no_log(
    browser: Any, desk: Desk, client_for: Any
) -> None:
    answer = {"decision": "pass", "opinion": "同意"}
    assert client_for(desk.clerk).post(desk.url, answer).status_code == 303
    page = browser.get(f"/studio/instances/{ids()[0]}").text
    marks = json.loads(unescape(page.split('data-state="')[1].split('"')[0]))
    assert marks["done"][-1] == "binding_approved"
    assert "已绑定单位" not in page.split("流转日志")[1]


def test_an_ended_instance_offers_nothing(browser: Any, desk: Desk, client_for: Any) -> None:
    client_for(desk.clerk).post(desk.url, {"decision": "pass", "opinion": "同意"})
    page = browser.get(f"/studio/instances/{ids()[0]}").text
    assert "已办结" in page
    assert 'name="act"' not in page


def test_a_record_that_is_gone_does_not_hide_its_instance(browser: Any, desk: Desk) -> None:
    with transaction():
        db.session.execute(sa.update(ProcessInstance).values(business_id=999))
        db.session.execute(sa.update(WorkItem).values(business_id=998))
    for path in ("instances", f"instances/{ids()[0]}"):
        page = browser.get(f"/studio/{path}")
        assert (page.status_code, "（找不到业务记录）" in page.text) == (200, True)


def test_what_an_instance_waits_for_is_said_in_words(browser: Any) -> None:
    a_declaration(at="vet_declaration")
    with transaction(write=False):
        wait = db.session.scalars(
            sa.select(Subscription).where(Subscription.message == runtime.WITHDRAWN)
        ).first()
    assert wait is not None
    page = browser.get(f"/studio/instances/{wait.instance_id}").text
    assert "等待“本人撤回”" in page
    assert "<code>withdrawn</code>" not in page
    # One that only diagrams know keeps the name that they gave it.
    with transaction():
        db.session.execute(sa.update(Subscription).values(message="stock_taken"))
    page = browser.get(f"/studio/instances/{wait.instance_id}").text
    assert "等待消息 <code>stock_taken</code>" in page


@pytest.mark.usefixtures("application")
def test_every_message_of_the_platform_has_words() -> None:
    assert {runtime.WITHDRAWN, "review_finished"} <= handlers.sent_messages()
    assert [each for each in handlers.sent_messages() if not handlers.message_word(each)] == []
