"""Events that a process throws (抛出事件): to itself, to other instances, or as its last word."""

from functools import wraps
from typing import Any

from SpiffWorkflow.bpmn import BpmnEvent
from SpiffWorkflow.bpmn.specs.control import BoundaryEventJoin
from SpiffWorkflow.bpmn.specs.event_definitions import CycleTimerEventDefinition
from SpiffWorkflow.bpmn.specs.mixins.events.event_types import ThrowingEvent
from SpiffWorkflow.bpmn.specs.mixins.events.intermediate_event import BoundaryEvent
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import LoopTask
from SpiffWorkflow.spiff.specs.event_definitions import (
    ErrorEventDefinition,
    MessageEventDefinition,
    SignalEventDefinition,
)
from SpiffWorkflow.util.task import TaskState


class UncaughtError(RuntimeError):
    """A process came to an error end (错误结束) that no boundary event catches."""

    def __init__(self, name: str, task: Any) -> None:
        """Keep the task of the end."""
        super().__init__(f"流程以错误“{name}”结束，没有环节处理这一错误")
        self.task = task


def message(name: str) -> Any:
    """Return the event of a message, without data."""
    return BpmnEvent(MessageEventDefinition(name), payload={})


def signal(name: str) -> Any:
    """Return the event of a signal, without data."""
    return BpmnEvent(SignalEventDefinition(name), payload={})


def thrown_signal(task: Any) -> str | None:
    """Return the name of the signal that a finished task has thrown."""
    spec = task.task_spec
    if not isinstance(spec, ThrowingEvent):
        return None
    definition = spec.event_definition
    return str(definition.name) if isinstance(definition, SignalEventDefinition) else None


def left_messages(workflow: Any) -> list[str]:
    """Take the names of the messages that were thrown and caught by nothing within."""
    definitions = [event.event_definition for event in workflow.get_events()]
    return [str(d.name) for d in definitions if isinstance(d, MessageEventDefinition)]


def _throw_error(self: Any, task: Any) -> None:
    """Hand an error to the activity it comes from, or to the next one around it.

    Bare, the engine asks every waiting boundary event of the instance, also those of activities
    that have nothing to do with it, and goes on as drawn when there is none. Raises UncaughtError.
    """
    event = BpmnEvent(self)
    part, top = task.workflow, task.workflow.top_workflow
    while part is not top:
        host = top.get_task_from_id(part.parent_task_id)
        for boundary in _attached(host):
            if boundary.task_spec.event_definition.catches(boundary, event):
                boundary.task_spec.catch(boundary, event)
                boundary.task_spec._update(boundary)  # noqa: SLF001 - as the event manager does
                return
        part = host.workflow
    raise UncaughtError(self.name, task)


def _attached(host: Any) -> list[Any]:
    """Return the waiting error events of an activity, those that name a code first."""
    place = host.parent.parent if isinstance(host.parent.task_spec, LoopTask) else host.parent
    found = [
        task
        for task in place.children
        if task.state == TaskState.WAITING
        and isinstance(task.task_spec, BoundaryEvent)
        and isinstance(task.task_spec.event_definition, ErrorEventDefinition)
    ]
    return sorted(found, key=lambda task: task.task_spec.event_definition.code is None)


def _cure_reminders() -> None:
    """Let what a cycle timer has opened go on when its task ends: bare, it is thrown away."""
    check = BoundaryEventJoin._check_threshold_structured  # noqa: SLF001

    @wraps(check)
    def kept(self: Any, task: Any) -> Any:
        finished, leaving = check(self, task)
        reminding = [each for each in leaving if each.children and _is_cycle(each)]
        for each in reminding:
            each.workflow.top_workflow.event_manager.remove_task(each)
            each._set_state(TaskState.COMPLETED)  # noqa: SLF001 - cancelling drops its children
        return finished, [each for each in leaving if each not in reminding]

    BoundaryEventJoin._check_threshold_structured = kept  # noqa: SLF001


def _cure_events_that_lead_back() -> None:
    """Let the end of a task take away what waits beside it in this round only.

    An event that leads straight back to its task opens the next round below it in the tree. Bare,
    the end of a round marks that round's join as over too, and its event takes nothing away.
    """
    found = BoundaryEventJoin._find_tasks  # noqa: SLF001

    @wraps(found)
    def of_this_round(self: Any, task: Any) -> Any:
        split = task.find_ancestor(self.split_task)
        return [each for each in found(self, task) if each.find_ancestor(self.split_task) is split]

    BoundaryEventJoin._find_tasks = of_this_round  # noqa: SLF001


def _is_cycle(task: Any) -> bool:
    spec = task.task_spec
    return isinstance(spec, BoundaryEvent) and isinstance(
        spec.event_definition, CycleTimerEventDefinition
    )


def _cure_silent_rounds() -> None:
    """Tell each round of a cycle timer: bare, its task is finished once, behind the last one."""
    bare = CycleTimerEventDefinition.cycle_complete

    @wraps(bare)
    def told(self: Any, task: Any) -> Any:
        comes = bare(self, task)
        tell = getattr(task.workflow.script_engine, "tell_round", None)
        if comes and tell is not None:
            tell(task)
        return comes

    CycleTimerEventDefinition.cycle_complete = told


def _cure_stray_errors() -> None:
    bare = ErrorEventDefinition.throw

    @wraps(bare)
    def throw(self: Any, task: Any) -> None:
        _throw_error(self, task)

    ErrorEventDefinition.throw = throw


_cure_events_that_lead_back()
_cure_reminders()
_cure_silent_rounds()
_cure_stray_errors()
