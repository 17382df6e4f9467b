"""Boundaries that import-linter cannot see."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, files, imported, name_of, sources

JURISDICTIONS = ROOT / "app" / "catalogue" / "jurisdictions"
MENTIONS_ALLOWED = ("app/catalogue/jurisdictions/", "app/catalogue/data/", "app/demo/")


def test_rules_import_only_the_standard_library_and_themselves() -> None:
    allowed = {*sys.stdlib_module_names, "rules"}
    foreign = {
        name_of(path): {name for name in imported(path) if name.partition(".")[0] not in allowed}
        for path in files("rules")
    }
    assert {path: names for path, names in foreign.items() if names} == {}


@pytest.mark.parametrize(
    ("pattern", "owners"),
    [
        (r"\.commit\(\)", {"app/core/db.py"}),
        (r"datetime\.now\(|date\.today\(|utcnow", {"app/core/clock.py"}),
        (r"\|\s*safe\b", {"templates/_macros/forms.html"}),
    ],
    ids=[
        "only core.db commits",
        "only core.clock reads the clock",
        "only our own field is marked as safe",
    ],
)
def test_one_place_only(pattern: str, owners: set[str]) -> None:
    pages = [path for path in files("templates", "*.html") if "documents" not in path.parts]
    searched = [*sources(), *pages]
    found = {name_of(p) for p in searched if re.search(pattern, p.read_text("utf-8"))}
    assert found <= owners


def province_names() -> list[str]:
    names: set[str] = set()
    for path in JURISDICTIONS.glob("*.toml"):
        name = tomllib.loads(path.read_text("utf-8"))["name"]
        names |= {path.stem, name, name.removesuffix("省").removesuffix("市")}
    return sorted(names)


def searched_for_provinces() -> list[Path]:
    code = [p for p in sources() if not name_of(p).startswith(MENTIONS_ALLOWED)]
    pages = [p for p in files("templates", "*.html") if "documents" not in p.parts]
    return [*code, *pages]


def test_no_province_is_named_in_code_because_jurisdictions_are_data() -> None:
    names = province_names()
    assert len(names) >= 9
    wanted = re.compile("|".join(rf"\b{re.escape(n)}\b" if n.isascii() else n for n in names))
    found = {
        name_of(path): sorted(set(wanted.findall(path.read_text("utf-8"))))
        for path in searched_for_provinces()
    }
    assert {path: hits for path, hits in found.items() if hits} == {}
