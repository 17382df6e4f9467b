"""Where a token can go (流转): starts, ends, branches, loops and what the engine looks ahead."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import TypeVar

from app.engine.gate.diagram import (
    ACTIVITIES,
    BPMN,
    DECISIONS,
    GATEWAYS,
    Diagram,
    Node,
    local,
)
from app.engine.gate.elements import ALLOWED, Rule
from app.engine.gate.findings import Finding
from app.engine.gate.known import Known
from app.engine.moments import is_under_a_minute

MAX_AHEAD = 500
"""Ten parallel forks in a row make the engine predict 8,000 tasks, twenty make 8 million."""

JOINS = frozenset({"parallelGateway", "inclusiveGateway"})
"""Where branches wait for each other, if several flows come in."""
Edges = Mapping[str, Iterable[str]]
N = TypeVar("N", bound=Hashable)


def reach(starts: Iterable[N], edges: Mapping[N, Iterable[N]]) -> set[N]:
    """Return every node that can be reached, the starts included."""
    found: set[N] = set()
    waiting = list(starts)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting.extend(edges.get(node, ()))
    return found


def inverse(edges: Mapping[N, Iterable[N]]) -> dict[N, list[N]]:
    """Return the same edges the other way round."""
    back: dict[N, list[N]] = {}
    for source, targets in edges.items():
        for target in targets:
            back.setdefault(target, []).append(source)
    return back


def on_a_cycle(nodes: Iterable[str], edges: Edges) -> list[str]:
    """Return those of the nodes that lead back to themselves through these nodes only."""
    kept = set(nodes)
    inner = {node: [to for to in edges.get(node, ()) if to in kept] for node in kept}
    return [node for node in sorted(kept) if node in reach(inner[node], inner)]


def edges_of(diagram: Diagram) -> dict[str, list[str]]:
    """Return the successors of each node; an activity leads to its boundary events."""
    table: dict[str, list[str]] = {node: [] for node in diagram.nodes}
    for flow in diagram.flows:
        table.setdefault(flow.source, []).append(flow.target)
    for host, events in diagram.attached.items():
        table.setdefault(host, []).extend(event.id for event in events)
    return table


def starts_of(diagram: Diagram, scope: str) -> list[str]:
    """Return the ids of the nodes with which a process or subprocess begins."""
    return [node.id for node in diagram.inside(scope) if node.kind == "startEvent"]


def scopes_of(diagram: Diagram) -> list[tuple[str, object]]:
    """Return the process and every subprocess with what a finding about it points at."""
    inner = [(node.id, node) for node in diagram.of_kind("subProcess")]
    return [(diagram.id, diagram.process), *inner]


def starts_and_ends(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard against no start (refused late), several starts (merged oddly) and no end."""
    for scope, subject in scopes_of(diagram):
        kinds = [node.kind for node in diagram.inside(scope)]
        if "startEvent" not in kinds:
            yield diagram.find("start.missing", subject, "没有开始事件", "请画一个开始事件")
        if kinds.count("startEvent") > 1:
            message = f"有 {kinds.count('startEvent')} 个开始事件"
            yield diagram.find("start.several", subject, message, "请只保留一个开始事件")
        if "endEvent" not in kinds:
            yield diagram.find("end.missing", subject, "没有结束事件", "请画一个结束事件")


def connected_flows(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard the parser, which drops or misplaces flows that lead nowhere or leave a subprocess.

    Nothing is wrong with a flow of what is refused itself, once that is replaced.
    """
    refused = {each.get("id") for each in diagram.process.iter("*") if local(each) not in ALLOWED}
    for flow in diagram.flows:
        source, target = diagram.nodes.get(flow.source), diagram.nodes.get(flow.target)
        if source is None or target is None:
            if {flow.source, flow.target} <= refused | diagram.nodes.keys():
                continue
            message = "连线的一端没有连到节点上"
            yield diagram.find("flow.dangling", flow, message, "请重新连接或删除这条连线")
        elif not source.scope == target.scope == flow.scope:
            message = "连线穿过了子流程的边界"
            yield diagram.find("flow.crossing", flow, message, "请连到子流程本身")
        elif target.kind in {"startEvent", "boundaryEvent"} or source.kind == "endEvent":
            message = "连线不能进入开始事件或边界事件，也不能从结束事件引出"
            yield diagram.find("flow.direction", flow, message, "请改连到其他节点")


def one_way_out(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard the parser: several flows out of a task are refused, out of a start they fork."""
    for node in diagram.nodes.values():
        if node.kind not in GATEWAYS and len(diagram.outgoing[node.id]) > 1:
            message = "有几条引出的连线"
            yield diagram.find("flow.several", node, message, "请在后面加网关，由网关分支")


def conditions_in_place(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard defect 9: a condition anywhere but on a decision's branch is silently ignored."""
    for flow in diagram.flows:
        source = diagram.nodes.get(flow.source)
        if flow.condition is None or source is None:
            continue
        is_default = flow.id == source.element.get("default")
        if source.kind not in DECISIONS or is_default:
            message = "这条连线上的条件不会起作用"
            hint = "条件只写在排他或包容网关的非默认分支上，请删除或加网关"
            yield diagram.find("flow.condition_ignored", flow, message, hint)


def decisions_have_defaults(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard the run: a gateway none of whose branches matches stops the instance for ever."""
    for node in diagram.of_kind(*DECISIONS):
        flows = diagram.outgoing[node.id]
        default = node.element.get("default")
        if default and default not in {flow.id for flow in flows}:
            message = "默认分支不是这个网关引出的连线"
            yield diagram.find("gateway.default", node, message, "请重新设置默认分支")
        elif not default and (len(flows) > 1 or any(flow.condition for flow in flows)):
            hint = "请把一条分支设为默认分支"
            yield diagram.find("gateway.default", node, "网关没有默认分支", hint)
        if len(flows) > 1:
            for flow in flows:
                if flow.id != default and not (flow.condition or "").strip():
                    message = "非默认分支没有条件"
                    yield diagram.find("gateway.condition", flow, message, "请填写分支条件")


def event_gateways(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard the engine: only events that wait can follow an event-based gateway.

    It keeps one moment for all of them, so that of two timers one would be forgotten.
    """
    for node in diagram.of_kind("eventBasedGateway"):
        targets = [diagram.nodes.get(flow.target) for flow in diagram.outgoing[node.id]]
        if len(targets) < 2:
            message = "事件网关至少要有两条分支"
            yield diagram.find("gateway.events", node, message, "请补画分支或去掉网关")
        for target in targets:
            if target is not None and not _waits_for_gateway(diagram, target):
                message = "事件网关后面只能接自己专用的中间捕获事件"
                yield diagram.find("gateway.events", target, message, "请改成消息或定时事件")
        if sum(target is not None and _is_timed(target) for target in targets) > 1:
            message = "事件网关后面有几个定时事件，引擎只记住其中一个"
            hint = "请只留最早的一个，其余画在它的后面"
            yield diagram.find("gateway.timers", node, message, hint)


def _is_timed(node: Node) -> bool:
    return any(local(event) == "timerEventDefinition" for event in node.events())


def _waits_for_gateway(diagram: Diagram, node: Node) -> bool:
    return node.kind == "intermediateCatchEvent" and len(diagram.incoming[node.id]) == 1


def everything_reachable(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard defect 9: nodes that no path reaches are silently dropped."""
    edges = edges_of(diagram)
    for scope, _subject in scopes_of(diagram):
        nodes = diagram.inside(scope)
        found = reach((node.id for node in nodes if node.kind == "startEvent"), edges)
        for node in nodes:
            if node.id not in found:
                message = "从开始事件走不到这里"
                yield diagram.find("graph.unreachable", node, message, "请连线或删除该节点")


def end_reachable(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard against instances that never finish: each node needs a path to an end event."""
    found = reach((node.id for node in diagram.of_kind("endEvent")), inverse(edges_of(diagram)))
    for node in diagram.nodes.values():
        if node.id not in found:
            message = "从这里走不到结束事件"
            yield diagram.find("graph.no_end", node, message, "请补画通往结束事件的连线")


def hurried_loops(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard people: a time that comes round within a minute takes a task away while it is read."""
    edges = edges_of(diagram)
    for node in diagram.nodes.values():
        for time in node.element.iterfind(f"{BPMN}timerEventDefinition/*"):
            comes_round = local(time) == "timeCycle" or node.id in reach(edges[node.id], edges)
            if comes_round and is_under_a_minute((time.text or "").strip(" \"'")):
                message = "时间不到一分钟，又在循环里：任务会不停地撤掉重来，提醒会不停地发出"
                hint = '请改成至少一分钟，一般按天写，如 "P5D"'
                yield diagram.find("event.hurried", node, message, hint, severity="warning")


def loops_without_exit(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard against loops that no decision leaves, and forks that multiply tokens in a loop."""
    straight = [n.id for n in diagram.nodes.values() if n.kind not in CHOICES]
    flows: dict[str, list[str]] = {}
    for flow in diagram.flows:
        flows.setdefault(flow.source, []).append(flow.target)
    for ident in on_a_cycle(straight, flows):
        message = "处在没有出口的循环里"
        hint = "请在循环里放一个排他网关，用条件走出循环"
        yield diagram.find("graph.loop_without_exit", diagram.nodes[ident], message, hint)


CHOICES = DECISIONS | {"eventBasedGateway"}


def bounded_prediction(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard memory: the engine predicts every path of a parallel fork, which doubles each time."""
    sizes: dict[str, int] = {}
    for scope, subject in scopes_of(diagram):
        ahead = max((_ahead(diagram, n.id, sizes) for n in diagram.inside(scope)), default=0)
        if ahead > MAX_AHEAD:
            message = "并行分支一个接一个，引擎预测的任务过多"
            hint = "请在两段并行之间加一个排他网关，或减少并行分支"
            yield diagram.find("graph.too_many_paths", subject, message, hint)


def _ahead(diagram: Diagram, ident: str, sizes: dict[str, int]) -> int:
    """Return how many tasks the engine predicts from a node; a decision ends its foresight."""
    if ident not in sizes:
        sizes[ident] = 1
        node = diagram.nodes.get(ident)
        if node is not None and node.kind not in CHOICES:
            following = [flow.target for flow in diagram.outgoing[ident]]
            branches = sum(_ahead(diagram, target, sizes) for target in following)
            sizes[ident] = 1 + len(diagram.attached.get(ident, ())) + branches
    return sizes[ident]


def multi_instance_after_gateway(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard defect 2: after a boundary event fired, a multi-instance task cannot be entered."""
    for node in diagram.nodes.values():
        if node.loop is None or node.kind not in ACTIVITIES:
            continue
        sources = [diagram.nodes.get(flow.source) for flow in diagram.incoming[node.id]]
        if any(source is None or source.kind != "exclusiveGateway" for source in sources):
            message = "多实例任务前面不是排他网关"
            hint = "请在它前面紧挨着加一个排他网关"
            yield diagram.find("loop.gateway", node, message, hint)


RULES: tuple[Rule, ...] = (
    starts_and_ends,
    connected_flows,
    one_way_out,
    conditions_in_place,
    decisions_have_defaults,
    event_gateways,
    everything_reachable,
    end_reachable,
    hurried_loops,
    loops_without_exit,
    bounded_prediction,
    multi_instance_after_gateway,
)
