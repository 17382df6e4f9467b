"""The names that a diagram may use because the platform offers them (平台能力).

It is plain data: the child process of the sandbox is given it, and loads none of the rooms.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.engine.contracts import Contract, Matter, Move
from rules.conditions import Values
from rules.expression import DEFAULT_FUNCTIONS

Heard = tuple[str, str]
"""What is thrown or caught: "message" or "signal", and its name."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much a process does at once.

    `entry` counts its automatic tasks until the first pause, `step` at most between any two;
    `instances` how many of them one node may open.
    """

    entry: int = 0
    step: int = 0
    instances: int = 1


@dataclass(frozen=True, slots=True)
class Asking:
    """What the gate must know of a form: who saves its answers, and what it lets people decide."""

    save: str = ""
    # None where anything may be decided.
    decisions: tuple[str, ...] | None = None
    # What people read on the buttons and options, by decision.
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Published:
    """What the gate must know of a process that is already published."""

    calls: frozenset[str] = frozenset()
    outcomes: frozenset[str] = frozenset()
    inputs: frozenset[str] = frozenset()
    # Those of its outcomes that every way through it sets.
    sets: frozenset[str] = frozenset()
    # What its outcomes can be once it has ended; a name that is missing can be anything.
    values: Mapping[str, Values] = field(default_factory=dict)
    # The handlers that its tasks and those of its calls name.
    services: frozenset[str] = frozenset()
    saves: frozenset[str] = frozenset()
    # Those of the services that come before the moment that they wait for, on some way.
    early: frozenset[str] = frozenset()
    # The moments that every way through it waits for.
    awaited: frozenset[str] = frozenset()
    # By the code of an error that it may end with, the moments that every way to it waits for.
    failed_after: Mapping[str, frozenset[str]] = field(default_factory=dict)
    # Whether it is never over without a pause, and the errors that it may end with without one.
    waits: bool = True
    hasty: frozenset[str] = frozenset()
    # With lists of one item, and with lists as long as may be.
    least: Load = Load()
    most: Load = Load()
    throws: frozenset[Heard] = frozenset()
    catches: frozenset[Heard] = frozenset()
    # The codes of the errors that it may end with.
    errors: frozenset[str] = frozenset()
    # By the process whose record it works on, how that may stand once it has ended.
    moves: Mapping[str, tuple[Move, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """Forms, pages, handlers, roles (id -> lane name) and processes that exist."""

    forms: Mapping[str, Asking] = field(default_factory=dict)
    pages: Mapping[str, Contract] = field(default_factory=dict)
    saves: Mapping[str, Contract] = field(default_factory=dict)
    services: Mapping[str, Contract] = field(default_factory=dict)
    scopes: Mapping[str, Contract] = field(default_factory=dict)
    # The processes that the platform starts, by their keys.
    matters: Mapping[str, Matter] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    processes: Mapping[str, Published] = field(default_factory=dict)
    functions: frozenset[str] = DEFAULT_FUNCTIONS
    variables: frozenset[str] = frozenset({"today"})
    # What the platform itself sends.
    sent: frozenset[Heard] = frozenset()
    # The names of the data that its messages bring.
    carried: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # The titles of the pages where each process and decision is uploaded, by its id.
    homes: Mapping[str, str] = field(default_factory=dict)
    # When it is judged: a written time must lie ahead. None where nobody says.
    at: datetime | None = None
