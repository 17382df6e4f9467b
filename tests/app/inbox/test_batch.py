"""Several tasks at once: the same opinion, a line in each log, one refusal stops nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from app.core.clock import now, set_clock
from app.core.db import db, transaction
from app.core.invariants import check_all
from app.engine.models import StepLog, WorkItem
from app.units.models import Employment
from tests.app.inbox.conftest import Desk
from tests.builders.declarations import a_chain, golden_applicant, golden_declaration, golden_plan
from tests.builders.flow import do, open_items, person_for
from tests.builders.golden_case import SENT_UP, VET_PASS
from tests.builders.people import a_person

Desks = Callable[..., Desk]


def statuses() -> list[str]:
    with transaction(write=False):
        return [e.status for e in db.session.query(Employment).order_by(Employment.id)]


def test_a_batch_is_asked_once_and_logged_for_each(client_for: Any, desk_of: Desks) -> None:
    desk = desk_of("苏晓禾", "卜文", "敖正言")
    browser = client_for(desk.clerk)
    page = browser.get("/tasks/batch", query_string={"id": desk.items}).text
    assert "所选 3 项" in page
    answer = browser.post("/tasks/batch", {"id": desk.items, "decision": "pass"})
    assert answer.status_code == 303
    assert statuses() == ["active"] * 3
    with transaction(write=False):
        assert db.session.query(StepLog).filter_by(outcome="通过").count() == 3
        assert check_all() == []


def test_one_refusal_does_not_undo_the_others(client_for: Any, desk_of: Desks) -> None:
    desk = desk_of("苏晓禾", "卜文", "敖正言")
    with transaction():  # meanwhile the second was decided elsewhere
        second = db.session.query(Employment).order_by(Employment.id).all()[1]
        second.status, second.decided_at = "ended", second.requested_at
    browser = client_for(desk.clerk)
    answer = browser.post("/tasks/batch", {"id": desk.items, "decision": "pass"})
    assert answer.status_code == 422
    assert statuses() == ["active", "ended", "active"]
    assert "已办理 2 项" in answer.text
    assert "未办理的 1 项" in answer.text
    assert "该申请已处理" in answer.text
    assert f'name="id" value="{desk.items[1]}"' in answer.text
    assert f'name="id" value="{desk.items[0]}"' not in answer.text


def test_a_batch_with_a_foreign_task_is_refused_as_a_whole(
    client_for: Any, desk_of: Desks
) -> None:
    desk = desk_of("苏晓禾", "卜文")
    answer = client_for(desk.stranger).post("/tasks/batch", {"id": desk.items, "decision": "pass"})
    assert answer.status_code == 403
    assert statuses() == ["pending", "pending"]


def test_tasks_done_meanwhile_are_left_out(client_for: Any, desk_of: Desks) -> None:
    desk = desk_of("苏晓禾", "卜文")
    browser = client_for(desk.clerk)
    browser.post(desk.url, {"decision": "pass"})
    page = browser.get("/tasks/batch", query_string={"id": desk.items}).text
    assert "所选 1 项" in page
    assert "所选任务中有 1 项已办结，不再办理" in page
    assert browser.post("/tasks/batch", {"id": desk.items, "decision": "pass"}).status_code == 303
    page = browser.get("/tasks").text
    assert "已办理 1 项" in page
    assert "所选任务中有 1 项已办结，不再办理" in page


@pytest.mark.parametrize("ids", [[], ["x"], [""]])
def test_a_batch_of_nothing_says_so(client_for: Any, desk_of: Desks, ids: list[str]) -> None:
    desk = desk_of("苏晓禾")
    browser = client_for(desk.clerk)
    answer = browser.get("/tasks/batch", query_string={"id": ids})
    assert (answer.status_code, answer.location) == (303, "/tasks")
    page = browser.get("/tasks").text
    assert "请先勾选" in page
    assert "苏晓禾" in page


def test_answers_that_do_not_hold_are_asked_again(client_for: Any, desk_of: Desks) -> None:
    desk = desk_of("苏晓禾", "卜文")
    answer = client_for(desk.clerk).post("/tasks/batch", {"id": desk.items, "decision": "return"})
    assert answer.status_code == 422
    assert "所选 2 项" in answer.text
    assert statuses() == ["pending", "pending"]


def test_tasks_of_different_steps_do_not_go_together(client_for: Any, desk_of: Desks) -> None:
    desk = desk_of("苏晓禾", "卜文")
    with transaction():
        db.session.execute(
            db.text("UPDATE work_item SET node = 'other' WHERE id = :id"), {"id": desk.items[1]}
        )
    browser = client_for(desk.clerk)
    answer = browser.get("/tasks/batch", query_string={"id": desk.items})
    assert (answer.status_code, answer.location) == (303, "/tasks")
    assert "同一环节" in browser.get("/tasks").text


def two_declarations() -> tuple[Any, list[int]]:
    """Two applications that wait for the clerk of one school."""
    with transaction():
        present = now()
        set_clock(SENT_UP)
        city, _, school = a_chain()
        plan = golden_plan(city)
        other = a_person("毕如松", id_number="340000199003039023", unit=school)
        people = (golden_applicant(school), other)
        sent = [golden_declaration(plan, person, complete=True).id for person in people]
    for declaration_id in sent:
        do(("declaration", declaration_id), "fill_declaration", {})
    with transaction():
        set_clock(present)
        items = [open_items(("declaration", each), "vet_declaration")[0] for each in sent]
        return person_for(items[0]), [item.id for item in items]


def test_two_declarations_are_passed_at_once_but_returned_one_by_one(
    app: Any, client_for: Any
) -> None:
    clerk, ids = two_declarations()
    browser = client_for(clerk)
    listed = browser.get("/tasks").text
    for item_id in ids:
        assert f'name="id" value="{item_id}"' in listed
    page = browser.get("/tasks/batch", query_string={"id": ids}).text
    assert "所选 2 项" in page
    assert "通过并推荐" in page
    assert "“退回修改”须逐条列明每份材料的问题" in page
    assert 'value="return"' not in page
    assert "问题清单" not in page
    assert browser.post("/tasks/batch", {"id": ids, "decision": "return"}).status_code == 422
    assert browser.post("/tasks/batch", {"id": ids, **VET_PASS}).status_code == 303
    assert "已办理 2 项" in browser.get("/tasks").text
    with transaction(write=False):
        assert db.session.query(StepLog).filter_by(node="vet_declaration").count() == 2
        assert check_all() == []


def test_a_form_that_refuses_batches_has_no_tick_box(
    client_for: Any, desk_of: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.engine import definitions

    desk = desk_of("苏晓禾", "卜文")
    kept = definitions.form_text
    monkeypatch.setattr(definitions, "form_text", lambda item: f"batch: false\n{kept(item)}")
    browser = client_for(desk.clerk)
    assert "data-pick" not in browser.get("/tasks").text
    assert browser.get("/tasks/batch", query_string={"id": desk.items}).status_code == 303
    assert "逐个办理" in browser.get("/tasks").text
    refused = browser.post("/tasks/batch", {"id": desk.items, "decision": "pass"})
    assert refused.status_code == 422
    assert statuses() == ["pending", "pending"]


def test_a_refused_batch_keeps_what_was_typed_and_says_why_at_the_field_and_the_row(
    app: Any, client_for: Any
) -> None:
    clerk, ids = two_declarations()
    browser = client_for(clerk)
    short = {**VET_PASS, "publicity_to": VET_PASS["publicity_from"]}
    answer = browser.post("/tasks/batch", {"id": ids, **short})
    assert answer.status_code == 422
    why = "单位内部公示不少于 5 个工作日"
    assert answer.text.count("未办理</span>") == 2
    # Once at the field, once above the form, and beside each of the two.
    assert answer.text.count(why) == 4
    assert VET_PASS["recommendation"] in answer.text
    assert f'value="{VET_PASS["publicity_from"]}"' in answer.text
    with transaction(write=False):
        assert len(open_items(("declaration", 1)) + open_items(("declaration", 2))) == 2
    assert browser.post("/tasks/batch", {"id": ids, **VET_PASS}).status_code == 303


def test_a_batch_names_what_is_blank_and_what_the_law_refuses_at_once(
    app: Any, client_for: Any
) -> None:
    clerk, ids = two_declarations()
    short = {**VET_PASS, "publicity_to": VET_PASS["publicity_from"], "opinion": ""}
    answer = client_for(clerk).post("/tasks/batch", {"id": ids, **short})
    assert answer.status_code == 422
    assert "单位内部公示不少于 5 个工作日" in answer.text
    assert "审核意见</a>：" in answer.text


def of_one_record(desk: Desk, *, is_verified: bool = True) -> None:
    """Let the second task be one of the first record, as parallel tasks are."""
    with transaction():
        first, second = (db.session.get_one(WorkItem, each) for each in desk.items)
        second.instance_id, second.business_id = first.instance_id, first.business_id
        asker = db.session.get_one(Employment, first.business_id).person
        asker.self_registered_at = None if is_verified else now()


def test_of_two_tasks_of_one_record_each_is_done_or_told(client_for: Any, desk_of: Desks) -> None:
    desk = desk_of("苏晓禾", "卜文")
    of_one_record(desk)
    answer = client_for(desk.clerk).post("/tasks/batch", {"id": desk.items, "decision": "pass"})
    assert answer.status_code == 422
    assert "已办理 1 项" in answer.text
    assert "未办理的 1 项" in answer.text
    assert statuses() == ["active", "pending"]


def test_a_record_that_is_decided_by_itself_keeps_all_its_tasks_out_of_a_batch(
    client_for: Any, desk_of: Desks
) -> None:
    desk = desk_of("苏晓禾", "卜文")
    of_one_record(desk, is_verified=False)
    browser = client_for(desk.clerk)
    assert browser.get("/tasks/batch", query_string={"id": desk.items}).status_code == 303
    answer = browser.post("/tasks/batch", {"id": desk.items, "decision": "pass"})
    assert answer.status_code == 422
    assert "须逐个办理" in answer.text
    assert statuses() == ["pending", "pending"]


def test_a_task_that_is_sent_twice_counts_once(client_for: Any, desk_of: Desks) -> None:
    desk = desk_of("苏晓禾", "卜文")
    ids = [desk.items[0], *desk.items]
    browser = client_for(desk.clerk)
    assert "所选 2 项" in browser.get("/tasks/batch", query_string={"id": ids}).text
    assert browser.post("/tasks/batch", {"id": ids, "decision": "pass"}).status_code == 303
    assert statuses() == ["active", "active"]
