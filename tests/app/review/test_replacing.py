"""A reviewer who cannot go on is replaced by another expert of the group (更换主审、副审)."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.models import Person
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict, Forbidden, Invalid
from app.engine import definitions, migration
from app.engine.models import ProcessInstance
from app.inbox.operations import save_draft
from app.review import operations, queries
from app.review.operations.reviewers import eligible_reviewers
from app.units.flow import flow_log
from tests.builders.flow import open_items
from tests.builders.review import Held, a_meeting, first_case, marks, play

Sign = Callable[..., Any]


def reader(held: Held, seat: str) -> int:
    with transaction(write=False):
        return int(getattr(first_case(held), f"{seat}_reviewer_id"))


def leader(held: Held) -> int:
    with transaction(write=False):
        return first_case(held).group.leader_id or 0  # type: ignore[union-attr]


def stand_by(held: Held) -> int:
    """Who of the group may read the case and does not yet."""
    with transaction(write=False):
        case = first_case(held)
        assert case.group is not None
        readers = {case.main_reviewer_id, case.deputy_reviewer_id}
        return next(each for each in eligible_reviewers(case.group, case) if each not in readers)


def replace(held: Held, seat: str, person_id: int, *, by: int, reason: str = "突发疾病") -> None:
    with transaction():
        operations.replace_reviewer(
            first_case(held), seat, person_id, reason, actor_id=by, now=now()
        )


def assignees(held: Held) -> list[tuple[str, int | None]]:
    with transaction(write=False):
        case = first_case(held)
        return [(item.node, item.assignee_id) for item in open_items(("case", case.id))]


def test_the_open_task_goes_to_the_new_main_reviewer(app: Flask) -> None:
    held = a_meeting(at="score_case", cases=1)
    former, new = reader(held, "main"), stand_by(held)
    with transaction():
        item = open_items(("case", first_case(held).id))[0]
        save_draft(item, {"opinion": "写了一半"}, person_id=former, now=now())
    replace(held, "main", new, by=leader(held))
    assert assignees(held) == [("score_case", new)]
    play(held, "score_case")
    with transaction(write=False):
        case = first_case(held)
        assert case.main_reviewer_id == new
        assert [opinion.person_id for opinion in queries.opinions_of(case.id)] == [new]


def test_a_replacement_keeps_a_migration_from_being_undone(app: Flask) -> None:
    held = a_meeting(at="score_case", cases=1)
    new = stand_by(held)

    def instance() -> ProcessInstance:
        return open_items(("case", first_case(held).id))[0].instance

    with transaction():
        bundle = definitions.bundle_of(instance().version)
        files = {name: text.encode() for name, text in bundle.files.items()}
        target = definitions.publish_version(
            "material_review", "", files, bundle.forms, actor_id=None, now=now()
        )
        migration.migrate(instance(), target, reason="流程改版", actor_id=None, now=now())
    replace(held, "main", new, by=leader(held))
    with transaction(), pytest.raises(Conflict, match="迁移后流程已继续办理"):
        migration.undo(instance(), reason="改版有误", actor_id=None, now=now())
    assert assignees(held) == [("score_case", new)]


def test_a_sheet_of_the_former_main_reviewer_is_not_the_new_ones(app: Flask) -> None:
    held = a_meeting(at="confirm_by_deputy", cases=1)
    play(held, "confirm_by_deputy", decision="return", opinion="请复核")
    former = reader(held, "main")
    replace(held, "main", stand_by(held), by=leader(held))
    with transaction(write=False):
        case = first_case(held)
        assert queries.scores_of(case.id) == {}
        assert case.total_score is None
        assert queries.opinions_of(case.id)[0].person_id == former


def test_the_deputy_is_replaced_while_the_confirmation_waits(app: Flask) -> None:
    held = a_meeting(at="confirm_by_deputy", cases=1)
    new = stand_by(held)
    replace(held, "deputy", new, by=leader(held))
    assert assignees(held) == [("confirm_by_deputy", new)]
    play(held, "confirm_by_deputy")
    play(held, "confirm_by_leader")
    play(held, "confirm_by_director")
    with transaction(write=False):
        assert first_case(held).state.label == "评分已确认"


def test_who_has_done_their_part_is_not_replaced(app: Flask) -> None:
    held = a_meeting(at="confirm_by_deputy", cases=1)
    new, by = stand_by(held), leader(held)
    with pytest.raises(Conflict, match="主审已完成办理"):
        replace(held, "main", new, by=by)
    play(held, "confirm_by_deputy")
    with pytest.raises(Conflict, match="副审已完成办理"):
        replace(held, "deputy", new, by=by)


def test_only_the_leader_replaces_and_only_by_who_may_read(app: Flask) -> None:
    held = a_meeting(at="score_case", cases=1)
    new, by = stand_by(held), leader(held)
    with pytest.raises(Forbidden, match="组长"):
        replace(held, "main", new, by=held.clerk_id)
    with pytest.raises(Invalid, match="填写原因"):
        replace(held, "main", new, by=by, reason=" ")
    with pytest.raises(Invalid, match="已是本材料"):
        replace(held, "main", reader(held, "deputy"), by=by)
    for wrong in (by, held.director_id, held.member_ids[-1]):
        with pytest.raises(Invalid, match="不在本组"):
            replace(held, "main", wrong, by=by)
    with transaction():
        case = first_case(held)
        seat = next(each for each in held.meeting.members if each.person_id == new)
        operations.recuse(held.meeting, case, seat, "亲属", actor_id=held.clerk_id, now=now())
    with pytest.raises(Invalid, match="须回避"):
        replace(held, "main", new, by=by)


def test_the_replaced_may_be_recused_and_does_no_more(app: Flask) -> None:
    held = a_meeting(at="score_case", cases=1)
    former = reader(held, "main")
    replace(held, "main", stand_by(held), by=leader(held))
    with transaction():
        case = first_case(held)
        given = [
            operations.Mark(row["indicator"], row["value"], row["comment"])
            for row in marks(held.meeting)
        ]
        with pytest.raises(Forbidden, match="主审"):
            operations.score_case(case, given, "同意", actor_id=former, now=now())
        seat = next(each for each in held.meeting.members if each.person_id == former)
        operations.recuse(held.meeting, case, seat, "亲属", actor_id=held.clerk_id, now=now())


def test_the_page_of_the_replaced_says_so_and_leads_on(app: Flask, client_for: Sign) -> None:
    held = a_meeting(at="score_case", cases=1)
    former, new = reader(held, "main"), stand_by(held)
    with transaction(write=False):
        url = f"/tasks/{open_items(('case', first_case(held).id))[0].id}"
        people = {each: held.person(each) for each in (former, new, held.member_ids[-1])}
    browser = client_for(people[former])
    assert browser.get(url).status_code == 200
    replace(held, "main", new, by=leader(held))
    for answer in (browser.post(url, {"decision": "pass", "opinion": "同意"}), browser.get(url)):
        assert answer.status_code == 409
        assert "您已被更换，这份材料的主审由其他专家接替" in answer.text
        assert f'href="/meetings/{held.id}">返回评审会议</a>' in answer.text
    assert browser.get(f"/meetings/{held.id}").status_code == 200
    # Who never read it learns nothing, and who reads it now goes on.
    assert client_for(people[held.member_ids[-1]]).get(url).status_code == 403
    assert client_for(people[new]).get(url).status_code == 200


def test_the_log_and_the_auditor_see_who_was_replaced_and_why(app: Flask) -> None:
    held = a_meeting(at="score_case", cases=1)
    former, new, by = reader(held, "main"), stand_by(held), leader(held)
    replace(held, "main", new, by=by)
    with transaction(write=False):
        names = {each: db.session.get_one(Person, each).name for each in (former, new, by)}
        case = first_case(held)
        line = flow_log(("case", case.id))[-2]
        assert line.outcome == f"主审由{names[former]}改为{names[new]}"
        assert (line.role_name, line.actor_name, line.note) == ("组长", names[by], "突发疾病")
        kept = select(AuditEvent.data).where(AuditEvent.tag == "meeting:reviewer_replaced")
        assert db.session.scalars(kept).one() == {
            "case": case.id,
            "seat": "main",
            "former": former,
            "successor": new,
            "reason": "突发疾病",
        }


def test_the_leader_replaces_on_a_page(app: Flask, client_for: Sign) -> None:
    held = a_meeting(at="score_case", cases=2)
    former, new, by = reader(held, "main"), stand_by(held), leader(held)
    with transaction(write=False):
        people = {each: held.person(each) for each in (by, former, new)}
        case, other = held.meeting.cases
        page = f"/meetings/{held.id}/cases/{case.id}/reviewers"
        foreign = f"/meetings/{held.id}/cases/{other.id}/reviewers"
    chief = client_for(people[by])
    assert page in chief.get(f"/meetings/{held.id}").text
    assert foreign not in chief.get(f"/meetings/{held.id}").text
    assert chief.get(foreign).status_code == 404
    assert client_for(people[former]).get(page).status_code in {403, 404}
    shown = chief.get(page)
    assert f'value="{new}"' in shown.text
    assert f'value="{former}"' not in shown.text
    typed = {"seat": "main", "person_id": str(new), "reason": ""}
    refused = chief.post(page, typed)
    assert refused.status_code == 422
    assert "请填写原因" in refused.text
    assert chief.post(page, {**typed, "reason": "住院"}).status_code == 303
    assert "主审打分" in client_for(people[new]).get("/tasks").text
    told = chief.get(f"/meetings/{held.id}/cases/{case.id}").text
    assert f"主审由{people[former].name}改为{people[new].name}" in told
