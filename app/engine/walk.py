"""One step of an instance under its lock: load, act, run, project, prune, store."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from types import MappingProxyType
from typing import Any

from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent
from SpiffWorkflow.util.task import TaskState

from app.core.db import db
from app.core.errors import Conflict, NotFound, StaleTask
from app.core.rows import add_rows, write_now
from app.engine import events, handlers, incidents, moments, projection, queue, standing, state
from app.engine.definitions import Node, bundle_of
from app.engine.environment import MAX_INSTANCES, STEP_BUDGET, Engine, is_reserved
from app.engine.handlers import OPINION, OUTCOME_WORD, RESERVED, Outcomes, Step
from app.engine.incidents import StepFailed
from app.engine.models import InstanceStatus, ProcessInstance, QueueKind, StepLog, WorkItem
from app.engine.state import StateUnreadable

TIMERS_AT_ONCE = 20
"""How many timers of one instance fire in one transaction."""
END = "end"
"""The kind of a line of the log that tells which end was reached: for the drawing alone."""
_LOGGED = {
    "intermediateCatchEvent": "event",
    "boundaryEvent": "event",
    "receiveTask": "event",
    "businessRuleTask": "service",
    "endEvent": END,
}


class UndeclaredOutcome(RuntimeError):
    """A handler returned what its node does not declare, or what is not flat."""


class StepBudgetExceeded(RuntimeError):
    """Automatic tasks ran in circles."""


class Walk:
    """A step under way. The caller holds the lock of the instance."""

    def __init__(
        self,
        instance: ProcessInstance,
        now: datetime,
        *,
        actor_id: int | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Load the instance's tree, or plant it when `data` is given.

        Raises StepFailed when its state or its bundle cannot be read.
        """
        self.instance = instance
        self.now = now
        self.actor_id = actor_id
        self.said: dict[str, str | None] = {}
        self.begun: Outcomes = {}
        self._done: str | None = None
        self._at: str | None = None
        self._signals: list[str] = []
        self._lines: list[dict[str, object]] = []
        self._failed = False
        self._place = incidents.place_of(instance, actor_id)
        self._steps_left = STEP_BUDGET
        try:
            self.bundle = bundle_of(instance)
            self._plant_or_load(data)
        except (StateUnreadable, NotFound) as error:
            raise StepFailed(error, self._place.lasting(), node=None) from error
        self.workflow.script_engine = Engine(self._call_service, self._tell_round)
        # The engine would fire what is due in any order after each step; `fire` keeps the order.
        self.workflow.refresh_timers = lambda: None

    def _plant_or_load(self, data: Mapping[str, Any] | None) -> None:
        if data is None:
            self.workflow = state.loads(self.instance.state, self.bundle.specs)
            self._before = projection.waiting_of(self.workflow)
        else:
            self.workflow = state.new(self.bundle.specs, flat(data))
            self._before = projection.NOTHING

    def ready_task(self, item: WorkItem) -> Any:
        """Return the task of a work item. Raises StaleTask unless it is ready."""
        task = self._before.tasks.get(item.task_uuid)
        if task is None:
            raise StaleTask
        return task

    def node(self, task: Any) -> Node | None:
        """Return the node a task was drawn as."""
        return self.bundle.node(task.workflow.spec.name, task.task_spec.bpmn_id or "")

    def step(self, task: Any, *, item: WorkItem | None = None) -> Step:
        """Return the step as handlers see it; only a work item has an actor."""
        node = self.node(task)
        return Step(
            instance=self.instance,
            node=task.task_spec.bpmn_id,
            data=MappingProxyType(dict(task.data)),
            now=self.now,
            actor_id=self.actor_id if item else None,
            item=item,
            save=node.properties.get("save", "") if node else "",
        )

    def do(self, task: Any, item: WorkItem, answers: Mapping[str, object]) -> None:
        """Save the answers of a human task and finish it. A refusal (DomainError) passes."""
        self._at = item.node
        node = self.drawn(task)
        step = self.step(task, item=item)
        outcomes = standing.run(handlers.save, item.save, step, answers)
        self._merge(task, node, outcomes)
        self._log("task", node, outcomes, actor_id=self.actor_id, item=item)
        self._done = item.task_uuid
        with moments.bound(self.now):
            task.run()

    def send(self, message: str, data: Mapping[str, Any]) -> bool:
        """Hand a message to the tasks that wait for it; return whether there were any."""
        return self._hand(events.message(message), data)

    def signal(self, signal: str, data: Mapping[str, Any]) -> bool:
        """Hand a signal to the tasks that wait for it; return whether there were any."""
        return self._hand(events.signal(signal), data)

    def _hand(self, event: Any, data: Mapping[str, Any]) -> bool:
        catching = [task for task in self._catching() if task.task_spec.catches(task, event)]
        if not catching:
            return False
        with moments.bound(self.now):
            self.workflow.send_event(event)
        for task in catching:
            self._at = task.task_spec.bpmn_id
            task.data.update(flat(data, declared=self.drawn(task).outcomes or None))
        return True

    def fire(self) -> bool:
        """Let due timers fire, the earliest first, each with what follows it.

        Return whether there were any. More than TIMERS_AT_ONCE wait for the next time.
        """
        fired = 0
        while fired < TIMERS_AT_ONCE and not self._failed:
            task = moments.fire_earliest(self._catching(), self.now)
            if task is None:
                break
            self._at, fired = task.task_spec.bpmn_id, fired + 1
            with moments.bound(self.now):
                self._run()
        return fired > 0

    def waiting_timers(self) -> Collection[str]:
        """Return the tasks that waited for a moment before this step."""
        return self._before.timers.keys()

    def move_timer(self, task_uuid: str, due: datetime) -> None:
        """Set the moment of a waiting timer and store the tree. Raises Conflict without one."""
        found = [task for task in self._catching() if str(task.id) == task_uuid]
        if not found or task_uuid not in self._before.timers:
            raise Conflict("该时限已经到期或取消，不能改期")
        moments.move(found[0], due)
        self._store()

    def _catching(self) -> list[Any]:
        return [
            task
            for task in state.live_tasks(self.workflow)
            if task.state == TaskState.WAITING and isinstance(task.task_spec, CatchingEvent)
        ]

    def finish(self) -> None:
        """Run to the next wait, write what changed, and store the tree."""
        with moments.bound(self.now):
            self._run()
            self._throw()
            after = projection.waiting_of(self.workflow)
            self._project(after)
        ended: dict[str, object] = {}
        if self.workflow.is_completed():
            ending = InstanceStatus.FAILED if self._failed else InstanceStatus.COMPLETED
            ended = {"status": ending, "ended_at": self.now}
            if not self._failed:
                incidents.close_all(self.instance.id, self.now)
        state.prune(self.workflow)
        self._store(**ended)

    def _store(self, **ended: object) -> None:
        # What handlers changed comes first, so that what they told of it stands before the step.
        db.session.flush()
        add_rows(StepLog, self._lines)
        self._lines = []
        version = self.instance.row_version + 1
        tree = state.dumps(self.workflow)
        write_now(self.instance, state=tree, row_version=version, **ended)

    @contextmanager
    def guarded(self, *passing: type[Exception]) -> Iterator[None]:
        """Turn any error but the `passing` ones into StepFailed, with the node it met."""
        try:
            yield
        except Exception as error:
            if isinstance(error, (StepFailed, *passing)):
                raise
            raise StepFailed(error, self._place.lasting(), node=self._at) from error

    def _run(self) -> None:
        """Run to the next wait; note when the process ends with an error that nobody catches."""
        engine = self.workflow
        try:
            engine.do_engine_steps(self._before_task, self._after_task)
            while any(_is_automatic(task) for task in state.live_tasks(engine)):
                engine.do_engine_steps(self._before_task, self._after_task)
        except events.UncaughtError as error:
            self._fail(error)

    def _fail(self, error: events.UncaughtError) -> None:
        """End the process where it stands: its last incident tells of this, earlier ones close."""
        self._after_task(error.task)
        incidents.close_all(self.instance.id, self.now)
        incidents.record(StepFailed(error, self._place, node=self._at), self.now)
        self.workflow.cancel()
        self._failed = True

    def _throw(self) -> None:
        """Queue what other instances are to hear."""
        asked = [(QueueKind.MESSAGE, name) for name in events.left_messages(self.workflow)]
        asked += [(QueueKind.BROADCAST, name) for name in self._signals]
        for number, (kind, name) in enumerate(asked):
            queue.append(
                kind,
                name,
                business=(self.instance.business_type, self.instance.business_id),
                unique=f"thrown:{self.instance.id}:{self.instance.row_version}:{number}",
                now=self.now,
                actor_id=self.actor_id,
                instance_id=self.instance.id,
                payload={},
            )

    def _before_task(self, task: Any) -> None:
        self._at = task.task_spec.bpmn_id or self._at
        self._steps_left -= 1
        if self._steps_left < 0:
            raise StepBudgetExceeded(f"一步之内自动环节超过 {STEP_BUDGET} 个，流程可能在空转")

    def _after_task(self, task: Any) -> None:
        thrown = events.thrown_signal(task)
        self._signals += [thrown] if thrown else []
        node = self.node(task)
        if node is not None and node.kind == "startEvent" and self.begun:
            # Of a process in the process nobody says how it began.
            self._log("start", node, self.begun, actor_id=self.actor_id)
            self.begun = {}
        if node is not None and node.kind in _LOGGED:
            kind = _LOGGED[node.kind]
            said = {} if kind == END else self.said
            self._log(kind, node, said, actor_id=self.actor_id)

    def _call_service(self, task: Any) -> None:
        node = self.drawn(task)
        name = node.properties.get("handler", "")
        outcomes = standing.run(handlers.service, name, self.step(task))
        self._merge(task, node, outcomes)
        self._log("service", node, outcomes)

    def _tell_round(self, task: Any) -> None:
        self._log("event", self.drawn(task), self.said)

    def drawn(self, task: Any) -> Node:
        """Return the node a task was drawn as. Raises LookupError."""
        node = self.node(task)
        if node is None:
            raise LookupError(f"no node is drawn for task {task.task_spec.name}")
        return node

    def _merge(self, task: Any, node: Node, outcomes: Outcomes) -> None:
        kept = {name: value for name, value in outcomes.items() if name not in RESERVED}
        task.data.update(flat(kept, declared=node.outcomes))

    def _log(
        self,
        kind: str,
        node: Node,
        outcomes: Mapping[str, object],
        *,
        actor_id: int | None = None,
        item: WorkItem | None = None,
    ) -> None:
        self._lines.append(
            {
                "instance_id": self.instance.id,
                "at": self.now,
                "kind": kind,
                "node": node.id,
                "name": node.name,
                "role": node.properties.get("role"),
                "scope_kind": item.scope_kind if item else None,
                "scope_id": item.scope_id if item else None,
                "actor_id": actor_id,
                "outcome": _text(outcomes.get(OUTCOME_WORD)),
                "note": _text(outcomes.get(OPINION)),
            }
        )

    def _project(self, after: projection.Waiting) -> None:
        projection.close_items(self._before, after, self._done)
        opened = [task for key, task in after.tasks.items() if key not in self._before.tasks]
        if opened:
            card = handlers.presenter.get(self.instance.business_type)(self.instance.business_id)
            items = []
            for task in opened:
                self._at = task.task_spec.bpmn_id
                items.append(projection.item_of(task, self.drawn(task), self.step(task), card))
            add_rows(WorkItem, items)
        projection.write_timers(self._before, after, self.instance.id)
        projection.write_subscriptions(self._before, after, self.instance, self.now)


def _is_automatic(task: Any) -> bool:
    return task.state == TaskState.READY and not task.task_spec.manual


def _text(value: object) -> str | None:
    return str(value) if value else None


def flat(data: Mapping[str, Any], *, declared: frozenset[str] | None = None) -> dict[str, Any]:
    """Return data fit for the tree: declared names, flat values, or a short list of ids.

    Raises UndeclaredOutcome.
    """
    for name, value in data.items():
        if declared is not None and name not in declared:
            known = "、".join(sorted(declared)) or "没有"
            raise UndeclaredOutcome(f"节点没有声明结果“{name}”，声明的有：{known}")
        if is_reserved(name) or name == "typename":
            raise UndeclaredOutcome(f"结果不能叫“{name}”，这个名称另有含义")
        if not _is_flat(value):
            raise UndeclaredOutcome(f"结果“{name}”只能是文字、整数、是否，或编号列表")
    return dict(data)


def _is_flat(value: object) -> bool:
    if isinstance(value, list):
        return len(value) <= MAX_INSTANCES and all(isinstance(i, int | str) for i in value)
    return value is None or isinstance(value, str | int)
