"""学历教育."""

from rules.checks import JOIN, Facts
from rules.report import Finding

FLAGS = {"highest": "最高学历", "qualifying": "合格学历"}


def flag_set(facts: Facts, *, flag: str) -> list[Finding]:
    """Ask for a record, and for the flag the jurisdiction looks at (FJ-P-29, AH-P-33)."""
    count = facts["entries"]["education"]
    level = facts["education"].get(flag, "")
    state = f"已设定{FLAGS[flag]}: {level}" if level else f"未设定{FLAGS[flag]}"
    text = JOIN.join((f"已填写 {count} 条教育经历信息", state))
    return [Finding("教育经历", text, count > 0 and bool(level), "education")]
