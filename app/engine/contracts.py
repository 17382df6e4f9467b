"""What a diagram may count on where it names a registered function (约定).

Each function is registered together with its contract, so that the publish gate judges by what
the platform does and not by names: which processes it serves, what outcomes it gives, which
answers it takes.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

Scalar = str | int | bool | None
Values = Collection[Scalar] | type
"""What an outcome can be: these values, or any of a type: `str`, `int`, `list`."""

YES_OR_NO: Values = (True, False)


class Answered:
    """Stands for what the form of the task lets people choose as their decision."""


@dataclass(frozen=True, slots=True)
class Contract:
    """What one registered function serves, gives and takes.

    serves: keys of the processes whose records it works on; none means all.
    gives: its outcomes with their values, always all of them; None where nothing was declared.
    takes: the decisions of a form that it understands, where they are not those it gives.
    save: of a page, the save handler that its button calls, where it is not called like the page.
    roles: of a scope, the roles whose tasks it can place; of a save, those that may act; none
    means all.
    repeats: whether several tasks at once may call it for one record.
    after: by save handler, the outcomes that must have been given where this comes behind it.
    """

    serves: tuple[str, ...] = ()
    gives: Mapping[str, Values] | None = field(default_factory=dict)
    takes: Collection[str] | None = None
    save: str = ""
    roles: Collection[str] = ()
    repeats: bool = False
    after: Mapping[str, Mapping[str, tuple[Scalar, ...]]] = field(default_factory=dict)

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
class Matter:
    """What a process that the platform starts is about (事项).

    parts: the processes that it is shipped to call. needs: the save and service handlers without
    which its record would never be finished.
    """

    word: str
    parts: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
