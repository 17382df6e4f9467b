"""Checks, one module per subject; the module and function name is the rule id."""
