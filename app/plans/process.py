"""What plans tell the engine, the inbox, the file store and the permission table."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.accounts.models import Person
from app.accounts.queries import live_grants, works_at
from app.accounts.tasks import holds_task
from app.core.clock import now as clock_now
from app.core.db import db
from app.core.permissions import ORGANISERS, STAFF, register_predicate
from app.core.records import register_record
from app.core.storage import StoredFile, register_reader
from app.engine import handlers
from app.engine.contracts import YES_OR_NO, Contract, Life, Moment, moves, parting
from app.engine.handlers import Card, Outcomes, Scope, Step
from app.engine.models import WorkItem
from app.engine.standing import by_status
from app.plans import axis, operations, queries
from app.plans.models import ADVERTISED, Plan, PlanStatus
from app.units.closing import register_obstacle

BUSINESS = "plan"
DRAFT, CHECKING, CHECKED, PUBLISHED, OPEN, CLOSED = (
    PlanStatus.DRAFT,
    PlanStatus.CHECKING,
    PlanStatus.CHECKED,
    PlanStatus.PUBLISHED,
    PlanStatus.OPEN,
    PlanStatus.CLOSED,
)
WINDOW = handlers.matter(
    "plan_window",
    "评审计划",
    needs=("publish_plan", "open_plan", "close_plan"),
    gives=dict.fromkeys(axis.MOMENTS, Moment),
    life=Life(
        {
            DRAFT: "配置中",
            CHECKING: "核对中",
            CHECKED: "核对通过，尚未发布",
            PUBLISHED: "已发布",
            OPEN: "开放申报",
            CLOSED: "已截止",
        },
        ends=(CLOSED,),
        shown={CLOSED: (CLOSED, PlanStatus.ARCHIVED)},
    ),
)
handlers.keeps_time(
    BUSINESS,
    axis.MOMENTS,
    handlers.KeptTime(lambda _id: "申报时间由评审计划决定，请由组建单位在计划管理中延长"),
)
WORDS = {operations.PASS: "核对通过", operations.RETURN: "退回修改"}


def _plan(step: Step) -> Plan:
    return queries.get_plan(step.business_id, for_update=True)


def _actor(step: Step) -> Person:
    return db.session.get_one(Person, step.actor_id)


def times_of(plan: Plan) -> Outcomes:
    """Return the moments that the diagram's timers wait for, as ISO texts."""
    moments = {field: getattr(plan, field) for field in axis.MOMENTS}
    return {field: moment.isoformat() if moment else None for field, moment in moments.items()}


@handlers.save(
    "configure_plan",
    # Its page is the organiser's clerk's.
    Contract(
        WINDOW,
        gives=dict.fromkeys(axis.MOMENTS, Moment),
        roles=("organiser",),
        moves=moves((DRAFT,), CHECKING),
    ),
)
def configure_plan(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """Send what the organiser configured on its own page to the check."""
    del answers
    plan = _plan(step)
    operations.submit_for_check(plan, actor=_actor(step), now=step.now)
    return {**times_of(plan), handlers.OUTCOME_WORD: "提交核对"}


@handlers.save(
    "check_plan",
    Contract(
        WINDOW,
        gives={"decision": WORDS},
        roles=ORGANISERS,
        moves=parting(
            "decision", (CHECKING,), {operations.PASS: CHECKED, operations.RETURN: DRAFT}
        ),
    ),
)
def check_plan(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """Keep the second person's decision (核对)."""
    decision, opinion = str(answers["decision"]), str(answers.get("opinion") or "")
    operations.check_plan(_plan(step), decision, opinion, checker=_actor(step), now=step.now)
    word = {handlers.OUTCOME_WORD: WORDS[decision], handlers.OPINION: opinion}
    return {"decision": decision, **word}


@handlers.service(
    "publish_plan",
    Contract(
        WINDOW,
        waits_for="publish_at",
        moves=moves((CHECKED, PUBLISHED), PUBLISHED),
    ),
)
def publish_plan(step: Step) -> Outcomes:
    """Publish at its time."""
    operations.publish_plan(_plan(step), now=step.now)
    return {handlers.OUTCOME_WORD: "已发布"}


@handlers.service(
    "open_plan",
    Contract(WINDOW, waits_for="opens_at", moves=moves((PUBLISHED, OPEN), OPEN)),
)
def open_plan(step: Step) -> Outcomes:
    """Open at its time."""
    operations.open_plan(_plan(step), now=step.now)
    return {handlers.OUTCOME_WORD: "已开放"}


@handlers.service(
    "close_plan",
    Contract(
        WINDOW,
        waits_for="closes_at",
        gives={"closes_again": YES_OR_NO, "closes_at": Moment},
        moves=(
            *moves((OPEN, CLOSED), CLOSED, closes_again=False),
            *moves((OPEN,), OPEN, closes_again=True),
        ),
    ),
)
def close_plan(step: Step) -> Outcomes:
    """Close at its time, or say until when the deadline was extended meanwhile."""
    plan = _plan(step)
    is_closed = operations.close_plan(plan, now=step.now)
    closes_at = times_of(plan)["closes_at"]
    word = "已截止" if is_closed else "申报时间已延长"
    return {"closes_again": not is_closed, "closes_at": closes_at, handlers.OUTCOME_WORD: word}


@handlers.scope("plan_organiser", Contract(WINDOW, roles=STAFF, usual=ORGANISERS))
def plan_organiser(step: Step) -> Scope:
    """The unit that organises the committee of the plan."""
    return Scope("org", queries.get_plan(step.business_id).organiser_unit_id)


@handlers.page("edit_plan", Contract(WINDOW, save="configure_plan"))
def edit_page(item: WorkItem) -> str:
    """Where a plan is configured: its own page."""
    return f"/plans/{item.business_id}/edit"


handlers.standing("plan_window")(by_status(Plan))


@handlers.presenter(BUSINESS)
def card(plan_id: int) -> Card:
    """How a plan stands in task lists."""
    plan = queries.get_plan(plan_id)
    return Card(plan.name, f"{plan.name} {plan.committee.name}", f"/plans/{plan_id}")


@register_record(BUSINESS)
def record(plan_id: int, person: Any) -> dict[str, Any]:
    """Return what the checker reads beside the form: the plan as everybody will see it."""
    del person
    return {"summary_template": "plans/_plan.html", "plan": queries.get_plan(plan_id)}


def organises_plan(person: Person, plan: Plan, now: datetime, roles: Any = ORGANISERS) -> bool:
    """Tell whether the person works for the plan's organiser in one of these roles."""
    return works_at(person.id, plan.organiser_unit_id, roles, now)


@register_predicate("configures_plan")
def configures_plan(person: Person, plan: Plan, now: datetime) -> bool:
    """Tell whether the person may configure the plan: an 经办人 of its organiser."""
    return organises_plan(person, plan, now, ("organiser",))


@register_reader
def people_read_notices(person_id: int, file: StoredFile) -> bool:
    """Let everybody open what a published plan brings, and its staff and checkers before."""
    plan = queries.plan_of_file(file)
    if plan is None or plan.status in ADVERTISED:
        return plan is not None
    is_staff = any(
        grant.scope_kind == "org" and grant.scope_id == plan.organiser_unit_id
        for grant in live_grants(person_id, clock_now())
    )
    return is_staff or holds_task(person_id, BUSINESS, [plan.id], clock_now())


@register_obstacle
def live_plans(unit_id: int, _now: datetime) -> tuple[int, str]:
    """Plans of the unit that have not closed."""
    return queries.live_plans(unit_id), "个评审计划尚未结束"


@register_obstacle
def filed_committees(unit_id: int, now: datetime) -> tuple[int, str]:
    """Committees of the unit whose filing holds or is to hold."""
    return queries.filed_committees(unit_id, now.date()), "个评委会的备案仍在有效期"
