"""The frame and the task centre in a real browser: what is asked when, and what a phone shows."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from app.accounts.operations import end_sessions
from app.core.clock import now
from app.core.db import transaction
from tests.app.inbox.conftest import asked
from tests.browser.conftest import Axe, Problems
from tests.builders.people import a_person, a_unit, staff

PHONE = {"width": 390, "height": 844}
Enter = Callable[..., Page]


@pytest.fixture
def desk(app: Flask) -> tuple[Any, int]:
    """A clerk with two requests to bind, and the first task's id."""
    with transaction():
        unit = a_unit("云桥区青禾小学")
        clerk = staff(unit, "unit_clerk")
        first = asked(unit, "苏晓禾")
        asked(unit, "卜文")
    return clerk, first


def test_nobody_is_asked_to_confirm_what_lacks_an_answer(
    enter: Enter, desk: tuple[Any, int]
) -> None:
    page = enter(desk[0], f"/tasks/{desk[1]}")
    expect(page.get_by_text("（退回时必填）")).to_be_visible()
    page.get_by_role("button", name="退回").click()
    opinion = page.locator("textarea[name=opinion]")
    expect(page.locator("#opinion-error")).to_have_text("请填写审核意见")
    expect(opinion).to_be_focused()
    expect(page.get_by_role("dialog")).to_have_count(0)
    opinion.fill("请补充任职文件")
    page.get_by_role("button", name="退回").click()
    expect(page.get_by_role("dialog")).to_contain_text("确定退回吗？")
    page.get_by_role("dialog").get_by_role("button", name="退回").click()
    expect(page).to_have_url(re.compile("/tasks"))
    expect(page.locator("[data-flash]")).to_contain_text("已办理")


def test_what_was_sent_after_the_end_is_sent_again_by_the_same_person_only(
    app: Flask, enter: Enter, desk: tuple[Any, int], client_for: Any, problems: Problems
) -> None:
    with transaction():
        person = a_person("令狐远", roles=[("applicant", "all", None)])
    page = enter(person, "/binding?q=青禾")
    page.get_by_label("申请说明").fill("2026年调入")
    with transaction():
        end_sessions(person.id, now=now())
    page.get_by_role("button", name="提交申请").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("登录已失效")

    def enter_elsewhere(person: Any) -> None:
        name = app.config["SESSION_COOKIE_NAME"]
        value = client_for(person).client.get_cookie(name).value
        page.context.add_cookies([{"name": name, "value": value, "url": page.url}])

    again = page.get_by_role("button", name="重新提交")
    again.click()
    expect(page.locator(".toast")).to_contain_text("尚未登录")
    enter_elsewhere(desk[0])
    again.click()
    expect(page.locator(".toast")).to_contain_text("不是原来的账号")
    enter_elsewhere(person)
    again.click()
    expect(page.locator("[data-flash]")).to_contain_text("已提交绑定申请")
    expect(page.get_by_label("申请说明")).to_have_count(0)
    problems.allow("401")


def test_a_phone_stacks_the_rows_of_the_task_centre(
    page: Page, enter: Enter, desk: tuple[Any, int], axe: Axe
) -> None:
    page.set_viewport_size(PHONE)
    enter(desk[0], "/tasks")
    row = page.locator("tbody tr").first
    expect(row.locator("td[data-label=当前环节]")).to_be_visible()
    link = row.get_by_role("link", name=re.compile("办理"))
    box = link.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    assert box["x"] + box["width"] <= PHONE["width"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert axe() == []


def test_the_roles_unfold_under_the_name_and_close_by_escape(
    page: Page, enter: Enter, desk: tuple[Any, int], axe: Axe
) -> None:
    enter(desk[0])
    panel = page.get_by_text("云桥区青禾小学").first
    page.locator(".topbar-account summary").click()
    expect(page.locator(".account-roles")).to_be_visible()
    expect(panel).to_be_visible()
    assert axe() == []
    page.keyboard.press("Escape")
    expect(page.locator(".account-roles")).to_be_hidden()
    expect(page.locator(".topbar-account summary")).to_be_focused()
