"""A review meeting at any point of its course, reached by playing it.

with transaction():
    held = a_meeting_called(members=9, cases=3)
play_to(held, "open_ballot")
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import count
from random import Random
from typing import Any

from app.accounts.models import Person
from app.catalogue.models import Series, Title
from app.committees.models import Committee
from app.core.clock import ZONE, now
from app.core.db import db, transaction
from app.declarations.models import Declaration, Status
from app.engine import runtime
from app.experts.models import ExpertProfile
from app.plans.models import Plan, PlanSpecialty
from app.review import operations, queries
from app.review.models import Meeting, MeetingCase
from app.units.models import Unit
from tests.builders.flow import do, open_items
from tests.builders.people import a_person, a_unit
from tests.builders.played import played_once

SPECIALTIES = ("小学语文", "初中数学", "高中物理")
NODES = (
    "set_up_meeting",
    "approve_scheme",
    "appoint_directors",
    "confirm_standard",
    "appoint_leaders",
    "assign_reviewers",
    "score_case",
    "confirm_by_deputy",
    "confirm_by_leader",
    "confirm_by_director",
    "prepare_roll",
    "open_ballot",
    "close_ballot",
    "confirm_result",
)
SHEET = (("师德与育人", 0), ("教育教学工作", 60), ("教研科研", 40))
_numbers = count(1)


@dataclass
class Held:
    """A meeting with the ids of everybody in it; records are read anew in each transaction."""

    id: int
    clerk_id: int
    leader_id: int
    supervisor_id: int
    member_ids: list[int]
    codes: dict[int, str] = field(default_factory=dict)

    @property
    def meeting(self) -> Meeting:
        return queries.meeting(self.id)

    @property
    def director_id(self) -> int:
        return self.member_ids[0]

    @property
    def business(self) -> tuple[str, int]:
        return ("meeting", self.id)

    def person(self, person_id: int) -> Person:
        return db.session.get_one(Person, person_id)


def nodes(held: Held) -> list[str]:
    """The steps in which a meeting now waits for somebody."""
    with transaction(write=False):
        return [item.node for item in open_items(held.business)]


def a_committee(organiser: Unit, series: Series, *, size: int = 11) -> Committee:
    """A committee whose filing holds in 2026."""
    number = next(_numbers)
    committee = Committee(
        jurisdiction=organiser.jurisdiction,
        name=f"中小学教师高级职称评审委员会{number}",
        filing_no=f"演示备案{number}号",
        filed_from=date(2025, 1, 1),
        filed_until=date(2027, 12, 31),
        series_id=series.id,
        level="高级",
        organiser_unit_id=organiser.id,
        size=size,
        consent_no="演示批复1号",
        entered_by=a_person("备案录入").id,
        confirmed_by=a_person("备案核对").id,
    )
    db.session.add(committee)
    db.session.flush()
    return committee


def a_closed_plan(organiser: Unit, committee: Committee, series: Series, title: Title) -> Plan:
    """A plan whose window is over, with three specialties."""
    checker = a_person("核对人")
    plan = Plan(
        jurisdiction=organiser.jurisdiction,
        name=f"2026年度中小学教师高级职称评审{committee.id}",
        year=2026,
        kind="评审",
        level="高级",
        committee_id=committee.id,
        organiser_unit_id=organiser.id,
        status="closed",
        publish_at=datetime(2026, 6, 1, 9, tzinfo=ZONE),
        opens_at=datetime(2026, 6, 10, 9, tzinfo=ZONE),
        closes_at=datetime(2026, 9, 30, 17, 30, tzinfo=ZONE),
        declaration_kinds=["常规申报"],
        checked_by=checker.id,
        checked_at=now(),
        created_at=now(),
    )
    plan.specialties = [
        PlanSpecialty(position=place, series_id=series.id, name=name, title_id=title.id)
        for place, name in enumerate(SPECIALTIES, 1)
    ]
    db.session.add(plan)
    db.session.flush()
    return plan


def an_accepted_declaration(
    plan: Plan, unit: Unit, *, name: str, specialty: int = 0
) -> Declaration:
    """A declaration that the organiser has accepted."""
    person = a_person(name, unit=unit)
    declaration = Declaration(
        number=f"2026{next(_numbers):06d}",
        person_id=person.id,
        plan_id=plan.id,
        plan_year=2026,
        unit_id=unit.id,
        kind="常规申报",
        specialty=plan.specialties[specialty],
        title_id=plan.specialties[specialty].title_id,
        status=Status.ACCEPTED,
        pledged_at=now(),
        submitted_at=now(),
        created_at=now(),
        updated_at=now(),
    )
    db.session.add(declaration)
    db.session.flush()
    return declaration


def an_expert(name: str, *, specialty: str = SPECIALTIES[0], unit_name: str = "") -> Person:
    """An expert of the pool, with an account."""
    person = a_person(name, roles=[("expert", "all", None)])
    profile = ExpertProfile(
        person_id=person.id, unit_name=unit_name or f"{name}所在学校", specialty=specialty
    )
    db.session.add(profile)
    db.session.flush()
    return person


def a_meeting_called(
    *, members: int = 9, cases: int = 3, groups: int = 2, jurisdiction: str = "anhui"
) -> Held:
    """A meeting just called: experts, groups, cases and score sheet are there."""
    organiser = a_unit(f"组建单位{next(_numbers)}", kind="机关", clerk=False, leader=False)
    organiser.jurisdiction = jurisdiction
    org = [("org", organiser.id)]
    clerk = a_person("会议经办", roles=[("meeting_clerk", *org[0])])
    leader = a_person("组建领导", roles=[("organiser_leader", *org[0])])
    supervisor = a_person("敖正言", roles=[("supervisor", *org[0])])
    number = next(_numbers)
    series = Series(code=f"T{number}", name=f"中小学教师{number}")
    db.session.add(series)
    db.session.flush()
    title = Title(series_id=series.id, name="高级教师", level="副高级")
    db.session.add(title)
    db.session.flush()
    committee = a_committee(organiser, series, size=max(11, members + 1 - members % 2))
    plan = a_closed_plan(organiser, committee, series, title)
    facts = operations.MeetingFacts(
        "2026年高级评审会议",
        "淮城市教师发展中心",
        datetime(2026, 11, 23, 8, 30, tzinfo=ZONE),
        datetime(2026, 11, 25, 18, tzinfo=ZONE),
    )
    meeting = operations.create_meeting(plan, [committee], facts, actor_id=clerk.id, now=now())
    held = Held(meeting.id, clerk.id, leader.id, supervisor.id, [])
    _fill(held, plan, clerk, members=members, cases=cases, groups=groups)
    runtime.start(
        "review_meeting",
        business=held.business,
        jurisdiction=jurisdiction,
        actor_id=clerk.id,
        now=now(),
    )
    return held


def _fill(held: Held, plan: Plan, clerk: Person, *, members: int, cases: int, groups: int) -> None:
    meeting = held.meeting
    size = -(-members // groups)
    who: dict[str, Any] = {"actor_id": clerk.id, "now": now()}
    made = [operations.add_group(meeting, f"第{n + 1}组", size, **who) for n in range(groups)]
    for place in range(members):
        expert = an_expert(f"专家{place + 1:02d}", specialty=SPECIALTIES[place % 3])
        group = made[place // size]
        operations.add_member(meeting, expert, group, **who)
        held.member_ids.append(expert.id)
    unit = a_unit("淮城市青禾小学")
    for place in range(cases):
        declaration = an_accepted_declaration(
            plan, unit, name=f"申报人{place + 1:02d}", specialty=place % 3
        )
        case = operations.add_case(meeting, declaration, **who)
        operations.group_cases(meeting, [case.id], made[place % groups], **who)
    for name, weight in SHEET:
        operations.add_indicator(meeting, name, weight=weight, max_score=weight or 1, **who)


def marks(meeting: Meeting, share: int = 80, *, veto: bool = False) -> list[dict[str, Any]]:
    """A score sheet: the same part of every weight."""
    return [
        {
            "indicator": line.id,
            "value": int(veto) if line.is_veto else line.weight * share // 100,
            "comment": "师德失范" if line.is_veto and veto else "",
        }
        for line in meeting.indicators
    ]


def play_to(held: Held, node: str) -> Held:
    """Play the meeting up to the moment when `node` is open."""
    for step in NODES[: NODES.index(node)]:
        play(held, step)
    return held


def play(held: Held, node: str, **answers: Any) -> None:
    """Do every open task of one node as an honest meeting would."""
    if node == "open_ballot":
        collect_codes(held)
    with transaction(write=False):
        meeting = held.meeting
        case_ids = [case.id for case in meeting.cases]
        given = {**_answers(held, meeting, node), **answers}
        found = sum(len(open_items(b, node)) for b in _businesses(held, case_ids))
    assert found, f"{node} is not open"
    if node == "assign_reviewers":
        with transaction():
            meeting = held.meeting
            for group in meeting.groups:
                if group.leader_id:
                    operations.assign_evenly(meeting, group, actor_id=group.leader_id, now=now())
    for business in _businesses(held, case_ids):
        with transaction(write=False):
            waiting = len(open_items(business, node))
        for _ in range(waiting):
            do(business, node, given, person=_actor(held, node))


def _businesses(held: Held, case_ids: list[int]) -> list[tuple[str, int]]:
    return [held.business, *(("case", case_id) for case_id in case_ids)]


def _actor(held: Held, node: str) -> Person | None:
    with transaction(write=False):
        return held.person(held.clerk_id) if node in {"prepare_roll", "close_ballot"} else None


def _answers(held: Held, meeting: Meeting, node: str) -> dict[str, Any]:
    decision = {"decision": "pass", "opinion": "同意"}
    leaders = {
        str(group.id): next(
            seat.person_id for seat in group.members if seat.person_id != held.director_id
        )
        for group in meeting.groups
    }
    known: dict[str, dict[str, Any]] = {
        "set_up_meeting": {"scheme": "按方案评审"},
        "appoint_directors": {
            "director_id": held.director_id,
            "deputy_ids": held.member_ids[-1:],
        },
        "appoint_leaders": {"leaders": leaders},
        "score_case": {"scores": marks(meeting), "opinion": "业绩突出"},
        "prepare_roll": {"supervisor_id": held.supervisor_id},
        "close_ballot": {"codes": {str(k): v for k, v in list(held.codes.items())[:2]}},
    }
    return known.get(node, decision)


def check_in(held: Held, present: int | None = None) -> None:
    """Check the first members in, all of them by default."""
    with transaction():
        meeting = held.meeting
        for place, seat in enumerate(meeting.members):
            is_present = present is None or place < present
            operations.check_in(
                meeting, seat, present=is_present, actor_id=held.clerk_id, now=now()
            )


def collect_codes(held: Held, random: Random | None = None) -> None:
    """Let the three holders take their codes."""
    chance = random or Random(7)
    with transaction():
        meeting = held.meeting
        for share in queries.key_shares(meeting):
            held.codes[share.holder_id] = operations.collect_key(
                meeting, actor_id=share.holder_id, random=chance, now=now()
            )


@played_once
def a_meeting(at: str = "set_up_meeting", **shape: Any) -> Held:
    """A meeting at a node; call it outside any transaction."""
    present = shape.pop("present", None)
    with transaction():
        held = a_meeting_called(**shape)
    for step in NODES[: NODES.index(at)]:
        if step == "prepare_roll":
            check_in(held, present)
        play(held, step)
    return held


def cast_as(held: Held, person_id: int, choices: dict[int, str], random: Random) -> None:
    """Cast one ballot in a transaction of its own."""
    with transaction():
        operations.cast(held.meeting, choices, actor_id=person_id, random=random, now=now())


def recuse_a_listener(held: Held) -> tuple[int, int]:
    """Keep a member who does not review the first case from voting on it; the case, who it is."""
    with transaction():
        meeting = held.meeting
        case = meeting.cases[0]
        readers = {case.main_reviewer_id, case.deputy_reviewer_id, held.director_id}
        seat = next(s for s in meeting.members if s.person_id not in readers)
        operations.recuse(meeting, case, seat, "合作者", actor_id=held.clerk_id, now=now())
        return case.id, seat.person_id


def case_ids(held: Held) -> list[int]:
    """The cases on the ballot, in its order."""
    with transaction(write=False):
        return [case.id for case in queries.candidates(held.meeting)]


def close(held: Held, codes: dict[int, str] | None = None, *, seed: int = 3) -> None:
    """Close the ballot with two codes."""
    with transaction():
        operations.close_ballot(
            held.meeting,
            codes or dict(list(held.codes.items())[:2]),
            actor_id=held.clerk_id,
            random=Random(seed),
            now=now(),
        )


def first_case(held: Held) -> MeetingCase:
    """The first case of the meeting."""
    return held.meeting.cases[0]
