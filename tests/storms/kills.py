"""A worker killed at any moment: what it said is stored, nothing is stored twice or by halves."""

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

import sqlalchemy as sa

from app.core.db import db, transaction
from app.engine.models import ProcessInstance, QueueRow, StepAnswers, StepLog, WorkItem
from tests.engine.kit import Office
from tests.storms.ground import broken_laws, held_locks
from tests.storms.races import Wrong
from tests.storms.worker import publish

LONGEST = 0.7


def run(office: Office, kills: int, url: str) -> int:
    """Start a worker and kill it, again and again; return how many acts were acknowledged."""
    publish(office)
    told: list[str] = []
    for number in range(kills):
        told += _killed(url, has_spoken=number % 2 == 0)
        wrong = broken_laws() + _torn(told)
        if wrong:
            raise Wrong(f"after a kill: {wrong}")
        if held_locks(url):
            raise Wrong("after a kill: a lock is left behind")
    if not told:
        raise Wrong("the worker never did anything")
    return len(told)


def _killed(url: str, *, has_spoken: bool) -> list[str]:
    """Let a worker work for a moment, kill it, and return what it had said.

    The moment begins when it is ready, or once it `has_spoken`: a busy machine may need long.
    """
    command = [sys.executable, "-m", "tests.storms.worker", url]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    assert worker.stderr is not None
    if worker.stdout.readline() != "ready\n":
        raise Wrong(worker.stderr.read())
    first = worker.stdout.readline() if has_spoken else ""
    moment = threading.Event()
    moment.wait(random.uniform(0.02, LONGEST))
    worker.kill()
    rest, failed = worker.communicate()
    said = first + rest
    if worker.returncode != -signal.SIGKILL:
        raise Wrong(f"the worker ended by itself: {failed}")
    _await_silence(url)
    # A last line may have been cut off by the kill.
    return said.splitlines() if said.endswith("\n") else said.splitlines()[:-1]


def _await_silence(url: str) -> None:
    """Give the server time to see that the connection is gone."""
    until = time.monotonic() + 5
    while not url.startswith("sqlite") and held_locks(url) and time.monotonic() < until:
        threading.Event().wait(0.02)


def _torn(told: Sequence[str]) -> list[str]:
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
    for line in told:
        word, number = line.split()
        if int(number) not in (done if word == "done" else cases):
            wrong.append(f"acknowledged and lost: {line}")
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
