"""What publicity and objections look like as tables that spreadsheets open."""

from collections.abc import Iterable, Sequence

from app.results.models import Objection, Publicity, Result

Row = Sequence[object]
RESULT_HEADS = (
    *("序号", "申报编号", "姓名", "工作单位", "系列", "专业", "资格名称", "级别"),
    *("通过评审日期", "异议", "结果"),
)
OBJECTION_HEADS = (
    *("序号", "受理号", "针对人员", "所在单位", "评审计划", "提出人", "联系方式", "异议内容"),
    "受理时间",
    *("核查情况", "处理结论", "结论", "办结时间"),
)
OBJECTION_WORDS = {
    "open": ("核查中", "warning"),
    "upheld": ("成立", "danger"),
    "dismissed": ("不成立", "success"),
}
RESULT_WORDS = {"publicised": "公示中", "confirmed": "已确认", "revoked": "已撤销"}
MOMENT = "%Y-%m-%d %H:%M"


def _objected(result: Result) -> str:
    if not result.objections:
        return "无"
    words = [OBJECTION_WORDS[objection.status][0] for objection in result.objections]
    return "、".join(f"{word} {words.count(word)} 件" for word in dict.fromkeys(words))


def result_rows(publicity: Publicity) -> list[Row]:
    """Return the published results, each with what was objected and what became of it."""
    rows: list[Row] = []
    for number, result in enumerate(publicity.results, 1):
        declaration = result.declaration
        rows.append(
            (
                number,
                declaration.number,
                declaration.person.name,
                declaration.unit_as_sent.name,
                declaration.specialty.series.name,
                declaration.specialty.name,
                declaration.title.name,
                declaration.title.level,
                result.obtained_on,
                _objected(result),
                RESULT_WORDS[result.status],
            )
        )
    return rows


def objection_rows(objections: Iterable[Objection]) -> list[Row]:
    """Return objections in the order given, each with its finding and conclusion (异议台账)."""
    return [
        (
            number,
            each.receipt,
            each.result.declaration.person.name,
            each.result.declaration.unit_as_sent.name,
            each.result.publicity.plan.name,
            each.name,
            each.contact,
            each.text,
            f"{each.received_at:{MOMENT}}",
            each.finding,
            each.conclusion,
            OBJECTION_WORDS[each.status][0],
            f"{each.decided_at:{MOMENT}}" if each.decided_at else "",
        )
        for number, each in enumerate(objections, 1)
    ]
