"""流程迁移: what a new version would change, moving instances by a job, going back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app import worker
from app.core.clock import now
from app.core.db import db, transaction
from app.core.jobs import CLAIMED_FOR, Job
from app.engine import care, definitions, health, migration, runtime
from app.engine.models import InstanceMigration, ProcessInstance, ProcessVersion, StepLog, WorkItem
from app.studio import moves
from app.units.models import Employment
from tests.app.inbox.conftest import Desk
from tests.builders.statements import statements_sent
from tests.builders.threads import together

KEY = "unit_binding"


@pytest.fixture
def desks(desk_of: Callable[..., Desk]) -> Desk:
    return desk_of("苏晓禾", "卜文", "古月")


def instances() -> list[ProcessInstance]:
    with transaction(write=False):
        return list(db.session.scalars(sa.select(ProcessInstance).order_by(ProcessInstance.id)))


def publish(change: Callable[[str], str]) -> tuple[int, int]:
    """Publish a changed version; returns the ids of the one in force before and of the new."""
    with transaction():
        old = definitions.current_version(KEY, "anhui")
        bundle = definitions.bundle_of(old)
        files = {name: change(text).encode() for name, text in bundle.files.items()}
        made = definitions.publish_version(KEY, "", files, bundle.forms, actor_id=None, now=now())
        return old.id, made.id


@pytest.fixture
def versions(desks: Desk) -> tuple[int, int]:
    return publish(lambda text: text.replace('name="修改绑定申请"', 'name="补充绑定申请"'))


def versions_of_all() -> list[int]:
    return [each.version_id for each in instances()]


def start(browser: Any, source: int, **form: Any) -> Any:
    return browser.post(f"/studio/processes/{source}/migrate", {"reason": "流程改版", **form})


def test_a_run_says_that_the_worker_stands_still(browser: Any, versions: tuple[int, int]) -> None:
    page = browser.get(start(browser, versions[0], all="1").location).text
    assert "等待迁移" in page
    assert "后台任务从未运行" in page
    with transaction():
        health.beat(now())
    url = "/studio/migrations/1"
    assert "后台任务" not in browser.get(url).text.split('id="progress"')[1]
    with transaction():
        health.beat(now() - timedelta(minutes=5))
    assert "后台任务已停止" in browser.get(url).text
    worker.tick()
    page = browser.get(url).text
    assert "迁移完成" in page
    assert "后台任务" not in page.split('id="progress"')[1]


def test_a_run_whose_job_was_interrupted_says_when_it_goes_on(
    browser: Any, versions: tuple[int, int]
) -> None:
    url = start(browser, versions[0], all="1").location
    with transaction():
        health.beat(now())
    assert "自动继续" not in browser.get(url).text
    with transaction():
        job = db.session.scalars(sa.select(Job).where(Job.name == moves.JOB)).one()
        # As it is claimed, by a process that ended then.
        job.attempts, job.due_at = 1, now() + CLAIMED_FOR
        on = job.due_at
    page = browser.get(url).text
    assert f"办理中断的（如服务重新启动），{on:%Y-%m-%d %H:%M} 自动继续" in page


def test_the_page_of_a_version_leads_to_moving_what_runs_on_it(
    browser: Any, versions: tuple[int, int]
) -> None:
    source, target = versions
    page = browser.get(f"/studio/processes/{target}").text
    assert f"/studio/processes/{source}/migrate" in page
    assert f"/studio/processes/{target}/migrate" not in page
    page = browser.get(f"/studio/processes/{source}/migrate").text
    for words in (
        "苏晓禾",
        "可迁移",
        "人员注册审核",
        f'value="{target}" selected',
        "全部在办的 3",
        'data-whole="3"',
        "把所选的 {n} 个实例迁移到",
    ):
        assert words in page
    assert "补充绑定申请" in page


def test_what_cannot_move_is_told_with_its_reason_and_cannot_be_chosen(
    browser: Any, desks: Desk
) -> None:
    source, _ = publish(lambda text: text.replace('"vet_binding"', '"check_binding"'))
    page = browser.get(f"/studio/processes/{source}/migrate").text
    assert "不能迁移" in page
    assert "正在办理，新版本中已删除" in page
    assert "可以等这些环节办结后再迁移" in page
    assert "data-pick" not in page
    answer = start(browser, source, all="1")
    assert answer.status_code == 303
    worker.drain()
    page = browser.get(answer.location).text
    assert "已迁移 0 个，没有迁移 3 个" in page
    assert "正在办理，新版本中已删除" in page
    assert versions_of_all() == [source] * 3


def test_chosen_instances_move_by_a_job_and_go_back(
    browser: Any, versions: tuple[int, int], desks: Desk
) -> None:
    source, target = versions
    first, second, third = (each.id for each in instances())
    with transaction():
        health.beat(now())
    answer = start(browser, source, to=target, id=[first, second])
    assert answer.status_code == 303
    page = browser.get(answer.location).text
    assert "正在迁移" in page
    assert 'hx-trigger="every 2s"' in page
    worker.drain()
    assert versions_of_all() == [target, target, source]
    page = browser.get(answer.location).text
    assert "已迁移 2 个，没有迁移 0 个，等待 0 个" in page
    assert "hx-trigger" not in page
    assert answer.location in browser.get(f"/studio/processes/{target}").text
    back = browser.post(answer.location, {"id": [first, third], "reason": "改版有误"})
    assert back.status_code == 303
    page = browser.get(answer.location).text
    assert "已撤销 1 个实例的迁移" in page
    assert f"实例 {third}：没有撤销" in page
    assert versions_of_all() == [source, target, source]
    with transaction(write=False):
        said = db.session.execute(
            sa.select(StepLog.instance_id, StepLog.note).order_by(StepLog.id)
        ).all()
    assert [tuple(row) for row in said] == [
        (first, "流程改版"),
        (second, "流程改版"),
        (first, "改版有误"),
    ]


def test_a_run_tells_how_it_stands_now_and_who_took_what_back(
    browser: Any, versions: tuple[int, int]
) -> None:
    first, second, _ = (each.id for each in instances())
    run = start(browser, versions[0], id=[first, second]).location
    worker.drain()
    browser.post(run, {"id": [first], "reason": "改版有误"})
    page = browser.get(run).text
    assert "已迁移 1 个，迁移后已撤销 1 个，没有迁移 0 个" in page
    assert "由简知微于 2026-11-23 09:00 撤销" in page
    undone = browser.get(f"{run}?status=undone").text
    assert f"/studio/instances/{first}" in undone
    assert f'/studio/instances/{second}"' not in undone
    assert f'/studio/instances/{first}"' not in browser.get(f"{run}?status=moved").text
    browser.post(run, {"id": [second], "reason": "改版有误"})
    page = browser.get(run).text
    assert '<h2 class="h5 mb-0" id="progress-title">已撤销</h2>' in page
    assert "已迁移 0 个，迁移后已撤销 2 个" in page


def test_an_instance_goes_back_from_its_own_page_until_its_next_step(
    browser: Any, versions: tuple[int, int], desks: Desk, client_for: Any
) -> None:
    source, _ = versions
    run = start(browser, source, all="1").location
    worker.drain()
    first, second, _ = (each.id for each in instances())
    assert "撤销迁移" in browser.get(f"/studio/instances/{first}").text
    form = {"act": "undo", "reason": "改版有误"}
    assert browser.post(f"/studio/instances/{first}", form).status_code == 303
    assert "撤销迁移</button>" not in browser.get(f"/studio/instances/{first}").text
    clerk = client_for(desks.clerk)
    clerk.post(f"/tasks/{desks.items[1]}", {"decision": "return", "opinion": "请补充"})
    answer = browser.post(f"/studio/instances/{second}", form)
    assert (answer.status_code, "迁移后流程已继续办理" in answer.text) == (409, True)
    page = browser.get(run).text
    assert "已撤销" in page
    assert "已继续办理，不能撤销" in page
    with transaction(write=False):
        names = set(db.session.scalars(sa.select(WorkItem.name)))
    assert "补充绑定申请" in names


def test_an_order_without_reason_or_instance_is_refused_on_the_page(
    browser: Any, versions: tuple[int, int]
) -> None:
    source, target = versions
    for form, words in (
        ({"reason": " ", "all": "1"}, "请填写原因"),
        ({"id": []}, "请先勾选要迁移的实例"),
        ({"id": [999]}, "请先勾选要迁移的实例"),
    ):
        answer = start(browser, source, **form)
        assert (answer.status_code, words in answer.text) == (422, True)
    assert start(browser, source, to=source, all="1").status_code == 404
    assert "此版本没有在办的实例" in browser.get(f"/studio/processes/{target}/migrate").text
    assert browser.get("/studio/migrations/99").status_code == 404


def test_what_is_to_move_is_listed_by_the_database_itself(
    browser: Any, versions: tuple[int, int]
) -> None:
    with statements_sent() as sent:
        assert start(browser, versions[0], all="1").status_code == 303
    (listing,) = [each for each in sent if each.startswith("INSERT INTO migration_move")]
    assert "SELECT" in listing
    with transaction(write=False):
        assert moves.count(1) == {"waiting": 3}


def test_a_version_without_another_says_so(browser: Any, desks: Desk) -> None:
    with transaction(write=False):
        only = instances_version()
    assert "没有其他版本可以迁移" in browser.get(f"/studio/processes/{only}/migrate").text


def instances_version() -> int:
    return db.session.scalars(sa.select(ProcessInstance.version_id)).first() or 0


def test_a_killed_job_goes_on_where_it_was_and_hands_over_in_parts(
    browser: Any, versions: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = versions
    monkeypatch.setattr(moves, "AT_ONCE", 2)
    start(browser, source, all="1")
    with transaction(write=False):
        payload = db.session.scalars(sa.select(Job.payload)).one()
    moves.move_some(payload)
    assert versions_of_all() == [target, target, source]
    # As after a kill: the job runs again, and the part it asked for as well.
    moves.move_some(payload)
    worker.drain()
    assert versions_of_all() == [target] * 3
    with transaction(write=False):
        assert moves.count(1) == {"moved": 3}


def test_who_moved_elsewhere_meanwhile_stays(browser: Any, versions: tuple[int, int]) -> None:
    source, target = versions
    first = instances()[0].id
    start(browser, source, id=[first])
    _, third = publish(lambda text: text + "\n")
    with transaction():
        moved = db.session.get_one(ProcessInstance, first)
        migration.migrate(
            moved, db.session.get_one(ProcessVersion, third), reason="先", actor_id=None, now=now()
        )
    worker.drain()
    assert versions_of_all()[0] == third
    with transaction(write=False):
        assert moves.count(1) == {"refused": 1}
    assert target != third


def test_two_workers_and_a_clerk_at_once_move_each_instance_once(
    app: Flask, browser: Any, versions: tuple[int, int], desks: Desk
) -> None:
    source, target = versions
    start(browser, source, all="1")
    with transaction(write=False):
        payload = db.session.scalars(sa.select(Job.payload)).one()
        clerk_id = db.session.merge(desks.clerk).id

    def work() -> None:
        moves.move_some(payload)

    def act() -> None:
        with transaction():
            item = db.session.get_one(WorkItem, desks.items[1])
            answers = {"decision": "return", "opinion": "请补充"}
            runtime.complete(item, answers, actor_id=clerk_id, now=now())

    assert together(app, work, work, act) == [None] * 3
    worker.drain()
    assert versions_of_all() == [target] * 3
    with transaction(write=False):
        moved = sa.select(sa.func.count(InstanceMigration.id))
        assert (moves.count(1), db.session.scalar(moved)) == ({"moved": 3}, 3)
        nodes = sa.select(WorkItem.node).where(WorkItem.status == "open")
        assert sorted(db.session.scalars(nodes)) == ["mend_binding", "vet_binding", "vet_binding"]


def test_who_cancels_and_who_decides_at_once_are_one_after_the_other(
    app: Flask, desks: Desk
) -> None:
    number = instances()[0].id
    with transaction(write=False):
        clerk_id = db.session.merge(desks.clerk).id

    def cancel() -> None:
        with transaction():
            found = db.session.get_one(ProcessInstance, number)
            care.cancel(found, reason="重复申请", actor_id=None, now=now())

    def decide() -> None:
        with transaction():
            item = db.session.get_one(WorkItem, desks.items[0])
            answers = {"decision": "pass", "opinion": "同意"}
            runtime.complete(item, answers, actor_id=clerk_id, now=now())

    failures = together(app, cancel, decide)
    assert failures.count(None) == 1, failures
    with transaction(write=False):
        found = db.session.get_one(ProcessInstance, number)
        binding = db.session.get_one(Employment, found.business_id)
        ended = (found.status, binding.status)
    assert ended in {("cancelled", "cancelled"), ("completed", "active")}
