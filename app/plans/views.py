"""Plans as everybody sees them: the list, a plan, and 马上申报."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import render_template, request, url_for
from flask_login import current_user

from app.core.clock import now
from app.core.errors import NotFound
from app.core.http import grants, page_of
from app.core.menu import add_entry
from app.core.panels import Line, Panel, Tab, register_panel
from app.core.permissions import ORGANISERS, requires
from app.core.uploads import Policy, register_policy
from app.plans import content, manage, queries
from app.plans.applying import apply_reason, window_reason
from app.plans.models import KINDS, Plan, PlanStatus
from app.plans.process import BUSINESS, organises_plan
from app.plans.web import bp, filters, organised_units
from app.site.blocks import register_block
from app.units.flow import flow_log

__all__ = ["bp", "content", "manage"]

PAGE_SIZE = 10
POLICIES = {
    "plan_notice": Policy(types=("pdf", "docx", "xlsx", "jpg", "png"), max_bytes=20 * 2**20),
    "plan_template": Policy(types=("docx", "xlsx", "pdf"), max_count=1),
}
register_policy(POLICIES.get)


@bp.get("/plans")
@requires("plan.list")
def index() -> str:
    """The plans that people may read (评审计划, FJ-P-19, AH-P-18)."""
    return render_template(
        "plans/index.html",
        page=page_of(queries.visible_plans(now(), filters()), size=PAGE_SIZE),
        years=queries.plan_years(now()),
        state_of=lambda plan: queries.state_of(plan, now()),
    )


@bp.get("/plans/<int:plan_id>")
@requires("plan.show")
def show(plan_id: int) -> str:
    """A plan (FJ-P-20, AH-P-19); before its publication only its organiser sees it."""
    plan = queries.get_plan(plan_id)
    person = current_user if current_user.is_authenticated else None
    organises = person is not None and organises_plan(person, plan, now())
    if not plan.is_visible(now()) and not organises:
        raise NotFound("计划不存在，或尚未发布")
    return render_template(
        "plans/show.html",
        plan=plan,
        state=queries.state_of(plan, now()),
        organises=organises,
        apply=_apply(plan),
        tools=_tools(plan),
        may_archive=plan.status == PlanStatus.CLOSED
        and plan.organiser_unit_id in organised_units("organiser"),
        log=flow_log((BUSINESS, plan.id)) if organises else [],
    )


def _tools(plan: Plan) -> list[dict[str, str]]:
    """Return what the organiser may do with the plan from its page."""
    if plan.organiser_unit_id not in organised_units("organiser"):
        return []
    offered = {
        "plans.edit": ("配置", plan.can_be_configured),
        "plans.extension": ("延长申报时间", plan.can_be_extended(now())),
        "plans.copy": ("复制", True),
    }
    return [
        {"label": label, "url": url_for(endpoint, plan_id=plan.id)}
        for endpoint, (label, is_offered) in offered.items()
        if is_offered
    ]


def _apply(plan: Plan) -> dict[str, str]:
    """Return the button 马上申报: its label and address, or the reason why it is disabled."""
    if not current_user.is_authenticated:
        reason = window_reason(plan, now())
        url = url_for("accounts.login", next=url_for("plans.show", plan_id=plan.id))
        return {"label": "登录后申报", "url": "" if reason else url, "reason": reason or ""}
    if "applicant" not in {grant.role for grant in grants()}:
        return {}
    reason = apply_reason(plan, current_user, now())
    url = url_for("declarations.choose", plan_id=plan.id)
    return {"label": "马上申报", "url": "" if reason else url, "reason": reason or ""}


def _lines(plans: Iterable[Plan], moment: datetime) -> list[Line]:
    return [_line(plan, moment) for plan in plans]


def _line(plan: Plan, moment: datetime) -> Line:
    word, tone = queries.state_of(plan, moment)
    closes = f"截止 {plan.closes_at:%Y-%m-%d %H:%M}" if plan.closes_at else ""
    return Line(plan.name, url_for("plans.show", plan_id=plan.id), closes, word, tone)


TABS = {"review": ("职称评审计划", KINDS[:1]), "other": ("认定、确认和委托评审计划", KINDS[1:])}
"""The lists of 最新计划信息, by the kinds of plans they hold (AH-P-13)."""


@register_panel(40)
def latest_plans(person: Any, roles: set[str], moment: datetime) -> Panel | None:
    """最新计划信息 on the home page of those whom plans concern (FJ-P-10, AH-P-13)."""
    del person
    if not roles & {"applicant", "unit_clerk", "unit_leader", *ORGANISERS}:
        return None
    asked = request.args.get("plans", "")
    shown = asked if asked in TABS else "review"
    label, kinds = TABS[shown]
    return Panel(
        "最新计划信息",
        [_detailed(plan, moment) for plan in queries.public_plans(moment, kinds)],
        empty=f"暂无{label}",
        more_url=url_for("plans.index"),
        tabs=[
            Tab(word, f"/home?plans={key}", key == shown) for key, (word, _kinds) in TABS.items()
        ],
    )


def _detailed(plan: Plan, moment: datetime) -> Line:
    """Return the line of a plan with what a person chooses by."""
    line = _line(plan, moment)
    window = (
        f"申报 {plan.opens_at:%Y-%m-%d} 至 {plan.closes_at:%Y-%m-%d %H:%M}"
        if (plan.opens_at and plan.closes_at)
        else ""
    )
    told = (f"{plan.year} 年度", plan.level, plan.committee.name, window)
    return replace(line, note=" · ".join(filter(None, told)))


@register_block(10)
def public_list(moment: datetime) -> Panel | None:
    """评审计划 on the public home page."""
    lines = _lines(queries.public_plans(moment), moment)
    return Panel("评审计划", lines, empty="暂无评审计划", more_url=url_for("plans.index"))


add_entry(
    "个人申报", "评审计划", "calendar-range", "plans.index", "plan.list", roles=("applicant",)
)
add_entry("评审组织", "计划管理", "calendar2-check", "plans.managed", "plan.manage")
