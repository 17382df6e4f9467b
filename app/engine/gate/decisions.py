"""Decision tables (决策表, DMN): shape, hit policy and the expressions in every cell."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from app.engine.decisions import POLICIES, VALUE, cell_test
from app.engine.gate.diagram import SPIFF, Diagram, Node, local
from app.engine.gate.expressions import advice, compile_for
from app.engine.gate.findings import Finding, quoted
from app.engine.gate.known import Known
from app.engine.gate.variables import Variables, name_trouble
from rules.expression import MAX_TEXT, ExpressionError

VERSIONS = frozenset(
    {
        "http://www.omg.org/spec/DMN/20151101/dmn.xsd",
        "http://www.omg.org/spec/DMN/20180521/MODEL/",
        "https://www.omg.org/spec/DMN/20191111/MODEL/",
    }
)
ALLOWED = frozenset(
    """definitions decision decisionTable input inputExpression inputValues output outputValues
    rule inputEntry outputEntry text description""".split()  # noqa: SIM905 - reads better
)
_WORD = re.compile(r"[^\W\d]\w*")
_TABLE_PARTS = frozenset({"input", "output", "rule"})


@dataclass(frozen=True, eq=False)
class Decision:
    """One DMN file with one decision table."""

    file: str
    root: Any
    table: Any
    id: str

    def parts(self, kind: str) -> list[Any]:
        """Return the inputs, outputs or rules of the table."""
        return [child for child in self.table.iterchildren("*") if local(child) == kind]

    @cached_property
    def mentioned(self) -> frozenset[str]:
        """Every word of the table, the names of its expressions among them."""
        return frozenset(word for text in self.table.itertext() for word in _WORD.findall(text))

    @property
    def outcomes(self) -> frozenset[str]:
        """The names the table adds to the task data."""
        return frozenset(output.get("name", "") for output in self.parts("output"))

    def find(self, rule: str, element: Any, message: str, hint: str) -> Finding:
        """Return a finding about an element of this file."""
        ident = element.get("id") or local(element)
        name = quoted(element.get("label") or element.get("name") or ident)
        return Finding(rule, ident, name, message, hint, file=self.file)


def _text_of(element: Any) -> str:
    return next((child.text or "" for child in element.iter("*") if local(child) == "text"), "")


def read_decision(file: str, root: Any) -> Decision | Finding:
    """Return the decision of a DMN file, or why there is none: the engine reads one table."""
    tables = [element for element in root.iter("*") if local(element) == "decisionTable"]
    decisions = [element for element in root.iter("*") if local(element) == "decision"]
    if str(root.tag)[1:].partition("}")[0] not in VERSIONS or len(tables) != 1:
        message = "文件里要有且只有一张决策表（DMN 1.1 至 1.3）"
        return Finding("dmn.table", local(root), file, message, "请拆成几个文件", file=file)
    if len(decisions) != 1 or tables[0].getparent() is not decisions[0]:
        message = "文件里要有且只有一个决策"
        return Finding("dmn.table", local(root), file, message, "请拆成几个文件", file=file)
    return Decision(file, root, tables[0], decisions[0].get("id", ""))


def check_decision(decision: Decision, known: Known) -> Iterator[Finding]:
    """Guard the engine, which ignores hit policies and parts of a table that it does not know."""
    yield from _shape(decision)
    for output in decision.parts("output"):
        trouble = name_trouble(output.get("name", ""), known)
        if trouble:
            message = f"输出名“{output.get('name', '')}”{trouble}"
            yield decision.find("variable.name", output, message, "请换一个名称")
    columns = [len(decision.parts("input")), len(decision.parts("output"))]
    for rule in decision.parts("rule"):
        kinds = [local(child) for child in rule]
        if [kinds.count("inputEntry"), kinds.count("outputEntry")] != columns:
            message = "这一行的格数与表头不一致"
            yield decision.find("dmn.columns", rule, message, "请补齐或删去多余的格")


def _shape(decision: Decision) -> Iterator[Finding]:
    table = decision.table
    if table.get("hitPolicy", "UNIQUE") not in POLICIES or table.get("aggregation"):
        message = "命中策略只支持 FIRST、UNIQUE 和不带汇总的 COLLECT"
        yield decision.find("dmn.policy", table, message, "请改用支持的命中策略")
    namespace = str(decision.root.tag).rpartition("}")[0]
    for element in decision.root.iter("*"):
        ours = str(element.tag).startswith(namespace)
        misplaced = element.getparent() is table and local(element) not in _TABLE_PARTS
        if ours and (local(element) not in ALLOWED or misplaced):
            message = f"不支持元素 {local(element)}"
            yield decision.find("dmn.unknown", element, message, "请删除")


def check_cells(
    decision: Decision, known: Known, names: frozenset[str] | None
) -> Iterator[Finding]:
    """Guard the sandbox: every header and cell is an expression that the engine would run."""
    headers = [_text_of(header) for header in decision.parts("input")]
    for header, text in zip(decision.parts("input"), headers, strict=True):
        yield from _compiled(decision, header, text, known, names)
    for rule in decision.parts("rule"):
        entries = [child for child in rule if local(child) == "inputEntry"]
        for entry, header_text in zip(entries, headers, strict=False):
            text = _text_of(entry)
            # What is wrong with a long header is said once, not with each of its cells.
            if text.strip() not in {"", "-"} and len(header_text) <= MAX_TEXT:
                yield from _misread(decision, entry, header_text, text)
                yield from _compiled(decision, entry, cell_test(header_text, text), known, names)
        for entry in rule:
            if local(entry) == "outputEntry" and _text_of(entry):
                yield from _compiled(decision, entry, _text_of(entry), known, names)


def _misread(decision: Decision, entry: Any, header: str, text: str) -> Iterator[Finding]:
    """Guard the office: a cell such as not("a") would be compared as yes or no with its column."""
    test = _tree(cell_test(header, text)) if len(text) <= MAX_TEXT else None
    if test is None or _is_test(test, _tree(text)):
        return
    message = f"这一格不是取值，也不是对这一列的判断：{quoted(text)}"
    hint = '请写取值 "a"，几个取值 "a", "b"，比较 >= 60、!= "a"，或带问号的判断 60 <= ? < 80'
    yield decision.find("dmn.cell", entry, message, hint)


def _tree(text: str) -> ast.expr | None:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_test(test: ast.expr, cell: ast.expr | None) -> bool:
    """Whether a cell tests its column: one value or several, or what begins with a comparison."""
    holds_question = any(isinstance(n, ast.Name) and n.id == VALUE for n in ast.walk(test))
    if cell is not None and not holds_question:
        values = cell.elts if isinstance(cell, ast.Tuple) else [cell]
        return not any(map(_is_yes_or_no, values))
    while isinstance(test, ast.BoolOp) and not holds_question:
        test = test.values[0]
    return _is_yes_or_no(test)


def _is_yes_or_no(value: ast.expr) -> bool:
    if isinstance(value, ast.UnaryOp):
        return isinstance(value.op, ast.Not)
    return isinstance(value, (ast.BoolOp, ast.Compare))


def _compiled(
    decision: Decision, element: Any, text: str, known: Known, names: frozenset[str] | None
) -> Iterator[Finding]:
    try:
        compile_for(text, None if names is None else names | {VALUE}, known)
    except ExpressionError as error:
        message = f"表达式写错了：{error}"
        yield decision.find("expression.invalid", element, message, advice(text, error))


def asked_in(diagram: Diagram) -> set[str]:
    """Return the ids of the decisions that the business rule tasks of a diagram ask for."""
    return {_asked(node) for node in diagram.of_kind("businessRuleTask")}


def _asked(node: Node) -> str:
    return str(node.element.findtext(f".//{SPIFF}calledDecisionId", ""))


def check_rule_tasks(
    diagram: Diagram, known: Known, variables: Variables, decisions: dict[str, Decision]
) -> Iterator[Finding]:
    """Guard the parser and the run: each business rule task has its table and its names."""
    passed: set[tuple[str, frozenset[str]]] = set()
    for node in diagram.of_kind("businessRuleTask"):
        wanted = _asked(node)
        decision = decisions.get(wanted)
        if decision is None:
            message = f"没有编号为“{wanted}”的决策表"
            hint = "请填写决策编号，并一并上传 .dmn 文件"
            yield diagram.find("rule.decision", node, message, hint)
        else:
            # Only the names that the table mentions tell one place from another.
            names = variables.at(node) & decision.mentioned
            if (wanted, names) not in passed:
                passed.add((wanted, names))
                yield from check_cells(decision, known, names)
