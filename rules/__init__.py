"""Rules of the review (规则): pure functions over plain facts; standard library only."""

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any

from rules import sets
from rules.report import Finding, Report, Row

__all__ = ["Report", "Row", "evaluate"]


def evaluate(ruleset: str, facts: Mapping[str, Any]) -> Report:
    """Run a rule set over the facts (rules/facts.py); facts["jurisdiction"] picks overrides.

    Raises rules.sets.RuleSetError when the set or one of its rules does not exist.
    """
    found = sets.load(ruleset, facts.get("jurisdiction", ""))
    rows = _numbered(_run(found.checks, facts))
    hints = _numbered(pair for pair in _run(found.hints, facts) if not pair[1].passed)
    return Report(rows, hints)


def _run(
    checks: tuple[sets.Check, ...], facts: Mapping[str, Any]
) -> Iterator[tuple[str, Finding]]:
    return ((check.rule, found) for check in checks for found in _findings(check, facts))


def _numbered(found: Iterable[tuple[str, Finding]]) -> list[Row]:
    return [
        Row(number, each.subject, each.text, each.passed, rule, each.anchor)
        for number, (rule, each) in enumerate(found, 1)
    ]


def _findings(check: sets.Check, facts: Mapping[str, Any]) -> list[Finding]:
    module, _dot, function = check.rule.partition(".")
    try:
        run = getattr(import_module(f"rules.checks.{module}"), function)
    except (ImportError, AttributeError) as error:
        raise sets.RuleSetError(f"没有规则 {check.rule}") from error
    found: list[Finding] = run(facts, **check.parameters)
    return found
