"""A review meeting: groups, scores, a secret ballot opened with two keys, the result."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from app.accounts.models import Person
from app.committees.models import Committee
from app.core.clock import ZONE, now
from app.core.db import db, transaction
from app.declarations.queries import get_declaration
from app.demo.stage import Stage, read_data
from app.engine import runtime
from app.plans.models import Plan
from app.review import operations, queries
from app.review.models import Meeting, MeetingCase
from app.units.flow import open_items

MEETING, CASE = "meeting", "case"
AGREE = {"decision": "pass", "opinion": "同意"}


def call_meeting(
    stage: Stage,
    plan_id: int,
    on: date,
    cases: Mapping[int, str],
    experts: Sequence[Mapping[str, Any]],
) -> int:
    """Call a meeting on a day with its groups, experts, cases and score sheet; its id.

    `cases` maps declarations to the name of their group.
    """
    with transaction():
        clerk = stage.person("ah03.clerk")
        plan = db.session.get_one(Plan, plan_id)
        facts = _facts(plan, on)
        committees = [db.session.get_one(Committee, plan.committee_id)]
        meeting = operations.create_meeting(plan, committees, facts, actor_id=clerk.id, now=now())
        _seat(stage, meeting, clerk, cases, experts)
        for row in read_data("plan")["indicator"]:
            operations.add_indicator(
                meeting,
                row["name"],
                weight=row["weight"],
                max_score=row["weight"] or 1,
                rule=row["rule"],
                actor_id=clerk.id,
                now=now(),
            )
        runtime.start(
            "review_meeting",
            business=(MEETING, meeting.id),
            jurisdiction=meeting.jurisdiction,
            actor_id=clerk.id,
            now=now(),
        )
        return meeting.id


def _facts(plan: Plan, on: date) -> operations.MeetingFacts:
    return operations.MeetingFacts(
        f"{plan.year}年{plan.committee.name.removesuffix('评审委员会')}评审会议",
        "淮城市教师发展中心（演示）",
        datetime.combine(on, time(8, 30), ZONE),
        datetime.combine(on + timedelta(days=2), time(18), ZONE),
    )


def _seat(
    stage: Stage,
    meeting: Meeting,
    clerk: Person,
    cases: Mapping[int, str],
    experts: Sequence[Mapping[str, Any]],
) -> None:
    names = list(dict.fromkeys(cases.values()))
    # A group without cases does not meet: its experts join the first one.
    seats = {e["id"]: e["group"] if e["group"] in names else names[0] for e in experts}
    sizes = Counter(seats.values())
    who: Any = {"actor_id": clerk.id, "now": now()}
    groups = {name: operations.add_group(meeting, name, sizes[name], **who) for name in names}
    for expert_id, name in seats.items():
        person = stage.person(expert_id)
        operations.add_member(meeting, person, groups[name], **who)
    for declaration_id, name in cases.items():
        case = operations.add_case(meeting, get_declaration(declaration_id), **who)
        operations.group_cases(meeting, [case.id], groups[name], **who)


def review_material(
    stage: Stage,
    meeting_id: int,
    scores: Mapping[int, int],
    experts: Sequence[Mapping[str, Any]],
) -> None:
    """Play from the scheme to the director's confirmation of every case's score."""
    business = (MEETING, meeting_id)
    scheme = {"scheme": "按专业分组，主审、副审分别审阅，组长、主任逐级确认，全体委员无记名投票。"}
    stage.act(business, "set_up_meeting", scheme, person_id=stage.people["ah03.clerk"])
    stage.act(business, "approve_scheme", AGREE, person_id=stage.people["ah03.leader"])
    chosen = {
        "director_id": _with_post(stage, experts, "director")[0],
        "deputy_ids": _with_post(stage, experts, "deputy_director"),
    }
    stage.act(business, "appoint_directors", chosen, person_id=stage.people["ah03.clerk"])
    stage.act(business, "confirm_standard", AGREE)
    stage.act(business, "appoint_leaders", {"leaders": _leaders(stage, meeting_id, experts)})
    _assign(stage, business)
    with transaction(write=False):
        cases = [(c.id, c.declaration_id) for c in queries.meeting(meeting_id).cases]
    for case_id, declaration_id in cases:
        _judge(stage, case_id, scores[declaration_id])


def _with_post(stage: Stage, experts: Sequence[Mapping[str, Any]], post: str) -> list[int]:
    return [stage.people[expert["id"]] for expert in experts if expert["post"] == post]


def _leaders(
    stage: Stage, meeting_id: int, experts: Sequence[Mapping[str, Any]]
) -> dict[str, int]:
    leading = {stage.people[expert["id"]] for expert in experts if expert["leads"]}
    with transaction(write=False):
        return {
            str(group.id): next(
                seat.person_id for seat in group.members if seat.person_id in leading
            )
            for group in queries.meeting(meeting_id).groups
        }


def _assign(stage: Stage, business: tuple[str, int]) -> None:
    with transaction():
        meeting = queries.meeting(business[1])
        for group in meeting.groups:
            operations.assign_evenly(meeting, group, actor_id=group.leader_id or 0, now=now())
        tasks = sum(item.node == "assign_reviewers" for item in open_items(business))
    for _ in range(tasks):
        stage.act(business, "assign_reviewers")


def marks(case: MeetingCase, total: int) -> list[dict[str, Any]]:
    """Spread a total over the score sheet, each indicator within its weight."""
    lines = [line for line in case.meeting.indicators if not line.is_veto]
    heights = [0]
    for line in lines:
        heights.append(heights[-1] + line.weight)
    cuts = [total * height // heights[-1] for height in heights]
    values = [high - low for low, high in pairwise(cuts)]
    scored = [
        {"indicator": line.id, "value": value, "comment": ""}
        for line, value in zip(lines, values, strict=True)
    ]
    vetoes = [
        {"indicator": line.id, "value": 0, "comment": ""}
        for line in case.meeting.indicators
        if line.is_veto
    ]
    return vetoes + scored


def _judge(stage: Stage, case_id: int, total: int) -> None:
    with transaction(write=False):
        scores = marks(queries.case(case_id), total)
    opinion = "业绩突出，教学效果好" if total >= 75 else "业绩与标准有差距"
    stage.act((CASE, case_id), "score_case", {"scores": scores, "opinion": opinion})
    for node in ("confirm_by_deputy", "confirm_by_leader", "confirm_by_director"):
        stage.act((CASE, case_id), node, AGREE)


def vote(
    stage: Stage,
    meeting_id: int,
    votes: Mapping[int, tuple[int, int, int]],
    experts: Sequence[Mapping[str, Any]],
) -> None:
    """Check in, open the ballot, let everybody present vote, and close it with two keys.

    `votes` maps declarations to yes, no and abstain; whose vote is which is drawn.
    """
    business = (MEETING, meeting_id)
    present = [stage.people[expert["id"]] for expert in experts if expert["present"]]
    clerk_id = stage.people["ah03.clerk"]
    with transaction():
        meeting = queries.meeting(meeting_id)
        for seat in meeting.members:
            operations.check_in(
                meeting,
                seat,
                present=seat.person_id in present,
                actor_id=clerk_id,
                now=now(),
            )
    roll = {"supervisor_id": stage.people["ah03.watch"]}
    stage.act(business, "prepare_roll", roll, person_id=clerk_id)
    codes = _collect_codes(stage, meeting_id)
    stage.act(business, "open_ballot", AGREE)
    _cast(stage, meeting_id, votes, present)
    two = dict(list(codes.items())[:2])
    stage.act(business, "close_ballot", {"codes": two}, person_id=clerk_id)


def _collect_codes(stage: Stage, meeting_id: int) -> dict[str, str]:
    with transaction():
        meeting = queries.meeting(meeting_id)
        return {
            str(share.holder_id): operations.collect_key(
                meeting, actor_id=share.holder_id, random=stage.random, now=now()
            )
            for share in queries.key_shares(meeting)
        }


def _cast(
    stage: Stage,
    meeting_id: int,
    votes: Mapping[int, tuple[int, int, int]],
    present: Sequence[int],
) -> None:
    with transaction(write=False):
        order = [(c.id, c.declaration_id) for c in queries.candidates(queries.meeting(meeting_id))]
    papers: dict[int, dict[int, str]] = {voter: {} for voter in present}
    for case_id, declaration_id in order:
        yes, no, abstain = votes[declaration_id]
        choices = list("y" * yes + "n" * no + "a" * abstain)
        stage.random.shuffle(choices)
        for voter, choice in zip(present, choices, strict=True):
            papers[voter][case_id] = choice
    for voter in present:
        with transaction():
            operations.cast(
                queries.meeting(meeting_id),
                papers[voter],
                actor_id=voter,
                random=stage.random,
                now=now(),
            )
    stage.note(f"{len(present)} 名委员已投票（只记已投，不记内容）")


def confirm(stage: Stage, meeting_id: int) -> None:
    """The director announces the result, which then goes public."""
    stage.act((MEETING, meeting_id), "confirm_result", {"opinion": "经计票，结果有效"})


def end(stage: Stage, meeting_id: int) -> None:
    """The clerk sends the confirmed result up, the issuer approves it, the meeting is closed."""
    business, clerk_id = (MEETING, meeting_id), stage.people["ah03.clerk"]
    stage.act(business, "report_meeting", {"opinion": "公示期间无异议"}, person_id=clerk_id)
    with transaction(write=False):
        plan = queries.meeting(meeting_id).plan
        number = f"演示核〔{now().year}〕{plan.id}号"
    approval = {"decision": "pass", "approval_no": number, "opinion": "同意"}
    stage.act(business, "approve_report", approval)
    stage.act(business, "close_meeting", {"opinion": "会议资料已归档"}, person_id=clerk_id)
