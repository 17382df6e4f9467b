"""The meeting from its call to its result, and every way back."""

import pytest
from flask import Flask

from app.core.db import transaction
from app.engine.models import ProcessInstance, QueueRow, StepLog
from app.review import queries
from tests.builders.flow import open_items
from tests.builders.review import a_meeting, case_ids, cast_as, check_in, play

pytestmark = pytest.mark.database


def nodes(held: object) -> list[str]:
    with transaction(write=False):
        return [item.node for item in open_items(held.business)]  # type: ignore[attr-defined]


def test_a_meeting_runs_from_its_call_to_its_published_result(app: Flask) -> None:
    from random import Random

    held = a_meeting(at="close_ballot")
    order = case_ids(held)
    for person_id in held.member_ids:
        cast_as(held, person_id, dict.fromkeys(order, "y"), Random(person_id))
    play(held, "close_ballot")
    assert nodes(held) == ["confirm_result"]
    play(held, "confirm_result")
    with transaction(write=False):
        meeting = held.meeting
        assert meeting.status == "confirmed"
        assert {case.status for case in meeting.cases} == {"passed"}
