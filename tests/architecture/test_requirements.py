"""docs/requirements.md says what the platform does: every row is counted, every proof exists."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "requirements.md"
HEAD = ["ID", "Function", "State", "Where", "Proved by"]
STATES = {"done", "partly", "planned"}
# How many rows each manual has; 沧州 numbers one of its rows 05a.
MANUALS = {"FJ-P": 61, "FJ-U": 22, "AH-P": 68, "HB-U": 17, "HB-P": 24, "HB-C": 21, "HB-E": 15}
EXTRA = ("CZ", 41, "CZ-05a")
PROOF = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


@cache
def _rows() -> list[list[str]]:
    lines = [_cells(line) for line in TABLE.read_text("utf-8").splitlines() if line[:1] == "|"]
    return [cells for cells in lines if re.match(r"(FJ|AH|HB|CZ)-", cells[0])]


def _expected_ids() -> list[str]:
    prefix, count, between = EXTRA
    guide = [f"{prefix}-{number:02}" for number in range(1, count + 1)]
    guide.insert(guide.index(between[:-1]) + 1, between)
    manuals = [f"{key}-{n:02}" for key, last in MANUALS.items() for n in range(1, last + 1)]
    return manuals + guide


@cache
def _functions(path: str) -> frozenset[str]:
    file = ROOT / path
    if not file.exists():
        return frozenset()
    tree = ast.parse(file.read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_requirement_has_one_row_in_the_order_of_the_manuals():
    assert [row[0] for row in _rows()] == _expected_ids()
    assert len(_rows()) == 270


def test_a_row_has_its_five_cells_and_one_of_three_states():
    wrong = [
        row[0]
        for row in _rows()
        if len(row) != len(HEAD) or row[2].partition(":")[0] not in STATES or not row[1]
    ]
    assert wrong == []


def test_what_is_partly_there_says_what_is_missing():
    silent = [
        row[0]
        for row in _rows()
        if row[2].startswith("partly") and not row[2].partition(":")[2].strip()
    ]
    assert silent == []


def test_what_is_done_says_where_and_is_proved():
    assert [r[0] for r in _rows() if r[2] == "done" and not (r[3] and PROOF.search(r[4]))] == []


def test_every_proof_is_a_test_that_exists():
    named = [(row[0], *found) for row in _rows() for found in PROOF.findall(row[4])]
    assert named
    missing = [
        f"{row}: {path}::{name}" for row, path, name in named if name not in _functions(path)
    ]
    assert missing == []


def _counted(text: str) -> str:
    states = [row[2].partition(":")[0] for row in map(_cells, text.splitlines()) if len(row) > 2]
    return " | ".join(str(states.count(state)) for state in ("done", "partly", "planned"))


def test_the_summary_counts_the_rows():
    text = TABLE.read_text("utf-8")
    summary, *chapters = re.split(r"^## ", text, flags=re.MULTILINE)
    counts = _counted("".join(chapters)).split(" | ")
    assert "**{} done, {} partly, {} planned.**".format(*counts) in summary
    for chapter in chapters:
        assert f"| {chapter.splitlines()[0]} | {_counted(chapter)} |" in summary
