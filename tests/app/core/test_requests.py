"""What every page shares: repeats, refusals, permission, paging, headers."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Person
from app.core import permissions
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Forbidden
from app.core.http import Page, page_by_ids, page_from, page_of, safe_next
from app.core.menu import add_entry
from app.core.permissions import authorize, register_predicate, requires
from app.core.repeats import RequestKey
from app.units.models import Employment
from tests.builders.people import a_person, a_unit

APPLICANT = [("applicant", "all", None)]


@pytest.fixture
def applicant(app: Flask) -> Person:
    with transaction():
        return a_person("苏晓禾", roles=APPLICANT)


@pytest.fixture
def unit_id(app: Flask) -> int:
    with transaction():
        return a_unit().id


def requests() -> int:
    with transaction(write=False):
        return db.session.scalar(sa.select(sa.func.count(Employment.id))) or 0


def test_a_form_sent_twice_acts_once_and_answers_the_same(
    client_for: Any, applicant: Person, unit_id: int
) -> None:
    browser = client_for(applicant)
    form = {"unit_id": unit_id, "request_key": "k1"}
    first, second = browser.post("/binding", form), browser.post("/binding", form)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.location == second.location
    assert requests() == 1


def test_the_same_key_with_another_body_is_a_conflict(
    client_for: Any, applicant: Person, unit_id: int
) -> None:
    browser = client_for(applicant)
    browser.post("/binding", {"unit_id": unit_id, "request_key": "k1"})
    other = browser.post("/binding", {"unit_id": unit_id, "note": "x", "request_key": "k1"})
    assert other.status_code == 409
    assert "已提交过" in other.text


def test_a_key_of_somebody_else_gives_nothing_away(
    client_for: Any, applicant: Person, unit_id: int
) -> None:
    form = {"unit_id": unit_id, "request_key": "k1"}
    client_for(applicant).post("/binding", form)
    with transaction():
        other = a_person("卜文", roles=APPLICANT)
    assert client_for(other).post("/binding", form).status_code == 409


def test_a_refused_form_keeps_no_key_so_that_it_can_be_mended(
    client_for: Any, applicant: Person, unit_id: int
) -> None:
    browser = client_for(applicant)
    assert browser.post("/binding", {"request_key": "k1"}).status_code == 422
    assert browser.post("/binding", {"unit_id": unit_id, "request_key": "k1"}).status_code == 303
    with transaction(write=False):
        assert db.session.scalar(sa.select(sa.func.count(RequestKey.id))) == 1


def test_a_script_is_refused_in_json(client_for: Any, applicant: Person) -> None:
    asked = {"Accept": "application/json"}
    answer = client_for(applicant).post("/declarations/999999/autosave", {}, headers=asked)
    assert answer.status_code == 404
    assert "不存在" in json.loads(answer.text)["error"]


def test_a_role_that_may_not_is_told_so(client_for: Any, applicant: Person) -> None:
    answer = client_for(applicant).get("/staff")
    assert answer.status_code == 403
    assert "没有" in answer.text


@pytest.mark.parametrize("url", ["/no-such-page", "/tasks/999999", "/files/999999"])
def test_what_is_not_there_is_not_found(client_for: Any, applicant: Person, url: str) -> None:
    assert client_for(applicant).get(url).status_code == 404


def test_a_built_file_that_is_gone_is_not_found(client_for: Any) -> None:
    """A page that was open while a new version was installed asks for files of the old one."""
    answer = client_for(None).get("/static/dist/gone.js")
    assert (answer.status_code, "页面不存在" in answer.text) == (404, True)
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_wrong_method_is_refused(client_for: Any, applicant: Person) -> None:
    assert client_for(applicant).post("/home").status_code == 405


def test_every_answer_carries_the_headers_that_protect_it(client_for: Any) -> None:
    headers = client_for(None).get("/").headers
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "Cookie" in headers["Vary"]


def test_an_unexpected_failure_is_a_page_and_nothing_is_kept(
    app: Flask, client_for: Any, applicant: Person, unit_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("app.engine.runtime.start", fail)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setattr(app, "testing", False)
    answer = client_for(applicant).post("/binding", {"unit_id": unit_id})
    assert answer.status_code == 500
    assert "操作没有生效" in answer.text
    assert requests() == 0


@pytest.mark.parametrize(
    ("target", "goes_to"),
    [
        ("/plans?page=2", "/plans?page=2"),
        ("https://evil.example/", "/home"),
        ("//evil.example/", "/home"),
        ("/\\evil.example", "/home"),
        ("/\t/evil.example", "/home"),
        ("javascript:alert(1)", "/home"),
        ("plans", "/home"),
        ("", "/home"),
        (None, "/home"),
    ],
)
def test_one_goes_on_only_within_the_site(target: str | None, goes_to: str) -> None:
    assert safe_next(target, "/home") == goes_to


def test_pages_are_counted_as_people_count() -> None:
    page: Page[int] = Page(list(range(11, 21)), 2, 10, 128)
    assert page.first == 11
    empty: Page[int] = Page([], 1, 10, 0)
    assert empty.first == 0


def test_a_page_past_the_end_shows_the_last_one(app: Flask) -> None:
    with transaction():
        for number in range(5):
            a_person(f"人员{number}")
        page = page_of(sa.select(Person).order_by(Person.id), page=9, size=2)
        assert (page.number, [p.name for p in page.items]) == (3, ["人员4"])


def test_a_page_is_the_same_whether_its_ids_are_read_first(app: Flask) -> None:
    with transaction():
        for number in range(5):
            a_person(f"人员{number % 3}")
        everybody = sa.orm.aliased(Person, sa.select(Person).subquery())
        people = sa.select(everybody).order_by(everybody.name.desc(), everybody.id)
        for number in (1, 2, 9):
            whole = page_of(people, page=number, size=2)
            assert page_by_ids(people, page=number, size=2) == whole
            with app.test_request_context(f"/?page={number}"):
                assert page_from(db.session.scalars(people).all(), size=2) == whole
        assert page_by_ids(people.where(sa.false()), page=1).items == []


def test_a_list_without_end_is_counted_and_paged_so_far(app: Flask) -> None:
    with transaction():
        for number in range(5):
            a_person(f"人员{number}")
        people = sa.select(Person).order_by(Person.id)
        bounded = page_of(people, page=9, size=2, most=3)
        assert (bounded.number, bounded.total, bounded.more) == (2, 3, True)
        whole = page_of(people, page=1, size=2, most=5)
        assert (whole.total, whole.more) == (5, False)


def test_an_action_that_the_table_lacks_cannot_be_declared() -> None:
    with pytest.raises(KeyError, match=r"no\.such"):
        requires("no.such")


def test_a_predicate_has_one_owner(app: Flask) -> None:
    with pytest.raises(ValueError, match="registered twice"):
        register_predicate("may_do_task")(lambda *_: True)


def test_authorizing_asks_the_predicate(app: Flask) -> None:
    with transaction():
        unit, stranger = a_unit(), a_person("卜文")
        with pytest.raises(Forbidden):
            authorize("unit.staff", stranger, unit, now())


def test_a_view_that_forgets_to_judge_its_record_fails_loudly(
    app: Flask, client_for: Any, applicant: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    guarded = permissions.Action(frozenset({"member"}), "may_do_task")
    monkeypatch.setitem(permissions.ACTIONS, "inbox.home", guarded)
    with pytest.raises(RuntimeError, match="never authorized"):
        client_for(applicant).get("/home")


def test_a_menu_entry_belongs_to_a_known_group() -> None:
    with pytest.raises(ValueError, match="menu group"):
        add_entry("别处", "x", "x", "site.home", "site.home")


def test_a_head_request_and_a_look_ahead_read_only(
    client_for: Callable[..., Any], applicant: Person
) -> None:
    assert client_for(applicant).client.head("/home").status_code == 200


@pytest.mark.parametrize(
    ("role", "kind", "scope", "url", "words"),
    [
        ("applicant", "all", None, "/unit", "本单位的单位管理员"),
        ("unit_clerk", "org", 1, "/admin/audit", "本单位的单位管理员"),
        ("unit_admin", "org", 1, "/admin/audit", "请联系安全管理员授予"),
        ("organiser", "org", 1, "/admin/audit", "请联系安全管理员授予"),
        ("system_admin", "all", None, "/admin/audit", "职责互不重叠"),
        ("audit_admin", "all", None, "/unit", "职责互不重叠"),
    ],
)
def test_a_refusal_says_whom_this_person_asks(
    client_for: Any, app: Flask, role: str, kind: str, scope: int | None, url: str, words: str
) -> None:
    with transaction():
        a_unit()
        person = a_person("苏晓禾", roles=[(role, kind, scope)])
    page = client_for(person).get(url)
    assert (page.status_code, words in page.text) == (403, True)
    assert ("单位管理员开通" in page.text) == ("本单位" in words)
