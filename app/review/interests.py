"""Who keeps out of a case or of a meeting, and who stands in for them (回避)."""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import select

from app.core.db import db
from app.experts.models import ExpertProfile
from app.review.models import Meeting, MeetingCase, MeetingMember, Post, Recusal
from app.review.queries import director_id, has_case_in, member
from app.units.models import ACTIVE, Employment, Unit


def takes_part(meeting_id: int, person_id: int) -> bool:
    """Tell whether a person judges in the meeting or is judged by it: neither may run it."""
    return member(meeting_id, person_id) is not None or has_case_in(meeting_id, person_id)


def recused_cases(meeting_id: int, person_id: int) -> set[int]:
    """Return the cases of a meeting that a person may not judge."""
    rows = (
        select(Recusal.case_id)
        .join(MeetingCase, MeetingCase.id == Recusal.case_id)
        .where(MeetingCase.meeting_id == meeting_id, Recusal.person_id == person_id)
    )
    return set(db.session.scalars(rows))


def recusals_of(meeting_id: int) -> dict[int, dict[int, str]]:
    """Return reasons by case and person."""
    rows = db.session.scalars(
        select(Recusal)
        .join(MeetingCase, MeetingCase.id == Recusal.case_id)
        .where(MeetingCase.meeting_id == meeting_id)
    )
    found: dict[int, dict[int, str]] = {}
    for row in rows:
        found.setdefault(row.case_id, {})[row.person_id] = row.reason
    return found


def workplaces(person_ids: Iterable[int]) -> dict[int, set[int | str]]:
    """Return where people work: ids of the units that employ them.

    For experts whom no unit employs, the name of the unit in their profile stands for it.
    """
    ids = set(person_ids)
    found: dict[int, set[int | str]] = {each: set() for each in ids}
    employed = select(Employment.person_id, Employment.unit_id).where(
        Employment.status == ACTIVE, Employment.person_id.in_(ids)
    )
    for person_id, unit_id in db.session.execute(employed):
        found[person_id].add(unit_id)
    known_by_name = [person_id for person_id, units in found.items() if not units]
    profiles = select(ExpertProfile.person_id, ExpertProfile.unit_name).where(
        ExpertProfile.person_id.in_(known_by_name)
    )
    for person_id, name in db.session.execute(profiles):
        found[person_id].add(name)
    return found


def works_in(places: Collection[int | str], unit: Unit) -> bool:
    """Tell whether a unit is one of these workplaces; units of one name are not the same."""
    return unit.id in places or unit.name in places


def colleagues(
    cases: Sequence[MeetingCase], seats: Sequence[MeetingMember]
) -> list[tuple[MeetingCase, MeetingMember]]:
    """Return who works in the unit of which applicant: they may not judge the case."""
    places = workplaces(seat.person_id for seat in seats)
    return [
        (case, seat)
        for case in cases
        for seat in seats
        if works_in(places[seat.person_id], case.declaration.unit)
    ]


def colleagues_by_case(meeting: Meeting) -> dict[int, set[int]]:
    """Return by case which members work in the applicant's unit."""
    found: dict[int, set[int]] = {}
    for case, seat in colleagues(meeting.cases, meeting.members):
        found.setdefault(case.id, set()).add(seat.person_id)
    return found


def confirmer(case: MeetingCase, stage: str) -> int | None:
    """Return who confirms a case as deputy, leader or director; None where nobody may.

    A deputy director, else another expert of the group, stands in for a recused leader; a deputy
    director, else another group's leader, for a recused director (代为确认).
    """
    if stage == "deputy":
        return case.deputy_reviewer_id
    leader = case.group.leader_id if case.group else None
    director = director_id(case.meeting_id)
    head = leader if stage == "leader" else director
    recused = recusals_of(case.meeting_id).get(case.id, {})
    if head not in recused:
        return head
    barred = {leader, director, case.main_reviewer_id, case.deputy_reviewer_id, *recused}
    if stage == "director":
        barred.add(confirmer(case, "leader"))
    seats = [seat for seat in case.meeting.members if seat.person_id not in barred]
    leaders = {each.leader_id for each in case.meeting.groups}
    deputies = [seat.person_id for seat in seats if seat.post == Post.DEPUTY_DIRECTOR]
    others = [
        seat.person_id
        for seat in seats
        if (seat.group_id == case.group_id if stage == "leader" else seat.person_id in leaders)
    ]
    return next(iter([*deputies, *others]), None)
