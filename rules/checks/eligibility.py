"""Whether a person may start a declaration (马上申报). A failing text is the reason shown."""

from datetime import date

from rules.facts import EligibilityFacts
from rules.report import Finding
from rules.retirement import retires_on


def unit_bound(facts: EligibilityFacts) -> list[Finding]:
    """Ask for a unit that has approved the binding (FJ-P-06)."""
    if facts["unit"]:
        text = f"已绑定单位：{facts['unit']}"
    elif facts.get("unit_pending"):
        text = "绑定单位的申请尚未通过单位审核，暂不能申报"
    else:
        text = "尚未绑定单位，不能申报"
    return [Finding("申报单位", text, bool(facts["unit"]), "unit")]


def not_barred(facts: EligibilityFacts) -> list[Finding]:
    """Refuse while a record of dishonesty (诚信记录) lasts; its last day is barred."""
    until = _day(facts["barred_until"])
    barred = until is not None and str(until) >= str(facts["on"])
    text = f"因诚信记录，{until} 前（含当日）不得申报" if barred else "无诚信限制"
    return [Finding("诚信记录", text, not barred, "integrity")]


def once_a_year(facts: EligibilityFacts) -> list[Finding]:
    """Allow one living declaration a plan year."""
    declared = facts["declared"]
    text = f"本年度已有申报：{declared}，每人每年度限申报一次" if declared else "本年度尚未申报"
    return [Finding("年度申报", text, not declared, "declaration")]


def not_retired(facts: EligibilityFacts) -> list[Finding]:
    """Refuse after statutory retirement; unknown birth dates are left to people."""
    birth = _day(facts.get("birth_date"))
    leaves = retires_on(birth, facts.get("gender", "")) if birth else None
    retired = leaves is not None and str(leaves) <= str(facts["on"])
    text = f"已于 {leaves} 达到法定退休年龄，不得申报" if retired else "未达到法定退休年龄"
    return [Finding("退休年龄", text, not retired, "person")]


def _day(value: date | str | None) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) and value else value or None
