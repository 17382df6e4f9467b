"""个人信息."""

from rules.checks import JOIN
from rules.facts import SubmissionFacts
from rules.report import Finding


def complete(facts: SubmissionFacts) -> list[Finding]:
    """Ask for every required field and the photo (AH-P-43)."""
    missing, photo = facts["personal"]["missing"], facts["personal"]["photo"]
    fields = f"个人信息未填写完整: {'、'.join(missing)}" if missing else "个人信息已填写完整"
    picture = "个人免冠照片已正确上传" if photo else "个人免冠照片尚未上传"
    text = JOIN.join((fields, picture))
    return [Finding("个人信息检测", text, not missing and photo, "basics")]
