"""docs/gate.md lists the rules of the publish gate, each with a bundle that shows it."""

import ast
import re
from pathlib import Path

import pytest

from app.engine.gate.inspection import inspect
from tests.engine.gate_builder import KNOWN
from tests.engine.gate_witnesses import WITNESSES

ROOT = Path(__file__).resolve().parents[2]
GATE = ROOT / "app" / "engine" / "gate"
_ROW = re.compile(r"^\| `([a-z]+\.[a-z_]+)` \|", re.MULTILINE)
_TEST = re.compile(r"(tests/\S+\.py)::(\w+)")
_RULE = re.compile(r"[a-z]+\.[a-z_]+")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
TEXT = (ROOT / "docs" / "gate.md").read_text("utf-8")
ROWS = {
    line.split("`")[1]: [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in TEXT.splitlines()
    if _ROW.match(line)
}
EXAMPLES = [(rule, name.strip()) for rule, cells in ROWS.items() for name in cells[-1].split(";")]


def rules_in_code() -> set[str]:
    """Every text of the gate's modules that has the shape of a rule id."""
    trees = [ast.parse(path.read_text("utf-8")) for path in GATE.glob("*.py")]
    return {
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _RULE.fullmatch(node.value)
    }


def rules_said(files: dict[str, bytes]) -> set[str]:
    return {finding.rule for finding in inspect(files, known=KNOWN).findings}


def test_the_table_lists_the_rules_of_the_code_each_once_in_order() -> None:
    assert sorted(rules_in_code()) == _ROW.findall(TEXT)


@pytest.mark.parametrize("rule", ROWS)
def test_each_rule_says_what_why_and_what_to_do_with_an_example(rule: str) -> None:
    _rule, refuses, why, hint, example = ROWS[rule]
    assert refuses
    assert why
    assert CHINESE.search(hint)
    assert example


@pytest.mark.parametrize(("rule", "example"), EXAMPLES, ids=lambda text: text[:60])
def test_the_example_is_refused_and_passes_without_the_fault(rule: str, example: str) -> None:
    named = _TEST.fullmatch(example)
    if named:
        tree = ast.parse((ROOT / named[1]).read_text("utf-8"))
        assert named[2] in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
        return
    witness = WITNESSES[example]
    assert witness.rule == rule
    assert rule in rules_said(witness.faulty)
    assert rules_said(witness.sound) == set()


def test_every_bundle_with_a_fault_is_an_example_of_its_rule() -> None:
    assert {(rule, name) for rule, name in EXAMPLES if name in WITNESSES} == {
        (witness.rule, name) for name, witness in WITNESSES.items()
    }
