"""A bundle (流程包): the diagrams and decision tables that are uploaded together."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from app.engine.diagrams import is_table
from app.engine.gate.decisions import Decision, asked_in, read_decision
from app.engine.gate.diagram import BPMN, Diagram, draw, local
from app.engine.gate.findings import Finding, Refused, quoted
from app.engine.gate.graph import reach
from app.engine.gate.known import Known
from app.engine.gate.xml import MAX_BYTES, read_tree
from rules.conditions import Effort

MAX_FILES = 30
MAX_TOTAL_BYTES = 4 * 1024 * 1024
MAX_TOTAL_NODES = 1_500


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
    calls = {diagram.id: diagram.calls for diagram in bundle.diagrams}
    if key not in calls:  # It could not be read, which is told by itself.
        return {*calls, *bundle.decisions}
    called = reach([key], calls)
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
