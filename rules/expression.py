"""The one expression language (表达式): conditions, timers, rule expressions, decision tables.

An expression is compiled once into plain closures. Only what stands in the tables below can be
written; there are no attributes, no statements and no builtins, so nothing can be reached but the
variables and the functions that the caller hands in.
"""

import ast
import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

MAX_TEXT = 2000
MAX_DEPTH = 50
MAX_ITEMS = 200
MAX_STRING = 500
MAX_NUMBER = 10**15
MAX_COUNT = 1_000
"""How far a function that is handed in may be asked to count, such as working days."""
MAX_VALUE_TEXT = 10_000
MAX_VALUE_ITEMS = 1_000
"""What a value may hold, given or computed: letters of a text, items of a list with all lists in
it. Data is small, and what is written in an expression is bounded more narrowly."""

BUILT_IN: Mapping[str, Callable[..., Any]] = {
    "len": len,
    "min": min,
    "max": max,
    "date": date.fromisoformat,
}
"""Functions every expression may call without being handed them."""

DEFAULT_FUNCTIONS: frozenset[str] = frozenset({*BUILT_IN, "workdays_after"})
"""Functions an expression may name; those that need data are injected at evaluation."""

_DATA = (str, int, float, bool, Decimal, date, list, tuple, dict, type(None))
_NUMBER = (int, float, Decimal)
_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
_REFUSED: Mapping[type[ast.AST], str] = {
    ast.Attribute: "不能使用点号取属性",
    ast.JoinedStr: "不能使用 f 字符串",
    ast.Lambda: "不能定义函数",
    ast.NamedExpr: "不能赋值",
    **dict.fromkeys((ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp), "不能使用推导式"),
    ast.Slice: "不能切片",
    ast.Starred: "不能用星号展开",
    ast.Dict: "不能写字典",
    ast.Set: "不能写集合",
    ast.Await: "不能等待",
    **dict.fromkeys((ast.Yield, ast.YieldFrom), "不能产出"),
    ast.Is: "请用 == 代替 is",
    ast.IsNot: "请用 != 代替 is not",
}

_FAILURES = (TypeError, ValueError, ArithmeticError, LookupError, RecursionError)


class ExpressionError(ValueError):
    """An expression that cannot be read or computed; says in Chinese what is wrong and where."""

    def __init__(self, message_zh: str, text: str, position: int) -> None:
        self.message = message_zh
        self.text = text
        self.position = position
        place = text[position : position + 20].strip()
        quoted = f"“{place}”处" if place else "末尾"
        super().__init__(f"{message_zh}（第 {position + 1} 个字符，{quoted}）")


@dataclass(frozen=True, slots=True)
class _Scope:
    """What one evaluation can see."""

    variables: Mapping[str, Any]
    functions: Mapping[str, Callable[..., Any]]


_Run = Callable[[_Scope], Any]


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression, ready to be evaluated any number of times."""

    text: str
    names: frozenset[str]
    functions: frozenset[str]
    _run: _Run

    def evaluate(
        self,
        variables: Mapping[str, Any],
        functions: Mapping[str, Callable[..., Any]] | None = None,
    ) -> Any:
        """Return the value for these variables.

        Raises ExpressionError when a variable or function is missing or a value does not fit.
        """
        return self._run(_Scope(variables, {**BUILT_IN, **(functions or {})}))


def compile_expression(
    text: str,
    *,
    names: Collection[str] | None = None,
    functions: Collection[str] = DEFAULT_FUNCTIONS,
) -> Expression:
    """Check an expression and make it ready; with `names`, no other variable may occur.

    Raises ExpressionError.
    """
    _refuse_characters(text)
    body = text.lstrip()
    indent = len(text) - len(body)
    line = "".join(" " if letter in "\r\n\t" else letter for letter in body)
    try:
        tree = ast.parse(line, mode="eval")
    except SyntaxError as error:
        place = min(indent + max((error.offset or 1) - 1, 0), len(text))
        raise ExpressionError("语法不正确", text, place) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError("表达式无法解析", text, 0) from error
    compiler = _Compiler(text, line, indent, names, functions)
    run = compiler.build(tree.body, 0)
    return Expression(text, frozenset(compiler.names), frozenset(compiler.called), run)


def _trouble(value: Any) -> str:
    """Return why a value is no small piece of plain data, or an empty text.

    Lists are walked item by item, so that one that holds itself is found to be too large.
    """
    waiting, left = [value], MAX_VALUE_ITEMS
    while waiting:
        here = waiting.pop()
        if not isinstance(here, _DATA):
            return "不是可用的数据"
        if isinstance(here, str) and len(here) > MAX_VALUE_TEXT:
            return f"的文字超过 {MAX_VALUE_TEXT} 个字符"
        if isinstance(here, _NUMBER) and not -MAX_NUMBER <= here <= MAX_NUMBER:
            return "的数字过大"
        if isinstance(here, (list, tuple, dict)):
            left -= len(here)
            if left < 0:
                return f"超过 {MAX_VALUE_ITEMS} 项"
            waiting.extend(here)
            waiting.extend(here.values() if isinstance(here, dict) else ())
    return ""


def _refuse_characters(text: str) -> None:
    if len(text) > MAX_TEXT:
        raise ExpressionError(f"表达式不能超过 {MAX_TEXT} 个字符", text, MAX_TEXT)
    if not text.strip():
        raise ExpressionError("表达式为空", text, 0)
    for letter in "\\#":
        if letter in text:
            raise ExpressionError(f"不能使用字符 {letter}", text, text.index(letter))


class _Compiler:
    """Turns a syntax tree into closures and refuses every node it has no method for."""

    def __init__(
        self,
        text: str,
        line: str,
        indent: int,
        allowed_names: Collection[str] | None,
        allowed_functions: Collection[str],
    ) -> None:
        self.text = text
        self.line = line.encode()
        self.indent = indent
        self.allowed_names = allowed_names
        self.allowed_functions = allowed_functions
        self.names: set[str] = set()
        self.called: set[str] = set()

    def build(self, node: ast.expr, depth: int) -> _Run:
        """Return the closure for a node; errors of computing are quoted at its place."""
        if depth > MAX_DEPTH:
            raise self.error(f"嵌套超过 {MAX_DEPTH} 层", node)
        method = self._METHODS.get(type(node))
        if method is None:
            raise self.error(_REFUSED.get(type(node), "不支持这种写法"), node)
        return method(self, node, depth + 1)

    def error(self, message: str, node: ast.expr) -> ExpressionError:
        """Return an error that points at the node; offsets of the tree count UTF-8 bytes."""
        before = self.line[: node.col_offset].decode()
        return ExpressionError(message, self.text, self.indent + len(before))

    def _guarded(self, node: ast.expr, message: str, run: _Run) -> _Run:
        def guarded(scope: _Scope) -> Any:
            try:
                return run(scope)
            except ExpressionError:
                raise
            except _FAILURES as error:
                said = "除数是 0" if isinstance(error, ZeroDivisionError) else message
                raise self.error(said, node) from error

        return guarded

    def _constant(self, node: ast.Constant, _depth: int) -> _Run:
        value = node.value
        if not isinstance(value, (str, int, float, type(None))):
            raise self.error("只能写文字、数字、True、False、None", node)
        if isinstance(value, str) and len(value) > MAX_STRING:
            raise self.error(f"文字不能超过 {MAX_STRING} 个字符", node)
        if isinstance(value, (int, float)) and not -MAX_NUMBER <= value <= MAX_NUMBER:
            raise self.error("数字过大", node)
        return lambda _scope: value

    def _name(self, node: ast.Name, _depth: int) -> _Run:
        name = self._written(node)
        if name in self.allowed_functions:
            raise self.error(f"“{name}”是函数，不能当作变量", node)
        if self.allowed_names is not None and name not in self.allowed_names:
            raise self.error(f"没有名为“{name}”的变量", node)
        self.names.add(name)

        def read(scope: _Scope) -> Any:
            if name not in scope.variables:
                raise self.error(f"变量“{name}”还没有值", node)
            return self._plain(scope.variables[name], f"变量“{name}”", node)

        return self._guarded(node, f"变量“{name}”不是可用的数据", read)

    def _plain(self, value: Any, what: str, node: ast.expr) -> Any:
        """Return a value that came from outside, if it is data and within the bounds."""
        trouble = _trouble(value)
        if trouble:
            raise self.error(what + trouble, node)
        return value

    def _written(self, node: ast.Name) -> str:
        """Return the name as typed. The parser rewrites names (NFKC), which would hide one."""
        typed = self.line[node.col_offset : node.end_col_offset].decode()
        if typed != node.id:
            raise self.error(f"名称“{typed}”含有特殊字符，请改写为“{node.id}”", node)
        if typed.startswith("_"):
            raise self.error("名称不能以下划线开头", node)
        return typed

    def _sequence(self, node: ast.List | ast.Tuple, depth: int) -> _Run:
        if len(node.elts) > MAX_ITEMS:
            raise self.error(f"列表不能超过 {MAX_ITEMS} 项", node)
        items = [self.build(item, depth) for item in node.elts]
        return lambda scope: self._plain([item(scope) for item in items], "列表", node)

    def _logic(self, node: ast.BoolOp, depth: int) -> _Run:
        parts = [self.build(value, depth) for value in node.values]
        stops_at = isinstance(node.op, ast.Or)

        def decide(scope: _Scope) -> Any:
            value: Any = None
            for part in parts:
                value = part(scope)
                if bool(value) is stops_at:
                    break
            return value

        return decide

    def _unary(self, node: ast.UnaryOp, depth: int) -> _Run:
        operand = self.build(node.operand, depth)
        if isinstance(node.op, ast.Not):
            return lambda scope: not operand(scope)
        if isinstance(node.op, ast.USub):
            return self._guarded(
                node, "无法计算", lambda scope: -self._number(operand(scope), node)
            )
        raise self.error("不支持这种写法", node)

    def _choice(self, node: ast.IfExp, depth: int) -> _Run:
        test, yes, no = (self.build(n, depth) for n in (node.test, node.body, node.orelse))
        return lambda scope: yes(scope) if test(scope) else no(scope)

    def _arithmetic(self, node: ast.BinOp, depth: int) -> _Run:
        compute = _ARITHMETIC.get(type(node.op))
        if compute is None:
            raise self.error("只能使用 + - * / 运算", node)
        left, right = self.build(node.left, depth), self.build(node.right, depth)

        def run(scope: _Scope) -> Any:
            pair = self._number(left(scope), node.left), self._number(right(scope), node.right)
            return self._number(compute(*pair), node)

        return self._guarded(node, "无法计算", run)

    def _number(self, value: Any, node: ast.expr) -> Any:
        if isinstance(value, bool) or not isinstance(value, _NUMBER):
            raise self.error("这里需要数字", node)
        if not -MAX_NUMBER <= value <= MAX_NUMBER:
            raise self.error("数字过大", node)
        return value

    def _comparison(self, node: ast.Compare, depth: int) -> _Run:
        tests = []
        for sign in node.ops:
            compare = _COMPARISONS.get(type(sign))
            if compare is None:
                raise self.error(_REFUSED[type(sign)], node)
            tests.append(compare)
        first = self.build(node.left, depth)
        rest = [self.build(right, depth) for right in node.comparators]

        def run(scope: _Scope) -> bool:
            left = first(scope)
            for test, part in zip(tests, rest, strict=True):
                right = part(scope)
                if not test(left, right):
                    return False
                left = right
            return True

        return self._guarded(node, "两边的值无法比较", run)

    def _subscript(self, node: ast.Subscript, depth: int) -> _Run:
        if isinstance(node.slice, ast.Slice):
            raise self.error(_REFUSED[ast.Slice], node)
        holder, key = self.build(node.value, depth), self.build(node.slice, depth)

        def run(scope: _Scope) -> Any:
            value = holder(scope)
            if not isinstance(value, (dict, list)):
                raise self.error("只能对列表和字典取值", node)
            return value[key(scope)]

        return self._guarded(node, "取不到这一项", run)

    def _call(self, node: ast.Call, depth: int) -> _Run:
        if not isinstance(node.func, ast.Name):
            raise self.error("只能调用规定的函数", node)
        name = self._written(node.func)
        if name not in self.allowed_functions:
            raise self.error(f"没有名为“{name}”的函数", node)
        if node.keywords or len(node.args) > MAX_ITEMS:
            raise self.error(f"函数“{name}”的参数写法不对", node)
        self.called.add(name)
        arguments = [self._argument(name, argument, depth) for argument in node.args]

        def run(scope: _Scope) -> Any:
            if name not in scope.functions:
                raise self.error(f"这里不能使用函数“{name}”", node)
            given = [argument(scope) for argument in arguments]
            return self._plain(scope.functions[name](*given), f"函数“{name}”的结果", node)

        return self._guarded(node, f"函数“{name}”无法计算", run)

    def _argument(self, function: str, node: ast.expr, depth: int) -> _Run:
        """Return the closure for an argument; one that holds no variable is judged at once."""
        given = self.build(node, depth)
        if function in BUILT_IN:
            return given

        def bounded(scope: _Scope) -> Any:
            value = given(scope)
            is_count = type(value) is int and 0 <= value <= MAX_COUNT
            if isinstance(value, _NUMBER) and not is_count:
                raise self.error(f"这里要写 0 到 {MAX_COUNT} 的整数", node)
            return value

        if not any(isinstance(part, (ast.Name, ast.Call)) for part in ast.walk(node)):
            bounded(_Scope({}, {}))
        return bounded

    _METHODS: ClassVar[Mapping[type[ast.expr], Callable[..., _Run]]] = {
        ast.Constant: _constant,
        ast.Name: _name,
        ast.List: _sequence,
        ast.Tuple: _sequence,
        ast.BoolOp: _logic,
        ast.UnaryOp: _unary,
        ast.IfExp: _choice,
        ast.BinOp: _arithmetic,
        ast.Compare: _comparison,
        ast.Subscript: _subscript,
        ast.Call: _call,
    }
