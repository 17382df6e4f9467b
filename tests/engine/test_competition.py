"""Two people at once: one act counts, nobody waits for ever."""

from collections import Counter
from collections.abc import Callable

import sqlalchemy as sa

from app.core.db import db, transaction
from app.core.errors import DomainError
from app.engine import runtime, workers
from app.engine.models import StepLog, WorkItem
from tests.builders.threads import together
from tests.engine.kit import CASE, CLERK, NOON, Office, reviewed
from tests.engine.test_events import send_finish, waits_for_finish, withdrawable


def race(office: Office, *acts: Callable[[], object]) -> Counter[str]:
    """Let threads begin their acts together; return how they ended."""
    failures = together(office.app, *acts)
    assert all(isinstance(each, DomainError | None) for each in failures), failures
    return Counter(type(each).__name__ if each else "done" for each in failures)


def complete_first() -> None:
    with transaction():
        item = db.session.scalars(sa.select(WorkItem).order_by(WorkItem.id)).first()
        assert item is not None
        runtime.complete(item, {"decision": "pass"}, actor_id=CLERK, now=NOON)


def test_one_of_two_people_completes_a_task(office: Office) -> None:
    office.publish(reviewed(), key="case_review")
    office.begin()
    assert race(office, complete_first, complete_first) == {"done": 1, "StaleTask": 1}
    assert office.open() == ["vet"]
    with transaction(write=False):
        assert db.session.scalar(sa.select(sa.func.count(StepLog.id))) == 1


def test_a_record_is_either_opened_or_taken_back(office: Office) -> None:
    office.publish(*withdrawable(), key="declaration")
    office.begin("declaration")
    office.do("fill", by=9)

    def take_back() -> None:
        with transaction():
            runtime.withdraw(CASE, actor_id=9, now=NOON)

    def view() -> None:
        with transaction():
            found = sa.select(WorkItem).where(WorkItem.node == "vet")
            item = db.session.scalars(found).one()
            runtime.open_item(item, person_id=CLERK, now=NOON)

    endings = race(office, take_back, view)
    assert endings["done"] == 1
    assert endings["AlreadyViewed"] + endings["StaleTask"] == 1
    assert office.open() == (["vet"] if endings["AlreadyViewed"] else ["fill"])


def test_two_workers_deliver_a_message_once(office: Office) -> None:
    office.publish(waits_for_finish(), key="declaration")
    office.begin("declaration")
    office.do("fill")
    send_finish(outcome="passed")
    counts: list[int] = []

    def work() -> None:
        counts.append(workers.deliver_messages(NOON))

    assert race(office, work, work) == {"done": 2}
    assert sorted(counts) == [0, 1]
    assert office.open() == ["archive"]


def test_one_of_two_starts_counts(office: Office) -> None:
    office.publish(reviewed(), key="case_review")
    assert race(office, office.begin, office.begin) == {"done": 1, "Conflict": 1}
    assert office.open() == ["fill"]
