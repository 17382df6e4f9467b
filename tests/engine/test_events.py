"""Timers, messages between instances, withdrawal; what happens when they fail."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from app.core.clock import ZONE
from app.core.db import db, transaction
from app.core.errors import Conflict
from app.engine import care, handlers, runtime
from app.engine.models import Incident, ProcessInstance, QueueRow, Subscription, Timer, WorkItem
from tests.engine.kit import (
    CASE,
    CLERK,
    NOON,
    Office,
    boundary,
    call,
    catch,
    diagram,
    end,
    event,
    flow,
    line,
    message,
    receives,
    service,
    start,
    timer,
    user,
)


def waits_until(expression: str, kind: str = "timeDate") -> dict[str, bytes]:
    return diagram(
        "publicity", start(), catch("period_ended", timer(expression, kind)), user("confirm"),
        end(), line("begun", "period_ended", "confirm", "ended"),
    )  # fmt: skip


def act(care_of: Callable[..., object], instance_id: int) -> None:
    """Do what an administrator does about an instance."""
    with transaction():
        instance = db.session.get_one(ProcessInstance, instance_id)
        care_of(instance, reason="核实情况", actor_id=CLERK, now=NOON)


def due_times() -> list[datetime]:
    with transaction(write=False):
        return list(db.session.scalars(sa.select(Timer.due_at)))


@pytest.mark.parametrize(
    ("expression", "kind", "due"),
    [
        ('"P5D"', "timeDuration", "2026-11-28T12:00:00+08:00"),
        ("publicity_ends", "timeDate", "2026-11-27T17:30:00+08:00"),
        ("workdays_after(today, 5)", "timeDate", "2026-11-30T00:00:00+08:00"),
        ('"2026-12-01T09:00:00"', "timeDate", "2026-12-01T09:00:00+08:00"),
    ],
)
def test_a_timer_knows_its_moment_in_our_zone(
    office: Office, expression: str, kind: str, due: str
) -> None:
    office.publish(waits_until(expression, kind), key="publicity")
    office.begin("publicity", publicity_ends="2026-11-27T17:30:00+08:00")
    assert [moment.isoformat() for moment in due_times()] == [due]


def test_a_timer_fires_at_the_transactions_now_and_not_before(office: Office) -> None:
    office.publish(waits_until('"P5D"', "timeDuration"), key="publicity")
    office.begin("publicity")
    due = NOON + timedelta(days=5)

    assert office.drain(due - timedelta(seconds=1)) == 0
    assert office.open() == []
    assert office.drain(due) == 1
    assert office.open() == ["confirm"]
    assert due_times() == []
    assert office.log() == [("period_ended", None)]
    with transaction(write=False):
        assert db.session.scalars(sa.select(WorkItem)).one().opened_at == due


def test_a_reminder_beside_a_task_fires_once_and_goes_with_the_task(office: Office) -> None:
    @handlers.service("remind")
    def remind(step: handlers.Step) -> handlers.Outcomes:
        return {"_outcome": "已提醒"}

    soon = event(
        "boundaryEvent", "three_days_passed", timer('"P3D"', "timeDuration"),
        'attachedToRef="vet" cancelActivity="false"',
    )  # fmt: skip
    office.publish(
        diagram(
            "one", start(), user("vet"), soon, service("remind", "remind"), end("reminded"), end(),
            line("begun", "vet", "ended"), line("three_days_passed", "remind", "reminded"),
        ),
        key="one",
    )  # fmt: skip
    instance_id = office.begin("one")
    later = NOON + timedelta(days=4)
    assert [office.drain(later), office.drain(later)] == [1, 0]
    assert ("remind", "已提醒") in office.log()
    office.do("vet")
    assert office.instance(instance_id).status == "completed"


def test_a_timer_that_fails_backs_off_and_becomes_an_incident(office: Office) -> None:
    @handlers.service("break")
    def break_down(step: handlers.Step) -> None:
        raise ValueError("no number left")

    office.publish(
        diagram(
            "one", start(), catch("due", timer('"P1D"', "timeDuration")),
            service("number", "break"), end(), line("begun", "due", "number", "ended"),
        ),
        key="one",
    )  # fmt: skip
    instance_id = office.begin("one")
    moment = NOON + timedelta(days=1)
    for _ in range(5):
        assert office.drain(moment) == 0
        assert office.drain(moment) == 0  # it waits a while before it tries again
        moment += timedelta(hours=1)

    assert office.instance(instance_id).row_version == 1
    with transaction(write=False):
        incident = db.session.scalars(sa.select(Incident)).one()
        assert (incident.instance_id, incident.node) == (instance_id, "number")
        assert incident.message == "ValueError: no number left"
        assert db.session.scalars(sa.select(Timer)).one().due_at == NOON + timedelta(days=1)


def waits_for_finish() -> dict[str, bytes]:
    return diagram(
        "declaration", start(), user("fill"), catch("review_done", receives("review_finished")),
        user("archive"), end(), line("begun", "fill", "review_done", "archive", "ended"),
        extra=message("review_finished"),
    )  # fmt: skip


def send_finish(unique: str = "finish:7", **data: handlers.Scalar) -> None:
    with transaction():
        other = ProcessInstance(jurisdiction="anhui", business_type="meeting", business_id=1)
        step = handlers.Step(other, "publish", {}, NOON)
        step.send("review_finished", business=CASE, unique=unique, data=data)


def test_a_message_sent_too_early_waits_for_its_instance(office: Office) -> None:
    office.publish(waits_for_finish(), key="declaration")
    office.begin("declaration")
    send_finish(outcome="passed")

    assert office.drain() == 0
    assert office.open() == ["fill"]
    office.do("fill")
    assert office.drain() == 1
    assert office.open() == ["archive"]
    assert office.drain() == 0
    with transaction(write=False):
        item = db.session.scalars(sa.select(WorkItem).where(WorkItem.node == "archive")).one()
        walk = runtime.Walk(item.instance, NOON)
        assert walk.step(walk.ready_task(item)).data["outcome"] == "passed"
        assert db.session.scalars(sa.select(Subscription)).all() == []


def test_a_message_is_queued_once_for_each_unique_key(office: Office) -> None:
    send_finish(outcome="passed")
    send_finish(outcome="failed")
    with transaction(write=False):
        assert db.session.scalars(sa.select(QueueRow)).one().payload == {"outcome": "passed"}


def test_a_step_starts_another_process_through_the_queue(office: Office) -> None:
    @handlers.service("start_case")
    def start_case(step: handlers.Step) -> None:
        step.start("case", business=("case", 8), unique="case:8", data={"round": 1})

    office.publish(
        diagram(
            "meeting", start(), service("open", "start_case"), end(),
            line("begun", "open", "ended"),
        ),
        key="meeting",
    )  # fmt: skip
    office.publish(
        diagram("case", start(), user("score"), end(), line("begun", "score", "ended")), key="case"
    )
    office.begin("meeting")
    assert office.open() == []
    assert office.drain() == 1
    assert office.open() == ["score"]
    with transaction(write=False):
        started = db.session.scalars(sa.select(ProcessInstance).order_by(ProcessInstance.id)).all()
        assert (started[1].business_id, started[1].jurisdiction) == (8, "anhui")


def test_a_queue_row_that_fails_becomes_an_incident_and_can_be_tried_again(
    office: Office,
) -> None:
    with transaction():
        other = ProcessInstance(jurisdiction="anhui", business_type="meeting", business_id=1)
        handlers.Step(other, "open", {}, NOON).start("late", business=CASE, unique="late:7")
    moment = NOON
    for _ in range(5):
        assert office.drain(moment) == 0
        moment += timedelta(hours=1)
    with transaction():
        incident = db.session.scalars(sa.select(Incident)).one()
        assert incident.message == "流程“late”尚未发布"
        assert incident.queue_row_id is not None
        care.retry(incident, actor_id=CLERK, now=moment)
    with pytest.raises(Conflict), transaction():
        care.retry(incident, actor_id=CLERK, now=moment)

    office.publish(
        diagram("late", start(), user("a"), end(), line("begun", "a", "ended")), key="late"
    )
    assert office.drain(moment) == 1
    assert office.open() == ["a"]


def withdrawable() -> list[dict[str, bytes]]:
    inner = diagram(
        "unit_review", start("asked"), user("vet"), user("endorse"), end("told"),
        line("asked", "vet", "endorse", "told"),
    )  # fmt: skip
    outer = diagram(
        "declaration", start(), user("fill"), call("review", "unit_review"), end(),
        boundary("taken_back", "review", receives("withdrawn")),
        line("begun", "fill", "review", "ended"), flow("taken_back", "fill"),
        extra=message("withdrawn"),
    )  # fmt: skip
    return [inner, outer]


def view(node: str) -> None:
    with transaction():
        found = sa.select(WorkItem).where(WorkItem.node == node, WorkItem.status == "open")
        item = db.session.scalars(found).one()
        runtime.open_item(item, person_id=CLERK, now=NOON)
        runtime.open_item(item, person_id=CLERK, now=NOON + timedelta(hours=1))
        assert item.viewed_at == NOON


def take_back() -> None:
    with transaction():
        runtime.withdraw(CASE, actor_id=9, now=NOON)


def test_an_unviewed_record_is_taken_back_again_and_again(office: Office) -> None:
    office.publish(*withdrawable(), key="declaration")
    instance_id = office.begin("declaration")
    for _ in range(20):
        office.do("fill", by=9)
        assert office.open() == ["vet"]
        take_back()
        assert office.open() == ["fill"]
    assert len(office.instance(instance_id).state) < 4000
    assert office.log().count(("taken_back", "撤回")) == 20
    office.do("fill", by=9)
    office.do("vet")
    office.do("endorse")
    assert office.instance(instance_id).status == "completed"


def test_a_record_that_a_reviewer_has_opened_cannot_be_taken_back(office: Office) -> None:
    office.publish(*withdrawable(), key="declaration")
    office.begin("declaration")
    office.do("fill", by=9)
    view("vet")
    with pytest.raises(runtime.AlreadyViewed, match="审核人员已查看，不能撤回"):
        take_back()
    assert office.open() == ["vet"]
    office.do("vet")
    with pytest.raises(runtime.AlreadyViewed):
        take_back()  # though the leader has not opened it yet
    assert office.open() == ["endorse"]


def test_a_record_with_its_applicant_cannot_be_taken_back(office: Office) -> None:
    office.publish(*withdrawable(), key="declaration")
    office.begin("declaration")
    with pytest.raises(runtime.NotWaiting):
        take_back()


def test_the_event_that_comes_first_wins_the_gateway(office: Office) -> None:
    either = event("eventBasedGateway", "either")
    office.publish(
        diagram(
            "publicity", start(), either, catch("over", timer("publicity_ends")),
            catch("objected", receives("objection")), user("confirm"), user("hear"), end(),
            line("begun", "either", "over", "confirm", "ended"),
            line("either", "objected", "hear", "ended"), extra=message("objection"),
        ),
        key="publicity",
    )  # fmt: skip
    end_moment = datetime(2026, 11, 27, 17, 30, tzinfo=ZONE)
    office.begin("publicity", publicity_ends=end_moment.isoformat())
    assert due_times() == [end_moment]
    with transaction():
        runtime.deliver(CASE, "objection", now=NOON)
    assert office.open() == ["hear"]
    assert due_times() == []


def test_a_suspended_instance_stands_still_until_it_is_resumed(office: Office) -> None:
    office.publish(waits_until('"P1D"', "timeDuration"), key="publicity")
    instance_id = office.begin("publicity")
    later = NOON + timedelta(days=2)
    act(care.suspend, instance_id)
    assert office.drain(later) == 0
    act(care.resume, instance_id)
    assert office.drain(later) == 1
    act(care.suspend, instance_id)
    with pytest.raises(Conflict, match="暂停"):
        office.do("confirm")


def test_a_cancelled_instance_leaves_nothing_open(office: Office) -> None:
    office.publish(*withdrawable(), key="declaration")
    instance_id = office.begin("declaration")
    office.do("fill")
    act(care.cancel, instance_id)
    assert office.open() == []
    assert office.instance(instance_id).status == "cancelled"
    with transaction(write=False):
        assert db.session.scalars(sa.select(Subscription)).all() == []
    with pytest.raises(Conflict):
        act(care.cancel, instance_id)
    office.begin("declaration")
    assert office.open() == ["fill"]
