"""Which tests PostgreSQL runs again is decided by what SQLite saw them send."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from tests import second_run

Note = Callable[..., None]
PLAIN = Path(__file__).with_name("source.py")


@pytest.fixture
def note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Note:
    """Give a function that notes what tests of one process sent, in how many seconds."""
    monkeypatch.setattr(second_run, "NOTES", tmp_path)

    def keep(worker: str, **tests: tuple[float, list[str]]) -> None:
        texts = sorted({text for _seconds, sent in tests.values() for text in sent})
        numbered = {
            name: (seconds, [texts.index(text) for text in sent])
            for name, (seconds, sent) in tests.items()
        }
        kept = {"texts": texts, "tests": numbered}
        (tmp_path / f"{worker}.json").write_text(json.dumps(kept))

    return keep


def chosen(*names: str, path: Path = PLAIN) -> list[str]:
    items = [SimpleNamespace(nodeid=name, path=path) for name in names]
    return [item.nodeid for item in second_run.worth_running(items)]  # type: ignore[arg-type]


def test_without_notes_all_are_run() -> None:
    assert chosen("a", "b") == ["a", "b"]


def test_one_that_asks_nothing_new_is_left_out(note: Note) -> None:
    note("gw0", a=(1, ["x", "y"]), b=(1, ["x"]))
    note("gw1", c=(1, ["y"]), d=(1, ["z"]))
    assert chosen("a", "b", "c", "d") == ["a", "d"]


def test_where_nothing_at_all_was_noted_all_are_run(note: Note) -> None:
    note("gw0", a=(1, []), b=(1, []))
    assert chosen("a", "b") == ["a", "b"]


def test_what_fails_unnoted_is_followed_by_notes() -> None:
    with pytest.raises(ZeroDivisionError), second_run.unnoted():
        raise ZeroDivisionError
    assert second_run._is_noting


def test_cheap_ones_take_the_place_of_one_that_takes_long(note: Note) -> None:
    note("gw0", long=(60, ["x", "y"]), one=(1, ["x"]), other=(1, ["y"]))
    assert chosen("long", "one", "other") == ["one", "other"]


def test_what_was_not_noted_and_what_locks_are_about_is_always_run(note: Note) -> None:
    note("gw0", a=(1, ["x"]), **{"tests/engine/test_timers.py::t": (1, ["x"])})
    assert chosen("a", "tests/engine/test_timers.py::t") == ["tests/engine/test_timers.py::t"]
    assert chosen("a", "new") == ["a", "new"]


def test_what_waits_for_locks_is_always_run(note: Note, tmp_path: Path) -> None:
    note("gw0", a=(1, ["x"]), b=(9, ["x"]))

    def among(said: str) -> list[str]:
        path = tmp_path / f"test_{len(list(tmp_path.iterdir()))}.py"
        path.write_text(said)
        return chosen("a", "b", path=path)

    brought = "from tests.builders.threads import together\n"
    assert among(brought) == ["a"], "to bring it waits for nothing"
    assert among(f"{brought}def both():\n    together()\ndef b():\n    both()\n") == ["b"]
    assert among("pytestmark = pytest.mark.on('postgresql')\n") == ["a", "b"]
    assert chosen("a", "b") == ["a"]


@pytest.mark.parametrize(("is_skipped", "kept"), [(False, ["t"]), (True, [])])
def test_of_what_was_skipped_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_skipped: bool, kept: list[str]
) -> None:
    monkeypatch.setattr(second_run, "NOTES", tmp_path)
    notes = second_run.Notes("gw0")
    notes.close()
    notes.tests["t"] = (1, [])
    notes.pytest_runtest_logreport(SimpleNamespace(nodeid="t", skipped=is_skipped))  # type: ignore[arg-type]
    notes.pytest_sessionfinish()
    assert list(json.loads((tmp_path / "gw0.json").read_text())["tests"]) == kept


def test_only_what_the_application_asks_is_noted() -> None:
    notes = second_run.Notes("none")
    try:
        with sa.create_engine("sqlite://").begin() as connection:
            connection.execute(sa.select(sa.literal(1)))
    finally:
        notes.close()
    assert notes.sent <= {"BEGIN "}


def test_a_statement_counts_anew_with_other_values_and_when_it_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(second_run, "_APPLICATION", __file__)
    engine = sa.create_engine("sqlite://")
    notes = second_run.Notes("none")
    try:
        with second_run.unnoted(), engine.begin() as connection:
            connection.execute(sa.select(sa.literal(1)))
        assert notes.sent == set()
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE law (id INTEGER UNIQUE)")
            seen = []
            for values in ([1], [2], [None], [2**31], [3, 4], [5, 6, 7]):
                table = sa.table("law", sa.column("id"))
                connection.execute(sa.select(table).where(table.c.id.in_(values)))
                seen.append(len(notes.sent))
            role, scope = sa.column("id") == 1, sa.column("id") == 2
            for roles in (1, 2, 3):
                clauses = [sa.and_(role, scope)] * roles
                connection.execute(sa.select(table).where(sa.or_(*clauses)))
                seen.append(len(notes.sent))
            with pytest.raises(sa.exc.IntegrityError):
                connection.exec_driver_sql("INSERT INTO law VALUES (?), (?)", (1, 1))
    finally:
        notes.close()
    more = [each - seen[0] for each in seen]
    assert more[:6] == [0, 0, 1, 2, 2, 2], "more values of a list are no other statement"
    assert more[6:] == [3, 3, 3], "more alternatives are no other statement"
    assert any("UNIQUE constraint failed: law.id" in each for each in notes.sent)
