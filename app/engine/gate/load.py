"""How much a process does at once (负荷): tasks that run without a pause, instances within others.

The runtime stops a step at its budget and makes it an incident. What is drawn too large for any
run is told here, before it is published.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from app.engine.environment import MAX_INSTANCES, STEP_BUDGET
from app.engine.gate.diagram import BPMN, Diagram, Node
from app.engine.gate.elements import Rule
from app.engine.gate.findings import Finding
from app.engine.gate.graph import edges_of, reach
from app.engine.gate.known import Known, Load
from app.engine.gate.pauses import waiting
from rules.expression import ExpressionError, compile_expression

_CAP = 10**6
"""Sums go no higher, whatever calls whatever."""


def written_count(node: Node) -> int | None:
    """Return how many instances a node opens: 1 without a mark, None where only a run can tell."""
    if node.loop is None:
        return 1
    try:
        expression = compile_expression(node.loop.findtext(f"{BPMN}loopCardinality") or "")
        value = expression.evaluate({})
    except ExpressionError:
        return None
    return value if type(value) is int and 0 <= value <= MAX_INSTANCES else None


@dataclass
class Scales:
    """Weighs a diagram; `listed` is how many items a list is taken to have."""

    diagram: Diagram
    known: Known
    listed: int
    _scopes: dict[str, Load] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.edges: Mapping[str, list[str]] = edges_of(self.diagram)
        nodes = self.diagram.nodes.values()
        self.pauses = {node.id for node in nodes if waiting(self.diagram, node, self.known)}

    def scope(self, scope: str) -> Load:
        """Return the load of a process or subprocess."""
        if scope not in self._scopes:
            self._scopes[scope] = self._weigh(scope)
        return self._scopes[scope]

    def _weigh(self, scope: str) -> Load:
        nodes = self.diagram.inside(scope)
        starts = [node.id for node in nodes if node.kind == "startEvent"]
        entry = self._run(starts)
        steps = [
            1 + self.inner(node).step + self._run(self.edges[node.id])
            for node in nodes
            if node.id in self.pauses
        ]
        instances = max((self.instances(node) for node in nodes), default=1)
        return Load(min(entry, _CAP), min(max([entry, *steps]), _CAP), min(instances, _CAP))

    def _run(self, starts: list[str]) -> int:
        """Return how many tasks run from these nodes to the next pauses; each counts once."""
        on = {node: [] if node in self.pauses else to for node, to in self.edges.items()}
        reached = reach(starts, on)
        found = [node for node in self.diagram.nodes.values() if node.id in reached]
        # The engine closes a process with two tasks of its own.
        ending = 2 if any(node.kind == "endEvent" for node in found) else 0
        return ending + sum(map(self._entered, found))

    def _entered(self, node: Node) -> int:
        count = written_count(node)
        times = self.listed if count is None else count
        own = 0 if node.id in self.pauses else 1
        return times * (own + self.inner(node).entry) + (own if node.loop is not None else 0)

    def inner(self, node: Node) -> Load:
        """Return the load of what a subprocess or a call holds."""
        if node.kind == "subProcess":
            return self.scope(node.id)
        called = self.known.processes.get(node.element.get("calledElement", ""))
        if node.kind != "callActivity" or called is None:
            return Load()
        return called.least if self.listed == 1 else called.most

    def instances(self, node: Node) -> int:
        """Return how many instances of one node a node may open, those within it included."""
        count = written_count(node)
        return (MAX_INSTANCES if count is None else count) * self.inner(node).instances


def least(diagram: Diagram, known: Known) -> Load:
    """Return the load that a process has when each of its lists holds one item."""
    return Scales(diagram, known, 1).scope(diagram.id)


def most(diagram: Diagram, known: Known) -> Load:
    """Return the load that a process has when its lists are as long as may be."""
    return Scales(diagram, known, MAX_INSTANCES).scope(diagram.id)


def instances_within_instances(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard the state: each level of multi-instance multiplies what one instance carries."""
    scales = Scales(diagram, known, MAX_INSTANCES)
    for node in diagram.nodes.values():
        inside, together = scales.inner(node).instances, scales.instances(node)
        if node.loop is not None and inside > 1 and together > MAX_INSTANCES:
            message = f"多实例里又有多实例，合起来可达 {together} 个，超过 {MAX_INSTANCES} 个"
            hint = "请写明更小的个数，或由处理程序为每一项另起一个流程"
            yield diagram.find("loop.nested", node, message, hint)


def bounded_steps(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard the run: a step that runs more automatic tasks than its budget is undone each time.

    How long a list will be is not known here, so that what depends on it is a warning: the
    runtime stops a step that goes too far, and nothing is lost.
    """
    certain, possible = least(diagram, known).step, most(diagram, known).step
    if certain > STEP_BUDGET:
        message = f"一步之内要连续执行 {certain} 个自动环节，超过 {STEP_BUDGET} 个"
        hint = "请减少多实例个数或层层调用，或在中间放一个用户任务、消息或定时事件"
        yield diagram.find("step.budget", diagram.process, message, hint)
    elif possible > STEP_BUDGET:
        message = f"集合较长时，一步之内会连续执行超过 {STEP_BUDGET} 个自动环节而中断"
        hint = "请确认集合不会太长，或在多实例里放一个用户任务、消息或定时事件"
        yield diagram.find("step.list", diagram.process, message, hint, severity="warning")


RULES: tuple[Rule, ...] = (instances_within_instances, bounded_steps)
