"""附件上传."""

from collections.abc import Iterator

from rules.checks import JOIN
from rules.facts import SlotFacts, SubmissionFacts
from rules.report import Finding


def slots_filled(facts: SubmissionFacts) -> list[Finding]:
    """Ask for the files of every required slot of the plan (AH-P-35)."""
    parts, passed = [], True
    for slot in facts["slots"]:
        faults = list(_faults(slot))
        passed = passed and not faults
        parts += faults
        if slot["printed"] or faults:
            parts.append(f"{slot['name']} 已上传附件 {slot['count']} 个")
    text = JOIN.join(parts) or "本计划没有必须上传的附件"
    return [Finding("附件上传情况", text, passed, "files")]


def _faults(slot: SlotFacts) -> Iterator[str]:
    name, count, most = slot["name"], slot["count"], slot.get("max")
    if slot["required"] and not count:
        yield f"{name} 为必填项, 当前尚未上传"
    elif count and count < slot["min"]:
        yield f"{name} 至少上传 {slot['min']} 个附件"
    if most is not None and count > most:
        yield f"{name} 最多上传 {most} 个附件"
