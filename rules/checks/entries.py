"""Sections that need a number of imported records."""

from rules.checks import JOIN, Facts
from rules.report import Finding


def present(facts: Facts, *, section: str, subject: str, noun: str, least: int) -> list[Finding]:
    """Ask a section for at least `least` records (AH-P-43)."""
    count = facts["entries"][section]
    parts = [f"已填写 {count} 条{noun}"]
    if count < least:
        parts.append(f"至少填写 {least} 条")
    return [Finding(subject, JOIN.join(parts), count >= least, section)]
