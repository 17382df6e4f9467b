"""Random sound diagrams: pruned and reloaded at every step they do what untouched ones do.

A diagram is grown from blocks, so that it is sound by construction: sequences, choices, return
loops, parallel and inclusive splits with their joins, boundary events, multi-instance tasks,
embedded subprocesses. In a sound diagram somebody can always act until the end, no node is open
twice at a time, and nothing is left when the last task opens.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from SpiffWorkflow.util.task import TaskState

from app.engine import events, moments, state
from app.engine.environment import Engine
from tests.engine.kit import (
    NOON,
    boundary,
    diagram,
    end,
    flow,
    gate,
    gathers,
    many,
    message,
    receives,
    start,
    subprocess,
    timer,
    times,
    user,
)
from tests.engine.test_defects import plant, reloaded

Block = tuple[Any, ...]
ACTS = 40

tasks = st.sampled_from(
    [("task", ""), ("task", "many"), ("task", "one_by_one"), ("task", "count"), ("task", "gather")]
)
blocks = st.recursive(
    tasks,
    lambda inner: st.one_of(
        st.tuples(st.just("sequence"), st.lists(inner, min_size=2, max_size=3)),
        st.tuples(st.just("choice"), st.lists(inner, min_size=2, max_size=2)),
        st.tuples(st.just("loop"), inner),
        st.tuples(st.just("parallel"), st.lists(inner, min_size=2, max_size=3)),
        st.tuples(st.just("inclusive"), st.lists(inner, min_size=2, max_size=3)),
        st.tuples(st.just("inside"), inner),
        st.tuples(
            st.sampled_from(["told", "late", "told beside", "late beside"]),
            st.sampled_from([("task", ""), ("task", "many")]), inner,
        ),
        st.tuples(st.just("told"), st.tuples(st.just("inside"), inner), inner),
    ),
    max_leaves=7,
)  # fmt: skip


@dataclass
class Drawing:
    """Draws blocks; each takes the node before it and returns the one after which all goes on."""

    parts: list[str] = field(default_factory=list)
    count: int = 0

    def new(self, kind: str) -> str:
        self.count += 1
        return f"{kind}_{self.count}"

    def draw(self, block: Block, before: str, condition: str = "", name: str = "") -> str:
        return getattr(self, f"_{block[0].split()[0]}")(block, before, (condition, name))

    def enter(self, before: str, node: str, way: tuple[str, str]) -> None:
        self.parts.append(flow(before, node, way[0], way[1]))

    def _task(self, block: Block, before: str, way: tuple[str, str]) -> str:
        node = self.new("task")
        marker = {
            "": "",
            "many": many("ids", f"{node}_id"),
            "one_by_one": many("ids", f"{node}_id", one_by_one=True),
            "count": times("2"),
            "gather": times("2", more="".join(gathers(f"{node}_said", "said"))),
        }[block[1]]
        self.parts.append(user(node, marker, outcomes="said"))
        self.enter(before, node, way)
        return node

    def _sequence(self, block: Block, before: str, way: tuple[str, str]) -> str:
        for inner in block[1]:
            before = self.draw(inner, before, *way)
            way = ("", "")
        return before

    def _choice(self, block: Block, before: str, way: tuple[str, str]) -> str:
        split, merge = self.new("choice"), self.new("merge")
        other = f"{split}_other"
        self.parts += [gate("exclusive", split, other), gate("exclusive", merge)]
        self.enter(before, split, way)
        first = self.draw(block[1][0], split, 'said == "return"')
        second = self.draw(block[1][1], split, name=other)
        self.parts += [flow(first, merge), flow(second, merge)]
        return merge

    def _loop(self, block: Block, before: str, way: tuple[str, str]) -> str:
        merge, split = self.new("again"), self.new("is_good")
        self.parts += [gate("exclusive", merge), gate("exclusive", split, f"{split}_out")]
        self.enter(before, merge, way)
        self.parts.append(flow(self.draw(block[1], merge), split))
        self.parts.append(flow(split, merge, 'said == "return"'))
        out = self.new("out")
        self.parts += [gate("exclusive", out), flow(split, out, flow_id=f"{split}_out")]
        return out

    def _parallel(self, block: Block, before: str, way: tuple[str, str]) -> str:
        split, join = self.new("fork"), self.new("join")
        self.parts += [gate("parallel", split), gate("parallel", join)]
        self.enter(before, split, way)
        for inner in block[1]:
            self.parts.append(flow(self.draw(inner, split), join))
        return join

    def _inclusive(self, block: Block, before: str, way: tuple[str, str]) -> str:
        split, join = self.new("some"), self.new("gathered")
        self.parts += [gate("inclusive", split, f"{split}_none"), gate("inclusive", join)]
        self.enter(before, split, way)
        self.parts.append(flow(split, join, flow_id=f"{split}_none"))
        for inner, words in zip(block[1], ("pass", "return", "both"), strict=False):
            condition = f'said == "{words}" or said == "both"'
            self.parts.append(flow(self.draw(inner, split, condition), join))
        return join

    def _inside(self, block: Block, before: str, way: tuple[str, str]) -> str:
        node = self.new("inside")
        inner = Drawing(count=self.count * 100)
        last = inner.draw(block[1], f"{node}_begun")
        self.parts.append(
            subprocess(node, start(f"{node}_begun"), *inner.parts, end(f"{node}_ended"),
                       flow(last, f"{node}_ended"))
        )  # fmt: skip
        self.enter(before, node, way)
        return node

    def _told(self, block: Block, before: str, way: tuple[str, str]) -> str:
        return self._beside(block, before, way, receives("told"))

    def _late(self, block: Block, before: str, way: tuple[str, str]) -> str:
        return self._beside(block, before, way, timer('"P5D"', "timeDuration"))

    def _beside(self, block: Block, before: str, way: tuple[str, str], inner: str) -> str:
        kind, host, reaction = block
        node = self.draw(host, before, *way)
        happened, interrupts = self.new("happened"), not kind.endswith("beside")
        self.parts.append(boundary(happened, node, inner, interrupting=interrupts))
        last = self.draw(reaction, happened)
        if not interrupts:
            ended = self.new("reacted")
            self.parts += [end(ended), flow(last, ended)]
            return node
        merge = self.new("merge")
        self.parts += [gate("exclusive", merge), flow(last, merge), flow(node, merge)]
        return merge


def drawn(block: Block) -> dict[str, bytes]:
    drawing = Drawing()
    last = drawing.draw(block, "begun")
    return diagram(
        "p", start(), *drawing.parts, user("last"), end(), flow(last, "last"),
        flow("last", "ended"), extra=message("told"),
    )  # fmt: skip


def tasks_of(workflow: Any) -> list[tuple[str, Any]]:
    """Open human tasks by the path to them: node, and the number among the instances of it."""
    found = []
    for part in state.live_workflows(workflow):
        for task in part.tasks.values():
            if task.state == TaskState.READY and task.task_spec.manual:
                place = task.internal_data.get("key_or_index", task.internal_data.get("item", 0))
                found.append((f"{part.spec.name}.{task.task_spec.name}.{place}", task))
    return sorted(found, key=lambda pair: (pair[0], repr(sorted(pair[1].data.items()))))


def seen(workflow: Any) -> Any:
    """What people and workers see: open tasks with their data, awaited events, the end."""
    waits = sorted(
        task.task_spec.name
        for task in state.live_tasks(workflow)
        if task.state == TaskState.WAITING and task.task_spec.name.startswith("happened")
    )
    people = [(path, sorted(task.data.items())) for path, task in tasks_of(workflow)]
    return people, waits, workflow.is_completed()


def act(workflow: Any, choice: random.Random, moment: list[Any]) -> None:
    """Do one thing that can be done: mostly a task, sometimes a message or the passing of time."""
    waits = seen(workflow)[1]
    if waits and choice.random() < 0.25:
        if choice.random() < 0.5:
            moment[0] += timedelta(days=3)
            moments.refresh(workflow, moment[0])
        elif any(
            task.state == TaskState.WAITING
            and "told" in str(vars(task.task_spec.event_definition))
            for task in workflow.event_manager.tasks.values()
        ):
            workflow.send_event(events.message("told"))
    else:
        people = tasks_of(workflow)
        _, task = people[choice.randrange(len(people))]
        task.data["said"] = choice.choice(["pass", "return", "return", "both"])
        task.run()
    workflow.do_engine_steps()


@pytest.fixture(autouse=True, scope="module")
def at_noon() -> Iterator[None]:
    with moments.bound(NOON):
        yield


@settings(
    max_examples=120,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    block=st.tuples(st.just("sequence"), st.lists(blocks, min_size=2, max_size=3)),
    seed=st.integers(0, 10**6),
)
def test_pruning_and_reloading_change_nothing_that_can_be_seen(block: Block, seed: int) -> None:
    whole = plant(drawn(block), ids=[1, 2], said="pass")
    again = reloaded(whole)
    clocks = [[NOON], [NOON]]
    for number in range(ACTS):
        assert seen(again) == seen(whole)
        if whole.is_completed():
            break
        assert tasks_of(whole), "nobody can do anything"
        if "beside" not in repr(block):
            paths = [path for path, _ in tasks_of(whole)]
            assert len(paths) == len(set(paths)), "a node is open twice"
            assert paths == ["p.last.0"] or "p.last.0" not in paths, "a join did not wait"
        for workflow, moment in zip((whole, again), clocks, strict=True):
            workflow.script_engine = Engine(lambda task: None)
            with moments.bound(moment[0]):
                act(workflow, random.Random(seed * 100 + number), moment)
        state.prune(again)
        again = reloaded(again)
