"""How a person's list is narrowed and ordered."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Person
from app.core.db import transaction
from tests.builders import portfolio as build
from tests.builders.people import a_person, a_unit


def items_of_somebody() -> Person:
    """A teacher with six items: five drafts and one that was sent."""
    person = a_person(unit=a_unit())
    for name, month in (("甲", "2018-05"), ("乙", "2024-01"), ("丙", "2019-05")):
        build.an_item(person, "honor", data={"name": name, "date": month})
    build.a_submitted_item(person, "work", data={"unit": "丁", "start": "2020-01", "post": "教师"})
    build.an_item(person, "work", data={"unit": "戊", "start": "2010-01", "post": "教师"})
    blank = build.operations.create_item("honor", actor=person, now=build.now())
    build.operations.save_fields(blank, {"name": "己"}, actor=person, now=build.now())
    return person


def shown_in(page: str) -> list[str]:
    """The names of the items in a list, as they stand there."""
    return re.findall(r'href="/portfolio/\d+">([甲乙丙丁戊己])', page.partition('id="list"')[2])


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("", ["己", "戊", "丁", "丙", "乙", "甲"]),
        ("newest", ["乙", "丁", "丙", "甲", "戊", "己"]),
        ("oldest", ["戊", "甲", "丙", "丁", "乙", "己"]),
        ("type", ["丁", "戊", "乙", "丙", "甲", "己"]),
        ("status", ["乙", "丙", "甲", "戊", "己", "丁"]),
        ("'; drop table", ["己", "戊", "丁", "丙", "乙", "甲"]),
    ],
)
def test_a_list_is_read_in_the_order_that_was_asked_for(
    app: Flask, client_for: Callable[..., Any], order: str, names: list[str]
) -> None:
    del app
    with transaction():
        person = items_of_somebody()
    page = client_for(person).get("/portfolio", query_string={"sort": order})
    assert page.status_code == 200
    assert shown_in(page.text) == names
    if order in {"newest", "oldest"}:
        assert f'<option value="{order}" selected>' in page.text


@pytest.mark.parametrize(
    ("wish", "names"),
    [
        ("status=submitted", "丁"),
        ("status=draft&type=work", "戊"),
        ("year=2024", "乙"),
        ("year=2020&status=draft", ""),
        ("group=基本信息", "丁戊"),
        ("q=丙", "丙"),
        ("sort=oldest&status=draft&year=2019", "丙"),
    ],
)
def test_a_list_is_narrowed_by_state_year_kind_and_words(
    app: Flask, client_for: Callable[..., Any], wish: str, names: str
) -> None:
    del app
    with transaction():
        person = items_of_somebody()
    page = client_for(person).get(f"/portfolio?{wish}").text
    assert set(shown_in(page)) == set(names)
    assert names or "没有符合条件的业绩" in page
