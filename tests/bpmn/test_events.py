"""Events as docs/bpmn-support.md promises them, stored and read between all steps."""

import pytest
import sqlalchemy as sa

from app.core.db import db, transaction
from app.engine import care, handlers, runtime
from app.engine.models import Incident, ProcessInstance, QueueRow, StepLog, Subscription, Timer
from app.engine.walk import END
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
    error,
    fails,
    flow,
    gate,
    hears,
    line,
    many,
    message,
    receives,
    service,
    signal,
    start,
    subprocess,
    throw,
    timer,
    user,
)

OTHER = ("case", 8)
FIVE_DAYS = timer('"P5D"', "timeDuration")
DEFINED = message("told") + signal("closed") + error("broken")
TERMINATES = "<bpmn:terminateEventDefinition/>"


def beside(inner: str, *, interrupting: bool = True, host: str = "") -> dict[str, bytes]:
    """`vet` with a boundary event that leads to `react`, then everything ends."""
    return diagram(
        "p", start(), host or user("vet"),
        boundary("happened", "vet", inner, interrupting=interrupting), user("react"), user("last"),
        end("reacted"), end(), line("begun", "vet", "last", "ended"),
        line("happened", "react", "reacted"), extra=DEFINED,
    )  # fmt: skip


def happen(office: Office, inner: str) -> None:
    if inner == FIVE_DAYS:
        assert office.later(days=4) == 0
        assert office.later(days=1) == 1
    elif inner == receives("told"):
        office.tell("told")
    else:
        office.signal("closed")


EVENTS = pytest.mark.parametrize(
    "inner", [receives("told"), FIVE_DAYS, hears("closed")], ids=["message", "timer", "signal"]
)
CALLED = diagram(
    "inner", start(), user("ask"), user("answer"), end(), line("begun", "ask", "answer", "ended")
)
INSIDE = subprocess(
    "vet", start("s"), user("ask"), user("answer"), end("e"), line("s", "ask", "answer", "e")
)


def waits() -> int:
    with transaction(write=False):
        rows = [db.session.scalars(sa.select(table)).all() for table in (Timer, Subscription)]
        return sum(len(found) for found in rows)


@EVENTS
def test_an_interrupting_boundary_event_takes_the_task_away(office: Office, inner: str) -> None:
    office.publish(beside(inner), key="p")
    instance = office.begin("p")
    happen(office, inner)
    assert office.open() == ["react"]
    assert waits() == 0
    office.do("react")
    assert office.status(instance) == "completed"


@EVENTS
def test_a_boundary_event_beside_a_task_leaves_it_open(office: Office, inner: str) -> None:
    office.publish(beside(inner, interrupting=False), key="p")
    instance = office.begin("p")
    happen(office, inner)
    assert sorted(office.open()) == ["react", "vet"]
    assert waits() == 0, "what has come beside a task comes no more"
    for node in ("vet", "last", "react"):
        office.do(node)
    assert office.status(instance) == "completed"
    assert waits() == 0


@EVENTS
def test_a_boundary_event_leaves_with_its_task(office: Office, inner: str) -> None:
    office.publish(beside(inner), key="p")
    office.begin("p")
    office.do("vet")
    assert waits() == 0
    assert office.open() == ["last"]


@EVENTS
@pytest.mark.parametrize("host", [call("vet", "inner"), INSIDE], ids=["call", "subprocess"])
def test_a_boundary_event_takes_everything_inside_away(
    office: Office, inner: str, host: str
) -> None:
    office.publish(CALLED, beside(inner, host=host), key="p")
    instance = office.begin("p")
    assert office.open() == ["ask"]
    happen(office, inner)
    assert office.open() == ["react"]
    office.do("react")
    assert office.status(instance) == "completed"


@EVENTS
def test_a_boundary_event_takes_all_tasks_of_a_multi_instance_away(
    office: Office, inner: str
) -> None:
    office.publish(beside(inner, host=user("vet", many("ids", "one"))), key="p")
    instance = office.begin("p", ids=[1, 2, 3])
    office.do("vet")
    happen(office, inner)
    assert office.open() == ["react"]
    office.do("react")
    assert office.status(instance) == "completed"


def failing(
    *, catches: str = "broken", key: str = "inner", code: str = "broken"
) -> dict[str, bytes]:
    """A called process that may fail, and a caller that catches the error."""
    inner = diagram(
        key, start(), user("ask"), gate("exclusive", "went_well", "well"), end("done"),
        end("gave_up", fails(code)), line("begun", "ask", "went_well"),
        flow("went_well", "done", flow_id="well"),
        flow("went_well", "gave_up", 'decision == "no"'),
        extra=error(code),
    )  # fmt: skip
    outer = diagram(
        "p", start(), call("vet", key), boundary("failed", "vet", fails(catches)), user("react"),
        user("last"), end(), line("begun", "vet", "last", "ended"),
        line("failed", "react", "ended"), extra=error(catches),
    )  # fmt: skip
    return {**inner, **outer}


def test_an_error_end_goes_to_the_boundary_event_of_the_call(office: Office) -> None:
    office.publish(failing(), key="p")
    instance = office.begin("p")
    office.do("ask", decision="no")
    assert office.open() == ["react"]
    office.do("react")
    assert office.status(instance) == "completed"


def test_a_call_that_ends_well_goes_on_as_drawn(office: Office) -> None:
    office.publish(failing(), key="p")
    office.begin("p")
    office.do("ask", decision="yes")
    assert office.open() == ["last"]


def test_an_error_end_ends_the_other_branches_of_its_subprocess(office: Office) -> None:
    inside = subprocess(
        "vet", start("s"), gate("parallel", "fork"), user("ask"), user("other"), end("e1"),
        end("e2", fails("broken")), line("s", "fork", "ask", "e2"), line("fork", "other", "e1"),
    )  # fmt: skip
    office.publish(beside(fails("broken"), host=inside), key="p")
    instance = office.begin("p")
    office.do("ask")
    assert office.open() == ["react"]
    office.do("react")
    assert office.status(instance) == "completed"


def test_an_error_passes_activities_that_do_not_catch_it(office: Office) -> None:
    files = failing(key="deepest")
    middle = diagram("inner", start(), call("deep", "deepest"), end(),
                     line("begun", "deep", "ended"))  # fmt: skip
    outer = beside(fails("broken"), host=call("vet", "inner"))
    office.publish({**files, **middle, **outer}, key="p")
    office.begin("p")
    office.do("ask", decision="no")
    assert office.open() == ["react"]


def test_an_error_is_not_caught_by_a_branch_it_does_not_come_from(office: Office) -> None:
    drawn = diagram(
        "p", start(), gate("parallel", "fork"), call("vet", "inner"),
        boundary("failed", "vet", fails("broken")), user("react"), user("other"),
        end("gave_up", fails("broken")), end(), line("begun", "fork", "vet", "ended"),
        line("fork", "other", "gave_up"), line("failed", "react", "ended"), extra=DEFINED,
    )  # fmt: skip
    office.publish(CALLED, drawn, key="p")
    instance = office.begin("p")
    office.do("other")
    assert office.open() == []
    assert office.status(instance) == "failed"


def test_an_error_that_nobody_catches_ends_the_process_as_failed(office: Office) -> None:
    office.publish(failing(catches="another"), key="p")
    instance = office.begin("p")
    office.do("ask", decision="no")
    assert office.status(instance) == "failed"
    assert (office.open(), waits()) == ([], 0)
    with transaction(write=False):
        found = db.session.scalars(sa.select(Incident)).one()
        assert (found.instance_id, found.node) == (instance, "gave_up")
        assert "流程以错误“broken”结束" in found.message
        # The end that was reached is drawn as every other.
        ends = sa.select(StepLog.node).where(StepLog.kind == END)
        assert db.session.scalars(ends).all() == ["gave_up"]
    office.begin("p")  # the record may be started again
    assert office.open() == ["ask"]


def test_a_terminate_end_ends_every_branch(office: Office) -> None:
    drawn = diagram(
        "p", start(), gate("parallel", "fork"), user("a"), user("b"), end(),
        end("stopped", TERMINATES), line("begun", "fork", "a", "stopped"),
        line("fork", "b", "ended"),
    )  # fmt: skip
    office.publish(drawn, key="p")
    instance = office.begin("p")
    office.do("a")
    assert office.open() == []
    assert office.status(instance) == "completed"


def test_a_terminate_end_inside_a_subprocess_ends_the_subprocess_only(office: Office) -> None:
    inside = subprocess(
        "vet", start("s"), gate("parallel", "fork"), user("ask"), user("other"), end("e1"),
        end("e2", TERMINATES), line("s", "fork", "ask", "e2"), line("fork", "other", "e1"),
    )  # fmt: skip
    office.publish(beside(receives("told"), host=inside), key="p")
    office.begin("p")
    office.do("ask")
    assert office.open() == ["last"]


def test_a_process_ends_when_its_last_branch_has_ended(office: Office) -> None:
    drawn = diagram(
        "p", start(), gate("parallel", "fork"), user("a"), user("b"), end("e1"), end("e2"),
        line("begun", "fork", "a", "e1"), line("fork", "b", "e2"),
    )  # fmt: skip
    office.publish(drawn, key="p")
    instance = office.begin("p")
    office.do("b")
    assert office.status(instance) == "running"
    office.do("a")
    assert office.status(instance) == "completed"


def waiting(inner: str, *, key: str = "p") -> dict[str, bytes]:
    return diagram(
        key, start(), catch("came", inner), user("vet"), end(),
        line("begun", "came", "vet", "ended"), extra=DEFINED,
    )  # fmt: skip


@pytest.mark.parametrize(
    "inner",
    [receives("told"), FIVE_DAYS, hears("closed"), timer('"2026-11-28T12:00:00+08:00"')],
    ids=["message", "duration", "signal", "date"],
)
def test_an_intermediate_event_is_awaited(office: Office, inner: str) -> None:
    office.publish(waiting(inner), key="p")
    office.begin("p")
    assert (office.open(), waits()) == ([], 1)
    happen(office, FIVE_DAYS if "timer" in inner else inner)
    assert (office.open(), waits()) == (["vet"], 0)


def test_a_receive_task_waits_for_its_message(office: Office) -> None:
    receive = '<bpmn:receiveTask id="came" name="等" messageRef="message_told"/>'
    drawn = diagram(
        "p", start(), receive, user("vet"), end(), line("begun", "came", "vet", "ended"),
        extra=DEFINED,
    )  # fmt: skip
    office.publish(drawn, key="p")
    office.begin("p")
    office.tell("told")
    assert office.open() == ["vet"]


@pytest.mark.parametrize("sends", [
    throw("says", receives("told")),
    '<bpmn:sendTask id="says" name="说" messageRef="message_told"/>',
    end("says", receives("told")),
], ids=["throw event", "send task", "message end"])  # fmt: skip
def test_a_message_goes_to_the_other_process_of_the_same_record(
    office: Office, sends: str
) -> None:
    to_the_end = [] if "endEvent" in sends else [end(), flow("says", "ended")]
    sender = diagram(
        "sender", start(), user("fill"), sends, *to_the_end, line("begun", "fill", "says"),
        extra=DEFINED,
    )  # fmt: skip
    office.publish(waiting(receives("told")), key="p")
    office.publish(sender, key="sender")
    office.begin("p", business=OTHER)
    office.begin("p")
    office.begin("sender")
    office.do("fill")
    assert office.drain() == 1
    with transaction(write=False):
        assert db.session.scalars(sa.select(QueueRow.business_id)).all() == [CASE[1]]
    assert office.open() == ["vet"]


def test_a_message_is_routed_by_the_id_of_the_record(office: Office) -> None:
    @handlers.service("tell_other")
    def tell_other(step: handlers.Step) -> None:
        step.send("told", business=OTHER, unique="told", data={"decision": "heard"})

    sender = diagram(
        "sender", start(), service("say", "tell_other"), end(), line("begun", "say", "ended")
    )
    office.publish(waiting(receives("told")), key="p")
    office.publish(sender, key="sender")
    office.begin("p")
    second = office.begin("p", business=OTHER)
    office.begin("sender")
    assert office.drain() == 1
    assert office.data("vet")["decision"] == "heard"
    with transaction(write=False):
        item = db.session.scalars(sa.select(runtime.WorkItem)).one()
        assert item.instance_id == second


def test_a_signal_reaches_every_instance_that_waits_and_no_later_one(office: Office) -> None:
    office.publish(waiting(hears("closed")), key="p")
    instances = [office.begin("p", business=("case", number)) for number in range(1, 4)]
    with transaction():
        stopped = db.session.get_one(ProcessInstance, instances[0])
        care.suspend(stopped, reason="核实情况", actor_id=CLERK, now=NOON)
    office.signal("closed")
    assert office.open() == ["vet", "vet"]
    office.begin("p", business=("case", 9))
    office.drain()
    assert office.open() == ["vet", "vet"]
    with transaction():
        stopped = db.session.get_one(ProcessInstance, instances[0])
        care.resume(stopped, reason="已核实", actor_id=CLERK, now=NOON)
    office.drain()
    assert office.open() == ["vet"] * 3


def test_a_signal_is_sent_once_for_each_unique_key(office: Office) -> None:
    for _ in range(2):
        with transaction():
            runtime.broadcast("closed", unique="once", now=NOON)
    with transaction(write=False):
        assert len(db.session.scalars(sa.select(QueueRow)).all()) == 1


def test_a_handler_sends_a_signal_to_the_others(office: Office) -> None:
    @handlers.service("close")
    def close(step: handlers.Step) -> None:
        step.broadcast("closed", unique="closed", data={"decision": "closed"})

    sender = diagram(
        "sender", start(), service("say", "close"), end(), line("begun", "say", "ended")
    )
    office.publish(waiting(hears("closed")), key="p")
    office.publish(sender, key="sender")
    office.begin("p")
    office.begin("sender", business=OTHER)
    office.drain()
    assert office.data("vet")["decision"] == "closed"


def test_a_thrown_signal_reaches_its_own_process_and_all_others(office: Office) -> None:
    thrower = diagram(
        "thrower", start(), gate("parallel", "fork"), catch("heard", hears("closed")),
        user("own"), user("fill"), throw("says", hears("closed")), end(),
        line("begun", "fork", "heard", "own", "ended"), line("fork", "fill", "says", "ended"),
        extra=DEFINED,
    )  # fmt: skip
    office.publish(waiting(hears("closed")), key="p")
    office.publish(thrower, key="thrower")
    office.begin("p")
    office.begin("thrower")
    office.do("fill")
    assert office.open() == ["own"]
    office.drain()
    assert sorted(office.open()) == ["own", "vet"]


def test_a_cycle_timer_reminds_a_few_times_and_leaves_with_the_task(office: Office) -> None:
    said: list[str] = []

    @handlers.service("remind")
    def remind(step: handlers.Step) -> None:
        said.append(step.now.date().isoformat())

    cycle = boundary("due", "vet", timer('"R3/P2D"', "timeCycle"), interrupting=False)
    drawn = diagram(
        "p", start(), user("vet"), cycle, service("say", "remind"), user("last"), end("said"),
        end(), line("begun", "vet", "last", "ended"), line("due", "say", "said"),
    )  # fmt: skip
    office.publish(drawn, key="p")
    instance = office.begin("p")
    for _ in range(10):
        office.later(days=1)
    assert said == ["2026-11-25", "2026-11-27", "2026-11-29"]
    assert office.open() == ["vet"]
    office.do("vet")
    assert waits() == 0
    office.do("last")
    assert office.status(instance) == "completed"


def test_a_cycle_timer_opens_a_task_each_time(office: Office) -> None:
    cycle = boundary("happened", "vet", timer('"R2/P1D"', "timeCycle"), interrupting=False)
    drawn = diagram(
        "p", start(), user("vet"), cycle, user("react"), end("reacted"), end(),
        line("begun", "vet", "ended"), line("happened", "react", "reacted"),
    )  # fmt: skip
    office.publish(drawn, key="p")
    instance = office.begin("p")
    office.later(days=1)
    assert sorted(office.open()) == ["react", "vet"]
    office.do("react")
    office.later(days=1)
    assert sorted(office.open()) == ["react", "vet"]
    office.do("vet")
    assert (office.open(), waits()) == (["react"], 0)
    office.do("react")
    assert office.status(instance) == "completed"


def test_a_catch_up_after_a_standstill_fires_a_cycle_as_often_as_it_was_due(
    office: Office,
) -> None:
    cycle = boundary("happened", "vet", timer('"R3/P1D"', "timeCycle"), interrupting=False)
    drawn = diagram(
        "p", start(), user("vet"), cycle, user("react"), end("reacted"), end(),
        line("begun", "vet", "ended"), line("happened", "react", "reacted"),
    )  # fmt: skip
    office.publish(drawn, key="p")
    office.begin("p")
    while office.later(days=30):
        pass
    assert sorted(office.open()) == ["react"] * 3 + ["vet"]


def test_a_process_starts_at_a_plain_start_event(office: Office) -> None:
    drawn = diagram("p", start(), user("fill"), end(), line("begun", "fill", "ended"))
    office.publish(drawn, key="p")
    office.begin("p")
    assert office.open() == ["fill"]


def test_a_reminder_that_has_fired_does_not_keep_the_history_of_later_rounds(
    office: Office,
) -> None:
    drawn = diagram(
        "p", start(), user("fill"), boundary("late", "fill", FIVE_DAYS, interrupting=False),
        end("reminded"), user("vet"), gate("exclusive", "is_good", "good"), end(),
        line("begun", "fill", "vet", "is_good"), line("late", "reminded"),
        flow("is_good", "ended", flow_id="good"), flow("is_good", "fill", 'decision == "return"'),
    )  # fmt: skip
    office.publish(drawn, key="p")
    instance = office.begin("p")
    office.later(days=6)
    sizes = []
    for _ in range(6):
        office.do("fill")
        office.do("vet", decision="return")
        sizes.append(len(office.instance(instance).state))
    assert max(sizes[1:]) < 1.1 * min(sizes[1:])


def test_events_are_seen_in_the_log(office: Office) -> None:
    office.publish(beside(receives("told")), key="p")
    office.begin("p")
    office.tell("told")
    assert office.log() == [("happened", None)]
