"""The audit desk: one item after another, and what is nobody's own to decide."""

from collections.abc import Callable
from typing import Any

import pytest

from app.accounts.models import Person
from app.core.db import db, transaction
from app.portfolio import duplicates
from app.portfolio.models import PortfolioItem
from app.units.models import Unit
from tests.builders import portfolio as build
from tests.builders.people import a_person, a_unit

Sign = Callable[..., Any]


def sent(person: Person, type_key: str = "work", **data: Any) -> int:
    with transaction():
        return build.a_submitted_item(db.session.merge(person), type_key, data=data).id


def task_of(item_id: int) -> int:
    with transaction(write=False):
        return build.review_task(db.session.get_one(PortfolioItem, item_id)).id


def opened(browser: Any, url: str) -> str:
    answer = browser.get(url)
    assert answer.status_code == 303
    return str(answer.location)


def test_one_decision_follows_another_within_the_list(
    clerk: Person, teacher: Person, client_for: Sign
) -> None:
    first, second = sent(teacher, post="数学教师"), sent(teacher, post="教研组长")
    sent(teacher, "honor")
    browser = client_for(clerk)
    listed = browser.get("/portfolio/archive?type=work").text
    assert "逐项审核（2）" in listed
    page = opened(browser, "/portfolio/archive/next?type=work")
    assert page.startswith(f"/tasks/{task_of(first)}?onward=")
    assert "您还有 3 项待审核" in browser.get(page).text
    after = opened(browser, browser.post(page, {"decision": "pass"}).location)
    assert after.startswith(f"/tasks/{task_of(second)}?onward=")
    ended = opened(browser, browser.post(after, {"decision": "pass"}).location)
    assert ended == "/portfolio/archive?type=work"
    assert "本列表已审核到最后一项" in browser.get(ended).text


def test_what_is_skipped_waits_and_the_rest_goes_on(
    clerk: Person, teacher: Person, client_for: Sign
) -> None:
    first, second = sent(teacher, post="数学教师"), sent(teacher, post="教研组长")
    browser = client_for(clerk)
    page = browser.get(opened(browser, "/portfolio/archive/next")).text
    skip = f"/portfolio/archive/next?after={task_of(first)}"
    assert f'href="{skip}"' in page
    assert opened(browser, skip).startswith(f"/tasks/{task_of(second)}?onward=")
    assert "逐项审核（2）" in browser.get("/portfolio/archive").text


@pytest.mark.parametrize("onward", ["https://elsewhere.example/", "//elsewhere.example"])
def test_a_decision_leads_to_no_other_site(
    clerk: Person, teacher: Person, client_for: Sign, onward: str
) -> None:
    task = task_of(sent(teacher))
    browser = client_for(clerk)
    assert f'href="{onward}' not in browser.get(f"/tasks/{task}?onward={onward}").text
    answer = browser.post(f"/tasks/{task}?onward={onward}", {"decision": "pass"})
    assert answer.location.startswith("/tasks")


def a_reviewing_teacher(school: Unit) -> Person:
    with transaction():
        roles = [("applicant", "all", None), ("unit_clerk", "org", school.id)]
        return a_person("娄山远", unit=db.session.merge(school), roles=roles)


@pytest.mark.usefixtures("clerk")
def test_ones_own_item_goes_to_a_colleague_and_is_nowhere_offered(
    school: Unit, client_for: Sign
) -> None:
    reviewer = a_reviewing_teacher(school)
    item_id = sent(reviewer, post="校长助理")
    browser = client_for(reviewer)
    assert "由其他经办人审核" in browser.get(f"/portfolio/{item_id}").text
    assert "校长助理" not in browser.get("/tasks").text
    assert "逐项审核（" not in browser.get("/portfolio/archive").text
    task = task_of(item_id)
    assert browser.get(f"/tasks/{task}").status_code == 403
    assert browser.post(f"/tasks/{task}", {"decision": "pass"}).status_code == 403
    refused = browser.post("/portfolio/archive", {"id": task, "decision": "pass"})
    assert "不再由您审核" in browser.get(refused.location).text


def test_the_item_of_a_units_only_clerk_goes_up_and_they_are_told_so(client_for: Sign) -> None:
    with transaction():
        above = a_unit("云桥区教育体育局")
        school = a_unit("独一小学", reports_to=above, clerk=False)
    reviewer = a_reviewing_teacher(school)
    page = client_for(reviewer).get(f"/portfolio/{sent(reviewer)}").text
    assert "已提交云桥区教育体育局审核" in page
    assert "按规定由上级单位审核" in page
    award = {"name": "小学数学“量感”培养实践研究", "date": "2023-06"}
    with transaction():
        other = a_person(unit=a_unit("榕树小学", reports_to=above))
    sent(reviewer, "award", **award)
    claim = sent(other, "award", **award)
    with transaction(write=False):
        [hint] = duplicates.duplicates_of(other.id, [claim]).shown
    assert hint.path[0] == "独一小学", "the unit of the person, whoever reviews the item"
