"""The steps on a declaration's page: the offices with their usual terms, then what follows."""

import re
from collections.abc import Callable
from typing import Any

from flask import Flask

from app.core.db import transaction
from app.declarations import course, queries
from app.declarations.course import steps_of
from tests.builders import results as build
from tests.builders.declarations import a_declaration

Clients = Callable[..., Any]
LAST = ["评审", "公示", "发证"]


def test_each_office_says_in_how_many_days_it_usually_decides(
    app: Flask, client_for: Clients
) -> None:
    declaration = a_declaration()
    with transaction(write=False):
        found = queries.get_declaration(declaration.id)
        steps = steps_of(found, course.instance_of(found))
    assert steps.names[1:] == [
        "云桥区青禾小学",
        "云桥区教育体育局",
        "淮城市教育局",
        "淮城市教育局受理",
        *LAST,
    ]
    assert list(steps.terms.values()) == [
        "2026-11-13",
        "约 15 个工作日",
        "约 10 个工作日",
        "约 10 个工作日",
        "约 5 个工作日",
    ]
    page = client_for(declaration.person).get(f"/declarations/{declaration.id}").text
    assert page.count("约 10 个工作日") == 2


def test_an_office_that_has_decided_says_on_which_day(app: Flask) -> None:
    declaration = a_declaration(at="accept_declaration")
    with transaction(write=False):
        found = queries.get_declaration(declaration.id)
        steps = steps_of(found, course.instance_of(found))
    *done, now = steps.terms.values()
    assert now == "约 5 个工作日"
    assert len(done) == 4
    assert all(re.fullmatch(r"2026-1[12]-\d\d", day) for day in done)


def place(published: build.Published) -> tuple[str, bool]:
    """Where the indicator of the first case stands, and whether all is done."""
    with transaction(write=False):
        steps = steps_of(published.result().declaration)
        return steps.names[steps.current - 1], steps.done


def test_who_passed_waits_for_publicity_and_then_for_the_certificate(app: Flask) -> None:
    published = build.a_publicity()
    assert place(published) == ("公示", False)
    build.approve(published)
    assert place(published) == ("发证", False)
    build.issue(published)
    assert place(published) == ("发证", True)


def test_the_way_of_who_was_revoked_during_publicity_ends_there(app: Flask) -> None:
    published = build.a_publicity()
    objection_id = build.object_to(published)
    build.investigate(objection_id)
    build.decide(objection_id, "uphold")
    assert place(published) == ("评审", True)
