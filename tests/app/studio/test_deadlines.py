"""改期: the deadline that an instance waits for is moved, or a refusal stands at its field."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.core.clock import now
from app.core.db import db, transaction
from app.engine import runtime
from app.engine.definitions import publish_version
from app.engine.models import Timer
from tests.engine.kit import catch, diagram, end, line, start, timer


def only(table: Any) -> Any:
    with transaction(write=False):
        return db.session.scalars(sa.select(table)).one()


@pytest.fixture
def waiting(app: Any) -> Timer:
    """An instance that waits for a moment."""
    due = now_plus(3)
    with transaction():
        drawn = diagram(
            "case", start(), catch("due", timer("moment")), end(), line("begun", "due", "ended")
        )
        publish_version("case", "", drawn, {}, actor_id=None, now=now())
        data = {"moment": due.isoformat()}
        runtime.start(
            "case", business=("file", 7), jurisdiction="", actor_id=None, now=now(), data=data
        )
    return only(Timer)  # type: ignore[no-any-return]


def now_plus(days: int) -> Any:
    with transaction(write=False):
        return now() + timedelta(days=days)


def test_a_record_that_must_be_decided_is_not_ended(browser: Any, waiting: Timer) -> None:
    url = f"/studio/instances/{waiting.instance_id}"
    page = browser.get(url).text
    assert "这类业务的流程不能作废" in page
    assert 'value="cancel"' not in page
    assert "（找不到业务记录）" in page
    answer = browser.post(url, {"act": "cancel", "reason": "有误"})
    assert (answer.status_code, "这类业务的流程不能作废" in answer.text) == (409, True)


def test_a_deadline_is_moved_on_the_page_of_its_instance(browser: Any, waiting: Timer) -> None:
    url = f"/studio/instances/{waiting.instance_id}"
    assert f"{waiting.due_at:%Y-%m-%d %H:%M}" in browser.get(url).text
    later = now_plus(9).replace(second=0, microsecond=0)
    form = {"due": f"{later:%Y-%m-%dT%H:%M}", "reason": "延长公示"}
    assert browser.post(f"{url}/timers/{waiting.id}", form).status_code == 303
    assert only(Timer).due_at == later
    assert "延长公示" in browser.get(url).text
    due_error = f'id="due-{waiting.id}-error" data-error>'
    for changed, status, words in (
        ({"due": ""}, 422, "请填写新的时限"),
        ({"due": "2020-01-01T08:00"}, 422, f"{due_error}新的时限必须晚于当前时间"),
        ({"due": "9999-01-01T08:00"}, 422, f"{due_error}新的时限最晚到 2999 年"),
        ({"reason": ""}, 422, "请填写原因"),
        ({"due": "x", "reason": ""}, 422, "请填写新的时限"),
    ):
        answer = browser.post(f"{url}/timers/{waiting.id}", {**form, **changed})
        assert (answer.status_code, words in answer.text) == (status, True)
    assert f'id="timer-reason-{waiting.id}-error" data-error>请填写原因' in answer.text
    assert '<details class="mb-2" open>' in answer.text
    assert only(Timer).due_at == later


def test_what_was_typed_to_move_a_deadline_stays_there(browser: Any, waiting: Timer) -> None:
    url = f"/studio/instances/{waiting.instance_id}"
    form = {"due": "2020-01-01T08:00", "reason": "推迟公示"}
    page = browser.post(f"{url}/timers/{waiting.id}", form).text
    assert 'value="2020-01-01T08:00"' in page
    assert page.count("推迟公示") == 1
    gone = browser.post(f"{url}/timers/{waiting.id + 1}", {**form, "due": "2030-01-01T08:00"})
    assert (gone.status_code, "不能改期" in gone.text) == (409, True)
    assert "推迟公示" not in gone.text.split("acts-title")[1]
    assert "有内容需要修改" not in gone.text
