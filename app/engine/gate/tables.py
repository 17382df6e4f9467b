"""Decision tables where they are asked (决策任务): their names, and whether one row fits alone."""

import ast
import contextlib
from collections.abc import Iterator, Mapping
from itertools import combinations, pairwise
from typing import Any

from app.engine.decisions import UNIQUE, VALUE, cell_test
from app.engine.gate.decisions import Decision, asked_by, cells_of, check_cells, text_of
from app.engine.gate.expressions import compile_for
from app.engine.gate.findings import Finding, Severity
from app.engine.gate.known import Known
from app.engine.gate.matters import matters_of
from app.engine.gate.variables import Variables
from rules.conditions import Effort, TooCostly, Values
from rules.expression import BUILT_IN, ExpressionError

_ANY = frozenset({"", "-"})
_OTHER = "\uffff"
"""A text that no cell writes."""
_OTHERS = -1
"""The place of all values that are not tried."""
_Fitting = frozenset[int] | None
"""The places of the values that fit a cell; None where that cannot be told."""


def check_rule_tasks(
    variables: Variables, decisions: dict[str, Decision], effort: Effort, compared: Effort
) -> Iterator[Finding]:
    """Guard the parser and the run: each business rule task has its table and its names.

    Rows are compared as far as the work set aside for it allows. Raises TooCostly.
    """
    diagram, known = variables.diagram, variables.known
    passed: set[tuple[str, frozenset[str], str]] = set()
    for node in diagram.of_kind("businessRuleTask"):
        wanted = asked_by(node)
        decision = decisions.get(wanted)
        if decision is None:
            message = f"没有编号为“{wanted}”的决策表"
            hint = "请填写决策编号，并一并上传 .dmn 文件"
            yield diagram.find("rule.decision", node, message, hint)
        else:
            # Only the names that the table mentions tell one place from another.
            names = variables.at(node) & decision.mentioned
            values = dict(sorted(variables.values_at(node, names).items()))
            if (wanted, names, repr(values)) not in passed:
                passed.add((wanted, names, repr(values)))
                ours = matters_of(diagram, known)
                found = list(check_cells(decision, known, names, effort, values, ours))
                yield from found or _compared(decision, known, values, compared)


def _compared(
    decision: Decision, known: Known, values: Mapping[str, Values], effort: Effort
) -> Iterator[Finding]:
    """Say where rows are too many to compare; a long table is no fault by itself."""
    try:
        yield from _rows_apart(decision, known, values, effort)
    except TooCostly:
        message = "行数太多，没有逐行核对是否会同时符合"
        hint = "命中策略 UNIQUE 只许符合一行，请自行核对；确实不会重叠的不必改"
        yield decision.find("dmn.overlap", decision.table, message, hint, severity="warning")


def _rows_apart(
    decision: Decision, known: Known, values: Mapping[str, Values], effort: Effort
) -> Iterator[Finding]:
    """Guard the run: of rows that promise one answer never two may fit. Raises TooCostly."""
    rules = decision.parts("rule")
    if decision.table.get("hitPolicy", UNIQUE) != UNIQUE:
        return
    headers = [text_of(header).strip() for header in decision.parts("input")]
    rows = [[text_of(cell) for cell in cells_of(rule, "inputEntry")] for rule in rules]
    if any(len(row) != len(headers) for row in rows):  # It has been said.
        return
    columns = [
        _column([row[at] for row in rows], known, values.get(header), effort)
        for at, header in enumerate(headers)
    ]
    # Columns of one name, or reckoned from others, are not free of each other.
    are_free = len(set(headers)) == len(headers) and all(map(str.isidentifier, headers))
    told: set[int] = set()
    for first, second in combinations(range(len(rules)), 2):
        effort.evaluate("")
        pairs = [(column[first], column[second]) for column in columns]
        both = [one & other for one, other in pairs if one is not None and other is not None]
        if second in told or not all(both):
            continue
        told.add(second)
        is_sure = are_free and len(both) == len(pairs)
        yield _overlap(decision, rules[second], first + 1, second + 1, is_sure=is_sure)


def _overlap(decision: Decision, rule: Any, first: int, second: int, *, is_sure: bool) -> Finding:
    may = "会" if is_sure else "可能"
    rows = f"第 {first} 行和第 {second} 行{may}同时符合"
    message = f"{rows}，命中策略 UNIQUE 只许符合一行，办理时会出错"
    hint = "请让各行互不重叠；要按先后取第一行，请把命中策略改为 FIRST"
    hint = hint if is_sure else f"{hint}；确实不会重叠的不必改"
    severity: Severity = "error" if is_sure else "warning"
    return decision.find("dmn.overlap", rule, message, hint, severity=severity)


def _column(cells: list[str], known: Known, values: Values, effort: Effort) -> list[_Fitting]:
    """Return what fits each cell of a column, by the places of the values that are tried."""
    tests = ["" if cell.strip() in _ANY else cell_test(VALUE, cell) for cell in cells]
    tried = _tried([test for test in tests if test], values)
    whole = frozenset({_OTHERS, *range(len(tried))})
    return [_fitting(test, tried, known, effort) if test else whole for test in tests]


def _fitting(test: str, tried: list[Any], known: Known, effort: Effort) -> _Fitting:
    expression = compile_for(test, None, known)
    if expression.names - {VALUE} or expression.functions - BUILT_IN.keys():
        return None
    found = set()
    for place, value in enumerate(tried):
        effort.evaluate(test)
        with contextlib.suppress(ExpressionError):
            if expression.evaluate({VALUE: value}):
                found.add(place)
    return frozenset(found)


def _tried(tests: list[str], values: Values) -> list[Any]:
    """Return the values by which cells can differ: those they write and what lies beside them."""
    if isinstance(values, tuple):
        return list(values)
    nodes = [node for test in tests for node in ast.walk(_tree(test))]
    written = {(type(node.value), node.value) for node in nodes if isinstance(node, ast.Constant)}
    is_signed = any(isinstance(node, ast.USub | ast.Add | ast.Sub) for node in nodes)
    signs = (1, -1) if is_signed else (1,)
    constants = [value for _type, value in written]
    texts = [value for value in constants if isinstance(value, str)]
    truths = [True, False] if any(isinstance(value, bool) for value in constants) else []
    plain = [v for v in constants if isinstance(v, int | float) and not isinstance(v, bool)]
    numbers = sorted({sign * value for value in plain for sign in signs})
    between = [(low + high) / 2 for low, high in pairwise(numbers)]
    beside = [value + step for value in numbers for step in (-1, 0, 1)]
    numbers = [*beside, *(between if any(isinstance(each, float) for each in plain) else [])]
    after = [f"{text} " for text in texts]
    return [*truths, *numbers, *texts, *after, *(["", _OTHER] if texts else [])]


def _tree(test: str) -> ast.AST:
    try:
        return ast.parse(test.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])
