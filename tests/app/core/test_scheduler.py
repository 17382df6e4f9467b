"""The chores of the worker: what is normal on a busy machine is not warned of, what hangs is."""

import threading
from datetime import timedelta

import pytest
from apscheduler.events import (
    EVENT_JOB_EXECUTED,
    EVENT_JOB_MAX_INSTANCES,
    JobExecutionEvent,
    JobSubmissionEvent,
)
from flask import Flask

from app import worker
from tests.conftest import START


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
    finally:
        scheduler.shutdown(wait=True)
    told = {each.getMessage() for each in caplog.records if each.levelname != "INFO"}
    assert told == {"the worker's chore failed; it is tried again"}


def test_a_chore_that_hangs_is_warned_of_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    note = worker.Overruns()

    def left_out(*minutes: int) -> int:
        caplog.clear()
        for minute in minutes:
            moment = START + timedelta(minutes=minute)
            note(JobSubmissionEvent(EVENT_JOB_MAX_INSTANCES, "seal", "default", [moment]))
        return caplog.text.count("the worker's chore seal has not come to an end for 0:10:00")

    assert [left_out(0, 5, 9), left_out(10), left_out(19), left_out(20)] == [0, 1, 0, 1]
    note(JobExecutionEvent(EVENT_JOB_EXECUTED, "seal", "default", START))
    assert left_out(30, 39) == 0
