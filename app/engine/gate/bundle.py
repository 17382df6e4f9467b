"""A bundle (流程包): the diagrams and decision tables that are uploaded together."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from app.engine.diagrams import is_table
from app.engine.gate import (
    attributes,
    business,
    course,
    events,
    graph,
    lengths,
    load,
    messages,
    states,
    tasks,
    times,
    tokens,
    variables,
)
from app.engine.gate import elements as element_rules
from app.engine.gate.decisions import (
    Decision,
    asked_in,
    check_cells,
    check_decision,
    read_decision,
)
from app.engine.gate.diagram import BPMN, Diagram, Node, draw, local
from app.engine.gate.expressions import branches_apart, check_expressions
from app.engine.gate.findings import Finding, Refused, quoted
from app.engine.gate.graph import scope_waits
from app.engine.gate.known import Known, Published
from app.engine.gate.matters import matters_of
from app.engine.gate.schema import check_schema
from app.engine.gate.tables import check_rule_tasks
from app.engine.gate.xml import MAX_BYTES, read_tree
from rules.conditions import Effort, TooCostly

MAX_FILES = 30
MAX_TOTAL_BYTES = 4 * 1024 * 1024
MAX_TOTAL_NODES = 1_500

RULES = (
    *attributes.RULES,
    *business.RULES,
    *events.RULES,
    *graph.RULES,
    *lengths.RULES,
    *load.RULES,
    *messages.RULES,
    *tasks.RULES,
    *times.RULES,
    *tokens.RULES,
    *variables.RULES,
)


@dataclass
class Bundle:
    """What could be read of the uploaded files, and what was wrong with the rest."""

    diagrams: list[Diagram] = field(default_factory=list)
    decisions: dict[str, Decision] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    # One for all files: many conditions must not cost more than few long ones.
    effort: Effort = field(default_factory=Effort)
    # For comparing the rows of tables: what is too much there is only told.
    compared: Effort = field(default_factory=Effort)


def read_bundle(files: Mapping[str, bytes]) -> Bundle:
    """Read every file within the limits; what cannot be read becomes a finding."""
    bundle = Bundle()
    if not files:
        message, hint = "没有上传文件", "请选择 .bpmn 文件"
        bundle.findings.append(Finding("bundle.empty", "", "上传的文件", message, hint))
    total = sum(len(data) for data in files.values() if len(data) <= MAX_BYTES)
    if len(files) > MAX_FILES or total > MAX_TOTAL_BYTES:
        message = f"一次最多上传 {MAX_FILES} 个文件，共 {MAX_TOTAL_BYTES // 1024 // 1024} MB"
        finding = Finding("bundle.size", "", "上传的文件", message, "请减少文件")
        bundle.findings.append(finding)
        return bundle
    for file, data in files.items():
        try:
            _read(bundle, file, data)
        except Refused as refusal:
            bundle.findings.append(refusal.finding)
    if sum(len(diagram.nodes) for diagram in bundle.diagrams) > MAX_TOTAL_NODES:
        message = f"一次最多上传 {MAX_TOTAL_NODES} 个节点"
        finding = Finding("bundle.size", "", "上传的文件", message, "请分几次上传")
        return Bundle(findings=[finding])
    return bundle


def places_of(files: Mapping[str, bytes], in_force: Mapping[str, bytes]) -> dict[str, str]:
    """Return the name that each file takes in a bundle, whatever a browser called it.

    A diagram is named after its process. A decision table takes the place of the one in force
    that decides the same, a new one keeps its own name.
    """
    tables = {_subject(name, data): name for name, data in in_force.items() if is_table(name)}
    places = {}
    for file, content in files.items():
        subject = _subject(file, content)
        own = f"{subject}.bpmn" if subject and not is_table(file) else file
        places[file] = tables.get(subject, own) if is_table(file) else own
    return places


def _subject(file: str, content: bytes) -> str:
    """Return the id of the process or decision in a file, empty where it holds none."""
    try:
        root = read_tree(file, content)
    except Refused:
        return ""
    kind = "{*}decision" if is_table(file) else f"{BPMN}process"
    return next((str(each.get("id", "")) for each in root.iter(kind)), "")


def _read(bundle: Bundle, file: str, data: bytes) -> None:
    root = read_tree(file, data)
    if is_table(file):
        _add_decision(bundle, read_decision(file, root))
        return
    if root.tag != f"{BPMN}definitions":
        message = f"不是 BPMN 2.0 流程图（根元素是 {local(root)}）"
        finding = Finding("xml.root", local(root), file, message, "请上传 .bpmn 文件", file=file)
        raise Refused(finding)
    processes = list(root.iter(f"{BPMN}process"))
    if len(processes) != 1:
        message = f"文件里有 {len(processes)} 个流程，要有且只有一个"
        hint = "请一个文件只画一个流程"
        raise Refused(Finding("process.count", local(root), file, message, hint, file=file))
    bundle.diagrams.append(draw(file, root, processes[0]))


def _add_decision(bundle: Bundle, read: Decision | Finding) -> None:
    if isinstance(read, Finding):
        bundle.findings.append(read)
    elif read.id in bundle.decisions:
        message = f"决策编号 {read.id} 在几个文件里重复"
        bundle.findings.append(read.find("id.duplicate", read.table, message, "请换一个编号"))
    else:
        bundle.decisions[read.id] = read


def set_strays_aside(
    bundle: Bundle, key: str, uploaded: Collection[str], known: Known
) -> list[Finding]:
    """Refuse uploads that process `key` does not need: publishing would leave them out in silence.

    They are judged no further: what they need themselves stands on another page.
    """
    needed = _needed(bundle, key)
    documents: list[Diagram | Decision] = [*bundle.diagrams, *bundle.decisions.values()]
    strays = [each for each in documents if each.file in uploaded and each.id not in needed]
    bundle.diagrams = [each for each in bundle.diagrams if each not in strays]
    bundle.decisions = {k: each for k, each in bundle.decisions.items() if each not in strays}
    return [_stray(each, known) for each in strays]


def _needed(bundle: Bundle, key: str) -> set[str]:
    """Return the ids of a process, of all it calls, and of the decisions that these ask for."""
    calls = {diagram.id: _calls(diagram) for diagram in bundle.diagrams}
    if key not in calls:  # It could not be read, which is told by itself.
        return {*calls, *bundle.decisions}
    called = graph.reach([key], calls)
    asked = (asked_in(diagram) for diagram in bundle.diagrams if diagram.id in called)
    return called.union(*asked)


def _stray(document: Diagram | Decision, known: Known) -> Finding:
    if isinstance(document, Decision):
        kind, use, element = "决策表", "使用", document.table.getparent()
    else:
        kind, use, element = "流程", "调用", document.process
    name = quoted(element.get("name") or document.id)
    message = f"文件里是{kind}“{name}”（{document.id}），本页的流程不{use}它，不会一并发布"
    home = known.homes.get(document.id)
    hint = f"请到流程管理中{home}的页面上传此文件" if home else f"请去掉此文件，或让流程{use}它"
    return document.find("bundle.stray", element, message, hint)


def with_bundle(known: Known, diagrams: list[Diagram]) -> Known:
    """Return what is known once these diagrams are published."""
    drawn = {diagram.id: diagram for diagram in diagrams}
    calls = {name: _calls(diagram) for name, diagram in drawn.items()}
    for name in _called_first(calls):
        entry = _publish(drawn[name], known, calls[name])
        known = replace(known, processes={**known.processes, name: entry})
    return known


def _calls(diagram: Diagram) -> frozenset[str]:
    return frozenset(
        node.element.get("calledElement", "") for node in diagram.of_kind("callActivity")
    )


def _called_first(calls: Mapping[str, frozenset[str]]) -> list[str]:
    """Return the names so that each comes after what it calls; circles have no such order."""
    return sorted(calls, key=lambda name: len(graph.reach([name], calls)))


def _publish(diagram: Diagram, known: Known, calls: frozenset[str]) -> Published:
    called = [known.processes.get(name, Published()) for name in calls]
    outcomes = variables.outcomes_of(diagram).union(*(each.outcomes for each in called))
    services = _named(diagram, "handler").union(*(each.services for each in called))
    published = Published(
        calls,
        outcomes,
        frozenset(diagram.inputs),
        values=variables.values_of(diagram, known, outcomes),
        services=services,
        saves=_named(diagram, "save").union(*(each.saves for each in called)),
        waits=False,
        throws=messages.thrown(diagram),
        catches=messages.caught(diagram),
        errors=messages.errors_in(diagram, known, diagram.id),
    )
    if not is_small(diagram) or not has_sound_ids(diagram, known):
        return published
    return replace(
        published,
        early=times.early_in(diagram, known),
        awaited=times.awaited_in(diagram, known),
        failed_after=times.failed_after(diagram, known),
        waits=scope_waits(diagram, diagram.id, known),
        least=load.least(diagram, known),
        most=load.most(diagram, known),
    )


def _named(diagram: Diagram, key: str) -> frozenset[str]:
    named = (node.properties.get(key, "") for node in diagram.nodes.values())
    return frozenset(name for name in named if name)


def is_small(diagram: Diagram) -> bool:
    """Whether the diagram is within the limits that the rules on paths are written for."""
    few_nodes = len(diagram.nodes) <= element_rules.MAX_NODES
    return few_nodes and len(diagram.flows) <= element_rules.MAX_FLOWS


def has_sound_ids(diagram: Diagram, known: Known) -> bool:
    """Whether each node has an id of its own, which the rules on paths go by."""
    rules = (element_rules.unique_ids, element_rules.usable_ids)
    return not any(finding for rule in rules for finding in rule(diagram, known))


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
    diagram: Diagram, known: Known, bundle: Bundle, courses: course.Courses
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
    yield from course.decisions_stay_as_taken(scope, courses)
    yield from _counted(bundle, diagram, diagram.process, _by_values(scope, bundle, courses))


def courses_of(bundle: Bundle, known: Known) -> course.Courses:
    """Return where decisions lead in the diagrams that the rules on paths may look at."""
    outputs = {name: decision.values(known) for name, decision in bundle.decisions.items()}
    scopes = {
        diagram.id: variables.Variables(diagram, known, outputs)
        for diagram in bundle.diagrams
        if is_small(diagram) and has_sound_ids(diagram, known)
    }
    return course.Courses(scopes, bundle.decisions, bundle.effort)


def with_moves(bundle: Bundle, known: Known) -> Known:
    """Return what is known once these processes tell what they do to the records of others."""
    courses, processes = courses_of(bundle, known), dict(known.processes)
    for name, scope in courses.scopes.items():
        wholes = matters_of(scope.diagram, known) - {name}
        moves = {key: states.moves_through(name, key, courses, known) for key in wholes}
        processes[name] = replace(processes[name], moves=moves)
    return replace(known, processes=processes)


def _by_values(
    scope: variables.Variables, bundle: Bundle, courses: course.Courses
) -> Iterator[Finding]:
    """Apply what holds conditions against the values that their names can have."""
    yield from check_expressions(scope, courses.assigned, bundle.effort)
    yield from branches_apart(scope, bundle.effort)
    yield from check_rule_tasks(scope, bundle.decisions, bundle.effort, bundle.compared)


def check_states(
    bundle: Bundle, known: Known, courses: course.Courses, found: Iterable[Finding]
) -> Iterator[Finding]:
    """Follow the records through the diagrams, up to where something else was found faulty."""
    courses.faulty = frozenset((f.file, f.element) for f in found if f.severity == "error")
    for scope in courses.scopes.values():
        diagram = scope.diagram
        ways = states.states_as_needed(diagram.id, courses, known)
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
