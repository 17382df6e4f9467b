"""Where branches meet (汇合): the cures of the engine's joins.

Bare, a join counts the tokens of an earlier cycle, and a branch that finishes late undoes with its
old data what another one changed. Here each join consumes its tokens once, and only what a branch
changed is merged.
"""

from collections.abc import Collection, Iterable, Mapping, Set
from copy import deepcopy
from functools import wraps
from typing import Any

from SpiffWorkflow.bpmn.specs.mixins.inclusive_gateway import InclusiveGateway
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import (
    MultiInstanceTask,
    SequentialMultiInstanceTask,
)
from SpiffWorkflow.bpmn.specs.mixins.parallel_gateway import ParallelGateway
from SpiffWorkflow.bpmn.specs.mixins.unstructured_join import UnstructuredJoin
from SpiffWorkflow.util.task import TaskState

_JOINED = "joined"
_LIVE = TaskState.READY | TaskState.WAITING | TaskState.STARTED


def holds(reached: Set[Any], empty: Set[Any], filled: Set[Any]) -> bool:
    """Whether a branch holds an inclusive join, by what it reaches without passing that.

    The rule of BPMN 2.0: it does if it can reach an empty inlet, and no filled one. The publish
    gate goes by it as well.
    """
    return bool(reached & empty) and not reached & filled


def is_held(task: Any) -> bool:
    """Whether a token lies at a join that has not fired yet, though its task may be cancelled."""
    return (
        isinstance(task.task_spec, UnstructuredJoin)
        and not task.has_state(TaskState.PREDICTED_MASK)
        and task.parent.state == TaskState.COMPLETED
        and _JOINED not in task.internal_data
    )


def _tokens(task: Any) -> list[Any]:
    """Return the tokens that lie at the join of `task`, itself among them."""
    return [
        other
        for other in task.workflow.tasks.values()
        if other is task or (other.task_spec == task.task_spec and is_held(other))
    ]


def _all_have_come(self: Any, task: Any) -> bool:
    return set(self.inputs) <= {token.parent.task_spec for token in _tokens(task)}


def _nobody_else_can_come(self: Any, task: Any) -> bool:
    filled = {token.parent.task_spec for token in _tokens(task)}
    empty = {spec for spec in self.inputs if spec not in filled}
    return not any(holds(_reach(spec, self), empty, filled) for spec in _live_specs(task))


def _live_specs(task: Any) -> set[Any]:
    return {
        other.task_spec
        for other in task.workflow.tasks.values()
        if other.task_spec != task.task_spec
        and (
            other.has_state(_LIVE)
            or (other.state == TaskState.FUTURE and other.parent.state == TaskState.COMPLETED)
        )
    }


def _reach(start: Any, join: Any) -> set[Any]:
    """Return the nodes that can be reached without passing the join."""
    found: set[Any] = set()
    waiting = [start]
    while waiting:
        spec = waiting.pop()
        if spec not in found and spec != join:
            found.add(spec)
            waiting.extend(spec.outputs)
    return found


def _fire(self: Any, task: Any) -> bool:
    """Consume the tokens and merge what their branches changed; the later one wins."""
    tokens = sorted(_tokens(task), key=lambda token: (token is task, token.last_state_change))
    _merge(task, tokens)
    for token in tokens:
        token.internal_data[_JOINED] = True
        if token is not task and token.state == TaskState.COMPLETED:
            token._drop_children(force=True)  # noqa: SLF001 - as the engine's own join does
    return True


def _merge(task: Any, tokens: Collection[Any]) -> None:
    base = _shared_data(tokens)
    merged = deepcopy(base)
    for token in tokens:
        data = token.parent.data
        merged.update(deepcopy(_changed(base, data)))
        for key in base.keys() - data.keys():
            merged.pop(key, None)
    task.data = merged


def _cure_instances() -> None:
    """Keep of each instance what it changed: bare, one that ends late undoes what others did.

    Where answers are gathered in a collection nothing else of an instance is kept.
    """
    gather = MultiInstanceTask.merge_child

    @wraps(gather)
    def merge(self: Any, workflow: Any, child: Any) -> None:
        if self.data_output is not None and self.output_item is not None:
            gather(self, workflow, child)
            return
        loop = child.parent
        one_by_one = isinstance(self, SequentialMultiInstanceTask)
        base = loop.data if one_by_one else loop.parent.data
        loop.data.update(deepcopy(_changed(base, child.data)))
        loop.internal_data["merged"].append(str(child.id))

    MultiInstanceTask.merge_child = merge


def _changed(base: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in base or base[name] != value}


def _shared_data(tokens: Iterable[Any]) -> dict[str, Any]:
    """Return the data of the last task that all branches come from."""
    lines = [_line(token.parent) for token in tokens]
    shared = [tasks[0] for tasks in zip(*lines, strict=False) if len({t.id for t in tasks}) == 1]
    return dict(shared[-1].data)


def _line(task: Any) -> list[Any]:
    line = [task]
    while line[-1].parent is not None:
        line.append(line[-1].parent)
    return line[::-1]


def _cure_joins() -> None:
    ParallelGateway._check_threshold_unstructured = _replacing(  # noqa: SLF001
        ParallelGateway._check_threshold_unstructured,  # noqa: SLF001
        _all_have_come,
    )
    InclusiveGateway._check_threshold_unstructured = _replacing(  # noqa: SLF001
        InclusiveGateway._check_threshold_unstructured,  # noqa: SLF001
        _nobody_else_can_come,
    )
    UnstructuredJoin._run_hook = _replacing(UnstructuredJoin._run_hook, _fire)  # noqa: SLF001


def _replacing(bare: Any, cure: Any) -> Any:
    """Return the cure; the bare method stays in reach as __wrapped__."""

    @wraps(bare)
    def cured(self: Any, task: Any) -> Any:
        return cure(self, task)

    return cured


_cure_joins()
_cure_instances()
