"""个人业绩库: several items submitted or deleted in one go, each by itself."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.models import Person
from app.core.db import db, transaction
from app.engine import runtime
from app.engine.incidents import Place, StepFailed
from app.engine.models import Incident, ProcessInstance
from app.portfolio import several
from app.portfolio.models import PortfolioItem
from app.units.models import Unit
from tests.builders import portfolio as build
from tests.builders.people import a_person
from tests.builders.refusals import is_told_in_place
from tests.builders.statements import statements_sent

Sign = Callable[..., Any]
URL = "/portfolio"


def drafts(person: Person, count: int, *, files: bool = True) -> list[int]:
    with transaction():
        owner = db.session.merge(person)
        return [build.an_item(owner, "honor", files=files).id for _ in range(count)]


def returned(person: Person) -> int:
    with transaction():
        item = build.a_submitted_item(db.session.merge(person))
        build.vet(item, "return", "请补充证书")
        return item.id


def states(ids: list[int]) -> list[str | None]:
    with transaction(write=False):
        db.session.expire_all()
        found = [db.session.get(PortfolioItem, each) for each in ids]
        return [item and item.status for item in found]


def asked(browser: Any, ids: list[int], act: str = "submit", **more: Any) -> Any:
    return browser.post(URL, {"id": ids, "act": act, **more})


def test_the_list_offers_boxes_on_what_is_open(teacher: Person, client_for: Sign) -> None:
    [draft], back = drafts(teacher, 1), returned(teacher)
    with transaction():
        sent = build.a_submitted_item(db.session.merge(teacher)).id
    page = client_for(teacher).get(URL).text
    assert all(f'name="id" value="{each}"' in page for each in (draft, back))
    assert f'name="id" value="{sent}"' not in page
    assert "批量提交审核" in page
    assert "批量删除草稿" in page
    assert "一次最多提交 50 项，删除 500 份" in page


def test_several_are_submitted_drafts_and_returned_ones(teacher: Person, client_for: Sign) -> None:
    ids = [*drafts(teacher, 2), returned(teacher)]
    answer = asked(client_for(teacher), ids, next=f"{URL}?status=draft")
    assert (answer.status_code, answer.location) == (303, f"{URL}?status=draft")
    assert states(ids) == ["submitted"] * 3


def test_what_was_not_submitted_is_named_with_why_and_keeps_no_other_back(
    teacher: Person, client_for: Sign
) -> None:
    [whole], [bare] = drafts(teacher, 1), drafts(teacher, 1, files=False)
    answer = asked(client_for(teacher), [bare, whole])
    assert is_told_in_place(answer, "已提交 1 项业绩", "1 项未提交", f'href="/portfolio/{bare}"')
    told = answer.text.split("1 项未提交")[1].split("</ul>")[0]
    assert "—— 请上传荣誉证书<" in told
    assert f'value="{bare}" aria-label' in answer.text
    assert states([whole, bare]) == ["submitted", "draft"]


def test_a_second_press_submits_nothing_twice(teacher: Person, client_for: Sign) -> None:
    ids, browser = drafts(teacher, 2), client_for(teacher)
    asked(browser, ids)
    again = asked(browser, ids)
    assert is_told_in_place(again, "2 项未提交", "此业绩正在审核或已通过审核，不能修改")
    with transaction(write=False):
        items = [db.session.get_one(PortfolioItem, each) for each in ids]
        assert [len(item.submissions) for item in items] == [1, 1]


def test_several_drafts_are_deleted_and_what_was_sent_once_stays(
    teacher: Person, client_for: Sign
) -> None:
    ids, back, browser = drafts(teacher, 3), returned(teacher), client_for(teacher)
    assert asked(browser, ids[:2], "delete").status_code == 303
    assert "已删除 2 份草稿" in browser.get(URL).text
    answer = asked(browser, [ids[2], back], "delete")
    assert is_told_in_place(answer, "已删除 1 份草稿", "1 项未删除", "已提交过审核的业绩不能删除")
    assert states([*ids, back]) == [None, None, None, "returned"]


@pytest.mark.parametrize("act", ["submit", "delete"])
def test_foreign_items_are_as_absent(
    teacher: Person, school: Unit, client_for: Sign, act: str
) -> None:
    with transaction():
        other = a_person("唐若水", unit=db.session.merge(school))
    [foreign] = drafts(other, 1)
    browser = client_for(teacher)
    answers = [asked(browser, [number], act) for number in (foreign, 999_999_999)]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert all("该业绩不存在，或已被删除" in answer.text for answer in answers)
    assert f'href="/portfolio/{foreign}"' not in answers[0].text
    assert states([foreign]) == ["draft"]


@pytest.mark.parametrize(
    ("ids", "act", "fault"),
    [
        ([], "submit", "请先勾选业绩"),
        (["x"], "delete", "请先勾选业绩"),
        ([1], "approve", "请先勾选业绩"),
        (list(range(1, 52)), "submit", "一次最多办理 50 项，现选了 51 项，请分批办理"),
    ],
)
def test_wrong_choices_are_refused_in_place(
    teacher: Person, client_for: Sign, ids: list[int], act: str, fault: str
) -> None:
    [draft] = drafts(teacher, 1)
    assert is_told_in_place(asked(client_for(teacher), ids, act), fault)
    assert states([draft]) == ["draft"]


def test_the_whole_list_is_taken_if_it_is_the_one_that_was_shown(
    teacher: Person, client_for: Sign
) -> None:
    ids, browser = drafts(teacher, 12), client_for(teacher)
    back = returned(teacher)
    url = f"{URL}?status=draft"
    assert 'data-whole="12"' in browser.get(url).text
    stale = browser.post(url, {"all": "1", "waiting": "11", "act": "submit"})
    assert is_told_in_place(stale, "现有 12 项草稿和退回的业绩")
    assert browser.post(url, {"all": "1", "waiting": "12", "act": "submit"}).status_code == 303
    assert states([*ids, back]) == ["submitted"] * 12 + ["returned"]


def test_of_a_long_list_the_first_are_taken(
    teacher: Person, client_for: Sign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(several, "LIMITS", {"submit": 1, "delete": 2})
    ids, browser = drafts(teacher, 11), client_for(teacher)
    assert "一次最多提交 1 项，删除 2 份" in browser.get(URL).text
    browser.post(URL, {"all": "1", "waiting": "11", "act": "delete"})
    assert states(ids) == [None, None] + ["draft"] * 9


def test_whom_no_unit_has_approved_deletes_but_does_not_submit(
    app: Flask, client_for: Sign
) -> None:
    del app
    with transaction():
        person = a_person("无单位", roles=[("applicant", "all", None)])
    ids, browser = drafts(person, 1), client_for(person)
    assert "批量提交审核" not in browser.get(URL).text
    answer = asked(browser, ids)
    assert is_told_in_place(answer, "尚未绑定单位")
    assert asked(browser, ids, "delete").status_code == 303
    assert states(ids) == [None]


def test_a_step_that_fails_is_an_incident_and_leaves_its_item_alone(
    teacher: Person, client_for: Sign, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, start = drafts(teacher, 2), runtime.start
    returned(teacher)
    with transaction(write=False):
        version = db.session.scalars(select(ProcessInstance.version_id)).first() or 0
    place = Place(None, version, "portfolio_item", ids[0], teacher.id)

    def fails_once(*args: Any, **values: Any) -> Any:
        if values["business"][1] == ids[0]:
            raise StepFailed(ValueError("坏了"), place, node=None)
        return start(*args, **values)

    monkeypatch.setattr(runtime, "start", fails_once)
    assert asked(client_for(teacher), ids).status_code == 422
    assert states(ids) == ["draft", "submitted"]
    with transaction(write=False):
        assert len(list(db.session.scalars(select(Incident)))) == 1


def test_what_all_of_them_have_is_read_at_once(teacher: Person) -> None:
    ids = [returned(teacher), *drafts(teacher, 2)]
    with transaction():
        person = db.session.merge(teacher)
        mine = several._held(ids, person)
        with statements_sent() as sent:
            read = [(i.files, i.submissions, i.marks, i.sent_files) for i in mine.values()]
    assert (len(read), sent) == (3, [])
