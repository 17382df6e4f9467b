"""Whether a handler leaves its record as its contract says (业务状态).

The gate judges diagrams by `Contract.moves`. So that this stays true, each run of a handler is
held against it: what leaves its record elsewhere is undone with its step, as an incident.
"""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar, cast

from app.core.db import Base, db
from app.engine import handlers
from app.engine.contracts import Move
from app.engine.handlers import Outcomes, Registry, Standing, Step

R = TypeVar("R")


class StrayRecord(RuntimeError):
    """A handler left its record in a state that its contract does not name."""


def by_status(kind: type[Base]) -> Standing:
    """Return how a record of this kind is read that has its status itself."""
    return lambda business_id: str(kept(cast("Any", db.session.get_one(kind, business_id))).status)


def kept(record: R) -> R:
    """Keep a record at hand: the card of the next task reads it again, and need not ask for it."""
    db.session.info[__name__] = record
    return record


def run(
    registry: Registry[Any], name: str, step: Step, *answers: Mapping[str, object]
) -> Outcomes:
    """Call a save or service handler; returns its outcomes. Raises StrayRecord."""
    outcomes: Outcomes = registry.get(name)(step, *answers) or {}
    moves = moves_of(registry, name, step)
    made = [move for move in moves if is_made(move, outcomes)]
    left = {state for move in made for state in ((move.after,) if move.after else move.before)}
    if moves and not stands_in(left, step):
        life = handlers.life_of(step.instance.process_key)
        words = "、".join(f"“{life.states[state]}”" for state in sorted(left)) if life else ""
        status = status_of(step)
        found = life.states.get(status, status) if life else status
        raise StrayRecord(f"“{name}”办理后，业务应当是{words or '别的状态'}，实际是“{found}”")
    return outcomes


def is_made(move: Move, outcomes: Outcomes) -> bool:
    """Whether a handler that gave these outcomes may have made a move.

    For diagrams of before a handler may give fewer outcomes than it does today.
    """
    return all(outcomes.get(name, value) == value for name, value in move.gives.items())


def moves_of(registry: Registry[Any], name: str, step: Step) -> tuple[Move, ...]:
    """Return how a handler may move the record of a step; nothing where nobody can tell."""
    contract, process = registry.contract(name), step.instance.process_key
    is_told = process in contract.serves and process in handlers.standing
    return contract.moves if is_told else ()


def stands_in(states: Collection[str], step: Step) -> bool:
    """Whether the record of a step may be in one of these states."""
    life, status = handlers.life_of(step.instance.process_key), status_of(step)
    return life is not None and any(life.may_be(state, status) for state in states)


def status_of(step: Step) -> str:
    """Return the status of the record of a step."""
    return handlers.standing.get(step.instance.process_key)(step.business_id)
