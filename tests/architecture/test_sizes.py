"""Sizes: a file and a function that one can hold in mind."""

import ast
from pathlib import Path

from tests.architecture.source import Function, files, functions, name_of, sources

FILE_STOP, TEST_FILE_STOP, FUNCTION_STOP, VIEW_STOP = 400, 500, 40, 25


def lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def length(function: Function) -> int:
    """Lines of a function from its def to its end, with its docstring."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def body_length(function: Function) -> int:
    """Lines of what a function does, without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def is_view(function: Function) -> bool:
    return any(
        isinstance(mark, ast.Call) and getattr(mark.func, "id", "") == "requires"
        for mark in function.decorator_list
    )


def test_a_file_stays_readable() -> None:
    stops = {FILE_STOP: sources(), TEST_FILE_STOP: files("tests")}
    assert all(len(paths) > 100 for paths in stops.values())
    assert [
        (name_of(path), lines(path))
        for stop, paths in stops.items()
        for path in paths
        if lines(path) > stop
    ] == []


def test_functions_stay_short() -> None:
    assert [
        (name_of(path), function.name, length(function))
        for path in (*sources(), *files("tests"))
        for function in functions(path)
        if length(function) > FUNCTION_STOP
    ] == []


def test_views_only_call_and_render() -> None:
    views = [(path, f) for path in sources() for f in functions(path) if is_view(f)]
    assert len(views) > 30
    long = {
        f"{name_of(path)}:{f.name}": body_length(f)
        for path, f in views
        if body_length(f) > VIEW_STOP
    }
    assert long == {}
