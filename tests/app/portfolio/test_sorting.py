"""The orders of a person's list."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.core.db import transaction
from tests.builders import portfolio as build
from tests.builders.people import a_person, a_unit


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
        person = a_person(unit=a_unit())
        for name, month in (("甲", "2018-05"), ("乙", "2024-01"), ("丙", "2019-05")):
            build.an_item(person, "honor", data={"name": name, "date": month})
        build.a_submitted_item(
            person, "work", data={"unit": "丁", "start": "2020-01", "post": "教师"}
        )
        build.an_item(person, "work", data={"unit": "戊", "start": "2010-01", "post": "教师"})
        blank = build.operations.create_item("honor", actor=person, now=build.now())
        build.operations.save_fields(blank, {"name": "己"}, actor=person, now=build.now())
    page = client_for(person).get("/portfolio", query_string={"sort": order})
    assert page.status_code == 200
    shown = page.text.partition('id="list"')[2]
    assert re.findall(r'href="/portfolio/\d+">([甲乙丙丁戊己])', shown) == names
    if order in {"newest", "oldest"}:
        assert f'<option value="{order}" selected>' in page.text
