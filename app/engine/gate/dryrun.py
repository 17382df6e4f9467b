"""The dry run (试运行): the engine parses the bundle and walks it with nobody and nothing behind.

Handlers, tables and messages are replaced by plausible values, so that nothing real happens. The
walk shows that the process starts, comes to people or an end, and never stops half-way.
"""

import ast
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine
from SpiffWorkflow.exceptions import SpiffWorkflowException
from SpiffWorkflow.util.task import TaskState

from app.core.instants import ZONE
from app.engine import state
from app.engine.diagrams import DefinitionError, Library, Specs, is_table
from app.engine.events import UncaughtError
from app.engine.gate.diagram import BPMN, Diagram
from app.engine.gate.findings import Finding, quoted
from app.engine.gate.graph import reach
from app.engine.gate.known import Known
from app.engine.moments import bound, kind_of_time
from rules.expression import ExpressionError, compile_expression

WALKS = 8
MAX_STEPS = 120
MAX_TASKS = 3_000
MAX_GUESSES = 50
MAX_WORK = 200_000
"""How many tasks all walks through a bundle may pass by: the engine looks at every task of the
tree in each step. It is counted, not timed, so that the verdict is the same on any machine.
"""
_NOW = datetime(2026, 1, 5, 9, 0, tzinfo=ZONE)
_TODAY = "2026-01-05"
_FAR = {
    "timeDate": "2999-01-01T00:00:00+08:00",
    "timeDuration": "P900D",
    "timeCycle": "R1/P900D",
}
_STUB = """<definitions xmlns="{namespace}" targetNamespace="stub" id="stub_{id}">
<process id="{id}" isExecutable="true"><startEvent id="begin"/><endEvent id="finish"/>
<sequenceFlow id="go" sourceRef="begin" targetRef="finish"/></process></definitions>"""

Values = Mapping[str, list[Any]]


class OutOfSteps(Exception):
    """The walk has gone far enough."""


def dry_run(
    diagrams: list[Diagram], files: Mapping[str, bytes], known: Known
) -> Iterator[Finding]:
    """Parse every process of a bundle as the runtime does and walk it a few times."""
    parsed: dict[str, tuple[Diagram, Specs]] = {}
    shelf = _Shelf(diagrams, files, known)
    for diagram in diagrams:
        try:
            parsed[diagram.id] = (diagram, shelf.specs(diagram.id))
        except DefinitionError as error:
            message = f"引擎读不懂：{quoted(str(error))}"
            yield diagram.find("engine.parse", diagram.process, message, "请按提示改正后再上传")
    values, budget = _plausible(diagrams), _Budget(MAX_WORK, WALKS * len(parsed))
    for seed in range(WALKS):
        for name, (diagram, specs) in list(parsed.items()):
            choice = random.Random(seed)  # noqa: S311 - no secret
            finding = _walk(_Walk(diagram, specs, DryEngine(values, choice), budget))
            if finding is not None:
                del parsed[name]
                yield finding


@dataclass
class _Budget:
    """What is left of the work that all walks together may do."""

    left: int
    walks: int

    def share(self) -> int:
        """Return what the next walk may use: what those before it did not is spread evenly."""
        self.walks -= 1
        return self.left // (self.walks + 1)


class _Shelf:
    """The libraries of a bundle: one for each process that no other calls, with all it calls."""

    def __init__(self, diagrams: list[Diagram], files: Mapping[str, bytes], known: Known) -> None:
        self.files = files
        self.homes = {diagram.id: diagram.file for diagram in diagrams}
        self.calls = {name: published.calls for name, published in known.processes.items()}
        called = {name for home in self.homes for name in self.calls[home]}
        self.groups = [reach([name], self.calls) for name in self.homes if name not in called]
        self.libraries: dict[int, Library] = {}

    def specs(self, process_id: str) -> Specs:
        """Return the specs of a process. Raises DefinitionError."""
        number = next(n for n, group in enumerate(self.groups) if process_id in group)
        if number not in self.libraries:
            self.libraries[number] = Library(self._needed(self.groups[number]))
        return self.libraries[number].specs(process_id)

    def _needed(self, group: set[str]) -> dict[str, bytes]:
        """Return the diagrams, the tables, and stubs for what is published already."""
        needed = {name: text for name, text in self.files.items() if is_table(name)}
        for name in sorted(group):
            if name in self.homes:
                needed[self.homes[name]] = self.files[self.homes[name]]
            else:
                needed[f"{name}.stub.bpmn"] = _stub(name)
        return needed


def _stub(name: str) -> bytes:
    return _STUB.format(namespace=BPMN[1:-1], id=name).encode()


def _plausible(diagrams: list[Diagram]) -> Values:
    """Return for each name the values it is compared with, so that walks take every branch."""
    values: dict[str, dict[Any, None]] = {}
    for flow in {flow.condition: flow for each in diagrams for flow in each.flows}.values():
        names, constants = _compared(flow.condition or "")
        for name in names:
            values.setdefault(name, {}).update(dict.fromkeys(constants))
    guesses: dict[str, list[Any]] = {
        name: [*list(found)[:MAX_GUESSES], "pass", True] for name, found in values.items()
    }
    for diagram in diagrams:
        for element in diagram.root.iter(f"{BPMN}loopDataInputRef"):
            guesses[(element.text or "").strip()] = [["1", "2"]]
    return guesses


def _compared(text: str) -> tuple[set[str], list[Any]]:
    """Return the names of a condition and what they may be compared with."""
    try:
        nodes = list(ast.walk(ast.parse(text.strip(), mode="eval")))
    except (SyntaxError, ValueError):
        return set(), []
    constants = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return {node.id for node in nodes if isinstance(node, ast.Name)}, constants or [True, False]


_compiled = lru_cache(maxsize=2048)(compile_expression)


class DryEngine(PythonScriptEngine):  # type: ignore[misc]
    """Answers what the engine asks without running anything of the platform."""

    def __init__(self, values: Values, choice: random.Random) -> None:
        super().__init__()
        self.environment = None
        self.values = values
        self.choice = choice

    def guess(self, name: str) -> Any:
        """Return a value that a handler might have returned."""
        return self.choice.choice(self.values.get(name, ["pass", True]))

    def evaluate(
        self, task: Any, expression: str, external_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return a far time, a small count, the value of the expression, or a guess."""
        kind = kind_of_time(task.task_spec, expression)
        if kind is not None:
            return _FAR[kind]
        if expression == getattr(task.task_spec, "cardinality", None):
            return 2
        variables = {**task.data, **(external_context or {}), "today": _TODAY}
        try:
            return _compiled(expression).evaluate(variables)
        except ExpressionError:
            return self.choice.random() < 0.5

    def decide(self, task: Any, table: Any) -> dict[str, Any]:
        """Ask no table: each output is guessed."""
        return {output.name: self.guess(output.name) for output in table.outputs}

    def execute(self, task: Any, script: str, external_context: object = None) -> None:
        """Run no script; the rules have refused them all."""

    def call_service(self, task: Any, **_: object) -> None:
        """Call no handler: outcomes are guessed before each task."""


def _walk(walk: "_Walk") -> Finding | None:
    try:
        with bound(_NOW):
            return walk.run()
    except (OutOfSteps, UncaughtError):
        return None
    except (SpiffWorkflowException, LookupError, TypeError, ValueError) as error:
        message = f"试运行出错：{quoted(str(error))}"
        return walk.diagram.find("engine.walk", walk.here(), message, "请检查这里的配置")


class _Walk:
    """One way through a process."""

    def __init__(self, diagram: Diagram, specs: Specs, engine: DryEngine, budget: _Budget) -> None:
        self.diagram = diagram
        self.engine = engine
        self.budget = budget
        self.share = budget.share()
        # Planted as the runtime does it, with the same cures of the engine.
        self.workflow = state.new(specs, {name: engine.guess(name) for name in diagram.inputs})
        self.workflow.script_engine = engine
        self.steps = 0
        self.last = ""

    def here(self) -> Any:
        """Return the node the walk came to last."""
        return self.diagram.nodes.get(self.last, self.diagram.process)

    def run(self) -> Finding | None:
        """Walk until the end, a wait for an event, or OutOfSteps; says where it stops half-way."""
        while True:
            self.workflow.do_engine_steps(will_complete_task=self._before)
            people = self.workflow.get_tasks(state=TaskState.READY, manual=True)
            if not people:
                return self._stopped()
            task = self.engine.choice.choice(people)
            self._before(task)
            task.run()

    def _before(self, task: Any) -> None:
        self.steps += 1
        tasks = sum(len(part.tasks) for part in state.live_workflows(self.workflow))
        self.share -= tasks
        self.budget.left -= tasks
        if self.steps > MAX_STEPS or tasks > MAX_TASKS or self.share < 0:
            raise OutOfSteps
        self.last = task.task_spec.bpmn_id or self.last
        node = self.diagram.nodes.get(self.last)
        properties = (getattr(task.task_spec, "extensions", None) or {}).get("properties", {})
        named = node.outcomes if node else properties.get("outcomes", "").split(",")
        for name in filter(None, named):
            task.data[name] = self.engine.guess(name)

    def _stopped(self) -> Finding | None:
        if self.workflow.is_completed() or self.workflow.waiting_events():
            return None
        held = self.workflow.get_tasks(state=TaskState.WAITING)
        nodes = [self.diagram.nodes.get(task.task_spec.bpmn_id) for task in held]
        place = next(filter(None, nodes), self.here())
        message = "试运行停在这里，既没有待办也没有结束"
        hint = "请检查并行网关：每条进入的分支都要会走到"
        return self.diagram.find("engine.stuck", place, message, hint)
