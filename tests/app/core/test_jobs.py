"""Jobs: asked for once, tried again, and given up rather than run for ever."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.core import jobs
from app.core.clock import now
from app.core.db import db, transaction
from app.core.jobs import Job
from app.engine import care
from app.engine.incidents import open_incidents
from tests.conftest import START


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    done: list[str] = []

    def work(payload: Mapping[str, Any]) -> None:
        if payload["name"] == "bad":
            raise ValueError("poisoned")
        done.append(payload["name"])

    monkeypatch.setitem(jobs._works, "work", work)
    return done


def ask(name: str) -> None:
    with transaction():
        jobs.enqueue("work", {"name": name}, key=name, now=now())


def states() -> dict[str, str]:
    with transaction(write=False):
        return {job.key: job.status for job in db.session.query(Job)}


def test_a_job_asked_for_twice_runs_once(app: Flask, ran: list[str]) -> None:
    ask("good")
    ask("good")
    assert (jobs.run_due_jobs(), jobs.run_due_jobs(), ran) == (1, 0, ["good"])


def test_a_poisoned_job_holds_up_no_other_and_is_given_up(
    app: Flask, ran: list[str], at: Callable[..., None]
) -> None:
    ask("bad")
    ask("good")
    for minute in range(6):
        at(START + timedelta(minutes=minute))
        jobs.run_due_jobs()
    assert ran == ["good"]
    assert states() == {"bad": "failed", "good": "done"}


def test_a_job_that_ends_its_process_is_given_up_too(
    app: Flask, ran: list[str], at: Callable[..., None]
) -> None:
    ask("good")
    for claim in range(jobs.MAX_ATTEMPTS):
        at(START + timedelta(minutes=6 * claim + 1))
        assert jobs._claim() is not None
    at(START + timedelta(hours=1))
    assert jobs.run_due_jobs() == 0
    assert (states(), ran) == ({"good": "failed"}, [])
    with transaction():
        (incident,) = open_incidents()
        assert (incident.job_key, incident.message) == ("good", jobs.Lost.default)
        care.retry(incident, actor_id=None, now=now())
    assert jobs.run_due_jobs() == 1
    assert (states(), ran) == ({"good": "done"}, ["good"])


def test_a_job_that_was_given_up_is_an_incident_and_its_retry_asks_for_it(
    app: Flask, ran: list[str], at: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask("bad")
    for minute in range(6):
        at(START + timedelta(minutes=minute))
        jobs.run_due_jobs()
    with transaction():
        (incident,) = open_incidents()
        assert (incident.job_key, incident.message) == ("bad", "ValueError: poisoned")
        care.retry(incident, actor_id=None, now=now())
        assert open_incidents() == []
    monkeypatch.setitem(jobs._works, "work", lambda payload: ran.append(payload["name"]))
    jobs.run_due_jobs()
    assert (states(), ran) == ({"bad": "done"}, ["bad"])


def test_what_a_refused_row_holds_reaches_nobody(
    app: Flask,
    at: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The database refuses it with what was to be written: no page, message or log may show it."""

    def work(payload: Mapping[str, Any]) -> None:
        del payload
        with transaction():
            private = Job(
                name="work", key="他人的隐私", payload={}, due_at=now(), status="unknown"
            )
            db.session.add(private)

    monkeypatch.setitem(jobs._works, "work", work)
    ask("refused")
    for minute in range(6):
        at(START + timedelta(minutes=minute))
        jobs.run_due_jobs()
    with transaction(write=False):
        [incident] = open_incidents()
        [job] = db.session.query(Job)
    assert (
        incident.message
        == job.last_error
        == ("数据不符合规则：写入的内容超出允许的取值（ck_job_status_is_known）")
    )
    assert "IntegrityError" in incident.detail
    assert "IntegrityError" in caplog.text
    assert "隐私" not in incident.detail + caplog.text
