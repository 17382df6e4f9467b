"""What the committee and the office above it decided, as the evaluation form prints it."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from app.core.db import db
from app.declarations.models import Declaration, Status
from app.declarations.overview import Pairs
from app.results.queries import result_of
from app.review.ballots import Tally
from app.review.models import MeetingCase, MeetingStatus

DECIDED = frozenset({Status.PASSED, Status.FAILED, Status.REVOKED})
CONFIRMED = (MeetingStatus.CONFIRMED, MeetingStatus.REPORTED, MeetingStatus.CLOSED)


@dataclass(frozen=True)
class Opinion:
    """What one office wrote, by whom and when."""

    unit: str
    text: str
    person: str
    day: str


@dataclass(frozen=True)
class Vote:
    """The count of the committee's ballot on one declaration (表决结果)."""

    committee: str
    members: int
    present: int
    yes: int
    no: int
    abstain: int
    recused: int
    passed: bool


def vote_on(declaration: Declaration) -> Vote | None:
    """Return the count once it is final: not before the result is confirmed (无记名投票)."""
    if declaration.status not in DECIDED:
        return None
    case = db.session.scalars(
        select(MeetingCase).where(MeetingCase.declaration_id == declaration.id)
    ).first()
    if case is None or case.meeting.status not in CONFIRMED:
        return None
    tally = db.session.get(Tally, (case.id, case.meeting.round))
    if tally is None:
        return None
    return Vote(
        case.meeting.committee.name,
        len(case.meeting.members),
        tally.present,
        tally.yes,
        tally.no,
        tally.abstain + tally.blank,
        tally.recused,
        tally.passed,
    )


def approval_of(declaration: Declaration) -> Pairs:
    """Return what was approved, with its number and day, and that it was revoked, if it was.

    Nothing before the approval. What was revoked stays on paper: files are kept for years.
    """
    result = result_of(declaration.id)
    pairs: list[tuple[str, str]] = []
    if result is not None and result.was_approved:
        pairs += [
            ("审批结果", f"同意取得{declaration.title.name}资格"),
            ("批准文号", result.publicity.approval_no),
            ("取得资格时间", _day(result.obtained_on)),
        ]
    if declaration.status == Status.REVOKED:
        pairs.append(("撤销情况", f"评审结果已撤销。原因：{declaration.ended_reason}"))
        if result is not None and result.decided_at:
            pairs.append(("撤销时间", _day(result.decided_at)))
    return pairs


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"
