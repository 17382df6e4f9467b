"""The stage of the demonstration: people act, the clock moves, every step is told."""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from functools import cache
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import select

from app import worker
from app.accounts.models import Person
from app.accounts.queries import people_with_role
from app.core.clock import ZONE, now, set_clock
from app.core.db import db, transaction
from app.core.permissions import ROLES
from app.engine import runtime
from app.engine.models import ProcessInstance, StepLog, WorkItem
from app.units.flow import open_items

DATA = Path(__file__).parent / "data"
Business = tuple[str, int]
Move = tuple[Business, str, Mapping[str, Any]]
"""What is to be done: of which record, at which node, with which answers."""


@cache
def read_data(name: str) -> dict[str, Any]:
    """Return a file of the demonstration's data."""
    return tomllib.loads((DATA / f"{name}.toml").read_text(encoding="utf-8"))


class Stage:
    """Plays steps, each in a transaction of its own, and tells them line by line."""

    def __init__(self, echo: Callable[[str], object], *, today: date) -> None:
        """`today` is the day from which the data counts its days."""
        self.echo, self.today = echo, today
        # The demonstration must come out the same every time; real ballots use the system's.
        self.random = Random(20261123)  # noqa: S311
        self.units: dict[str, int] = {}
        self.people: dict[str, int] = {}
        self.accounts: list[tuple[int, str, str, str]] = []
        self._elsewhere: list[tuple[date, Callable[[], None]]] = []

    def moment(self, given: Mapping[str, Any]) -> datetime:
        """Return the moment of a data entry: a fixed day or one counted from today."""
        day: date = given["on"] if "on" in given else self.day(given["day"])
        return datetime.combine(day, given.get("time", time(9)), ZONE)

    def day(self, offset: int) -> date:
        """Return the day so many days from today."""
        return self.today + timedelta(days=offset)

    def meanwhile(self, day: date, happens: Callable[[], None]) -> None:
        """Have something happen elsewhere when the clock passes that day."""
        self._elsewhere.append((day, happens))
        self._elsewhere.sort(key=itemgetter(0))

    def at(self, day: date, clock: time = time(9, 30)) -> None:
        """Move the instance's clock, and let what became due happen."""
        while self._elsewhere and self._elsewhere[0][0] <= day:
            on, happens = self._elsewhere.pop(0)
            self._set(on, time(9))
            happens()
        self._set(day, clock)

    def _set(self, day: date, clock: time) -> None:
        with transaction():
            set_clock(datetime.combine(day, clock, ZONE))
        self.settle()

    def settle(self) -> None:
        """Deliver messages, fire timers, run jobs until nothing moves."""
        worker.drain()

    def person(self, key: str) -> Person:
        """Return somebody by login or by id of the data."""
        return db.session.get_one(Person, self.people[key])

    def act(
        self,
        business: Business,
        node: str,
        answers: Mapping[str, Any] | None = None,
        *,
        person_id: int | None = None,
    ) -> None:
        """Do the open task of a node as somebody who may, and settle what follows."""
        self._do((business, node, answers or {}), person_id)
        self.settle()

    def act_all(self, moves: Iterable[Move]) -> None:
        """Do one open task after another, and settle what follows from all of them."""
        for move in moves:
            self._do(move)
        self.settle()

    def _do(self, move: Move, person_id: int | None = None) -> None:
        business, node, answers = move
        with transaction():
            item = self._item(business, node, person_id)
            actor = self._actor(item, person_id)
            before = self._last_step(item.instance_id)
            runtime.complete(item, dict(answers), actor_id=actor.id, now=now())
            self._tell(item, actor, before)

    def _item(self, business: Business, node: str, person_id: int | None) -> WorkItem:
        waiting = open_items(business)
        found = [
            item
            for item in waiting
            if item.node == node and (person_id is None or item.assignee_id in {person_id, None})
        ]
        if not found:
            have = ", ".join(item.node for item in waiting) or "nothing"
            msg = f"{business}: {node} is not open, but {have}"
            raise LookupError(msg)
        return found[0]

    def _actor(self, item: WorkItem, person_id: int | None) -> Person:
        wanted = person_id or item.assignee_id
        if wanted is not None:
            return db.session.get_one(Person, wanted)
        return people_with_role(item.role, item.scope_kind, item.scope_id, now())[0]

    def _last_step(self, instance_id: int) -> int:
        newest = select(StepLog.id).where(StepLog.instance_id == instance_id)
        return db.session.scalar(newest.order_by(StepLog.id.desc()).limit(1)) or 0

    def _tell(self, item: WorkItem, actor: Person, before: int) -> None:
        step = db.session.scalars(
            select(StepLog)
            .where(StepLog.instance_id == item.instance_id, StepLog.id > before)
            .order_by(StepLog.id)
        ).first()
        instance = db.session.get_one(ProcessInstance, item.instance_id)
        outcome = (step.outcome if step else None) or "完成"
        role = ROLES.get(item.role, item.role)
        self.say(instance.version.title, item.name, role, actor.name, outcome)

    def say(self, *words: str) -> None:
        """Tell a line: day, process, task, role, person, outcome."""
        self.echo("  ".join((f"{now():%Y-%m-%d}", *words)))

    def note(self, words: str) -> None:
        """Tell a line that is no step."""
        self.echo(f"— {words}")


def pick(rows: Iterable[Mapping[str, Any]], key: str) -> Mapping[str, Any]:
    """Return the data entry with this id."""
    return next(row for row in rows if row["id"] == key)
