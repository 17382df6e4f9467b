"""The one expression environment of the engine: conditions, timers, counts, decision tables.

The engine would run Python from a diagram. Here every expression goes through rules.expression,
and statements (script tasks, scripts before and after a task) are always refused.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from SpiffWorkflow.bpmn.script_engine import (
    BasePythonScriptEngineEnvironment,
    PythonScriptEngine,
)

from app.engine.decisions import decide
from app.engine.moments import FIRST_YEAR, LAST_YEAR, moment, refuse_odd_time
from rules.expression import BUILT_IN, DEFAULT_FUNCTIONS, Expression, compile_expression

STEP_BUDGET = 500
"""How many automatic tasks one step may run before it is taken for a loop without end."""
MAX_INSTANCES = 200
"""How many tasks one multi-instance node may open."""
TODAY = "today"
"""The variable that holds the ISO date of the transaction; data cannot override it."""

_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(T.*)?", re.ASCII)
_functions: dict[str, Callable[..., Any]] = {}


class StatementRefused(RuntimeError):
    """A diagram holds a script (脚本); the platform runs none."""


class TooManyInstances(RuntimeError):
    """A multi-instance node would open more tasks than MAX_INSTANCES."""


def register_function(name: str, function: Callable[..., Any]) -> None:
    """Let expressions call `function`, e.g. workdays_after(day, n).

    ISO text in the arguments arrives as dates, and a date that it returns becomes ISO text.
    """

    def adapted(*arguments: object) -> object:
        return as_text(function(*(_as_day(argument) for argument in arguments)))

    _functions[name] = adapted
    _compiled.cache_clear()


def stand_ins() -> dict[str, Callable[..., object]]:
    """Return for each registered function one that takes what it takes and asks no calendar."""

    def answer(*arguments: object) -> object:
        days = [day for each in arguments if isinstance(day := _as_day(each), date)]
        return as_text(days[0]) if days else 0

    return dict.fromkeys(function_names() - BUILT_IN.keys(), answer)


def function_names() -> frozenset[str]:
    """Names of every function an expression may call."""
    return DEFAULT_FUNCTIONS | frozenset(_functions)


def is_reserved(name: str) -> bool:
    """Whether task data may not use `name`, because expressions mean something else by it."""
    return name == TODAY or name in function_names() or name.startswith("_")


def evaluate(text: str, variables: Mapping[str, Any]) -> Any:
    """Return the value of an expression at the bound moment. Raises ExpressionError."""
    seen = {**variables, TODAY: moment().date().isoformat()}
    return as_text(_compiled(text).evaluate(seen, _functions))


def workdays_after(day: date, count: int) -> date:
    """Return the `count`-th working day (工作日) after `day`, by the registered calendar.

    Raises LookupError when no calendar is registered.
    """
    calendar = _functions.get("workdays_after")
    if calendar is None:
        raise LookupError("no working-day calendar is registered with the engine")
    return date.fromisoformat(str(calendar(day, count))[:10])


@lru_cache(maxsize=2048)
def _compiled(text: str) -> Expression:
    return compile_expression(text, functions=function_names())


def _as_day(value: object) -> object:
    """Return ISO text as a date. Raises ValueError for one that no office works with."""
    if isinstance(value, str) and _ISO_DAY.fullmatch(value):
        return _as_day(date.fromisoformat(value[:10]))
    if isinstance(value, date) and not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"日期要在 {FIRST_YEAR} 年至 {LAST_YEAR} 年之间")
    return value


def as_text(value: object) -> object:
    """Return a value as the engine keeps it: a date is ISO text."""
    return value.isoformat() if isinstance(value, date) else value


class Environment(BasePythonScriptEngineEnvironment):  # type: ignore[misc]
    """Evaluates expressions only; the engine also reaches it past its script engine."""

    def evaluate(
        self,
        expression: str,
        context: Mapping[str, Any],
        external_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the value of an expression over task data."""
        return evaluate(expression, {**context, **(external_context or {})})

    def execute(
        self, script: str, context: Mapping[str, Any], external_context: object = None
    ) -> None:
        """Refuse. Raises StatementRefused."""
        del script, context, external_context
        raise StatementRefused("流程图中不允许使用脚本")

    def call_service(self, context: Mapping[str, Any], **_: object) -> None:
        """Refuse: services are called through the engine, which knows the step."""
        del context
        raise StatementRefused("流程图中不允许直接调用外部服务")


class Engine(PythonScriptEngine):  # type: ignore[misc]
    """The script engine of one step: expressions, and service tasks by their handlers."""

    def __init__(
        self,
        call: Callable[[Any], None],
        tell_round: Callable[[Any], None] = lambda _task: None,
    ) -> None:
        super().__init__(environment=Environment())
        self._call = call
        # What is to be done when a cycle timer comes round.
        self.tell_round = tell_round

    def evaluate(
        self, task: Any, expression: str, external_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the value of an expression; a multi-instance count is bounded.

        Errors pass as they are: ExpressionError says in Chinese what is wrong and where.
        """
        value = self.environment.evaluate(expression, task.data, external_context)
        is_count = expression == getattr(task.task_spec, "cardinality", None)
        refuse_odd_time(task.task_spec, expression, value)
        if is_count and not 0 <= value <= MAX_INSTANCES:
            raise TooManyInstances(f"多实例任务最多 {MAX_INSTANCES} 个，这里是 {value} 个")
        return value

    def decide(self, task: Any, table: Any) -> dict[str, Any]:
        """Return the answers of a decision table. Raises DecisionUnclear, ExpressionError."""
        return decide(table, task.data, evaluate)

    def execute(self, task: Any, script: str, external_context: object = None) -> None:
        """Refuse. Raises StatementRefused."""
        self.environment.execute(script, task.data, external_context)

    def call_service(self, task: Any, **_: object) -> None:
        """Run the handler of a service task; its errors pass as they are."""
        self._call(task)
