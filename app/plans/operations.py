"""Writes about plans: configuring them, checking them, and what the scheduler does to them."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from app.accounts.models import Person
from app.accounts.operations import notify
from app.catalogue import jurisdictions
from app.committees.models import Committee
from app.committees.queries import require_confirmed
from app.core.clock import ZONE
from app.core.db import db
from app.core.errors import Conflict, Forbidden, Invalid
from app.plans import axis
from app.plans.desk import record, refuse_unless_draft
from app.plans.models import Plan, PlanStatus
from app.plans.parts import copy_parts, problems_of_parts

PASS, RETURN = "pass", "return"


def _moment(value: str) -> datetime:
    return datetime.fromisoformat(value).replace(tzinfo=ZONE)


def _given(read: Callable[[str], Any]) -> Callable[[Any], Any]:
    """Return a reader that takes an unanswered field as None."""
    return lambda value: read(value) if isinstance(value, str) and value else value or None


READERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("name", "kind", "quota_mode", "scope_text", "content", "contact"), str),
    **dict.fromkeys(("has_interview", "has_written_exam"), bool),
    **dict.fromkeys(axis.MOMENTS, _given(_moment)),
    **dict.fromkeys((*axis.DAYS, "seniority_cutoff", "merits_cutoff"), _given(date.fromisoformat)),
    "year": int,
    "declaration_kinds": list,
}
"""How the answer of each field of a plan becomes the column's value."""


def create_plan(
    committee: Committee, values: Mapping[str, Any], *, actor: Person, now: datetime
) -> Plan:
    """Create a draft plan of a committee (新增计划); the process is started by its caller.

    Raises Invalid when the year has a plan of this name already, Conflict while the committee's
    filing is not confirmed.
    """
    require_confirmed(committee)
    name, year = str(values["name"]), int(values["year"])
    _refuse_second_name(committee.jurisdiction, year, name)
    plan = Plan(
        jurisdiction=committee.jurisdiction,
        name=name,
        year=year,
        kind=values.get("kind") or "评审",
        level=committee.level,
        committee_id=committee.id,
        organiser_unit_id=committee.organiser_unit_id,
        status=PlanStatus.DRAFT,
        declaration_kinds=list(jurisdictions.get(committee.jurisdiction).declaration_kinds),
        configured_by=actor.id,
        created_at=now,
    )
    db.session.add(plan)
    db.session.flush()
    record("created", plan, actor, now)
    return plan


def _refuse_second_name(jurisdiction: str, year: int, name: str, but: int | None = None) -> None:
    same = select(Plan.id).where(
        Plan.jurisdiction == jurisdiction,
        Plan.year == year,
        Plan.name == name,
        Plan.id != (but or 0),
    )
    if db.session.scalar(same) is not None:
        raise Invalid(f"{year} 年度已有同名计划", field="name")


def save_plan(plan: Plan, values: Mapping[str, Any], *, actor: Person, now: datetime) -> None:
    """Save the given fields of a draft; times may be typed in any order until it is submitted.

    Raises Conflict once the plan has left its draft, Invalid for a name that is taken.
    """
    refuse_unless_draft(plan)
    read = {field: READERS[field](value) for field, value in values.items()}
    name, year = read.get("name", plan.name), read.get("year", plan.year)
    _refuse_second_name(plan.jurisdiction, year, name, but=plan.id)
    for field, value in read.items():
        setattr(plan, field, value)
    db.session.flush()
    record("saved", plan, actor, now, fields=sorted(values))


def problems(plan: Plan) -> dict[str, list[str]]:
    """Return everything that keeps a plan from its check, by field (一次性告知)."""
    found: dict[str, list[str]] = {}
    for field, label in (("scope_text", "评审范围对象"), ("declaration_kinds", "申报形式")):
        if not getattr(plan, field):
            found[field] = [f"请填写{label}"]
    return {**found, **axis.problems(plan), **problems_of_parts(plan)}


def submit_for_check(plan: Plan, *, actor: Person, now: datetime) -> None:
    """Send a configured plan to its check (提交核对).

    Raises Invalid with every fault at its field, Conflict when it is not a draft.
    """
    refuse_unless_draft(plan)
    faults = problems(plan)
    if faults:
        raise Invalid("计划还有内容需要修改", errors=faults)
    plan.status = PlanStatus.CHECKING
    plan.configured_by = actor.id
    db.session.flush()
    record("submitted_for_check", plan, actor, now)


def check_plan(plan: Plan, decision: str, opinion: str, *, checker: Person, now: datetime) -> None:
    """Pass a plan or return it to the organiser (核对); four eyes see every plan.

    Raises Forbidden for the person who configured it, Conflict when it is not being checked or
    its window is over already.
    """
    if plan.status != PlanStatus.CHECKING:
        raise Conflict("计划不在核对环节")
    if checker.id == plan.configured_by:
        raise Forbidden("计划的配置人和核对人不能是同一人")
    passes = decision == PASS
    if passes and plan.closes_at is not None and plan.closes_at <= now:
        raise Conflict("个人提交截止时间已过，请退回修改时间安排")
    plan.status = PlanStatus.CHECKED if passes else PlanStatus.DRAFT
    plan.check_opinion = opinion
    plan.checked_by, plan.checked_at = (checker.id, now) if passes else (None, None)
    db.session.flush()
    record("checked", plan, checker, now, decision=decision)
    if not passes and plan.configured_by is not None:
        text = f"评审计划“{plan.name}”核对未通过：{opinion}"
        notify(plan.configured_by, text, url=f"/plans/{plan.id}/edit", now=now)


def publish_plan(plan: Plan, *, now: datetime) -> None:
    """Publish a checked plan (发布); the scheduler calls it at publish_at. Repeats do nothing."""
    _move_on(plan, PlanStatus.CHECKED, PlanStatus.PUBLISHED, now)


def open_plan(plan: Plan, *, now: datetime) -> None:
    """Open a published plan (开放申报); the scheduler calls it at opens_at."""
    _move_on(plan, PlanStatus.PUBLISHED, PlanStatus.OPEN, now)


def close_plan(plan: Plan, *, now: datetime) -> bool:
    """Close an open plan (截止) and return True; False while an extended deadline lies ahead."""
    if plan.closes_at is not None and now < plan.closes_at:
        return False
    _move_on(plan, PlanStatus.OPEN, PlanStatus.CLOSED, now)
    return True


def _move_on(
    plan: Plan,
    before: PlanStatus,
    after: PlanStatus,
    now: datetime,
    actor: Person | None = None,
) -> None:
    if plan.status == after:
        return
    if plan.status != before:
        raise Conflict("计划状态不允许此操作")
    plan.status = after
    db.session.flush()
    record(after.value, plan, actor, now)


def extend_deadline(
    plan: Plan,
    closes_at: datetime,
    unit_due_on: date | None = None,
    *,
    reason: str,
    actor: Person,
    now: datetime,
) -> None:
    """Move the deadline of a published plan to a later moment (延长申报时间).

    The timer of the old deadline finds the new one and waits again. Raises Conflict unless the
    plan is published and its deadline lies ahead, Invalid when the new one is not later or leaves
    units fewer working days of publicity than the rule asks for.
    """
    if plan.closes_at is None or not plan.can_be_extended(now):
        raise Conflict("只有已发布且尚未截止的计划可以延长申报时间")
    if closes_at <= plan.closes_at:
        raise Invalid("新的截止时间须晚于原截止时间", field="closes_at")
    before = plan.closes_at
    with db.session.no_autoflush:
        plan.closes_at, plan.unit_due_on = closes_at, unit_due_on or plan.unit_due_on
        faults = axis.problems(plan)
    if faults:
        raise Invalid("延长后的时间安排不符合要求", errors=faults)
    db.session.flush()
    moved = {"before": before.isoformat(), "after": closes_at.isoformat(), "reason": reason}
    record("deadline_extended", plan, actor, now, **moved)


def extend_plan(plan: Plan, answers: Mapping[str, Any], *, actor: Person, now: datetime) -> None:
    """Extend the deadline by the answers of the form plan/extension; see `extend_deadline`."""
    closes_at = _moment(str(answers["closes_at"]))
    unit_due_on = date.fromisoformat(str(answers["unit_due_on"]))
    reason = str(answers["reason"])
    extend_deadline(plan, closes_at, unit_due_on, reason=reason, actor=actor, now=now)


def archive_plan(plan: Plan, *, actor: Person, now: datetime) -> None:
    """Put a closed plan away (归档). Raises Conflict unless it is closed."""
    _move_on(plan, PlanStatus.CLOSED, PlanStatus.ARCHIVED, now, actor)


def copy_plan(source: Plan, *, name: str, year: int, actor: Person, now: datetime) -> Plan:
    """Start a new draft with all of an earlier plan but its times (复制往年计划).

    Raises Invalid when the year has a plan of this name already.
    """
    values = {"name": name, "year": year, "kind": source.kind}
    plan = create_plan(source.committee, values, actor=actor, now=now)
    texts, choices = ("scope_text", "content", "contact"), ("has_interview", "has_written_exam")
    for field in (*texts, *choices, "quota_mode"):
        setattr(plan, field, getattr(source, field))
    plan.declaration_kinds = list(source.declaration_kinds)
    copy_parts(source, plan)
    db.session.flush()
    return plan
