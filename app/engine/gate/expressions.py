"""Every expression of a diagram, compiled by the one expression language (表达式)."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from app.engine.contracts import Moment
from app.engine.environment import MAX_INSTANCES, TODAY, as_text, stand_ins
from app.engine.gate.advice import advice
from app.engine.gate.assigned import Assigned
from app.engine.gate.diagram import BPMN, DECISIONS, Diagram, Flow, Node, local
from app.engine.gate.findings import Finding, quoted
from app.engine.gate.known import Known
from app.engine.gate.matters import matters_of
from app.engine.gate.values import Words, literal, worded, words_for
from app.engine.gate.variables import Variables, items_of, words_of
from app.engine.gate.words import nearest
from app.engine.moments import FIRST_YEAR, LAST_YEAR, TIME_HINTS, is_time
from rules.conditions import Effort, Fault, Values, condition_faults, is_covered
from rules.expression import (
    BUILT_IN,
    Expression,
    ExpressionError,
    compile_expression,
)

_TIMES = ("timeDate", "timeDuration", "timeCycle")


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """An expression where it stands, and the names that may occur in it."""

    subject: Any
    element: Any
    what: str
    names: Collection[str]
    # What the names can be, where the expression is to be true or false.
    values: Mapping[str, Values] | None = None
    # What they can be, where it is to be a time.
    can_be: Mapping[str, Values] = field(default_factory=dict)
    # Where it is read, if that is before a node has set anything of its own.
    at: Node | None = None


def check_expressions(variables: Variables, effort: Effort) -> Iterator[Finding]:
    """Guard defect 9 and the sandbox: the parser checks no expression, the engine runs all.

    Raises TooCostly.
    """
    diagram, known, assigned = variables.diagram, variables.known, Assigned(variables)
    for written in _expressions(diagram, variables):
        found = list(_check(diagram, known, written, effort))
        yield from found or _perhaps_unset(variables, written, assigned)
    for node in diagram.nodes.values():
        if node.loop is not None:
            yield from _loop_source(diagram, node, variables)


def _expressions(diagram: Diagram, variables: Variables) -> Iterator[Written]:
    for flow in diagram.flows:
        source = diagram.nodes.get(flow.source)
        if flow.condition is not None and source is not None and source.kind in DECISIONS:
            condition = flow.element.find(f"{BPMN}conditionExpression")
            yield Written(
                flow,
                condition,
                "条件",
                variables.at(source),
                variables.values_at(source),
                at=source,
            )
    for node in diagram.nodes.values():
        yield from _of_node(node, variables)


def _of_node(node: Node, variables: Variables) -> Iterator[Written]:
    names = variables.at(node)
    for time in _times_of(node):
        yield Written(node, time, "时间", names, can_be=variables.values_at(node), at=node)
    if node.loop is not None:
        own = names | variables.set_in(node) | items_of(node)
        inner = {n for child in variables.diagram.inside(node.id) for n in child.outcomes}
        for element in node.loop.findall(f"{BPMN}loopCardinality"):
            yield Written(node, element, "实例个数", names, at=node)
        for element in node.loop.findall(f"{BPMN}completionCondition"):
            yield Written(node, element, "完成条件", own | inner, variables.values_in(node))


def _times_of(node: Node) -> list[Any]:
    return [time for event in node.events() for time in event if local(time) in _TIMES]


def _check(diagram: Diagram, known: Known, written: Written, effort: Effort) -> Iterator[Finding]:
    element, subject = written.element, written.subject
    text = element.text or ""
    if len(element):
        message = f"{written.what}里夹有其他元素"
        yield diagram.find("expression.markup", subject, message, "请只保留一行文字")
    try:
        expression = compile_for(text, written.names, known)
    except ExpressionError as error:
        message = f"{written.what}写错了：{error}"
        yield diagram.find(
            "expression.invalid",
            subject,
            message,
            advice(text, error, written.names, known.functions),
        )
        return
    if written.values is not None:
        for fault in condition_faults(text, written.values, effort):
            yield _told(diagram, known, written, fault)
    place = local(element)
    trouble = _constant_trouble(place, expression, known) or _never_a_time(
        place, expression, written.can_be
    )
    if trouble:
        yield diagram.find("expression.value", subject, *trouble)


def _perhaps_unset(
    variables: Variables, written: Written, assigned: Assigned
) -> Iterator[Finding]:
    """Guard the run: what is read where no way has set it fails, and the process stands still."""
    if written.at is None:
        return
    diagram = variables.diagram
    read = compile_for(written.element.text or "", None, variables.known).names
    missing = assigned.missing(written.at, read)
    if not missing:
        return
    listed = quoted("、".join(missing))
    is_sure = assigned.is_never_set_first(written.at, missing)
    if is_sure and _is_read_at_once(written, diagram):
        message = f"{written.what}用到的“{listed}”在流程第一次走到这里时还没有值，会出错"
        hint = "请在它前面补画给出它的环节，或由流程的 inputs 声明"
        yield diagram.find("variable.unset", written.subject, message, hint)
        return
    message = f"{written.what}用到的“{listed}”只在一部分来路上有值，走别的路来会出错"
    hint = "请让每条来路都经过给出它的环节，或由流程的 inputs 声明；确实不会走到的不必改"
    yield diagram.find("variable.unset", written.subject, message, hint, severity="warning")


def _is_read_at_once(written: Written, diagram: Diagram) -> bool:
    """Whether an expression is read, all of it, as soon as the process comes to where it stands.

    Behind `and`, `or` and `if`, and on the branches behind the first, it may not be.
    """
    if written.at is None or words_of(written.element.text or "") & {"and", "or", "if"}:
        return False
    if written.at.kind != "exclusiveGateway":
        return True
    flows = diagram.outgoing[written.at.id]
    default = written.at.element.get("default")
    return written.subject is next((flow for flow in flows if flow.id != default), None)


def _told(diagram: Diagram, known: Known, written: Written, fault: Fault) -> Finding:
    values = (written.values or {}).get(fault.name)
    words = words_for(fault.name, matters_of(diagram, known), known)
    rule, message, hint = in_words(fault, values, words)
    return diagram.find(rule, written.subject, f"{written.what}{message}", hint)


def branches_apart(variables: Variables, effort: Effort) -> Iterator[Finding]:
    """Ask about branches that no decision takes: one before them holds wherever they do.

    Raises TooCostly.
    """
    diagram = variables.diagram
    for node in diagram.of_kind("exclusiveGateway"):
        default, before = node.element.get("default", ""), list[Flow]()
        for flow in diagram.outgoing.get(node.id, ()):
            text = flow.condition
            if flow.id == default or not text:
                continue
            earlier = [each.condition or "" for each in before]
            if is_covered(text, earlier, variables.values_at(node), effort):
                names = "、".join(f"“{each.name or each.id}”" for each in before)
                one = "中已有一条" if len(before) > 1 else "已经"
                message = f"条件成立时，前面的分支{names}{one}成立，永远走不到这里"
                hint = "分支按画出的先后判断：请改成别的条件，或删除这条分支"
                yield diagram.find("gateway.repeated", flow, message, hint, severity="warning")
            before.append(flow)


def in_words(fault: Fault, values: Values, words: Words) -> tuple[str, str, str]:
    """Return the rule, the message and the hint for what is wrong with a condition.

    `words` are what people call the values that are compared.
    """
    piece = quoted(fault.piece)
    if fault.kind == "value":
        message = f"“{piece}”比较的值不会出现：{fault.name} 只会是{worded(values, words)}"
        return "condition.value", message, _other_value(fault.value, values, words)
    if fault.kind == "truth":
        message = f"的“{piece}”不是判断，没有真假"
        return "condition.truth", message, '请写完整的比较，如 decision == "pass"'
    always = {True: "总是成立", False: "总不成立", None: "总是无法计算"}[fault.value]
    return (
        "condition.constant",
        f"的“{piece}”{always}，不起作用",
        "请改成会有两种结果的判断，或删去",
    )


def _other_value(value: Any, values: Values, words: Words) -> str:
    if isinstance(values, type):
        return f"请与{worded(values)}比较"
    texts = [each for each in values or () if isinstance(each, str)]
    # People write what stands on the button.
    near = next((each for each in texts if words.get(each) == value), nearest(str(value), texts))
    some = tuple(each for each in values or () if each is not None)
    return f"请改成 {literal(near)}" if near else f"请改成 {worded(some, words)} 之一"


def compile_for(text: str, names: Collection[str] | None, known: Known) -> Expression:
    """Compile a text with these names and the platform's functions. Raises ExpressionError."""
    return compile_expression(text, names=names, functions=known.functions)


def _constant_trouble(place: str, expression: Expression, known: Known) -> tuple[str, str] | None:
    """Guard defects 10 and 14: constant times need zone and future, constant counts a limit."""
    is_computed = bool(expression.names or expression.functions - BUILT_IN.keys())
    at = known.at if place == "timeDate" else None
    if expression.names - ({TODAY} if at else set()):
        return None
    today = {} if at is None else {TODAY: at.date().isoformat()}
    try:
        value = as_text(expression.evaluate(today, {**stand_ins(), "workdays_after": _at_latest}))
    except ExpressionError as error:
        hint = advice(expression.text, error, functions=known.functions)
        return f"无法计算：{error}", hint
    if not is_computed:
        return _trouble_of(place, value, at)
    # What a stand-in answers says nothing of the value, but that no calendar gives a later one.
    is_told = expression.functions <= {*BUILT_IN, "workdays_after"}
    return _trouble_of_day(expression.text, value, at) if at and is_told else None


def _at_latest(day: object, count: int = 0) -> str:
    """Return a day that no calendar's count of working days comes behind."""
    first = day if isinstance(day, date) else date.fromisoformat(str(day)[:10])
    if not FIRST_YEAR <= first.year <= LAST_YEAR:
        raise ValueError(f"日期要在 {FIRST_YEAR} 年至 {LAST_YEAR} 年之间")
    latest = first + timedelta(days=3 * count + 60 if count else 0)
    return min(latest, date(LAST_YEAR, 12, 31)).isoformat()


def _trouble_of_day(text: str, value: object, at: datetime) -> tuple[str, str] | None:
    """Guard the run: `today` and what is reckoned from a past day are over when they are read."""
    if not is_time("timeDate", value):
        return "时间的写法不对", TIME_HINTS["timeDate"]
    moment = datetime.fromisoformat(str(value))
    return _over(quoted(text)) if moment.replace(tzinfo=moment.tzinfo or at.tzinfo) <= at else None


def _over(value: object) -> tuple[str, str]:
    return f"时间 {value} 已经过去，流程一到这里就会触发", '请改成以后的时间，或写时长如 "P5D"'


def _never_a_time(
    place: str, expression: Expression, values: Mapping[str, Values]
) -> tuple[str, str] | None:
    """Guard the run: the word of a decision is no time."""
    name = expression.text.strip()
    given = values.get(name) if {name} == expression.names else None
    is_word = isinstance(given, tuple) and not any(is_time(place, each) for each in given)
    if place not in _TIMES:
        return None
    if (given and is_word) or given is int or given is list:
        return f"“{name}”不是时间，它只会是{worded(given)}", TIME_HINTS[place]
    return _other_time(place, expression, values)


def _other_time(
    place: str, expression: Expression, values: Mapping[str, Values]
) -> tuple[str, str] | None:
    """Guard the run: a moment is no length of time, nor is a day that is reckoned from one."""
    some = "2026-01-05T09:00:00+08:00"
    known = {TODAY: some[:10], **{name: some for name in values if values[name] is Moment}}
    is_told = expression.names <= known.keys()
    if place == "timeDate" or not expression.names or not is_told:
        return None
    try:
        value = expression.evaluate(known, {**stand_ins(), "workdays_after": _at_latest})
    except ExpressionError:
        return None
    if is_time(place, as_text(value)) or not is_time("timeDate", as_text(value)):
        return None
    message = f"“{quoted(expression.text.strip())}”是时刻，不是时长"
    hint = "等到这一时刻，请把定时类型改成日期（timeDate）"
    return message, f'{hint}；等一段时间，请写时长如 "P5D"'


def _trouble_of(place: str, value: object, at: datetime | None) -> tuple[str, str] | None:
    if place == "loopCardinality" and not _is_count(value):
        return f"实例个数要是 1 到 {MAX_INSTANCES} 的整数", "请减少实例个数"
    if place in _TIMES and not _is_time(place, value):
        return "时间的写法不对", TIME_HINTS[place]
    if place == "timeDate" and at is not None and datetime.fromisoformat(str(value)) <= at:
        return _over(value)
    return None


def _is_count(value: object) -> bool:
    return type(value) is int and 1 <= value <= MAX_INSTANCES


def _is_time(place: str, value: object) -> bool:
    """Whether a time is written so that it means one moment: a date names its zone."""
    if place == "timeDate" and is_time(place, value):
        return datetime.fromisoformat(str(value)).tzinfo is not None
    # A pause of no length is none.
    return is_time(place, value) and bool(re.search("[1-9]", str(value)))


def _loop_source(diagram: Diagram, node: Node, variables: Variables) -> Iterator[Finding]:
    """Guard the run: a multi-instance task takes either a count or one declared list."""
    counts = node.loop.findall(f"{BPMN}loopCardinality")
    lists = node.loop.findall(f"{BPMN}loopDataInputRef")
    if len(counts) + len(lists) != 1:
        message = "多实例要有且只有一种来源：个数或集合"
        yield diagram.find("loop.source", node, message, "请填写实例个数或输入集合之一")
    for element in lists:
        name = element.text or ""
        if name not in variables.at(node):
            message = f"输入集合“{name}”没有声明"
            hint = "请由前面节点的 outcomes 或流程的 inputs 声明"
            yield diagram.find("loop.input", node, message, hint)
