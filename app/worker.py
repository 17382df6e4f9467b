"""What happens without anybody clicking: messages, timers, jobs, seals, sweeping."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from apscheduler.events import EVENT_ALL, SchedulerEvent
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask

from app.accounts.addresses import sweep_attempts
from app.accounts.mail_links import sweep_links
from app.accounts.operations import sweep_sessions
from app.accounts.signing_in import sweep_names
from app.admin.ending import ask_for_warnings
from app.core import audit, jobs, looking, mail, parts, sweeping
from app.core.clock import now
from app.core.db import db, transaction
from app.core.repeats import sweep_request_keys
from app.engine import health, workers
from app.imports import work
from app.imports.operations import sweep_imports
from app.inbox.operations import sweep_drafts
from app.openid.operations import sweep_answers
from app.people.exports import sweep_exports
from app.people.registering import sweep_registrations
from app.portfolio import bulk

log = logging.getLogger(__name__)
T = TypeVar("T")
TICK_SECONDS = 2
SEND_SECONDS = 5
SEAL_SECONDS = 30
SWEEP_MINUTES = 60
HANGS_AFTER = timedelta(minutes=10)
BATCH = 100
SEALED_AT_ONCE = 500


def tick() -> int:
    """Deliver messages, fire due timers and run due jobs; returns how much moved.

    Every row is claimed in the transaction of its effect, so several workers do no harm.
    """
    with transaction(write=False):
        moment = now()
        beats = health.is_beat_due(moment)
    if beats:
        with transaction():
            health.beat(moment)
    moved = workers.deliver_messages(moment, BATCH)
    moved += workers.fire_due_timers(moment, BATCH)
    return moved + jobs.run_due_jobs(BATCH)


def send() -> int:
    """Hand letters in, which waits for another machine; returns how many were tried."""
    return jobs.run_due_jobs(BATCH, lane=mail.LANE)


def take_in() -> int:
    """Check and write imports, which takes long; returns how many jobs were done."""
    return jobs.run_due_jobs(BATCH, lane=work.LANE)


def vet() -> int:
    """Carry out decisions on many items; returns how many jobs were done."""
    return jobs.run_due_jobs(BATCH, lane=bulk.LANE)


def drain(rounds: int = 1000) -> None:
    """Tick until nothing moves; RuntimeError when it never comes to rest."""
    for _ in range(rounds):
        if tick() + send() + take_in() + vet() + looking.look_again() == 0:
            return
    msg = "the queues do not come to rest"
    raise RuntimeError(msg)


def seal() -> None:
    """Chain the audit events written since the last time."""
    sealed = SEALED_AT_ONCE
    while sealed == SEALED_AT_ONCE:
        with transaction():
            sealed = audit.seal_events(SEALED_AT_ONCE)


FORGETTING: tuple[Callable[[datetime], list[str]], ...] = (
    sweeping.sweep_staged,
    sweeping.sweep_let_go,
    sweep_exports,
    sweep_imports,
)
"""Chores that forget files, and return the hashes of their bytes."""
CHORES: tuple[Callable[[datetime], object], ...] = (
    parts.sweep_uploads,
    sweep_request_keys,
    sweep_attempts,
    sweep_answers,
    sweep_names,
    sweep_sessions,
    sweep_links,
    sweep_registrations,
    mail.sweep_mail,
    sweep_drafts,
    ask_for_warnings,
)


def _swept(chore: Callable[[datetime], T]) -> T | None:
    """Do a chore in a transaction of its own: one that fails holds up none of the others."""
    try:
        with transaction():
            return chore(now())
    except Exception:
        log.exception("a chore failed: %s", chore.__name__)
        return None


def sweep() -> None:
    """Forget uploads nobody linked, exports, imports, drafts of done tasks, keys, addresses."""
    hashes = [sha256 for forget in FORGETTING for sha256 in _swept(forget) or ()]
    for chore in CHORES:
        _swept(chore)
    with transaction(write=False):
        sweeping.sweep_bytes(hashes)
    with transaction(write=False):
        sweeping.sweep_strays(now())
    with transaction(write=False):
        parts.sweep_parts()


def ask_once() -> None:
    """Ask for the warnings of the day: of a server that began since, or whose clock moved on."""
    _swept(ask_for_warnings)


@dataclass
class _Run:
    """A run of a chore: when it began, and when it was warned of or began."""

    since: float
    told: float


class Overruns:
    """Warns of a chore whose run does not come to an end; one that merely takes long is normal."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Keep the clock, which tells seconds."""
        self._clock = clock
        self._runs: dict[str, _Run] = {}

    @contextmanager
    def watch(self, chore: str) -> Iterator[None]:
        """Count the time of a chore until it ends."""
        moment = self._clock()
        self._runs[chore] = _Run(moment, moment)
        try:
            yield
        finally:
            del self._runs[chore]

    def __call__(self, _event: SchedulerEvent) -> None:
        """Look at all that run, whichever of them gave the occasion: some chore does each second.

        A chore that runs once an hour would otherwise be missed after an hour only.
        """
        moment = self._clock()
        for chore, run in list(self._runs.items()):
            if moment - run.told >= HANGS_AFTER.total_seconds():
                span = timedelta(seconds=round(moment - run.since))
                log.warning("the worker's chore %s has not come to an end for %s", chore, span)
                run.told = moment


def start_scheduler(app: Flask) -> BackgroundScheduler:
    """Run the worker inside the server process; the claimed rows are its memory."""
    # On a busy machine a run takes longer than its interval, and begins late: the library would
    # warn of each that is left out meanwhile, and leave out what is a second late.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
    normal = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
    scheduler = BackgroundScheduler(timezone="Asia/Shanghai", job_defaults=normal)
    overruns = Overruns()
    scheduler.add_listener(overruns, EVENT_ALL)
    chores = (
        (tick, {"seconds": TICK_SECONDS}),
        (send, {"seconds": SEND_SECONDS}),
        (take_in, {"seconds": SEND_SECONDS}),
        (vet, {"seconds": TICK_SECONDS}),
        (looking.look_again, {"seconds": SEAL_SECONDS}),
        (seal, {"seconds": SEAL_SECONDS}),
        (sweep, {"minutes": SWEEP_MINUTES}),
    )
    for chore, every in chores:
        scheduler.add_job(
            _in_app, "interval", args=(app, chore, overruns), id=chore.__name__, **every
        )
    # Chores come an hour after the start only: who restarts every night would warn nobody.
    scheduler.add_job(_in_app, args=(app, ask_once, overruns))
    scheduler.start()
    return scheduler


def _in_app(app: Flask, chore: Callable[[], object], overruns: Overruns) -> None:
    with app.app_context(), overruns.watch(chore.__name__):
        try:
            chore()
        except Exception:
            log.exception("the worker's chore failed; it is tried again")
        finally:
            db.session.remove()
