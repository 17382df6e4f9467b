"""The chores of the worker: what is normal on a busy machine is not warned of, what hangs is."""

import threading

import pytest
from apscheduler.events import EVENT_JOB_MAX_INSTANCES, EVENT_JOB_SUBMITTED, SchedulerEvent
from flask import Flask

from app import worker


def test_a_chore_that_takes_longer_than_its_interval_is_normal_and_one_that_fails_is_not(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    skipped = threading.Event()

    def slow() -> None:
        skipped.wait(20)
        raise ValueError

    monkeypatch.setattr(worker, "tick", slow)
    monkeypatch.setattr(worker, "TICK_SECONDS", 0.02)
    scheduler = worker.start_scheduler(app)
    scheduler.add_listener(lambda _event: skipped.set(), EVENT_JOB_MAX_INSTANCES)
    try:
        assert skipped.wait(20)
        graces = [each.misfire_grace_time for each in scheduler.get_jobs()]
        assert graces == [None] * len(graces), "what begins late is not left out"
    finally:
        scheduler.shutdown(wait=True)
    told = {each.getMessage() for each in caplog.records if each.levelname != "INFO"}
    assert told == {"the worker's chore failed; it is tried again"}


def test_a_chore_that_hangs_is_warned_of_whichever_other_begins(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = [0.0]
    overruns = worker.Overruns(lambda: 60 * clock[0])

    def told(*minutes: float) -> list[str]:
        caplog.clear()
        for clock[0] in minutes:
            overruns(SchedulerEvent(EVENT_JOB_SUBMITTED))
        return [each.getMessage().partition(" for ")[2] for each in caplog.records]

    with overruns.watch("sweep"):
        assert told(0, 5, 9.9) == []
        assert told(10, 11, 19) == ["0:10:00"]
        assert told(20.5) == ["0:20:30"]
    assert told(40) == []
