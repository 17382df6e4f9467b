"""Where the branches of a process stand together (处境), and which way a gateway lets them go."""

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from app.engine.gate.course import Told, World
from app.engine.gate.diagram import Flow

Host = tuple[str, str]
"""The diagram and the id of a call or a subprocess."""
_MOST_OPEN = 8
"""Of so many branches every combination is looked at."""


class Token(NamedTuple):
    """Where one branch of the process stands, within which calls, and what is known there.

    `via` is the flow by which it came to a join. A branch without a node has ended.
    """

    hosts: tuple[Host, ...]
    diagram: str
    node: str
    via: str
    data: World


class Fired(NamedTuple):
    """An event beside what it stands on that has come: it comes but once each time."""

    hosts: tuple[Host, ...]
    diagram: str
    node: str
    event: str


class Place(NamedTuple):
    """A situation: all branches, and the state of the record, None where nobody knows it.

    `fired` is what has come beside something that is still under way.
    """

    tokens: tuple[Token, ...]
    state: str | None
    is_sure: bool = True
    fired: frozenset[Fired] = frozenset()

    def under_way(self) -> set[tuple[tuple[Host, ...], str, str]]:
        """Return where branches stand, and the calls and subprocesses that they are within."""
        found = {(token.hosts, token.diagram, token.node) for token in self.tokens if token.node}
        for token in self.tokens:
            for depth, (diagram, node) in enumerate(token.hosts):
                found.add((token.hosts[:depth], diagram, node))
        return found

    def within(self, hosts: tuple[Host, ...]) -> list[Token]:
        """Return the branches in a process or subprocess and in all that it calls."""
        return [token for token in self.tokens if token.hosts[: len(hosts)] == hosts]

    def without(self, gone: Iterable[Token]) -> "Place":
        """Return the situation without these branches."""
        left = Counter(self.tokens) - Counter(gone)
        return self._replace(tokens=tuple(left.elements()))

    def having(self, *come: Token) -> "Place":
        """Return the situation with these branches more; more than two of a kind tell nothing."""
        counted = Counter([*self.tokens, *come])
        kept = [token for token, count in counted.items() for _ in range(min(count, 2))]
        moved = self._replace(tokens=tuple(sorted(kept, key=_order)))
        if not self.fired:
            return moved
        places = moved.under_way()
        return moved._replace(fired=frozenset(each for each in self.fired if each[:3] in places))


@lru_cache(maxsize=10_000)
def _order(token: Token) -> tuple[str, ...]:
    return (
        repr(token.hosts),
        token.diagram,
        token.node,
        token.via,
        repr(sorted(map(repr, token.data))),
    )


class Met(NamedTuple):
    """A task or an end that is reached while the record is in a state that it does not take."""

    diagram: str
    node: str
    state: str
    is_sure: bool


def one_of(told: list[Told], last: list[Flow]) -> Iterator[tuple[list[Flow], bool]]:
    """Yield the branches that an exclusive gateway may take: the first whose condition holds."""
    is_sure = True
    for each in told:
        if each.holds is not False:
            is_sure = is_sure and each.is_sure
            yield [each.flow], is_sure
        if each.holds:
            return
    yield last, is_sure


def are_few(told: list[Told]) -> bool:
    """Whether some_of yields whatever an inclusive gateway may do: so few may do either."""
    return sum(each.holds is None for each in told) <= _MOST_OPEN


def some_of(told: list[Told], last: list[Flow]) -> Iterator[tuple[list[Flow], bool]]:
    """Yield the branches that an inclusive gateway may take together, where they are few."""
    taken = [each.flow for each in told if each.holds]
    open_ = [each.flow for each in told if each.holds is None][:_MOST_OPEN]
    is_sure = all(each.is_sure for each in told)
    for picked in product((False, True), repeat=len(open_)):
        more = [flow for flow, is_taken in zip(open_, picked, strict=True) if is_taken]
        yield [*taken, *more] or last, is_sure
