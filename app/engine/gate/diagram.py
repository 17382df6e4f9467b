"""A diagram (流程图) as the rules see it: nodes, flows, lanes, and the scopes that hold them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from app.engine.diagrams import properties_of
from app.engine.gate.findings import Finding, Severity, quoted

BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
BPMNDI = "{http://www.omg.org/spec/BPMN/20100524/DI}"
DC = "{http://www.omg.org/spec/DD/20100524/DC}"
DI = "{http://www.omg.org/spec/DD/20100524/DI}"
SPIFF = "{http://spiffworkflow.org/bpmn/schema/1.0/core}"

EVENTS = frozenset(
    {"startEvent", "endEvent", "intermediateCatchEvent", "intermediateThrowEvent", "boundaryEvent"}
)
DECISIONS = frozenset({"exclusiveGateway", "inclusiveGateway"})
GATEWAYS = DECISIONS | {"parallelGateway", "eventBasedGateway"}
ACTIVITIES = frozenset(
    {
        "userTask",
        "manualTask",
        "serviceTask",
        "businessRuleTask",
        "callActivity",
        "subProcess",
        "sendTask",
        "receiveTask",
    }
)
NODES = EVENTS | GATEWAYS | ACTIVITIES


def local(element: Any) -> str:
    """Return an element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def names_in(text: str) -> list[str]:
    """Return the names of a comma-separated property."""
    return [name.strip() for name in text.split(",") if name.strip()]


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A flow node: event, activity or gateway."""

    id: str
    kind: str
    name: str
    scope: str
    element: Any
    properties: Mapping[str, str]

    @property
    def outcomes(self) -> list[str]:
        """The names this node adds to the task data."""
        return names_in(self.properties.get("outcomes", ""))

    @property
    def loop(self) -> Any:
        """The multi-instance element, or None."""
        return self.element.find(f"{BPMN}multiInstanceLoopCharacteristics")

    def events(self) -> list[Any]:
        """Return the event definitions of an event."""
        return [child for child in self.element if local(child).endswith("EventDefinition")]


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """A sequence flow; `condition` is None where none is drawn."""

    id: str
    name: str
    source: str
    target: str
    scope: str
    condition: str | None
    element: Any


@dataclass(eq=False)
class Diagram:
    """One BPMN file with one process."""

    file: str
    root: Any
    process: Any
    nodes: dict[str, Node] = field(default_factory=dict)
    flows: list[Flow] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The process id."""
        return str(self.process.get("id", ""))

    @cached_property
    def inputs(self) -> list[str]:
        """Names of the start data, from the process property `inputs`."""
        return names_in(properties_of(self.process).get("inputs", ""))

    @cached_property
    def calls(self) -> frozenset[str]:
        """The ids of the processes that it calls."""
        nodes = self.of_kind("callActivity")
        return frozenset(node.element.get("calledElement", "") for node in nodes)

    @cached_property
    def outgoing(self) -> dict[str, list[Flow]]:
        """Flows by their source."""
        return self._by("source")

    @cached_property
    def incoming(self) -> dict[str, list[Flow]]:
        """Flows by their target."""
        return self._by("target")

    def _by(self, end: str) -> dict[str, list[Flow]]:
        table: dict[str, list[Flow]] = {node: [] for node in self.nodes}
        for flow in self.flows:
            table.setdefault(getattr(flow, end), []).append(flow)
        return table

    @cached_property
    def attached(self) -> dict[str, list[Node]]:
        """Boundary events by the activity they sit on."""
        table: dict[str, list[Node]] = {}
        for node in self.of_kind("boundaryEvent"):
            table.setdefault(node.element.get("attachedToRef", ""), []).append(node)
        return table

    @cached_property
    def lanes(self) -> dict[str, str]:
        """Lane name by node id, as drawn."""
        return {
            (ref.text or "").strip(): lane.get("name", "")
            for lane in self.process.iter(f"{BPMN}lane")
            for ref in lane.findall(f"{BPMN}flowNodeRef")
        }

    @cached_property
    def event_names(self) -> dict[tuple[str, str], str]:
        """Names of the messages, signals and errors by their kind and id."""
        kinds = ("message", "signal", "error")
        return {
            (kind, item.get("id", "")): (item.get("name") or "").strip()
            for kind in kinds
            for item in self.root.findall(f"{BPMN}{kind}")
        }

    @cached_property
    def error_codes(self) -> dict[str, str]:
        """Codes of the errors by their ids."""
        errors = self.root.findall(f"{BPMN}error")
        return {item.get("id", ""): item.get("errorCode", "") for item in errors}

    @cached_property
    def torn(self) -> set[str]:
        """Nodes that stand in two lanes, neither of which is drawn within the other."""
        places: dict[str, Any] = {}
        torn: set[str] = set()
        for lane in self.process.iter(f"{BPMN}lane"):
            for ref in lane.findall(f"{BPMN}flowNodeRef"):
                ident = (ref.text or "").strip()
                former = places.setdefault(ident, lane)
                if former is not lane and former not in lane.iterancestors():
                    torn.add(ident)
                places[ident] = lane
        return torn

    def lane_of(self, node: Node) -> str | None:
        """Return the node's lane; inside a subprocess, the subprocess's lane."""
        here: Node | None = node
        while here is not None:
            if here.id in self.lanes:
                return self.lanes[here.id]
            here = self.nodes.get(here.scope)
        return None

    def drawn_as(self, ident: str) -> "Node | Flow | None":
        """Return the node or flow of an id."""
        flows = (flow for flow in self.flows if flow.id == ident)
        return self.nodes.get(ident) or next(flows, None)

    def of_kind(self, *kinds: str) -> Iterator[Node]:
        """Yield the nodes of these kinds."""
        return (node for node in self.nodes.values() if node.kind in kinds)

    def inside(self, scope: str) -> list[Node]:
        """Return the nodes that stand directly in a process or subprocess."""
        return self._scopes.get(scope, [])

    @cached_property
    def _scopes(self) -> dict[str, list[Node]]:
        table: dict[str, list[Node]] = {}
        for node in self.nodes.values():
            table.setdefault(node.scope, []).append(node)
        return table

    def find(
        self, rule: str, subject: Any, message: str, hint: str, *, severity: Severity = "error"
    ) -> Finding:
        """Return a finding about a node, a flow or any element of this file."""
        element = subject if not isinstance(subject, (Node, Flow)) else subject.element
        owner = element
        while owner.get("id") is None and owner.getparent() is not None:
            owner = owner.getparent()
        ident = owner.get("id") or local(owner)
        name = quoted(owner.get("name", "").strip() or ident)
        return Finding(rule, ident, name, message, hint, severity, self.file)


def ends_well(node: Node) -> bool:
    """Whether a node is an end that is no error."""
    is_error = any(local(event) == "errorEventDefinition" for event in node.events())
    return node.kind == "endEvent" and not is_error


def draw(file: str, root: Any, process: Any) -> Diagram:
    """Return the diagram of a process element."""
    diagram = Diagram(file, root, process)
    _collect(diagram, process, str(process.get("id", "")))
    return diagram


def _collect(diagram: Diagram, holder: Any, scope: str) -> None:
    for element in holder.iterchildren("*"):
        kind = local(element)
        ident = element.get("id", "")
        if kind == "sequenceFlow":
            diagram.flows.append(_flow(element, scope))
        elif kind in NODES and element.tag == BPMN + kind:
            diagram.nodes[ident] = Node(
                ident, kind, element.get("name", ""), scope, element, properties_of(element)
            )
            if kind == "subProcess":
                _collect(diagram, element, ident)


def _flow(element: Any, scope: str) -> Flow:
    condition = element.find(f"{BPMN}conditionExpression")
    text = None if condition is None else (condition.text or "")
    get = element.get
    ends = get("sourceRef", ""), get("targetRef", "")
    return Flow(get("id", ""), get("name", ""), *ends, scope, text, element)
