"""What a page is told that another page has overtaken."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Person
from app.core.db import db, transaction
from app.portfolio.models import PortfolioItem
from tests.builders import portfolio as build
from tests.builders.people import a_person, a_unit

Sign = Callable[..., Any]


@pytest.fixture
def teacher(app: Flask) -> Person:
    del app
    with transaction():
        return a_person(unit=a_unit())


def a_draft(person: Person, type_key: str, *, files: bool = False, **data: Any) -> PortfolioItem:
    with transaction():
        return build.an_item(db.session.merge(person), type_key, files=files, data=data)


def test_every_kind_of_field_comes_as_its_control_says_it(
    teacher: Person, client_for: Sign
) -> None:
    browser = client_for(teacher)
    book = a_draft(teacher, "book", words="12.5", note="第一条")
    told = browser.get(f"/portfolio/{book.id}/fields").json
    assert told["row_version"] == book.row_version
    assert told["values"]["words"] == ["12.5"]
    assert told["values"]["note"] == ["第一条"]
    assert told["values"]["position"] == [""]
    assert told["files"]["cover"] == []
    education = a_draft(teacher, "education", marks=["第一学历", "参评学历"])
    values = browser.get(f"/portfolio/{education.id}/fields").json["values"]
    assert values["marks"] == ["第一学历", "参评学历"]
    assert values["double"] == [""]
    title = a_draft(
        teacher,
        "held_title",
        appointments=[{"post": "一级教师", "unit": "青禾小学", "start": "2012-01-01"}],
    )
    values = browser.get(f"/portfolio/{title.id}/fields").json["values"]
    row = {"post": "一级教师", "unit": "青禾小学", "start": "2012-01-01", "end": "", "current": ""}
    assert values["appointments"] == [json.dumps([row], ensure_ascii=False)]


def test_attachments_come_with_their_names(teacher: Person, client_for: Sign) -> None:
    item = a_draft(teacher, "honor", files=True)
    files = client_for(teacher).get(f"/portfolio/{item.id}/fields").json["files"]["certificate"]
    assert [file["name"] for file in files] == ["证明.png"]
    assert files[0]["size"] > 0


def test_nobody_else_is_told_and_what_is_closed_is_refused(
    teacher: Person, client_for: Sign
) -> None:
    item = a_draft(teacher, "honor", files=True)
    with transaction():
        other = a_person("柏小满", unit=a_unit("二小"))
    json = {"headers": {"Accept": "application/json"}}
    assert client_for(other).get(f"/portfolio/{item.id}/fields", **json).status_code == 404
    with transaction():
        build.operations.submit_item(
            db.session.get_one(PortfolioItem, item.id),
            actor=db.session.merge(teacher),
            now=build.now(),
        )
    assert client_for(teacher).get(f"/portfolio/{item.id}/fields", **json).status_code == 409
