"""Five hundred disguises of the escapes: refused twice, or nothing but small plain data."""

from datetime import date

import pytest

from app.engine import moments
from app.engine.environment import Environment
from app.engine.gate.inspection import inspect
from rules.expression import (
    MAX_NUMBER,
    MAX_VALUE_ITEMS,
    MAX_VALUE_TEXT,
    ExpressionError,
    compile_expression,
)
from tests.engine.gate_builder import KNOWN
from tests.engine.gate_escapes import DATA, RICH, watched
from tests.engine.gate_places import PLACES
from tests.engine.gate_variants import DISGUISES, GOALS, variants
from tests.engine.kit import NOON

SEED, COUNT = 20261121, 512
VARIANTS = list(variants(SEED, COUNT))
ASKED = [place for place in PLACES.values() if place.asked and place.sound]
PARTS = 16


def evaluated(text: str, data: dict[str, object]) -> object:
    """The value, or the refusal; any other error is a fault of the language."""
    with moments.bound(NOON):
        try:
            return Environment().evaluate(text, data)
        except ExpressionError as refusal:
            return refusal


def is_harmless(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_VALUE_TEXT
    if isinstance(value, list):
        return len(value) <= MAX_VALUE_ITEMS and all(map(is_harmless, value))
    if isinstance(value, dict):
        return value == DATA["json"]
    if isinstance(value, int | float):
        return -MAX_NUMBER <= value <= MAX_NUMBER
    return value is None or isinstance(value, date)


def test_the_same_seed_makes_the_same_five_hundred() -> None:
    assert list(variants(SEED, COUNT)) == VARIANTS
    assert len({text for _name, text in VARIANTS}) == COUNT >= 500
    used = [name.partition(",")[0] for name, _text in VARIANTS]
    assert {used.count(name) for name in DISGUISES} == {COUNT // len(DISGUISES)}


@pytest.mark.parametrize("text", GOALS)
def test_what_is_disguised_is_refused_bare(text: str) -> None:
    assert isinstance(evaluated(text, RICH), ExpressionError)


@pytest.mark.parametrize("part", range(PARTS))
def test_a_disguise_is_refused_twice_or_is_harmless(
    part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watched(monkeypatch):
        for number, (name, text) in list(enumerate(VARIANTS))[part::PARTS]:
            value = evaluated(text, DATA)
            passes = inspect(ASKED[number % len(ASKED)].files(text), known=KNOWN).ok
            if isinstance(value, ExpressionError):
                assert not passes or computes_too_much(text), (name, text, value)
            else:
                assert is_harmless(value), (name, text, value)


def computes_too_much(text: str) -> bool:
    """Whether a text is a sound expression, whose fault shows only with its values."""
    compile_expression(text)
    return True


def test_some_disguises_are_harmless_so_that_the_bounds_are_tried() -> None:
    values = [evaluated(text, DATA) for _name, text in VARIANTS]
    harmless = [value for value in values if not isinstance(value, ExpressionError)]
    assert 10 <= len(harmless) <= COUNT // 4
