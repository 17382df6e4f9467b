"""Reading diagrams: specs for the engine, and the flow nodes as they are drawn."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType
from typing import Any, NamedTuple

from lxml import etree
from SpiffWorkflow.bpmn.parser.util import full_tag
from SpiffWorkflow.bpmn.parser.ValidationException import ValidationException
from SpiffWorkflow.bpmn.specs.mixins import ServiceTaskMixin
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import LoopTask
from SpiffWorkflow.exceptions import SpiffWorkflowException
from SpiffWorkflow.spiff.parser.process import SpiffBpmnParser
from SpiffWorkflow.spiff.parser.task_spec import BusinessRuleTaskParser, SpiffTaskParser
from SpiffWorkflow.spiff.specs.spiff_task import SpiffBpmnTask

from app.engine.decisions import DecisionTask

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
NS = {"b": BPMN, "s": "http://spiffworkflow.org/bpmn/schema/1.0/core"}
_NODES = frozenset(
    {
        *("userTask", "manualTask", "serviceTask", "scriptTask", "businessRuleTask", "sendTask"),
        *("receiveTask", "task", "callActivity", "subProcess", "transaction", "adHocSubProcess"),
        *("startEvent", "endEvent", "boundaryEvent", "intermediateCatchEvent"),
        *("intermediateThrowEvent", "exclusiveGateway", "parallelGateway", "inclusiveGateway"),
        *("eventBasedGateway", "complexGateway"),
    }
)
_FLOWS = frozenset({"incoming", "outgoing", "sequenceFlow", "laneSet"})
_DATE = "b:timerEventDefinition/b:timeDate"
_DECISION = "b:extensionElements/s:calledDecisionId"
_OF_PEOPLE = frozenset({"form", "page", "save", "role", "scope", "due", "outcomes", "apart"})
PROPERTIES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "process": frozenset({"inputs"}),
        "userTask": _OF_PEOPLE,
        "manualTask": _OF_PEOPLE,
        "serviceTask": frozenset({"handler", "outcomes"}),
        "receiveTask": frozenset({"outcomes"}),
        "intermediateCatchEvent": frozenset({"outcomes"}),
        "boundaryEvent": frozenset({"outcomes"}),
    }
)
"""The properties (属性) that have a meaning, by the element they stand on; no other is read."""


class DefinitionError(ValueError):
    """A diagram or decision table that cannot be read; `element` is the id it is about."""

    def __init__(self, message: str, *, element: str = "") -> None:
        super().__init__(message)
        self.element = element


class Specs(NamedTuple):
    """What the engine runs: the process and everything it calls, by id."""

    process: Any
    called: dict[str, Any]


@dataclass(frozen=True)
class Node:
    """A flow node as drawn: who does it, and the properties that name its functions."""

    process: str
    container: str
    id: str
    name: str
    lane: str | None
    kind: str
    properties: Mapping[str, str] = field(default_factory=dict)
    # A hash of all that is written about it, its ways out and its decision table included.
    mark: str = ""
    # The name or expression of the moment that a timer event waits for.
    awaits: str = ""
    # The activity that is over once a boundary event comes; a reminder leaves it.
    ends: str = ""

    @cached_property
    def outcomes(self) -> frozenset[str]:
        """Names that the node's handler may return (property `outcomes`)."""
        listed = self.properties.get("outcomes", "")
        return frozenset(name.strip() for name in listed.split(",") if name.strip())


class HandlerTask(ServiceTaskMixin, SpiffBpmnTask):  # type: ignore[misc]
    """A service task that calls the handler its property names, and nothing else."""

    def _execute(self, task: Any) -> bool:
        task.workflow.script_engine.call_service(task)
        return True


class _HandlerTaskParser(SpiffTaskParser):  # type: ignore[misc]
    """The engine's own service task wants an operator element; ours has a property."""


class _DecisionTaskParser(BusinessRuleTaskParser):  # type: ignore[misc]
    """The engine's own parser names its class of task; ours reads the table by itself."""

    def create_task(self) -> Any:
        table = self.process_parser.parser.get_engine(self.get_decision_ref(self.node), self.node)
        scripts = self.parse_extensions()
        return DecisionTask(
            self.spec,
            self.bpmn_id,
            dmnEngine=table,
            prescript=scripts.get("preScript"),
            postscript=scripts.get("postScript"),
            **self.bpmn_attributes,
        )


class _Parser(SpiffBpmnParser):  # type: ignore[misc]
    OVERRIDE_PARSER_CLASSES: Mapping[str, tuple[Any, Any]] = MappingProxyType(
        {
            **SpiffBpmnParser.OVERRIDE_PARSER_CLASSES,
            full_tag("serviceTask"): (_HandlerTaskParser, HandlerTask),
            full_tag("businessRuleTask"): (_DecisionTaskParser, DecisionTask),
        }
    )

    def __init__(self) -> None:
        super().__init__()
        self._tables: dict[str, Any] = {}

    def get_engine(self, decision_ref: str, node: Any) -> Any:
        """Return the table of a task; bare, it is read anew for each task that asks it."""
        if decision_ref not in self._tables:
            self._tables[decision_ref] = super().get_engine(decision_ref, node)
        return self._tables[decision_ref]


def is_table(file: str) -> bool:
    """Whether a file is a decision table by its name, which may be written in capitals."""
    return file.lower().endswith(".dmn")


def read_xml(content: bytes, name: str = "") -> Any:
    """Return the root element of a diagram or decision table; the gate and the engine both ask.

    It is UTF-8 whatever it says of itself, and comments are no part of a text. Raises
    DefinitionError; refuses any DOCTYPE.
    """
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.LxmlError, ValueError) as error:
        if getattr(error, "code", None) == etree.ErrorTypes.ERR_NO_MEMORY:
            raise MemoryError from error
        raise DefinitionError(f"{name} 不是有效的 XML：{error}") from error
    if root.getroottree().docinfo.doctype:
        raise DefinitionError(f"{name} 含有 DOCTYPE 声明，不能使用")
    return root


class Library:
    """Diagrams and tables read once, of which the specs of any process can be taken."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """Read the files. Raises DefinitionError."""
        self._parser = _Parser()
        for name, content in files.items():
            root = read_xml(content, name)
            add = self._parser.add_dmn_xml if is_table(name) else self._parser.add_bpmn_xml
            with _explained():
                add(root, filename=name)

    def specs(self, process_id: str) -> Specs:
        """Return the specs of a process and of all it calls. Raises DefinitionError."""
        with _explained():
            process = self._parser.get_spec(process_id)
            specs = Specs(process, self._parser.get_subprocess_specs(process_id))
        _connect_loops(specs)
        return specs


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what the engine's parser raises into DefinitionError."""
    try:
        yield
    except ValidationException as error:
        raise DefinitionError(str(error), element=str(error.id or "")) from error
    except (SpiffWorkflowException, ValueError, LookupError) as error:
        raise DefinitionError(f"流程图无法读取：{error}") from error


def parse(files: Mapping[str, bytes], process_id: str) -> Specs:
    """Return the specs of a process and of all it calls, from files by name.

    Raises DefinitionError.
    """
    return Library(files).specs(process_id)


def _connect_loops(specs: Specs) -> None:
    """Let loops hear of their children at once: doing it at run time races between threads."""
    for spec in (specs.process, *specs.called.values()):
        for task_spec in list(spec.task_specs.values()):
            if isinstance(task_spec, LoopTask):
                done = spec.task_specs[task_spec.task_spec].completed_event
                if not done.is_connected(task_spec.merge_child):
                    done.connect(task_spec.merge_child)


def read_nodes(files: Mapping[str, bytes]) -> tuple[Node, ...]:
    """Return every flow node of the diagrams, in document order. Raises DefinitionError."""
    return tuple(node for _, drawn in read_processes(files) for node, _ in drawn)


def read_processes(files: Mapping[str, bytes]) -> list[tuple[Any, list[tuple[Node, Any]]]]:
    """Return each process as it is written, with its flow nodes and theirs, in document order.

    Raises DefinitionError.
    """
    roots = {name: read_xml(content, name) for name, content in files.items()}
    tables = {
        decision.get("id", ""): _written(decision)
        for name, root in roots.items()
        if is_table(name)
        for decision in root.iter("{*}decision")
    }
    return [
        (process, _nodes_of(process, tables))
        for name, root in roots.items()
        if not is_table(name)
        for process in root.iterfind("b:process", NS)
    ]


def _written(element: Any, left_out: frozenset[str] = frozenset()) -> tuple[Any, ...]:
    """Return what an element says, whatever its layout; without children of these kinds."""
    children = [
        _written(child)
        for child in element.iterchildren("{*}*")
        if etree.QName(child).localname not in left_out
    ]
    return element.tag, sorted(element.attrib.items()), (element.text or "").strip(), children


def _mark(element: Any, ways_out: Iterable[Any], tables: Mapping[str, Any]) -> str:
    """Return a hash of what a node says itself; what lies inside it has marks of its own."""
    decided = [(ref.text or "").strip() for ref in element.iterfind(_DECISION, NS)]
    said = (
        _written(element, _NODES | _FLOWS),
        sorted(_written(way) for way in ways_out),
        [tables.get(name) for name in decided],
    )
    return sha256(repr(said).encode()).hexdigest()


def _nodes_of(process: Any, tables: Mapping[str, Any]) -> list[tuple[Node, Any]]:
    lanes = {
        (ref.text or "").strip(): lane.get("name")
        for lane in process.iterfind(".//b:lane", NS)
        for ref in lane.iterfind("b:flowNodeRef", NS)
    }
    ways_out: dict[str, list[Any]] = {}
    for flow in process.iterfind(".//b:sequenceFlow", NS):
        ways_out.setdefault(flow.get("sourceRef", ""), []).append(flow)
    found = []
    for element in process.iter(f"{{{BPMN}}}*"):
        kind = etree.QName(element).localname
        if kind in _NODES:
            container, node_id = element.getparent().get("id", ""), element.get("id", "")
            attached = element.get("attachedToRef", "")
            node = Node(
                process=process.get("id", ""),
                container=container,
                id=node_id,
                name=element.get("name") or node_id,
                lane=lanes.get(node_id) or lanes.get(container),
                kind=kind,
                properties=properties_of(element),
                mark=_mark(element, ways_out.get(node_id, ()), tables),
                awaits=element.findtext(_DATE, "", NS).strip(),
                ends="" if element.get("cancelActivity") == "false" else attached,
            )
            found.append((node, element))
    return found


def properties_of(element: Any) -> dict[str, str]:
    """Return the properties of an element that have a meaning there."""
    known = PROPERTIES.get(etree.QName(element).localname, frozenset())
    path = "b:extensionElements/s:properties/s:property"
    written = {p.get("name", ""): p.get("value", "") for p in element.iterfind(path, NS)}
    return {name: value for name, value in written.items() if name in known}


def closure(files: Mapping[str, bytes], process_id: str) -> dict[str, bytes]:
    """Return the files that a process needs: its own, the called ones', the decision tables'.

    Raises DefinitionError when one is missing.
    """
    roots = {name: read_xml(content, name) for name, content in files.items()}
    makers = {
        element.get("id"): name
        for name, root in roots.items()
        for element in root.iter("{*}process", "{*}decision")
    }
    needed: dict[str, bytes] = {}
    wanted = [process_id]
    while wanted:
        element_id = wanted.pop()
        name = makers.get(element_id)
        if name is None:
            raise DefinitionError(f"找不到流程或决策表“{element_id}”", element=element_id)
        if name not in needed:
            needed[name] = files[name]
            wanted += [
                call.get("calledElement", "") for call in roots[name].iter("{*}callActivity")
            ]
            wanted += [(ref.text or "").strip() for ref in roots[name].iter("{*}calledDecisionId")]
    return {name: needed[name] for name in sorted(needed)}
