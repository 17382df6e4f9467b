"""人员注册审核: who belongs to a unit or wants to, one by one and as a list (FJ-U-18)."""

from flask import render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import unmasking
from app.accounts.queries import names_of
from app.core.clock import now
from app.core.db import current_transaction, db
from app.core.errors import NotFound, StaleTask
from app.core.faults import shown_on
from app.core.http import grants, marks_viewed, noted, page_of
from app.core.instants import day_in, end_of, start_of
from app.core.menu import add_entry
from app.core.permissions import authorize, requires
from app.engine import runtime
from app.engine.models import WorkItem
from app.engine.taking import may_take
from app.units import queries
from app.units.flow import flow_log
from app.units.models import BINDING_WORDS, Employment
from app.units.process import BINDING, REVIEWS, binding_record, open_task
from app.units.web import bp


def _filters() -> queries.BindingFilters:
    since, until = (day_in(request.args.get(name, "")) for name in ("since", "until"))
    return queries.BindingFilters(
        name=request.args.get("q", ""),
        id_number=request.args.get("id_number", ""),
        phone=request.args.get("phone", ""),
        status=request.args.get("status", ""),
        since=start_of(since) if since else None,
        until=end_of(until) if until else None,
    )


@bp.get("/binding/requests")
@requires("unit.review_bindings")
def requests() -> str:
    """People who belong to the reviewer's units or want to (人员注册审核, FJ-U-18)."""
    held = grants()
    units = [g.scope_id for g in held if g.scope_kind == "org" and g.role in REVIEWS]
    page = page_of(queries.bindings_at([u for u in units if u], _filters()))
    waiting = queries.open_tasks_of(BINDING, [each.id for each in page.items])
    mine = {i: item for i, item in waiting.items() if may_take(item, current_user.id, held)}
    states = [(status, word) for status, (word, _) in BINDING_WORDS.items()]
    return render_template(
        "units/requests.html", page=page, tasks=mine, words=BINDING_WORDS, states=states
    )


def _request(binding_id: int, action: str) -> Employment:
    binding = db.session.get(Employment, binding_id)
    if binding is None:
        raise NotFound
    authorize(action, current_user, binding, now())
    return binding


@bp.get("/binding/requests/<int:binding_id>")
@marks_viewed
@requires("binding.show")
def joining(binding_id: int) -> str:
    """One request with what became of it (办理情况); who is to decide on it has seen it then."""
    binding = _request(binding_id, "binding.show")
    task = _seen(binding, open_task(binding, current_user, now()))
    page = render_template(
        "units/joining.html",
        binding=binding,
        record=binding_record(binding_id, current_user),
        task=task,
        word=BINDING_WORDS[binding.status],
        decider=names_of([binding.decided_by]).get(binding.decided_by or 0, ""),
        log=flow_log((BINDING, binding_id)),
        is_lister=any(grant.role in REVIEWS for grant in grants()),
    )
    return noted(page, BINDING, binding_id)


def _seen(binding: Employment, task: WorkItem | None) -> WorkItem | None:
    """Note that a task was seen; None for one that was closed meanwhile."""
    if task is not None and current_transaction().write and task.instance.is_running:
        try:
            runtime.open_item(task, person_id=current_user.id, now=now())
        except StaleTask:
            db.session.refresh(binding)
            return None
    return task


@bp.get("/binding/requests/<int:binding_id>/number")
@requires("binding.unmask")
def joining_number(binding_id: int) -> str:
    """The identity number of who asks, in full after a reason was given."""
    person = _request(binding_id, "binding.unmask").person
    back = url_for("units.joining", binding_id=binding_id)
    return unmasking.number_page(person, back=back, origin=f"人员审核：{person.name}")


@bp.post("/binding/requests/<int:binding_id>/number")
@requires("binding.unmask")
@shown_on(joining_number)
def unmask_joining(binding_id: int) -> Response:
    """Show the number in full, once: it is compared with a document (核对证件)."""
    return unmasking.unmask(_request(binding_id, "binding.unmask").person)


add_entry("单位审核", "人员审核", "person-check", "units.requests", "unit.review_bindings")
