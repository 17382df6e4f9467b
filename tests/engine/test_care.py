"""What process admins do to running instances: incidents, halting, giving away, moving dates."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from app.core.audit import AuditEvent
from app.core.db import db, transaction
from app.core.errors import Conflict, Invalid, StaleTask
from app.engine import care, deadlines, definitions, handlers, incidents, runtime, workers
from app.engine.handlers import Scope
from app.engine.models import (
    Incident,
    ProcessInstance,
    SpecBundle,
    StepLog,
    Timer,
    WorkItem,
)
from tests.engine.kit import (
    CASE,
    CLERK,
    LEADER,
    NOON,
    Office,
    boundary,
    catch,
    diagram,
    end,
    error,
    fails,
    line,
    reviewed,
    service,
    start,
    timer,
    user,
)

LATER = NOON + timedelta(days=2)


@pytest.fixture
def told(database: Flask) -> list[str]:
    """What people were told of incidents."""
    heard: list[str] = []
    incidents.tells(lambda incident, _now: heard.append(incident.message))
    return heard


def all_incidents() -> list[Incident]:
    with transaction(write=False):
        return list(db.session.scalars(sa.select(Incident).order_by(Incident.id)))


def retry(number: int = 0) -> None:
    with transaction():
        incident = db.session.scalars(sa.select(Incident).order_by(Incident.id)).all()[number]
        care.retry(incident, actor_id=LEADER, now=NOON)


def on_instance(act: Callable[..., None], reason: str = "核实情况", **more: object) -> None:
    with transaction():
        instance = db.session.scalars(sa.select(ProcessInstance)).one()
        act(instance, reason=reason, actor_id=LEADER, now=NOON, **more)


def give(to: Scope, reason: str = "出差") -> None:
    with transaction():
        item = db.session.scalars(sa.select(WorkItem).order_by(WorkItem.id.desc())).first()
        assert item is not None
        care.reassign(item, to, reason=reason, actor_id=LEADER, now=NOON)


def move_timer(due: datetime) -> None:
    with transaction():
        number = db.session.scalars(sa.select(Timer.id)).one()
        deadlines.move_timer(number, due, reason="延长公示", actor_id=LEADER, now=NOON)


def events() -> list[tuple[str, str, int | None]]:
    with transaction(write=False):
        found = db.session.scalars(sa.select(AuditEvent).order_by(AuditEvent.id))
        return [(each.tag, each.subject_type, each.actor_id) for each in found]


def failing(office: Office, *, at_first: bool = True) -> list[bool]:
    """Publish a process whose service fails while the list says so."""
    broken = [at_first]

    @handlers.service("number")
    def number(step: handlers.Step) -> None:
        if broken[0]:
            raise LookupError("编号规则缺失")

    office.publish(
        diagram(
            "case", start(), user("fill"), service("give_number", "number"), user("sign"), end(),
            line("begun", "fill", "give_number", "sign", "ended"),
        ),
        key="case",
    )  # fmt: skip
    return broken


def fail(office: Office, node: str = "fill") -> None:
    with pytest.raises(incidents.StepFailed) as failed, incidents.reported(NOON):
        office.do(node)
    assert failed.value.status == 409
    assert failed.value.message.startswith("流程处理出错，本次操作没有生效")


def test_a_failing_handler_leaves_the_instance_and_tells_of_an_incident(
    office: Office, told: list[str]
) -> None:
    failing(office)
    instance_id = office.begin("case")
    before = office.instance(instance_id).state
    fail(office)

    assert (office.open(), office.log()) == (["fill"], [])
    assert office.instance(instance_id).state == before
    [incident] = all_incidents()
    assert (incident.instance_id, incident.node) == (instance_id, "give_number")
    assert incident.message == "编号规则缺失"
    assert "Traceback" in incident.detail
    assert told == ["编号规则缺失"]


def test_the_same_failure_is_counted_and_told_once(office: Office, told: list[str]) -> None:
    failing(office)
    office.begin("case")
    for _ in range(3):
        fail(office)
    assert [incident.times for incident in all_incidents()] == [3]
    assert len(told) == 1


def test_a_retried_incident_is_closed_and_the_step_can_be_taken_again(office: Office) -> None:
    broken = failing(office)
    office.begin("case")
    fail(office)
    broken[0] = False
    retry()
    [incident] = all_incidents()
    assert (incident.status, incident.resolved_by) == ("resolved", LEADER)
    assert events() == [("incident:closed", "incident", LEADER)]
    with pytest.raises(Conflict, match="该异常已处理"):
        retry()
    office.do("fill")
    assert office.open() == ["sign"]


def test_a_timer_that_failed_is_tried_at_once_when_its_incident_is_retried(
    office: Office, told: list[str]
) -> None:
    broken = [True]

    @handlers.service("publish")
    def publish(step: handlers.Step) -> None:
        if broken[0]:
            raise LookupError("公示模板缺失")

    office.publish(
        diagram(
            "case", start(), catch("due", timer('"P1D"', "timeDuration")),
            service("announce", "publish"), user("confirm"), end(),
            line("begun", "due", "announce", "confirm", "ended"),
        ),
        key="case",
    )  # fmt: skip
    office.begin("case")
    moment = LATER
    for _ in range(5):
        assert office.drain(moment) == 0
        moment += timedelta(hours=1)
    assert told == ["公示模板缺失"]
    [incident] = all_incidents()
    assert incident.node == "announce"
    broken[0] = False
    with transaction():
        care.retry(db.session.get_one(Incident, incident.id), actor_id=LEADER, now=moment)
    assert office.drain(moment) == 1
    assert office.open() == ["confirm"]


def test_an_incident_of_a_state_that_still_cannot_be_read_stays_open(office: Office) -> None:
    office.publish(reviewed(), key="case_review")
    instance_id = office.begin()
    with transaction():
        instance = db.session.get_one(ProcessInstance, instance_id)
        good, instance.state = instance.state, b"torn"
    fail(office)
    with pytest.raises(incidents.StepFailed):
        retry()
    assert [incident.status for incident in all_incidents()] == ["open"]
    with transaction():
        db.session.get_one(ProcessInstance, instance_id).state = good
    retry()
    office.do("fill")
    assert office.open() == ["vet"]


def test_a_lost_bundle_is_an_incident_with_its_name(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.publish(reviewed(), key="case_review")
    instance_id = office.begin()
    digest = office.instance(instance_id).bundle_hash
    monkeypatch.setattr(definitions, "_bundles", {})
    with transaction():
        kept = db.session.get_one(SpecBundle, digest).content
        db.session.get_one(SpecBundle, digest).content = b"lost"
    fail(office)
    [incident] = all_incidents()
    assert incident.instance_id == instance_id
    assert digest[:12] in incident.message
    with transaction():
        db.session.get_one(SpecBundle, digest).content = kept
    retry()
    office.do("fill")


def test_a_suspended_instance_refuses_everything_and_says_so(office: Office) -> None:
    office.publish(reviewed(), key="case_review")
    office.begin()
    on_instance(care.suspend)
    with pytest.raises(Conflict, match="暂停，恢复前不能办理。原因：核实情况"):
        office.do("fill")
    with pytest.raises(Conflict, match="流程已经暂停"):
        on_instance(care.suspend)
    on_instance(care.resume, "已核实")
    with pytest.raises(Conflict, match="流程没有暂停，不需要恢复"):
        on_instance(care.resume)
    office.do("fill")
    assert office.log() == [("", "暂停"), ("", "恢复"), ("fill", "通过")]
    assert events() == [
        ("instance:suspended", "process_instance", LEADER),
        ("instance:resumed", "process_instance", LEADER),
    ]


@pytest.mark.parametrize("reason", ["", "  ", "长" * 501])
def test_every_act_needs_a_reason_of_a_fair_length(office: Office, reason: str) -> None:
    office.publish(reviewed(), key="case_review")
    instance_id = office.begin()
    for act in (care.suspend, care.cancel):
        with pytest.raises(Invalid, match="原因"):
            on_instance(act, reason)
    with pytest.raises(Invalid, match="原因"):
        give(Scope("person", LEADER), reason)
    assert (office.status(instance_id), office.open(), events()) == ("running", ["fill"], [])


def test_a_cancelled_instance_closes_its_incidents_and_refuses_more(office: Office) -> None:
    failing(office)
    instance_id = office.begin("case")
    fail(office)
    on_instance(care.suspend)
    on_instance(care.cancel, "重复申报")
    assert (office.status(instance_id), office.open()) == ("cancelled", [])
    assert office.ended == [(CASE[1], LEADER, "重复申报")]
    [incident] = all_incidents()
    assert (incident.status, incident.resolved_by) == ("resolved", None)
    for act in (care.suspend, care.resume, care.cancel):
        with pytest.raises(Conflict, match="流程已结束，不能再作处理"):
            on_instance(act)


def test_what_went_wrong_before_closes_when_a_process_ends_as_failed(office: Office) -> None:
    given_up = end("gave_up", fails("broken"))
    drawn = diagram(
        "case", start(), user("fill"), given_up, line("begun", "fill", "gave_up"),
        extra=error("broken"),
    )  # fmt: skip
    office.publish(drawn, key="case")
    instance_id = office.begin("case")
    with transaction():
        place = incidents.place_of(db.session.get_one(ProcessInstance, instance_id))
        failed = incidents.StepFailed(LookupError("编号规则缺失"), place, node="fill")
        incidents.record(failed, office.now)
    office.do("fill")
    earlier, last = all_incidents()
    assert (earlier.status, last.status, last.node) == ("resolved", "open", "gave_up")
    ended = office.instance(instance_id)
    assert (ended.status, earlier.resolved_by) == ("failed", None)
    assert earlier.resolved_at == ended.ended_at


def test_nobody_ends_a_record_whose_room_does_not_say_what_becomes_of_it(office: Office) -> None:
    office.publish(reviewed(), key="case_review")
    instance_id = office.begin()
    handlers.ending.remove("case")
    with pytest.raises(Conflict, match="这类业务的流程不能作废"):
        on_instance(care.cancel)
    assert (office.status(instance_id), office.open(), events()) == ("running", ["fill"], [])


def test_a_room_may_refuse_that_its_record_ends(office: Office) -> None:
    office.publish(reviewed(), key="case_review")
    instance_id = office.begin()
    handlers.ending.remove("case")

    @handlers.ending("case")
    def refuse(step: handlers.Step, reason: str) -> None:
        raise Conflict(f"第{step.business_id}号已进入会议")

    with pytest.raises(Conflict, match="号已进入会议"):
        on_instance(care.cancel)
    assert (office.status(instance_id), office.open(), events()) == ("running", ["fill"], [])


def test_a_task_is_not_given_to_whom_its_scope_shuts_out(office: Office) -> None:
    office.publish(reviewed(), key="case_review")
    office.begin()
    with transaction():
        db.session.execute(sa.update(WorkItem).values(excluded_id=LEADER))
    with pytest.raises(Invalid, match="不能办理此任务") as refused:
        give(Scope("person", LEADER))
    assert refused.value.field == "to"


def test_a_task_is_given_to_a_person_and_to_another_unit(office: Office) -> None:
    office.publish(reviewed(), key="case_review")
    office.begin()
    with transaction():
        item = db.session.scalars(sa.select(WorkItem)).one()
        runtime.open_item(item, person_id=CLERK, now=NOON)
    give(Scope("person", LEADER))
    with transaction(write=False):
        item = db.session.scalars(sa.select(WorkItem)).one()
        assert (item.assignee_id, item.scope_kind, item.viewed_at) == (LEADER, "person", None)
    give(Scope("org", 5))
    with transaction(write=False):
        item = db.session.scalars(sa.select(WorkItem)).one()
        assert (item.assignee_id, item.scope_kind, item.scope_id) == (None, "org", 5)
        said = db.session.scalars(sa.select(StepLog).order_by(StepLog.id)).all()
        assert [(row.outcome, row.note, row.actor_id) for row in said] == [
            ("转办", "出差", LEADER),
            ("转办", "出差", LEADER),
        ]
        data = db.session.scalars(sa.select(AuditEvent.data).order_by(AuditEvent.id)).all()
        assert [(each["given_by"], each["given_to"]) for each in data] == [
            ("all:None", f"person:{LEADER}"),
            (f"person:{LEADER}", "org:5"),
        ]
    office.do("fill")
    assert office.open() == ["vet"]


def test_a_task_cannot_be_given_to_nobody_to_where_it_is_or_when_done(office: Office) -> None:
    office.publish(reviewed(), key="case_review")
    office.begin()
    with pytest.raises(Invalid, match="请选择转给谁"):
        give(Scope("person"))
    with pytest.raises(Conflict, match="任务本来就在该处"):
        give(Scope("all"))
    office.do("fill")
    with transaction():
        db.session.execute(sa.delete(WorkItem).where(WorkItem.status == "open"))
    with pytest.raises(StaleTask):
        give(Scope("org", 5))


def limited(*more: str) -> Mapping[str, bytes]:
    late = boundary("late", "vet", timer('"P1D"', "timeDuration"))
    return diagram(
        "case", start(), user("vet"), late, user("hurry"), end(),
        line("begun", "vet", "ended"), line("late", "hurry", "ended"),
    )  # fmt: skip


def test_a_moved_deadline_fires_at_its_new_moment(office: Office) -> None:
    office.publish(limited(), key="case")
    office.begin("case")
    move_timer(NOON + timedelta(days=5))
    assert workers.fire_due_timers(NOON + timedelta(days=4)) == 0
    assert workers.fire_due_timers(NOON + timedelta(days=5)) == 1
    assert office.open() == ["hurry"]
    assert events() == [("instance:timer_moved", "process_instance", LEADER)]


def test_a_deadline_can_be_brought_forward_but_not_into_the_past(office: Office) -> None:
    office.publish(limited(), key="case")
    office.begin("case")
    with pytest.raises(Invalid, match="新的时限必须晚于当前时间"):
        move_timer(NOON)
    move_timer(NOON + timedelta(hours=1))
    assert workers.fire_due_timers(NOON + timedelta(hours=1)) == 1


def test_a_deadline_that_is_gone_cannot_be_moved(office: Office) -> None:
    office.publish(limited(), key="case")
    office.begin("case")
    with transaction(write=False):
        number = db.session.scalars(sa.select(Timer.id)).one()
    office.do("vet")
    with pytest.raises(Conflict, match="该时限已经到期或取消"), transaction():
        deadlines.move_timer(number, LATER, reason="延期", actor_id=LEADER, now=NOON)
