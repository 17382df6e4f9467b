"""The audited portfolio (业绩库): items and their immutable versions."""
