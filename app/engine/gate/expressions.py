"""Every expression of a diagram, compiled by the one expression language (表达式)."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.engine.environment import MAX_INSTANCES, stand_ins
from app.engine.gate.diagram import BPMN, DECISIONS, Diagram, Node, local
from app.engine.gate.findings import Finding
from app.engine.gate.known import Known
from app.engine.gate.variables import Variables, items_of
from app.engine.timers import TIME_HINTS, is_time
from rules.expression import (
    MAX_TEXT,
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


def check_expressions(diagram: Diagram, known: Known, variables: Variables) -> Iterator[Finding]:
    """Guard defect 9 and the sandbox: the parser checks no expression, the engine runs all."""
    for written in _expressions(diagram, variables):
        yield from _check(diagram, known, written)
    for node in diagram.nodes.values():
        if node.loop is not None:
            yield from _loop_source(diagram, node, variables)


def _expressions(diagram: Diagram, variables: Variables) -> Iterator[Written]:
    for flow in diagram.flows:
        source = diagram.nodes.get(flow.source)
        if flow.condition is not None and source is not None and source.kind in DECISIONS:
            condition = flow.element.find(f"{BPMN}conditionExpression")
            yield Written(flow, condition, "条件", variables.at(source))
    for node in diagram.nodes.values():
        yield from _of_node(node, variables)


def _of_node(node: Node, variables: Variables) -> Iterator[Written]:
    names = variables.at(node)
    for time in _times_of(node):
        yield Written(node, time, "时间", names)
    if node.loop is not None:
        own = names | variables.set_in(node) | items_of(node)
        inner = {n for child in variables.diagram.inside(node.id) for n in child.outcomes}
        for element in node.loop.findall(f"{BPMN}loopCardinality"):
            yield Written(node, element, "实例个数", names)
        for element in node.loop.findall(f"{BPMN}completionCondition"):
            yield Written(node, element, "完成条件", own | inner)


def _times_of(node: Node) -> list[Any]:
    return [time for event in node.events() for time in event if local(time) in _TIMES]


def _check(diagram: Diagram, known: Known, written: Written) -> Iterator[Finding]:
    element, subject = written.element, written.subject
    text = element.text or ""
    if len(element):
        message = f"{written.what}里夹有其他元素"
        yield diagram.find("expression.markup", subject, message, "请只保留一行文字")
    try:
        expression = compile_for(text, written.names, known)
    except ExpressionError as error:
        message = f"{written.what}写错了：{error}"
        yield diagram.find("expression.invalid", subject, message, advice(text, error))
        return
    trouble = _constant_trouble(local(element), expression)
    if trouble:
        yield diagram.find("expression.value", subject, *trouble)


def compile_for(text: str, names: Collection[str] | None, known: Known) -> Expression:
    """Compile a text with these names and the platform's functions. Raises ExpressionError."""
    return compile_expression(text, names=names, functions=known.functions)


_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_ADVICE = (
    (r"\$\{|^\s*=", '不要用 ${…} 或等号开头的写法，直接写 decision == "pass"'),
    ("[“”‘’「」＂]", '引号要用英文的，如 decision == "pass"'),
    ("[（），；：＝＞＜！]", "括号、逗号和比较符号要用英文的"),
    (r"^\s*[PR][\dT]", '时长要加英文引号，如 "P5D"'),
    (r"\blambda\b", "不能自己定义函数，只写一个判断或算式，如 score >= 60"),
    ("(?<![=!<>:])=(?!=)", '判断相等要写两个等号，如 decision == "pass"'),
)
"""What is looked for in an expression whose quoted texts are left out, and how it is put right."""


def advice(text: str, error: ExpressionError) -> str:
    """Return how a faulty expression is put right."""
    if isinstance(error.__cause__, ZeroDivisionError):
        return "请改正除数；除数是变量的，先判断它不是 0，如 a / b if b != 0 else 0"
    bare = _QUOTED.sub("", text[:MAX_TEXT])
    found = (hint for pattern, hint in _ADVICE if re.search(pattern, bare))
    return next(found, "变量要由前面节点的 outcomes 或流程的 inputs 声明，文字要加英文引号")


def _constant_trouble(place: str, expression: Expression) -> tuple[str, str] | None:
    """Guard defects 10 and 14: literal times need a zone, literal counts a limit."""
    if expression.names:
        return None
    try:
        value = expression.evaluate({}, stand_ins())
    except ExpressionError as error:
        return f"无法计算：{error}", advice(expression.text, error)
    # What a stand-in answers says nothing of the value.
    return None if expression.functions else _trouble_of(place, value)


def _trouble_of(place: str, value: object) -> tuple[str, str] | None:
    if place == "loopCardinality" and not _is_count(value):
        return f"实例个数要是 1 到 {MAX_INSTANCES} 的整数", "请减少实例个数"
    if place in _TIMES and not _is_time(place, value):
        return "时间的写法不对", TIME_HINTS[place]
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
