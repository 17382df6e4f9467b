"""Reads about meetings, their cases and what may be said about a ballot."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.attributes import set_committed_value

from app.accounts.models import Person
from app.core.audit import AuditEvent
from app.core.db import db
from app.core.errors import NotFound
from app.core.permissions import Grant
from app.declarations.models import Declaration, Status
from app.experts.models import ExpertProfile
from app.experts.queries import in_pool
from app.review.ballots import BallotClose, BallotRoll, KeyShare, Tally
from app.review.models import (
    CaseOpinion,
    CaseStatus,
    Meeting,
    MeetingCase,
    MeetingGroup,
    MeetingMember,
    MeetingStatus,
    Post,
    Score,
)

DECIDED = (MeetingStatus.CONFIRMED, MeetingStatus.REPORTED, MeetingStatus.CLOSED)
"""The result stands: experts have nothing to read any more."""
UNDECIDED = MeetingCase.status.not_in((CaseStatus.PASSED, CaseStatus.FAILED))


def meeting(meeting_id: int) -> Meeting:
    """Return a meeting; NotFound otherwise."""
    found = db.session.get(Meeting, meeting_id)
    if found is None:
        raise NotFound
    return found


def group(group_id: int) -> MeetingGroup:
    """Return a group; NotFound otherwise."""
    found = db.session.get(MeetingGroup, group_id)
    if found is None:
        raise NotFound
    return found


def case(case_id: int) -> MeetingCase:
    """Return a case; NotFound otherwise."""
    found = db.session.get(MeetingCase, case_id)
    if found is None:
        raise NotFound
    return found


def case_in(meeting: Meeting, case_id: int) -> MeetingCase:
    """Return a case of this meeting; NotFound for a foreign one."""
    found = case(case_id)
    if found.meeting_id != meeting.id:
        raise NotFound
    return found


def meetings_for(
    person_id: int, grants: Iterable[Grant], *, active: bool
) -> Select[tuple[Meeting]]:
    """Select the meetings that a person runs, supervises or sits in (活跃/历史评审会议)."""
    units = [g.scope_id for g in grants if g.scope_kind == "org" and g.role in RUNNERS]
    sits = select(MeetingMember.meeting_id).where(MeetingMember.person_id == person_id)
    mine = or_(Meeting.organiser_unit_id.in_(units), Meeting.id.in_(sits))
    judged_by = (
        select(MeetingCase.meeting_id)
        .join(Declaration, Declaration.id == MeetingCase.declaration_id)
        .where(Declaration.person_id == person_id)
    )
    is_past = Meeting.status == MeetingStatus.CLOSED
    found = select(Meeting).where(mine, Meeting.id.not_in(judged_by))
    return found.where(~is_past if active else is_past).order_by(Meeting.id.desc())


def opens_on_past(person_id: int, grants: Sequence[Grant]) -> bool:
    """Tell whether the list opens on the past meetings: there are some, and no active one."""

    def has_any(*, active: bool) -> bool:
        found = meetings_for(person_id, grants, active=active).limit(1)
        return db.session.scalar(found) is not None

    return not has_any(active=True) and has_any(active=False)


def has_case_in(meeting_id: int, person_id: int) -> bool:
    """Tell whether a person's own declaration is before the meeting: they keep out of it."""
    own = (
        select(MeetingCase.id)
        .join(Declaration, Declaration.id == MeetingCase.declaration_id)
        .where(MeetingCase.meeting_id == meeting_id, Declaration.person_id == person_id)
    )
    return db.session.scalar(own.limit(1)) is not None


RUNNERS = frozenset({"meeting_clerk", "organiser", "organiser_leader", "supervisor"})


def member(meeting_id: int, person_id: int) -> MeetingMember | None:
    """Return the seat of a person in a meeting."""
    return db.session.scalars(
        select(MeetingMember).where(
            MeetingMember.meeting_id == meeting_id, MeetingMember.person_id == person_id
        )
    ).first()


def director_id(meeting_id: int) -> int | None:
    """Return who directs the meeting (主任), or None before the appointment."""
    return db.session.scalar(
        select(MeetingMember.person_id).where(
            MeetingMember.meeting_id == meeting_id, MeetingMember.post == Post.DIRECTOR
        )
    )


def led_group(meeting_id: int, person_id: int) -> MeetingGroup | None:
    """Return the group that a person leads."""
    return db.session.scalars(
        select(MeetingGroup).where(
            MeetingGroup.meeting_id == meeting_id, MeetingGroup.leader_id == person_id
        )
    ).first()


def candidates(meeting: Meeting) -> Sequence[MeetingCase]:
    """Return the cases on the ballot, in its order: scored, and not vetoed."""
    done = (CaseStatus.SCORED, CaseStatus.PASSED, CaseStatus.FAILED)
    return db.session.scalars(
        select(MeetingCase)
        .where(
            MeetingCase.meeting_id == meeting.id,
            MeetingCase.status.in_(done),
            ~MeetingCase.is_vetoed,
        )
        .order_by(MeetingCase.group_id, MeetingCase.id)
    ).all()


def load_cases(meeting: Meeting) -> None:
    """Read the cases of a meeting together with what its pages show of them."""
    shown = _shown_cases().where(MeetingCase.meeting_id == meeting.id)
    set_committed_value(meeting, "cases", list(db.session.scalars(shown)))


def load_group(group: MeetingGroup) -> None:
    """Read the cases of a group anew, as they are now, in one statement."""
    shown = _shown_cases().where(MeetingCase.group_id == group.id)
    found = db.session.scalars(shown.execution_options(populate_existing=True))
    set_committed_value(group, "cases", list(found))


def _shown_cases() -> Select[tuple[MeetingCase]]:
    declaration = joinedload(MeetingCase.declaration)
    return (
        select(MeetingCase)
        .order_by(MeetingCase.id)
        .options(
            declaration.joinedload(Declaration.person),
            declaration.joinedload(Declaration.specialty),
            declaration.joinedload(Declaration.title),
            declaration.joinedload(Declaration.unit),
            joinedload(MeetingCase.main_reviewer),
            joinedload(MeetingCase.deputy_reviewer),
        )
    )


def profiles_of(person_ids: Iterable[int]) -> dict[int, ExpertProfile]:
    """Return expert profiles by person."""
    wanted = select(ExpertProfile).where(ExpertProfile.person_id.in_(set(person_ids)))
    return {profile.person_id: profile for profile in db.session.scalars(wanted)}


def available_experts(meeting: Meeting, now: datetime) -> list[tuple[Person, ExpertProfile]]:
    """Return who is in the pool and does not sit in the meeting, its own committee's first."""
    seated = select(MeetingMember.person_id).where(MeetingMember.meeting_id == meeting.id)
    rows = db.session.execute(
        select(Person, ExpertProfile)
        .join(ExpertProfile, ExpertProfile.person_id == Person.id)
        .where(Person.id.not_in(seated), Person.id.in_(in_pool(now)))
        .order_by(ExpertProfile.committee_id != meeting.committee_id, Person.id)
    )
    return [(row[0], row[1]) for row in rows]


def available_declarations(meeting: Meeting) -> Sequence[Declaration]:
    """Return accepted declarations of the plan that no meeting has before it."""
    taken = select(MeetingCase.declaration_id).where(UNDECIDED)
    return db.session.scalars(
        select(Declaration)
        .where(
            Declaration.plan_id == meeting.plan_id,
            Declaration.status == Status.ACCEPTED,
            Declaration.id.not_in(taken),
        )
        .order_by(Declaration.id)
    ).all()


def meeting_of_declaration(declaration_id: int) -> Meeting | None:
    """Return the meeting that has a declaration before it and has not decided on it."""
    return db.session.scalars(
        select(Meeting)
        .join(MeetingCase, MeetingCase.meeting_id == Meeting.id)
        .where(MeetingCase.declaration_id == declaration_id, UNDECIDED)
    ).first()


def scores_of(case_id: int) -> dict[int, Score]:
    """Return the scores of a case by indicator."""
    rows = db.session.scalars(select(Score).where(Score.case_id == case_id))
    return {row.indicator_id: row for row in rows}


def opinions_of(case_id: int) -> Sequence[CaseOpinion]:
    """Return what was written about a case, oldest first."""
    return db.session.scalars(
        select(CaseOpinion).where(CaseOpinion.case_id == case_id).order_by(CaseOpinion.id)
    ).all()


def cases_of_declaration(declaration_id: int) -> Sequence[MeetingCase]:
    """Return the cases that a declaration was before meetings as."""
    found = select(MeetingCase).where(MeetingCase.declaration_id == declaration_id)
    return db.session.scalars(found).all()


@dataclass(frozen=True)
class Turnout:
    """How many members there are, are present, and have voted."""

    members: int
    present: int
    voted: int


def turnout(meeting: Meeting) -> Turnout:
    """Count members, those checked in (or on the roll once it is made), and ballots cast."""
    members = [seat.present for seat in meeting.members]
    rows = db.session.execute(
        select(BallotRoll.present, BallotRoll.voted).where(
            BallotRoll.meeting_id == meeting.id, BallotRoll.round == meeting.round
        )
    ).all()
    present = sum(row.present for row in rows) if rows else sum(members)
    return Turnout(len(members), present, sum(row.voted for row in rows))


def roll_of(meeting: Meeting) -> list[tuple[Person, bool, bool]]:
    """Return (person, present, voted) in order of names; it never says when or what."""
    rows = db.session.execute(
        select(Person, BallotRoll.present, BallotRoll.voted)
        .join(BallotRoll, BallotRoll.person_id == Person.id)
        .where(BallotRoll.meeting_id == meeting.id, BallotRoll.round == meeting.round)
        .order_by(Person.name, Person.id)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def roll_entry(meeting: Meeting, person_id: int) -> BallotRoll | None:
    """Return a person's line of the current roll."""
    return db.session.get(BallotRoll, (meeting.id, meeting.round, person_id))


def keys_to_collect(person_id: int) -> Sequence[Meeting]:
    """Return the meetings whose ballot waits for this holder to take their code."""
    waiting = (
        select(Meeting)
        .join(KeyShare, KeyShare.meeting_id == Meeting.id)
        .where(
            KeyShare.holder_id == person_id,
            KeyShare.round == Meeting.round,
            KeyShare.public_key.is_(None),
            Meeting.status == MeetingStatus.SCORING,
        )
    )
    return db.session.scalars(waiting.order_by(Meeting.id)).all()


def key_shares(meeting: Meeting) -> Sequence[KeyShare]:
    """Return the key holders of the current ballot: director, clerk, supervisor."""
    return db.session.scalars(
        select(KeyShare)
        .where(KeyShare.meeting_id == meeting.id, KeyShare.round == meeting.round)
        .order_by(KeyShare.post)
    ).all()


def tallies(meeting: Meeting) -> dict[int, Tally]:
    """Return the counts of the current ballot by case; empty before the close."""
    rows = db.session.scalars(
        select(Tally)
        .join(MeetingCase, MeetingCase.id == Tally.case_id)
        .where(MeetingCase.meeting_id == meeting.id, Tally.round == meeting.round)
    )
    return {row.case_id: row for row in rows}


def lacks_roll(meeting: Meeting) -> bool:
    """Tell whether nobody has been put on a roll yet: who votes, and when, is still open."""
    early = (MeetingStatus.PREPARING, MeetingStatus.SCORING)
    return meeting.state in early and not roll_of(meeting)


def seat_lost(case: MeetingCase, person_id: int) -> str | None:
    """Return as what somebody was to read a case until another took their place."""
    if person_id in {case.main_reviewer_id, case.deputy_reviewer_id}:
        return None
    replaced = select(AuditEvent.data).where(
        AuditEvent.tag == "meeting:reviewer_replaced",
        AuditEvent.subject_type == "meeting",
        AuditEvent.subject_id == case.meeting_id,
    )
    lost = [
        str(data["seat"])
        for data in db.session.scalars(replaced.order_by(AuditEvent.id))
        if (data["case"], data["former"]) == (case.id, person_id)
    ]
    return lost[-1] if lost else None


def ballot_close(meeting: Meeting) -> BallotClose | None:
    """Return the close of the current ballot, None while it is open."""
    return db.session.get(BallotClose, (meeting.id, meeting.round))


def ballots_to_cast(person_id: int) -> Sequence[Meeting]:
    """Return open ballots in which the person is present and has not voted (待投票)."""
    return db.session.scalars(
        select(Meeting)
        .join(
            BallotRoll,
            (BallotRoll.meeting_id == Meeting.id) & (BallotRoll.round == Meeting.round),
        )
        .where(
            Meeting.status == MeetingStatus.VOTING,
            BallotRoll.person_id == person_id,
            BallotRoll.present,
            ~BallotRoll.voted,
        )
        .order_by(Meeting.id)
    ).all()


def open_cases(meeting_id: int) -> int:
    """Count the cases that the director has not confirmed yet."""
    wanted = (CaseStatus.WAITING, CaseStatus.SCORING)
    query = select(func.count(MeetingCase.id)).where(
        MeetingCase.meeting_id == meeting_id, MeetingCase.status.in_(wanted)
    )
    return db.session.scalar(query) or 0
