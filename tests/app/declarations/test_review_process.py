"""The way of a declaration through its offices: up, back, away, and nobody judges themself."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Notification, Person, RoleGrant
from app.accounts.operations import grant_role
from app.accounts.queries import people_with_role
from app.admin.words import event_name
from app.core.audit import AuditEvent
from app.core.clock import ZONE, now, set_clock
from app.core.db import db, transaction
from app.core.errors import Conflict, Forbidden, Invalid, StaleTask
from app.declarations import course, operations, queries
from app.declarations.models import Declaration, Status
from app.declarations.snapshots import changes_of
from app.engine import handlers, queue, runtime
from app.engine.models import ProcessInstance, QueueKind
from app.engine.walk import Walk
from app.units.queries import unit_of
from tests.builders.declarations import (
    a_chain,
    a_declaration,
    a_draft,
    golden_declaration,
    golden_plan,
)
from tests.builders.flow import do, drain, open_items, person_for
from tests.builders.golden_case import CLOSES, PASS, RETURN, SENT_UP, TERMINATE, VET_PASS
from tests.builders.people import a_person, a_unit, disable, slip_in_role, staff

Clock = Callable[[datetime], None]


def nodes(declaration: Declaration) -> list[str]:
    return [item.node for item in open_items(("declaration", declaration.id))]


def play(declaration: Declaration, node: str, answers: dict[str, Any], **who: Any) -> Person:
    return do(("declaration", declaration.id), node, answers, **who)


def messages(person_id: int) -> list[str]:
    told = db.session.query(Notification).filter_by(person_id=person_id)
    return [n.text for n in told.order_by(Notification.id)]


def finish(declaration: Declaration, outcome: str) -> None:
    with transaction():
        queue.append(
            QueueKind.MESSAGE,
            "review_finished",
            business=("declaration", declaration.id),
            unique=f"finish:{declaration.id}",
            now=now(),
            payload={"outcome": outcome},
        )
    drain()


def test_a_declaration_passes_every_office_and_is_finished_by_its_meeting(app: Flask) -> None:
    declaration = a_declaration(at="accepted")
    assert declaration.status == Status.ACCEPTED
    assert nodes(declaration) == []
    stages = [(o.stage, o.unit.name) for o in queries.opinions_of(declaration.id)]
    assert stages == [
        ("vet_declaration", "云桥区青禾小学"),
        ("endorse_declaration", "云桥区青禾小学"),
        ("vet_forwarded", "云桥区教育体育局"),
        ("endorse_forwarded", "云桥区教育体育局"),
        ("vet_forwarded", "淮城市教育局"),
        ("endorse_forwarded", "淮城市教育局"),
        ("accept_declaration", "淮城市教育局"),
    ]
    finish(declaration, "passed")
    assert db.session.get_one(Declaration, declaration.id).status == Status.PASSED
    running = db.session.query(ProcessInstance).filter_by(
        business_type="declaration", business_id=declaration.id
    )
    assert running.one().status == "completed"


def test_a_failed_review_is_entered_as_well(app: Flask) -> None:
    declaration = a_declaration(at="accepted")
    with transaction():
        operations.mark_in_meeting(queries.get_declaration(declaration.id), actor=None, now=now())
    finish(declaration, "failed")
    assert db.session.get_one(Declaration, declaration.id).status == Status.FAILED


@pytest.mark.parametrize(
    ("node", "occurrence"),
    [
        ("vet_declaration", 1),
        ("endorse_declaration", 1),
        ("vet_forwarded", 1),
        ("endorse_forwarded", 2),
        ("accept_declaration", 1),
    ],
)
def test_a_return_goes_to_the_applicant_with_every_defect_and_starts_again_at_the_unit(
    app: Flask, node: str, occurrence: int
) -> None:
    declaration = a_declaration(at=node, occurrence=occurrence)
    play(declaration, node, RETURN)
    assert declaration.status == Status.RETURNED
    assert nodes(declaration) == ["fill_declaration"]
    defects = queries.open_defects(declaration.id)
    assert [(d.section, d.remedy) for d in defects] == [
        ("basics", "按体检结果修改"),
        ("files", "重新扫描上传"),
    ]
    assert "共 2 处需要修改" in messages(declaration.person_id)[-1]
    play(declaration, "fill_declaration", {})
    assert nodes(declaration) == ["vet_declaration"]
    assert declaration.current_unit_id == declaration.unit_id
    assert queries.open_defects(declaration.id) == []


def test_a_return_without_defects_is_refused(app: Flask) -> None:
    declaration = a_declaration()
    with pytest.raises(Invalid, match="一次性告知"):
        play(declaration, "vet_declaration", {"decision": "return", "defects": []})


def test_the_reviewer_of_a_resubmission_sees_what_changed(app: Flask) -> None:
    declaration = a_declaration()
    play(declaration, "vet_declaration", RETURN)
    with transaction():
        found = queries.get_declaration(declaration.id)
        operations.save_field(found, "health", ["良好"], now=now())
    play(declaration, "fill_declaration", {})
    changes = [
        (c.section, c.label, c.before, c.after)
        for c in changes_of(queries.snapshots_of(declaration.id))
    ]
    assert changes == [("个人信息", "身体状况", "健康", "良好")]


def test_a_recommendation_needs_five_working_days_of_publicity(app: Flask) -> None:
    declaration = a_declaration()
    for wrong, message in (
        ({"publicity_to": "2026-11-19"}, "不少于 5 个工作日"),
        ({"publicity_from": "2026-11-20", "publicity_to": "2026-11-30"}, "尚未结束"),
        ({"publicity_to": "2026-11-15"}, "不能早于"),
        ({"publicity_from": "2026-11-12"}, "不能早于 2026-11-13"),
        ({"publicity_from": ""}, "公示日期"),
        ({"recommendation": " "}, "推荐意见"),
        ({"uses_post": ""}, "岗位职数"),
        ({"quota_note": ""}, "岗位职数"),
    ):
        with pytest.raises(Invalid, match=message):
            play(declaration, "vet_declaration", {**VET_PASS, **wrong})
    assert nodes(declaration) == ["vet_declaration"]


def test_a_termination_needs_a_reason_and_a_second_person(app: Flask) -> None:
    declaration = a_declaration()
    with pytest.raises(Invalid, match="原因"):
        play(declaration, "vet_declaration", {"decision": "terminate", "opinion": ""})
    clerk = play(declaration, "vet_declaration", TERMINATE)
    assert nodes(declaration) == ["confirm_termination"]
    with pytest.raises(Forbidden, match="第二人"):
        play(declaration, "confirm_termination", {"decision": "confirm"}, person=clerk)
    play(declaration, "confirm_termination", {"decision": "confirm"})
    assert declaration.status == Status.TERMINATED
    assert declaration.ended_reason == "任职年限不足"
    assert "任职年限不足" in messages(declaration.person_id)[-1]
    with transaction():
        reasons = operations.reasons_not_to_start(declaration.person, declaration.plan, now=now())
    assert any("本年度已有申报" in reason for reason in reasons)


def test_a_refused_termination_goes_back_to_the_clerk(app: Flask) -> None:
    declaration = a_declaration(at="vet_forwarded")
    play(declaration, "vet_forwarded", TERMINATE)
    play(declaration, "confirm_termination", {"decision": "reject", "opinion": "年限符合"})
    assert nodes(declaration) == ["vet_forwarded"]
    assert declaration.status == Status.IN_REVIEW


def test_the_organiser_terminates_with_its_leader(app: Flask) -> None:
    declaration = a_declaration(at="accept_declaration")
    play(declaration, "accept_declaration", TERMINATE)
    assert nodes(declaration) == ["confirm_termination"]
    play(declaration, "confirm_termination", {"decision": "confirm"})
    assert declaration.status == Status.TERMINATED


def test_an_organiser_without_a_second_person_cannot_terminate(app: Flask) -> None:
    declaration = a_declaration(at="accept_declaration")
    with transaction():
        disable(staff(declaration.plan.organiser_unit, "organiser_leader"))
    with pytest.raises(Conflict, match="第二人"):
        play(declaration, "accept_declaration", TERMINATE)
    assert nodes(declaration) == ["accept_declaration"]


def test_a_mended_one_that_is_taken_back_keeps_its_days_for_mending(app: Flask, at: Clock) -> None:
    declaration = a_declaration()
    at(CLOSES - timedelta(hours=1))
    play(declaration, "vet_declaration", RETURN)
    at(CLOSES + timedelta(days=1))
    play(declaration, "fill_declaration", {})
    with transaction():
        runtime.withdraw(
            ("declaration", declaration.id), actor_id=declaration.person_id, now=now()
        )
    assert declaration.status == Status.RETURNED
    assert len(queries.open_defects(declaration.id)) == 2
    play(declaration, "fill_declaration", {})
    assert declaration.status == Status.IN_REVIEW
    assert queries.open_defects(declaration.id) == []


def test_a_unit_without_a_leader_passes_on_alone_but_cannot_terminate_alone(
    app: Flask, at: Clock
) -> None:
    with transaction():
        present = now()
        set_clock(SENT_UP)
        city = a_unit("淮城市教育局", kind="机关", superior=True)
        school = a_unit("明德学校", kind="民办", parent=city, leader=False)
        person = a_person("左丘明珠", id_number="340000199003039023", unit=school)
        declaration = golden_declaration(golden_plan(city), person, complete=True)
    play(declaration, "fill_declaration", {})
    at(present)
    play(declaration, "vet_declaration", TERMINATE)
    assert open_items(("declaration", declaration.id))[0].scope_id == city.id
    play(declaration, "confirm_termination", {"decision": "reject", "opinion": "再核"})
    private = {k: v for k, v in VET_PASS.items() if k not in {"uses_post", "quota_note"}}
    play(declaration, "vet_declaration", private)
    assert nodes(declaration) == ["vet_forwarded"]
    recommendation = queries.recommendation_of(declaration.id)
    assert recommendation is not None
    assert recommendation.uses_post is None


def test_nobody_acts_on_their_own_application(app: Flask) -> None:
    declaration = a_declaration()
    with transaction():
        unit = unit_of(declaration.person_id)
        assert unit is not None
        grant_role(
            declaration.person,
            "unit_clerk",
            scope_kind="org",
            scope_id=unit.id,
            actor_id=None,
            now=now() - timedelta(days=1),
        )
    with pytest.raises(Forbidden, match="本人的申报"):
        play(declaration, "vet_declaration", VET_PASS, person=declaration.person)


def test_where_the_only_administrator_applies_the_office_above_reviews(app: Flask) -> None:
    with transaction():
        city, district, _school = a_chain()
        village = a_unit("柳溪乡中心学校", parent=district, clerk=False, leader=False)
        person = a_person(
            "娄山远",
            id_number="340000198008089017",
            roles=[("unit_admin", "org", village.id), ("unit_clerk", "org", village.id)],
            unit=village,
        )
        declaration = golden_declaration(golden_plan(city), person, complete=True)
    play(declaration, "fill_declaration", {})
    item = open_items(("declaration", declaration.id))[0]
    assert (item.node, item.scope_id) == ("vet_declaration", district.id)


def test_an_office_whose_only_reviewer_applies_is_passed_over(app: Flask) -> None:
    declaration = a_declaration(at="endorse_declaration")
    with transaction():
        district = declaration.unit.reports_to
        assert district is not None
        for person in people_with_role("superior_clerk", "org", district.id, now()):
            disable(person)
        with db.session.begin_nested() as tried:
            assert operations.move_up(declaration, now=now())
            assert declaration.current_unit == district, "no level is left out, it waits"
            tried.rollback()
        grant_role(
            declaration.person,
            "superior_clerk",
            scope_kind="org",
            scope_id=district.id,
            actor_id=None,
            now=now() - timedelta(days=1),
        )
    play(declaration, "endorse_declaration", PASS)
    item = open_items(("declaration", declaration.id))[0]
    assert (item.node, item.scope_id) == ("vet_forwarded", declaration.plan.organiser_unit_id)


def test_a_leaders_step_goes_by_its_handler_whatever_the_task_is_called(app: Flask) -> None:
    """A process admin may name tasks at length: opinions and the log keep the step's own name."""
    declaration = a_declaration(at="endorse_declaration")
    with transaction():
        [item] = open_items(("declaration", declaration.id))
        step = handlers.Step(item.instance, "n" * 90, {}, now(), person_for(item).id, item)
        handlers.save.get("endorse_declaration")(step, PASS)
        assert queries.opinions_of(declaration.id)[-1].stage == "endorse_declaration"
        tag = db.session.query(AuditEvent.tag).order_by(AuditEvent.id.desc()).limit(1).scalar()
        assert event_name(tag) == "单位领导审定申报"


def test_who_is_left_out_goes_by_the_handler_whatever_the_task_is_called(app: Flask) -> None:
    """A clerk's step leaves out nobody, a leader's step whoever vetted."""
    declaration = a_declaration(at="endorse_declaration")
    with transaction(write=False):
        [item] = open_items(("declaration", declaration.id))
        walk = Walk(item.instance, now())
        opened = walk.step(walk.ready_task(item))
        vets = replace(opened, node="n" * 90, save="vet_forwarded")
        leads = replace(opened, node="vet_forwarded")
        scope = handlers.scope.get("current_unit")
        found = [scope(step).excluded_id for step in (opened, vets, leads)]
    assert opened.save == "endorse_declaration"
    assert item.excluded_id is not None
    assert found == [item.excluded_id, None, item.excluded_id]


def take_back(declaration: Declaration) -> None:
    with transaction():
        runtime.withdraw(
            ("declaration", declaration.id), actor_id=declaration.person_id, now=now()
        )


def look_at(declaration: Declaration) -> None:
    with transaction():
        item = open_items(("declaration", declaration.id))[0]
        runtime.open_item(item, person_id=1, now=now())


def test_it_can_be_taken_back_until_somebody_has_opened_it(app: Flask) -> None:
    declaration = a_declaration()
    take_back(declaration)
    assert declaration.status == Status.DRAFT
    assert nodes(declaration) == ["fill_declaration"]
    play(declaration, "fill_declaration", {})
    look_at(declaration)
    with pytest.raises(runtime.AlreadyViewed):
        take_back(declaration)


@pytest.mark.parametrize("node", ["vet_forwarded", "accept_declaration"])
def test_who_decided_has_viewed_it_though_the_next_office_has_not(app: Flask, node: str) -> None:
    declaration = a_declaration(at=node)
    with pytest.raises(runtime.AlreadyViewed):
        take_back(declaration)


def test_a_rejected_end_does_not_undo_that_the_clerk_has_viewed_it(app: Flask) -> None:
    declaration = a_declaration()
    look_at(declaration)
    play(declaration, "vet_declaration", TERMINATE)
    play(declaration, "confirm_termination", {"decision": "reject", "opinion": "情况不符"})
    assert nodes(declaration) == ["vet_declaration"]
    with transaction(write=False):
        found = course.withdrawal_of(declaration, now())
    assert not found.is_possible
    assert found.text.startswith("云桥区青禾小学单位经办人已于")
    with pytest.raises(runtime.AlreadyViewed):
        take_back(declaration)


def test_what_was_viewed_before_a_return_does_not_count_in_the_next_round(app: Flask) -> None:
    declaration = a_declaration()
    look_at(declaration)
    play(declaration, "vet_declaration", RETURN)
    play(declaration, "fill_declaration", {})
    take_back(declaration)
    assert declaration.status == Status.RETURNED


def test_a_second_submission_is_refused(app: Flask) -> None:
    declaration = a_declaration(at="fill_declaration")
    with transaction(write=False):
        item = open_items(("declaration", declaration.id))[0]
    play(declaration, "fill_declaration", {})
    with pytest.raises(StaleTask), transaction():
        runtime.complete(item, {}, actor_id=declaration.person_id, now=now())


def test_the_deadline_is_judged_to_the_second(app: Flask, at: Clock) -> None:
    declaration = a_declaration(at="fill_declaration")
    at(CLOSES + timedelta(seconds=1))
    with pytest.raises(Conflict, match="2026-12-01 17:30"):
        play(declaration, "fill_declaration", {})
    at(CLOSES - timedelta(seconds=5))
    play(declaration, "fill_declaration", {})
    assert declaration.status == Status.IN_REVIEW


def test_a_returned_one_may_be_mended_after_the_deadline_for_five_working_days(
    app: Flask, at: Clock
) -> None:
    declaration = a_declaration()
    at(datetime(2026, 12, 7, 10, tzinfo=ZONE))
    play(declaration, "vet_declaration", RETURN)
    at(datetime(2026, 12, 15, 0, 0, 1, tzinfo=ZONE))
    with pytest.raises(Conflict, match="补正期限已过"):
        play(declaration, "fill_declaration", {})
    at(datetime(2026, 12, 14, 23, 0, tzinfo=ZONE))
    play(declaration, "fill_declaration", {})
    assert nodes(declaration) == ["vet_declaration"]


def test_an_incomplete_one_cannot_be_submitted(app: Flask) -> None:
    declaration = a_draft()
    with pytest.raises(Invalid) as refused:
        play(declaration, "fill_declaration", {})
    assert min(refused.value.errors) == "assessment"
    assert declaration.status == Status.DRAFT


def lead_too(declaration: Declaration, role: str, clerk: Person) -> None:
    """Make a clerk a leader of the office as well, as was possible once."""
    with transaction():
        slip_in_role(clerk, role, declaration.current_unit_id or 0)


@pytest.mark.parametrize("stage", ["declaration", "forwarded"])
def test_who_vetted_does_not_agree_to_the_same_as_its_leader(app: Flask, stage: str) -> None:
    declaration = a_declaration(at=f"vet_{stage}")
    vet, endorse = f"vet_{stage}", f"endorse_{stage}"
    with transaction(write=False):
        item = open_items(("declaration", declaration.id), vet)[0]
        clerk = person_for(item)
    lead_too(declaration, item.role.replace("clerk", "leader"), clerk)
    play(declaration, vet, VET_PASS if stage == "declaration" else PASS)
    with pytest.raises(Forbidden):
        play(declaration, endorse, PASS, person=clerk)
    with transaction(), pytest.raises(Forbidden, match="其他领导审定"):
        operations.endorse_declaration(
            queries.get_declaration(declaration.id), PASS, stage=endorse, actor=clerk, now=now()
        )
    assert play(declaration, endorse, RETURN).id != clerk.id


def test_an_office_whose_leader_is_disabled_decides_like_one_without(
    app: Flask, client_for: Callable[..., Any]
) -> None:
    declaration = a_declaration(at="vet_declaration")
    with transaction():
        above = declaration.unit.reports_to_id
        disable(staff(declaration.unit, "unit_leader"))
    play(declaration, "vet_declaration", TERMINATE)
    assert open_items(("declaration", declaration.id))[0].scope_id == above
    second = play(declaration, "confirm_termination", {"decision": "reject", "opinion": "再核"})
    with transaction(write=False):
        clerk = staff(declaration.unit, "unit_clerk")
        again = open_items(("declaration", declaration.id))[0]
    page = client_for(clerk).get(f"/tasks/{again.id}").text
    assert f"单位领导 · {second.name} · " in page, "whose opinion it was, whatever the step"
    play(declaration, "vet_declaration", VET_PASS)
    assert nodes(declaration) == ["vet_forwarded"]


def test_where_the_only_leader_vetted_the_superior_decides(app: Flask) -> None:
    declaration = a_declaration(at="vet_declaration")
    with transaction():
        clerk = person_for(open_items(("declaration", declaration.id))[0])
        held = db.session.query(RoleGrant).filter_by(
            role="unit_leader", scope_id=declaration.unit_id
        )
        held.one().person_id = clerk.id
    play(declaration, "vet_declaration", VET_PASS)
    assert nodes(declaration) == ["vet_forwarded"]
