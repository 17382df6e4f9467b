"""Events that a process throws (抛出事件): to itself, to other instances, or as its last word."""

from typing import Any

from SpiffWorkflow.bpmn import BpmnEvent
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


def left_over(workflow: Any) -> tuple[list[str], str | None]:
    """Take what was thrown and caught by nothing within: names of messages, and of an error."""
    messages: list[str] = []
    error = None
    for event in workflow.get_events():
        definition = event.event_definition
        if isinstance(definition, MessageEventDefinition):
            messages.append(str(definition.name))
        elif isinstance(definition, ErrorEventDefinition):
            error = error or str(definition.name)
    return messages, error


def _throw_error(self: Any, task: Any) -> None:
    """Hand an error to the activity it comes from, or to the next one around it.

    Bare, the engine asks every waiting boundary event of the instance, also those of activities
    that have nothing to do with it.
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
    top.bpmn_events.append(event)


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


ErrorEventDefinition.throw = _throw_error
