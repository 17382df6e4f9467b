"""The frame of every page: who is signed in, in which roles, and where."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.accounts import views
from app.accounts.models import Notification
from app.accounts.operations import notify
from app.core.clock import now
from app.core.db import db, transaction
from tests.builders.people import a_person, a_unit

Enter = Callable[..., Any]


def test_every_role_is_listed_with_the_place_where_it_is_held(
    app: Flask, client_for: Enter
) -> None:
    with transaction():
        school, bureau = a_unit("云桥区青禾小学"), a_unit("云桥区教育体育局")
        roles = [("unit_clerk", "org", school.id), ("superior_clerk", "org", bureau.id)]
        person = a_person("简知微", roles=[*roles, ("process_admin", "all", None)])
    page = client_for(person).get("/home").text
    panel = page.split("account-roles")[1].split("</ul>")[0]
    assert "<strong>单位经办人</strong><span>云桥区青禾小学</span>" in panel
    assert "<strong>上级经办人</strong><span>云桥区教育体育局</span>" in panel
    assert "<strong>流程管理员</strong>" in panel
    assert "单位经办人等 3 个身份" in page


def test_two_roles_are_both_named_in_the_top_bar(app: Flask, client_for: Enter) -> None:
    with transaction():
        roles = [("organiser_leader", "all", None), ("superior_leader", "all", None)]
        person = a_person("滕敬之", roles=roles)
    page = client_for(person).get("/home").text
    shown = re.search('class="topbar-role">([^<]*)<', page)
    assert shown is not None
    assert shown[1] == "上级领导、组建单位领导"


def test_many_messages_of_a_day_are_folded_and_opening_one_marks_it_read(
    app: Flask, client_for: Enter
) -> None:
    with transaction():
        person = a_person("苏晓禾", roles=[("applicant", "all", None)])
        for number in range(4):
            notify(person.id, f"业绩{number}已通过", url=f"/portfolio/{number}", now=now())
        notify(person.id, "绑定申请已通过", url="/binding", now=now())
    browser = client_for(person)
    page = browser.get("/notifications").text
    assert "<strong>业绩档案</strong> 4 条消息" in page
    assert page.count("message-bundle") == 1
    assert "5 条未读" in page
    opened = re.search(r'href="(/notifications/\d+)"><span[^<]*</span>绑定申请', page)
    assert opened is not None
    assert browser.get(opened[1]).location == "/binding"
    assert "4 条未读" in browser.get("/notifications").text
    unread = browser.get("/notifications?show=unread").text
    assert "绑定申请" not in unread
    browser.post("/notifications/read")
    assert "没有未读消息" in browser.get("/notifications?show=unread").text


def test_messages_are_paged_by_the_lines_they_fold_into(
    app: Flask, client_for: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction():
        person = a_person("苏晓禾", roles=[("applicant", "all", None)])
        for number in reversed(range(20)):
            day = now() - timedelta(days=number + 1)
            notify(person.id, f"第{number}天的通知", url="/binding", now=day)
        for number in range(70):
            notify(person.id, f"业绩{number}已通过", url=f"/portfolio/{number}", now=now())
    browser = client_for(person)
    first, second = (browser.get(f"/notifications?page={page}").text for page in (1, 2))
    assert re.findall(r"业绩档案</strong> (\d+) 条消息", first) == ["50", "20"]
    assert ("第17天的通知" in first, "第18天的通知" in first) == (True, False)
    assert ("第 1–20 组，共 22 组" in first, "第19天的通知" in second) == (True, True)
    assert "组以上" not in first
    monkeypatch.setattr(views, "MOST_FOLDED", 89)
    bounded = browser.get("/notifications?page=2").text
    assert ("共 21 组以上" in bounded, "第19天的通知" in bounded) == (True, False)


def test_others_messages_are_not_found_and_stay_unread(app: Flask, client_for: Enter) -> None:
    with transaction():
        person, other = a_person("苏晓禾"), a_person("卜文")
        notify(person.id, "绑定申请已通过", url="/binding", now=now())
        db.session.flush()
        message = db.session.query(Notification).one()
    assert client_for(other).get(f"/notifications/{message.id}").status_code == 404
    assert "1 条未读" in client_for(person).get("/notifications").text
