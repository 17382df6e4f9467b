"""Escapes: refused wherever they can be written, at the gate and again when the gate is passed."""

import pytest

from app.core.errors import DomainError
from app.engine import environment, handlers, moments, projection
from app.engine.environment import Environment, StatementRefused
from app.engine.gate.inspection import inspect
from forms import FormSpecError, load
from rules.expression import ExpressionError
from tests.engine.gate_builder import KNOWN
from tests.engine.gate_escapes import ESCAPES, RICH, Escaped, run_unjudged, watched
from tests.engine.gate_places import PLACES, Place
from tests.engine.kit import NOON

by_place = pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
by_escape = pytest.mark.parametrize("payload", ESCAPES.values(), ids=ESCAPES.keys())


@by_place
def test_what_belongs_in_a_place_passes_the_gate(place: Place) -> None:
    if place.sound is None:
        with_nothing_bad = inspect(place.files("amount == 1"), known=KNOWN)
        errors = {f.rule for f in with_nothing_bad.findings if f.severity == "error"}
        assert errors <= place.rules
        assert not with_nothing_bad.ok
        return
    verdict = inspect(place.files(place.sound), known=KNOWN)
    assert [(f.rule, f.message) for f in verdict.findings] == []


@by_place
def test_no_escape_passes_the_gate(place: Place) -> None:
    for name, payload in ESCAPES.items():
        verdict = inspect(place.files(payload), known=KNOWN)
        rules = {f.rule for f in verdict.findings if f.severity == "error"}
        assert rules, name
        assert rules <= place.rules, name


@by_place
def test_no_escape_runs_when_the_gate_is_passed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, payload in ESCAPES.items():
        with watched(monkeypatch) as wanted:
            error = stopped_by(place, payload)
        assert not isinstance(error, Escaped), name
        if place.asked:
            assert any(payload.strip() in text for text in wanted), (name, wanted, error)
            assert isinstance(error, ExpressionError | ValueError), (name, error)


def stopped_by(place: Place, payload: str) -> BaseException | None:
    try:
        run_unjudged(place.files(payload))
    except (Exception, Escaped) as error:
        return error
    return None


@by_escape
def test_the_environment_evaluates_no_escape_whatever_data_it_is_given(payload: str) -> None:
    with moments.bound(NOON), pytest.raises(ExpressionError):
        Environment().evaluate(payload, RICH, RICH)
    with pytest.raises(StatementRefused):
        Environment().execute(payload, RICH, RICH)


@by_escape
def test_what_properties_name_is_looked_up_and_never_evaluated(payload: str) -> None:
    for registry in (handlers.service, handlers.save, handlers.scope, handlers.page):
        with pytest.raises(handlers.UnknownHandler):
            registry.get(payload)
    with pytest.raises(ValueError, match="invalid literal"):
        projection._due(payload, NOON)
    with pytest.raises((FormSpecError, DomainError)):
        load(payload)
    assert payload not in environment.function_names()


def test_the_watch_would_see_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's own environment runs what ours refuses, and the watch says so."""
    from SpiffWorkflow.bpmn.script_engine import TaskDataEnvironment

    own = TaskDataEnvironment({})
    assert own.evaluate("().__class__", {}) is tuple
    with watched(monkeypatch), pytest.raises(Escaped):
        own.evaluate("().__class__", {})
    with watched(monkeypatch), pytest.raises(Escaped):
        own.execute("x = 1", {})
