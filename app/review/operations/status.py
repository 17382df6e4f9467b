"""How far a meeting has come, held for the rest of the transaction."""

from app.core.db import db
from app.core.errors import Conflict
from app.review.models import Meeting, MeetingStatus


def require_status(meeting: Meeting, *wanted: MeetingStatus) -> None:
    """Conflict unless the meeting is in one of these states; it stays so until the commit.

    The meeting is locked and read anew: what is judged of it here is not changed meanwhile.
    """
    db.session.refresh(meeting, with_for_update=True)
    if meeting.state not in wanted:
        raise Conflict(f"会议当前为“{meeting.state.label}”，不能进行此操作")


def require_unsettled(meeting: Meeting) -> None:
    """Conflict once the scheme has been sent up."""
    require_status(meeting, MeetingStatus.PREPARING)
    if meeting.is_settled:
        raise Conflict("评审方案已提交，分组、材料和评分标准不能再修改")
