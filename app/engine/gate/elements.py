"""Which elements may stand in a diagram, and how they are named (元素白名单)."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from app.engine.gate.diagram import (
    ACTIVITIES,
    BPMN,
    BPMNDI,
    DC,
    DECISIONS,
    DI,
    SPIFF,
    Diagram,
    Flow,
    Node,
    local,
)
from app.engine.gate.findings import Finding
from app.engine.gate.known import Known

Rule = Callable[[Diagram, Known], Iterator[Finding]]

FARTHEST, LARGEST = 20_000, 10_000
"""How far from the middle a shape may stand, and how large it may be, in points."""
MAX_NODES = 200
"""The engine's parser calls itself for every node on a path; 300 in a row is its end."""
MAX_FLOWS = 4 * MAX_NODES
"""The rules on paths are written for no more."""

ALLOWED = frozenset(
    """definitions process collaboration participant messageFlow laneSet lane childLaneSet
    flowNodeRef startEvent endEvent intermediateCatchEvent intermediateThrowEvent boundaryEvent
    userTask manualTask serviceTask businessRuleTask callActivity subProcess sendTask receiveTask
    exclusiveGateway inclusiveGateway parallelGateway eventBasedGateway sequenceFlow incoming
    outgoing conditionExpression extensionElements documentation message signal error
    messageEventDefinition timerEventDefinition signalEventDefinition errorEventDefinition
    terminateEventDefinition timeDate timeDuration timeCycle multiInstanceLoopCharacteristics
    loopCardinality loopDataInputRef loopDataOutputRef inputDataItem outputDataItem
    completionCondition textAnnotation association text group category categoryValue""".split()  # noqa: SIM905 - words read better in prose
)
ALLOWED_EXTENSIONS = frozenset(
    """properties property serviceTaskOperator parameters calledDecisionId
    instructionsForEndUser""".split()  # noqa: SIM905 - as above
)
_UNDELIVERED = frozenset(
    """correlationKey correlationProperty correlationPropertyRef
    correlationPropertyRetrievalExpression formalExpression messagePath messagePayload
    messageVariable processVariableCorrelation propertyId expression payloadExpression
    variableName""".split()  # noqa: SIM905 - as above
)
"""What messages carry and are told apart by. Between instances nothing of it is delivered, and a
message that is told apart within one is no longer caught when it comes from another."""
DRAWING = frozenset({BPMNDI[1:-1], DC[1:-1], DI[1:-1]})
XSI = "http://www.w3.org/2001/XMLSchema-instance"
COLOURS = frozenset(
    {
        "http://bpmn.io/schema/bpmn/biocolor/1.0",
        "http://www.omg.org/spec/BPMN/non-normative/color/1.0",
    }
)
MODELER = "http://camunda.org/schema/modeler/1.0"

_USE_SERVICE = "请改用服务任务，处理逻辑由平台提供"
_USE_GATEWAY = "请改用排他、包容或并行网关"
_USE_BOUNDARY = "请改用附在任务或子流程上的边界事件"
REJECTED: dict[str, tuple[str, str, str]] = {
    "scriptTask": ("element.script", "不允许脚本任务", _USE_SERVICE),
    "script": ("element.script", "不允许脚本", _USE_SERVICE),
    "adHocSubProcess": ("element.ad_hoc", "不允许即席子流程", "请画出确定的顺序"),
    "transaction": ("element.transaction", "不允许事务子流程", "请改用普通子流程"),
    "cancelEventDefinition": ("element.transaction", "不允许取消事件", "请改用终止结束事件"),
    "complexGateway": ("element.complex_gateway", "不支持复杂网关", _USE_GATEWAY),
    "linkEventDefinition": ("element.link", "链接事件会被引擎忽略", "请直接连线"),
    "compensateEventDefinition": (
        "element.compensation",
        "补偿事件会被引擎忽略",
        "请画出处理步骤",
    ),
    "escalationEventDefinition": ("element.escalation", "不支持升级事件", _USE_BOUNDARY),
    "escalation": ("element.escalation", "不支持升级事件", _USE_BOUNDARY),
    "conditionalEventDefinition": (
        "element.conditional",
        "条件事件不会自行触发",
        "请改用网关条件、消息或定时事件",
    ),
    "task": ("element.plain_task", "任务没有类型，引擎会直接跳过", "请改成用户任务或服务任务"),
    "globalTask": ("element.plain_task", "不支持全局任务", "请改成用户任务或服务任务"),
    "standardLoopCharacteristics": (
        "element.standard_loop",
        "不支持标准循环",
        "请用排他网关画出循环，或改用多实例",
    ),
    "implicitThrowEvent": ("element.unknown", "不支持该元素", "请删除"),
}


def _namespace(tag: str) -> str:
    return tag[1:].partition("}")[0] if tag.startswith("{") else ""


def unsupported_elements(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard against elements the engine ignores silently or runs wrongly (defects 9, 14)."""
    for element in diagram.root.iter("*"):
        namespace = _namespace(element.tag)
        if namespace == BPMN[1:-1]:
            yield from _bpmn_element(diagram, element)
        elif namespace == SPIFF[1:-1]:
            yield from _extension(diagram, element)
        elif namespace not in DRAWING:
            yield _foreign(diagram, element, namespace)


def _undelivered(diagram: Diagram, element: Any) -> Finding:
    message = "事件不带内容，消息也不作关联"
    hint = "请删除：消息按业务编号送达，数据由处理程序从业务记录读取"
    return diagram.find("event.payload", element, message, hint)


def _bpmn_element(diagram: Diagram, element: Any) -> Iterator[Finding]:
    name = local(element)
    if name in _UNDELIVERED:
        yield _undelivered(diagram, element)
    elif name in REJECTED:
        rule, message, hint = REJECTED[name]
        yield diagram.find(rule, element, message, hint)
    elif "horeography" in name or name in {"conversation", "callConversation"}:
        yield diagram.find("element.choreography", element, "不支持编排和会话", "请改画流程图")
    elif name not in ALLOWED:
        message = f"不支持元素 {name}"
        yield diagram.find("element.unknown", element, message, "请删除，或改用支持的元素")


def _extension(diagram: Diagram, element: Any) -> Iterator[Finding]:
    name = local(element)
    if name in {"preScript", "postScript"}:
        message = "不允许前置或后置脚本"
        yield diagram.find("element.script", element, message, _USE_SERVICE)
    elif name in _UNDELIVERED:
        yield _undelivered(diagram, element)
    elif name not in ALLOWED_EXTENSIONS:
        message = f"不支持扩展 {name}"
        yield diagram.find("element.unknown", element, message, "请删除这一扩展")
    elif name == "property" and not (element.get("name") and "value" in element.attrib):
        message = "属性缺少名称或取值"
        yield diagram.find("property.incomplete", element, message, "请补全 name 和 value")


def _foreign(diagram: Diagram, element: Any, namespace: str) -> Finding:
    if any(word in namespace for word in ("camunda", "zeebe", "activiti", "flowable")):
        return _vendor(diagram, element, local(element))
    message = f"含有不认识的元素 {local(element)}"
    return diagram.find("xml.namespace", element, message, "请删除，或用本平台的设计器重画")


def _vendor(diagram: Diagram, element: Any, name: str) -> Finding:
    message = f"含有其他产品的扩展 {name}，引擎会悄悄丢弃"
    return diagram.find("element.vendor", element, message, "请改用“属性”页填写，并删除该扩展")


def foreign_attributes(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard against camunda and zeebe attributes, dropped silently by the parser (defect 15)."""
    for element in diagram.root.iter("*"):
        for name in element.attrib:
            namespace = _namespace(name)
            if namespace in {"", XSI} or _is_decoration(diagram, element, namespace):
                continue
            if any(word in namespace for word in ("camunda", "zeebe", "activiti", "flowable")):
                yield _vendor(diagram, element, name.rpartition("}")[2])
            else:
                message = f"含有不认识的属性 {name.rpartition('}')[2]}"
                yield diagram.find("xml.namespace", element, message, "请删除该属性")


def _is_decoration(diagram: Diagram, element: Any, namespace: str) -> bool:
    if _namespace(element.tag) in DRAWING:
        return namespace in COLOURS
    return element is diagram.root and namespace == MODELER


def event_subprocesses(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard defect 4: event subprocesses do not interrupt, block the end and change the spec."""
    for node in diagram.of_kind("subProcess"):
        if node.element.get("triggeredByEvent") == "true":
            yield diagram.find("element.event_subprocess", node, "不允许事件子流程", _USE_BOUNDARY)


def unique_ids(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard the parser's index by id, where the second element silently replaces the first."""
    elements = [element for element in diagram.root.iter("*") if element.get("id")]
    counts = Counter(element.get("id") for element in elements)
    for element in elements:
        if counts[element.get("id")] > 1:
            message = f"编号 {element.get('id')} 重复"
            yield diagram.find("id.duplicate", element, message, "请给每个元素不同的编号")


def usable_ids(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard the engine's own nodes: an element called End replaces the end, and all is skipped."""
    subjects: list[Node | Flow] = [*diagram.nodes.values(), *diagram.flows]
    named = [(subject, subject.id) for subject in subjects]
    for subject, ident in [(diagram.process, diagram.id), *named]:
        if ident in {"Start", "End", "Root"}:
            message = f"编号 {ident} 是引擎保留的"
            yield diagram.find("id.reserved", subject, message, "请换一个编号")
        elif not re.fullmatch(r"[^\W\d][\w-]{0,99}", ident):
            message = "编号缺失或含有不允许的字符"
            hint = "编号以字母或汉字开头，只用字母、数字、下划线和连字符"
            yield diagram.find("id.invalid", subject, message, hint)


def size_of_diagram(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard the parser's recursion: it calls itself once for every node of a path."""
    if len(diagram.nodes) > MAX_NODES:
        message = f"节点有 {len(diagram.nodes)} 个，超过 {MAX_NODES} 个"
        yield diagram.find("diagram.size", diagram.process, message, "请拆成几个流程互相调用")
    if len(diagram.flows) > MAX_FLOWS:
        message = f"连线有 {len(diagram.flows)} 条，超过 {MAX_FLOWS} 条"
        yield diagram.find("diagram.size", diagram.process, message, "请拆成几个流程互相调用")


def named_process(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard the lists: titles, menus and messages show the name of the process."""
    if not diagram.process.get("name", "").strip():
        message = "流程没有名称"
        hint = "请填写办事人看得懂的流程名称，如“业绩审核”"
        yield diagram.find("process.name", diagram.process, message, hint)


def layout(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard the flow page: without diagram interchange it has nothing to show."""
    shapes = {
        shape.get("bpmnElement")
        for shape in diagram.root.iter(f"{BPMNDI}BPMNShape")
        if shape.find(f"{DC}Bounds") is not None
    }
    edges = {
        edge.get("bpmnElement")
        for edge in diagram.root.iter(f"{BPMNDI}BPMNEdge")
        if len(edge.findall(f"{DI}waypoint")) >= 2
    }
    for node in diagram.nodes.values():
        if node.id not in shapes:
            message = "没有图形位置，页面上看不到"
            yield diagram.find("layout.missing", node, message, "请在设计器中摆放后重新保存")
    for flow in diagram.flows:
        if flow.id not in edges:
            message = "连线没有图形位置，页面上看不到"
            yield diagram.find("layout.missing", flow, message, "请在设计器中重画这条连线")


def within_the_picture(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard the flow page: what stands far away is off every picture, or makes it all tiny."""
    for drawn in diagram.root.iter(f"{DC}Bounds", f"{DI}waypoint"):
        places = [_number(drawn.get(key, "0")) for key in ("x", "y")]
        # The label of what has no name is of no size.
        of_shape = drawn.getparent().tag == f"{BPMNDI}BPMNShape"
        sizes = [_number(drawn.get(key, "1")) for key in ("width", "height") if of_shape]
        if all(abs(each) <= FARTHEST for each in places) and all(0 < s <= LARGEST for s in sizes):
            continue
        owner = next((a for a in drawn.iterancestors() if a.get("bpmnElement")), drawn)
        subject = diagram.drawn_as(owner.get("bpmnElement", "")) or owner
        message = f"图形位置或大小超出画布（坐标 ±{FARTHEST}，大小 1 到 {LARGEST}）"
        yield diagram.find("layout.far", subject, message, "请在设计器中移回图中，重新保存")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.inf


def chinese_names(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Ask for the names people read: those of user tasks and of gateways with several exits."""
    for node in diagram.nodes.values():
        asks = node.kind in DECISIONS and len(diagram.outgoing.get(node.id, ())) > 1
        if (asks or node.kind in {"userTask", "manualTask"}) and not re.search(
            r"[\u4e00-\u9fff]", node.name
        ):
            message = "没有中文名称"
            hint = "请填写办理人看得懂的名称"
            yield diagram.find("name.missing", node, message, hint, severity="warning")


def loops_on_nodes_only(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard the parser: a multi-instance marker counts on activities only."""
    for node in diagram.nodes.values():
        if node.loop is not None and node.kind not in ACTIVITIES:
            yield diagram.find("loop.place", node, "只有任务才能多实例", "请把多实例放到任务上")


RULES: tuple[Rule, ...] = (
    unsupported_elements,
    foreign_attributes,
    event_subprocesses,
    unique_ids,
    usable_ids,
    size_of_diagram,
    named_process,
    layout,
    within_the_picture,
    chinese_names,
    loops_on_nodes_only,
)
