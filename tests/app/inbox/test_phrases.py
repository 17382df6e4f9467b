"""常用意见: shipped with the form, kept by each person, written with one click."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from app.accounts.models import Person
from app.core import phrases
from app.core.clock import now
from app.core.db import db, transaction
from app.portfolio import operations, queries, withdrawals
from forms import load
from tests.builders import portfolio as build
from tests.builders.declarations import a_declaration
from tests.builders.flow import drain, open_items
from tests.builders.people import staff

Sign = Callable[..., Any]
OFTEN = {
    "vet_forwarded": "材料齐全，符合申报条件，同意上报",
    "endorse_declaration": "同意经办人意见",
    "endorse_forwarded": "同意经办人意见，予以上报",
    "accept_declaration": "材料齐全，符合评审范围和条件，予以受理",
}
SHIPPED = "附件缺少单位公章，请补充"


def a_task(teacher: Person) -> str:
    with transaction():
        item = build.a_submitted_item(db.session.merge(teacher))
        return f"/tasks/{build.review_task(item).id}"


def kept(person: Person) -> list[str]:
    with transaction(write=False):
        return [each.text for each in phrases.phrases_of(person.id)]


def test_the_form_brings_some_and_what_is_kept_comes_first(
    clerk: Person, teacher: Person, client_for: Sign
) -> None:
    browser, own = client_for(clerk), "聘书缺第二页，请补传"
    url = a_task(teacher)
    page = browser.get(url).text
    assert f"data-phrase>{SHIPPED}</button>" in page
    posted = {"decision": "return", "opinion": own, "keep_phrase": "1"}
    assert browser.post(url, posted).status_code == 303
    page = browser.get(a_task(teacher)).text
    assert page.index(f"data-phrase>{own}") < page.index(f"data-phrase>{SHIPPED}")
    assert f'<option value="{own}">' in browser.get("/portfolio/archive").text
    with transaction():
        person = db.session.merge(teacher)
        item = queries.item_of(build.an_approved_item(person).item_id)
        withdrawals.request_withdrawal(item, "页码有误", actor=person, now=now())
    drain()
    with transaction(write=False):
        (other,) = open_items((operations.BUSINESS, item.id))
    page = browser.get(f"/tasks/{other.id}").text
    assert "data-phrase>" in page
    assert own not in page
    managed = browser.get("/tasks/phrases").text
    assert "业绩审核</h2>" in managed
    assert own in managed


def test_each_office_is_offered_what_it_writes_often(client_for: Sign) -> None:
    case = a_declaration()
    with transaction(write=False):
        clerk = staff(db.session.merge(case.unit, load=False), "unit_clerk")
        (task,) = open_items(("declaration", case.id))
        url = f"/tasks/{task.id}"
    page = client_for(clerk).get(url).text
    assert "data-phrase>材料齐全、真实，公示无异议，同意推荐</button>" in page
    for office, words in OFTEN.items():
        assert words in load(office).field("opinion").phrases


def test_what_is_not_ticked_is_not_kept_and_the_same_is_kept_once(
    clerk: Person, teacher: Person, client_for: Sign
) -> None:
    browser = client_for(clerk)
    for keep in ({}, {"keep_phrase": "1"}, {"keep_phrase": "1"}):
        answer = browser.post(a_task(teacher), {"decision": "pass", "opinion": "属实", **keep})
        assert answer.status_code == 303
        assert len(kept(clerk)) <= 1
    assert kept(clerk) == ["属实"]


@pytest.mark.parametrize("opinion", ["长" * 201, "再多一条"])
def test_what_cannot_be_kept_is_said_at_the_field_and_decides_nothing(
    clerk: Person, teacher: Person, client_for: Sign, opinion: str
) -> None:
    with transaction():
        for n in range(phrases.MOST):
            phrases.keep_phrase(clerk.id, "vet_item", f"意见 {n}")
    url, browser = a_task(teacher), client_for(clerk)
    posted = {"decision": "pass", "opinion": opinion, "keep_phrase": "1"}
    refused = browser.post(url, posted)
    assert refused.status_code == 422
    assert opinion in refused.text
    assert "常用意见不超过 200 个字" in refused.text or "最多保存 20 条常用意见" in refused.text
    assert browser.post(url, {**posted, "keep_phrase": ""}).status_code == 303


@pytest.mark.parametrize("opinion", ["", "  ", "意见 3"])
def test_what_asks_for_no_place_holds_up_no_decision(
    clerk: Person, teacher: Person, client_for: Sign, opinion: str
) -> None:
    with transaction():
        for n in range(phrases.MOST):
            phrases.keep_phrase(clerk.id, "vet_item", f"意见 {n}")
    posted = {"decision": "pass", "opinion": opinion, "keep_phrase": "1"}
    assert client_for(clerk).post(a_task(teacher), posted).status_code == 303
    assert len(kept(clerk)) == phrases.MOST


def test_the_database_keeps_no_phrase_that_says_nothing(clerk: Person) -> None:
    with pytest.raises(IntegrityError, match="a_phrase_says_something"), transaction():
        db.session.add(phrases.OwnPhrase(person_id=clerk.id, form="vet_item", text=""))


def test_one_deletes_ones_own_only(clerk: Person, teacher: Person, client_for: Sign) -> None:
    with transaction():
        for person in (clerk, teacher):
            phrases.keep_phrase(person.id, "vet_item", "属实")
    with transaction(write=False):
        [mine] = phrases.phrases_of(clerk.id)
        [foreign] = phrases.phrases_of(teacher.id)
    browser = client_for(clerk)
    assert "属实" in browser.get("/tasks/phrases").text
    for number in (mine.id, foreign.id):
        assert browser.post("/tasks/phrases", {"id": number}).location == "/tasks/phrases"
    assert kept(clerk) == []
    assert kept(teacher) == ["属实"]
    assert "还没有保存常用意见" in browser.get("/tasks/phrases").text
