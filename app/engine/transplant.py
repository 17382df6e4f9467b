"""A tree moved to other specs: what stands in the way, and the move itself.

Only what has happened or waits now is kept; what lies ahead is predicted anew. Timers keep their
moments, because a waiting task is never reset.
"""

from collections.abc import Callable, Iterator
from typing import Any

from SpiffWorkflow.bpmn.specs.control import BoundaryEventSplit
from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent
from SpiffWorkflow.bpmn.specs.mixins.events.intermediate_event import BoundaryEvent
from SpiffWorkflow.bpmn.specs.mixins.subworkflow_task import SubWorkflowTask
from SpiffWorkflow.bpmn.specs.mixins.unstructured_join import UnstructuredJoin
from SpiffWorkflow.util.task import TaskState

from app.engine import joins, state
from app.engine.definitions import Bundle

_LIVE = TaskState.READY | TaskState.WAITING | TaskState.STARTED
_AHEAD = TaskState.FUTURE | TaskState.PREDICTED_MASK


def obstacles(workflow: Any, old: Bundle, new: Bundle) -> list[str]:
    """Return why a tree cannot go on with the specs of `new`, each in a sentence."""
    found: list[str] = []
    for part, spec in _parts(workflow, new):
        if spec is None:
            found.append(f"正在办理的子流程“{part.spec.description}”在新版本中已删除")
            continue
        for task in _kept(part):
            reason = _reason(task, spec.task_specs.get(task.task_spec.name))
            if reason:
                found.append(reason.format(name=_name(old, task)))
    return list(dict.fromkeys(found))


def transplant(workflow: Any, new: Bundle) -> None:
    """Move a tree without obstacles to the specs of `new`."""
    parts = list(_parts(workflow, new))
    for part, spec in parts:
        for task in [task for task in part.tasks.values() if _is_ahead(task)]:
            if task.id in part.tasks:
                part._remove_task(task.id)  # noqa: SLF001 - as the engine drops predictions
        root = part.task_tree.task_spec.name
        part.spec = spec
        for task in part.tasks.values():
            drawn = spec.task_specs.get(task.task_spec.name)
            # A finished task that is drawn no more only carries data to what follows it.
            task.task_spec = drawn or spec.task_specs[root]
    workflow.subprocess_specs = dict(new.specs.called)
    for part, _ in parts:
        for task in [task for task in part.tasks.values() if task.has_state(_LIVE)]:
            task.task_spec._predict(task, mask=TaskState.NOT_FINISHED_MASK)  # noqa: SLF001


def _parts(workflow: Any, new: Bundle) -> Iterator[tuple[Any, Any]]:
    """Yield what runs, outermost first, each with its spec in the other version."""
    for part in state.live_workflows(workflow):
        is_top = part is workflow
        yield part, new.specs.process if is_top else new.specs.called.get(part.spec.name)


def _is_ahead(task: Any) -> bool:
    """Whether a task is only predicted; a token that lies at a join is not."""
    return bool(task.has_state(_AHEAD) and not task.parent.has_state(TaskState.FINISHED_MASK))


def _kept(part: Any) -> list[Any]:
    return [task for task in part.tasks.values() if not _is_ahead(task)]


def _reason(task: Any, drawn: Any) -> str | None:
    """Return why a task cannot go on as what is drawn in the other version."""
    if not task.has_state(_LIVE) and not joins.is_held(task):
        holds = any(joins.is_held(child) for child in task.children)
        return "环节“{name}”通向正在等待的汇合，新版本中已删除" if holds and not drawn else None
    if drawn is None:
        return "环节“{name}”正在办理，新版本中已删除"
    if type(drawn) is not type(task.task_spec):
        return "环节“{name}”正在办理，新版本中换了类型"
    changed = (said for said, trait in _TRAITS if trait(task.task_spec) != trait(drawn))
    return next(changed, None)


def _guards(spec: Any) -> set[tuple[str, type]]:
    """Return the boundary events of an activity."""
    splits = [each for each in spec.inputs if isinstance(each, BoundaryEventSplit)]
    return {
        (each.name, type(each.event_definition))
        for split in splits
        for each in split.outputs
        if isinstance(each, BoundaryEvent)
    }


def _event(spec: Any) -> type | None:
    return type(spec.event_definition) if isinstance(spec, CatchingEvent) else None


def _inlets(spec: Any) -> set[str]:
    return {each.name for each in spec.inputs} if isinstance(spec, UnstructuredJoin) else set()


def _called(spec: Any) -> str | None:
    return str(spec.spec) if isinstance(spec, SubWorkflowTask) else None


_TRAITS: tuple[tuple[str, Callable[[Any], object]], ...] = (
    ("环节“{name}”正在办理，新版本中调用了别的流程", _called),
    ("环节“{name}”正在办理，新版本中改动了它的边界事件", _guards),
    ("事件“{name}”正在等待，新版本中换了类型", _event),
    ("汇合“{name}”正在等待，新版本中改动了通向它的流向", _inlets),
)
"""What a task that waits must have in common with what is drawn, and what is said otherwise."""


def _name(bundle: Bundle, task: Any) -> str:
    node_id = task.task_spec.bpmn_id or task.task_spec.name
    node = bundle.node(task.workflow.spec.name, node_id)
    return node.name if node else str(node_id)
