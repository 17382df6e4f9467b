"""What the domains tell the engine: named functions that diagrams call.

A domain's process.py fills these registries when it is imported; a diagram names the functions
by property (`handler`, `save`, `scope`, `page`). The engine itself knows no domain.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Generic, Literal, TypeVar

from app.engine import queue
from app.engine.contracts import UNDECLARED, Contract, Life, Matter, Scalar, Values
from app.engine.models import ProcessInstance, QueueKind, WorkItem

Outcomes = dict[str, Scalar]
Business = tuple[str, int]
ScopeKind = Literal["org", "meeting", "person", "jurisdiction", "all"]

OUTCOME_WORD = "_outcome"
"""Reserved outcome: the word people read in the flow log (通过, 退回…); never task data."""
OPINION = "_note"
"""Reserved outcome: the opinion (意见) shown in the flow log; never task data."""
RESERVED = frozenset({OUTCOME_WORD, OPINION})


class UnknownHandler(LookupError):
    """A diagram names a function that no domain has registered."""


class DuplicateHandler(ValueError):
    """Two functions claim one name of one registry."""


@dataclass(frozen=True)
class Scope:
    """Whose task it is: a unit's, a meeting's, one person's, or a whole jurisdiction's.

    `id` is the unit, meeting or person. A jurisdiction is the work item's own, so it has no id.
    `excluded_id` is the person of that scope who may not do it: who proposed does not confirm.
    `about_id` is the person whom the record is about: nobody decides on themselves.
    """

    kind: ScopeKind
    id: int | None = None
    excluded_id: int | None = None
    about_id: int | None = None


@dataclass(frozen=True)
class Card:
    """How a business record is shown in lists: title, words to search by, address."""

    title: str
    words: str
    url: str


@dataclass(frozen=True)
class Step:
    """One step of a process instance, as a handler sees it."""

    instance: ProcessInstance
    node: str
    data: Mapping[str, object]
    now: datetime
    actor_id: int | None = None
    item: WorkItem | None = None
    # The save handler that the node names: nodes are called as process admins like.
    save: str = ""

    @property
    def business(self) -> Business:
        """Type and id of the record the instance is about."""
        return (self.instance.business_type, self.instance.business_id)

    @property
    def business_id(self) -> int:
        """Id of the record the instance is about."""
        return self.instance.business_id

    def start(
        self,
        key: str,
        *,
        business: Business,
        unique: str,
        data: Mapping[str, Scalar] | None = None,
    ) -> None:
        """Ask for process `key` to be started for `business`, once per `unique` key."""
        queue.append(
            QueueKind.START,
            key,
            business=business,
            unique=unique,
            now=self.now,
            jurisdiction=self.instance.jurisdiction,
            actor_id=self.actor_id,
            payload=dict(data or {}),
        )

    def send(
        self,
        message: str,
        *,
        business: Business,
        unique: str,
        data: Mapping[str, Scalar] | None = None,
    ) -> None:
        """Send `message` to the instance of `business` that waits for it, or will wait."""
        queue.append(
            QueueKind.MESSAGE,
            message,
            business=business,
            unique=unique,
            now=self.now,
            payload=dict(data or {}),
        )

    def broadcast(
        self, signal: str, *, unique: str, data: Mapping[str, Scalar] | None = None
    ) -> None:
        """Send `signal` to every other instance that waits for it, once per `unique` key."""
        queue.append(
            QueueKind.BROADCAST,
            signal,
            business=self.business,
            unique=unique,
            now=self.now,
            actor_id=self.actor_id,
            instance_id=self.instance.id,
            payload=dict(data or {}),
        )


ServiceHandler = Callable[[Step], Outcomes | None]
SaveHandler = Callable[[Step, Mapping[str, object]], Outcomes | None]
ScopeResolver = Callable[[Step], Scope]
Presenter = Callable[[int], Card]
Check = Callable[[int, Mapping[str, object], datetime], Mapping[str, list[str]]]
PageAddress = Callable[[WorkItem], str]
Ending = Callable[[Step, str], None]
Standing = Callable[[int], str]

F = TypeVar("F", bound=Callable[..., object])


class Registry(Generic[F]):
    """Functions of one kind by name. A name is taken once."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._functions: dict[str, F] = {}
        self._contracts: dict[str, Contract] = {}

    def __call__(self, name: str, contract: Contract = UNDECLARED) -> Callable[[F], F]:
        """Register the decorated function as `name`. Raises DuplicateHandler."""

        def register(function: F) -> F:
            known = self._functions.get(name)
            if known is not None and known is not function:
                raise DuplicateHandler(f"{self.kind} {name!r} is registered twice")
            self._functions[name] = function
            self._contracts[name] = contract
            return function

        return register

    def __contains__(self, name: object) -> bool:
        return name in self._functions

    def get(self, name: str) -> F:
        """Return the function called `name`. Raises UnknownHandler."""
        try:
            return self._functions[name]
        except KeyError:
            known = ", ".join(sorted(self._functions)) or "none"
            raise UnknownHandler(f"no {self.kind} {name!r}; registered: {known}") from None

    def contract(self, name: str) -> Contract:
        """Return the contract of the function called `name`."""
        return self._contracts.get(name, UNDECLARED)

    def names(self) -> frozenset[str]:
        """All registered names."""
        return frozenset(self._functions)

    def contracts(self) -> dict[str, Contract]:
        """The contracts of all registered functions by their names."""
        return {name: self.contract(name) for name in self._functions}

    def remove(self, name: str) -> None:
        """Forget `name`; tests use it to leave no trace."""
        self._functions.pop(name, None)
        self._contracts.pop(name, None)


service: Registry[ServiceHandler] = Registry("service handler")
"""Service tasks (property `handler`): fn(step) -> outcomes."""
save: Registry[SaveHandler] = Registry("save handler")
"""User tasks (property `save`): fn(step, answers) -> outcomes; stores the answers itself."""
check: Registry[Check] = Registry("check")
"""User tasks, by the name of their save handler: fn(business id, answers, now) -> faults by field.

A form that is refused anyway asks it, so that people read the faults of the law in the same round.
"""
scope: Registry[ScopeResolver] = Registry("scope resolver")
"""User tasks (property `scope`): fn(step) -> Scope, resolved when the work item opens."""
presenter: Registry[Presenter] = Registry("presenter")
"""Business types: fn(business id) -> Card."""
page: Registry[PageAddress] = Registry("page")
"""Page nodes (property `page`): fn(work item) -> address where the work is done."""
ending: Registry[Ending] = Registry("ending")
"""Business types: fn(step, reason), what becomes of the record when its process ends (作废).

The step has no node and no data. It raises Conflict where the record has gone too far for that; a
type without one cannot have its process cancelled.
"""
standing: Registry[Standing] = Registry("standing")
"""Processes with a Life: fn(business id) -> the status of the record as its tables have it."""

_matters: dict[str, Matter] = {}


def matter(
    process: str,
    word: str,
    *,
    parts: tuple[str, ...] = (),
    needs: tuple[str, ...] = (),
    life: Life | None = None,
    gives: Mapping[str, Values] = MappingProxyType({}),
) -> tuple[str, ...]:
    """Tell what a process is about that the platform starts; returns what contracts `serve`."""
    _matters[process] = Matter(word, parts, needs, life, dict(gives))
    return (process,)


def life_of(process: str) -> Life | None:
    """Return the states of the record of a process, None where nobody told them."""
    found = _matters.get(process)
    return found.life if found else None


def matters() -> dict[str, Matter]:
    """Return what each process is about that the platform starts, by its key."""
    return dict(_matters)


@dataclass(frozen=True)
class KeptTime:
    """A date of a record that its processes wait for: to move only what waits would leave two.

    fixed: fn(business id) -> why it is not moved (改期) and where else, nothing where it can be.
    move: fn(step, due), which changes the record's date and tells who is concerned; it returns
    the moment that the process waits for from then on.
    """

    fixed: Callable[[int], str]
    move: Callable[[Step, datetime], datetime] | None = None


_kept_times: dict[tuple[str, str], KeptTime] = {}


def keeps_time(business_type: str, moments: Collection[str], kept: KeptTime) -> None:
    """Tell that a record has these dates itself, by the names that diagrams wait for."""
    _kept_times.update({(business_type, moment): kept for moment in moments})


def kept_time(business_type: str, moment: str) -> KeptTime | None:
    """Return how a date of a record is moved; None where it is the process's own."""
    return _kept_times.get((business_type, moment))


_sent: dict[str, str] = {}


_carried: dict[str, tuple[str, ...]] = {}


def sends(
    messages: Mapping[str, str], carries: Mapping[str, tuple[str, ...]] | None = None
) -> None:
    """Tell which messages (消息) a domain sends, so that diagrams may await them, and their words.

    The words say what has happened once the message is there; `carries` names its data.
    """
    _sent.update(messages)
    _carried.update(carries or {})


def carried() -> dict[str, tuple[str, ...]]:
    """Return the names of the data that messages bring, by those that bring any."""
    return dict(_carried)


def sent_messages() -> frozenset[str]:
    """Names of all messages that the platform sends."""
    return frozenset(_sent)


def message_word(name: str) -> str:
    """Return what people call a message; nothing for one that only diagrams know."""
    return _sent.get(name, "")
