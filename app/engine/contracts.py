"""What a diagram may count on where it names a registered function (约定).

Each function is registered together with its contract, so that the publish gate judges by what
the platform does and not by names: which processes it serves, what outcomes it gives, which
answers it takes.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

Scalar = str | int | bool | None
Values = Collection[Scalar] | type
"""What an outcome can be: these values, perhaps with their words (`{"pass": "通过"}`), or any of
a type: `str`, `int`, `list`, `Moment`."""

YES_OR_NO: Values = (True, False)
DECISION = "decision"
"""The outcome that buttons of forms give."""


class Moment:
    """Stands for moments as ISO texts, which a timer waits for as its date."""


class Answered:
    """Stands for what the form of the task lets people choose as their decision."""


@dataclass(frozen=True, slots=True)
class Move:
    """One way in which a function moves its record: out of these states, into that one.

    after: where the record stands then, in the same state if none is named. gives: the outcomes
    that tell this way from the others of the function.
    """

    before: tuple[str, ...]
    after: str = ""
    gives: Mapping[str, Scalar] = field(default_factory=dict)


def moves(before: tuple[str, ...], after: str = "", **gives: Scalar) -> tuple[Move, ...]:
    """Return the one way of a function that moves its record in this way alone."""
    return (Move(before, after, gives),)


def parting(name: str, before: tuple[str, ...], ways: Mapping[Any, str]) -> tuple[Move, ...]:
    """Return the ways of a function by the values that it gives `name`."""
    return tuple(Move(before, after, {name: value}) for value, after in ways.items())


@dataclass(frozen=True, slots=True)
class Contract:
    """What one registered function serves, gives and takes.

    serves: keys of the processes whose records it works on; none means all.
    gives: its outcomes with their values, always all of them; None where nothing was declared.
    takes: the decisions of a form that it understands, where they are not those it gives.
    save: of a page, the save handler that its button calls, where it is not called like the page.
    roles: of a scope, the roles whose tasks it can place; of a save, those that may act; none
    means all.
    usual: of a scope, the roles that people hold there; a task of another may find nobody.
    one_person: of a scope, whether it places with one person: no other one can do its tasks.
    scopes: of a save, those that its task may be placed by; none means all.
    repeats: whether several tasks at once may call it for one record.
    moves: in which states it takes its record, and in which it leaves it; none means that it
    asks for no state and changes none.
    waits_for: the moment that must have come before it, which a timer of the diagram waits for.
    """

    serves: tuple[str, ...] = ()
    gives: Mapping[str, Values] | None = field(default_factory=dict)
    takes: Collection[str] | None = None
    save: str = ""
    roles: Collection[str] = ()
    usual: Collection[str] = ()
    one_person: bool = False
    scopes: Collection[str] = ()
    repeats: bool = False
    moves: tuple[Move, ...] = ()
    waits_for: str = ""

    @property
    def decisions(self) -> Values | None:
        """The decisions of a form that it understands; None where it takes any."""
        if self.takes is not None:
            return tuple(self.takes)
        given = (self.gives or {}).get("decision")
        return None if given is None or isinstance(given, type) else given


UNDECLARED = Contract(gives=None, repeats=True)
"""What is known of a function that was registered without a contract: nothing."""


@dataclass(frozen=True, slots=True)
class Life:
    """The states that the record of a process goes through (业务状态).

    states: their words; a process starts with its record in the first. ends: in which it may
    end, since the record is finished or may be asked for anew. told: by message of the platform,
    what becomes of a state when it comes; in other states it is never sent. offers: by message
    that people cause, in which states they may look for the button. shown: how the tables
    show a state, where it is no status of the record itself: the statuses that it may have.
    """

    states: Mapping[str, str]
    ends: tuple[str, ...]
    told: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    offers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shown: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def first(self) -> str:
        """The state in which a process starts."""
        return next(iter(self.states))

    def may_be(self, state: str, status: str) -> bool:
        """Whether a record with this status may be in a state."""
        return status in self.shown.get(state, (state,))

    def are_alike(self, state: str, other: str) -> bool:
        """Whether a record may look the same in two states: handlers cannot tell them apart."""
        return any(self.may_be(other, status) for status in self.shown.get(state, (state,)))


@dataclass(frozen=True, slots=True)
class Matter:
    """What a process that the platform starts is about (事项).

    parts: the processes that it is shipped to call. needs: the save and service handlers without
    which its record would never be finished, or be finished though nobody has approved or looked
    into it, or tasks behind them would find nobody. life: the states of its
    record. gives: the data with which it is started, by name.
    """

    word: str
    parts: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    life: Life | None = None
    gives: Mapping[str, Values] = field(default_factory=dict)
