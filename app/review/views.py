"""Meetings as people find them: lists, a meeting, a case, the counted result."""

from typing import Any

from flask import Response, flash, make_response, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import select
from wtforms import Form

from app.committees.models import Committee
from app.core.clock import now
from app.core.db import db
from app.core.errors import Conflict, Invalid, NotFound
from app.core.http import grants, page_of, see_other
from app.core.menu import add_entry
from app.core.permissions import authorize, requires
from app.core.records import record_context
from app.engine import definitions, runtime
from app.plans.models import ADVERTISED, Plan
from app.review import (
    card_views,
    course,
    desk,
    exports,
    interests,
    operations,
    people,
    queries,
    times,
    voting,
)
from app.review.models import MeetingStatus
from app.review.process import CASE, MEETING
from app.review.web import (
    Answer,
    bp,
    meeting_for,
    moment,
    my_tasks,
    open_items,
    page,
    stages,
)
from app.units.flow import flow_log
from forms import build, load

__all__ = ["bp", "card_views", "desk", "exports", "people", "times", "voting"]

COUNTED = (
    MeetingStatus.COUNTED,
    MeetingStatus.CONFIRMED,
    MeetingStatus.REPORTED,
    MeetingStatus.CLOSED,
)


@bp.get("/meetings")
@requires("meeting.list")
def index() -> str:
    """活跃 and 历史评审会议 (HB-C-07, HB-C-08)."""
    tab = request.args.get("tab") or (
        "past" if queries.opens_on_past(current_user.id, grants()) else "active"
    )
    is_past = tab == "past"
    found = queries.meetings_for(current_user.id, grants(), active=not is_past)
    return render_template(
        "review/index.html",
        page=page_of(found, size=10),
        is_past=is_past,
        may_create=any(grant.role in CALLERS and grant.scope_kind == "org" for grant in grants()),
        to_cast={meeting.id for meeting in queries.ballots_to_cast(current_user.id)},
    )


CALLERS = frozenset({"meeting_clerk", "organiser"})


def _own_plans() -> list[Plan]:
    units = [g.scope_id for g in grants() if g.role in CALLERS and g.scope_kind == "org"]
    query = select(Plan).where(Plan.organiser_unit_id.in_(units), Plan.status.in_(ADVERTISED))
    return list(db.session.scalars(query.order_by(Plan.id.desc())))


def _committees(plans: list[Plan]) -> list[Committee]:
    units = {plan.organiser_unit_id for plan in plans}
    query = select(Committee).where(
        Committee.organiser_unit_id.in_(units), Committee.confirmed_by.is_not(None)
    )
    return list(db.session.scalars(query.order_by(Committee.id)))


def _meeting_form(data: Any = None) -> Form:
    plans = _own_plans()
    choices = {
        "plans": [(str(plan.id), plan.name) for plan in plans],
        "committees": [(str(each.id), each.name) for each in _committees(plans)],
    }
    return build(load("review/new_meeting"), choices=choices)(data)


@bp.get("/meetings/new")
@requires("meeting.create")
def new() -> str:
    """Ask for what a meeting is."""
    return _new_page(_meeting_form())


def _new_page(form: Form) -> str:
    return render_template("review/new.html", form=form, spec=load("review/new_meeting"))


@bp.post("/meetings/new")
@requires("meeting.create")
def create() -> Answer:
    """Call a meeting and start its process."""
    form = _meeting_form(request.form)
    if not form.validate():
        return _new_page(form), 422
    try:
        meeting_id = _create(form.answers())  # type: ignore[attr-defined]
    except Invalid as error:
        db.session.rollback()
        form.form_errors = [*form.form_errors, error.message]
        return _new_page(form), 422
    flash("会议已新增，请继续设置分组、专家、材料和评分标准", "success")
    return see_other(url_for("review.set_up", meeting_id=meeting_id))


def _create(answers: dict[str, Any]) -> int:
    plan = db.session.get_one(Plan, int(answers["plan_id"]))
    committees = [db.session.get_one(Committee, int(each)) for each in answers["committees"]]
    facts = operations.MeetingFacts(
        answers["name"],
        answers["place"],
        moment(answers["starts_on"], answers["starts_time"]),
        moment(answers["ends_on"], answers["ends_time"]),
        answers["staff"] or "",
        answers["brief"] or "",
    )
    actor = current_user.id
    meeting = operations.create_meeting(plan, committees, facts, actor_id=actor, now=now())
    runtime.start(
        "review_meeting",
        business=(MEETING, meeting.id),
        jurisdiction=meeting.jurisdiction,
        actor_id=actor,
        now=now(),
    )
    return meeting.id


@bp.get("/meetings/<int:meeting_id>")
@requires("meeting.view")
def show(meeting_id: int) -> str:
    """A meeting: how far it is, what waits for the person, groups and cases."""
    meeting = meeting_for("meeting.view", meeting_id)
    queries.load_cases(meeting)
    instance = course.instance_of(meeting)
    nodes = {item.node for item in open_items(meeting)}
    is_decided = meeting.state in queries.DECIDED
    led = queries.led_group(meeting.id, current_user.id)
    return page(
        "show",
        meeting,
        state=course.diagram_state(instance, nodes) if instance else None,
        log=flow_log((MEETING, meeting.id)),
        tasks=my_tasks(meeting),
        stages=stages(meeting),
        is_decided=is_decided,
        led_group=led.id if led else None,
        may_read=not is_decided or queries.member(meeting.id, current_user.id) is None,
        entry=queries.roll_entry(meeting, current_user.id),
        turnout=queries.turnout(meeting),
        recused=interests.recused_cases(meeting.id, current_user.id),
        is_counted=meeting.state in COUNTED,
        is_movable=times.is_movable(meeting),
    )


@bp.get("/meetings/<int:meeting_id>/diagram")
@requires("meeting.view")
def diagram(meeting_id: int) -> Response:
    """The diagram of this very meeting, as it was published when it was called."""
    instance = course.instance_of(meeting_for("meeting.view", meeting_id))
    if instance is None:
        raise NotFound("该会议没有流程图")
    answer = make_response(definitions.xml_for(instance))
    answer.headers["Content-Type"] = "application/xml; charset=utf-8"
    return answer


@bp.get("/meetings/<int:meeting_id>/cases/<int:case_id>")
@requires("meeting.case")
def case(meeting_id: int, case_id: int) -> str:
    """A case with its score sheet and the opinions on it; totals only after the count."""
    meeting = meeting_for("meeting.view", meeting_id)
    found = queries.case_in(meeting, case_id)
    if current_user.id in interests.recusals_of(meeting.id).get(found.id, {}):
        raise NotFound
    authorize("meeting.case", current_user, found, now())
    return page(
        "case",
        meeting,
        case=found,
        record=record_context(CASE, found.id, current_user),
        tally=queries.tallies(meeting).get(found.id),
        log=flow_log((CASE, found.id)),
    )


@bp.get("/meetings/<int:meeting_id>/results")
@requires("meeting.view")
def results(meeting_id: int) -> str:
    """按材料查看 (HB-E-13, HB-E-14): totals, and only once the ballot is closed."""
    meeting = meeting_for("meeting.view", meeting_id)
    if meeting.state not in COUNTED:
        raise Conflict("投票尚未关闭，关闭并计票后才能查看结果")
    queries.load_cases(meeting)
    return page(
        "results",
        meeting,
        cases=sorted(meeting.cases, key=lambda each: (each.group_id or 0, each.id)),
        tallies=queries.tallies(meeting),
        close=queries.ballot_close(meeting),
        turnout=queries.turnout(meeting),
        tab="results",
    )


add_entry("专家评审", "评审会议", "easel", "review.index", "meeting.list", roles=("expert",))
add_entry(
    "评审组织",
    "评审会议",
    "easel",
    "review.index",
    "meeting.list",
    roles=("meeting_clerk", "organiser", "organiser_leader", "supervisor"),
)
