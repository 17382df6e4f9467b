"""The engine's known defects, each as it shows bare and as the wrapper cures or refuses it.

Every case holds both: what the bare library does, and our cure. A new version of SpiffWorkflow
that mends one of them fails here first, and shows which cure may go.
"""

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from SpiffWorkflow.bpmn import BpmnEvent, BpmnWorkflow
from SpiffWorkflow.bpmn.exceptions import WorkflowDataException
from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.bpmn.specs.event_definitions import MessageEventDefinition as BaseMessage
from SpiffWorkflow.bpmn.specs.mixins.inclusive_gateway import InclusiveGateway
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import LoopTask, MultiInstanceTask
from SpiffWorkflow.bpmn.specs.mixins.parallel_gateway import ParallelGateway
from SpiffWorkflow.bpmn.specs.mixins.unstructured_join import UnstructuredJoin
from SpiffWorkflow.bpmn.util.diff import diff_workflow, migrate_workflow
from SpiffWorkflow.bpmn.util.task import BpmnTaskIterator
from SpiffWorkflow.exceptions import WorkflowException
from SpiffWorkflow.spiff.serializer.config import SPIFF_CONFIG
from SpiffWorkflow.spiff.specs.event_definitions import MessageEventDefinition
from SpiffWorkflow.util.task import TaskIterator, TaskState

from app.core.db import db, transaction
from app.core.errors import StaleTask
from app.engine import definitions, handlers, moments, state
from app.engine.diagrams import HandlerTask, Specs
from app.engine.environment import STEP_BUDGET, Engine, StatementRefused, TooManyInstances
from app.engine.gate import Known
from app.engine.gate.inspection import inspect
from app.engine.incidents import StepFailed
from app.engine.models import WorkItem
from app.engine.walk import StepBudgetExceeded, UndeclaredOutcome, Walk, flat
from tests.engine.kit import (
    NOON,
    Office,
    boundary,
    catch,
    choice,
    diagram,
    end,
    event,
    flow,
    line,
    many,
    message,
    receives,
    reviewed,
    service,
    start,
    timer,
    times,
    user,
)

REGISTRY = BpmnWorkflowSerializer.configure(dict(SPIFF_CONFIG))


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[None]:
    with moments.bound(NOON):
        yield


def specs_of(files: dict[str, bytes]) -> Specs:
    return definitions.parse(files, next(iter(files)).removesuffix(".bpmn"))


def plant(files: dict[str, bytes], **data: Any) -> Any:
    workflow = state.new(specs_of(files), data)
    workflow.script_engine = Engine(lambda task: None)
    workflow.do_engine_steps()
    return workflow


def open_tasks(workflow: Any) -> list[Any]:
    return [t for t in state.live_tasks(workflow) if t.state == TaskState.READY]


def names(workflow: Any) -> list[str]:
    return sorted(task.task_spec.name for task in open_tasks(workflow))


def do(workflow: Any, node: str, **data: Any) -> None:
    task = next(t for t in open_tasks(workflow) if t.task_spec.name == node)
    task.data.update(data)
    task.run()
    workflow.do_engine_steps()


def tell(workflow: Any, name: str) -> None:
    workflow.send_event(BpmnEvent(MessageEventDefinition(name), payload={}))
    workflow.do_engine_steps()


def refusals(files: dict[str, bytes]) -> set[str]:
    """The rules of the publish gate that speak."""
    return {finding.rule for finding in inspect(files, known=Known()).findings}


def reloaded(workflow: Any) -> Any:
    again = state.loads(state.dumps(workflow), Specs(workflow.spec, workflow.subprocess_specs))
    again.script_engine = Engine(lambda task: None)
    return again


def test_01_a_tree_deeper_than_a_thousand_hides_its_tasks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workflow = plant(reviewed())
    for _ in range(345):
        do(workflow, "fill")
        do(workflow, "vet", decision="return")
    assert workflow.get_tasks(state=TaskState.READY, manual=True)
    assert not workflow.is_completed()

    for iterator in (TaskIterator, BpmnTaskIterator):
        bare = tuple(1000 if d == 10**9 else d for d in iterator.__init__.__defaults__)
        monkeypatch.setattr(iterator.__init__, "__defaults__", bare)
    assert workflow.get_tasks(state=TaskState.READY, manual=True) == []
    assert workflow.is_completed()


def withdrawn_then_each() -> dict[str, bytes]:
    return diagram(
        "p", start(), user("fill"), user("vet"), boundary("taken_back", "vet", receives("back")),
        user("each", many("ids", "one")), end(), line("begun", "fill", "vet", "each", "ended"),
        flow("taken_back", "fill"), extra=message("back"),
    )  # fmt: skip


def test_02_a_multi_instance_after_a_fired_boundary_event_cannot_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def play() -> Any:
        workflow = plant(withdrawn_then_each(), ids=[1, 2])
        do(workflow, "fill")
        tell(workflow, "back")
        do(workflow, "fill")
        do(workflow, "vet")
        return workflow

    assert names(play()) == ["each [child]", "each [child]"]
    monkeypatch.setattr(LoopTask, "_update", LoopTask._update.__wrapped__)
    with pytest.raises(WorkflowException, match="non-predicted child"):
        play()


def fork_in_a_loop() -> dict[str, bytes]:
    fork = '<bpmn:parallelGateway id="fork"/><bpmn:parallelGateway id="join"/>'
    return diagram(
        "p", start(), user("fill"), fork, user("b"), user("c"), choice("is_good", "good"), end(),
        line("begun", "fill", "fork", "b", "join", "is_good"), line("fork", "c", "join"),
        flow("is_good", "ended", flow_id="good"), flow("is_good", "fill", 'decision == "return"'),
    )  # fmt: skip


def bare_joins(patch: pytest.MonkeyPatch) -> None:
    for owner, name in (
        (ParallelGateway, "_check_threshold_unstructured"),
        (InclusiveGateway, "_check_threshold_unstructured"),
        (UnstructuredJoin, "_run_hook"),
    ):
        patch.setattr(owner, name, getattr(owner, name).__wrapped__)


def test_03_a_join_inside_a_return_loop_fires_early(monkeypatch: pytest.MonkeyPatch) -> None:
    def second_cycle(*, pruned: bool = False) -> list[str]:
        workflow = plant(fork_in_a_loop(), decision="return")
        for node in ("fill", "c", "b", "fill", "b"):
            if pruned:
                state.prune(workflow)
                workflow = reloaded(workflow)
            do(workflow, node, decision="return")
        return names(workflow)

    assert second_cycle() == second_cycle(pruned=True) == ["c"]
    bare_joins(monkeypatch)
    assert second_cycle() == ["c", "fill"]


def test_04_an_interrupting_event_subprocess_interrupts_nothing() -> None:
    inner = event("startEvent", "told", receives("stop")) + user("clear") + end("cleared")
    handler = (
        f'<bpmn:subProcess id="stop" triggeredByEvent="true">{inner}'
        f"{line('told', 'clear', 'cleared')}</bpmn:subProcess>"
    )
    files = diagram(
        "p", start(), user("fill"), end(), line("begun", "fill", "ended"), handler,
        extra=message("stop"),
    )  # fmt: skip
    workflow = plant(files)
    tell(workflow, "stop")
    assert "fill" in names(workflow)
    assert "element.event_subprocess" in refusals(files)


def test_05_sorting_the_keys_of_the_state_loses_data() -> None:
    serializer = BpmnWorkflowSerializer(REGISTRY)
    workflow = plant(reviewed(), decision="pass", round=1)
    for _ in range(5):
        do(workflow, "fill")
        do(workflow, "vet", decision="return", round=2)
    kept = {task.id: task.data for task in workflow.tasks.values()}
    tree = json.loads(serializer.serialize_json(workflow))
    tree["tasks"] = dict(sorted(tree["tasks"].items()))
    sorted_tree = serializer.deserialize_json(json.dumps(tree))
    assert {task.id: task.data for task in sorted_tree.tasks.values()} != kept
    assert {task.id: task.data for task in reloaded(workflow).tasks.values()} == kept


def test_06_a_key_named_typename_makes_the_state_unreadable() -> None:
    workflow = plant(reviewed(), form={"typename": "unknown"})
    with pytest.raises(state.StateUnreadable) as told:
        reloaded(workflow)
    assert isinstance(told.value.__cause__, TypeError)
    for data in ({"typename": "x"}, {"form": {"typename": "x"}}):
        with pytest.raises(UndeclaredOutcome):
            flat(data)


def test_07_migration_restarts_running_timers_unless_told_otherwise() -> None:
    def version(name: str) -> Specs:
        five_days = timer('"P5D"', "timeDuration")
        files = diagram(
            "p", start(), user("vet", form=name), boundary("late", "vet", five_days), end("gone"),
            end(), line("begun", "vet", "ended"), line("late", "gone"),
        )  # fmt: skip
        return specs_of(files)

    def due_after(**mask: int) -> str:
        workflow = BpmnWorkflow(version("old").process, {}, script_engine=Engine(lambda t: None))
        workflow.do_engine_steps()
        new = version("new")
        with moments.bound(NOON + timedelta(days=2)):
            changes, _ = diff_workflow(REGISTRY, workflow, new.process, new.called)
            migrate_workflow(changes, workflow, new.process, **mask)
            again = BpmnWorkflowSerializer(REGISTRY).deserialize_json(
                BpmnWorkflowSerializer(REGISTRY).serialize_json(workflow)
            )
            again.script_engine = Engine(lambda t: None)
            again.do_engine_steps()
        found = next(t for t in again.tasks.values() if t.task_spec.name == "late")
        return str(found.internal_data["event_value"])

    five_days = (NOON + timedelta(days=5)).astimezone(UTC).isoformat()
    assert due_after() != five_days
    assert due_after(reset_mask=TaskState.READY) == five_days


def test_08_a_finished_task_may_be_run_again(office: Office) -> None:
    workflow = plant(reviewed())
    task = open_tasks(workflow)[0]
    task.run()
    workflow.do_engine_steps()
    task.run()  # bare, accepted in silence

    office.publish(reviewed(), key="case_review")
    office.begin()
    with transaction(write=False):
        item_id = db.session.scalars(sa.select(WorkItem.id)).one()
    office.do("fill")
    with transaction(write=False):
        item = db.session.get_one(WorkItem, item_id)
        with pytest.raises(StaleTask):
            Walk(item.instance, NOON).ready_task(item)


def test_09_unreachable_nodes_and_lone_conditions_vanish_in_silence() -> None:
    files = diagram(
        "p", start(), user("vet"), user("lost"), end(), flow("begun", "vet"),
        flow("vet", "ended", "1 == 2"),
    )  # fmt: skip
    workflow = plant(files)
    assert "lost" not in workflow.spec.task_specs
    do(workflow, "vet")
    assert workflow.is_completed()
    assert "lost" in {node.id for node in definitions.read_nodes(files)}
    assert {"graph.unreachable", "flow.condition_ignored"} <= refusals(files)


def test_10_a_time_without_a_zone_means_ours_and_the_transactions_now_decides() -> None:
    files = diagram(
        "p", start(), catch("due", timer('"2026-11-23T12:00:00"')), end(),
        line("begun", "due", "ended"),
    )  # fmt: skip
    workflow = reloaded(plant(files))
    workflow.do_engine_steps()
    assert not workflow.is_completed()
    moments.refresh(workflow, NOON - timedelta(seconds=1))
    workflow.do_engine_steps()
    assert not workflow.is_completed()
    moments.refresh(workflow, NOON)
    workflow.do_engine_steps()
    assert workflow.is_completed()


def test_10_bare_timers_read_clock_and_zone_of_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = diagram(
        "p", start(), catch("due", timer('"2020-01-01T12:00:00"')), end(),
        line("begun", "due", "ended"),
    )  # fmt: skip
    read = moments.engine_timers.TimerEventDefinition.get_datetime
    with moments.bound(datetime(2019, 1, 1, tzinfo=UTC)):
        assert not plant(files).is_completed()
        assert read("2020-01-01T12:00:00").hour == 4
        monkeypatch.setattr(moments.engine_timers, "datetime", datetime)
        monkeypatch.setattr(moments.engine_timers, "LOCALTZ", timezone(timedelta(hours=-9)))
        assert plant(files).is_completed()
        assert read("2020-01-01T12:00:00").hour == 21


def test_10_timers_refuse_to_run_outside_a_transaction() -> None:
    token = moments._now.set(NOON)
    moments._now.reset(token)
    with pytest.raises(LookupError):
        __import__("contextvars").Context().run(moments.engine_timers.datetime.now)


def test_11_the_script_engine_and_plain_message_classes_do_not_survive() -> None:
    workflow = reloaded(plant(withdrawn_then_each(), ids=[1]))
    do(workflow, "fill")
    with pytest.raises(WorkflowException, match="not waiting"):
        workflow.send_event(BpmnEvent(BaseMessage("back"), payload={}))
    tell(workflow, "back")
    stored = state.loads(state.dumps(workflow), Specs(workflow.spec, {}))
    assert type(stored.script_engine) is PythonScriptEngine


def test_12_a_loop_cannot_enter_a_multi_instance_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    files = diagram(
        "p", start(), user("each", many("ids", "one", one_by_one=True)), user("vet"),
        choice("is_good", "good"), end(), line("begun", "each", "vet", "is_good"),
        flow("is_good", "ended", flow_id="good"), flow("is_good", "each", 'decision == "return"'),
    )  # fmt: skip
    workflow = plant(files, ids=[1, 2])
    for _ in range(2):
        do(workflow, "each [child]")
        do(workflow, "each [child]")
        assert "one" not in open_tasks(workflow)[0].data
        do(workflow, "vet", decision="return")

    for method in ("merge_child", "create_child"):
        bare = getattr(MultiInstanceTask, method).__wrapped__
        monkeypatch.setattr(MultiInstanceTask, method, bare)
    with pytest.raises(WorkflowDataException, match="already exists"):
        do(plant(files, ids=[1, 2]), "each [child]")


def test_13_the_engines_own_service_call_hides_the_real_error() -> None:
    class Failing:
        def call_service(self, data: Any, **_: Any) -> None:
            raise ValueError("the real one")

    with pytest.raises(NameError):
        PythonScriptEngine(environment=Failing()).call_service(type("T", (), {"data": {}})())

    def fail(task: Any) -> None:
        raise ValueError("the real one")

    files = diagram("p", start(), service("act", "act"), end(), line("begun", "act", "ended"))
    workflow = state.new(specs_of(files), {})
    workflow.script_engine = Engine(fail)
    assert isinstance(workflow.spec.task_specs["act"], HandlerTask)
    with pytest.raises(ValueError, match="the real one"):
        workflow.do_engine_steps()


def test_14_a_multi_instance_may_ask_for_a_million_tasks() -> None:
    def voted(count: str) -> dict[str, bytes]:
        return diagram(
            "p", start(), user("each", times(count)), end(), line("begun", "each", "ended")
        )

    bare = BpmnWorkflow(specs_of(voted("500")).process, {})
    bare.do_engine_steps()
    assert len(open_tasks(bare)) == 500
    with pytest.raises(TooManyInstances):
        plant(voted("1000000"))
    with pytest.raises(UndeclaredOutcome):
        flat({"ids": list(range(201))})


def spinning() -> dict[str, bytes]:
    return diagram(
        "p", start(), choice("again", "more"), service("act", "act"), end(),
        line("begun", "again"), flow("again", "ended", "1 == 2"),
        flow("again", "act", flow_id="more"), flow("act", "again"),
    )  # fmt: skip


def test_14_automatic_nodes_may_go_round_for_ever(office: Office) -> None:
    turns = itertools.count(1)

    class Enough(Exception):
        pass

    def act(task: Any) -> None:
        if next(turns) > STEP_BUDGET:
            raise Enough

    bare = state.new(specs_of(spinning()), {})
    bare.script_engine = Engine(act)
    with pytest.raises(Enough):
        bare.do_engine_steps()

    handlers.service("act")(lambda step: None)
    office.publish(spinning(), key="p")
    with pytest.raises(StepFailed) as failed:
        office.begin("p")
    assert isinstance(failed.value.cause, StepBudgetExceeded)
    assert "graph.automatic_loop" in refusals(spinning())


def test_15_foreign_attributes_are_dropped_in_silence() -> None:
    foreign = (
        '<bpmn:userTask id="vet" xmlns:camunda="http://camunda.org/schema/1.0/bpmn" '
        'camunda:assignee="somebody"/>'
    )
    files = diagram("p", start(), foreign, end(), line("begun", "vet", "ended"))
    assert specs_of(files).process.task_specs["vet"].extensions == {}
    assert "element.vendor" in refusals(files)


@pytest.mark.parametrize("moment", ["preScript", "postScript"])
def test_scripts_before_and_after_a_task_are_refused(moment: str) -> None:
    script = (
        '<bpmn:userTask id="vet"><bpmn:extensionElements>'
        f"<spiffworkflow:{moment}>x = 1</spiffworkflow:{moment}>"
        "</bpmn:extensionElements></bpmn:userTask>"
    )
    files = diagram("p", start(), script, end(), line("begun", "vet", "ended"))
    with pytest.raises(StatementRefused):
        do(plant(files), "vet")


def test_the_present_of_the_engine_is_the_bound_one() -> None:
    assert moments.engine_timers.datetime.now(UTC) == NOON
    assert isinstance(moments.engine_timers.datetime(2026, 1, 1), datetime)
