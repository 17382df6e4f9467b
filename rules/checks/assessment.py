"""年度考核."""

from rules.checks import JOIN
from rules.facts import SubmissionFacts
from rules.report import Finding

QUALIFIED = frozenset({"优秀", "合格"})
"""The results that count (合格以上)."""


def results_filled(facts: SubmissionFacts, *, least: int) -> list[Finding]:
    """Ask for enough qualified years, and for the result of each (AH-P-34, CZ-29)."""
    years = facts["assessments"]
    empty = sum(not year["result"] for year in years)
    parts = [f"已添加 {len(years)} 条年度考核记录"]
    if years:
        some = f"其中 {empty} 条" if empty < len(years) else ""
        parts.append(f"{some}未填写年度考核结果" if empty else "已填写年度考核结果")
    if len(years) < least:
        parts.append(f"至少添加 {least} 条")
    qualified = sum(year["result"] in QUALIFIED for year in years)
    too_few = not empty and qualified < least <= len(years)
    if too_few:
        parts.append(f"合格以上 {qualified} 条, 至少 {least} 条")
    passed = len(years) >= least and not empty and not too_few
    return [Finding("年度考核情况", JOIN.join(parts), passed, "assessment")]


def years_on_record(facts: SubmissionFacts, *, years: int) -> list[Finding]:
    """Remind when fewer years are on record than offices usually look at."""
    count = len({year["year"] for year in facts["assessments"]})
    text = f"年度考核一般须填报最近 {years} 年, 现有 {count} 年"
    return [Finding("年度考核", text, count >= years, "assessment")]
