"""The audit desk in a browser: a whole list at once with its progress, and common opinions."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app import worker
from app.accounts.models import Person
from app.core import phrases
from app.core.db import db, transaction
from app.portfolio import bulk
from app.units.models import Unit
from tests.builders import portfolio as build
from tests.builders.people import staff

Enter = Callable[..., Page]
Axe = Callable[..., list[Any]]
WHOLE = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice")


def test_a_whole_list_is_chosen_and_watched_until_the_worker_is_done(
    enter: Enter, axe: Axe, school: Unit, teacher: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 5)
    with transaction():
        for number in range(12):
            data = {"post": f"岗位{number}"}
            build.a_submitted_item(db.session.merge(teacher), "work", data=data)
        clerk = staff(school, "unit_clerk")
    page = enter(clerk, "/portfolio/archive")
    page.get_by_label("选择本列表全部 12 项待审核业绩").check()
    expect(page.get_by_text("已选 12 项")).to_be_visible()
    page.get_by_role("button", name="批量通过").dblclick()
    page.get_by_role("dialog").get_by_role("button", name="批量通过").click()
    expect(page.get_by_text("5 / 12")).to_be_visible()
    assert axe(*WHOLE) == []
    page.reload()
    expect(page.get_by_text("正在办理")).to_be_visible()
    worker.vet()
    expect(page.get_by_text("12 / 12")).to_be_visible()
    expect(page.get_by_text("已完成")).to_be_visible()


def test_a_click_writes_what_is_often_written_and_what_helps_is_no_part_of_the_draft(
    enter: Enter, axe: Axe, school: Unit, teacher: Person
) -> None:
    with transaction():
        item = build.a_submitted_item(db.session.merge(teacher), "honor")
        clerk, task = staff(school, "unit_clerk"), build.review_task(item).id
        phrases.keep_phrase(clerk.id, "vet_item", "属实")
    page = enter(clerk, f"/tasks/{task}")
    page.get_by_label("存为常用意见").check()
    page.locator("#opinion").fill("请核对。")
    page.get_by_role("button", name="附件缺少单位公章，请补充").click()
    expect(page.locator("#opinion")).to_have_value("请核对；附件缺少单位公章，请补充")
    expect(page.locator("[data-save-state]").first).to_contain_text("已保存")
    assert axe(*WHOLE) == []
    page.reload()
    expect(page.locator("#opinion")).to_have_value("请核对；附件缺少单位公章，请补充")


def test_an_opinion_that_is_missing_is_asked_for_where_it_is_typed(
    enter: Enter, school: Unit, teacher: Person
) -> None:
    with transaction():
        item = build.a_submitted_item(db.session.merge(teacher), "honor")
        clerk, task = staff(school, "unit_clerk"), build.review_task(item).id
    page = enter(clerk, f"/tasks/{task}")
    page.get_by_role("button", name="退回修改").click()
    field = page.locator("[data-field=opinion]")
    expect(field.locator("[data-error]")).to_have_text("请填写意见")
    expect(field.locator(".is-invalid")).to_have_count(1)
    expect(page.locator("#opinion")).to_be_focused()
    expect(page.get_by_role("dialog")).to_have_count(0)
