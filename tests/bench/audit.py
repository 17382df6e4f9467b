"""Figures of the audit desk: one opinion for 500 items of a unit, from the click to the last one.

`python -m tests.bench.audit` measures these alone.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db, transaction
from app.engine import definitions
from app.portfolio import bulk
from app.portfolio.bulk_models import RowState
from tests.bench.figures import Figure, seconds, tell
from tests.bench.world import served
from tests.builders.people import a_person, a_unit, staff
from tests.builders.portfolio import a_submitted_item, last_tasks
from tests.conftest import START, set_clock
from tests.throwaway_postgres import running_server

ITEMS, AT_ONCE = 500, 50


def figures(folder: Path) -> Iterator[Figure]:
    """Measure on PostgreSQL what the reviewer waits for, and what the worker then does."""
    with running_server() as server, served(folder, server):
        clerk_id, item_ids = _desk()
        asked: list[int] = []
        first = seconds(lambda: asked.append(_ask(clerk_id, item_ids)))
        rest = seconds(lambda: bulk.carry_out({"batch": asked[0]}))
        yield Figure("batch_audit_answer_s", round(first, 2), "s", 2)
        yield Figure("batch_audit_of_500_s", round(first + rest, 1), "s", 10)
        with transaction(write=False):
            assert bulk.counts_of(asked[0])[RowState.DONE] == ITEMS


def _desk() -> tuple[int, list[int]]:
    with transaction():
        set_clock(START)
        definitions.load_shipped(now())
        unit = a_unit("淮城医科大学", area="340600")
        clerk_id, owner_id = staff(unit, "unit_clerk").id, a_person("柏小满", unit=unit).id
    item_ids: list[int] = []
    while len(item_ids) < ITEMS:
        with transaction():
            owner = db.session.get_one(Person, owner_id)
            item_ids += [a_submitted_item(owner, "work").id for _ in range(AT_ONCE)]
    return clerk_id, item_ids


def _ask(clerk_id: int, item_ids: list[int]) -> int:
    with transaction():
        clerk = db.session.get_one(Person, clerk_id)
        tasks = last_tasks(item_ids)
        return bulk.ask(tasks, "pass", "情况属实", actor=clerk, now=now()).id


if __name__ == "__main__":
    sys.exit(tell(figures))
