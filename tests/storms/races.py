"""Two acts at once, again and again: one counts, the other is told, nobody waits for ever."""

import itertools
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from app.core.db import db, transaction
from app.core.errors import DomainError
from app.engine import definitions, migration, runtime, workers
from app.engine.models import ProcessInstance, ProcessVersion, WorkItem
from tests.engine.kit import (
    CLERK,
    LEADER,
    NOON,
    Office,
    boundary,
    diagram,
    end,
    flow,
    line,
    message,
    receives,
    start,
    timer,
    user,
)
from tests.storms.ground import broken_laws, held_locks

Act = Callable[[], object]
LATER = NOON + timedelta(days=1)
_numbers = itertools.count(1)


class NothingFired(DomainError):
    """The timer was not there any more when the worker came."""


class Wrong(AssertionError):
    """A race ended as it must not."""


@dataclass(frozen=True)
class Race:
    """Acts that compete, and how they may end: names of endings, and what is open then."""

    name: str
    prepare: Callable[[Office, int], tuple[Act, ...]]
    endings: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]


def guarded() -> Mapping[str, bytes]:
    """Fill, then vet: that can be taken back, and has a deadline."""
    return diagram(
        "case", start(), user("fill"), user("vet"), user("hurry"), user("sign"), end(),
        boundary("taken_back", "vet", receives("withdrawn")), flow("taken_back", "fill"),
        boundary("late", "vet", timer('"P1D"', "timeDuration")), line("late", "hurry", "ended"),
        line("begun", "fill", "vet", "sign", "ended"),
        extra=message("withdrawn"),
    )  # fmt: skip


def renamed(number: int) -> Mapping[str, bytes]:
    """Another content of the process each time."""
    return diagram(
        "case", start(), user("fill"), user("vet"), end(f"ended_{number}"),
        line("begun", "fill", "vet", f"ended_{number}"),
    )  # fmt: skip


def turned() -> Mapping[str, bytes]:
    """A version without the task after the first."""
    return diagram(
        "case", start(), user("fill"), user("check"), end(),
        line("begun", "fill", "check", "ended"),
    )  # fmt: skip


def complete(instance_id: int, actor_id: int = CLERK) -> Act:
    with transaction(write=False):
        found = sa.select(WorkItem.id).where(
            WorkItem.instance_id == instance_id, WorkItem.status == "open"
        )
        item_id = db.session.scalars(found).one()

    def act() -> None:
        with transaction():
            item = db.session.get_one(WorkItem, item_id)
            runtime.complete(item, {"decision": "pass"}, actor_id=actor_id, now=NOON)

    return act


def at_vet(office: Office, number: int) -> int:
    instance_id = office.begin("case", business=("case", number))
    complete(instance_id)()
    return instance_id


def two_people(office: Office, number: int) -> tuple[Act, ...]:
    instance_id = at_vet(office, number)
    return complete(instance_id), complete(instance_id, LEADER)


def withdrawal(office: Office, number: int) -> tuple[Act, ...]:
    instance_id = at_vet(office, number)

    def take_back() -> None:
        with transaction():
            runtime.withdraw(("case", number), actor_id=9, now=NOON)

    return complete(instance_id), take_back


def deadline(office: Office, number: int) -> tuple[Act, ...]:
    instance_id = at_vet(office, number)

    def fire() -> None:
        if not workers.fire_due_timers(LATER):
            raise NothingFired

    return complete(instance_id), fire


def publish(office: Office, number: int) -> Act:
    def act() -> None:
        office.publish(renamed(number), key="case")

    return act


def start_of(office: Office, number: int) -> Act:
    def act() -> None:
        office.begin("case", business=("case", number))

    return act


def publication(office: Office, number: int) -> tuple[Act, ...]:
    return publish(office, number), publish(office, number), start_of(office, number)


def one_start(office: Office, number: int) -> tuple[Act, ...]:
    return start_of(office, number), start_of(office, number)


def move(instance_id: int, target_id: int) -> Act:
    def act() -> None:
        with transaction():
            instance = db.session.get_one(ProcessInstance, instance_id)
            target = db.session.get_one(ProcessVersion, target_id)
            migration.migrate(instance, target, reason="改版", actor_id=CLERK, now=NOON)

    return act


def back(instance_id: int) -> Act:
    def act() -> None:
        with transaction():
            instance = db.session.get_one(ProcessInstance, instance_id)
            migration.undo(instance, reason="有误", actor_id=CLERK, now=NOON)

    return act


def two_versions(office: Office, number: int) -> tuple[int, int]:
    """An instance of one version, and the next one, which is drawn otherwise."""
    office.publish(renamed(0), key="case")
    instance_id = office.begin("case", business=("case", number))
    with transaction():
        turned_version = definitions.publish_version(
            "case", "", turned(), {}, actor_id=None, now=NOON
        )
        return instance_id, turned_version.id


def move_and_step(office: Office, number: int) -> tuple[Act, ...]:
    instance_id, target_id = two_versions(office, number)
    return complete(instance_id), move(instance_id, target_id)


def undo_and_step(office: Office, number: int) -> tuple[Act, ...]:
    instance_id, target_id = two_versions(office, number)
    move(instance_id, target_id)()
    return complete(instance_id), back(instance_id)


RACES = (
    Race("complete/complete", two_people, ((("StaleTask", "done"), ("sign",)),)),
    Race(
        "complete/withdraw",
        withdrawal,
        (
            # Told before or after the lock that somebody has decided.
            (("AlreadyViewed", "done"), ("sign",)),
            (("NotWaiting", "done"), ("sign",)),
            (("StaleTask", "done"), ("fill",)),
        ),
    ),
    Race(
        "complete/timer",
        deadline,
        ((("NothingFired", "done"), ("sign",)), (("StaleTask", "done"), ("hurry",))),
    ),
    Race(
        "publish/publish/start",
        publication,
        ((("done", "done", "done"), ("fill",)), (("Conflict", "done", "done"), ("fill",))),
    ),
    Race("start/start", one_start, ((("Conflict", "done"), ("fill",)),)),
    Race(
        "migrate/complete",
        move_and_step,
        ((("CannotMigrate", "done"), ("vet",)), (("done", "done"), ("check",))),
    ),
    Race(
        "undo/complete",
        undo_and_step,
        ((("Conflict", "done"), ("check",)), (("done", "done"), ("vet",))),
    ),
)


def run(office: Office, race: Race, repeats: int, url: str) -> Counter[str]:
    """Run a race again and again; return how often each ending came. Raises Wrong."""
    office.publish(guarded(), key="case")
    seen: Counter[str] = Counter()
    for _ in range(repeats):
        number = next(_numbers)
        acts = race.prepare(office, number)
        ended = together(office, acts)
        left = tuple(_open(number))
        if (ended, left) not in race.endings:
            raise Wrong(f"{race.name}: {ended}, open: {left}")
        broken = broken_laws()
        if broken or _torn():
            raise Wrong(f"{race.name}: {broken or 'an instance without its bundle'}")
        seen["+".join(ended)] += 1
    if held_locks(url):
        raise Wrong(f"{race.name}: a lock is left behind")
    return seen


def together(office: Office, acts: tuple[Act, ...]) -> tuple[str, ...]:
    """Let threads begin their acts at the same moment; return how they ended, sorted."""
    barrier = threading.Barrier(len(acts))
    endings: list[str] = []

    def begin(act: Act) -> None:
        with office.app.app_context():
            barrier.wait(10)
            try:
                act()
                endings.append("done")
            except DomainError as refusal:
                endings.append(type(refusal).__name__)
            except Exception as error:
                endings.append(f"{type(error).__name__}: {error}")
            finally:
                db.session.remove()

    # Who comes to the barrier last goes first: let that be anybody.
    order = random.sample(acts, len(acts))
    threads = [threading.Thread(target=begin, args=(act,)) for act in order]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    if any(thread.is_alive() for thread in threads):
        raise Wrong("somebody waits for ever")
    return tuple(sorted(endings))


def _open(number: int) -> list[str]:
    with transaction(write=False):
        found = sa.select(WorkItem.node).where(
            WorkItem.status == "open", WorkItem.business_id == number
        )
        return list(db.session.scalars(found))


def _torn() -> list[int]:
    """Instances whose bundle is not that of their version."""
    with transaction(write=False):
        apart = (
            sa.select(ProcessInstance.id)
            .join(ProcessVersion, ProcessVersion.id == ProcessInstance.version_id)
            .where(ProcessVersion.bundle_hash != ProcessInstance.bundle_hash)
        )
        return list(db.session.scalars(apart))
