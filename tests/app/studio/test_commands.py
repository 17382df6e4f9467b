"""What process admins do to running instances on the server, and what they are told."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app import worker
from app.accounts.models import Notification, Person
from app.core.clock import now
from app.core.db import db, transaction
from app.core.panels import panels_for
from app.engine import definitions, health
from app.engine.models import (
    Heartbeat,
    Incident,
    ProcessInstance,
    ProcessVersion,
    Timer,
    WorkItem,
)
from tests.app.inbox.conftest import Desk
from tests.builders.people import a_person, a_unit
from tests.conftest import START

ROOT = Path(__file__).resolve().parents[3]
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(app: Flask) -> Run:
    """Run a flask command; returns its exit code and what it printed."""

    def invoke(*words: object) -> tuple[int, str]:
        result = app.test_cli_runner().invoke(args=[str(word) for word in words])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    return invoke


def first(table: Any) -> Any:
    with transaction(write=False):
        return db.session.scalars(sa.select(table).order_by(table.id)).first()


def break_form() -> None:
    with transaction():
        db.session.execute(sa.update(WorkItem).values(form="gone"))


def test_a_task_without_its_form_is_an_incident_and_no_error_page(
    client_for: Any, desk: Desk, admin: Person, run: Run
) -> None:
    break_form()
    page = client_for(desk.clerk).get(desk.url)
    assert page.status_code == 409
    assert "异常已记录，请联系流程管理员" in page.text
    assert client_for(desk.clerk).post(desk.url, {"decision": "pass"}).status_code == 409
    incident = first(Incident)
    assert (incident.times, incident.instance_id) == (2, first(WorkItem).instance_id)
    with transaction(write=False):
        told = db.session.scalars(
            sa.select(Notification.text).where(Notification.person_id == admin.id)
        ).all()
    assert len(told) == 1
    assert "没有表单“gone”" in told[0]
    code, said = run("incidents")
    assert (code, "没有表单“gone”" in said, "1 个未处理的异常" in said) == (0, True, True)
    said = f"异常 {incident.id} 已标为已处理，请通知办理人重新提交\n"
    assert run("retry-incident", incident.id) == (0, said)
    assert run("retry-incident", incident.id)[0] == 1
    assert "该异常已处理" in run("retry-incident", incident.id)[1]
    assert run("incidents") == (0, "没有未处理的异常\n")


def test_a_torn_state_is_an_incident_and_no_error_page(
    client_for: Any, desk: Desk, admin: Person
) -> None:
    with transaction():
        db.session.execute(sa.update(ProcessInstance).values(state=b"torn"))
    browser = client_for(desk.clerk)
    assert browser.get(desk.url).status_code == 200
    answer = browser.post(desk.url, {"decision": "pass", "opinion": "同意"})
    assert answer.status_code == 409
    assert "任务仍在原处" in answer.text
    assert "可能已有他人办理" not in answer.text
    assert "流程状态无法读取" in first(Incident).message
    assert first(WorkItem).status == "open"


def test_a_page_that_no_room_offers_is_an_incident(client_for: Any, desk: Desk) -> None:
    with transaction():
        db.session.execute(sa.update(WorkItem).values(page="nowhere"))
    assert client_for(desk.clerk).get(desk.url).status_code == 409
    assert "nowhere" in first(Incident).message


def test_an_instance_is_halted_goes_on_and_is_cancelled(run: Run, desk: Desk) -> None:
    number = first(ProcessInstance).id
    because = ("--reason", "核实情况")
    assert run("suspend", number, *because) == (0, f"流程实例 {number} 已暂停\n")
    assert "流程已经暂停" in run("suspend", number, *because)[1]
    assert run("resume", number, *because) == (0, f"流程实例 {number} 已恢复\n")
    assert "流程没有暂停" in run("resume", number, *because)[1]
    assert run("cancel", number, *because) == (0, f"流程实例 {number} 已作废\n")
    code, said = run("cancel", number, *because)
    assert (code, "流程已结束" in said) == (1, True)
    assert "没有流程实例 999" in run("suspend", 999, *because)[1]


def test_a_task_is_given_to_a_person_who_is_told(
    run: Run, desk: Desk, admin: Person, client_for: Any
) -> None:
    with transaction():
        own = db.session.get_one(WorkItem, desk.items[0]).scope_id
        other = a_person("卜文", roles=[("unit_clerk", "org", own)])
    login = f"person{other.id}"
    item = desk.items[0]
    because = ("--reason", "经办人出差", "--by", f"person{admin.id}")
    code, said = run("reassign", item, "--to", login, *because)
    assert (code, "已转办" in said) == (0, True)
    with transaction(write=False):
        told = db.session.scalars(
            sa.select(Notification.text).where(Notification.person_id == other.id)
        ).one()
    assert "已转给您办理" in told
    assert client_for(other).get(desk.url).status_code == 200
    assert client_for(desk.clerk).get(desk.url).status_code == 409
    assert "任务刚刚已转给卜文" in run("reassign", item, "--to", login, *because)[1]
    assert "没有账号“nobody”" in run("reassign", item, "--to", "nobody", *because)[1]
    assert run("reassign", item, "--to", f"org:{own}", *because)[0] == 0


def test_a_task_leaves_its_unit_only_when_told_so_and_never_its_jurisdiction(
    run: Run, desk: Desk
) -> None:
    with transaction():
        near, far = a_unit("云桥区第四小学"), a_unit("远方市第一小学", jurisdiction="fujian")
    given = ("reassign", desk.items[0], "--reason", "归口有误", "--to")
    code, said = run(*given, f"org:{near.id}")
    assert (code, "请核对后确认转给其他单位" in said) == (1, True)
    code, said = run(*given, f"org:{far.id}", "--elsewhere")
    assert (code, "该单位不属于此任务所在的地区" in said) == (1, True)
    assert "该单位不属于此任务所在的地区" in run(*given, "meeting:9", "--elsewhere")[1]
    assert run(*given, f"org:{near.id}", "--elsewhere")[0] == 0


def test_who_acts_by_name_is_a_process_admin(run: Run, desk: Desk) -> None:
    number = first(ProcessInstance).id
    given = ("suspend", number, "--reason", "核实情况", "--by", f"person{desk.clerk.id}")
    code, said = run(*given)
    assert (code, f"“person{desk.clerk.id}”不是流程管理员" in said) == (1, True)
    assert first(ProcessInstance).status == "running"


def test_a_deadline_is_listed_and_moved(run: Run, desk: Desk) -> None:
    number = first(ProcessInstance).id
    code, said = run("timers", number)
    assert (code, said) == (0, f"流程实例 {number} 没有等待的时限\n")
    assert "没有流程实例 999" in run("timers", 999)[1]
    moved = run("move-timer", 999, "--to", "2026-12-01 17:30", "--reason", "延期")
    assert moved[0] == 1
    assert "该时限已经到期或取消，不能改期" in moved[1]
    code, said = run("move-timer", 999, "--to", "昨天", "--reason", "延期")
    assert code == 1
    assert "时间“昨天”不能识别，请写成 2026-11-20 17:30 的样子" in said


def test_instances_move_to_another_version_and_back(run: Run, desk: Desk) -> None:
    instance = first(ProcessInstance)
    key = instance.process_key
    with transaction():
        version = db.session.get_one(ProcessVersion, instance.version_id)
        bundle = definitions.bundle_of(version)
        files = {name: text.encode() for name, text in bundle.files.items()}
        files[f"{key}.bpmn"] += b"\n"
        definitions.publish_version(key, "", files, bundle.forms, actor_id=None, now=now())
    ways = ("--from", version.no, "--to", version.no + 1)
    code, said = run("migrate-process", key, *ways)
    assert (code, said) == (0, f"实例 {instance.id}\t可迁移\t时限 -\n")
    code, said = run("migrate-process", key, *ways, "--reason", "流程改版")
    assert (code, "已迁移 1 个，未迁移 0 个" in said) == (0, True)
    assert first(ProcessInstance).version_id != version.id
    because = ("--reason", "改版有误")
    assert run("undo-migration", instance.id, *because)[0] == 0
    assert first(ProcessInstance).version_id == version.id
    assert "没有可撤销的迁移" in run("undo-migration", instance.id, *because)[1]
    assert "没有第 77 版" in run("migrate-process", key, "--from", 77, "--to", 1)[1]
    assert "流程已经是所选版本" in run("migrate-process", key, "--from", 1, "--to", 1)[1]


def test_a_dead_worker_is_noticed(run: Run, at: Any, admin: Person) -> None:
    code, said = run("engine-health")
    assert (code, "后台任务从未运行" in said) == (1, True)
    worker.tick()
    code, said = run("engine-health")
    assert (code, "后台任务运行正常" in said) == (0, True)
    at(START + timedelta(minutes=10))
    code, said = run("engine-health")
    assert (code, "后台任务已停止" in said) == (1, True)
    with transaction(write=False):
        panel = next(
            each
            for each in panels_for(admin, {"process_admin"}, now())
            if each.title == "流程运行"
        )
    assert (panel.lines[0].status, panel.lines[0].tone) == ("已停止", "danger")


def test_the_worker_does_not_write_at_every_tick(app: Flask) -> None:
    def beat_at() -> Any:
        with transaction(write=False):
            return db.session.scalar(sa.select(Heartbeat.at))

    worker.tick()
    seen = beat_at()
    worker.tick()
    assert beat_at() == seen
    with transaction(write=False):
        assert not health.is_beat_due(seen + timedelta(seconds=14))
        assert health.is_beat_due(seen + timedelta(seconds=15))
        # A beat of the future is as wrong as an old one: the clock was set back.
        assert health.health(seen - timedelta(hours=1)).is_dead


def test_what_lies_waiting_is_counted(app: Flask, desk: Desk) -> None:
    with transaction():
        instance = db.session.scalars(sa.select(ProcessInstance)).first()
        assert instance is not None
        due = now() - timedelta(minutes=5)
        db.session.add(
            Timer(instance_id=instance.id, task_uuid="t", node="n", due_at=due, try_at=due)
        )
    with transaction(write=False):
        found = health.health(now())
        assert (found.due_timers, found.oldest_due) == (1, due)
        assert (found.open_incidents, found.suspended, found.failed_messages) == (0, 0, 0)


def test_files_are_judged_on_the_command_line_one_line_each(run: Run, tmp_path: Path) -> None:
    good, bad = ROOT / "bpmn" / "unit_binding.bpmn", tmp_path / "bad.bpmn"
    bad.write_bytes(b"\x89PNG")
    assert run("lint-process", good)[0] == 0
    code, said = run("lint-process", good, bad, tmp_path / "gone.bpmn")
    rows = [json.loads(line) for line in said.splitlines()]
    assert (code, [row["ok"] for row in rows]) == (1, [True, False, False])
    assert [row["file"] for row in rows] == [str(good), str(bad), str(tmp_path / "gone.bpmn")]
    assert {"rule", "element", "name", "message", "hint"} <= rows[1]["findings"][0].keys()
    assert [finding["rule"] for finding in rows[2]["findings"]] == ["file.unreadable"]


def test_files_are_judged_beside_what_is_published(run: Run) -> None:
    alone = run("lint-process", ROOT / "bpmn" / "declaration.bpmn")
    assert alone == (0, alone[1])
    assert json.loads(alone[1])["findings"] == []
    both = run(
        "lint-process", *((ROOT / "bpmn" / f"{n}.bpmn") for n in ("declaration", "unit_review"))
    )
    assert [json.loads(line)["ok"] for line in both[1].splitlines()] == [True, True]


def test_files_are_judged_before_there_is_a_database(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "lint-process"]
    made = subprocess.run(
        [*command, str(ROOT / "bpmn" / "declaration.bpmn")],
        check=False,
        cwd=ROOT,
        env={**os.environ, "INSTANCE": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout.splitlines()[-1])["ok"] is True
