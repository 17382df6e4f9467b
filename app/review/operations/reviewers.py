"""Who directs, leads and reads (指定主任、指定组长、分配主副审)."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from app.accounts.operations import notify
from app.core import audit
from app.core.db import db
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.review import interests, queries
from app.review.models import (
    MAX_DEPUTIES,
    Meeting,
    MeetingCase,
    MeetingGroup,
    MeetingMember,
    MeetingStatus,
    Post,
)
from app.review.operations.setup import LEAST_IN_GROUP
from app.review.operations.status import require_status


def appoint_directors(
    meeting: Meeting,
    director_id: int,
    deputy_ids: Collection[int],
    *,
    actor_id: int,
    now: datetime,
) -> None:
    """Appoint exactly one director and at most two deputies (HB-C-13).

    Invalid when they are too many or no members, or when the director's group would be left
    with fewer than three others: leader, main and deputy reviewer are three people.
    """
    require_status(meeting, MeetingStatus.PREPARING)
    deputies = set(deputy_ids)
    seats = {seat.person_id: seat for seat in meeting.members}
    _check_posts(seats, director_id, deputies)
    for seat in meeting.members:
        seat.post = Post.DEPUTY_DIRECTOR if seat.person_id in deputies else Post.MEMBER
    # The old director steps down first: the database allows one at a time.
    db.session.flush()
    seats[director_id].post = Post.DIRECTOR
    for seat in meeting.members:
        if seat.post == Post.DIRECTOR and seat.group and seat.group.leader_id == seat.person_id:
            seat.group.leader_id = None
    db.session.flush()
    audit.record(
        "meeting:director_appointed",
        subject=("meeting", meeting.id),
        actor_id=actor_id,
        now=now,
        director=director_id,
        deputies=sorted(deputies),
    )


def _check_posts(
    seats: Mapping[int, MeetingMember], director_id: int, deputies: Collection[int]
) -> None:
    faults: dict[str, list[str]] = {}
    group = seats[director_id].group if director_id in seats else None
    if director_id not in seats:
        faults["director_id"] = ["主任须从参会专家中指定"]
    elif group is not None and group.cases and len(group.members) - 1 < LEAST_IN_GROUP:
        faults["director_id"] = [
            f"{group.name}除主任外不足 {LEAST_IN_GROUP} 名专家，无法分配组长、主审和副审"
        ]
    deputy_checks = (
        (not set(deputies) <= set(seats), "副主任须从参会专家中指定"),
        (len(deputies) > MAX_DEPUTIES, f"副主任至多 {MAX_DEPUTIES} 名"),
        (director_id in deputies, "主任不能同时担任副主任"),
    )
    told = [text for is_wrong, text in deputy_checks if is_wrong]
    if told:
        faults["deputy_ids"] = told
    if faults:
        raise Invalid(errors=faults)


def require_director(meeting: Meeting, person_id: int) -> None:
    """Forbidden for everybody but the director of the meeting."""
    if queries.director_id(meeting.id) != person_id:
        raise Forbidden("只有会议主任可以办理")


def appoint_leaders(
    meeting: Meeting, leaders: Mapping[int, int], *, actor_id: int, now: datetime
) -> list[int]:
    """Appoint the leader of every group (指定组长, HB-E-05); returns the groups with cases.

    Invalid unless each is a member of that group, and not the director.
    """
    require_status(meeting, MeetingStatus.PREPARING)
    require_director(meeting, actor_id)
    for group in meeting.groups:
        person_id = leaders.get(group.id)
        if person_id == actor_id:
            raise Invalid(f"{group.name}：主任不兼任组长", field=f"leader-{group.id}")
        if person_id not in {seat.person_id for seat in group.members}:
            raise Invalid(f"请为{group.name}从组内专家中指定组长", field=f"leader-{group.id}")
        group.leader_id = person_id
    db.session.flush()
    audit.record(
        "meeting:leaders_appointed",
        subject=("meeting", meeting.id),
        actor_id=actor_id,
        now=now,
        leaders={str(group.id): group.leader_id for group in meeting.groups},
    )
    return [group.id for group in meeting.groups if group.cases]


def eligible_by_case(group: MeetingGroup) -> dict[int, list[int]]:
    """Return who of a group may read each of its cases.

    Not its leader, the director, the recused, or people of the applicant's own unit.
    """
    director = queries.director_id(group.meeting_id)
    recused = interests.recusals_of(group.meeting_id)
    places = interests.workplaces(seat.person_id for seat in group.members)
    return {
        case.id: [
            seat.person_id
            for seat in group.members
            if seat.person_id not in {group.leader_id, director, *recused.get(case.id, {})}
            and not interests.works_in(places[seat.person_id], case.declaration.unit)
        ]
        for case in group.cases
    }


def eligible_reviewers(group: MeetingGroup, case: MeetingCase) -> list[int]:
    """Return who of the group may read a case of it."""
    return eligible_by_case(group)[case.id]


def assign_reviewers(
    group: MeetingGroup,
    case: MeetingCase,
    *,
    main_id: int,
    deputy_id: int,
    actor_id: int,
    now: datetime,
) -> None:
    """Name the main and the deputy reviewer of a case (保存分配); raises as assign_all."""
    assign_all(group, [(case.id, main_id, deputy_id)], actor_id=actor_id, now=now)


def assign_all(
    group: MeetingGroup,
    readers: Iterable[tuple[int, int, int]],
    *,
    actor_id: int,
    now: datetime,
) -> None:
    """Name the reviewers of several cases of a group: case, main and deputy reviewer (HB-E-06).

    Forbidden for others than the group's leader; NotFound for a case of another group; Invalid
    for people who may not read it.
    """
    require_leader(group, actor_id)
    require_status(queries.meeting(group.meeting_id), MeetingStatus.PREPARING)
    queries.load_group(group)
    cases, eligible = {case.id: case for case in group.cases}, eligible_by_case(group)
    changed = []
    for case_id, *pair in readers:
        if case_id not in cases:
            raise NotFound
        case = cases[case_id]
        _check_pair(case, pair, eligible[case_id])
        if [case.main_reviewer_id, case.deputy_reviewer_id] != pair:
            case.main_reviewer_id, case.deputy_reviewer_id = pair
            changed.append(case)
    if changed:
        _note_readers(group, changed, actor_id, now)


def _check_pair(case: MeetingCase, pair: Sequence[int], allowed: Collection[int]) -> None:
    if len(set(pair)) < 2:
        raise Invalid("主审和副审须为两人", field=f"deputy-{case.id}")
    if not set(pair) <= set(allowed):
        raise Invalid(
            f"{case.declaration.person.name}的材料：所选专家是组长、主任、须回避或不在本组",
            field=f"main-{case.id}",
        )


def _note_readers(
    group: MeetingGroup, cases: Collection[MeetingCase], actor_id: int, now: datetime
) -> None:
    db.session.flush()
    audit.record(
        "meeting:readers_named",
        subject=("meeting", group.meeting_id),
        actor_id=actor_id,
        now=now,
        group=group.id,
        readers={str(case.id): [case.main_reviewer_id, case.deputy_reviewer_id] for case in cases},
    )


def require_leader(group: MeetingGroup, person_id: int) -> None:
    """Forbidden for everybody but the leader of the group."""
    if group.leader_id != person_id:
        raise Forbidden("只有本组组长可以分配主审和副审")


def assign_evenly(meeting: Meeting, group: MeetingGroup, *, actor_id: int, now: datetime) -> int:
    """Name reviewers for every case of the group that has none, in turn (全部分配).

    Whoever has read least comes next. Conflict names a case with fewer than two readers left.
    """
    require_leader(group, actor_id)
    require_status(meeting, MeetingStatus.PREPARING)
    mains = Counter(case.main_reviewer_id for case in group.cases)
    deputies = Counter(case.deputy_reviewer_id for case in group.cases)
    loose = [case for case in group.cases if case.main_reviewer_id is None]
    eligible = eligible_by_case(group)
    for case in loose:
        allowed = eligible[case.id]
        if len(allowed) < 2:
            raise Conflict(
                f"{case.declaration.person.name}的材料可分配的专家不足两人，请会议经办人调整分组"
            )
        main = min(allowed, key=lambda each: (mains[each], deputies[each]))
        others = [each for each in allowed if each != main]
        deputy = min(others, key=lambda each: (deputies[each], mains[each]))
        mains[main] += 1
        deputies[deputy] += 1
        case.main_reviewer_id, case.deputy_reviewer_id = main, deputy
    _note_readers(group, loose, actor_id, now)
    return len(loose)


def require_confirmers(case: MeetingCase) -> None:
    """Conflict where leader or director are recused from a case and nobody can stand in."""
    if None in {interests.confirmer(case, stage) for stage in ("leader", "director")}:
        name = case.declaration.person.name
        raise Conflict(f"{name}的材料：组长或主任须回避，会议中没有可以代为确认的专家")


def finish_assignment(
    meeting: Meeting, group: MeetingGroup, *, actor_id: int, now: datetime
) -> None:
    """Close the assignment of a group; Invalid while a case has no reviewers.

    Conflict where leader or director are recused from a case and nobody can stand in.
    """
    require_leader(group, actor_id)
    require_status(meeting, MeetingStatus.PREPARING)
    # Readers may have been recused, or named, while this waited for the lock.
    queries.load_group(group)
    loose = [case for case in group.cases if case.main_reviewer_id is None]
    if loose:
        raise Invalid(f"还有 {len(loose)} 份材料没有分配主审和副审")
    eligible = eligible_by_case(group)
    recused = interests.recusals_of(meeting.id)
    heads = {group.leader_id, queries.director_id(meeting.id)}
    for case in group.cases:
        if not {case.main_reviewer_id, case.deputy_reviewer_id} <= set(eligible[case.id]):
            name = case.declaration.person.name
            raise Invalid(f"{name}的材料：主审或副审须回避，请重新分配")
        # Others than the heads confirm only what these keep out of.
        if heads & {None, *recused.get(case.id, {})}:
            require_confirmers(case)
    for person_id in {case.main_reviewer_id for case in group.cases} - {None}:
        notify(
            int(person_id or 0),
            f"您在“{meeting.name}”中被指定为主审，请查看待办任务",
            url=f"/meetings/{meeting.id}",
            now=now,
        )
    audit.record(
        "meeting:reviewers_assigned",
        subject=("meeting", meeting.id),
        actor_id=actor_id,
        now=now,
        group=group.id,
    )
