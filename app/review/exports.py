"""Lists of a meeting as tables: its experts, who passed and who did not (HB-C-15, HB-C-18)."""

from collections.abc import Sequence

from flask import Response

from app.core.errors import Conflict, NotFound
from app.core.http import marks_viewed
from app.core.permissions import requires
from app.core.tables import note_export, table_answer
from app.declarations.models import Status
from app.review import queries
from app.review.ballots import Tally
from app.review.models import CaseStatus, Meeting, MeetingCase
from app.review.web import bp, meeting_for

Row = Sequence[object]
EXPERT_HEADS = ("序号", "姓名", "性别", "所在单位", "专业", "小组", "职务", "签到")
CASE_HEADS = (
    *("序号", "申报编号", "姓名", "所在单位", "申报专业", "申报职称", "申报形式", "小组"),
    *("评议得分", "到会", "同意", "反对", "弃权", "回避", "未投", "结论"),
)
LISTS = {"members": "评委清单", "passed": "评审通过清单", "failed": "评审未通过清单"}
VETOED = "一票否决，未提交表决"
REVOKED = "表决通过，结果已撤销"


@bp.get("/meetings/<int:meeting_id>/lists/<name>.csv")
@marks_viewed
@requires("meeting.export")
def export(meeting_id: int, name: str) -> Response:
    """导出评委清单, 评审通过清单, 评审未通过清单; who took which list is kept."""
    meeting = meeting_for("meeting.export", meeting_id)
    if name not in LISTS:
        raise NotFound
    heads, rows = (EXPERT_HEADS, _experts(meeting)) if name == "members" else _cases(meeting, name)
    note_export("meeting:exported", subject=("meeting", meeting.id), rows=len(rows), list=name)
    return table_answer(f"{meeting.name}{LISTS[name]}", heads, rows)


def _experts(meeting: Meeting) -> list[Row]:
    profiles = queries.profiles_of(seat.person_id for seat in meeting.members)
    return [
        (
            number,
            seat.person.name,
            seat.person.gender,
            profiles[seat.person_id].unit_name,
            profiles[seat.person_id].specialty,
            seat.group.name if seat.group else "",
            seat.post_label,
            "已签到" if seat.present else "未签到",
        )
        for number, seat in enumerate(meeting.members, 1)
    ]


def _is_revoked(case: MeetingCase) -> bool:
    return case.declaration.status == Status.REVOKED


def _conclusion(case: MeetingCase, tally: Tally | None) -> str:
    if _is_revoked(case):
        return REVOKED
    return case.state.label if tally else f"{case.state.label}（{VETOED}）"


def _cases(meeting: Meeting, name: str) -> tuple[Sequence[str], list[Row]]:
    if meeting.state not in queries.DECIDED:
        raise Conflict("评审结果尚未由主任确认，确认后才能导出名单")
    queries.load_cases(meeting)
    tallies = queries.tallies(meeting)
    has_passed = CaseStatus(name) is CaseStatus.PASSED
    rows: list[Row] = []
    for case in meeting.cases:
        if (case.state is CaseStatus.PASSED and not _is_revoked(case)) is not has_passed:
            continue
        declaration, tally = case.declaration, tallies.get(case.id)
        counts = (
            (tally.present, tally.yes, tally.no, tally.abstain, tally.recused, tally.blank)
            if tally
            else ("",) * 6
        )
        rows.append(
            (
                len(rows) + 1,
                declaration.number,
                declaration.person.name,
                declaration.unit_as_sent.name,
                declaration.specialty.name,
                declaration.title.name,
                declaration.kind,
                case.group.name if case.group else "",
                case.total_score,
                *counts,
                _conclusion(case, tally),
            )
        )
    return CASE_HEADS, rows
