"""People who act in the same moment: threads that begin together."""

import threading
from collections.abc import Callable
from functools import partial

from flask import Flask

from app.core.clock import now
from app.core.db import db, transaction

Act = Callable[[], object]
WAIT = 60


def together(app: Flask, *acts: Act) -> list[Exception | None]:
    """Let threads begin their acts together; what each of them failed with, in their order."""
    barrier = threading.Barrier(len(acts))

    def begin(act: Act) -> None:
        barrier.wait(WAIT)
        act()

    return _run(app, [partial(begin, act) for act in acts])


def together_inside(app: Flask, *acts: Act, look: Act = now) -> list[Exception | None]:
    """Let threads act together, each in a transaction that has looked before anybody acts.

    On SQLite writers come one after the other: they begin together and look when it is their turn.
    """
    barrier = threading.Barrier(len(acts))

    def begin(act: Act) -> None:
        queues = db.engine.dialect.name == "sqlite"
        if queues:
            barrier.wait(WAIT)
        with transaction():
            seen = look()
            if not queues:
                barrier.wait(WAIT)
            act()
            del seen  # held so far: what was read is not read anew

    return _run(app, [partial(begin, act) for act in acts])


def _run(app: Flask, acts: list[Act]) -> list[Exception | None]:
    failed: list[Exception | None] = [None] * len(acts)

    def run(place: int, act: Act) -> None:
        with app.app_context():
            try:
                act()
            except Exception as failure:  # whatever it is, the test reads it
                failed[place] = failure
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert not any(thread.is_alive() for thread in threads), "they wait for each other"
    return failed
