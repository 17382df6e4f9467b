"""docs/bpmn-support.md speaks of tests and rules that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUPPORTED, REFUSED = (ROOT / "docs" / "bpmn-support.md").read_text("utf-8").split("## Refused")
GATE = "".join(path.read_text("utf-8") for path in (ROOT / "app/engine/gate").glob("*.py"))
_TEST = re.compile(r"(tests/\S+\.py)::(\w+)")


def rows(part: str) -> list[list[str]]:
    """The cells of each row of a table, without its head."""
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_supported_element_names_its_tests() -> None:
    assert [row[0] for row in rows(SUPPORTED) if not _TEST.search(row[-1])] == []


@pytest.mark.parametrize("file", sorted({file for file, _ in _TEST.findall(SUPPORTED)}))
def test_the_named_tests_exist(file: str) -> None:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert {name for path, name in _TEST.findall(SUPPORTED) if path == file} <= defined


@pytest.mark.parametrize("row", rows(REFUSED), ids=lambda row: row[-1])
def test_every_refused_element_names_a_rule_of_the_gate(row: list[str]) -> None:
    assert f'"{row[-1].strip("`")}"' in GATE
