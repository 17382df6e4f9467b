"""The clerk's desk (会议设置): groups, experts, cases, score sheet, recusals, scheme."""

from collections.abc import Callable
from typing import Any

from flask import request, url_for
from flask_login import current_user

from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid, NotFound
from app.core.permissions import requires
from app.declarations.models import Declaration
from app.review import interests, operations, queries
from app.review.models import Indicator, Meeting, MeetingGroup, MeetingMember
from app.review.operations.setup import LONGEST_SCHEME, scheme_mark, set_up_gaps
from app.review.web import Answer, attempt, bp, finish, ids, meeting_for, number, page

PARTS = {
    "groups": "会议分组",
    "members": "参会专家",
    "cases": "参评材料",
    "indicators": "评分标准",
    "recusals": "回避名单",
    "scheme": "评审方案",
}


def _page(meeting: Meeting, part: str, faults: list[str] | None = None) -> str:
    queries.load_cases(meeting)
    recusals = interests.recusals_of(meeting.id)
    people = [seat.person_id for seat in meeting.members]
    return page(
        "set_up",
        meeting,
        parts=PARTS,
        part=part if part in PARTS else "groups",
        faults=faults or [],
        values=request.form,
        # Two lists of a page number their rows alike: ticks belong to the form they came from.
        ticked={request.endpoint: set(ids("id"))},
        experts=queries.available_experts(meeting, now()) if part == "members" else [],
        declarations=queries.available_declarations(meeting) if part == "cases" else [],
        profiles=queries.profiles_of(people),
        recusals=recusals,
        colleagues=interests.colleagues_by_case(meeting) if part == "recusals" else {},
        gaps=set_up_gaps(meeting),
        scheme_mark=scheme_mark(meeting.scheme),
        longest_scheme=LONGEST_SCHEME,
    )


def _do(meeting_id: int, part: str, done: str, work: Callable[[Meeting], object]) -> Answer:
    meeting = meeting_for("meeting.set_up", meeting_id)
    return attempt(
        lambda: work(meeting),
        done=done,
        to=url_for("review.set_up", meeting_id=meeting_id, part=part),
        again=lambda faults: _page(meeting, part, faults),
    )


@bp.get("/meetings/<int:meeting_id>/set-up")
@requires("meeting.set_up")
def set_up(meeting_id: int) -> str:
    """The desk, one part at a time."""
    meeting = meeting_for("meeting.set_up", meeting_id)
    return _page(meeting, request.args.get("part", "groups"))


@bp.post("/meetings/<int:meeting_id>/groups")
@requires("meeting.set_up")
def add_group(meeting_id: int) -> Answer:
    """新增分组: 组名, 人数 (HB-C-10)."""

    def work(meeting: Meeting) -> None:
        name, size = request.form.get("name", ""), number("size", "人数")
        operations.add_group(meeting, name, size, actor_id=current_user.id, now=now())

    return _do(meeting_id, "groups", "已新增分组", work)


def _group(meeting: Meeting, group_id: int) -> MeetingGroup:
    found = queries.group(group_id)
    if found.meeting_id != meeting.id:
        raise NotFound
    return found


def _part_of(meeting: Meeting, model: Any, row_id: int) -> Any:
    found = db.session.get(model, row_id)
    if found is None or found.meeting_id != meeting.id:
        raise NotFound
    return found


@bp.post("/meetings/<int:meeting_id>/groups/<int:group_id>/remove")
@requires("meeting.set_up")
def remove_group(meeting_id: int, group_id: int) -> Answer:
    """Remove an empty group."""

    def work(meeting: Meeting) -> None:
        group = _group(meeting, group_id)
        operations.remove_group(meeting, group, actor_id=current_user.id, now=now())

    return _do(meeting_id, "groups", "已删除分组", work)


@bp.post("/meetings/<int:meeting_id>/members")
@requires("meeting.set_up")
def add_members(meeting_id: int) -> Answer:
    """Seat the ticked experts in a group (确认评委)."""

    def work(meeting: Meeting) -> None:
        chosen = ids("id")
        if not chosen:
            raise Invalid("请先勾选专家")
        group = _group(meeting, number("group_id", "分组"))
        for person_id in chosen:
            person = db.session.get(Person, person_id)
            if person is None:
                raise NotFound
            operations.add_member(meeting, person, group, actor_id=current_user.id, now=now())

    return _do(meeting_id, "members", "已加入参会专家", work)


@bp.post("/meetings/<int:meeting_id>/members/<int:seat_id>")
@requires("meeting.set_up")
def change_member(meeting_id: int, seat_id: int) -> Answer:
    """Move a member to another group, or take them out."""

    def work(meeting: Meeting) -> None:
        seat = _part_of(meeting, MeetingMember, seat_id)
        if request.form.get("do") == "remove":
            operations.remove_member(meeting, seat, actor_id=current_user.id, now=now())
        else:
            group = _group(meeting, number("group_id", "分组"))
            operations.move_member(meeting, seat, group, actor_id=current_user.id, now=now())

    return _do(meeting_id, "members", "已调整参会专家", work)


@bp.post("/meetings/<int:meeting_id>/cases")
@requires("meeting.set_up")
def add_cases(meeting_id: int) -> Answer:
    """Bring the ticked declarations before the meeting."""

    def work(meeting: Meeting) -> None:
        chosen = ids("id")
        if not chosen:
            raise Invalid("请先勾选申报材料")
        for declaration_id in chosen:
            declaration = db.session.get(Declaration, declaration_id)
            if declaration is None:
                raise NotFound
            operations.add_case(meeting, declaration, actor_id=current_user.id, now=now())

    return _do(meeting_id, "cases", "已加入参评材料", work)


@bp.post("/meetings/<int:meeting_id>/cases/group")
@requires("meeting.set_up")
def group_cases(meeting_id: int) -> Answer:
    """批量分组, 全部分组, or take the ticked cases out (HB-C-14)."""

    def work(meeting: Meeting) -> None:
        if request.form.get("do") == "all":
            operations.group_all(meeting, actor_id=current_user.id, now=now())
            return
        chosen = ids("id")
        if not chosen:
            raise Invalid("请先勾选参评材料")
        if request.form.get("do") == "remove":
            for case_id in chosen:
                case = queries.case_in(meeting, case_id)
                operations.remove_case(meeting, case, actor_id=current_user.id, now=now())
        else:
            group = _group(meeting, number("group_id", "分组"))
            operations.group_cases(meeting, chosen, group, actor_id=current_user.id, now=now())

    return _do(meeting_id, "cases", "参评材料已更新", work)


@bp.post("/meetings/<int:meeting_id>/indicators")
@requires("meeting.set_up")
def add_indicator(meeting_id: int) -> Answer:
    """Add a line of the score sheet (HB-C-16)."""

    def work(meeting: Meeting) -> None:
        weight = number("weight", "权重")
        top = number("max_score", "最高分") if request.form.get("max_score") else weight
        operations.add_indicator(
            meeting,
            request.form.get("name", ""),
            weight=weight,
            max_score=top,
            rule=request.form.get("rule", ""),
            actor_id=current_user.id,
            now=now(),
        )

    return _do(meeting_id, "indicators", "已新增指标", work)


@bp.post("/meetings/<int:meeting_id>/indicators/<int:indicator_id>/remove")
@requires("meeting.set_up")
def remove_indicator(meeting_id: int, indicator_id: int) -> Answer:
    """Remove a line of the score sheet."""

    def work(meeting: Meeting) -> None:
        line = _part_of(meeting, Indicator, indicator_id)
        operations.remove_indicator(meeting, line, actor_id=current_user.id, now=now())

    return _do(meeting_id, "indicators", "已删除指标", work)


@bp.post("/meetings/<int:meeting_id>/recusals")
@requires("meeting.set_up")
def recuse(meeting_id: int) -> Answer:
    """Enter a member on the recusal list of a case; colleagues are on it already."""

    def work(meeting: Meeting) -> None:
        case = queries.case_in(meeting, number("case_id", "参评材料"))
        seat = _part_of(meeting, MeetingMember, number("seat_id", "专家"))
        reason = request.form.get("reason", "")
        operations.recuse(meeting, case, seat, reason, actor_id=current_user.id, now=now())

    return _do(meeting_id, "recusals", "回避名单已更新", work)


@bp.post("/meetings/<int:meeting_id>/recusals/lift")
@requires("meeting.set_up")
def lift_recusal(meeting_id: int) -> Answer:
    """Strike a member off the recusal list of a case."""

    def work(meeting: Meeting) -> None:
        case = queries.case_in(meeting, number("case_id", "参评材料"))
        person_id = number("person_id", "专家")
        operations.lift_recusal(meeting, case, person_id, actor_id=current_user.id, now=now())

    return _do(meeting_id, "recusals", "已移出回避名单", work)


def _typed(name: str) -> str:
    # Browsers send a line break as two characters.
    return request.form.get(name, "").replace("\r\n", "\n")


@bp.post("/meetings/<int:meeting_id>/scheme")
@requires("meeting.set_up")
def keep_scheme(meeting_id: int) -> dict[str, Any]:
    """Save the scheme as it is typed (自动保存)."""
    meeting = meeting_for("meeting.set_up", meeting_id)
    if request.form.get("name") != "scheme":
        raise Invalid("未知的字段")
    known = request.form.get("row_version", "")
    operations.keep_scheme(meeting, _typed("value"), known=known)
    return {"saved": True, "row_version": scheme_mark(meeting.scheme)}


@bp.post("/meetings/<int:meeting_id>/set-up")
@requires("meeting.set_up")
def submit_scheme(meeting_id: int) -> Answer:
    """Send the scheme up for approval (HB-C-11): the page's final button."""
    meeting = meeting_for("meeting.set_up", meeting_id)
    answers = {"scheme": _typed("scheme")}
    return attempt(
        lambda: finish(meeting, "set_up_meeting", answers),
        done="评审方案已提交审核",
        to=url_for("review.show", meeting_id=meeting_id),
        again=lambda faults: _page(meeting, "scheme", faults),
    )
