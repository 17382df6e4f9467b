"""State of an instance as bytes, and the cures of the engine's defects that live in its tree.

Only the tree is stored; specs come from the bundle the instance is pinned to. Key order is kept:
sorting the keys loses tasks.
"""

import threading
from collections.abc import Iterator
from functools import wraps
from itertools import takewhile
from typing import Any
from uuid import UUID

import orjson
import zstandard
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.bpmn.serializer.default.workflow import BpmnWorkflowConverter, WorkflowConverter
from SpiffWorkflow.bpmn.specs.control import _EndJoin
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import LoopTask, MultiInstanceTask
from SpiffWorkflow.bpmn.util.task import BpmnTaskIterator
from SpiffWorkflow.spiff.serializer.config import SPIFF_CONFIG
from SpiffWorkflow.util.task import TaskIterator, TaskState

from app.engine import joins
from app.engine.diagrams import Specs

_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
_UNLIMITED = 10**9


class StateUnreadable(RuntimeError):
    """The stored bytes of an instance are no state of it (流程状态无法读取)."""


class _TreeConverter(BpmnWorkflowConverter):  # type: ignore[misc]
    """Writes and reads a workflow without its specs."""

    def to_dict(self, workflow: Any) -> dict[str, Any]:
        content: dict[str, Any] = WorkflowConverter.to_dict(self, workflow)
        content["subprocesses"] = self.mapping_to_dict(workflow.subprocesses)
        return content

    def from_dict(self, content: dict[str, Any], specs: Specs) -> Any:
        workflow = self.target_class(specs.process, dict(specs.called), deserializing=True)
        workflow.tasks = self.mapping_from_dict(content["tasks"], UUID, workflow=workflow)
        workflow.task_tree = workflow.tasks.get(UUID(content["root"]))
        self.set_default_attributes(workflow, content)
        self.subprocesses_from_dict(content["subprocesses"], workflow)
        return workflow


class _Codec(threading.local):
    """One serializer a thread: the engine's registry carries a flag while it writes."""

    def __init__(self) -> None:
        config = {**SPIFF_CONFIG, BpmnWorkflow: _TreeConverter}
        self.serializer = BpmnWorkflowSerializer(BpmnWorkflowSerializer.configure(config))
        self.compressor = zstandard.ZstdCompressor(level=3)
        self.decompressor = zstandard.ZstdDecompressor()


_codec = _Codec()


def new(specs: Specs, data: dict[str, Any]) -> Any:
    """Return a workflow at its start, with `data` as its first task data."""
    workflow = BpmnWorkflow(specs.process, dict(specs.called))
    workflow.task_tree.data.update(data)
    return workflow


def dumps(workflow: Any) -> bytes:
    """Return the tree as compressed bytes."""
    registry = _codec.serializer.registry
    workflow.bpmn_events = []

    def convert(value: Any) -> Any:
        name = registry.typenames.get(type(value))
        if name is None:
            raise TypeError(f"task data cannot hold a {type(value).__name__}")
        return registry.convert_to_dict[name](value)

    registry._encoder_mode = True  # noqa: SLF001 - the switch its own serialize_json uses
    try:
        content = orjson.dumps(registry.convert(workflow), default=convert, option=_OPTIONS)
    finally:
        registry._encoder_mode = False  # noqa: SLF001
    return _codec.compressor.compress(content)


def is_whole(content: bytes) -> bool:
    """Tell cheaply, without specs and without planting it, whether bytes hold a tree."""
    try:
        tree = orjson.loads(_codec.decompressor.decompress(content))
    except (zstandard.ZstdError, orjson.JSONDecodeError):
        return False
    return isinstance(tree, dict) and tree.get("root") in tree.get("tasks", ())


def loads(content: bytes, specs: Specs) -> Any:
    """Return the workflow that `dumps` wrote. Raises StateUnreadable."""
    try:
        tree = orjson.loads(_codec.decompressor.decompress(content))
        return _codec.serializer.from_dict(tree, specs=specs)
    except Exception as error:
        raise StateUnreadable("流程状态无法读取，或与流程定义不符") from error


def live_workflows(workflow: Any) -> list[Any]:
    """Return the workflow and the called ones that still run."""
    return [workflow, *(sub for sub in workflow.subprocesses.values() if not sub.completed)]


def live_tasks(workflow: Any) -> Iterator[Any]:
    """Yield every task that waits for a person, an event or the engine, however deep."""
    for part in live_workflows(workflow):
        for task in part.tasks.values():
            if task.has_state(TaskState.READY | TaskState.WAITING):
                yield task


def prune(workflow: Any) -> None:
    """Drop finished history: it grows without bound and breaks joins inside return loops."""
    for part in live_workflows(workflow):
        _prune_part(part)
    _forget_called(workflow)


def _prune_part(part: Any) -> None:
    fronts = [_ancestry(part, task) for task in part.tasks.values() if _is_front(task)]
    if not fronts:
        return
    shared = [tasks[0] for tasks in zip(*fronts, strict=False) if len({t.id for t in tasks}) == 1]
    done = list(takewhile(lambda task: task.state == TaskState.COMPLETED, shared))
    if len(done) <= 2:
        return
    root, last = part.task_tree, done[-1]
    kept = {root.id} | {task.id for task in last}
    for task_id in [task_id for task_id in part.tasks if task_id not in kept]:
        del part.tasks[task_id]
    last.parent = root
    root.children = [last]
    if part.last_task is not None and part.last_task.id not in part.tasks:
        part.last_task = last


def _is_front(task: Any) -> bool:
    """Whether an unfinished task hangs on a finished one: the front line of the tree.

    A token that lies at a join counts, even where the engine has cancelled its task. One at the
    end of the whole process does not: its data go nowhere, and a fired reminder would keep all.
    """
    if isinstance(task.task_spec, _EndJoin) and task.workflow.top_workflow is task.workflow:
        return bool(task.state == TaskState.READY)
    if joins.is_held(task):
        return True
    if task.state == TaskState.FUTURE:
        return bool(task.parent.has_state(TaskState.FINISHED_MASK))
    return bool(task.has_state(TaskState.DEFINITE_MASK))


def _ancestry(part: Any, task: Any) -> list[Any]:
    line = [task]
    while line[-1].parent is not None:
        line.append(line[-1].parent)
    return line[::-1]


def _forget_called(workflow: Any) -> None:
    """Drop called workflows whose calling task is gone or finished."""
    living: set[UUID] = set()
    for part in live_workflows(workflow):
        living |= {t.id for t in part.tasks.values() if not t.has_state(TaskState.FINISHED_MASK)}
    for task_id in [task_id for task_id in workflow.subprocesses if task_id not in living]:
        del workflow.subprocesses[task_id]


def _cure_deep_trees() -> None:
    """Look as deep as the tree is: past 1000 the engine would believe it is finished."""
    for iterator in (TaskIterator, BpmnTaskIterator):
        names = iterator.__init__.__code__.co_varnames
        defaults = list(iterator.__init__.__defaults__)
        first = iterator.__init__.__code__.co_argcount - len(defaults)
        defaults[names.index("max_depth") - first] = _UNLIMITED
        iterator.__init__.__defaults__ = tuple(defaults)


def _cure_loops_after_events() -> None:
    """Let a multi-instance task open that was only predicted, as after a boundary event.

    What follows it is predicted at the same time, or the process would stop behind it.
    """
    update = LoopTask._update  # noqa: SLF001 - inherited hook, made stricter for loops

    @wraps(update)
    def promoted(self: Any, task: Any) -> Any:
        if task.has_state(TaskState.PREDICTED_MASK):
            task._set_state(TaskState.FUTURE)  # noqa: SLF001
            self._predict(task, mask=TaskState.FUTURE | TaskState.PREDICTED_MASK)
        return update(self, task)

    LoopTask._update = promoted  # noqa: SLF001


def _cure_left_over_items() -> None:
    """Take what an earlier round left out of the data: the next child would refuse to open.

    The input item belongs to the loop and leaves with it; the name of the output item may be
    taken by the outcome of an earlier task, which is put aside while a child opens.
    """
    merge, create = MultiInstanceTask.merge_child, MultiInstanceTask.create_child

    @wraps(merge)
    def merged(self: Any, workflow: Any, child: Any) -> None:
        merge(self, workflow, child)
        if self.input_item is not None:
            child.parent.data.pop(self.input_item.bpmn_id, None)

    @wraps(create)
    def created(self: Any, task: Any, item: Any, key_or_index: Any = None) -> None:
        if self.input_item is not None:
            task.data.pop(self.input_item.bpmn_id, None)
        name = self.output_item.bpmn_id if self.output_item is not None else None
        aside = {name: task.data.pop(name)} if name in task.data else {}
        create(self, task, item, key_or_index)
        task.data.update(aside)

    MultiInstanceTask.merge_child, MultiInstanceTask.create_child = merged, created


def _cure_left_over_outputs() -> None:
    """Empty the output collection when its loop is entered again: it would be refused."""

    def emptied(method: Any) -> Any:
        @wraps(method)
        def init(self: Any, task: Any, *given: Any) -> None:
            name = self.data_output.bpmn_id
            if self.data_input is None or self.data_input.bpmn_id != name:
                task.data.pop(name, None)
            method(self, task, *given)

        return init

    for name in ("init_data_output_with_input_data", "init_data_output_with_cardinality"):
        setattr(MultiInstanceTask, name, emptied(getattr(MultiInstanceTask, name)))


_cure_deep_trees()
_cure_loops_after_events()
_cure_left_over_items()
_cure_left_over_outputs()
