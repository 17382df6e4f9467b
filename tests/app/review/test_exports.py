"""The lists that the organiser takes away: experts, passed, failed (HB-C-15)."""

import csv
from collections.abc import Callable
from io import StringIO
from typing import Any

from flask import Flask

from app.core.audit import AuditEvent
from app.core.db import db, transaction
from tests.builders.people import a_person, person
from tests.builders.results import a_publicity
from tests.builders.review import Held, a_meeting

Sign = Callable[..., Any]


def table(browser: Any, held: Held, name: str) -> list[dict[str, str]]:
    answer = browser.get(f"/meetings/{held.id}/lists/{name}.csv")
    assert answer.status_code == 200
    assert answer.mimetype == "text/csv"
    return list(csv.DictReader(StringIO(answer.text.removeprefix("\ufeff"))))


def test_the_clerk_takes_the_three_lists_away_and_it_is_noted(
    app: Flask, client_for: Sign
) -> None:
    held = a_publicity(cases=3, passed=2).held
    clerk = client_for(person(held.clerk_id))
    members = table(clerk, held, "members")
    assert [row["姓名"] for row in members] == [f"专家{n:02d}" for n in range(1, 6)]
    assert members[0]["职务"] == "主任"
    assert members[0]["签到"] == "已签到"
    passed, failed = table(clerk, held, "passed"), table(clerk, held, "failed")
    assert [row["姓名"] for row in passed] == ["申报人01", "申报人02"]
    assert {(row["同意"], row["反对"], row["结论"]) for row in passed} == {("5", "0", "通过")}
    assert [(row["序号"], row["姓名"], row["结论"]) for row in failed] == [
        ("1", "申报人03", "未通过")
    ]
    with transaction(write=False):
        events = (
            db.session.query(AuditEvent).filter_by(tag="meeting:exported").order_by(AuditEvent.id)
        )
        told = [(event.actor_id, event.data["list"], event.data["rows"]) for event in events]
    assert told == [
        (held.clerk_id, n, r) for n, r in (("members", 5), ("passed", 2), ("failed", 1))
    ]


def test_no_result_leaves_the_meeting_before_it_is_confirmed(app: Flask, client_for: Sign) -> None:
    held = a_meeting(at="close_ballot", members=5, cases=1, groups=1)
    clerk = client_for(person(held.clerk_id))
    assert len(table(clerk, held, "members")) == 5
    refused = clerk.get(f"/meetings/{held.id}/lists/passed.csv")
    assert refused.status_code == 409
    assert "确认后才能导出" in refused.text
    assert clerk.get(f"/meetings/{held.id}/lists/votes.csv").status_code == 404


def test_experts_supervisors_and_strangers_take_nothing_away(app: Flask, client_for: Sign) -> None:
    held = a_publicity(cases=1).held
    with transaction():
        stranger = a_person("外单位经办", roles=[("meeting_clerk", "org", 99999)])
    address = f"/meetings/{held.id}/lists/passed.csv"
    asked = (held.member_ids[0], held.supervisor_id, stranger.id)
    answers = [client_for(person(each)).get(address).status_code for each in asked]
    assert answers == [403, 403, 404]
    leader = client_for(person(held.leader_id))
    assert leader.get(address, headers={"Sec-Purpose": "prefetch"}).status_code == 404
    assert leader.get(address).status_code == 200
