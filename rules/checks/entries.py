"""Sections that need a number of imported records."""

from typing import Literal

from rules.checks import JOIN
from rules.facts import SubmissionFacts
from rules.report import Finding

Section = Literal["work", "training", "education", "assessment"]


def present(
    facts: SubmissionFacts, *, section: Section, subject: str, noun: str, least: int
) -> list[Finding]:
    """Ask a section for at least `least` records (AH-P-43)."""
    count = facts["entries"][section]
    parts = [f"已填写 {count} 条{noun}"]
    if count < least:
        parts.append(f"至少填写 {least} 条")
    return [Finding(subject, JOIN.join(parts), count >= least, section)]
