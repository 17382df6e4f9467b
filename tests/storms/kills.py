"""A worker killed at any moment: what it said is stored, nothing is stored twice or by halves."""

import multiprocessing
import random
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from multiprocessing.connection import Connection

import sqlalchemy as sa

from app.core.db import db, transaction
from app.engine.models import ProcessInstance, QueueRow, StepAnswers, StepLog, WorkItem
from tests.engine.kit import Office
from tests.storms.ground import broken_laws, held_locks
from tests.storms.races import Wrong
from tests.storms.worker import Said, publish, work

MOST, LONGEST = 7, 0.05
"""How many acts a worker does before it is killed, and how many seconds later that is, at most."""
# A server that has read all code, and opened nothing, forks the workers: to begin is cheap.
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["__main__", work.__module__])


def run(office: Office, kills: int, url: str) -> int:
    """Start a worker and kill it, again and again; return how many acts were acknowledged."""
    publish(office)
    told: list[Said] = []
    for _ in range(kills):
        # Nobody else is connected, as where the one server of an instance dies.
        db.engine.dispose()
        told += _killed(url)
        wrong = broken_laws() + _torn(told)
        if wrong:
            raise Wrong(f"after a kill: {wrong}")
        if held_locks(url):
            raise Wrong("after a kill: a lock is left behind")
    if not told:
        raise Wrong("the worker never did anything")
    return len(told)


def _killed(url: str) -> list[Said]:
    """Let a worker do some acts, kill it in the midst of what follows; return what it had said.

    How long it lives is counted in acts before it is in time: a busy machine may need long.
    """
    heard, told = _forks.Pipe(duplex=False)
    worker = _forks.Process(target=work, args=(url, told))
    worker.start()
    told.close()
    said = _said(heard)
    next(said, None)  # that it is ready
    first = list(islice(said, random.randint(0, MOST)))
    threading.Event().wait(random.uniform(0, LONGEST))
    worker.kill()
    worker.join()
    if worker.exitcode != -signal.SIGKILL:
        raise Wrong(f"the worker ended by itself: {worker.exitcode}")
    _await_silence(url)
    return [*first, *said]


def _said(heard: Connection) -> Iterator[Said]:
    """Yield what is said as long as anybody can say something."""
    with heard:
        while True:
            try:
                yield heard.recv()
            except EOFError:
                return


def _await_silence(url: str) -> None:
    """Give the server time to see that the connection is gone."""
    until = time.monotonic() + 5
    while not url.startswith("sqlite") and held_locks(url) and time.monotonic() < until:
        threading.Event().wait(0.02)


def _torn(told: Sequence[Said]) -> list[str]:
    """Return what was said and is not stored, and what was stored by halves or twice."""
    with transaction(write=False):
        done = set(db.session.scalars(sa.select(WorkItem.id).where(WorkItem.status == "done")))
        cases = set(_businesses("case"))
        answers = _count(StepAnswers.work_item_id)
        logged = _count(StepLog.id, StepLog.kind == "task")
        asked = _count(StepLog.id, StepLog.node.in_(("ask", "tell")))
        queued = _count(QueueRow.id)
        delivered = _count(QueueRow.id, QueueRow.status == "done", QueueRow.kind == "start")
        echoes = _businesses("echo")
    wrong = []
    for word, number in told:
        if number not in {"done": done, "begun": cases}[word]:
            wrong.append(f"acknowledged and lost: {word} {number}")
    if not len(done) == answers == logged:
        wrong.append(f"{len(done)} tasks, {answers} answers, {logged} lines of the log")
    if asked != queued:
        wrong.append(f"{asked} requests made, {queued} queued")
    if delivered != len(echoes) or len(set(echoes)) != len(echoes):
        wrong.append(f"{delivered} starts delivered, {len(echoes)} instances started")
    return wrong


def _businesses(key: str) -> list[int]:
    found = sa.select(ProcessInstance.business_id).where(ProcessInstance.process_key == key)
    return list(db.session.scalars(found))


def _count(column: sa.orm.InstrumentedAttribute[int], *where: sa.ColumnElement[bool]) -> int:
    return db.session.scalar(sa.select(sa.func.count(column)).where(*where)) or 0
