"""Rule sets (规则集) as data: which checks run in which order, with which parameters."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent


class RuleSetError(ValueError):
    """A rule set that does not exist or cannot be used."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a rule set."""

    rule: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The ordered checks, and the reminders."""

    checks: tuple[Check, ...]
    hints: tuple[Check, ...]


@cache
def load(name: str, jurisdiction: str = "") -> RuleSet:
    """Return the rule set of this name with the jurisdiction's changes. Raises RuleSetError."""
    if not re.fullmatch(r"[a-z_]+", name) or not re.fullmatch(r"[a-z0-9_-]*", jurisdiction):
        raise RuleSetError(f"规则集名称不正确: {name} {jurisdiction}")
    data = table(f"{name}.toml")
    own = ROOT / jurisdiction / f"{name}.toml"
    if jurisdiction and own.is_file():
        data = {**data, **table(f"{jurisdiction}/{name}.toml")}
    changes = data.get("parameters", {})
    return RuleSet(*(tuple(_check(each, changes) for each in data.get(key, [])) for key in _LISTS))


_LISTS = ("checks", "hints")


@cache
def table(path: str) -> dict[str, Any]:
    """Return a TOML file of this folder. Raises RuleSetError."""
    try:
        return tomllib.loads((ROOT / path).read_text("utf-8"))
    except FileNotFoundError as error:
        raise RuleSetError(f"没有规则集 {path}") from error


def _check(line: Mapping[str, Any], changes: Mapping[str, Any]) -> Check:
    parameters = {**line, **changes.get(line["rule"], {})}
    rule = parameters.pop("rule")
    return Check(rule, parameters)
