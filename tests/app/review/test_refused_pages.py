"""A refusal is read on the page where the work was done, and nothing typed there is lost."""

import re
from collections.abc import Callable
from typing import Any

from flask import Flask

from app.accounts.models import Person
from app.core.db import db, transaction
from tests.builders.review import a_meeting, an_accepted_declaration, an_expert, play

Sign = Callable[..., Any]


def signed_in(client_for: Sign, person_id: int) -> Any:
    with transaction(write=False):
        person = db.session.get_one(Person, person_id)
    return client_for(person)


def test_before_there_is_a_roll_the_ballot_says_so(app: Flask, client_for: Sign) -> None:
    held = a_meeting(at="prepare_roll", cases=1)
    member = signed_in(client_for, held.member_ids[0])
    early = member.get(f"/meetings/{held.id}/ballot")
    assert early.status_code == 409
    assert "尚未生成票源，请等待会议经办人完成签到并生成票源" in early.text
    assert "票源名单" not in early.text
    assert member.post(f"/meetings/{held.id}/ballot", {}).status_code == 409


def ticked(text: str, name: str = "id") -> set[str]:
    boxes = re.findall(rf'<input[^>]*name="{name}"[^>]*>', text)
    return {
        re.findall(r'value="(\d+)"', box)[0] for box in boxes if re.search(r"\schecked\b", box)
    }


def test_a_full_group_is_told_on_the_page_with_the_ticks_kept(
    app: Flask, client_for: Sign
) -> None:
    held = a_meeting(cases=1)
    with transaction():
        groups = held.meeting.groups
        groups[1].size += 1
        group_id = groups[1].id
        chosen = {str(an_expert(name).id) for name in ("甲", "乙", "丙")}
    clerk = signed_in(client_for, held.clerk_id)
    full = clerk.post(
        f"/meetings/{held.id}/members", {"id": sorted(chosen), "group_id": str(group_id)}
    )
    assert full.status_code == 409
    assert "第2组已满" in full.text
    assert "从专家库选择" in full.text
    assert ticked(full.text) == chosen
    assert f'<option value="{group_id}" selected>第2组（' in full.text
    with transaction(write=False):
        assert [seat.person_id for seat in held.meeting.members] == held.member_ids


def test_a_declaration_taken_meanwhile_is_told_with_the_ticks_of_its_own_list(
    app: Flask, client_for: Sign
) -> None:
    held = a_meeting(cases=2)
    with transaction():
        meeting = held.meeting
        taken = meeting.cases[0].declaration
        free = an_accepted_declaration(meeting.plan, taken.unit, name="未参评")
        posted = [str(free.id), str(taken.id)]
    clerk = signed_in(client_for, held.clerk_id)
    refused = clerk.post(f"/meetings/{held.id}/cases", {"id": posted})
    assert refused.status_code == 409
    assert "该材料已在本次会议中" in refused.text
    # The other list of the page numbers its cases from one as well.
    assert ticked(refused.text) == {posted[0]}


def test_appointments_that_come_too_late_are_told_on_the_page(
    app: Flask, client_for: Sign
) -> None:
    held = a_meeting(at="appoint_directors", cases=1)
    chosen = str(held.member_ids[1])
    with transaction():
        held.meeting.status = "scoring"
    clerk = signed_in(client_for, held.clerk_id)
    refused = clerk.post(f"/meetings/{held.id}/directors", {"director_id": chosen})
    assert refused.status_code == 409
    assert "会议当前为“材料评审”" in refused.text
    assert ticked(refused.text, "director_id") == {chosen}


def test_leaders_that_come_too_late_are_told_on_the_page(app: Flask, client_for: Sign) -> None:
    held = a_meeting(at="appoint_leaders", cases=1)
    with transaction():
        meeting = held.meeting
        meeting.status = "scoring"
        answers = {
            f"leader-{group.id}": str(group.members[-1].person_id) for group in meeting.groups
        }
    director = signed_in(client_for, held.director_id)
    refused = director.post(f"/meetings/{held.id}/leaders", answers)
    assert refused.status_code == 409
    for name, person in answers.items():
        assert ticked(refused.text, name) == {person}


def test_a_task_done_meanwhile_says_so_instead_of_showing_its_page(
    app: Flask, client_for: Sign
) -> None:
    held = a_meeting(at="appoint_directors", cases=1)
    play(held, "appoint_directors")
    clerk = signed_in(client_for, held.clerk_id)
    late = clerk.post(f"/meetings/{held.id}/directors", {"director_id": str(held.director_id)})
    assert late.status_code == 409
    assert "请返回会议查看进度" in late.text
    assert 'name="director_id"' not in late.text
