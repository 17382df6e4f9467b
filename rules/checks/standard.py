"""申报业绩 against the plan's standard: one row per category, in the standard's order."""

from collections.abc import Iterator

from rules.checks import JOIN
from rules.facts import CategoryFacts, ItemFacts, SubmissionFacts
from rules.report import Finding


def categories_met(facts: SubmissionFacts) -> list[Finding]:
    """Ask each category and each item for its number of records (AH-P-36, AH-P-43)."""
    return [_category(category) for category in facts["categories"]]


def _category(category: CategoryFacts) -> Finding:
    items = category["items"]
    head, reached = _minimum(category)
    parts, passed = [*head], reached
    for item in items:
        faults = list(_faults(item))
        passed = passed and not faults
        parts += [*faults, f"{item['name']} 已录入 {item['count']} 个业绩"]
    text = JOIN.join(parts) or "没有需要填报的业绩"
    return Finding(category["name"], text, passed, f"item:{category['id']}")


def _minimum(category: CategoryFacts) -> tuple[list[str], bool]:
    least, items = category["min"], category["items"]
    if not least:
        return [], True
    if category["count_by"] == "items":
        count, what = sum(item["count"] > 0 for item in items), "项"
    else:
        count, what = sum(item["count"] for item in items), "项记录"
    asked = f"{category['name']} 要求至少录入{least}{what}"
    return [asked, f"当前已录入了 {count} 项"], count >= least


def _faults(item: ItemFacts) -> Iterator[str]:
    name, count, least, most = item["name"], item["count"], item["min"], item["max"]
    if item["required"] and not count:
        yield f"{name} 为必填项, 当前尚未录入"
    elif (item["required"] or count) and count < least:
        yield f"{name} 要求至少录入 {least} 个业绩"
    if most is not None and count > most:
        yield f"{name} 最多录入 {most} 个业绩"
