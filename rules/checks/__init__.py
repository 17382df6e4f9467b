"""Checks, one module per subject; `module.function` is the rule id and is never reused.

A check takes the facts and its parameters from the rule set and returns its findings.
"""

JOIN = ", "
"""Between the statements of one row, as the offices print it."""
