"""破格审批表 and 转评申报表: printed for the kinds that ask for them, and for no other."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.core.db import db, transaction
from app.declarations.models import Declaration
from app.declarations.queries import get_declaration, snapshots_of
from app.papers.kind_form import kind_form_of
from app.papers.views import kind_form_title
from tests.builders.declarations import a_declaration
from tests.builders.flow import do
from tests.builders.golden_case import RETURN
from tests.builders.papers import text_of
from tests.builders.people import a_person

Enter = Callable[..., Any]


def of_kind(kind: str, at: str = "accepted") -> tuple[Any, str]:
    """Who declared in this way, and where the declaration's pages are."""
    declaration_id = a_declaration(at).id
    with transaction():
        declaration = db.session.get_one(Declaration, declaration_id)
        declaration.kind = kind
        return declaration.person, f"/declarations/{declaration_id}"


@pytest.mark.parametrize(
    ("kind", "title", "asked"),
    [
        ("破格申报", "破格申报审批表", ("破格情形及理由", "人力资源和社会保障部门审批意见")),
        ("转评申报", "转评申报表", ("转评理由", "评委会组建单位意见")),
        ("转评", "转评申报表", ("转评理由",)),
    ],
)
def test_the_paper_of_its_kind_is_printed_from_the_declaration(
    app: Flask, client_for: Enter, kind: str, title: str, asked: tuple[str, ...]
) -> None:
    person, address = of_kind(kind)
    browser = client_for(person)
    assert f"打印{title}" in browser.get(address).text
    answer = browser.get(f"{address}/kind-form")
    assert (answer.status_code, answer.content_type) == (200, "application/pdf")
    text = text_of(answer.data)
    told = ("苏晓禾", "340000********9020", "现有职称", "学历教育", "经公示无异议，同意推荐", kind)
    for shown in (title, *asked, *told):
        assert shown in text, shown


def test_an_ordinary_declaration_has_none(app: Flask, client_for: Enter) -> None:
    person, address = of_kind("常规申报")
    browser = client_for(person)
    assert "kind-form" not in browser.get(address).text
    assert browser.get(f"{address}/kind-form").status_code == 404


def test_there_is_none_before_the_declaration_is_sent_up(app: Flask, client_for: Enter) -> None:
    person, address = of_kind("破格申报", at="fill_declaration")
    refused = client_for(person).get(f"{address}/kind-form")
    assert refused.status_code == 409
    assert "请先提交申报" in refused.text


def test_a_stranger_learns_nothing_of_it(app: Flask, client_for: Enter) -> None:
    _, address = of_kind("破格申报")
    with transaction():
        stranger = a_person("尤路人", roles=[("applicant", "all", None)])
    assert client_for(stranger).get(f"{address}/kind-form").status_code == 404


def test_the_paper_is_of_what_was_sent_up_and_not_of_what_is_being_typed(app: Flask) -> None:
    declaration_id = a_declaration().id
    with transaction():
        found = get_declaration(declaration_id)
        found.kind = "破格申报"
        (sent,) = snapshots_of(found.id)
        sent.content = {"held": {**sent.content["held"], "kind": found.kind}, "sections": []}
    do(("declaration", declaration_id), "vet_declaration", RETURN)
    with transaction():
        found = get_declaration(declaration_id)
        before = kind_form_of(found)
        found.kind = "转评申报"
        db.session.flush()
        assert kind_form_of(found) == before
        assert ("申报形式", "破格申报") in [pair for line in before.basics for pair in line]
        assert kind_form_title(found) == "破格申报审批表"
