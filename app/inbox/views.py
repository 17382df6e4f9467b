"""任务中心 and the home page: one controller for every user task of every process."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, current_app, flash, render_template, request, session, url_for
from flask_login import current_user
from jinja2 import TemplateNotFound
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response
from wtforms import Form

from app.core.brought import brings_files
from app.core.clock import now
from app.core.db import current_transaction, db
from app.core.errors import DomainError, Forbidden, HandedOver, Invalid, NotFound, StaleTask
from app.core.http import grants, marks_viewed, page_of, safe_next, see_other
from app.core.menu import add_entry
from app.core.numbers import ids_in
from app.core.panels import panels_for
from app.core.permissions import ROLES, authorize, requires
from app.core.records import (
    RecordChoices,
    handed_over,
    is_in_sight,
    note_seen,
    one_by_one,
    own_task,
    record_context,
)
from app.engine import care, handlers, runtime
from app.engine.batches import Batch, complete_each
from app.engine.incidents import blamed_on
from app.engine.models import WorkItem
from app.engine.taking import HALTED
from app.engine.task_forms import spec_of as _spec
from app.inbox import operations, phrases, queries
from app.inbox.menu import waiting
from app.people.queries import must_complete
from app.units.flow import flow_log
from forms import FormSpec, FormSpecError, build

bp = Blueprint("inbox", __name__)
phrases.add_pages(bp)
ASKED = "asked_for_details"
PAGE_SIZE = 10
SHOWN_AT_HOME = 6
BATCH_LIMIT = 200


@bp.get("/home")
@requires("inbox.home")
def home() -> str | Response:
    """The person's home page (首页): what waits, and a panel of every room that has news.

    Once after each sign-in it leads to the details that were never confirmed (FJ-P-03).
    """
    roles = {grant.role for grant in grants()}
    if must_complete(current_user, roles) and not session.get(ASKED):
        session[ASKED] = True
        return see_other(url_for("people.details"))
    found = queries.open_tasks(current_user.id, grants(), queries.Filters())
    to_do, halted = waiting()
    shown = db.session.scalars(found.where(~HALTED).limit(SHOWN_AT_HOME)).all()
    return render_template(
        "inbox/home.html",
        tasks=[(item, own_task(item)) for item in shown],
        to_do=to_do,
        halted=halted,
        panels=panels_for(current_user, roles, now()),
    )


@bp.get("/tasks")
@requires("task.list")
def tasks() -> str:
    """What waits for the person (待办)."""
    steps = queries.step_names(current_user.id, grants())
    filters, cleared = queries.Filters.asked(request.args), ""
    if filters.step not in steps:
        # The last task of the step was done: the list shows what else waits.
        filters, cleared = replace(filters, step=""), filters.step
    found = queries.open_tasks(current_user.id, grants(), filters)
    page = page_of(found, size=PAGE_SIZE)
    return render_template(
        "inbox/tasks.html",
        page=page,
        steps=steps,
        cleared=cleared,
        counts=_counts(),
        in_batch={item.id for item in page.items if _is_batchable(item)},
    )


@bp.get("/tasks/done")
@requires("task.list")
def done() -> str:
    """What the person has done (已办)."""
    found = queries.done_tasks(current_user.id, queries.Filters.asked(request.args))
    page = page_of(found, size=PAGE_SIZE)
    return render_template(
        "inbox/done.html",
        page=page,
        steps=queries.done_step_names(current_user.id),
        results=queries.results_of(page.items),
        counts=_counts(),
    )


def _counts() -> int:
    return waiting()[0]


def _item(item_id: int, action: str = "task.open") -> WorkItem:
    item = db.session.get(WorkItem, item_id, options=[joinedload(WorkItem.instance)])
    if item is None:
        raise NotFound
    try:
        authorize(action, current_user, item, now())
    except Forbidden:
        told = handed_over(item.business_type, item.business_id, current_user) or _given(item)
        refusal = told or _refusal_of_own(item)
        if refusal is None:
            raise
        raise refusal from None
    return item


def _refusal_of_own(item: WorkItem) -> Forbidden | None:
    """Return why who has the role does not do a task: it is about them, or they asked for it."""
    is_own = item.assignee_id is None and current_user.id in {item.about_id, item.excluded_id}
    if not is_own or all(grant.role != item.role for grant in grants()):
        return None
    hint = f"须由其他{ROLES.get(item.role, '人员')}办理；没有其他人的，请联系管理员增设。"
    return Forbidden("不能办理本人的事项", hint=hint)


def _given(item: WorkItem) -> HandedOver | None:
    """Return who has a task that was this person's before it was given away (转办)."""
    mine = {(each.scope_kind, each.scope_id) for each in grants() if each.role == item.role}
    if not (mine | {("person", current_user.id)}) & care.given_away_by(item):
        return None
    holder = queries.places_of([item])[item.id]
    text = f"“{item.name}”已由流程管理员转办给{holder}，您不需要再办理"
    return HandedOver(text, url=url_for("inbox.tasks"), label="返回待办任务")


def _is_batchable(item: WorkItem) -> bool:
    """Tell whether a task's form may be answered for several; a list shows faulty ones too."""
    try:
        return item.form is not None and not item.is_halted and _spec(item).is_batchable
    except DomainError:
        return False


def _form(spec: FormSpec, item: WorkItem, data: Mapping[str, Any] | None = None) -> Form:
    with blamed_on(item, FormSpecError):
        made = build(spec, choices=RecordChoices(item.business_type, item.business_id))
        return made(request.form) if data is None else made(data=dict(data))


def _page(item: WorkItem, spec: FormSpec, form: Form) -> str:
    business = (item.business_type, item.business_id)
    phrases.offer_for(spec)
    with blamed_on(item, handlers.UnknownHandler, NoResultFound):
        card = handlers.presenter.get(item.business_type)(item.business_id)
        record = record_context(*business, current_user)
    context = {
        "item": item,
        "instance": item.instance,
        "spec": spec,
        "form": form,
        "card": card,
        "record": record,
        "log": flow_log(business),
    }
    try:
        current_app.jinja_env.get_template(f"tasks/{item.form}.html")
    except TemplateNotFound:
        return render_template("tasks/_default.html", **context)
    return render_template(f"tasks/{item.form}.html", **context)


@bp.get("/tasks/<int:item_id>")
@marks_viewed
@requires("task.open")
def task(item_id: int) -> str | Response:
    """Open a task: its form, or the page of the room where it is done."""
    item = _item(item_id)
    if not item.is_open:
        return render_template("inbox/closed.html", item=item, url=_record_url(item), halt=None)
    if item.is_halted:
        halt = care.halt_of((item.business_type, item.business_id))
        return render_template("inbox/closed.html", item=item, url=_record_url(item), halt=halt)
    if current_transaction().write:
        runtime.open_item(item, person_id=current_user.id, now=now())
        with blamed_on(item, NoResultFound):
            note_seen(item.business_type, item.business_id, current_user.id, now())
    if item.page:
        with blamed_on(item, handlers.UnknownHandler):
            return see_other(handlers.page.get(item.page)(item))
    draft = queries.draft_of(item.id, current_user.id)
    spec = _spec(item)
    return _page(item, spec, _form(spec, item, draft.data if draft else {}))


def _record_url(item: WorkItem) -> str:
    """Return where the record is read, nothing once it is out of the person's sight."""
    if not is_in_sight(item.business_type, item.business_id, current_user, now()):
        return ""
    return handlers.presenter.get(item.business_type)(item.business_id).url


def _sent(item_id: int) -> tuple[WorkItem, FormSpec, Form]:
    item = _item(item_id, "task.complete")
    if not item.is_open:
        raise StaleTask
    spec = _spec(item)
    return item, spec, _form(spec, item)


@bp.post("/tasks/<int:item_id>")
@requires("task.complete")
@brings_files(lambda item_id: _page(*_sent(item_id)), of=_sent)
def complete(item_id: int) -> str | Response | tuple[str, int]:
    """Complete a task with its form; what does not hold is shown at its field."""
    item, spec, form = _sent(item_id)
    if not form.validate():
        return _page(item, spec, _with_lawful_faults(form, item)), 422
    try:
        phrases.keep_if_asked(spec)
        operations.complete_task(item, _answers(form), person_id=current_user.id, now=now())
    except Invalid as error:
        db.session.rollback()
        return _page(_item(item_id, "task.complete"), spec, _with_errors(form, error)), 422
    flash(f"{item.name}：已办理（{item.title}）", "success")
    onward = request.args.get("onward")
    return see_other(safe_next(onward, url_for("inbox.tasks", step=item.name)))


def _answers(form: Form) -> dict[str, Any]:
    answers: dict[str, Any] = form.answers()  # type: ignore[attr-defined]
    decision = request.form.get("decision")
    return {**answers, "decision": decision} if decision else answers


def _field(form: Form, name: str) -> Any:
    """Return a field by its name on the page, be it of the form or of a row in a table."""
    if name in form:
        return form[name]
    rows = (row.form for field in form for row in getattr(field, "entries", ()))
    return next((cell for row in rows for cell in row if cell.name == name), None)


def _with_lawful_faults(form: Form, *items: WorkItem) -> Form:
    """Add what the law finds in the fields where the form itself found nothing."""
    blank = set(form.errors)
    for item in items:
        if item.save in handlers.check:
            found = handlers.check.get(item.save)(item.business_id, _answers(form), now())
            faults = {name: texts for name, texts in found.items() if name not in blank}
            form = _with_errors(form, Invalid(errors=faults)) if faults else form
    return form


def _with_errors(form: Form, error: Invalid) -> Form:
    loose = [] if error.errors else [error.message]
    for name, messages in error.errors.items():
        field = _field(form, name)
        if field is None:
            loose += messages
        else:
            field.errors = list(dict.fromkeys([*field.errors, *messages]))
    form.form_errors = list(dict.fromkeys([*form.form_errors, *loose]))
    return form


@bp.post("/tasks/<int:item_id>/draft")
@requires("task.complete")
def draft(item_id: int) -> dict[str, Any]:
    """Keep a half-typed field of a task (自动暂存)."""
    item = _item(item_id, "task.complete")
    if not item.is_open:
        raise Invalid("任务已办结，无法暂存")
    name, value = request.form.get("name", ""), request.form.getlist("value")
    if name not in {field.name for section in _spec(item).sections for field in section.fields}:
        raise Invalid("未知的字段", field=name)
    kept = value if len(value) > 1 else (value[0] if value else "")
    operations.save_draft(item, {name: kept}, person_id=current_user.id, now=now())
    return {"saved": True}


@bp.get("/tasks/batch")
@requires("task.batch")
def batch() -> str | Response:
    """Ask once for several tasks of the same step (批量审核)."""
    try:
        items = _batch_items(request.args.getlist("id"))
    except Invalid as error:
        # Nothing was typed yet: the list is where another choice is made.
        flash(error.message, "warning")
        return see_other(_back())
    spec = _spec(items[0]).in_batch()
    return _batch_page(items, spec, _form(spec, items[0], {}))


def _batch_page(
    items: list[WorkItem], spec: FormSpec, form: Form, batch: Batch | None = None
) -> str:
    batch, apart = batch or Batch(), _apart(items)
    phrases.offer_for(spec)
    alone = [action for action in _spec(items[0]).actions if action not in spec.actions]
    return render_template(
        "inbox/batch.html",
        items=[item for item in items if item.id not in {*batch.done, *apart}],
        apart=[(item, apart[item.id]) for item in items if item.id in apart],
        done=[item for item in items if item.id in batch.done],
        refused=batch.refused,
        back=_back(),
        spec=spec,
        one_by_one=alone,
        form=form,
    )


def _chosen(ids: list[str]) -> list[WorkItem]:
    if not (wanted := ids_in(ids)):
        raise Invalid("请先勾选要办理的任务")
    return [_item(item_id) for item_id in list(dict.fromkeys(wanted))[:BATCH_LIMIT]]


def _batch_items(ids: list[str]) -> list[WorkItem]:
    items = _chosen(ids)
    open_items = [item for item in items if item.is_open]
    if not open_items:
        raise NotFound("所选任务都已办结，请刷新列表")
    if len(open_items) < len(items):
        flash(f"所选任务中有 {len(items) - len(open_items)} 项已办结，不再办理", "warning")
    if len({(item.process, item.node, item.form) for item in open_items}) > 1:
        raise Invalid("批量办理只能选择同一环节的任务，请先按“当前环节”筛选")
    first = open_items[0]
    if not _is_batchable(first):
        raise Invalid("该环节需要逐个办理")
    apart = _apart(open_items)
    if len(apart) == len(open_items):
        raise Invalid(f"所选任务须逐个办理：{apart[first.id]}")
    return open_items


def _apart(items: list[WorkItem]) -> dict[int, str]:
    """Return why some of the tasks are not done in a batch, by task."""
    told = one_by_one(items[0].business_type, list({item.business_id for item in items}))
    return {item.id: told[item.business_id] for item in items if item.business_id in told}


def _sent_batch() -> tuple[list[WorkItem], FormSpec, Form]:
    chosen = _batch_items(request.form.getlist("id"))
    apart = _apart(chosen)
    items = [item for item in chosen if item.id not in apart]
    spec = _spec(items[0]).in_batch()
    return items, spec, _form(spec, items[0])


@bp.post("/tasks/batch")
@requires("task.batch")
@brings_files(lambda: _batch_page(*_sent_batch()), of=lambda: _chosen(request.form.getlist("id")))
def complete_batch() -> str | Response | tuple[str, int]:
    """Complete several tasks with the same answers; each gets its own line in its log."""
    items, spec, form = _sent_batch()
    if not form.validate():
        return _batch_page(items, spec, _with_lawful_faults(form, *items)), 422
    try:
        phrases.keep_if_asked(spec)
    except Invalid as error:
        return _batch_page(items, spec, _with_errors(form, error)), 422
    batch = complete_each(items, _answers(form), actor_id=current_user.id, now=now())
    if batch.refused:
        return _refused_batch(items, spec, form, batch), 422
    flash(f"已办理 {len(batch.done)} 项", "success")
    return see_other(_back())


def _back() -> str:
    """Return the list from which a batch was chosen."""
    return safe_next(request.values.get("back"), url_for("inbox.tasks"))


def _refused_batch(items: list[WorkItem], spec: FormSpec, form: Form, batch: Batch) -> str:
    """Return the page with what was typed, for those of the tasks that were refused."""
    for error in batch.refused.values():
        if isinstance(error, Invalid):
            form = _with_errors(form, error)
    return _batch_page(items, spec, form, batch)


add_entry("工作台", "首页", "house", "inbox.home", "inbox.home", order=1)
add_entry("工作台", "待办任务", "inbox", "inbox.tasks", "task.list", order=2)
add_entry("工作台", "已办任务", "check2-square", "inbox.done", "task.list", order=3)
