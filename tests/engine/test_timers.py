"""Deadlines: caught up in their order after a downtime, once each, at the cost of the due ones."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from app.core.db import db, transaction
from app.engine import care, deadlines, queue, timers, workers
from app.engine.health import health
from app.engine.models import ProcessInstance, QueueRow, StepLog, Timer
from app.engine.walk import TIMERS_AT_ONCE, StepFailed
from tests.builders.statements import plan_of
from tests.engine.kit import (
    CLERK,
    NOON,
    Office,
    boundary,
    catch,
    diagram,
    end,
    gate,
    line,
    start,
    timer,
    user,
)
from tests.engine.test_competition import race

TOMORROW = NOON + timedelta(days=1)


def after(limit: str) -> str:
    return timer(f'"{limit}"', "timeDuration")


def reminded(reminder: str, deadline: str) -> Mapping[str, bytes]:
    """A task with a reminder, drawn first, and a deadline that takes it away."""
    return diagram(
        "case", start(), user("vet"),
        boundary("reminder", "vet", after(reminder), interrupting=False), user("remind"),
        boundary("deadline", "vet", after(deadline)), user("expired"), end(),
        line("begun", "vet", "ended"), line("reminder", "remind", "ended"),
        line("deadline", "expired", "ended"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reminder", "deadline", "opened"),
    [("P1D", "P2D", ["remind", "expired"]), ("P2D", "P1D", ["expired"])],
)
def test_what_was_due_first_happens_first_after_a_downtime(
    office: Office, reminder: str, deadline: str, opened: list[str]
) -> None:
    office.publish(reminded(reminder, deadline), key="case")
    office.begin("case", business=("case", 1))
    with transaction(write=False):
        told = deadlines.next_due("case", 1)
    assert told == NOON + timedelta(days=int(deadline[1])), "a reminder is no deadline"
    assert office.later(days=10) == 1
    assert office.open() == opened


def waits(days: int) -> Mapping[str, bytes]:
    return diagram(
        "case", start(), catch("due", timer("moment")), user("vet"), end(),
        line("begun", "due", "vet", "ended"),
    )  # fmt: skip


def logged() -> list[str]:
    with transaction(write=False):
        return list(db.session.scalars(sa.select(StepLog.node).order_by(StepLog.id)))


def test_what_follows_a_timer_comes_before_the_next_one(office: Office) -> None:
    """The end of all a day earlier leaves nothing that a later timer could begin."""
    stop = end("stopped", "<bpmn:terminateEventDefinition/>")
    office.publish(
        diagram(
            "case", start(), gate("parallel", "both"),
            catch("late", after("P2D")), catch("later", after("P1D")), user("note"), stop, end(),
            line("begun", "both", "late", "note", "ended"), line("both", "later", "stopped"),
        ),
        key="case",
    )  # fmt: skip
    ident = office.begin("case")
    assert office.later(days=10) == 1
    assert office.status(ident) == "completed"
    assert logged() == ["later", "stopped"]


def test_a_round_of_reminders_ends_before_the_next_one(office: Office) -> None:
    told = timer('"R2/P1D"', "timeCycle")
    office.publish(
        diagram(
            "case", start(), user("vet"), boundary("again", "vet", told, interrupting=False),
            end("told"), end(), line("begun", "vet", "ended"), line("again", "told"),
        ),
        key="case",
    )  # fmt: skip
    office.begin("case")
    assert office.later(days=10) == 1
    assert logged() == ["again", "told", "again", "told"]


def test_instances_are_caught_up_in_the_order_of_their_deadlines(office: Office) -> None:
    office.publish(waits(1), key="case")
    ids = {}
    for number, days in ((1, 3), (2, 1), (3, 2)):
        moment = (NOON + timedelta(days=days)).isoformat()
        ids[days] = office.begin("case", business=("case", number), moment=moment)
    assert office.later(days=9) == 3
    with transaction(write=False):
        logged = db.session.scalars(sa.select(StepLog.instance_id).order_by(StepLog.id)).all()
    assert logged == [ids[1], ids[2], ids[3]]


def test_a_period_that_opens_after_a_missed_deadline_is_given_whole(office: Office) -> None:
    office.publish(
        diagram(
            "case", start(), catch("closed", after("P1D")), user("mend"),
            boundary("late", "mend", after("P5D")), end(),
            line("begun", "closed", "mend", "ended"), line("late", "ended"),
        ),
        key="case",
    )  # fmt: skip
    office.begin("case")
    office.later(days=10)
    with transaction(write=False):
        assert db.session.scalars(sa.select(Timer.due_at)).one() == NOON + timedelta(days=15)


def cycling(times: int) -> Mapping[str, bytes]:
    cycle = timer(f'"R{times}/P1D"', "timeCycle")
    return diagram(
        "case", start(), user("vet"), boundary("again", "vet", cycle, interrupting=False),
        user("remind"), end(), line("begun", "vet", "ended"), line("again", "remind", "ended"),
    )  # fmt: skip


def test_each_missed_reminder_is_caught_up(office: Office) -> None:
    office.publish(cycling(3), key="case")
    office.begin("case")
    office.later(days=30)
    assert office.open() == ["vet", *["remind"] * 3]
    assert office.later(days=30) == 0


def test_a_row_behind_which_no_task_waits_goes(office: Office) -> None:
    """One that an earlier version left of a cycle was due for ever, and outlived its instance."""
    office.publish(waits(9), key="case")
    instance_id = office.begin("case", moment=(NOON + timedelta(days=9)).isoformat())

    def leave(task: str) -> None:
        row = Timer(
            instance_id=instance_id, task_uuid=task, node="again", due_at=TOMORROW, try_at=TOMORROW
        )
        with transaction():
            db.session.add(row)

    def left() -> tuple[int, int]:
        with transaction(write=False):
            count = db.session.scalar(sa.select(sa.func.count()).select_from(Timer)) or 0
            return count, health(office.now).due_timers

    leave("gone")
    office.later(days=2)
    assert left() == (1, 0)
    leave("gone beside what is due")
    assert office.later(days=8) == 1
    assert office.open() == ["vet"]
    assert left() == (0, 0)


def test_very_many_missed_reminders_take_several_transactions(office: Office) -> None:
    office.publish(cycling(TIMERS_AT_ONCE + 5), key="case")
    office.begin("case")
    assert office.later(days=90) == 1
    assert office.open().count("remind") == TIMERS_AT_ONCE
    assert office.later(days=0) == 1
    assert office.open().count("remind") == TIMERS_AT_ONCE + 5


def test_two_workers_fire_each_timer_once(office: Office) -> None:
    office.publish(waits(1), key="case")
    moment = (NOON + timedelta(days=1)).isoformat()
    for number in range(10):
        office.begin("case", business=("case", number), moment=moment)
    counts: list[int] = []

    def work() -> None:
        counts.append(workers.fire_due_timers(NOON + timedelta(days=1)))

    assert race(office, work, work) == {"done": 2}
    assert sum(counts) == 10
    assert len(office.log()) == 10
    assert office.open() == ["vet"] * 10


def test_a_suspended_instance_does_not_hold_up_the_others(office: Office) -> None:
    office.publish(waits(1), key="case")
    ids = [
        office.begin("case", business=("case", n), moment=(NOON + timedelta(days=n)).isoformat())
        for n in (1, 2)
    ]
    with transaction():
        first = db.session.get_one(ProcessInstance, ids[0])
        care.suspend(first, reason="核实", actor_id=CLERK, now=NOON)
    assert office.later(days=3) == 1
    assert len(office.open()) == 1


def crowd(count: int, due: datetime) -> None:
    """Instances that wait for a moment far away."""
    with transaction():
        pattern = db.session.scalars(sa.select(ProcessInstance)).first()
        assert pattern is not None
        columns = ProcessInstance.__table__.c
        values = {c.name: getattr(pattern, c.name) for c in columns if c.name != "id"}
        first = pattern.id + 1
        db.session.execute(
            sa.insert(ProcessInstance),
            [{**values, "id": first + n, "business_id": 1000 + n} for n in range(count)],
        )
        wait = {"node": "due", "due_at": due, "try_at": due, "attempts": 0}
        db.session.execute(
            sa.insert(Timer),
            [{**wait, "instance_id": first + n, "task_uuid": f"t{n}"} for n in range(count)],
        )


def test_looking_for_due_timers_reads_no_waiting_one(office: Office) -> None:
    office.publish(waits(1), key="case")
    office.begin("case", moment=(NOON + timedelta(days=1)).isoformat())
    crowd(3000, NOON + timedelta(days=400))
    plan = plan_of(timers.due(NOON + timedelta(days=2), skip=frozenset({999})))
    assert "timer_by_try" in plan, plan
    assert "SCAN timer\n" not in f"{plan}\n", plan
    assert "Seq Scan" not in plan, plan


def test_looking_for_messages_reads_no_delivered_one(office: Office) -> None:
    office.publish(waits(1), key="case")
    office.begin("case", moment=TOMORROW.isoformat())
    row = {"kind": "start", "name": "case", "payload": {}, "business_type": "case"}
    row |= {"created_at": NOON, "try_at": NOON, "done_at": NOON, "attempts": 0}
    with transaction():
        db.session.execute(
            sa.insert(QueueRow),
            [
                {**row, "business_id": n, "unique_key": f"k{n}", "status": "done"}
                for n in range(3000)
            ],
        )
    plan = plan_of(queue.DELIVERABLE.params(now=NOON, skip=[]))
    assert "queue_row_in_line" in plan, plan
    assert "Seq Scan on queue_row" not in plan, plan


ODD_TIMES = [
    ("timeDate", "9999-12-31T00:00:00+08:00"),
    ("timeDate", "0001-01-01T00:00:00+08:00"),
    ("timeDate", "P5D"),
    ("timeDate", "2026-W01-1"),
    ("timeDate", None),
    ("timeDuration", "P9999999999M"),
    ("timeDuration", "P1W2D"),
    ("timeDuration", "P"),
]


@pytest.mark.parametrize(("kind", "value"), ODD_TIMES)
def test_a_time_that_cannot_be_computed_with_stops_the_step_and_is_quoted(
    office: Office, kind: str, value: str | None
) -> None:
    waiting = catch("ends", timer("ending", kind))
    office.publish(
        diagram(
            "case", start(), user("vet"), waiting, end(), line("begun", "vet", "ends", "ended")
        ),
        key="case",
    )
    instance_id = office.begin("case", ending=value)
    with pytest.raises(StepFailed) as failed:
        office.do("vet")
    assert f"时间“{value}”不能使用" in str(failed.value.__cause__)
    assert office.open() == ["vet"]
    assert office.status(instance_id) == "running"


def test_working_days_beyond_every_calendar_are_refused_at_their_place(office: Office) -> None:
    waiting = catch("ends", timer("workdays_after(today, days)"))
    office.publish(
        diagram("case", start(), waiting, end(), line("begun", "ends", "ended")), key="case"
    )
    with pytest.raises(StepFailed) as failed:
        office.begin("case", days=1_000_000)
    assert "“days)”处" in str(failed.value.__cause__)
    office.begin("case", days=1_000)
