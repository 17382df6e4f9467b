"""Checks, one module per subject; `module.function` is the rule id and is never reused.

A check takes the facts and its parameters from the rule set and returns its findings.
"""

from collections.abc import Callable, Mapping
from typing import Any

from rules.report import Finding

Facts = Mapping[str, Any]
CheckFunction = Callable[..., list[Finding]]

JOIN = ", "
"""Between the statements of one row, as the offices print it."""
