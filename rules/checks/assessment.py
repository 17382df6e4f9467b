"""年度考核."""

import unicodedata

from rules.checks import JOIN
from rules.facts import AssessmentFacts, SubmissionFacts
from rules.report import Finding

QUALIFIED = frozenset({"优秀", "合格"})
"""The results that count (合格以上)."""
NEXT = "请从本次申报移除该条; 如系填写有误, 请在业绩库申请撤回修改, 重新通过审核后再导入"
"""What helps where the insurance was paid by another unit."""


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


def paid_by_the_unit(facts: SubmissionFacts) -> list[Finding]:
    """Hold the unit that paid the insurance against the one that one declares at (CZ-29).

    Judged are the years since one belongs to it, and another that one belonged to in that year
    may have paid too. It says nothing where every year has its form, nor of freelancers.
    """
    names, since = facts.get("unit", []), facts.get("unit_since", 0)
    paid = [year for year in facts["assessments"] if year.get("paid_by") and year["year"] >= since]
    if not paid or not names:
        return []
    others = [
        f"{year['year']} 年度为 {year['paid_by']}" for year in paid if not _is_by(year, names)
    ]
    text = f"与申报单位 {names[0]} "
    text += f"不一致: {'、'.join(others)}{JOIN}{NEXT}" if others else "一致"
    return [Finding("社保缴费单位", text, not others, "assessment")]


def _is_by(year: AssessmentFacts, names: list[str]) -> bool:
    known = map(_letters, [*names, *year.get("employers", [])])
    return _letters(year.get("paid_by", "")) in known


def _letters(name: str) -> str:
    """Return a name without spaces, signs, width and case, which people type as they like."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", name).casefold()))
