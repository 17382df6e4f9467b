"""Decision tables (决策表, DMN): shape, hit policy and the expressions in every cell."""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

from app.engine.decisions import COLLECT, POLICIES, UNIQUE, VALUE, cell_test, place_in_cell
from app.engine.gate.advice import IN_CELL, IN_CONDITION, advice
from app.engine.gate.diagram import SPIFF, Diagram, Node, local
from app.engine.gate.expressions import compile_for, in_words
from app.engine.gate.findings import Finding, Severity, quoted
from app.engine.gate.known import Known
from app.engine.gate.values import united, words_for
from app.engine.gate.variables import name_trouble
from rules.conditions import Effort, Values, impossible_values
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

Holds = Callable[[str], bool | None]
"""Tells how a test turns out, or None where nobody knows."""


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

    def values(self, known: Known) -> dict[str, Values]:
        """Return what each output can be; None where its cells are not all written out."""
        outputs = [output.get("name", "") for output in self.parts("output")]
        if self.table.get("hitPolicy", UNIQUE) == COLLECT:
            return dict.fromkeys(outputs, list)
        rows = [cells_of(rule, "outputEntry") for rule in self.parts("rule")]
        columns = [[row[at] for row in rows if at < len(row)] for at in range(len(outputs))]
        return {name: _written(cells, known) for name, cells in zip(outputs, columns, strict=True)}

    def answers(self, holds: Holds, known: Known) -> set[frozenset[tuple[str, Any]]]:
        """Return the answers that the table may give, as far as its tests and cells can be told.

        What an answer does not name can be anything.
        """
        if self.table.get("hitPolicy", UNIQUE) == COLLECT:
            return {frozenset()}
        names = [output.get("name", "") for output in self.parts("output")]
        headers = [text_of(header) for header in self.parts("input")]
        found: set[frozenset[tuple[str, Any]]] = set()
        for rule in self.parts("rule"):
            fits = _fits(rule, headers, holds)
            if fits is not False:
                values = [_written([cell], known) for cell in cells_of(rule, "outputEntry")]
                told = zip(names, values, strict=False)
                # After what may fit nothing comes the value itself.
                found.add(frozenset((n, v[-1]) for n, v in told if isinstance(v, tuple)))
            if fits:
                return found
        return {*found, frozenset((name, None) for name in names)}

    def _place(self, element: Any) -> str:
        """Return where something stands in the table as people see it: its row and its column."""
        kind, holder = local(element), element.getparent()
        if kind == "rule":
            return f"第 {self._rows.get(element, 0)} 行"
        if kind in {"input", "output"}:
            return f"“{self._title(element, self.parts(kind).index(element) + 1)}”列"
        if kind in {"inputEntry", "outputEntry"} and holder in self._rows:
            number = cells_of(holder, kind).index(element) + 1
            heads = self.parts(kind.removesuffix("Entry"))
            title = self._title(heads[number - 1], number) if number <= len(heads) else number
            return f"第 {self._rows[holder]} 行“{title}”列"
        return ""

    @cached_property
    def _rows(self) -> dict[Any, int]:
        return {rule: number for number, rule in enumerate(self.parts("rule"), start=1)}

    def _title(self, head: Any, number: int) -> str:
        text = text_of(head) if local(head) == "input" else ""
        return str(head.get("label") or head.get("name") or text or number)

    def find(
        self, rule: str, element: Any, message: str, hint: str, *, severity: Severity = "error"
    ) -> Finding:
        """Return a finding about an element of this file."""
        ident = element.get("id") or local(element)
        name = quoted(self._place(element) or element.get("name") or ident)
        return Finding(rule, ident, name, message, hint, severity, self.file)


def cells_of(rule: Any, kind: str) -> list[Any]:
    """Return the cells of a row that are its inputs or its outputs."""
    return [child for child in rule if local(child) == kind]


def _fits(rule: Any, headers: list[str], holds: Holds) -> bool | None:
    """Whether a row fits, as far as its cells can be told."""
    cells = [
        (header, text_of(e))
        for header, e in zip(headers, cells_of(rule, "inputEntry"), strict=False)
    ]
    told = {holds(cell_test(h, cell)) for h, cell in cells if cell.strip() not in {"", "-"}}
    if False in told:
        return False
    return None if None in told else True


def _written(cells: list[Any], known: Known) -> Values:
    """Return the values of cells that hold nothing but constants; nothing may fit, too."""
    values: list[Any] = [None]
    for cell in cells:
        try:
            text = text_of(cell)
            value = compile_for(text, frozenset(), known).evaluate({}) if text else None
        except ExpressionError:
            return None
        if not isinstance(value, str | int | float | None):
            return None
        values.append(value)
    return united([tuple(values)])


def text_of(element: Any) -> str:
    """Return the text of a cell or a head."""
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
    if not decision.parts("rule"):
        message = "决策表一行规则也没有，结果总是空的"
        yield decision.find("dmn.empty", decision.table, message, "请至少填写一行规则")
    columns = [len(decision.parts("input")), len(decision.parts("output"))]
    for rule in decision.parts("rule"):
        if [len(cells_of(rule, kind)) for kind in ("inputEntry", "outputEntry")] != columns:
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
    decision: Decision,
    known: Known,
    names: frozenset[str] | None,
    effort: Effort,
    values: Mapping[str, Values] = MappingProxyType({}),
    ours: frozenset[str] = frozenset(),
) -> Iterator[Finding]:
    """Guard the sandbox: every header and cell is an expression that the engine would run.

    Raises TooCostly.
    """
    usable = None if names is None else names | {VALUE}
    reader = _Reader(decision, known, usable, values, effort, ours)
    headers = [text_of(header) for header in decision.parts("input")]
    for header, text in zip(decision.parts("input"), headers, strict=True):
        yield from reader.whole(header, text)
    for rule in decision.parts("rule"):
        for entry, header_text in zip(cells_of(rule, "inputEntry"), headers, strict=False):
            # What is wrong with a long header is said once, not with each of its cells.
            if text_of(entry).strip() not in {"", "-"} and len(header_text) <= MAX_TEXT:
                yield from _misread(decision, entry, header_text, text_of(entry))
                yield from reader.test(entry, header_text, text_of(entry))
        for entry in cells_of(rule, "outputEntry"):
            if text_of(entry):
                yield from reader.whole(entry, text_of(entry))


@dataclass(frozen=True)
class _Reader:
    """Compiles what stands in a table, with the names that it can use and what they can be."""

    decision: Decision
    known: Known
    names: frozenset[str] | None
    values: Mapping[str, Values]
    effort: Effort
    # The businesses whose words people know the values by.
    ours: frozenset[str]

    def whole(self, element: Any, text: str) -> Iterator[Finding]:
        """Compile what is an expression by itself: a header or an answer."""
        error = self._error(text)
        if error is not None:
            example = IN_CONDITION if local(element) == "input" else '"pass" 或 60'
            yield self._wrong(element, text, error, example)

    def test(self, entry: Any, header: str, cell: str) -> Iterator[Finding]:
        """Compile a cell as the test of its column, and hold it against what that can be."""
        text = cell_test(header, cell)
        error = self._error(text)
        if error is None:
            for fault in impossible_values(text, self.values, self.effort):
                words = words_for(fault.name, self.ours, self.known)
                rule, message, hint = in_words(fault, self.values.get(fault.name), words)
                yield self.decision.find(rule, entry, f"这一格{message}", hint)
        # What is wrong with the header has been said at the header.
        elif not self._error(header):
            place = place_in_cell(header, cell, error.position)
            yield self._wrong(entry, cell, ExpressionError(error.message, cell, place), IN_CELL)

    def _error(self, text: str) -> ExpressionError | None:
        try:
            compile_for(text, self.names, self.known)
        except ExpressionError as error:
            return error
        return None

    def _wrong(self, element: Any, text: str, error: ExpressionError, example: str) -> Finding:
        names = (self.names or frozenset()) - {VALUE}
        hint = advice(text, error, names, self.known.functions, example)
        return self.decision.find("expression.invalid", element, f"表达式写错了：{error}", hint)


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


def asked_in(diagram: Diagram) -> set[str]:
    """Return the ids of the decisions that the business rule tasks of a diagram ask for."""
    return {asked_by(node) for node in diagram.of_kind("businessRuleTask")}


def asked_by(node: Node) -> str:
    """Return the id of the decision that a business rule task asks for, or an empty text."""
    return str(node.element.findtext(f".//{SPIFF}calledDecisionId", ""))
