"""The rules import nothing but the standard library."""

import ast
import sys
from pathlib import Path

import rules

FOLDER = Path(rules.__file__).parent


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, path
            names.add((node.module or "").partition(".")[0])
    return names


def test_rules_import_only_the_standard_library_and_themselves():
    files = list(FOLDER.rglob("*.py"))
    assert len(files) > 10
    for path in files:
        assert imported(path) <= {*sys.stdlib_module_names, "rules"}, path
