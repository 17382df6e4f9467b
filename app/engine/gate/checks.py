"""All the rules of the gate, over the files of a bundle (全部规则)."""

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from app.engine.gate import (
    apart,
    attributes,
    business,
    events,
    graph,
    lengths,
    load,
    messages,
    pauses,
    tasks,
    times,
    tokens,
    variables,
)
from app.engine.gate import elements as element_rules
from app.engine.gate.bundle import Bundle
from app.engine.gate.course import Courses
from app.engine.gate.decisions import Decision, check_cells, check_decision
from app.engine.gate.diagram import Diagram, Node
from app.engine.gate.expressions import branches_apart, check_expressions
from app.engine.gate.findings import Finding
from app.engine.gate.heed import verdicts_are_heeded
from app.engine.gate.known import Known
from app.engine.gate.publishing import has_sound_ids, is_small
from app.engine.gate.schema import check_schema
from app.engine.gate.states import states_as_needed
from app.engine.gate.tables import check_rule_tasks
from app.engine.gate.verdicts import decisions_stay_as_taken
from rules.conditions import TooCostly

RULES = (
    *apart.RULES,
    *attributes.RULES,
    *business.RULES,
    *events.RULES,
    *graph.RULES,
    *lengths.RULES,
    *load.RULES,
    *messages.RULES,
    *pauses.RULES,
    *tasks.RULES,
    *times.RULES,
    *tokens.RULES,
    *variables.RULES,
)


def check_names(bundle: Bundle, key: str | None) -> Iterator[Finding]:
    """Check that each file holds the executable process it is named after, once."""
    seen: set[str] = set()
    for diagram in bundle.diagrams:
        process = diagram.process
        if process.get("isExecutable") != "true":
            message, hint = "流程没有标为可执行", '请设置 isExecutable="true"'
            yield diagram.find("process.executable", process, message, hint)
        path = PurePosixPath(diagram.file)
        stem = path.stem if path.suffix.lower() == ".bpmn" else path.name
        if key is None and diagram.id != stem:
            message = f"流程编号“{diagram.id}”与文件名“{stem}”不一致"
            yield diagram.find("process.id", process, message, "请让两者相同")
        if diagram.id in seen:
            message = f"流程编号“{diagram.id}”在几个文件里重复"
            yield diagram.find("id.duplicate", process, message, "请换一个编号")
        seen.add(diagram.id)
    for decision in bundle.decisions.values():
        if decision.id in seen:
            message = f"决策编号 {decision.id} 与流程编号相同"
            yield decision.find("id.duplicate", decision.table, message, "请换一个编号")
    if key is not None and bundle.diagrams and key not in seen and not bundle.findings:
        diagram = bundle.diagrams[0]
        message = f"上传的文件里没有编号为“{key}”的流程"
        yield diagram.find("process.id", diagram.process, message, f"请把流程编号改为 {key}")


def check_calls(bundle: Bundle, known: Known) -> Iterator[Finding]:
    """Guard defect 14: a process that calls itself, directly or not, exhausts memory."""
    calls = {name: published.calls for name, published in known.processes.items()}
    circular = set(graph.on_a_cycle(calls, calls))
    yield from _one_id_each(bundle, calls)
    for diagram in bundle.diagrams:
        for node in diagram.of_kind("callActivity"):
            called = node.element.get("calledElement", "")
            if called in circular and diagram.id in graph.reach([called], calls):
                message = f"调用“{called}”会绕回本流程，无休止地套下去"
                yield diagram.find("call.cycle", node, message, "请改画循环，不要互相调用")


def _one_id_each(bundle: Bundle, calls: graph.Edges) -> Iterator[Finding]:
    """Guard the engine, which keeps subprocesses and called processes by their ids together."""
    drawn = {diagram.id: diagram for diagram in bundle.diagrams}
    for diagram in bundle.diagrams:
        others = [drawn[name] for name in graph.reach([diagram.id], calls) if name in drawn]
        taken = {node.id for other in others if other is not diagram for node in _parts(other)}
        taken |= {other.id for other in others}
        for node in _parts(diagram):
            if node.id in taken:
                message = f"子流程编号 {node.id} 与所调用的流程里的编号相同"
                yield diagram.find("id.duplicate", node, message, "请换一个编号")


def _parts(diagram: Diagram) -> Iterator[Node]:
    return diagram.of_kind("subProcess")


def check_diagram(
    diagram: Diagram, known: Known, bundle: Bundle, courses: Courses
) -> Iterator[Finding]:
    """Apply every rule to one diagram; rules on paths only where sizes and ids are sound."""
    found = [finding for rule in element_rules.RULES for finding in rule(diagram, known)]
    yield from found
    if not is_small(diagram) or not has_sound_ids(diagram, known):
        return
    for rule in RULES:
        yield from rule(diagram, known)
    scope = courses.scopes[diagram.id]
    yield from variables.check_inputs(diagram, known, scope)
    yield from decisions_stay_as_taken(scope, courses)
    yield from _counted(bundle, diagram, diagram.process, _by_values(scope, bundle))


def _by_values(scope: variables.Variables, bundle: Bundle) -> Iterator[Finding]:
    """Apply what holds conditions against the values that their names can have."""
    yield from check_expressions(scope, bundle.effort)
    yield from branches_apart(scope, bundle.effort)
    yield from check_rule_tasks(scope, bundle.decisions, bundle.effort, bundle.compared)


def check_states(
    bundle: Bundle, known: Known, courses: Courses, found: Iterable[Finding]
) -> Iterator[Finding]:
    """Follow verdicts and records through the diagrams, up to where something was found faulty."""
    courses.faulty = frozenset((f.file, f.element) for f in found if f.severity == "error")
    for scope in courses.scopes.values():
        diagram = scope.diagram
        heeded = verdicts_are_heeded(scope, courses)
        yield from _counted(bundle, diagram, diagram.process, heeded)
        ways = states_as_needed(diagram.id, courses, known)
        yield from _counted(bundle, diagram, diagram.process, ways)


def _counted(
    bundle: Bundle, document: Diagram | Decision, whole: Any, findings: Iterator[Finding]
) -> Iterator[Finding]:
    """Guard the time of the check: so many conditions could be written that it would never end."""
    if bundle.effort.left < 0:  # It has been said.
        return
    try:
        yield from findings
    except TooCostly:
        message = "条件太多、太长，无法在限定的时间内逐一核对"
        hint = "请简化条件，或拆分流程"
        yield document.find("condition.effort", whole, message, hint)


def check_decisions(bundle: Bundle, known: Known) -> Iterator[Finding]:
    """Check the decision tables by themselves; their names are checked where they are used."""
    for decision in bundle.decisions.values():
        yield from check_decision(decision, known)
        cells = check_cells(decision, known, None, bundle.effort)
        yield from _counted(bundle, decision, decision.table, cells)


def check_schemas(bundle: Bundle) -> Iterator[Finding]:
    """Validate against the schemas whatever our own rules found nothing wrong with."""
    faulty = {finding.file for finding in bundle.findings if finding.severity == "error"}
    documents: list[Diagram | Decision] = [*bundle.diagrams, *bundle.decisions.values()]
    for document in documents:
        if document.file not in faulty:
            finding = check_schema(document.file, document.root)
            if finding is not None:
                yield finding
