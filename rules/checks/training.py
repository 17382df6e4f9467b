"""继续教育."""

from collections import Counter

from rules.checks import JOIN
from rules.facts import SubmissionFacts
from rules.report import Finding


def hours_a_year(facts: SubmissionFacts, *, hours: int) -> list[Finding]:
    """Remind of years with too few hours; several records of a year add up."""
    done: Counter[int] = Counter()
    for record in facts.get("training", []):
        done[record["year"]] += record["hours"]
    short = [f"{year} 年度 {done[year]} 学时" for year in sorted(done) if done[year] < hours]
    text = JOIN.join([*short, f"不足每年 {hours} 学时"])
    return [Finding("继续教育", text, not short, "training")]
