"""个人信息."""

from rules.checks import JOIN
from rules.facts import SubmissionFacts
from rules.report import Finding


def complete(facts: SubmissionFacts) -> list[Finding]:
    """Ask for every required field, for answers that can be, and the photo (AH-P-43)."""
    missing, photo = facts["personal"]["missing"], facts["personal"]["photo"]
    fields = f"个人信息未填写完整: {'、'.join(missing)}" if missing else "个人信息已填写完整"
    faults = facts["personal"].get("faults", [])
    wrong = [f"填写有误: {'; '.join(faults)}"] if faults else []
    picture = "个人免冠照片已正确上传" if photo else "个人免冠照片尚未上传"
    text = JOIN.join((fields, *wrong, picture))
    return [Finding("个人信息检测", text, not missing and not faults and photo, "basics")]
