"""Acts on several things at once (批量办理): each by itself, and one refusal undoes no other."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from app.core.db import db
from app.core.errors import DomainError
from app.engine import incidents, runtime
from app.engine.models import WorkItem

TOLD_AT_ONCE = 5
"""Of how many refusals of a batch people are told at once."""


@dataclass
class Batch:
    """How a batch went: the numbers of what was done, and of what was refused and why."""

    done: list[int] = field(default_factory=list)
    refused: dict[int, DomainError] = field(default_factory=dict)

    @property
    def reasons(self) -> list[tuple[int, str]]:
        """The first of what was refused, with the reason in words."""
        first = islice(self.refused.items(), TOLD_AT_ONCE)
        return [(number, incidents.describe(error)) for number, error in first]


def each_of(numbers: Iterable[int], act: Callable[[int], object]) -> Batch:
    """Do an act for each number in their order; what is refused is undone by itself."""
    batch = Batch()
    for number in numbers:
        try:
            with db.session.begin_nested():
                act(number)
        except DomainError as error:
            batch.refused[number] = error
        else:
            batch.done.append(number)
    return batch


def complete_each(
    items: Collection[WorkItem], answers: Mapping[str, Any], *, actor_id: int, now: datetime
) -> Batch:
    """Complete several tasks with the same answers; a step that failed is an incident."""
    known = {item.id: item for item in items}
    # In one order for all: two batches that share instances would block each other.
    order = sorted(known, key=lambda number: known[number].instance_id)
    batch = each_of(
        order, lambda number: runtime.complete(known[number], answers, actor_id=actor_id, now=now)
    )
    note_failures(batch, now)
    return batch


def note_failures(batch: Batch, now: datetime) -> None:
    """Write an incident for each step of a batch that failed."""
    for error in batch.refused.values():
        if isinstance(error, incidents.StepFailed):
            incidents.record(error, now)
