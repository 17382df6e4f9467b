"""Expressions in diagrams: one language, no statements, no way out."""

from collections.abc import Callable, Iterator
from datetime import date

import pytest

from app.engine import environment, handlers, moments
from app.engine.environment import Environment, StatementRefused
from app.engine.handlers import DuplicateHandler, Registry, UnknownHandler
from rules.expression import ExpressionError
from tests.engine.kit import NOON


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(environment, "_functions", {})
    environment.register_function(
        "workdays_after", lambda day, count: day.replace(day=day.day + count)
    )
    with moments.bound(NOON):
        yield
    environment._compiled.cache_clear()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('decision == "return"', True),
        ("level + 1", 3),
        ("today", "2026-11-23"),
        ("workdays_after(today, 5)", "2026-11-28"),
        ("workdays_after(begun_at, 1)", "2026-11-02"),
        ('date("2026-12-01")', "2026-12-01"),
    ],
)
def test_expressions_see_data_today_and_registered_functions(text: str, value: object) -> None:
    data = {"decision": "return", "level": 2, "begun_at": "2026-11-01T09:00:00+08:00"}
    assert Environment().evaluate(text, data) == value


def test_data_cannot_pretend_to_be_today() -> None:
    assert Environment().evaluate("today", {"today": "1999-01-01"}) == "2026-11-23"


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "().__class__",
        "open('/etc/passwd')",
        "[x for x in (1, 2)]",
        "(lambda: 1)()",
        "x := 1",
        "exec('1')",
    ],
)
def test_no_expression_leads_out(text: str) -> None:
    with pytest.raises(ExpressionError):
        Environment().evaluate(text, {})


def test_statements_and_outside_services_are_refused() -> None:
    with pytest.raises(StatementRefused):
        Environment().execute("x = 1", {})
    with pytest.raises(StatementRefused):
        Environment().call_service({})


def test_a_limit_in_working_days_follows_the_registered_calendar() -> None:
    assert environment.workdays_after(date(2026, 11, 23), 3) == date(2026, 11, 26)
    environment._functions.clear()
    with pytest.raises(LookupError, match="no working-day calendar"):
        environment.workdays_after(date(2026, 11, 23), 3)


@pytest.mark.parametrize("name", ["today", "workdays_after", "len", "_note"])
def test_names_with_another_meaning_are_reserved(name: str) -> None:
    assert environment.is_reserved(name)
    assert not environment.is_reserved("decision")


def test_a_name_is_registered_once_and_a_missing_one_is_named() -> None:
    registry: Registry[Callable[[], int]] = Registry("service handler")

    def one() -> int:
        return 1

    registry("act")(one)
    registry("act")(one)
    with pytest.raises(DuplicateHandler, match="'act' is registered twice"):
        registry("act")(lambda: 2)
    with pytest.raises(UnknownHandler, match="no service handler 'other'; registered: act"):
        registry.get("other")
    assert "act" in registry
    assert registry.names() == {"act"}
    registry.remove("act")
    assert "act" not in registry


def test_the_generic_save_handler_needs_a_work_item() -> None:
    step = handlers.Step(instance=None, node="n", data={}, now=NOON)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="work item"):
        handlers.save.get("record_answers")(step, {})
