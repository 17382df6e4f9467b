"""What the review tells the engine, the inbox, the declarations and the permission table."""

import secrets
from collections.abc import Mapping
from typing import Any, cast

from app.core.permissions import ORGANISERS, STAFF
from app.core.records import register_record, register_table
from app.declarations.models import Declaration
from app.declarations.operations import register_obstacle
from app.engine import handlers
from app.engine.contracts import Contract
from app.engine.handlers import Card, Outcomes, Scope, Step
from app.engine.models import WorkItem
from app.engine.standing import by_status
from app.review import access, ballots, contracts, interests, operations, queries
from app.review.contracts import DIRECTOR, HELD, LEADER, READ, WORDS
from app.review.models import CaseStatus, Meeting, MeetingCase, MeetingStatus
from app.review.sheets import case_record, meeting_record

__all__ = ["access", "ballots"]

MEETING, CASE = "meeting", "case"
register_table(CASE, MeetingCase.__tablename__)
handlers.sends(
    {"review_finished": "材料评审结束", "cases_confirmed": "全部评分已确认"},
    carries={"review_finished": ("outcome",)},
)
_random = secrets.SystemRandom()


def _meeting(step: Step) -> Meeting:
    return queries.meeting(step.business_id)


def _case(step: Step) -> MeetingCase:
    return queries.case(step.business_id)


def _said(answers: Mapping[str, Any]) -> tuple[str, str]:
    return str(answers.get("decision") or "pass"), str(answers.get("opinion") or "")


def _decided(decision: str, opinion: str, word: str = "") -> Outcomes:
    return {
        "decision": decision,
        handlers.OUTCOME_WORD: word or WORDS[decision],
        handlers.OPINION: opinion,
    }


def _done(word: str) -> Outcomes:
    return {handlers.OUTCOME_WORD: word}


@register_obstacle
def listed_in_a_meeting(declaration: Declaration) -> str | None:
    """A meeting that has the declaration on its list: it is taken out there first."""
    meeting = queries.meeting_of_declaration(declaration.id)
    return f"申报已列入会议“{meeting.name}”，请先移出" if meeting else None


# The meeting, node by node.


@handlers.save("set_up_meeting", contracts.SET_UP)
def set_up_meeting(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """Send the scheme up for approval."""
    operations.finish_set_up(
        _meeting(step), str(answers["scheme"]), actor_id=step.actor_id or 0, now=step.now
    )
    return _done("已提交方案")


@handlers.save("approve_scheme", contracts.SCHEME_JUDGED)
def approve_scheme(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """Keep the decision on the scheme (方案审核)."""
    decision, opinion = _said(answers)
    operations.approve_scheme(
        _meeting(step), decision, opinion, actor_id=step.actor_id or 0, now=step.now
    )
    return _decided(decision, opinion)


@handlers.save("appoint_directors", contracts.DIRECTED)
def appoint_directors(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """Appoint director and deputies."""
    operations.appoint_directors(
        _meeting(step),
        int(answers["director_id"]),
        [int(each) for each in answers.get("deputy_ids", ())],
        actor_id=step.actor_id or 0,
        now=step.now,
    )
    return _done("已指定")


@handlers.save("confirm_standard", contracts.STANDARD_JUDGED)
def confirm_standard(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """Keep the director's decision on the score sheet."""
    decision, opinion = _said(answers)
    operations.confirm_standard(
        _meeting(step), decision, opinion, actor_id=step.actor_id or 0, now=step.now
    )
    return _decided(decision, opinion, "确认" if decision == "pass" else "退回")


@handlers.save("appoint_leaders", contracts.LED)
def appoint_leaders(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """Appoint the leaders; each group with cases gets a task of its own."""
    leaders = {int(group): int(person) for group, person in answers["leaders"].items()}
    group_ids = operations.appoint_leaders(
        _meeting(step), leaders, actor_id=step.actor_id or 0, now=step.now
    )
    # A list of ids is the one value that is not flat: the input of the multi-instance task.
    return {"group_ids": cast("int", group_ids), **_done("已指定")}


@handlers.save("assign_reviewers", contracts.ASSIGNED)
def assign_reviewers(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """Name the readers that the final button brings along, and close a group's assignment."""
    group = queries.group(_group_id(step))
    actor_id, readers = step.actor_id or 0, answers.get("readers", ())
    operations.assign_all(group, readers, actor_id=actor_id, now=step.now)
    operations.finish_assignment(_meeting(step), group, actor_id=step.actor_id or 0, now=step.now)
    return _done(f"{group.name}已分配")


def _group_id(step: Step) -> int:
    return int(cast("int", step.data["group_id"]))


@handlers.service("start_material_reviews", contracts.STARTED)
def start_material_reviews(step: Step) -> Outcomes:
    """Start a material review for every case."""
    meeting = _meeting(step)
    for case in operations.start_material_reviews(meeting, now=step.now):
        step.start(
            "material_review", business=(CASE, case.id), unique=f"material_review:{case.id}"
        )
    return _done(f"共 {len(meeting.cases)} 份材料")


@handlers.save("prepare_roll", contracts.ENROLLED)
def prepare_roll(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """Make the voter roll and name the key holders."""
    meeting = _meeting(step)
    operations.prepare_roll(
        meeting,
        clerk_id=step.actor_id or 0,
        supervisor_id=int(answers["supervisor_id"]),
        now=step.now,
    )
    count = queries.turnout(meeting)
    return _done(f"到会 {count.present}/{count.members}")


@handlers.save("open_ballot", contracts.BALLOT_OPENED)
def open_ballot(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """Open the ballot, or give the roll back."""
    decision, opinion = _said(answers)
    meeting = _meeting(step)
    if decision == "pass":
        operations.open_ballot(meeting, actor_id=step.actor_id or 0, random=_random, now=step.now)
    else:
        operations.recall_roll(meeting, actor_id=step.actor_id or 0, now=step.now)
    return _decided(decision, opinion, "已发起" if decision == "pass" else "退回")


@handlers.save("close_ballot", contracts.BALLOT_CLOSED)
def close_ballot(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """Open the box with two codes and count."""
    codes = {int(holder): str(code) for holder, code in answers["codes"].items()}
    operations.close_ballot(
        _meeting(step), codes, actor_id=step.actor_id or 0, random=_random, now=step.now
    )
    return _done("已计票")


@handlers.save("confirm_result", contracts.RESULT_CONFIRMED)
def confirm_result(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """The director announces the result."""
    _, opinion = _said(answers)
    operations.confirm_result(_meeting(step), opinion, actor_id=step.actor_id or 0, now=step.now)
    return {**_done("已确认"), handlers.OPINION: opinion}


@handlers.service("publish_result", contracts.RESULT_PUBLISHED)
def publish_result(step: Step) -> Outcomes:
    """Tell every declaration its result."""
    meeting = _meeting(step)
    for case in meeting.cases:
        step.send(
            "review_finished",
            business=("declaration", case.declaration_id),
            unique=f"review_finished:{case.id}:{meeting.round}",
            data={"outcome": "passed" if case.state == CaseStatus.PASSED else "failed"},
        )
    return _done("已登记")


@handlers.save("report_meeting", contracts.RESULT_REPORTED)
def report_meeting(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """The clerk sends the result up."""
    _, opinion = _said(answers)
    operations.report_meeting(_meeting(step), opinion, actor_id=step.actor_id or 0, now=step.now)
    return {**_done("已上报"), handlers.OPINION: opinion}


@handlers.save("close_meeting", contracts.MEETING_CLOSED)
def close_meeting(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """The clerk closes the meeting."""
    _, opinion = _said(answers)
    operations.close_meeting(_meeting(step), opinion, actor_id=step.actor_id or 0, now=step.now)
    return {**_done("已结束"), handlers.OPINION: opinion}


# A case, node by node.


@handlers.save("score_case", contracts.MARKED)
def score_case(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """Keep the main reviewer's score sheet."""
    marks = [
        operations.Mark(int(row["indicator"]), int(row["value"]), str(row.get("comment") or ""))
        for row in answers["scores"]
    ]
    case = _case(step)
    operations.score_case(
        case, marks, str(answers["opinion"]), actor_id=step.actor_id or 0, now=step.now
    )
    return _done("一票否决" if case.is_vetoed else f"{case.total_score} 分")


def _confirm(step: Step, answers: Mapping[str, Any], stage: str) -> Outcomes:
    decision, opinion = _said(answers)
    case = _case(step)
    was_last = operations.confirm_case(
        case, stage, decision, opinion, actor_id=step.actor_id or 0, now=step.now
    )
    if was_last:
        step.send(
            "cases_confirmed",
            business=(MEETING, case.meeting_id),
            unique=f"cases_confirmed:{case.meeting_id}",
        )
    return _decided(decision, opinion, "确认" if decision == "pass" else "退回")


@handlers.save("confirm_by_deputy", contracts.DEPUTY_AGREES)
def confirm_by_deputy(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """副审确认 (HB-E-08)."""
    return _confirm(step, answers, "deputy")


@handlers.save("confirm_by_leader", contracts.LEADER_AGREES)
def confirm_by_leader(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """组长确认 (HB-E-09)."""
    return _confirm(step, answers, "leader")


@handlers.save("confirm_by_director", contracts.LAST_AGREES)
def confirm_by_director(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """主任确认 (HB-E-10)."""
    return _confirm(step, answers, "director")


# Whose task it is.


@handlers.scope(
    "meeting_organiser", Contract(HELD, roles=STAFF, usual=(*ORGANISERS, "meeting_clerk"))
)
def meeting_organiser(step: Step) -> Scope:
    """The unit that organises the plan."""
    return Scope("org", _meeting(step).organiser_unit_id)


@handlers.scope("meeting_director", Contract(HELD, roles=DIRECTOR, one_person=True))
def meeting_director(step: Step) -> Scope:
    """The director of the meeting."""
    return Scope("person", queries.director_id(step.business_id))


@handlers.scope("group_leader", Contract(HELD, roles=LEADER, one_person=True))
def group_leader(step: Step) -> Scope:
    """The leader of the group that this instance of the task is for."""
    return Scope("person", queries.group(_group_id(step)).leader_id)


@handlers.scope("main_reviewer", Contract(READ, roles=("main_reviewer",), one_person=True))
def main_reviewer(step: Step) -> Scope:
    """The main reviewer of the case."""
    return Scope("person", _case(step).main_reviewer_id)


@handlers.scope("deputy_reviewer", Contract(READ, roles=("deputy_reviewer",), one_person=True))
def deputy_reviewer(step: Step) -> Scope:
    """The deputy reviewer of the case."""
    return Scope("person", _case(step).deputy_reviewer_id)


@handlers.scope("case_leader", Contract(READ, roles=LEADER, one_person=True))
def case_leader(step: Step) -> Scope:
    """The leader of the group that reads the case, or who stands in for a recused one."""
    return Scope("person", interests.confirmer(_case(step), "leader"))


@handlers.scope("case_director", Contract(READ, roles=DIRECTOR, one_person=True))
def case_director(step: Step) -> Scope:
    """The director of the meeting that judges the case, or who stands in for a recused one."""
    return Scope("person", interests.confirmer(_case(step), "director"))


# Where the work is done, and how it is shown.

PAGES = {
    "set_up_meeting": "set-up",
    "appoint_directors": "directors",
    "appoint_leaders": "leaders",
    "assign_reviewers": "assign",
    "prepare_roll": "roll",
    "close_ballot": "close",
}


def _address(part: str) -> handlers.PageAddress:
    def address(item: WorkItem) -> str:
        return f"/meetings/{item.business_id}/{part}"

    return address


for _page, _part in PAGES.items():
    handlers.page(_page, Contract(HELD))(_address(_part))


@handlers.standing("review_meeting")
def standing_of_meeting(meeting_id: int) -> str:
    """How far a meeting is; while it is prepared, whether its scheme has been sent up."""
    meeting = queries.meeting(meeting_id)
    is_settled = meeting.is_settled and meeting.state is MeetingStatus.PREPARING
    return contracts.SETTLED if is_settled else meeting.status


handlers.standing("material_review")(by_status(MeetingCase))


@handlers.presenter(MEETING)
def present_meeting(meeting_id: int) -> Card:
    """Show a meeting in lists."""
    meeting = queries.meeting(meeting_id)
    return Card(meeting.name, meeting.name, f"/meetings/{meeting.id}")


@handlers.presenter(CASE)
def present_case(case_id: int) -> Card:
    """Show a case in lists."""
    case = queries.case(case_id)
    declaration = case.declaration
    title = f"{declaration.person.name} · {declaration.specialty.name} · {declaration.title.name}"
    words = f"{declaration.person.name} {declaration.number or ''} {declaration.unit_as_sent.name}"
    return Card(title, words, f"/meetings/{case.meeting_id}/cases/{case.id}")


register_record(MEETING)(meeting_record)
register_record(CASE)(case_record)
