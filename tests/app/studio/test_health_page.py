"""运行状况: a dead scheduler, overdue deadlines and what is not delivered are seen at once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from app import worker
from app.core.clock import now
from app.core.db import db, transaction
from app.engine import queue
from app.engine.models import ProcessInstance, QueueKind, Timer
from app.units.process import BINDING
from tests.app.inbox.conftest import Desk
from tests.conftest import START


def test_a_dead_scheduler_is_seen_on_the_page_and_at_home(
    browser: Any, at: Callable[[datetime], None]
) -> None:
    assert "后台任务从未运行" in browser.get("/studio/health").text
    worker.tick()
    assert "后台任务运行正常" in browser.get("/studio/health").text
    at(START + timedelta(minutes=10))
    page = browser.get("/studio/health").text
    assert "后台任务已停止" in page
    assert "请运维人员重新启动服务" in page
    home = browser.get("/home").text
    assert "已停止" in home
    assert 'href="/studio/health"' in home


def overdue(page: str) -> str:
    """The part of the page that lists timers which have not fired."""
    return page.split('id="timers"')[1].split("</section>", maxsplit=1)[0]


def test_what_lies_waiting_is_listed_with_its_record(browser: Any, desk: Desk) -> None:
    assert "暂无" in overdue(browser.get("/studio/health").text)
    with transaction():
        instance = db.session.query(ProcessInstance).one()
        due = now() - timedelta(hours=2)
        timer = Timer(
            instance_id=instance.id, task_uuid="t", node="vet_binding", due_at=due, try_at=due
        )
        db.session.add(timer)
        queue.append(
            QueueKind.MESSAGE,
            "reviewed",
            business=(BINDING, instance.business_id),
            unique="m",
            now=now(),
            payload={},
        )
    page = browser.get("/studio/health").text
    for words in (f"{due:%Y-%m-%d %H:%M}", "苏晓禾 申请绑定", "待送达", "人员注册审核"):
        assert words in page
    with transaction():
        # It rests between two attempts, and is late all the same.
        db.session.query(Timer).one().try_at = now() + timedelta(minutes=30)
    page = browser.get("/studio/health").text
    assert f"{due:%Y-%m-%d %H:%M}" in page
    tile = page.split('href="#timers"')[0].rpartition("figure-value")[2]
    assert tile.startswith('">1<')
    with transaction():
        db.session.query(ProcessInstance).one().status = "suspended"
    page = browser.get("/studio/health").text
    assert "暂无" in overdue(page), "a halted process lets nothing fire"
