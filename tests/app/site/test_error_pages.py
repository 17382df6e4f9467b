"""A refusal says what happened and the next step; whoever is signed in keeps the menu."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from app.accounts.models import Person
from app.core.db import db, transaction
from app.core.errors import Conflict, Forbidden, Invalid, TooLarge
from tests.builders.people import a_person

Enter = Callable[..., Any]
ENGINE_WORDS = ("BPMN", "Spiff", "Error", "Exception", "Traceback", "None", "incident")


@pytest.fixture
def clerk(app: Flask) -> Person:
    with transaction():
        return a_person("邬小棠", roles=[("unit_clerk", "all", None)])


@pytest.fixture
def home_that_fails(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    """Let the home page raise an error, as it would for a visitor of the real platform."""
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setattr(app, "testing", False)

    def fail(error: Exception) -> None:
        def raising(*_: Any) -> None:
            raise error

        monkeypatch.setattr("app.inbox.views.panels_for", raising)

    return fail


@pytest.mark.parametrize(
    ("error", "status", "next_step"),
    [
        (Forbidden(), 403, "请联系本单位的单位管理员开通相应的身份"),
        (Conflict(), 409, "请查看最新状态后再操作"),
        (TooLarge(), 413, "请压缩或拆分后重新上传"),
        (Invalid("意见过长"), 422, "请返回上一页"),
        (ZeroDivisionError(), 500, "出错时间：2026-11-23 09:00"),
    ],
)
def test_a_refusal_keeps_the_menu_and_gives_a_next_step(
    client_for: Enter,
    clerk: Person,
    home_that_fails: Callable[[Exception], None],
    error: Exception,
    status: int,
    next_step: str,
) -> None:
    home_that_fails(error)
    answer = client_for(clerk).get("/home")
    assert answer.status_code == status
    assert 'id="side"' in answer.text
    assert "邬小棠" in answer.text
    assert next_step in answer.text
    assert not [word for word in ENGINE_WORDS if word in answer.text]


def test_what_is_not_there_keeps_the_menu(client_for: Enter, clerk: Person) -> None:
    page = client_for(clerk).get("/nowhere").text
    assert 'id="side"' in page
    assert "或从菜单重新进入" in page


def test_a_visitor_is_led_to_the_public_home_page(client_for: Enter) -> None:
    page = client_for(None).get("/nowhere").text
    assert 'id="side"' not in page
    assert "返回首页" in page


def test_who_lacks_a_role_is_told_the_roles_held(client_for: Enter, clerk: Person) -> None:
    answer = client_for(clerk).get("/studio/processes")
    assert answer.status_code == 403
    assert "您现在的身份：单位经办人" in answer.text


def test_after_a_stale_form_the_latest_state_is_one_click_away(
    client_for: Enter, clerk: Person, home_that_fails: Callable[[Exception], None]
) -> None:
    home_that_fails(Conflict())
    came_from = "http://localhost/tasks/1"
    page = client_for(clerk).get("/home", headers={"Referer": came_from}).text
    assert f'href="{came_from}">查看最新状态' in page


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_page_says_so_when_the_database_is_down(
    app: Flask, client_for: Enter, clerk: Person, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setattr(app, "testing", False)
    browser = client_for(clerk)
    db.session.remove()
    db.engine.dispose()

    def refuse(*_: Any) -> None:
        raise OperationalError("connect", {}, Exception("server closed the connection"))

    event.listen(db.engine, "do_connect", refuse)
    try:
        answer = getattr(browser, method)("/home")
    finally:
        event.remove(db.engine, "do_connect", refuse)
    assert answer.status_code == 500
    assert "操作没有生效" in answer.text
    assert "server closed" not in answer.text
