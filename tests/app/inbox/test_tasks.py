"""A task: opened, typed into, completed once, by whose it is."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import NoResultFound

from app.accounts.models import Person
from app.core import records
from app.core.clock import now
from app.core.db import db, transaction
from app.core.invariants import check_all
from app.engine import handlers
from app.engine.models import StepLog, WorkItem
from app.inbox.models import Draft
from app.inbox.operations import sweep_drafts
from app.units.process import BINDING
from tests.app.inbox.conftest import Desk
from tests.builders.people import a_person

Desks = Callable[..., Desk]


def drafts() -> list[dict[str, Any]]:
    with transaction(write=False):
        return list(db.session.scalars(sa.select(Draft.data)))


def test_opening_a_task_marks_it_as_viewed_once(
    client_for: Any, desk_of: Desks, item: Any
) -> None:
    desk = desk_of()
    assert item(desk.items[0]).viewed_at is None
    browser = client_for(desk.clerk)
    assert browser.get(desk.url).status_code == 200
    first = item(desk.items[0]).viewed_at
    assert first is not None
    browser.get(desk.url)
    assert item(desk.items[0]).viewed_at == first


def test_looking_ahead_does_not_mark_it(client_for: Any, desk_of: Desks, item: Any) -> None:
    desk = desk_of()
    browser = client_for(desk.clerk)
    assert browser.get(desk.url, headers={"Sec-Purpose": "prefetch"}).status_code == 200
    assert browser.get(desk.url, headers={"Sec-Purpose": "prefetch;prerender"}).status_code == 200
    browser.forget()
    assert browser.client.head(desk.url).status_code == 200
    assert item(desk.items[0]).viewed_at is None


def test_a_list_does_not_mark_it(client_for: Any, desk_of: Desks, item: Any) -> None:
    desk = desk_of()
    client_for(desk.clerk).get("/tasks")
    assert item(desk.items[0]).viewed_at is None


@pytest.mark.parametrize("path", ["", "/draft"])
def test_a_foreign_task_is_neither_shown_nor_done(
    client_for: Any, desk_of: Desks, item: Any, path: str
) -> None:
    desk = desk_of()
    browser = client_for(desk.stranger)
    assert browser.get(desk.url).status_code == 403
    assert browser.post(f"{desk.url}{path}", {"decision": "pass"}).status_code == 403
    found = item(desk.items[0])
    assert (found.status, found.viewed_at) == ("open", None)


def test_the_same_role_in_another_scope_is_not_enough_but_everywhere_is(
    client_for: Any, desk_of: Desks
) -> None:
    desk = desk_of()
    with transaction():
        leader = a_person("敖正言", roles=[("unit_leader", "all", None)])
        everywhere = a_person("卜文", roles=[("unit_clerk", "all", None)])
    assert client_for(leader).get(desk.url).status_code == 403
    assert client_for(everywhere).get(desk.url).status_code == 200


def test_a_task_sent_twice_from_two_windows_is_done_once(
    client_for: Any, desk_of: Desks, item: Any
) -> None:
    desk = desk_of()
    first, second = client_for(desk.clerk), client_for(desk.clerk)
    assert first.post(desk.url, {"decision": "pass"}).status_code == 303
    stale = second.post(desk.url, {"decision": "return", "opinion": "晚了"})
    assert stale.status_code == 409
    assert "已被办理或撤回" in stale.text
    with transaction(write=False):
        outcomes = list(
            db.session.scalars(sa.select(StepLog.outcome).where(StepLog.node == "vet_binding"))
        )
        assert outcomes == ["通过"]
        assert check_all() == []


def test_a_closed_task_says_when_it_was_done(client_for: Any, desk_of: Desks) -> None:
    desk = desk_of()
    browser = client_for(desk.clerk)
    browser.post(desk.url, {"decision": "pass"})
    page = browser.get(desk.url)
    assert page.status_code == 200
    assert "办结" in page.text


def test_what_does_not_hold_is_said_at_its_field_and_nothing_is_lost(
    client_for: Any, desk_of: Desks, item: Any
) -> None:
    desk = desk_of()
    answer = client_for(desk.clerk).post(desk.url, {"decision": "return", "opinion": " "})
    assert answer.status_code == 422
    assert "is-invalid" in answer.text
    long = client_for(desk.clerk).post(desk.url, {"decision": "pass", "opinion": "长" * 501})
    assert long.status_code == 422
    assert "长" * 501 in long.text
    assert item(desk.items[0]).status == "open"


@pytest.mark.parametrize("decision", ["", "erase", "PASS"])
def test_a_decision_that_the_form_does_not_offer_is_refused(
    client_for: Any, desk_of: Desks, item: Any, decision: str
) -> None:
    desk = desk_of()
    answer = client_for(desk.clerk).post(desk.url, {"decision": decision})
    assert answer.status_code == 422
    assert item(desk.items[0]).status == "open"


def test_half_typed_answers_are_kept_for_who_typed_them(client_for: Any, desk_of: Desks) -> None:
    desk = desk_of()
    browser = client_for(desk.clerk)
    saved = browser.post(f"{desk.url}/draft", {"name": "opinion", "value": "材料"})
    assert saved.json == {"saved": True}
    browser.post(f"{desk.url}/draft", {"name": "opinion", "value": "材料属实"})
    assert drafts() == [{"opinion": "材料属实"}]
    assert "材料属实" in browser.get(desk.url).text
    with transaction():
        colleague = a_person("卜文", roles=[("unit_clerk", "all", None)])
    assert "材料属实" not in client_for(colleague).get(desk.url).text


def test_a_field_that_the_form_lacks_is_not_kept(client_for: Any, desk_of: Desks) -> None:
    desk = desk_of()
    answer = client_for(desk.clerk).post(f"{desk.url}/draft", {"name": "role", "value": "x"})
    assert answer.status_code == 422
    assert drafts() == []


def test_drafts_are_swept_once_their_task_is_done(client_for: Any, desk_of: Desks) -> None:
    desk = desk_of()
    browser = client_for(desk.clerk)
    browser.post(f"{desk.url}/draft", {"name": "opinion", "value": "材料"})
    with transaction():
        assert sweep_drafts(now()) == 0
    browser.post(desk.url, {"decision": "pass"})
    with transaction():
        assert sweep_drafts(now()) == 1
    assert drafts() == []
    late = browser.post(f"{desk.url}/draft", {"name": "opinion", "value": "晚了"})
    assert late.status_code == 422


def test_a_task_that_is_done_on_a_page_leads_there_and_takes_no_form(
    client_for: Any, desk_of: Desks, item: Any
) -> None:
    desk = desk_of()
    client_for(desk.clerk).post(desk.url, {"decision": "return", "opinion": "请补充"})
    with transaction(write=False):
        mend = db.session.execute(sa.text("SELECT id, assignee_id FROM work_item WHERE "
                                          "node = 'mend_binding'")).one()  # fmt: skip
        owner = db.session.get_one(Person, mend.assignee_id)
    browser = client_for(owner)
    assert browser.get(f"/tasks/{mend.id}").location == "/binding"
    assert browser.post(f"/tasks/{mend.id}", {"decision": "pass"}).status_code in {404, 409, 422}
    assert item(mend.id).status == "open"
    assert browser.post(f"/tasks/{mend.id}/draft", {"name": "x"}).status_code in {404, 409, 422}


def test_a_done_task_leads_to_no_record_that_is_out_of_sight(
    client_for: Any, desk_of: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_of()
    browser = client_for(desk.clerk)
    browser.post(desk.url, {"decision": "pass"})
    assert "查看办理情况" in browser.get(desk.url).text
    monkeypatch.setitem(records._sights, BINDING, lambda *_: False)
    page = browser.get(desk.url).text
    assert "查看办理情况" not in page
    assert "材料不再向您开放" in page


def test_only_what_has_a_form_can_be_ticked_for_a_batch(client_for: Any, desk_of: Desks) -> None:
    desk = desk_of()
    assert "data-pick" in client_for(desk.clerk).get("/tasks").text
    client_for(desk.clerk).post(desk.url, {"decision": "return", "opinion": "请补充"})
    with transaction(write=False):
        mending = sa.select(WorkItem.assignee_id).where(WorkItem.node == "mend_binding")
        owner = db.session.get_one(Person, db.session.scalars(mending).one())
    page = client_for(owner).get("/tasks").text
    assert "办理<span" in page
    assert "data-pick" not in page
    assert "批量办理" not in page


def test_a_page_that_could_not_be_made_was_not_read(
    client_for: Any, desk_of: Desks, item: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was shown a fault has seen nothing: the record can still be taken back."""
    desk = desk_of()
    browser = client_for(desk.clerk)

    def gone(_business_id: int) -> Any:
        raise NoResultFound

    with monkeypatch.context() as broken:
        broken.setitem(handlers.presenter._functions, BINDING, gone)
        assert browser.get(desk.url).status_code == 409
        assert item(desk.items[0]).viewed_at is None
    assert browser.get(desk.url).status_code == 200
    assert item(desk.items[0]).viewed_at is not None


def test_a_task_about_oneself_is_refused_in_these_words(client_for: Any, desk_of: Desks) -> None:
    """Who has the role is not told to ask for it."""
    desk = desk_of()
    with transaction():
        db.session.get_one(WorkItem, desk.items[0]).about_id = desk.clerk.id
    answer = client_for(desk.clerk).get(desk.url)
    assert (answer.status_code, "不能办理本人的事项" in answer.text) == (403, True)
    assert "须由其他单位经办人办理" in answer.text
