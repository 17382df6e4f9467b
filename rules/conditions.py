"""What can be told of a condition (条件) before it runs: what it can never be, or always is.

A condition is held against the values that its variables can have. It is never evaluated with
other data than those, so that what is not known is passed over.
"""

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import product
from math import prod
from typing import Any, Literal, NamedTuple

from rules.expression import BUILT_IN, Expression, ExpressionError, compile_expression

Values = tuple[Any, ...] | type | None
"""What a variable can be: one of these values, anything of a type, or anything at all."""

MAX_CASES = 1_000
"""How many combinations of values are tried."""

_BLANKS = str.maketrans("\r\n\t", "   ")
_EQUALITIES = (ast.Eq, ast.NotEq)
_MEMBERSHIPS = (ast.In, ast.NotIn)


class TooCostly(Exception):
    """The conditions of one bundle ask for more work than may go into them."""


@dataclass
class Effort:
    """How much work may still go into conditions, in millionths of a second or thereabouts.

    It is counted, never measured: the same conditions always cost the same. All processes that
    ship need a hundredth of it; on a busy machine a millionth takes three times as long.
    """

    left: int = 400_000

    def read(self, text: str) -> None:
        """Count that a text is parsed and walked. Raises TooCostly."""
        self._take(len(text))

    def compare(self, values: Values) -> None:
        """Count that something is looked for among values. Raises TooCostly."""
        self._take(len(values) // 16 if isinstance(values, tuple) else 0)

    def evaluate(self, text: str) -> None:
        """Count that a text is evaluated once. Raises TooCostly."""
        self._take(2 + len(text) // 8)

    def visit(self, places: int) -> None:
        """Count that a decision is followed to so many places. Raises TooCostly."""
        self._take(2 + places)

    def _take(self, work: int) -> None:
        self.left -= work
        if self.left < 0:
            raise TooCostly


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a piece of a condition.

    value: `name` is compared with `value`, which it can never be. truth: the piece is neither
    true nor false. constant: the piece is always `value`, or None where it can only fail.
    """

    kind: Literal["value", "truth", "constant"]
    piece: str
    name: str = ""
    value: Any = None


def impossible_values(text: str, values: Mapping[str, Values], effort: Effort) -> Iterator[Fault]:
    """Yield each comparison of a variable with a value that it can never have.

    Raises TooCostly.
    """
    line = _line(text)
    effort.read(line)
    for node in ast.walk(ast.parse(line, mode="eval")):
        if isinstance(node, ast.Compare):
            for name, literal in _compared(node):
                effort.compare(values.get(name))
                if not _can_be(literal, values.get(name)):
                    yield Fault("value", _piece(line, node), name, literal)


def condition_faults(text: str, values: Mapping[str, Values], effort: Effort) -> list[Fault]:
    """Return what is wrong with a condition that compiles; the causes before what follows.

    Raises TooCostly.
    """
    found = list(dict.fromkeys(impossible_values(text, values, effort)))
    if found:
        return found
    line = _line(text)
    body = ast.parse(line, mode="eval").body
    parts = list(_parts(body))
    shapeless = [part for part in parts if not _is_truth(part, values)]
    if shapeless:
        return [Fault("truth", _piece(line, part)) for part in shapeless]
    for part in (*parts, body):
        if _asks_outside(part) or not all(
            isinstance(values.get(name), tuple) for name in _names(part)
        ):
            continue
        outcomes = _outcomes(_piece(line, part), values, effort)
        if len(outcomes) == 1:
            return [Fault("constant", _piece(line, part), value=next(iter(outcomes)))]
    return []


def outcome_of(text: str, known: Mapping[str, Any], effort: Effort) -> bool | None:
    """Return how a condition turns out as far as these values tell; None where they do not.

    Raises TooCostly.
    """
    effort.read(text)
    try:
        compile_expression(text)
    except ExpressionError:
        return None
    line = _line(text)
    effort.read(line)
    return _decided(line, ast.parse(line, mode="eval").body, known)


def is_covered(
    text: str, earlier: Sequence[str], values: Mapping[str, Values], effort: Effort
) -> bool:
    """Whether one of the earlier conditions holds wherever this one does, as far as can be told.

    Raises TooCostly.
    """
    lines = [_line(each) for each in (text, *earlier)]
    # Each earlier one has been read as a text before.
    effort.read(lines[0] * 4)
    shapes = [_shape(line) for line in lines]
    effort.evaluate(" " * len(lines))
    if shapes[0] is None or shapes[0] in shapes[1:]:
        return shapes[0] is not None
    told = [shape for shape in shapes if shape is not None]
    names = sorted(frozenset[str]().union(*(shape.names for shape in told)))
    known = [each for each in map(values.get, names) if isinstance(each, tuple)]
    is_known = len(known) == len(names) and not any(shape.asks_outside for shape in told)
    is_known = is_known and len(told) == len(lines)
    if not is_known or not earlier or not 0 < prod(map(len, known)) <= MAX_CASES:
        return False
    rows = [dict(zip(names, row, strict=True)) for row in product(*known)]
    where = [row for row in rows if _weighed(lines[0], row, effort) is not False]
    return bool(where) and all(
        any(_weighed(line, row, effort) for line in lines[1:]) for row in where
    )


class _Shape(NamedTuple):
    """What a condition is, however it is spaced."""

    mark: bytes
    names: frozenset[str]
    asks_outside: bool


@lru_cache(maxsize=1024)
def _shape(line: str) -> _Shape | None:
    """Return what a condition is; None for one that does not compile."""
    try:
        _compiled(line)
    except ExpressionError:
        return None
    tree = ast.parse(line, mode="eval").body
    mark = sha256(ast.dump(tree).encode()).digest()
    return _Shape(mark, frozenset(_names(tree)), _asks_outside(tree))


def _weighed(line: str, row: Mapping[str, Any], effort: Effort) -> bool | None:
    effort.evaluate(line)
    return _result(_compiled(line), row)


def _decided(line: str, node: ast.expr, known: Mapping[str, Any]) -> bool | None:
    if isinstance(node, ast.BoolOp):
        parts = {_decided(line, value, known) for value in node.values}
        settles = isinstance(node.op, ast.Or)
        rest = None if None in parts else not settles
        return settles if settles in parts else rest
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = _decided(line, node.operand, known)
        return None if inner is None else not inner
    if isinstance(node, ast.IfExp):
        test = _decided(line, node.test, known)
        taken = [node.body, node.orelse] if test is None else [node.body if test else node.orelse]
        ways = {_decided(line, way, known) for way in taken}
        return ways.pop() if len(ways) == 1 else None
    if not _names(node) <= known.keys():
        return None
    return _result(_compiled(_piece(line, node)), known)


@lru_cache(maxsize=512)
def _compiled(text: str) -> Expression:
    return compile_expression(text)


def _line(text: str) -> str:
    return text.translate(_BLANKS).strip()


def _piece(line: str, node: ast.expr) -> str:
    # One line: offsets count its UTF-8 bytes.
    return line.encode()[node.col_offset : node.end_col_offset].decode()


def _asks_outside(node: ast.expr) -> bool:
    """Whether a piece calls what is answered elsewhere, as the calendar of working days."""
    called = (each.func for each in ast.walk(node) if isinstance(each, ast.Call))
    return any(isinstance(func, ast.Name) and func.id not in BUILT_IN for func in called)


def _names(node: ast.expr) -> set[str]:
    """Return the variables of a piece."""
    called = {id(each.func) for each in ast.walk(node) if isinstance(each, ast.Call)}
    names = (each for each in ast.walk(node) if isinstance(each, ast.Name))
    return {each.id for each in names if id(each) not in called}


def _compared(node: ast.Compare) -> Iterator[tuple[str, Any]]:
    """Yield each name with each literal that it is compared with."""
    sides = [node.left, *node.comparators]
    for left, sign, right in zip(sides, node.ops, node.comparators, strict=False):
        pairs = [(left, right), (right, left)] if isinstance(sign, _EQUALITIES) else []
        if isinstance(sign, _MEMBERSHIPS) and isinstance(right, (ast.List, ast.Tuple)):
            pairs = [(left, item) for item in right.elts]
        for named, literal in pairs:
            if isinstance(named, ast.Name) and isinstance(literal, ast.Constant):
                yield named.id, literal.value


def _can_be(value: Any, values: Values) -> bool:
    if values is None or value is None:
        return True
    if isinstance(values, type):
        # A whole number may be compared with a broken one.
        return isinstance(value, (int, float) if values is int else values)
    # Most are nowhere among thousands, or stand there as they are: that is seen at once.
    if value not in values:
        return False
    first = values[values.index(value)]
    return type(first) is type(value) or any(
        type(each) is type(value) and each == value for each in values
    )


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    """Yield the smallest pieces of a condition that must be true or false by themselves."""
    if isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _parts(value)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield from _parts(node.operand)
    elif isinstance(node, ast.IfExp):
        yield from _parts(node.test)
    else:
        yield node


def _is_truth(node: ast.expr, values: Mapping[str, Values]) -> bool:
    """Whether a piece is true or false, as far as can be told."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, bool)
    if isinstance(node, ast.Name):
        known = values.get(node.id)
        return known is None or (not isinstance(known, type) and _all_truths(known))
    if isinstance(node, ast.Call):
        return not (isinstance(node.func, ast.Name) and node.func.id not in {"min", "max"})
    return not isinstance(node, (ast.List, ast.Tuple, ast.BinOp, ast.UnaryOp))


def _all_truths(values: Collection[Any]) -> bool:
    return all(value is None or isinstance(value, bool) for value in values)


def _outcomes(text: str, values: Mapping[str, Values], effort: Effort) -> set[bool | None]:
    """Return how a piece of known variables can turn out; both ways for too many cases."""
    expression = _compiled(text)
    names = sorted(expression.names)
    known = [each for each in map(values.get, names) if isinstance(each, tuple)]
    if not 0 < prod(map(len, known)) <= MAX_CASES:
        return {True, False}
    rows = (dict(zip(names, row, strict=True)) for row in product(*known))
    found: set[bool | None] = set()
    for row in rows:
        effort.evaluate(text)
        found.add(_result(expression, row))
        if len(found) > 1:
            break
    return found


def _result(expression: Expression, row: Mapping[str, Any]) -> bool | None:
    """Return how a piece turns out for these values; None where it cannot be computed."""
    try:
        return bool(expression.evaluate(row))
    except ExpressionError:
        return None
