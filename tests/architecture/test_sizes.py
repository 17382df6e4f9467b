"""Sizes: a file and a function that one can hold in mind."""

import ast
from pathlib import Path

import pytest

from tests.architecture.source import Function, files, functions, name_of, sources

FILE_STOP, TEST_FILE_STOP, FUNCTION_STOP, VIEW_STOP = 400, 500, 40, 25


def lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def length(function: Function) -> int:
    """Lines of a function from its def to its end, without its docstring."""
    words = function.body[0] if ast.get_docstring(function) else None
    said = (words.end_lineno or 0) - words.lineno + 1 if words else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - said


def body_length(function: Function) -> int:
    """Lines of what a function does, without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def is_view(function: Function) -> bool:
    return any(
        isinstance(mark, ast.Call) and getattr(mark.func, "id", "") == "requires"
        for mark in function.decorator_list
    )


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_a_file_of_the_program_stays_readable(path: Path) -> None:
    assert lines(path) <= FILE_STOP


@pytest.mark.parametrize("path", files("tests"), ids=name_of)
def test_a_file_of_tests_stays_readable(path: Path) -> None:
    assert lines(path) <= TEST_FILE_STOP


@pytest.mark.parametrize("path", [*sources(), *files("tests")], ids=name_of)
def test_functions_stay_short(path: Path) -> None:
    assert {f.name: length(f) for f in functions(path) if length(f) > FUNCTION_STOP} == {}


def test_views_only_call_and_render() -> None:
    views = [(path, f) for path in sources() for f in functions(path) if is_view(f)]
    assert len(views) > 30
    long = {
        f"{name_of(path)}:{f.name}": body_length(f)
        for path, f in views
        if body_length(f) > VIEW_STOP
    }
    assert long == {}
