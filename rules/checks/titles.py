"""Titles held already (已有职称): nobody declares what they hold, or less."""

from rules.facts import ChoiceFacts, SubmissionFacts, TitleFacts
from rules.report import Finding

RANKS = {"员级": 0, "助理级": 1, "初级": 1, "中级": 2, "副高级": 3, "正高级": 4}


def not_held(facts: ChoiceFacts) -> list[Finding]:
    """Refuse a title that the platform's own results say is held, or a higher one is."""
    held = _as_high(facts["declared"], facts["held"])
    text = (
        f"已取得 {_said(held)}, 不能重复申报同级或更低的职称" if held else "尚未取得所申报的职称"
    )
    return [Finding("申报职称", text, held is None, "specialty_id")]


def typed_below(facts: SubmissionFacts) -> list[Finding]:
    """Remind who types a title as high as the declared one among those held (AH-P-28)."""
    held = _as_high(facts["declared"], facts.get("titles", [])) if "declared" in facts else None
    text = f"所填 {_said(held)} 不低于本次申报的职称, 请核对" if held else "现有职称低于本次申报"
    return [Finding("现有职称", text, held is None, "basics")]


def _as_high(declared: TitleFacts, held: list[TitleFacts]) -> TitleFacts | None:
    for each in held:
        ranks = [RANKS.get(title["level"]) for title in (declared, each)]
        known = ranks[0] is not None and ranks[1] is not None and ranks[1] >= ranks[0]
        if each["series"] == declared["series"] and (known or each["name"] == declared["name"]):
            return each
    return None


def _said(title: TitleFacts) -> str:
    level = f"({title['level']})" if title["level"] else ""
    return f"{title['series']} {title['name']}{level}"
