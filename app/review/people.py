"""Pages that name people: director and deputies, group leaders, main and deputy reviewers."""

from flask import request, url_for
from flask_login import current_user

from app.core.clock import now
from app.core.errors import Invalid, NotFound
from app.core.permissions import requires
from app.review import interests, operations, queries
from app.review.models import Meeting, MeetingCase, MeetingGroup, Post
from app.review.operations.replacing import SEATS, replaceable
from app.review.operations.reviewers import eligible_by_case, eligible_reviewers
from app.review.web import Answer, attempt, bp, finish, ids, meeting_for, number, page


def _directors_page(meeting: Meeting, faults: list[str] | None = None) -> str:
    profiles = queries.profiles_of(seat.person_id for seat in meeting.members)
    chosen = (
        {"director": set(ids("director_id")), "deputy_director": set(ids("deputy_id"))}
        if request.method == "POST"
        else _appointed(meeting)
    )
    return page("directors", meeting, faults=faults or [], profiles=profiles, chosen=chosen)


def _appointed(meeting: Meeting) -> dict[str, set[int]]:
    return {
        post: {seat.person_id for seat in meeting.members if seat.post == post}
        for post in (Post.DIRECTOR, Post.DEPUTY_DIRECTOR)
    }


@bp.get("/meetings/<int:meeting_id>/directors")
@requires("meeting.set_up")
def directors(meeting_id: int) -> str:
    """指定主任、副主任 (HB-C-13)."""
    return _directors_page(meeting_for("meeting.set_up", meeting_id))


@bp.post("/meetings/<int:meeting_id>/directors")
@requires("meeting.set_up")
def appoint_directors(meeting_id: int) -> Answer:
    """Appoint exactly one director and up to two deputies."""
    meeting = meeting_for("meeting.set_up", meeting_id)

    def work() -> None:
        chosen = ids("director_id")
        if len(chosen) != 1:
            raise Invalid("请指定一名主任", field="director_id")
        answers = {"director_id": chosen[0], "deputy_ids": ids("deputy_id")}
        finish(meeting, "appoint_directors", answers)

    return attempt(
        work,
        done="主任、副主任已指定",
        to=url_for("review.show", meeting_id=meeting_id),
        again=lambda faults: _directors_page(meeting, faults),
    )


def _leaders_page(meeting: Meeting, faults: list[str] | None = None) -> str:
    profiles = queries.profiles_of(seat.person_id for seat in meeting.members)
    is_typed = request.method == "POST"
    chosen = {
        group.id: set(ids(f"leader-{group.id}")) if is_typed else {group.leader_id}
        for group in meeting.groups
    }
    return page("leaders", meeting, faults=faults or [], profiles=profiles, chosen=chosen)


@bp.get("/meetings/<int:meeting_id>/leaders")
@requires("meeting.lead")
def leaders(meeting_id: int) -> str:
    """指定组长 (HB-E-05)."""
    return _leaders_page(meeting_for("meeting.lead", meeting_id))


@bp.post("/meetings/<int:meeting_id>/leaders")
@requires("meeting.lead")
def appoint_leaders(meeting_id: int) -> Answer:
    """Appoint the leader of every group."""
    meeting = meeting_for("meeting.lead", meeting_id)

    def work() -> None:
        chosen = {str(group.id): ids(f"leader-{group.id}")[:1] for group in meeting.groups}
        missing = {
            f"leader-{group.id}": [f"请为{group.name}指定组长"]
            for group in meeting.groups
            if not chosen[str(group.id)]
        }
        if missing:
            raise Invalid(errors=missing)
        answers = {"leaders": {group: people[0] for group, people in chosen.items()}}
        finish(meeting, "appoint_leaders", answers)

    return attempt(
        work,
        done="组长已指定，由各组组长分配主审和副审",
        to=url_for("review.show", meeting_id=meeting_id),
        again=lambda faults: _leaders_page(meeting, faults),
    )


def _own_group(meeting: Meeting) -> MeetingGroup:
    group = queries.led_group(meeting.id, current_user.id)
    if group is None:
        raise NotFound
    return group


def _assign_page(meeting: Meeting, faults: list[str] | None = None) -> str:
    group = _own_group(meeting)
    queries.load_cases(meeting)
    names = {seat.person_id: seat.person.name for seat in group.members}
    loads = {
        person: (
            sum(case.main_reviewer_id == person for case in group.cases),
            sum(case.deputy_reviewer_id == person for case in group.cases),
        )
        for person in names
    }
    return page(
        "assign",
        meeting,
        group=group,
        names=names,
        loads=loads,
        eligible=eligible_by_case(group),
        recusals=interests.recusals_of(meeting.id),
        faults=faults or [],
        values=request.form,
    )


@bp.get("/meetings/<int:meeting_id>/assign")
@requires("meeting.assign")
def assign(meeting_id: int) -> str:
    """分配主审、副审 of the person's own group (HB-E-06)."""
    return _assign_page(meeting_for("meeting.assign", meeting_id))


@bp.post("/meetings/<int:meeting_id>/assign")
@requires("meeting.assign")
def save_assignment(meeting_id: int) -> Answer:
    """保存分配, 全部分配 in turn, or finish."""
    meeting = meeting_for("meeting.assign", meeting_id)
    action = request.form.get("do", "save")

    def work() -> None:
        group = _own_group(meeting)
        if action == "evenly":
            operations.assign_evenly(meeting, group, actor_id=current_user.id, now=now())
            return
        readers = _readers(group)
        if action == "finish":
            # The step locks the process before the meeting: nothing is written ahead of it.
            finish(meeting, "assign_reviewers", {"readers": readers})
            return
        operations.assign_all(group, readers, actor_id=current_user.id, now=now())

    to = "review.show" if action == "finish" else "review.assign"
    return attempt(
        work,
        done="分配已提交，主审可以开始打分" if action == "finish" else "分配已保存",
        to=url_for(to, meeting_id=meeting_id),
        again=lambda faults: _assign_page(meeting, faults),
    )


def _readers(group: MeetingGroup) -> list[tuple[int, int, int]]:
    """Return what was chosen: case, main and deputy reviewer."""
    chosen = []
    for case in group.cases:
        main, deputy = ids(f"main-{case.id}"), ids(f"deputy-{case.id}")
        if main and deputy:
            chosen.append((case.id, main[0], deputy[0]))
        elif main or deputy:
            name = case.declaration.person.name
            raise Invalid(f"{name}的材料：主审和副审须同时指定")
    return chosen


def _replace_page(meeting: Meeting, case: MeetingCase, faults: list[str] | None = None) -> str:
    group = _own_group(meeting)
    readers = {case.main_reviewer_id, case.deputy_reviewer_id}
    eligible = [each for each in eligible_reviewers(group, case) if each not in readers]
    return page(
        "replace",
        meeting,
        case=case,
        seats=SEATS,
        replaceable=replaceable(case),
        experts=[seat for seat in group.members if seat.person_id in eligible],
        faults=faults or [],
        values=request.form,
    )


def _own_case(meeting: Meeting, case_id: int) -> MeetingCase:
    case = queries.case_in(meeting, case_id)
    if case.group_id != _own_group(meeting).id:
        raise NotFound
    return case


@bp.get("/meetings/<int:meeting_id>/cases/<int:case_id>/reviewers")
@requires("meeting.assign")
def replace(meeting_id: int, case_id: int) -> str:
    """更换主审、副审 of a case that is being scored."""
    meeting = meeting_for("meeting.assign", meeting_id)
    return _replace_page(meeting, _own_case(meeting, case_id))


@bp.post("/meetings/<int:meeting_id>/cases/<int:case_id>/reviewers")
@requires("meeting.assign")
def replace_reviewer(meeting_id: int, case_id: int) -> Answer:
    """Put another expert of the group in the place of a reviewer who cannot go on."""
    meeting = meeting_for("meeting.assign", meeting_id)
    case = _own_case(meeting, case_id)

    def work() -> None:
        operations.replace_reviewer(
            case,
            request.form.get("seat", ""),
            number("person_id", "接替的专家"),
            request.form.get("reason", ""),
            actor_id=current_user.id,
            now=now(),
        )

    return attempt(
        work,
        done="已更换，待办任务已转给接替的专家",
        to=url_for("review.show", meeting_id=meeting_id),
        again=lambda faults: _replace_page(meeting, case, faults),
    )
