"""Every handler that a test runs is held against its contract, before it as well as behind.

The engine itself looks at what a handler leaves; what it took costs a statement more, which only
tests pay, and none that counts them.
"""

from typing import Any

from app.engine import handlers, standing
from app.engine.contracts import Life, Move
from app.engine.handlers import Outcomes, Registry, Step
from tests.builders import statements

_run = standing.run


def run(registry: Registry[Any], name: str, step: Step, *answers: Any) -> Outcomes:
    """Run a handler as the engine does, whose record must stand where one of its moves begins."""
    contract, process = registry.contract(name), step.instance.process_key
    life = handlers.life_of(process)
    if life is None or process not in contract.serves or statements.are_counted():
        return _run(registry, name, step, *answers)
    before = standing.status_of(step)
    outcomes = _run(registry, name, step, *answers)
    after = standing.status_of(step)
    fitting = [move for move in contract.moves if standing.is_made(move, outcomes)]
    agrees = any(_is_made(move, life, before, after, step) for move in fitting)
    assert agrees if contract.moves else before == after, (process, name, before, after, outcomes)
    return outcomes


def _is_made(move: Move, life: Life, before: str, after: str, step: Step) -> bool:
    # A page brings the record on itself; its last button then completes the task.
    is_paged = step.item is not None and bool(step.item.page)
    return any(
        (life.may_be(state, before) or (is_paged and before == after))
        and life.may_be(move.after or state, after)
        for state in move.before
    )
