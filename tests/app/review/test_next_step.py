"""The page of a meeting tells everybody what is theirs to do, and whom it waits for."""

from collections.abc import Callable
from typing import Any

from flask import Flask

from app.core.db import transaction
from tests.builders.flow import open_items
from tests.builders.people import person
from tests.builders.results import a_publicity
from tests.builders.review import Held, a_meeting, check_in, play

Sign = Callable[..., Any]


def seen(client_for: Sign, held: Held, person_id: int) -> str:
    return str(client_for(person(person_id)).get(f"/meetings/{held.id}").text)


def test_everybody_reads_whom_the_meeting_waits_for(app: Flask, client_for: Sign) -> None:
    held = a_meeting(at="approve_scheme")
    assert "当前环节：方案审核（组建单位领导）" in seen(client_for, held, held.clerk_id)
    assert "当前环节：" not in seen(client_for, held, held.leader_id)


def test_a_reviewer_finds_their_cases_on_the_page_of_the_meeting(
    app: Flask, client_for: Sign
) -> None:
    held = a_meeting(at="score_case", cases=2)
    with transaction(write=False):
        case = held.meeting.cases[0]
        item = open_items(("case", case.id), "score_case")[0]
        task, reviewer = item.id, item.assignee_id
        other = next(p for p in held.member_ids if p != reviewer)
    shown = seen(client_for, held, reviewer or 0)
    assert "主审打分：申报人01" in shown
    assert f'href="/tasks/{task}"' in shown
    assert f'href="/tasks/{task}"' not in seen(client_for, held, other)
    assert "2 份中 0 份已经主任确认" in seen(client_for, held, held.clerk_id)


def test_a_score_sheet_is_filled_one_by_one(app: Flask, client_for: Sign) -> None:
    held = a_meeting(at="score_case", cases=1)
    with transaction(write=False):
        item = open_items(("case", held.meeting.cases[0].id), "score_case")[0]
        task, reviewer = item.id, item.assignee_id
    browser = client_for(person(reviewer or 0))
    assert browser.get(f"/tasks/batch?id={task}").status_code == 303
    assert "该环节需要逐个办理" in browser.get("/tasks").text


def test_key_holders_are_told_to_take_their_codes(app: Flask, client_for: Sign) -> None:
    held = a_meeting(at="prepare_roll", cases=1)
    check_in(held)
    play(held, "prepare_roll")
    for holder in (held.director_id, held.clerk_id, held.supervisor_id):
        assert "领取密钥码" in seen(client_for, held, holder)
    assert "领取密钥码" not in seen(client_for, held, held.member_ids[3])


def test_no_link_leads_experts_to_what_they_may_no_longer_read(
    app: Flask, client_for: Sign
) -> None:
    held = a_publicity(cases=1).held
    with transaction(write=False):
        link = f'href="/meetings/{held.id}/cases/{held.meeting.cases[0].id}"'
    assert link not in seen(client_for, held, held.member_ids[2])
    assert link in seen(client_for, held, held.clerk_id)
