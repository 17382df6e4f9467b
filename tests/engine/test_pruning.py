"""Pruning changes nothing that people can see: the same acts open the same tasks."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from app.engine import moments, state
from tests.engine.kit import (
    NOON,
    boundary,
    call,
    choice,
    diagram,
    end,
    event,
    flow,
    line,
    many,
    message,
    receives,
    start,
    timer,
    user,
)
from tests.engine.test_defects import do, names, open_tasks, plant, reloaded, tell


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[None]:
    with moments.bound(NOON):
        yield


def declaration() -> dict[str, bytes]:
    """Calls with a withdrawal, a reminder inside, a task for each group, a return loop."""
    reminder = event(
        "boundaryEvent", "late", timer('"P3D"', "timeDuration"),
        'attachedToRef="endorse" cancelActivity="false"',
    )  # fmt: skip
    inner = diagram(
        "review", start("asked"), user("vet"), user("endorse"), reminder, end("told"),
        end("reminded"), line("asked", "vet", "endorse", "told"), line("late", "reminded"),
    )  # fmt: skip
    outer = diagram(
        "declaration", start(), user("fill"), call("ask", "review"),
        user("each", many("ids", "one")), boundary("taken_back", "ask", receives("back")),
        choice("is_good", "good"), end(),
        line("begun", "fill", "ask", "each", "is_good"), flow("taken_back", "fill"),
        flow("is_good", "ended", flow_id="good"), flow("is_good", "fill", 'decision == "return"'),
        extra=message("back"),
    )  # fmt: skip
    return {**outer, **inner}


def waits_for_withdrawal(workflow: Any) -> bool:
    return any(task.task_spec.name == "taken_back" for task in state.live_tasks(workflow))


@pytest.mark.parametrize("seed", range(12))
def test_a_pruned_instance_behaves_like_one_that_keeps_everything(seed: int) -> None:
    chance = random.Random(seed)
    whole = plant(declaration(), ids=[1, 2])
    pruned = reloaded(whole)
    for _ in range(40):
        assert names(pruned) == names(whole)
        assert pruned.is_completed() == whole.is_completed()
        if whole.is_completed():
            break
        if waits_for_withdrawal(whole) and chance.random() < 0.2:
            tell(whole, "back")
            tell(pruned, "back")
        else:
            node = chance.choice(names(whole))
            decision = chance.choice(["pass", "return", "return"])
            do(whole, node, decision=decision)
            do(pruned, node, decision=decision)
        state.prune(pruned)
        pruned = reloaded(pruned)
        seen = {task.task_spec.name: task.data for task in open_tasks(whole)}
        assert {task.task_spec.name: task.data for task in open_tasks(pruned)} == seen
    assert len(pruned.tasks) < 40
