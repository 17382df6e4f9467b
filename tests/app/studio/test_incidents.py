"""流程异常: what a process admin finds of failures, and how they try again."""

import sqlite3
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app import worker
from app.accounts.models import Notification, Person
from app.core import jobs
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict
from app.core.jobs import Job
from app.engine import definitions, incidents, queue, runtime
from app.engine.incidents import StepFailed
from app.engine.models import Incident, ProcessInstance, QueueKind, QueueRow, Timer, WorkItem
from app.engine.walk import UndeclaredOutcome, flat
from app.studio import troubles
from app.units.process import BINDING
from tests.app.inbox.conftest import Desk


def only(table: Any) -> Any:
    with transaction(write=False):
        return db.session.scalars(sa.select(table)).one()


def torn(desk: Desk, client_for: Any) -> Incident:
    """Let the clerk meet an instance whose state cannot be read."""
    with transaction():
        db.session.execute(sa.update(ProcessInstance).values(state=b"torn"))
    answer = client_for(desk.clerk).post(desk.url, {"decision": "pass", "opinion": "同意"})
    assert answer.status_code == 409
    return only(Incident)  # type: ignore[no-any-return]


def failed(
    desk: Desk,
    words: str = "编号规则缺失",
    node: str = "vet_binding",
    actor_id: int | None = None,
) -> int:
    with transaction():
        instance = db.session.scalars(sa.select(ProcessInstance)).first()
        assert instance is not None
        place = incidents.place_of(instance, actor_id)
        error = StepFailed(LookupError(words), place, node=node)
        return incidents.record(error, now()).id


def test_an_incident_is_listed_with_its_record_its_step_and_its_cause(
    browser: Any, desk: Desk
) -> None:
    number = failed(desk)
    page = browser.get("/studio/incidents").text
    for words in (
        "苏晓禾 申请绑定",
        "编号规则缺失",
        "人员注册审核",
        f"/studio/incidents/{number}",
    ):
        assert words in page


def test_incidents_are_found_by_words_record_number_process_and_state(
    browser: Any, desk: Desk
) -> None:
    number = failed(desk)
    for query in ("?q=规则缺失", "?q=苏晓禾", f"?q={number}", "?process=unit_binding", "?state="):
        assert f"/studio/incidents/{number}" in browser.get(f"/studio/incidents{query}").text
    for query in ("?q=没有这样的", "?process=declaration", "?state=resolved"):
        page = browser.get(f"/studio/incidents{query}").text
        assert f"/studio/incidents/{number}" not in page
        assert "没有符合条件的流程异常" in page


def test_without_incidents_the_list_says_so(browser: Any, desk: Desk) -> None:
    assert "没有未处理的流程异常" in browser.get("/studio/incidents").text


def test_an_incident_shows_its_place_in_the_diagram_and_the_next_step(
    browser: Any, desk: Desk
) -> None:
    number = failed(desk, actor_id=desk.clerk.id)
    page = browser.get(f"/studio/incidents/{number}").text
    assert "&#34;failed&#34;: [&#34;vet_binding&#34;]" in page
    for words in ("怎样处理", "技术详情", "LookupError", "人员注册审核", "标为已处理"):
        assert words in page
    assert browser.post(f"/studio/incidents/{number}").status_code == 303
    page = browser.get(f"/studio/incidents/{number}").text
    assert f"异常 {number} 已标为已处理" in page
    assert "请通知办理人重新提交" in page
    assert f'action="/studio/incidents/{number}"' not in page


def test_what_still_cannot_be_read_stays_open_and_its_page_says_why(
    browser: Any, desk: Desk, client_for: Any
) -> None:
    incident = torn(desk, client_for)
    answer = browser.post(f"/studio/incidents/{incident.id}")
    assert answer.status_code == 409
    assert "原因没有消除，异常保持未处理：流程状态无法读取" in answer.text
    assert only(Incident).status == "open"
    # The instance's page does without the state.
    assert browser.get(f"/studio/instances/{incident.instance_id}").status_code == 200


def test_several_incidents_are_retried_at_once_each_with_its_result(
    browser: Any, desk: Desk, client_for: Any
) -> None:
    bad = torn(desk, client_for)
    with transaction():
        good = incidents.record(LookupError("模板缺失"), now()).id
    answer = browser.post("/studio/incidents", {"id": [bad.id, good, 999]})
    assert answer.status_code == 303
    page = browser.get("/studio/incidents").text
    assert "已处理 1 个异常" in page
    assert f"异常 {bad.id}：没有处理，流程状态无法读取" in page
    assert "异常 999：没有处理，没有这个流程异常" in page
    with transaction(write=False):
        states = dict(db.session.execute(sa.select(Incident.id, Incident.status)).all())
        closed = db.session.scalars(
            sa.select(AuditEvent.subject_id).where(AuditEvent.tag == "incident:closed")
        ).all()
    assert states == {bad.id: "open", good: "resolved"}
    assert closed == [good]


def test_a_persons_step_is_not_said_to_run_again(browser: Any, desk: Desk) -> None:
    number = failed(desk)
    page = browser.get(f"/studio/incidents/{number}").text
    assert ">重试</button>" not in page
    assert "这里不会替办理人重新运行" in page
    assert first_link(page, "迁移在办实例") == f"/studio/processes/{version_of(number)}/migrate"


def test_a_timer_that_failed_is_tried_again(browser: Any, desk: Desk) -> None:
    number, instance = failed(desk), only(ProcessInstance)
    with transaction():
        db.session.add(
            Timer(
                instance_id=instance.id,
                task_uuid="late",
                node="late",
                due_at=now(),
                try_at=now(),
                attempts=5,
            )
        )
    assert ">重试</button>" in browser.get(f"/studio/incidents/{number}").text
    browser.post(f"/studio/incidents/{number}")
    assert f"异常 {number} 已重试并关闭" in browser.get(f"/studio/incidents/{number}").text
    with transaction(write=False):
        of_incident = sa.select(AuditEvent.tag).where(AuditEvent.subject_type == "incident")
        assert db.session.scalars(of_incident).all() == ["incident:retried"]


def first_link(page: str, word: str) -> str:
    """Return where the link of these words leads."""
    return (
        page.split(f">{word}</a>", maxsplit=1)[0].rsplit('href="', 1)[1].split('"', maxsplit=1)[0]
    )


def version_of(incident_id: int) -> int:
    with transaction(write=False):
        incident = db.session.get_one(Incident, incident_id)
        return db.session.get_one(ProcessInstance, incident.instance_id).version_id


def test_nothing_is_offered_for_several_where_all_are_dealt_with(browser: Any, desk: Desk) -> None:
    number = failed(desk)
    assert "批量处理" in browser.get("/studio/incidents").text
    browser.post(f"/studio/incidents/{number}")
    page = browser.get("/studio/incidents?state=resolved").text
    assert f"/studio/incidents/{number}" in page
    assert "批量" not in page
    assert "data-all" not in page


def test_the_incident_of_a_job_names_it_and_speaks_of_no_diagram(browser: Any, desk: Desk) -> None:
    incident = given_up()
    assert "后台作业：制作证书文件" in browser.get("/studio/incidents").text
    page = browser.get(f"/studio/incidents/{incident.id}").text
    assert "后台作业：制作证书文件" in page
    assert "先按上面的原因排查" in page
    assert "流程或表单有误" not in page


def test_every_job_has_a_word() -> None:
    assert set(jobs._works) <= set(troubles.JOBS)


def test_a_closed_incident_is_not_retried_again(browser: Any, desk: Desk) -> None:
    number = failed(desk)
    browser.post(f"/studio/incidents/{number}")
    answer = browser.post(f"/studio/incidents/{number}")
    assert (answer.status_code, "该异常已处理" in answer.text) == (409, True)


def test_a_message_that_was_given_up_is_an_incident_and_is_delivered_after_a_retry(
    browser: Any, desk: Desk
) -> None:
    with transaction():
        db.session.execute(sa.update(ProcessInstance).values(status="completed", ended_at=now()))
        queue.append(
            QueueKind.START,
            "unit_binding",
            business=(BINDING, 1),
            unique="again",
            now=now(),
            payload={},
        )
        row = db.session.scalars(sa.select(QueueRow)).one()
        row.status, row.attempts, row.last_error = "failed", 5, "LookupError: 范围缺失"
        number = incidents.record(LookupError("范围缺失"), now(), queue_row_id=row.id).id
    assert "人员注册审核" in browser.get("/studio/incidents?process=unit_binding").text
    health = browser.get("/studio/health").text
    assert "送达失败" in health
    assert "范围缺失" in health
    page = browser.get(f"/studio/incidents/{number}").text
    assert "苏晓禾 申请绑定" in page
    browser.post(f"/studio/incidents/{number}")
    assert "消息由后台在几秒内再次送达" in browser.get(f"/studio/incidents/{number}").text
    worker.tick()
    assert only(QueueRow).status == "done"


def test_a_job_that_was_given_up_is_listed_and_tried_afresh(
    browser: Any, admin: Person, desk: Desk
) -> None:
    assert "没有失败的后台作业" in browser.get("/studio/incidents/jobs").text
    with transaction():
        jobs.enqueue("render_certificate", {}, key="certificate:1", now=now())
        db.session.execute(sa.update(Job).values(status="failed", last_error="OSError: 磁盘已满"))
    page = browser.get("/studio/incidents/jobs").text
    assert "制作证书文件" in page
    assert "磁盘已满" in page
    job = only(Job)
    assert browser.post(f"/studio/incidents/jobs/{job.id}").status_code == 303
    assert only(Job).status == "waiting"
    answer = browser.post(f"/studio/incidents/jobs/{job.id}")
    assert (answer.status_code, "已经重试或完成" in answer.text) == (409, True)
    with transaction(write=False):
        event = db.session.scalars(
            sa.select(AuditEvent).where(AuditEvent.tag == "job:retried")
        ).one()
    assert (event.actor_id, event.data) == (admin.id, {"name": "制作证书文件"})


def given_up() -> Incident:
    """A job that was given up, with the incident that tells of it."""
    with transaction():
        jobs.enqueue("render_certificate", {}, key="certificate:1", now=now())
        db.session.execute(sa.update(Job).values(status="failed", last_error="OSError: 磁盘已满"))
        return incidents.record(OSError("磁盘已满"), now(), job_key="certificate:1")


@pytest.mark.parametrize("place", ["incidents/jobs", "incidents"])
def test_a_job_and_its_incident_are_settled_by_one_act(
    browser: Any, desk: Desk, place: str
) -> None:
    incident = given_up()
    number = only(Job).id if place.endswith("jobs") else incident.id
    page = browser.get(f"/studio/incidents/{incident.id}").text
    assert "由后台再次运行" in page
    assert "标为已处理" not in page
    assert browser.post(f"/studio/{place}/{number}").status_code == 303
    assert (only(Job).status, only(Incident).status) == ("waiting", "resolved")
    assert "作业已重新安排，由后台运行" in browser.get(f"/studio/incidents/{incident.id}").text
    assert browser.post(f"/studio/{place}/{number}").status_code == 409


def test_who_is_told_of_an_incident_is_led_to_it(admin: Person, desk: Desk) -> None:
    number = failed(desk)
    with transaction(write=False):
        told = db.session.scalars(
            sa.select(Notification).where(Notification.person_id == admin.id)
        ).one()
    assert told.url == f"/studio/incidents/{number}"


def test_nobody_else_sees_these_pages(client_for: Any, desk: Desk) -> None:
    number = failed(desk)
    clerk = client_for(desk.clerk)
    item = only(WorkItem)
    for path in (
        "incidents", f"incidents/{number}", "incidents/jobs", "instances",
        f"instances/{item.instance_id}", f"tasks/{item.id}", "health",
    ):  # fmt: skip
        assert clerk.get(f"/studio/{path}").status_code == 403
    assert (
        clerk.post(f"/studio/instances/{item.instance_id}", {"act": "cancel"}).status_code == 403
    )


def test_what_does_not_exist_is_not_found(browser: Any, desk: Desk) -> None:
    for path in ("incidents/999", "instances/999", "tasks/999"):
        assert browser.get(f"/studio/{path}").status_code == 404
    for path in ("incidents/999", "instances/999", "tasks/999", "incidents/jobs/999"):
        assert browser.post(f"/studio/{path}").status_code == 404


def failed_start(actor: Person) -> int:
    """A request whose process could not start: its record was undone with it."""
    with pytest.raises(StepFailed) as caught, transaction():
        runtime.start(
            "unit_binding",
            business=(BINDING, 999),
            jurisdiction="anhui",
            actor_id=actor.id,
            now=now(),
        )
    assert caught.value.hint == incidents.NOT_STARTED
    with transaction():
        return incidents.record(caught.value, now()).id


def test_a_start_that_failed_names_process_version_person_and_step(
    browser: Any, desk: Desk
) -> None:
    number = failed_start(desk.clerk)
    page = browser.get("/studio/incidents").text
    for words in (f"启动流程（{desk.clerk.name}办理）", "人员注册审核", "第 1 版", "申请已提交"):
        assert words in page
    assert "binding_requested" not in page
    page = browser.get(f"/studio/incidents/{number}").text
    for words in (
        "第 1 版",
        desk.clerk.name,
        "申请已提交",
        "&#34;failed&#34;: [&#34;binding_requested",
    ):
        assert words in page
    assert (
        f"/studio/incidents/{number}" in browser.get("/studio/incidents?process=unit_binding").text
    )
    told = only(Notification).text
    assert "启动时，环节“申请已提交”" in told


def test_an_incident_keeps_the_version_that_it_happened_in(browser: Any, desk: Desk) -> None:
    number = failed(desk)
    with transaction():
        instance = db.session.scalars(sa.select(ProcessInstance)).one()
        bundle = definitions.bundle_of(instance)
        files = {name: f"{text}\n".encode() for name, text in bundle.files.items()}
        newer = definitions.publish_version(
            "unit_binding", "", files, bundle.forms, actor_id=None, now=now()
        )
        db.session.execute(sa.update(ProcessInstance).values(version_id=newer.id))
    page = browser.get(f"/studio/incidents/{number}").text
    assert "，第 1 版" in page
    assert "现在使用第 2 版" in page


def test_a_cause_speaks_the_language_of_its_readers() -> None:
    """No name of a class stands before Chinese words; nobody is told to refresh a page."""
    said = incidents.describe(Conflict("没有待审核的撤回申请，请刷新页面"))
    assert said == "没有待审核的撤回申请"
    assert incidents.describe(LookupError("编号规则缺失")) == "编号规则缺失"
    assert incidents.describe(KeyError("x")) == "KeyError: 'x'"
    with pytest.raises(UndeclaredOutcome, match=r"声明的有：decision、verdict$") as caught:
        flat({"decison": 1}, declared=frozenset({"verdict", "decision"}))
    assert incidents.describe(caught.value).startswith("节点没有声明结果")


def test_a_broken_law_is_told_in_words_with_what_to_do(browser: Any, desk: Desk) -> None:
    law = "数据不符合规则：一次提交只能有一份单位推荐意见，这次提交已经推荐过"
    columns = "recommendation.declaration_id, recommendation.round"
    lite = sqlite3.IntegrityError(f"UNIQUE constraint failed: {columns}")
    named = SimpleNamespace(constraint_name="one_recommendation_a_submission")
    great = SimpleNamespace(sqlstate="23505", diag=named)
    for refused in (lite, great):
        error = IntegrityError("INSERT", {}, refused)  # type: ignore[arg-type]
        assert incidents.describe(error) == law
    page = browser.get(f"/studio/incidents/{failed(desk, law)}").text
    assert law in page
    assert "多半是同样的环节画了两次" in page
    assert "多半是同样的环节画了两次" not in browser.get(f"/studio/incidents/{failed(desk)}").text


def test_what_nobody_had_submitted_is_not_to_be_submitted_again(browser: Any, desk: Desk) -> None:
    of_a_timer, of_somebody = failed(desk), failed(desk, "另一个", actor_id=desk.clerk.id)
    with transaction():
        instance = db.session.scalars(sa.select(ProcessInstance)).one()
        late = {"node": "vet_binding", "due_at": now(), "try_at": now(), "attempts": 5}
        db.session.add(Timer(instance_id=instance.id, task_uuid="t", **late))
    for number in (of_a_timer, of_somebody):
        browser.post(f"/studio/incidents/{number}")
    page = browser.get(f"/studio/incidents/{of_a_timer}").text
    assert "由后台在几秒内再次运行" in page
    assert "请通知办理人重新提交：" not in page
    page = browser.get(f"/studio/incidents/{of_somebody}").text
    assert "由后台在几秒内再次运行；仍然" not in page
    assert "请通知办理人重新提交：" in page


def test_an_incident_closes_with_its_instance(desk: Desk, client_for: Any, browser: Any) -> None:
    number = failed(desk, actor_id=desk.clerk.id)
    done = client_for(desk.clerk).post(desk.url, {"decision": "pass", "opinion": "同意"})
    assert done.status_code == 303
    assert only(ProcessInstance).status == "completed"
    assert (only(Incident).status, only(Incident).resolved_by) == ("resolved", None)
    page = browser.get(f"/studio/incidents/{number}").text
    assert "流程已结束，不需要再处理" in page
    assert "流程已办结，自动关闭" in page
    assert "is-failed" not in page
    assert "&#34;failed&#34;: []" in page
