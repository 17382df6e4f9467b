"""职称申报: the person's declarations, starting one, and a declaration's own page."""

from datetime import datetime
from typing import Any

from flask import Response as FlaskResponse
from flask import flash, make_response, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.models import Person
from app.core.clock import now
from app.core.errors import Conflict, Invalid, NotFound
from app.core.http import noted, see_other
from app.core.menu import add_entry
from app.core.panels import Line, Panel, register_panel
from app.core.permissions import ORGANISERS, REVIEWERS, requires
from app.core.records import OwnTask, register_own_task
from app.declarations import (
    access,
    course,
    facts,
    fill_pages,
    fill_views,
    leaving,
    operations,
    queries,
    review_views,
    statistics,
    title_views,
)
from app.declarations.models import Declaration
from app.declarations.operations import Choice
from app.declarations.overview import material_of
from app.declarations.queries import BUSINESS
from app.declarations.web import bp, own, visible
from app.engine import care, definitions, runtime
from app.engine.models import WorkItem
from app.plans.applying import register_apply_reason
from app.plans.models import Plan, PlanSpecialty
from app.plans.queries import get_plan, next_plan, standards_of
from app.units.flow import flow_log

__all__ = [
    "bp",
    "fill_pages",
    "fill_views",
    "leaving",
    "review_views",
    "statistics",
    "title_views",
]

PLEDGE = (
    "本人所填报的信息和上传的材料真实、准确、完整，复印件与原件一致。",
    "本人提交的业绩、论文、论著等成果均为本人所得，不存在抄袭、剽窃、代写代发、买卖论文等行为。",
    "本人熟知申报政策，自愿接受单位公示、逐级审核和社会监督。",
    "如有弄虚作假，本人愿意接受取消申报资格、撤销已取得的职称、记入诚信档案并在三年内不得申报的处理。",
)


@bp.get("/declarations")
@requires("declaration.list")
def index() -> str:
    """The person's declarations: the current ones with what can be done, and the history."""
    mine = queries.declarations_of(current_user.id)
    current = [each for each in mine if not each.is_ended]
    return render_template(
        "declarations/index.html",
        current=current,
        history=[each for each in mine if each.is_ended],
        withdrawals={each.id: course.withdrawal_of(each, now()) for each in current},
        deadlines={each.id: operations.last_moment(each) for each in current},
        next_plan=None if current else next_plan(now()),
    )


def _plan(plan_id: int) -> Plan:
    plan = get_plan(plan_id)
    if not plan.is_visible(now()):
        raise NotFound("计划不存在，或尚未发布")
    reasons = operations.reasons_not_to_start(current_user, plan, now=now())
    if reasons:
        raise Conflict(f"暂不能申报：{'；'.join(reasons)}")
    return plan


def _specialty(plan: Plan, specialty_id: int | None) -> PlanSpecialty | None:
    return next((each for each in plan.specialties if each.id == specialty_id), None)


@bp.get("/plans/<int:plan_id>/declare")
@requires("declaration.start")
def choose(plan_id: int) -> str:
    """申报职称选择 (FJ-P-21, AH-P-20)."""
    return _choose_page(_plan(plan_id))


def _choose_page(plan: Plan, errors: dict[str, list[str]] | None = None) -> str:
    specialty = _specialty(plan, request.values.get("specialty_id", type=int))
    return render_template(
        "declarations/choose.html",
        plan=plan,
        chosen=specialty,
        held=_held(plan, specialty) if specialty else [],
        standards=standards_of(plan, specialty.title.level) if specialty else standards_of(plan),
        errors=errors or {},
    )


def _held(plan: Plan, specialty: PlanSpecialty) -> list[str]:
    return facts.faults_of_choice(current_user.id, plan, specialty.title)


@bp.post("/plans/<int:plan_id>/declare")
@requires("declaration.start")
def confirm(plan_id: int) -> str | Response | tuple[str, int]:
    """Check the choice and go on to the pledge; nothing is written yet."""
    plan = _plan(plan_id)
    errors = _choice_errors(plan)
    if errors:
        return _choose_page(plan, errors), 422
    return see_other(
        url_for(
            "declarations.pledge",
            plan_id=plan.id,
            kind=request.form.get("kind"),
            specialty_id=request.form.get("specialty_id"),
            standard=request.form.get("standard") or None,
        )
    )


def _choice_errors(plan: Plan) -> dict[str, list[str]]:
    specialty = _specialty(plan, request.form.get("specialty_id", type=int))
    faults = {
        "kind": request.form.get("kind") not in plan.declaration_kinds and "请选择申报形式",
        "specialty_id": specialty is None and "请选择申报专业",
        "sure": not request.form.get("sure") and "请核对后勾选确认无误",
    }
    offered = standards_of(plan, specialty.title.level) if specialty else []
    if offered and request.form.get("standard") not in offered:
        faults["standard"] = "请选择评审标准"
    if specialty:
        held = _held(plan, specialty)
        faults["specialty_id"] = bool(held) and "；".join(held)
    return {name: [text] for name, text in faults.items() if isinstance(text, str)}


@bp.get("/plans/<int:plan_id>/pledge")
@requires("declaration.start")
def pledge(plan_id: int) -> str:
    """诚信承诺书: read, tick, go on (FJ-P-22)."""
    return _pledge_page(_plan(plan_id))


def _pledge_page(plan: Plan, problem: str = "") -> str:
    specialty = _specialty(plan, request.values.get("specialty_id", type=int))
    if specialty is None:
        raise NotFound("请先选择申报专业")
    template = next((s.template_file_id for s in plan.slots if s.template_file_id), None)
    return render_template(
        "declarations/pledge.html",
        plan=plan,
        specialty=specialty,
        kind=request.values.get("kind", ""),
        standard=request.values.get("standard", ""),
        lines=PLEDGE,
        template_file_id=template,
        problem=problem,
    )


@bp.post("/plans/<int:plan_id>/pledge")
@requires("declaration.start")
def start(plan_id: int) -> str | Response | tuple[str, int]:
    """Begin the declaration: from here on every field is kept as it is typed."""
    plan = _plan(plan_id)
    choice = Choice(
        request.form.get("kind", ""),
        request.form.get("specialty_id", 0, type=int),
        request.form.get("standard", ""),
    )
    pledged = bool(request.form.get("pledged"))
    try:
        made = operations.start_declaration(current_user, plan, choice, pledged=pledged, now=now())
    except Invalid as error:
        return _pledge_page(plan, error.message), 422
    flash("已建立申报，填写的内容会自动保存", "success")
    return see_other(url_for("declarations.fill", declaration_id=made.id))


@bp.get("/declarations/<int:declaration_id>")
@requires("declaration.view")
def show(declaration_id: int) -> str:
    """A declaration: where it stands, what was said, and the whole material."""
    found = visible(declaration_id)
    items, instance = queries.open_items_of(found.id), course.instance_of(found)
    is_mine = found.person_id == current_user.id
    page = render_template(
        "declarations/show.html",
        record=material_of(found, reader=current_user, now=now()),
        declaration=found,
        is_mine=is_mine,
        task=None if is_mine else _task_on(found),
        withdrawal=course.withdrawal_of(found, now(), instance) if is_mine else None,
        steps=course.steps_of(found, instance),
        diagrams=course.diagrams_of(found, instance, items),
        log=flow_log((BUSINESS, found.id)),
        last_moment=operations.last_moment(found),
    )
    return noted(page, BUSINESS, declaration_id)


def _task_on(found: Declaration) -> WorkItem | None:
    """Return the reader's own task about a declaration, if one waits for them."""
    waiting = queries.open_tasks_of([found.id], access.reviewer(current_user.id, now()))
    return waiting[0] if waiting else None


@bp.get("/declarations/<int:declaration_id>/diagram/<process>")
@requires("declaration.view")
def diagram(declaration_id: int, process: str) -> FlaskResponse:
    """The process diagram of this very declaration, as it was published when it began."""
    instance = course.instance_of(visible(declaration_id))
    if instance is None:
        raise NotFound("该申报没有流程图")
    answer = make_response(definitions.xml_for(instance, process))
    answer.headers["Content-Type"] = "application/xml; charset=utf-8"
    return answer


@bp.post("/declarations/<int:declaration_id>/withdraw")
@requires("declaration.fill")
def withdraw(declaration_id: int) -> Response:
    """Take the declaration back while nobody has opened it (撤回)."""
    found = own(declaration_id)
    costs_it = course.withdrawal_of(found, now()).costs_it
    runtime.withdraw((BUSINESS, found.id), actor_id=current_user.id, now=now())
    if costs_it:
        flash("申报已撤回；提交期限已过，本次申报视为放弃", "warning")
        return see_other(url_for("declarations.show", declaration_id=found.id))
    flash("申报已撤回，可以修改后重新提交", "success")
    return see_other(url_for("declarations.fill", declaration_id=found.id))


@bp.post("/declarations/<int:declaration_id>/delete")
@requires("declaration.fill")
def delete(declaration_id: int) -> Response:
    """Throw a draft away."""
    operations.delete_draft(own(declaration_id), now=now())
    flash("申报草稿已删除", "success")
    return see_other(url_for("declarations.index"))


@register_apply_reason
def why_not(plan: Plan, person: Person, moment: datetime) -> str | None:
    """Return why 马上申报 is disabled for this person, or None."""
    if not plan.accepts_submissions(moment):
        return None
    return "；".join(operations.reasons_not_to_start(person, plan, now=moment)) or None


def _line(found: Declaration) -> Line:
    target = "declarations.fill" if found.is_editable else "declarations.show"
    since = found.submitted_at or found.created_at
    series = found.specialty.series.name
    told = (f"{since:%Y-%m-%d}", found.kind, series, found.specialty.name, found.title.name)
    note = " · ".join(told)
    if found.current_unit is not None:
        note += f" · 现在 {found.current_unit.name}"
    url = url_for(target, declaration_id=found.id)
    if care.halt_of((BUSINESS, found.id)):
        return Line(found.plan.name, url, note, "已暂停", "warning")
    return Line(found.plan.name, url, note, found.status_word, found.status_tone)


@register_own_task(BUSINESS)
def own_task(declaration_id: int) -> OwnTask:
    """How an applicant's declaration waits for them: its plan, and when it must be sent up."""
    found = queries.get_declaration(declaration_id)
    return OwnTask(found.plan.name, operations.last_moment(found), "继续填报")


@register_panel(20)
def my_declarations(person: Any, roles: set[str], moment: datetime) -> Panel | None:
    """我的申报情况 on the home page: plan, day, kind, series, state (AH-P-11)."""
    del moment
    if "applicant" not in roles:
        return None
    lines = [_line(each) for each in queries.declarations_of(person.id)[:5]]
    return Panel(
        "我的申报情况",
        lines,
        empty="还没有申报记录，可在评审计划中选择计划申报",
        more_url=url_for("declarations.index"),
        action_label="查看评审计划",
        action_url=url_for("plans.index"),
    )


add_entry("个人申报", "职称申报", "file-earmark-text", "declarations.index", "declaration.list")
add_entry(
    "单位审核",
    "申报审核",
    "clipboard-check",
    "declarations.review",
    "declaration.review",
    roles=(*REVIEWERS, *ORGANISERS),
)
