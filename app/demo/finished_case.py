"""The finished plan of 2025: twelve cases, eleven experts of whom nine vote, nine passes."""

from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from typing import Any

from app.core.clock import now
from app.core.db import transaction
from app.demo import approvals, awards, cast, meeting, paperwork, planning
from app.demo.stage import Stage, read_data
from app.people.operations import remove_photo

PORTFOLIOS = date(2025, 10, 10)
DECLARED = date(2025, 10, 20)
SUPERIORS = date(2025, 11, 18)
ACCEPTED = date(2025, 12, 3)
MEETING = date(2025, 12, 16)
ISSUED = date(2026, 1, 9)
PRIMARY, SECONDARY = "小学组", "中学组"
NO_PHOTO, TO_REPLACE, REPLACED = "Z08", "Z05", "Z06"


def play(stage: Stage, committee_id: int) -> int:
    """Play the whole of 2025, at its own days; the id of a certificate that holds a mistake."""
    rows = read_data("cases_2025")["case"]
    experts = read_data("experts_2025")["expert"]
    stage.at(PORTFOLIOS)
    for row in rows:
        cast.enter_applicant(stage, row)
    kept = {row["id"]: paperwork.fill_portfolio(stage, row["id"]) for row in rows}
    plan_id = planning.run_plan(stage, committee_id, "plan_2025")
    declarations = _declare(stage, plan_id, rows, kept)
    planning.close_plan(stage, "plan_2025")
    _approve(stage, declarations)
    with transaction():
        remove_photo(stage.person(NO_PHOTO), now=now())
    passed = _review(stage, plan_id, rows, experts, declarations)
    return _award(stage, {key: declarations[key] for key in passed})


def _declare(
    stage: Stage,
    plan_id: int,
    rows: Sequence[Mapping[str, Any]],
    kept: Mapping[str, paperwork.Kept],
) -> dict[str, int]:
    stage.at(DECLARED)
    made = {}
    for row in rows:
        key = row["id"]
        made[key] = paperwork.begin_declaration(stage.people[key], plan_id, row)
        paperwork.fill_declaration(stage, made[key], key, kept[key])
        paperwork.submit(stage, made[key])
    return made


def _approve(stage: Stage, declarations: Mapping[str, int]) -> None:
    answers = approvals.recommendation(stage, next(iter(declarations.values())))
    for declaration_id in declarations.values():
        approvals.pass_unit(stage, declaration_id, answers)
    stage.at(SUPERIORS)
    for declaration_id in declarations.values():
        approvals.pass_superiors(stage, declaration_id)
    stage.at(ACCEPTED)
    for declaration_id in declarations.values():
        approvals.accept(stage, declaration_id)


def group_of(specialty: str) -> str:
    """Return the group that reads a specialty."""
    return SECONDARY if specialty.startswith(("初中", "高中")) else PRIMARY


def _review(
    stage: Stage,
    plan_id: int,
    rows: Sequence[Mapping[str, Any]],
    experts: Sequence[Mapping[str, Any]],
    declarations: Mapping[str, int],
) -> list[str]:
    stage.at(MEETING)
    groups = {declarations[row["id"]]: group_of(row["specialty"]) for row in rows}
    meeting_id = meeting.call_meeting(stage, plan_id, MEETING, groups, experts)
    scores = {declarations[row["id"]]: row["score"] for row in rows}
    meeting.review_material(stage, meeting_id, scores, experts)
    stage.at(MEETING + timedelta(days=2), time(10))
    votes = {declarations[row["id"]]: (row["yes"], row["no"], row["abstain"]) for row in rows}
    meeting.vote(stage, meeting_id, votes, experts)
    meeting.confirm(stage, meeting_id)
    awards.wait_out_publicity(stage, meeting_id)
    meeting.end(stage, meeting_id)
    return [row["id"] for row in rows if 3 * row["yes"] >= 2 * sum(_votes(row))]


def _votes(row: Mapping[str, Any]) -> tuple[int, int, int]:
    return row["yes"], row["no"], row["abstain"]


def _award(stage: Stage, passed: Mapping[str, int]) -> int:
    stage.at(ISSUED)
    certificates = {
        key: awards.issue(stage, declaration_id)
        for key, declaration_id in passed.items()
        if key != NO_PHOTO
    }
    stage.at(ISSUED + timedelta(days=20))
    request_id = awards.ask_replacement(stage, certificates[REPLACED], "云桥区第二中学（东校区）")
    awards.replace(stage, request_id)
    with transaction(write=False):
        stage.note(f"{now():%Y-%m-%d} 2025 年度计划办结：{len(certificates)} 份证书")
    return certificates[TO_REPLACE]
