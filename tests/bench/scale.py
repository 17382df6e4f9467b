"""Figures of a province: due timers among many, a signal to thousands, the inbox of a million.

`python -m tests.bench.scale` measures these alone.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from app.core.clock import now
from app.core.db import db, transaction
from app.engine import definitions, runtime, workers
from app.engine.models import ProcessInstance, WorkItem
from app.units.operations import request_binding
from app.units.process import BINDING
from tests.bench.figures import Figure, seconds, tell
from tests.bench.world import asker, served
from tests.builders.people import a_person, a_unit, staff
from tests.conftest import START, set_clock
from tests.engine.kit import (
    NOON,
    Office,
    catch,
    diagram,
    end,
    hears,
    line,
    signal,
    start,
    timer,
    user,
)
from tests.storms.ground import fresh_url, office_on
from tests.throwaway_postgres import running_server

DUE, FEW, MANY = 1000, 1000, 100_000
TOLD = 2000
BATCH = 100
OWN, SMALL, LARGE = 50, 1000, 1_000_000
PAGES = 15
STEP = "审核绑定"
SEARCHES = ("", "?q=青禾", f"?step={STEP}", "?due=2026-12-31", f"?q=青禾&step={STEP}")
TOMORROW = NOON + timedelta(days=1)


def figures(folder: Path) -> Iterator[Figure]:
    """Measure on PostgreSQL, and the signal on SQLite too."""
    with running_server() as server:
        yield from _due_timers(folder, server)
        yield from _told(folder, server)
        yield from _told(folder, "")
        yield from _inbox(folder, server)


@contextmanager
def _office(folder: Path, server: str) -> Iterator[Office]:
    with fresh_url(folder, server) as url, office_on(url) as office:
        yield office


def _begin(office: Office, key: str, count: int, **data: object) -> None:
    for first in range(0, count, BATCH):
        with transaction():
            for number in range(first, first + BATCH):
                business = ("case", number + 1)
                runtime.start(
                    key, business=business, jurisdiction="", actor_id=None, now=NOON, data=data
                )


def _worked(step: Callable[[], int]) -> int:
    """Let a worker tick until nothing moves; return how much did."""
    moved = 0
    while count := step():
        moved += count
    return moved


def _due_timers(folder: Path, server: str) -> Iterator[Figure]:
    few, many = (_fire_among(folder, server, waiting) for waiting in (FEW, MANY))
    yield Figure("due_timers_among_100000_ratio", round(many / few, 2), "x", 1.5, 1)


def _fire_among(folder: Path, server: str, waiting: int) -> float:
    with _office(folder, server) as office:
        office.publish(
            diagram(
                "case", start(), catch("due", timer("moment")), user("vet"), end(),
                line("begun", "due", "vet", "ended"),
            ),
            key="case",
        )  # fmt: skip
        _begin(office, "case", DUE, moment=TOMORROW.isoformat())
        _crowd(waiting)
        moved: list[int] = []
        took = seconds(
            lambda: moved.append(_worked(lambda: workers.fire_due_timers(TOMORROW, BATCH)))
        )
        assert moved == [DUE], moved
        return took


def _crowd(count: int) -> None:
    """Let many more instances wait for next year, as rows."""
    columns = [c.name for c in ProcessInstance.__table__.c if c.name not in {"id", "business_id"}]
    same = ", ".join(columns)
    with transaction():
        db.session.execute(
            sa.text(
                f"INSERT INTO process_instance (id, business_id, {same}) "
                f"SELECT 1000000 + n, 1000000 + n, {same} FROM process_instance, "
                "generate_series(1, :count) n WHERE business_id = 1"
            ),
            {"count": count},
        )
        db.session.execute(
            sa.text(
                "INSERT INTO timer (instance_id, task_uuid, node, due_at, try_at, attempts) "
                "SELECT 1000000 + n, 'waiting' || n, 'due', :due, :due, 0 "
                "FROM generate_series(1, :count) n"
            ),
            {"count": count, "due": NOON + timedelta(days=365)},
        )
        db.session.execute(sa.text("ANALYZE"))


def _told(folder: Path, server: str) -> Iterator[Figure]:
    kind = "postgresql" if server else "sqlite"
    with _office(folder, server) as office:
        office.publish(
            diagram(
                "case", start(), catch("waits", hears("vote_closed")), user("vet"), end(),
                line("begun", "waits", "vet", "ended"), extra=signal("vote_closed"),
            ),
            key="case",
        )  # fmt: skip
        _begin(office, "case", TOLD)
        with transaction():
            runtime.broadcast("vote_closed", unique="vote", now=NOON)
        took = seconds(lambda: _worked(lambda: workers.deliver_messages(NOON, BATCH)))
        with transaction(write=False):
            opened = db.session.scalar(sa.select(sa.func.count(WorkItem.id)))
        assert opened == TOLD, opened
    yield Figure(f"signal_to_2000_instances_{kind}_s", round(took, 2), "s", 15)


def _inbox(folder: Path, server: str) -> Iterator[Figure]:
    with served(folder, server) as app:
        clerk_id, unit_id = _desk()
        applicant_id, overseer_id = _people_of_all()
        took = {}
        for total, more in ((SMALL, SMALL - OWN), (LARGE, LARGE - SMALL)):
            _items(more, total - more, unit_id + 1)
            _share_with_applicants(unit_id, applicant_id)
            took[total] = {each: _page(app, clerk_id, each) for each in SEARCHES}
        applied, overseen = (
            max(_page(app, who, each, pages=3) for each in SEARCHES)
            for who in (applicant_id, overseer_id)
        )
    ratio = max(took[LARGE][each] / took[SMALL][each] for each in SEARCHES)
    yield Figure("inbox_among_1000000_ratio", round(ratio, 2), "x", 1.5, 1)
    yield Figure("inbox_of_applicant_among_1000000_s", round(applied, 2), "s", 1)
    yield Figure("inbox_of_500000_own_s", round(overseen, 2), "s", 5)


def _people_of_all() -> tuple[int, int]:
    """An applicant, whose role counts everywhere, and somebody who sees all clerks' tasks."""
    with transaction():
        applicant = a_person("卜文", roles=[("applicant", "all", None)])
        overseer = a_person("全知", roles=[("unit_clerk", "all", None)])
        return applicant.id, overseer.id


def _share_with_applicants(unit_id: int, applicant_id: int) -> None:
    """Make half of the other units' tasks those of single applicants, a few of this one's."""
    theirs = (
        "UPDATE work_item SET role = 'applicant', scope_kind = 'person', scope_id = {0}, "
        "assignee_id = {0} WHERE scope_kind = 'org' AND scope_id <> :unit AND {1}"
    )
    few = theirs.format(applicant_id, "id % 100 = 50 AND id < 1000")
    with transaction():
        for statement in (few, theirs.format("100000 + id % 5000", "id % 2 = 0")):
            db.session.execute(sa.text(statement), {"unit": unit_id})
    with transaction():
        db.session.execute(sa.text("ANALYZE"))


def _desk() -> tuple[int, int]:
    """A clerk with some tasks of their own: the clerk's id and the unit's."""
    with transaction():
        set_clock(START)
        definitions.load_shipped(now())
        unit = a_unit("云桥区青禾小学")
        person = a_person("苏晓禾", roles=[("applicant", "all", None)])
        business = (BINDING, request_binding(person, unit, "", now=now()).id)
        runtime.start(
            "unit_binding",
            business=business,
            jurisdiction=unit.jurisdiction,
            actor_id=person.id,
            now=now(),
        )
        pattern = db.session.scalars(sa.select(WorkItem)).one()
        pattern.name, pattern.words = STEP, "青禾"
        pattern.due_at = now() + timedelta(days=5)
        found = staff(unit, "unit_clerk").id, unit.id
    _items(OWN - 1, 1, found[1], spread=1)
    return found


def _items(count: int, base: int, first_unit: int, *, spread: int = 5000) -> None:
    """Add open tasks like the first one, for the clerks of many units."""
    columns = [
        c.name for c in WorkItem.__table__.c if c.name not in {"id", "task_uuid", "scope_id"}
    ]
    same = ", ".join(columns)
    with transaction():
        db.session.execute(
            sa.text(
                f"INSERT INTO work_item (task_uuid, scope_id, {same}) "
                f"SELECT 'more' || :base + n, :unit + n % :spread, {same} "
                "FROM (SELECT * FROM work_item ORDER BY id LIMIT 1) first, "
                "generate_series(1, :count) n"
            ),
            {"count": count, "base": base, "unit": first_unit, "spread": spread},
        )
    with transaction():
        db.session.execute(sa.text("ANALYZE"))


def _page(app: Flask, person_id: int, search: str, *, pages: int = PAGES) -> float:
    ask = asker(app, person_id, f"/tasks{search}", STEP)
    # The quickest: what else the machine does in the meantime is no cost of the page.
    return min(seconds(ask) for _ in range(pages))


if __name__ == "__main__":
    sys.exit(tell(figures))
