"""Readers see a long text in the lines in which it was typed."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from flask import Flask

from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db, transaction
from app.papers.evaluation_form import Grid
from app.portfolio import operations
from app.portfolio.models import PortfolioItem
from tests.builders import portfolio as build

Sign = Callable[..., Any]
TYPED, MENDED = "行一\n行二", "行一\n行二\n行三"


def test_lines_stay_on_the_pages_of_the_person_and_the_reviewer(
    app: Flask, teacher: Person, clerk: Person, client_for: Sign
) -> None:
    with transaction():
        item = build.a_submitted_item(db.session.merge(teacher), data={"note": TYPED})
        build.vet(item, "return", "请补充：\n证书")
        item_id = item.id
    own, unit = client_for(teacher), client_for(clerk)
    assert (
        '<span class="text-prewrap">请补充：\n证书</span>' in own.get(f"/portfolio/{item_id}").text
    )
    with transaction():
        item = db.session.get_one(PortfolioItem, item_id)
        operations.save_fields(item, {"note": MENDED}, actor=item.person, now=now())
        operations.submit_item(item, actor=item.person, now=now())
        task = build.review_task(item).id
    shown = f'<dd class="text-prewrap">{MENDED}'
    assert shown in own.get(f"/portfolio/{item_id}").text
    page = unit.get(f"/tasks/{task}").text
    assert shown in page
    assert f"原为：{TYPED}" in page
    assert '<div class="mt-1 text-prewrap">请补充：\n证书</div>' in page


def test_lines_stay_in_facts_and_on_paper(app: Flask) -> None:
    facts: Any = app.jinja_env.get_template("_macros/lists.html").module
    assert f'<dd class="text-prewrap">{TYPED}</dd>' in facts.facts([("内容", TYPED)])
    paper: Any = app.jinja_env.get_template("documents/_form.html").module
    kept = "行一&lt;<br>行二"
    assert kept in paper.grid(Grid([("内容", 100)], [["行一<\n行二"]]))
    opinion = SimpleNamespace(unit="学校", text="行一<\n行二", person="", day="")
    assert kept in paper.opinions("意见", [opinion])
