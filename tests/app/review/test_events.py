"""Every act on a meeting leaves an audit event."""

import ast
from typing import Any

from flask import Flask
from sqlalchemy import select

from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.review import operations
from tests.architecture.source import files, functions
from tests.builders.people import employ
from tests.builders.review import a_meeting, play

READS = {"supervisors_for", "check_new_time", "term_of"}
# Of the accounts: an event for each person, which names the meeting (test_cards).
TOLD_OF_PEOPLE = {"issue_cards", "end_cards", "lose_card"}
# What is being typed is noted once it is sent up.
DRAFTS = {"keep_scheme"}


def _calls() -> dict[str, set[str]]:
    """What each function of the meeting's operations calls, by its name."""
    found: dict[str, set[str]] = {}
    for path in files("app/review/operations"):
        for function in functions(path):
            called = [n.func for n in ast.walk(function) if isinstance(n, ast.Call)]
            found[function.name] = {ast.unparse(each) for each in called}
    return found


def test_every_act_on_a_meeting_ends_in_an_event() -> None:
    calls = _calls()
    noted = {"audit.record", *TOLD_OF_PEOPLE}
    while more := {name for name, called in calls.items() if called & noted} - noted:
        noted |= more
    acts = {name for name in operations.__all__ if name in calls} - READS - DRAFTS
    assert len(acts) > 25
    assert sorted(acts - noted) == []


def events(tag: str) -> list[dict[str, Any]]:
    with transaction(write=False):
        kept = select(AuditEvent.data).where(AuditEvent.tag == tag).order_by(AuditEvent.id)
        return list(db.session.scalars(kept))


def test_a_case_taken_out_tells_which_recusals_went_with_it(app: Flask) -> None:
    held = a_meeting(cases=2)
    with transaction():
        meeting = held.meeting
        case, seat = meeting.cases[0], meeting.members[3]
        who: Any = {"actor_id": held.clerk_id, "now": now()}
        operations.recuse(meeting, case, seat, "亲属", **who)
        told = {
            "case": case.id,
            "declaration": case.declaration_id,
            "recused": [seat.person_id],
        }
        operations.remove_case(meeting, case, **who)
    assert events("meeting:case_removed") == [told]


def test_an_expert_taken_out_tells_which_recusals_went_with_them(app: Flask) -> None:
    held = a_meeting(cases=2)
    with transaction():
        meeting = held.meeting
        case, seat = meeting.cases[1], meeting.members[3]
        who: Any = {"actor_id": held.clerk_id, "now": now()}
        operations.recuse(meeting, case, seat, "亲属", **who)
        told = {"member": seat.person_id, "group": seat.group_id, "recused": [case.id]}
        operations.remove_member(meeting, seat, **who)
    assert events("meeting:member_removed") == [told]


def test_a_colleague_found_when_the_ballot_opens_is_noted(app: Flask) -> None:
    held = a_meeting(at="open_ballot", cases=1)
    with transaction():
        case, late = held.meeting.cases[0], held.member_ids[7]
        employ(held.person(late), case.declaration.unit)
        case_id = case.id
    play(held, "open_ballot")
    assert {"case": case_id, "member": late} in events("meeting:recused")


def test_scores_and_confirmations_are_noted(app: Flask) -> None:
    held = a_meeting(at="confirm_by_leader", cases=1)
    play(held, "confirm_by_leader", decision="return", opinion="请复核")
    with transaction(write=False):
        case = held.meeting.cases[0].id
    assert events("meeting:case_scored") == [{"case": case, "total": 80}]
    assert events("meeting:case_confirmed") == [{"case": case, "stage": "deputy"}]
    assert events("meeting:case_returned") == [{"case": case, "stage": "leader"}]
