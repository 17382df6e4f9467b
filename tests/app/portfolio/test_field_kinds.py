"""A wrong answer of every kind of field is told at the field; nothing typed beside it is lost."""

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Person
from app.core.db import db, transaction
from app.portfolio.models import PortfolioItem
from tests.builders import portfolio as build
from tests.builders.people import a_person, a_unit

Sign = Callable[..., Any]
WRONG = [
    ("paper", "title", "长" * 101, "不能超过 100 个字，现有 101 个字"),
    ("paper", "issn", "ISSN 1000-0012", "校验码不正确"),
    ("patent", "number", "ZL 2021 2 0000001.1", "与所选类别不符"),
    ("paper", "note", "备注\x00", "含有不能使用的字符"),
    ("paper", "published", "2024-13", "不是有效的年月"),
    ("held_title", "issued_on", "2099-01-01", "须在年满 16 周岁之后，且不晚于今天"),
    ("paper", "words", "12.55", "最多 1 位小数"),
    ("paper", "position", "0", "不能小于 1"),
    ("paper", "language", "火星文", "请选择列表中的选项"),
    ("education", "marks", "没有的学历", "请选择列表中的选项"),
]


@pytest.fixture
def teacher(app: Flask) -> Person:
    del app
    with transaction():
        return a_person(unit=a_unit())


def a_draft(person: Person, type_key: str) -> PortfolioItem:
    with transaction():
        return build.an_item(db.session.merge(person), type_key, files=False)


def kept(item: PortfolioItem) -> dict[str, Any]:
    with transaction(write=False):
        db.session.expire_all()
        return dict(db.session.get_one(PortfolioItem, item.id).data)


def beside(page: str, name: str) -> str:
    """What the page says at a field."""
    found = re.search(rf'id="{name}-error"[^>]*>(.*?)</div>', page, re.DOTALL)
    assert found, name
    return found[1]


@pytest.mark.parametrize(("type_key", "name", "value", "said"), WRONG)
def test_a_wrong_answer_is_told_at_its_field(
    teacher: Person, client_for: Sign, type_key: str, name: str, value: str, said: str
) -> None:
    item = a_draft(teacher, type_key)
    before = kept(item)
    form = {**before, "note": "刚刚写下的备注", name: value, "row_version": item.row_version}
    page = client_for(teacher).post(f"/portfolio/{item.id}", form)
    assert page.status_code == 422
    assert said in beside(page.text, name)
    assert value.replace("\x00", "") in unescape(page.text).replace("\x00", "")
    assert kept(item).get(name) == before.get(name)
    if name != "note":
        assert "刚刚写下的备注" in page.text
        assert kept(item)["note"] == "刚刚写下的备注"


def test_a_wrong_cell_is_told_and_the_other_rows_stay(teacher: Person, client_for: Sign) -> None:
    item = a_draft(teacher, "held_title")
    form = {**kept(item), "row_version": item.row_version}
    for row, (post, start) in enumerate((("一级教师", "2012-01-01"), ("高级教师", "去年"))):
        form |= {f"appointments-{row}-post": post, f"appointments-{row}-start": start}
        form |= {f"appointments-{row}-unit": "青禾小学"}
    page = client_for(teacher).post(f"/portfolio/{item.id}", form)
    assert page.status_code == 422
    assert "第 2 行" in page.text
    assert '聘用结束日期<span class="required-when">（未勾选“至今”时必填）' in page.text
    assert "不是有效的日期" in page.text
    for typed in ("一级教师", "2012-01-01", "高级教师", "去年"):
        assert typed in page.text


def test_what_is_due_at_times_names_the_fields_that_decide(
    teacher: Person, client_for: Sign
) -> None:
    asked = client_for(teacher).get("/portfolio/new/education").text
    assert "勾选“以双大专参评”时必传" in asked
    assert "院校类别为“国内高等院校”且毕业年月为 2002 年及以后时必传" in asked


def test_too_many_files_are_told_at_their_slot(teacher: Person, client_for: Sign) -> None:
    item = a_draft(teacher, "book")
    with transaction():
        ids = [build.an_upload(db.session.merge(teacher)).id for _ in range(3)]
    form = {**kept(item), "cover": ids, "row_version": item.row_version}
    page = client_for(teacher).post(f"/portfolio/{item.id}", form)
    assert page.status_code == 422
    assert "最多上传 2 个" in page.text


def test_two_plans_of_three_are_too_few(teacher: Person, client_for: Sign) -> None:
    item = a_draft(teacher, "teaching_school")
    with transaction():
        held = db.session.get_one(PortfolioItem, item.id)
        ids = [build.attach(held, "plans") for _ in range(2)]
        version = held.row_version
    form = {**kept(item), "plans": ids, "row_version": version, "decision": "submit"}
    page = client_for(teacher).post(f"/portfolio/{item.id}", form)
    assert page.status_code == 422
    assert "至少上传 3 个，现有 2 个" in beside(page.text, "plans")


def test_a_check_that_reads_another_field_sees_it_as_it_is_on_the_page(
    teacher: Person, client_for: Sign
) -> None:
    item, browser = a_draft(teacher, "patent"), client_for(teacher)
    fields = f"/portfolio/{item.id}/fields"

    def typed(name: str, value: str, **beside: list[str]) -> Any:
        sent = {"name": name, "value": value, "beside": json.dumps(beside)}
        return browser.post(fields, sent, headers={"Accept": "application/json"})

    registered, software = "2020SR0123456", "软件著作权"
    assert typed("number", "还不知是哪一类", kind=[""]).status_code == 200
    refused = typed("number", registered)
    assert "专利号" in refused.json["errors"]["number"][0]
    assert typed("number", registered, kind=[software]).status_code == 200
    assert typed("kind", software).json["judged"] == {"number": []}
    assert typed("number", registered).status_code == 200
    told = typed("kind", "发明专利")
    assert told.status_code == 200
    assert "专利号" in told.json["judged"]["number"][0]
    assert typed("kind", "实用新型专利", number=["空"]).json["judged"]["number"]
    assert typed("participants", "2", position=["3"]).json["judged"]["position"]
    for broken in ("[]", "{", '{"kind": 3}'):
        sent = {"name": "kind", "value": software, "beside": broken}
        assert browser.post(fields, sent).status_code == 422
