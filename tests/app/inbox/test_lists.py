"""任务中心: what waits and what is done, found by parts of names, page by page."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.core.db import transaction
from tests.app.inbox.conftest import Desk
from tests.builders.people import a_person

Desks = Callable[..., Desk]


def test_a_clerk_sees_the_tasks_of_the_own_unit_only(client_for: Any, desk_of: Desks) -> None:
    desk = desk_of("苏晓禾")
    assert "苏晓禾 申请绑定" in client_for(desk.clerk).get("/tasks").text
    assert "苏晓禾" not in client_for(desk.stranger).get("/tasks").text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("晓禾", True),
        ("禾", True),
        ("苏晓禾", True),
        ("青禾小学", True),
        ("晓和", False),
        ("%", False),
        ("_", False),
        ("", True),
    ],
)
def test_a_task_is_found_by_parts_of_its_words(
    client_for: Any, desk_of: Desks, query: str, found: bool
) -> None:
    desk = desk_of("苏晓禾")
    page = client_for(desk.clerk).get("/tasks", query_string={"q": query}).text
    assert ("苏晓禾 申请绑定" in page) is found


def test_the_list_is_narrowed_by_step_and_deadline(
    client_for: Any, desk_of: Desks, item: Any
) -> None:
    desk = desk_of("苏晓禾")
    browser = client_for(desk.clerk)
    waiting = item(desk.items[0])
    due = waiting.due_at.date()
    before, on = (due - timedelta(days=1)).isoformat(), due.isoformat()
    assert "苏晓禾" in browser.get(f"/tasks?step={waiting.name}").text
    assert "苏晓禾" in browser.get(f"/tasks?due={on}").text
    assert "苏晓禾" not in browser.get(f"/tasks?due={before}").text
    assert "苏晓禾" in browser.get("/tasks?due=nonsense").text


def test_a_step_at_which_nothing_waits_narrows_nothing_and_the_list_says_so(
    client_for: Any, desk_of: Desks
) -> None:
    desk = desk_of("苏晓禾")
    page = client_for(desk.clerk).get("/tasks?step=别的环节").text
    assert "苏晓禾" in page
    assert "“别的环节”已没有待办，以下是其他待办任务" in page
    assert "以下是其他待办" not in client_for(desk.clerk).get("/tasks").text


def test_after_the_very_last_task_the_empty_list_leads_on(
    client_for: Any, desk_of: Desks, item: Any
) -> None:
    desk = desk_of("苏晓禾")
    browser = client_for(desk.clerk)
    landing = browser.post(desk.url, {"decision": "pass"}).location
    page = browser.get(landing).text
    assert "没有待办任务，有新任务时会出现在这里" in page
    assert "查看已办任务" in page
    assert "没有符合条件" not in page


def test_ten_tasks_make_a_page(client_for: Any, desk_of: Desks) -> None:
    names = [f"申报人{n:02d}" for n in range(1, 13)]
    desk = desk_of(*names)
    browser = client_for(desk.clerk)
    first, second = browser.get("/tasks").text, browser.get("/tasks?page=2").text
    assert [n for n in names if f"{n} 申请" in first] == names[:10]
    assert [n for n in names if f"{n} 申请" in second] == names[10:]
    assert "共 12 条" in first
    assert "申报人12" in browser.get("/tasks?page=99").text
    assert browser.get("/tasks?page=-1").status_code == 200


def test_a_done_task_moves_to_the_other_list(client_for: Any, desk_of: Desks, item: Any) -> None:
    desk = desk_of("苏晓禾", "卜文")
    browser = client_for(desk.clerk)
    browser.post(desk.url, {"decision": "pass"})
    assert "苏晓禾 申请" not in browser.get("/tasks").text.split("data-flash")[0]
    assert "苏晓禾" in browser.get("/tasks/done").text
    assert "卜文" not in browser.get("/tasks/done").text
    assert "苏晓禾" in browser.get("/tasks/done?q=晓禾").text
    assert "苏晓禾" not in browser.get("/tasks/done?q=卜").text
    assert "苏晓禾" not in client_for(desk.stranger).get("/tasks/done").text
    done = item(desk.items[0])
    assert f'<td>{done.name}</td><td><span class="badge status status-success">通过<' in (
        browser.get(f"/tasks/done?step={done.name}&since={done.done_at:%Y-%m-%d}").text
    )
    for beyond in ("since=0001-01-01", "until=9999-12-31", "due=0001-01-01"):
        assert "苏晓禾" in browser.get(f"/tasks/done?{beyond}").text, "narrows nothing"
    before = f"{done.done_at - timedelta(days=1):%Y-%m-%d}"
    for other in ("step=别的环节", f"until={before}"):
        assert "苏晓禾" not in browser.get(f"/tasks/done?{other}").text


def test_the_home_page_and_the_menu_count_what_waits(client_for: Any, desk_of: Desks) -> None:
    desk = desk_of("苏晓禾", "卜文")
    page = client_for(desk.clerk).get("/home").text
    assert "苏晓禾 申请绑定" in page
    assert '<span class="badge side-badge">2<' in page
    assert "side-badge" not in client_for(desk.stranger).get("/home").text


def test_the_home_page_says_when_a_task_came_and_when_it_is_due(
    client_for: Any, desk_of: Desks, item: Any, at: Callable[..., None]
) -> None:
    desk = desk_of("苏晓禾")
    waiting = item(desk.items[0])
    due = f"{waiting.due_at:%Y-%m-%d}"
    page = client_for(desk.clerk).get("/home").text
    assert f"到达 {waiting.opened_at:%Y-%m-%d}" in page
    assert f"截止 {due}" in page
    at(waiting.due_at - timedelta(days=1))
    assert f"明天截止 {due}" in client_for(desk.clerk).get("/home").text
    at(waiting.due_at + timedelta(days=1))
    for path, word in (("/home", "截止 "), ("/tasks", "")):
        late = client_for(desk.clerk).get(path).text
        assert f"已超期，{word}{due}" in late
        assert "due-danger" in late


def test_who_has_no_news_is_shown_what_can_be_done(app: Any, client_for: Any) -> None:
    with transaction():
        supervisor = a_person("晏如初", roles=[("supervisor", "all", None)])
    page = client_for(supervisor).get("/home").text
    assert "没有待办任务，有新任务时会出现在这里" in page
    assert "/objections" in page.split('id="home-shortcuts"')[1]
