"""What the portfolio must hold beyond what a plan asks for."""

from rules.checks import JOIN
from rules.facts import SubmissionFacts
from rules.report import Finding


def special_part(facts: SubmissionFacts, *, least: int) -> list[Finding]:
    """Ask for approved records that only the declared series has, such as 卫生专用 (FJ-P-04).

    Nothing is said of a series without such records, and where a jurisdiction asks for none.
    """
    special = facts.get("special")
    if special is None or least < 1:
        return []
    parts = [f"{'、'.join(special['types'])}已通过审核 {special['count']} 项"]
    if special["count"] < least:
        parts.append(f"至少 {least} 项")
    subject = f"{special['series']}专用业绩"
    return [Finding(subject, JOIN.join(parts), special["count"] >= least, "portfolio")]
