"""What PostgreSQL runs again of the tests that SQLite has run: what asks it something new.

The run on SQLite notes, of each test, the statements that the application sent, each with the
kinds of its values and with the law that refused it. PostgreSQL then runs the cheapest tests that
together send all of them, every test about locks, and every test of which nothing was noted.
Without notes, or where no statement was noted, it runs all.
"""

import ast
import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

ROOT = Path(__file__).parents[1]
NOTES = ROOT / "build" / "statements"
ALWAYS = "tests/engine/"
"""Where transactions, locks and timers are themselves the matter."""
OF_LOCKS = re.compile(r"postgresql|threading|builders\.(?:threads|locks)|for_update")
"""What a test says that waits for locks, which SQLite's statements do not show."""
_is_noting = True
_APPLICATION = f"{ROOT / 'app'}/"
_ALTERNATIVES = re.compile(r"(\S.{15,250}?)(?: OR \1)+")
_LIST = re.compile(r"\?(?:, \?)+")
_ROWS = re.compile(r"\(\?\)(?:, \(\?\))+")
_LARGE = 2**31


def _kind(value: Any) -> str:
    """What PostgreSQL may take otherwise than SQLite: the type, the size, a NUL."""
    if isinstance(value, str) and "\0" in value:
        return "NUL"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _LARGE:
        return "large"
    return type(value).__name__


@contextmanager
def unnoted() -> Iterator[None]:
    """Note nothing of what is tried on SQLite alone."""
    global _is_noting  # noqa: PLW0603 - the notes of a process are one
    _is_noting = False
    try:
        yield
    finally:
        _is_noting = True


def _is_of_the_application() -> bool:
    """Tell whether the application asks: what a test asks for itself is nobody else's question."""
    frame = sys._getframe(2)  # a whole stack would be dear, at every statement
    while frame is not None:
        if frame.f_code.co_filename.startswith(_APPLICATION):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


@cache
def _essence(text: str) -> str:
    """Return a statement without how often it repeats a value, a row or an alternative."""
    return _ALTERNATIVES.sub(r"\1", _ROWS.sub("(?)", _LIST.sub("?", text)))


class Notes:
    """The statements of each test of one process."""

    def __init__(self, worker: str) -> None:
        self.worker = worker
        self.known: dict[str, int] = {}
        self.tests: dict[str, tuple[float, list[int]]] = {}
        self.sent: set[str] = set()
        self.skipped: set[str] = set()
        sa.event.listen(sa.Engine, "before_cursor_execute", self._note)
        sa.event.listen(sa.Engine, "handle_error", self._note_refusal)

    def close(self) -> None:
        """Note no more."""
        sa.event.remove(sa.Engine, "before_cursor_execute", self._note)
        sa.event.remove(sa.Engine, "handle_error", self._note_refusal)

    def _note(self, _connection: Any, _cursor: Any, text: str, values: Any, *_: Any) -> None:
        if not (_is_noting and _is_of_the_application()):
            return
        rows = values if isinstance(values, list) else [values]
        if isinstance(values, dict):
            rows = [values.values()]  # by psycopg, in the few tests that ask it even now
        kinds = ",".join(sorted({_kind(each) for row in rows for each in row}))
        self.sent.add(f"{_essence(text)} {kinds}")

    def _note_refusal(self, context: sa.engine.ExceptionContext) -> None:
        self.sent.add(f"{context.original_exception}")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Note what one test sends, with its fixtures."""
        self.sent.clear()
        begun = time.perf_counter()
        result = yield
        numbers = sorted({self.known.setdefault(each, len(self.known)) for each in self.sent})
        self.tests[item.nodeid] = (time.perf_counter() - begun, numbers)
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Of what was skipped nothing is known."""
        if report.skipped:
            self.skipped.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Keep what was noted: each process on a file of its own."""
        NOTES.mkdir(parents=True, exist_ok=True)
        seen = {name: kept for name, kept in self.tests.items() if name not in self.skipped}
        kept = {"texts": list(self.known), "tests": seen}
        (NOTES / f"{self.worker}.json").write_text(json.dumps(kept))


def _noted() -> dict[str, tuple[float, set[str]]]:
    tests = {}
    for path in sorted(NOTES.glob("*.json")):
        kept = json.loads(path.read_text())
        for name, (seconds, numbers) in kept["tests"].items():
            tests[name] = (seconds, {kept["texts"][number] for number in numbers})
    return tests


@cache
def _of_locks(path: Path) -> frozenset[str]:
    """Return what of a file of tests is about locks, by itself or by what it uses of the file."""
    text = path.read_text("utf-8")
    parts: dict[str, str] = {}
    for node in ast.parse(text).body:
        first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
        said = "\n".join(text.splitlines()[first - 1 : node.end_lineno])
        parts |= dict.fromkeys(_names(node), said)
    found: set[str] = set()
    said_by = {name for name, said in parts.items() if OF_LOCKS.search(said)}
    while said_by:
        found |= said_by
        uses = re.compile(rf"\b(?:{'|'.join(map(re.escape, said_by))})\b")
        said_by = {name for name, said in parts.items() if name not in found and uses.search(said)}
    return frozenset(found)


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [each.asname or each.name.partition(".")[0] for each in node.names]
    if isinstance(node, ast.Assign):
        return [each.id for each in node.targets if isinstance(each, ast.Name)]
    return [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef) else []


def _is_of_locks(item: pytest.Item) -> bool:
    name = item.nodeid.rpartition("::")[2].partition("[")[0]
    return not _of_locks(item.path).isdisjoint({name, "pytestmark"})


def worth_running(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return the tests that together send every statement, in the order they have.

    Notes without a statement are of a run that looked away: they leave nothing out.
    """
    noted = _noted()
    chosen = {
        item.nodeid
        for item in items
        if item.nodeid.startswith(ALWAYS) or item.nodeid not in noted or _is_of_locks(item)
    }
    left = {item.nodeid: noted[item.nodeid] for item in items if item.nodeid in noted}
    missing = set().union(*(texts for _seconds, texts in left.values()))
    if not missing:
        return list(items)
    for name in chosen & left.keys():
        missing -= left.pop(name)[1]
    left = {name: (cost, texts & missing) for name, (cost, texts) in left.items()}
    while missing:
        best = max(left, key=lambda name: (len(left[name][1]) / left[name][0], name))
        chosen.add(best)
        missing -= left.pop(best)[1]
        left = {
            name: (cost, rest) for name, (cost, texts) in left.items() if (rest := texts & missing)
        }
    return [item for item in items if item.nodeid in chosen]
