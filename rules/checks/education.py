"""学历教育."""

from typing import Literal

from rules.checks import JOIN
from rules.facts import SubmissionFacts
from rules.report import Finding

Flag = Literal["highest", "qualifying"]


def flag_set(facts: SubmissionFacts, *, flag: Flag, label: str) -> list[Finding]:
    """Ask for a record, and for the flag the jurisdiction looks at (FJ-P-29, AH-P-33)."""
    count = facts["entries"]["education"]
    level = facts["education"].get(flag, "")
    state = f"已设定{label}: {level}" if level else f"未设定{label}"
    text = JOIN.join((f"已填写 {count} 条教育经历信息", state))
    return [Finding("教育经历", text, count > 0 and bool(level), "education")]
