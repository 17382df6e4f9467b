"""The laws between tables: kept by what the platform does, and told when somebody breaks them."""

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.certificates.models import NumberSeries
from app.core.db import db, transaction
from app.core.invariants import check_all, laws
from app.engine.models import ProcessInstance, Subscription, Timer, WorkItem
from app.review.ballots import BallotBox
from tests.app.inbox.conftest import asked
from tests.builders.people import a_unit
from tests.builders.review import a_meeting
from tests.conftest import START


@pytest.fixture
def item_id(app: Flask) -> int:
    with transaction():
        return asked(a_unit(), "苏晓禾")


def broken() -> list[str]:
    with transaction(write=False):
        return check_all()


def test_every_room_with_laws_is_heard(app: Flask) -> None:
    rooms = {check.__module__.split(".")[1] for check in laws().values()}
    assert rooms >= {"core", "engine", "declarations", "review", "certificates"}


def test_a_task_of_a_process_that_has_ended_is_told(item_id: int) -> None:
    assert broken() == []
    with transaction():
        ended = {"status": "completed", "ended_at": START}
        db.session.execute(sa.update(ProcessInstance).values(**ended))
    assert [line for line in broken() if line.startswith("待办任务都属于")]


def test_a_process_that_waits_for_nothing_is_told(item_id: int) -> None:
    with transaction():
        db.session.execute(sa.update(WorkItem).values(status="cancelled"))
        db.session.execute(sa.delete(Subscription))
    assert [line for line in broken() if "停滞" in line]


def test_a_timer_of_a_process_that_has_ended_is_told(item_id: int) -> None:
    with transaction():
        instance = db.session.scalars(sa.select(ProcessInstance)).one()
        instance.status, instance.ended_at = "cancelled", START
        db.session.execute(sa.update(WorkItem).values(status="cancelled"))
        moment: dict[str, Any] = {"due_at": START, "try_at": START}
        db.session.add(Timer(instance_id=instance.id, task_uuid="x", node="x", **moment))
    assert [line for line in broken() if line.startswith("已结束的流程不再等待")]


def test_a_missing_certificate_number_is_told(app: Flask) -> None:
    with transaction():
        db.session.add(NumberSeries(jurisdiction="anhui", year=2026, code="990001", last=2))
    assert len([line for line in broken() if "缺号" in line]) == 2


def test_a_ballot_that_nobody_cast_is_told(app: Flask) -> None:
    meeting = a_meeting("close_ballot", members=9, cases=1, groups=1)
    assert broken() == []
    with transaction():
        box = BallotBox(id="0" * 32, meeting_id=meeting.id, round=1, sealed=b"x")
        db.session.add(box)
    assert [line for line in broken() if "票箱有 1 张，应为 0 张" in line]
