"""The source as the architecture tests read it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOUSES = ("app", "forms", "rules")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def files(folder: str, pattern: str = "*.py") -> tuple[Path, ...]:
    """Files below a folder of the repository, without what machines write."""
    found = sorted((ROOT / folder).rglob(pattern))
    return tuple(path for path in found if "migrations" not in path.parts)


def name_of(path: Path) -> str:
    """A path as people say it."""
    return str(path.relative_to(ROOT))


def sources() -> list[Path]:
    """The Python files of the program."""
    return [path for house in HOUSES for path in files(house)]


@cache
def tree(path: Path) -> ast.Module:
    """A file as a syntax tree."""
    return ast.parse(path.read_text("utf-8"))


def functions(path: Path) -> Iterator[Function]:
    """Every function and method of a file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported(path: Path) -> set[str]:
    """The modules that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names
