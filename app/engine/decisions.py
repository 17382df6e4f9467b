"""Decision tables (决策表) at run time: business rule tasks in the one expression language.

The engine's own tables take the first hit for FIRST, UNIQUE and everything else, look at nothing
after the first hit of UNIQUE, and leave the answers of an earlier round when nothing fits.
"""

import ast
import re
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from SpiffWorkflow.dmn.specs.model import DecisionTable, Rule
from SpiffWorkflow.spiff.specs.defaults import BusinessRuleTask

from rules.expression import MAX_TEXT

FIRST, UNIQUE, COLLECT = "FIRST", "UNIQUE", "COLLECT"
POLICIES = frozenset({FIRST, UNIQUE, COLLECT})
"""The hit policies (命中策略) that are supported."""
VALUE = "dmninputexpr"
"""What stands for the value of a column in a test such as `60 <= ? < 80`."""

_PIECE = re.compile(r"""'[^']*'|"[^"]*"|\?""")
"""Texts and question marks; what stands in quotes is passed over as a whole."""


Evaluate = Callable[[str, Mapping[str, Any]], Any]
"""The one expression language, handed in: fn(text, variables) -> value."""


class DecisionUnclear(RuntimeError):
    """A table that promises one answer has several that fit, or an unknown hit policy."""


def cell_test(header: str, cell: str) -> str:
    """Return the expression that tests a cell: a value, several, a comparison, or one with `?`."""
    if len(cell) > MAX_TEXT:
        # Never parsed: the language refuses it by its length.
        return cell
    if _asks(cell):
        return _PIECE.sub(lambda piece: VALUE if piece[0] == "?" else piece[0], cell)
    try:
        tree = ast.parse(cell.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return f"({header}) {cell}"
    return f"({header}) {'in' if isinstance(tree.body, ast.Tuple) else '=='} ({cell})"


def place_in_cell(header: str, cell: str, position: int) -> int:
    """Return the place in a cell that stands at a position of its test."""
    if not _asks(cell):
        before = cell_test(header, cell).rfind(cell)
        return min(max(position - before, 0), len(cell))
    for piece in _PIECE.finditer(cell):
        if piece[0] == "?" and position > piece.start():
            position = max(position - len(VALUE) + 1, piece.start())
    return min(position, len(cell))


def _asks(cell: str) -> bool:
    return any(piece[0] == "?" for piece in _PIECE.finditer(cell))


def decide(table: DecisionTable, data: Mapping[str, Any], evaluate: Evaluate) -> dict[str, Any]:
    """Return the answers of a table by the names of its outputs.

    When nothing fits they are None, or empty lists for COLLECT. Raises DecisionUnclear,
    ExpressionError.
    """
    if table.hit_policy not in POLICIES:
        raise DecisionUnclear(f"决策表“{table.name or table.id}”的命中策略不支持")
    fitting = (rule for rule in table.rules if _fits(rule, data, evaluate))
    # What stands below the first hit is not looked at: it may not even apply to these data.
    hits = list(islice(fitting, 1 if table.hit_policy == FIRST else None))
    names = [output.name for output in table.outputs]
    if table.hit_policy == COLLECT:
        rows = [_answers(rule, data, evaluate) for rule in hits]
        return {name: [row[name] for row in rows] for name in names}
    if table.hit_policy == UNIQUE and len(hits) > 1:
        several = "、".join(str(rule.row_number) for rule in hits)
        raise DecisionUnclear(
            f"决策表“{table.name or table.id}”应只有一行符合，实际第 {several} 行都符合"
        )
    return _answers(hits[0], data, evaluate) if hits else dict.fromkeys(names)


def _fits(rule: Rule, data: Mapping[str, Any], evaluate: Evaluate) -> bool:
    return all(
        _passes(entry.input.expression, cell, data, evaluate)
        for entry in rule.inputEntries
        for cell in entry.lhs
        if cell and cell.strip() not in {"", "-"}
    )


def _passes(header: str, cell: str, data: Mapping[str, Any], evaluate: Evaluate) -> bool:
    seen = {**data, VALUE: evaluate(header, data)} if _asks(cell) else data
    return bool(evaluate(cell_test(header, cell), seen))


def _answers(rule: Rule, data: Mapping[str, Any], evaluate: Evaluate) -> dict[str, Any]:
    return {
        entry.output.name: evaluate(entry.text, data) if entry.text else None
        for entry in rule.outputEntries
    }


class DecisionTask(BusinessRuleTask):  # type: ignore[misc]
    """A business rule task; the script engine decides, in the one expression language."""

    def _run_hook(self, task: Any) -> bool:
        table = self.dmnEngine.decision_table
        task.data.update(task.workflow.script_engine.decide(task, table))
        return True
