"""Messages that nobody awaits yet: put aside, and brought as soon as somebody waits."""

from collections.abc import Mapping
from datetime import timedelta
from threading import Barrier, Thread

import pytest
import sqlalchemy as sa
from flask import Flask

from app.core.db import db, transaction
from app.core.errors import Conflict
from app.engine import care, incidents, queue, runtime, workers
from app.engine.models import (
    Incident,
    ProcessInstance,
    QueueKind,
    QueueRow,
    QueueStatus,
    WorkItem,
)
from tests.conftest import DATABASE
from tests.engine.kit import (
    CASE,
    CLERK,
    NOON,
    Office,
    catch,
    diagram,
    end,
    line,
    message,
    receives,
    start,
    user,
)

BLOCKED = """
SELECT count(*) FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND datname = current_database()
"""


def waiting_for_a_visit() -> Mapping[str, bytes]:
    return diagram(
        "case", start(), user("vet"), catch("visited", receives("visit")), user("sign"), end(),
        line("begun", "vet", "visited", "sign", "ended"), extra=message("visit"),
    )  # fmt: skip


def send(count: int, *, to: int = CASE[1], name: str = "visit") -> None:
    with transaction():
        for number in range(count):
            key = f"{name}:{to}:{number}"
            queue.append(
                QueueKind.MESSAGE, name, business=("case", to), unique=key, now=NOON, payload={}
            )


def in_line(moment: object = NOON) -> int:
    """How many rows the next claim has to look at."""
    with transaction(write=False):
        found = sa.select(sa.func.count()).where(
            QueueRow.status == "waiting", QueueRow.try_at <= moment
        )
        return db.session.scalar(found) or 0


def test_what_nobody_awaits_is_not_looked_at_again_and_again(office: Office) -> None:
    send(40)
    assert in_line() == 40
    assert office.drain() == 0
    assert in_line() == 0
    assert in_line(NOON + queue.SOONEST) == 40


def test_it_is_looked_at_ever_more_rarely(office: Office) -> None:
    send(1)
    looks, moment = 0, NOON
    while moment < NOON + timedelta(days=1):
        looks += in_line(moment)
        office.drain(moment)
        moment += timedelta(minutes=10)
    # At once, after 10, 20 and 40 minutes, then every hour of the day.
    assert looks <= 4 + 24


def test_a_message_that_was_put_aside_comes_as_soon_as_somebody_waits(office: Office) -> None:
    office.publish(waiting_for_a_visit(), key="case")
    send(1)
    office.begin("case")
    office.drain()
    assert in_line() == 0
    office.do("vet")
    office.drain()
    assert office.open() == ["sign"]


def test_it_comes_as_soon_as_a_suspended_instance_goes_on(office: Office) -> None:
    office.publish(waiting_for_a_visit(), key="case")
    instance_id = office.begin("case")
    office.do("vet")
    with transaction():
        instance = db.session.get_one(ProcessInstance, instance_id)
        care.suspend(instance, reason="核实", actor_id=CLERK, now=NOON)
    send(1)
    office.drain()
    assert in_line() == 0
    with transaction():
        instance = db.session.get_one(ProcessInstance, instance_id)
        care.resume(instance, reason="已核实", actor_id=CLERK, now=NOON)
    office.drain()
    assert office.open() == ["sign"]


def test_what_failed_keeps_its_pause_when_somebody_begins_to_wait(office: Office) -> None:
    send(1)
    with transaction():
        row = db.session.scalars(sa.select(QueueRow)).one()
        queue.postpone(row, "failed", NOON)
        queue.wake(CASE, NOON)
    assert in_line() == 0


def test_what_failed_once_and_was_put_aside_then_comes_when_somebody_waits(
    office: Office,
) -> None:
    office.publish(waiting_for_a_visit(), key="case")
    send(1)
    office.begin("case")
    with transaction():
        queue.postpone(db.session.scalars(sa.select(QueueRow)).one(), "failed", NOON)
    moment = NOON + timedelta(hours=3)
    office.drain(moment)
    assert in_line(moment) == 0
    with transaction():
        queue.wake(CASE, moment)
    assert in_line(moment) == 1
    office.do("vet")
    office.drain(moment)
    assert office.open() == ["sign"]


@pytest.mark.skipif(DATABASE != "postgresql", reason="SQLite writers run one after another")
def test_an_old_message_put_aside_before_a_step_commits_comes_in_the_next_round(
    office: Office, database: Flask
) -> None:
    office.publish(waiting_for_a_visit(), key="case")
    office.begin("case")
    send(1)
    moment = NOON + timedelta(hours=5)

    def put_aside() -> None:
        with database.app_context():
            workers.deliver_messages(moment)

    with transaction():
        item = db.session.scalars(sa.select(WorkItem)).one()
        runtime.complete(item, {"decision": "pass"}, actor_id=CLERK, now=moment)
        worker = Thread(target=put_aside)
        worker.start()
        worker.join()
    assert in_line(moment) == 0
    office.drain(moment + timedelta(seconds=2))
    assert office.open() == ["sign"]


def test_others_are_left_aside(office: Office) -> None:
    send(1, to=8)
    office.drain()
    with transaction():
        queue.wake(CASE, NOON)
    assert in_line() == 0


@pytest.mark.skipif(DATABASE != "postgresql", reason="SQLite writers run one after another")
def test_a_message_put_aside_while_somebody_begins_to_wait_still_comes(
    office: Office, database: Flask
) -> None:
    office.publish(waiting_for_a_visit(), key="case")
    for number in range(20):
        case = 100 + number
        office.begin("case", business=("case", case))
        send(1, to=case)
        barrier = Barrier(2)

        def drain(barrier: Barrier = barrier) -> None:
            with database.app_context():
                barrier.wait()
                workers.deliver_messages(NOON)

        worker = Thread(target=drain)
        worker.start()
        barrier.wait()
        office.do("vet")
        worker.join()
        # At the latest when it is looked at again by itself.
        office.drain(NOON + queue.SOONEST)
        assert office.open() == ["sign"]
        office.do("sign")


def test_a_message_given_up_for_an_instance_that_ended_finds_who_waits_now(office: Office) -> None:
    office.publish(waiting_for_a_visit(), key="case")
    first = office.begin("case")
    send(1)
    with transaction():
        row = db.session.scalars(sa.select(QueueRow)).one()
        row.status, row.attempts = QueueStatus.FAILED, queue.MAX_ATTEMPTS
        place = incidents.place_of(db.session.get_one(ProcessInstance, first))
        failed = incidents.StepFailed(LookupError("范围缺失"), place, node="visited")
        incidents.record(failed, NOON, queue_row_id=row.id)
    with transaction():
        instance = db.session.get_one(ProcessInstance, first)
        care.cancel(instance, reason="重复", actor_id=CLERK, now=NOON)
    with transaction(write=False):
        row = db.session.scalars(sa.select(QueueRow)).one()
        assert (row.status, row.attempts) == (QueueStatus.WAITING, 0)
    office.begin("case")
    office.do("vet")
    office.drain(NOON + queue.SOONEST)
    assert office.open() == ["sign"]


@pytest.mark.skipif(DATABASE != "postgresql", reason="SQLite writers run one after another")
def test_a_retry_waits_for_the_step_that_ends_the_instance(
    office: Office, database: Flask
) -> None:
    """Both take the instance first: the other way round each would wait for the other."""
    office.publish(waiting_for_a_visit(), key="case")
    instance_id = office.begin("case")
    with transaction():
        place = incidents.place_of(db.session.get_one(ProcessInstance, instance_id))
        failed = incidents.StepFailed(LookupError("范围缺失"), place, node="vet")
        number = incidents.record(failed, NOON).id
    refused: list[str] = []

    def retry() -> None:
        with database.app_context():
            try:
                with transaction():
                    care.retry(db.session.get_one(Incident, number), actor_id=CLERK, now=NOON)
            except Conflict as error:
                refused.append(error.message)
            db.session.remove()

    other = Thread(target=retry)
    with transaction():
        instance = care.lock(instance_id)
        other.start()
        blocked = (other.join(0.02) or db.session.scalar(sa.text(BLOCKED)) for _ in range(500))
        assert any(blocked), "the retry never came to a lock"
        care.cancel(instance, reason="重复", actor_id=CLERK, now=NOON)
    other.join(60)
    assert refused == ["该异常已处理"]
