"""What the processes of publicity and objections call."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.accounts.models import Person
from app.core.db import db
from app.core.errors import Forbidden, NotFound
from app.core.permissions import ISSUERS, ORGANISERS, STAFF
from app.core.records import register_record, register_sight
from app.declarations.course import register_progress
from app.engine.contracts import YES_OR_NO, Contract, Life, Moment, moves, parting
from app.engine.handlers import (
    Card,
    KeptTime,
    Outcomes,
    Scope,
    Step,
    keeps_time,
    matter,
    presenter,
    save,
    scope,
    sends,
    service,
    standing,
)
from app.engine.standing import by_status
from app.results import operations
from app.results.models import Objection, ObjectionStatus, Publicity, PublicityStatus, Result
from app.results.queries import (
    ballot_day,
    confirmed_result,
    get_publicity,
    issuing_unit,
    publicity_of_meeting,
)
from app.review.contracts import APPROVED, CLEARED, PUBLIC, REPORTED_PUBLIC
from app.review.models import CaseStatus, Meeting, MeetingStatus
from app.review.operations import return_report

PUBLICITY, OBJECTION, RESULT = "publicity", "objection", "result"
MEETING = ("review_meeting",)
OPEN, ENDED, CONFIRMED = (
    PublicityStatus.OPEN,
    PublicityStatus.ENDED,
    PublicityStatus.CONFIRMED,
)
SHOWN = matter(
    "publicity",
    "评审结果公示",
    needs=("end_publicity", "confirm_publicity"),
    gives={"publicity_ends": Moment},
    life=Life({OPEN: "公示中", ENDED: "公示结束", CONFIRMED: "已确认"}, ends=(CONFIRMED,)),
)
DECIDED = "decided"
OBJECTED = matter(
    "objection",
    "异议处理",
    needs=("investigate_objection", "decide_objection"),
    life=Life(
        {OPEN: "核查中", DECIDED: "已有结论"},
        ends=(DECIDED,),
        shown={DECIDED: (ObjectionStatus.UPHELD, ObjectionStatus.DISMISSED)},
    ),
)
keeps_time(
    PUBLICITY,
    ("publicity_ends",),
    KeptTime(lambda _id: "公示期限由公示的起止日期决定，不能单独改期"),
)
sends({"publicity_confirmed": "公示结果已确认"})


def _publicity(step: Step) -> Publicity:
    return db.session.get_one(Publicity, step.business_id)


def _objection(step: Step) -> Objection:
    return db.session.get_one(Objection, step.business_id)


@service(
    "open_publicity",
    Contract(
        MEETING,
        gives={"is_public": YES_OR_NO},
        moves=parting(
            "is_public",
            (MeetingStatus.CONFIRMED,),
            {True: PUBLIC, False: MeetingStatus.CONFIRMED},
        ),
    ),
)
def open_publicity(step: Step) -> Outcomes:
    """Publish who passed and start the process that waits out the period; nobody, no publicity."""
    meeting = db.session.get_one(Meeting, step.business_id)
    passed = any(case.state is CaseStatus.PASSED for case in meeting.cases)
    if passed and publicity_of_meeting(meeting.id) is None:
        publicity = operations.open_publicity(
            meeting, obtained_on=ballot_day(meeting.id) or step.now.date(), now=step.now
        )
        step.start(
            "publicity",
            business=(PUBLICITY, publicity.id),
            unique=f"publicity:{publicity.id}",
            data={"publicity_ends": publicity.ends_at.isoformat()},
        )
    return {"is_public": passed}


@service(
    "end_publicity",
    Contract(
        SHOWN,
        waits_for="publicity_ends",
        moves=(*moves((OPEN, ENDED), ENDED), *moves((CONFIRMED,))),
    ),
)
def end_publicity(step: Step) -> Outcomes:
    """The period is over."""
    operations.end_publicity(_publicity(step), now=step.now)
    return {}


@scope("publicity_organiser", Contract(SHOWN, roles=STAFF, usual=ORGANISERS))
def publicity_organiser(step: Step) -> Scope:
    """The unit that organises the committee."""
    return Scope("org", _publicity(step).plan.organiser_unit_id)


@scope("objection_organiser", Contract(OBJECTED, roles=STAFF, usual=ORGANISERS))
def objection_organiser(step: Step) -> Scope:
    """The unit that organises the committee whose result is objected to."""
    result = _objection(step).result
    unit_id = result.publicity.plan.organiser_unit_id
    return Scope("org", unit_id, about_id=result.declaration.person_id)


@scope("meeting_issuer", Contract(MEETING, roles=STAFF, usual=ISSUERS))
def meeting_issuer(step: Step) -> Scope:
    """The unit that approves a meeting's results and issues the certificates."""
    meeting = db.session.get_one(Meeting, step.business_id)
    return Scope("org", issuing_unit(meeting.plan.organiser_unit).id)


@save(
    "approve_report",
    Contract(
        MEETING,
        gives={"decision": {"pass": "审核通过", "return": "退回"}},
        roles=ISSUERS,
        scopes=("meeting_issuer",),
        moves=(
            *parting("decision", (REPORTED_PUBLIC,), {"pass": APPROVED, "return": CLEARED}),
            *moves((MeetingStatus.REPORTED,), MeetingStatus.CONFIRMED, decision="return"),
        ),
    ),
)
def approve_report(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """The issuing office approves what was sent up: certificates begin; or gives it back."""
    decision, opinion = str(answers["decision"]), str(answers.get("opinion") or "")
    who: Any = {"actor_id": step.actor_id or 0, "now": step.now}
    if decision == "return":
        meeting = db.session.get_one(Meeting, step.business_id)
        return_report(meeting, opinion, **who)
        return {"decision": decision, "_outcome": "退回", "_note": opinion}
    publicity = publicity_of_meeting(step.business_id)
    if publicity is None:
        raise NotFound("该会议没有公示评审结果")
    number = str(answers.get("approval_no") or "")
    for result in operations.approve_results(publicity, number, **who):
        _issue(step, result)
    note = f"批准文号：{publicity.approval_no}。{opinion}"
    return {"decision": decision, "_outcome": "审核通过", "_note": note}


def _issue(step: Step, result: Result) -> None:
    step.start(
        "certificate_issue", business=(RESULT, result.id), unique=f"certificate:{result.id}"
    )


@save(
    "confirm_publicity",
    Contract(SHOWN, takes=("confirm",), roles=ORGANISERS, moves=moves((OPEN, ENDED), CONFIRMED)),
)
def confirm_publicity(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """The leader confirms what nobody objects to, and the meeting goes on to report it."""
    confirmed = operations.confirm_publicity(
        _publicity(step), actor_id=step.actor_id or 0, now=step.now
    )
    step.send(
        "publicity_confirmed",
        business=("meeting", _publicity(step).meeting_id),
        unique=f"publicity_confirmed:{step.business_id}",
    )
    return {"_outcome": f"确认 {len(confirmed)} 人", "_note": str(answers.get("opinion") or "")}


@save(
    "investigate_objection",
    Contract(OBJECTED, takes=("submit",), roles=ORGANISERS, moves=moves((OPEN, DECIDED))),
)
def investigate_objection(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """The organiser's clerk writes down what was found."""
    finding = str(answers.get("finding") or "")
    operations.record_finding(_objection(step), finding, actor_id=step.actor_id or 0, now=step.now)
    return {"_outcome": "已核查", "_note": finding}


@save(
    "decide_objection",
    Contract(
        OBJECTED, takes=("dismiss", "uphold"), roles=ORGANISERS, moves=moves((OPEN,), DECIDED)
    ),
)
def decide_objection(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """The leader upholds or dismisses; a freed result follows those that were approved."""
    objection = _objection(step)
    result = objection.result
    uphold = answers["decision"] == "uphold"
    conclusion = str(answers.get("conclusion") or "")
    operations.decide_objection(
        objection,
        uphold=uphold,
        conclusion=conclusion,
        actor_id=step.actor_id or 0,
        now=step.now,
    )
    is_free = not uphold and operations.confirm_result(result, now=step.now)
    if is_free and result.publicity.is_approved:
        _issue(step, result)
    return {"_outcome": "异议成立" if uphold else "异议不成立", "_note": conclusion}


standing("publicity")(by_status(Publicity))
standing("objection")(by_status(Objection))


@presenter(PUBLICITY)
def publicity_card(business_id: int) -> Card:
    """How a publicity is listed."""
    publicity = db.session.get_one(Publicity, business_id)
    return Card(publicity.title, publicity.title, f"/publicity/{publicity.id}")


@presenter(OBJECTION)
def objection_card(business_id: int) -> Card:
    """How an objection is listed."""
    objection = db.session.get_one(Objection, business_id)
    name = objection.result.declaration.person.name
    title = f"对{name}评审结果的异议"
    return Card(title, title, f"/objections/{objection.id}")


@register_progress
def progress_of(declaration_id: int) -> int:
    """Tell a declaration's page whether its publicity (公示) runs or is confirmed."""
    return 2 if confirmed_result(declaration_id) else 1


@register_record(PUBLICITY)
def publicity_record(business_id: int, _person: Person) -> dict[str, Any]:
    """What the task page shows of a publicity."""
    publicity = get_publicity(business_id)
    return {"summary_template": "results/_publicity.html", "publicity": publicity}


@register_record(OBJECTION)
def objection_record(business_id: int, person: Person) -> dict[str, Any]:
    """What the task page shows of an objection; Forbidden for who is objected to."""
    objection = db.session.get_one(Objection, business_id)
    if objection.is_against(person.id):
        raise Forbidden(operations.OWN_OBJECTION)
    return {"summary_template": "results/_objection.html", "objection": objection}


@register_sight(OBJECTION)
def objection_in_sight(business_id: int, person: Person, _now: datetime) -> bool:
    """Who is objected to is led to no page of it."""
    return not db.session.get_one(Objection, business_id).is_against(person.id)
