"""Time inside the engine: its timers read the transaction's `now`, never the wall clock.

It knows no database, so that the sandbox of the publish gate begins quickly.
"""

import contextlib
import re
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from datetime import datetime, timedelta, tzinfo
from functools import wraps
from typing import Any

from SpiffWorkflow.bpmn.specs.event_definitions import timer as engine_timers
from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent
from SpiffWorkflow.util.task import TaskIterator, TaskState
from SpiffWorkflow.workflow import Workflow

from app.core.instants import ZONE

FIRST_YEAR, LAST_YEAR = 1970, 2999
MAX_ROUNDS = 200
"""How often a cycle timer may remind."""
TIME_HINTS = {
    "timeDate": '请写带时区的时间，如 "2026-11-20T17:30:00+08:00"',
    "timeDuration": '请写时长，如 "P5D"，每个数最多三位',
    "timeCycle": f'请写次数和间隔，如 "R3/P1D"，最多 {MAX_ROUNDS} 次',
}
_KINDS = {
    "TimeDateEventDefinition": "timeDate",
    "DurationTimerEventDefinition": "timeDuration",
    "CycleTimerEventDefinition": "timeCycle",
}
# The engine walks month by month, and what it computes must still be a date.
_LENGTH = (
    r"P(?=\d|T)(\d{1,3}W|(\d{1,3}Y)?(\d{1,3}M)?(\d{1,3}D)?"
    r"(T(?=\d)(\d{1,3}H)?(\d{1,3}M)?(\d{1,3}S)?)?)"
)
_DURATION = re.compile(_LENGTH, re.ASCII)
_CYCLE = re.compile(rf"R(\d{{1,3}})/(?=.*[1-9])({_LENGTH})", re.ASCII)
_UNDER_A_MINUTE = re.compile(r"(R\d+/)?P(0+[YMWD])*T(0+[HM])*0*[1-5]?\dS", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(T.*)?", re.ASCII)

_now: ContextVar[datetime] = ContextVar("engine_now")


class _TransactionDatetime(datetime):
    """The datetime class that the engine's timer module sees."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        """Return the bound moment; LookupError outside `bound`."""
        return _now.get().astimezone(tz)


engine_timers.datetime = _TransactionDatetime
# A time without a zone would mean the server's zone; here it means ours.
engine_timers.LOCALTZ = ZONE


@contextlib.contextmanager
def bound(now: datetime) -> Iterator[None]:
    """Make `now` the present of the engine."""
    token = _now.set(now)
    try:
        yield
    finally:
        _now.reset(token)


def moment() -> datetime:
    """Return the bound moment in +08:00; LookupError outside `bound`."""
    return _now.get().astimezone(ZONE)


class OddTime(ValueError):
    """A timer whose time cannot be read or lies beyond all that an office works with."""


def kind_of_time(spec: Any, expression: str) -> str | None:
    """Return which time of a node an expression is (timeDate…), or None when it is none."""
    event = getattr(spec, "event_definition", None)
    for timer in (event, *getattr(event, "event_definitions", ())):
        if getattr(timer, "expression", None) == expression and type(timer).__name__ in _KINDS:
            return _KINDS[type(timer).__name__]
    return None


def is_time(kind: str, value: object) -> bool:
    """Whether a value is a time of this kind that the engine can compute with."""
    if not isinstance(value, str):
        return False
    if kind == "timeDuration":
        return bool(_DURATION.fullmatch(value))
    if kind == "timeCycle":
        return 1 <= rounds_of(value) <= MAX_ROUNDS
    try:
        return bool(_DAY.fullmatch(value)) and (
            FIRST_YEAR <= datetime.fromisoformat(value).year <= LAST_YEAR
        )
    except ValueError:
        return False


def rounds_of(value: str) -> int:
    """Return how often a cycle reminds, as it is written; 0 where it is no cycle."""
    cycle = _CYCLE.fullmatch(value)
    return int(cycle[1]) if cycle else 0


def is_under_a_minute(value: str) -> bool:
    """Whether a duration, or the pause of a cycle, is shorter than any office acts."""
    return bool(_UNDER_A_MINUTE.fullmatch(value))


def refuse_odd_time(spec: Any, expression: str, value: object) -> None:
    """Raise OddTime where the value of a timer's expression is no usable time."""
    kind = kind_of_time(spec, expression)
    if kind is not None and not is_time(kind, value):
        raise OddTime(f"时间“{str(value)[:60]}”不能使用，{TIME_HINTS[kind]}")


def refresh(workflow: Any, now: datetime) -> None:
    """Fire the timers that are due at `now`.

    The engine wants a timer to lie in the past; ours is due at its very moment.
    """
    with bound(now + timedelta(microseconds=1)):
        workflow.refresh_timers()


def fire_earliest(tasks: Iterable[Any], now: datetime) -> Any | None:
    """Fire the one of these waiting tasks whose timer is due first; return it, or None.

    After a downtime several are due at once: what was due first happens first, and may cancel
    what was due later.
    """
    moments = [(due, task) for task in tasks if (due := due_at(_kept(task))) and due <= now]
    if not moments:
        return None
    _, task = min(moments, key=lambda each: each[0])
    with bound(now + timedelta(microseconds=1)):
        task.task_spec._update(task)  # noqa: SLF001 - as the engine's refresh_timers does
    return task


def _kept(task: Any) -> object:
    return task.internal_data.get("event_value")


def move(task: Any, due: datetime) -> None:
    """Set the moment that a waiting timer task keeps."""
    value, moment = task.internal_data["event_value"], due.isoformat()
    task.internal_data["event_value"] = (
        {**value, "next": moment} if isinstance(value, dict) else moment
    )


def due_at(event_value: object) -> datetime | None:
    """Return the moment that a waiting timer task keeps in its internal data.

    A cycle has none behind its last round, though the engine would wake once more to end it.
    """
    value = event_value
    if isinstance(event_value, dict):
        value = event_value.get("next") if event_value.get("cycles") else None
    if not isinstance(value, str):
        return None
    due: datetime = engine_timers.TimerEventDefinition.parse_time_or_duration(value)
    return due.astimezone(ZONE)


def _waits_its_turn(task: Any) -> bool:
    """Whether a timer waits for its moment: `refresh` and `fire_earliest` alone wake it."""
    is_event = isinstance(task.task_spec, CatchingEvent)
    return is_event and not task.internal_data.get("event_fired") and bool(due_at(_kept(task)))


def _keep_the_order() -> None:
    """Leave timers alone whenever a task ends: bare, all that are due fire then, in any order.

    What the earliest leads to comes before the next one, which it may take away.
    """
    bare = Workflow.update_waiting_tasks

    @wraps(bare)
    def cured(self: Any) -> None:
        for task in TaskIterator(self.task_tree, state=TaskState.WAITING):
            if not _waits_its_turn(task):
                task.task_spec._update(task)  # noqa: SLF001 - as the engine's own does

    Workflow.update_waiting_tasks = cured


_keep_the_order()
