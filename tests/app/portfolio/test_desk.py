"""The audit desk: one item after another, and what is nobody's own to decide."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Person
from app.core.db import db, transaction
from app.portfolio.models import PortfolioItem
from app.units.models import Unit
from tests.builders import portfolio as build
from tests.builders.people import a_person, a_unit, staff

Sign = Callable[..., Any]


@pytest.fixture
def school(app: Flask) -> Unit:
    del app
    with transaction():
        return a_unit("云桥区青禾小学")


@pytest.fixture
def clerk(school: Unit) -> Person:
    with transaction():
        return staff(school, "unit_clerk")


@pytest.fixture
def teacher(school: Unit) -> Person:
    with transaction():
        return a_person("柏小满", unit=school)


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
